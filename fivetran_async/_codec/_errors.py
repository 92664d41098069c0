"""Errors in results: their facts as JSON values, and an error of such facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from fivetran_async.errors import Fault, FivetranError

if TYPE_CHECKING:
    from fivetran_async._types import JSONValue

_FACTS: Final = frozenset(vars(FivetranError())) | {"advice", "limit", "place", "remaining"}


def error_facts(error: Exception, *, include_empty: bool = False) -> dict[str, JSONValue]:
    """Return the facts of any error; of errors of other packages, the class and the message."""
    if isinstance(error, FivetranError):
        return error.to_dict(include_empty=include_empty)
    return {"type": type(error).__name__, "message": str(error)}


def compared_facts(error: Exception | None) -> object:
    """Return what two errors must have in common to be equal: attrs' `eq=` of a field."""
    return None if error is None else tuple(error_facts(error).items())


def error_from(facts: Mapping[str, object]) -> FivetranError:
    """Make an error of its facts; it is a plain `FivetranError` if its class is unknown."""
    cls = _classes().get(str(facts.get("type")), FivetranError)
    error = cls.__new__(cls)
    # The constructors of some classes take other arguments.
    FivetranError.__init__(error, str(facts.get("message", "")))
    for name, value in facts.items():
        if name == "fault" and value is not None:
            error.fault = Fault[str(value)]
        elif name == "retry_at" and isinstance(value, str):
            setattr(error, name, datetime.fromisoformat(value))
        elif name in _FACTS:
            setattr(error, name, value)
    return error


def _classes() -> dict[str, type[FivetranError]]:
    return {cls.__name__: cls for cls in _subclasses(FivetranError)}


def _subclasses(cls: type[FivetranError]) -> Iterator[type[FivetranError]]:
    yield cls
    for subclass in cls.__subclasses__():
        yield from _subclasses(subclass)


def is_error_class(hint: Any) -> bool:  # noqa: ANN401
    """Return True if a declared type is an exception."""
    return isinstance(hint, type) and issubclass(hint, Exception)
