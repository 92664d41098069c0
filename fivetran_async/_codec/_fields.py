"""The JSON names of model fields, and the test for model classes."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast, get_origin

import attrs

from fivetran_async.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

WIRE_NAME: Final = "fivetran_async.wire_name"
"""Metadata of a field: its name in the API, if Python needs another name."""

OTHER_NAMES: Final = "fivetran_async.other_names"
"""Metadata of a field: other names that it is read from; the first one present is used."""

SHOWN: Final = "fivetran_async.shown"
"""Metadata of a field: it is left out of `repr` for its length only; FastAPI shows it."""

ALWAYS_SENT: Final = "fivetran_async.always_sent"
"""Metadata of a field: its empty value is encoded too, because the API requires the field."""

LOCAL: Final = "fivetran_async.local"
"""Metadata of a field: it belongs to the process that made the object, and is not in JSON."""

UNKNOWN_FIELDS: Final = "fivetran_async.unknown_fields"
"""Metadata of the field `extra`, which keeps values of undeclared fields."""


class NoExtra(dict[str, object]):
    """
    A dict that stays empty: the shared `extra` of all objects without unknown fields.

    Sharing it keeps objects small, and lets empty nested objects be shared as well.
    """

    __slots__ = ()

    def __setitem__(self, *_: object) -> NoReturn:
        raise UsageError("extra is read-only")

    def setdefault(self, *_: object) -> NoReturn:
        """Raise UsageError: models are immutable."""
        raise UsageError("extra is read-only")

    def update(self, *_: object, **__: object) -> NoReturn:
        """Raise UsageError: models are immutable."""
        raise UsageError("extra is read-only")

    def __ior__(self, _: object) -> NoReturn:  # type: ignore[misc]  # stricter than `|` on purpose
        raise UsageError("extra is read-only")

    def __reduce__(self) -> str:
        return "NO_EXTRA"


NO_EXTRA: Final = NoExtra()


def is_model(cls: object) -> bool:
    """Return True if a type is a model: an attrs class with a field for unknown values."""
    return isinstance(cls, type) and attrs.has(cls) and _keeps_unknown(cls)


def _keeps_unknown(cls: type[attrs.AttrsInstance]) -> bool:
    return any(UNKNOWN_FIELDS in attribute.metadata for attribute in attrs.fields(cls))


def wire_fields(cls: type) -> tuple[tuple[str, attrs.Attribute[Any]], ...]:
    """Return the fields of a model that are in the API, each with its JSON name."""
    # The cache needs hashable arguments: the class is hashable, its instances are not.
    return _wire_fields(cls)


@functools.cache
def _wire_fields(cls: type) -> tuple[tuple[str, attrs.Attribute[Any]], ...]:
    attributes = attrs.fields(cast("type[attrs.AttrsInstance]", cls))
    return tuple(
        (str(attribute.metadata.get(WIRE_NAME) or attribute.name), attribute)
        for attribute in attributes
        if not {UNKNOWN_FIELDS, LOCAL} & attribute.metadata.keys()
    )


def other_names(attribute: attrs.Attribute[Any]) -> tuple[str, ...]:
    """Return the names to read a field from if its own name is absent or empty."""
    return cast("tuple[str, ...]", attribute.metadata.get(OTHER_NAMES, ()))


def default_of(attribute: attrs.Attribute[Any]) -> object:
    """Return the default of a field; `attrs.NOTHING` for an identity."""
    factory = factory_of(attribute)
    return attribute.default if factory is None else factory()


def factory_of(attribute: attrs.Attribute[Any]) -> Callable[[], object] | None:
    """Return the factory of a field's default, or None if the default is a shared value."""
    factory = cast("Callable[[], object] | None", getattr(attribute.default, "factory", None))
    # Calling `dict[str, object]` takes six times as long as calling `dict`.
    return get_origin(factory) or factory


def has_identity(cls: type) -> bool:
    """Return True if a model has a required field, so that some objects do not decode."""
    return any(attribute.default is attrs.NOTHING for _, attribute in wire_fields(cls))
