"""The names of a model's fields in the API, and which classes are models."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

WIRE_NAME: Final = "fivetran_async.wire_name"
"""Metadata of a field: its name in the API, where Python needs another."""

OTHER_NAMES: Final = "fivetran_async.other_names"
"""Metadata of a field: other names that it is read under; the first one present wins."""

UNKNOWN_FIELDS: Final = "fivetran_async.unknown_fields"
"""Metadata of the one field that is not in the API: it keeps unknown fields."""


class NoExtra(dict[str, object]):
    """
    A dict that stays empty: the `extra` of all objects without unknown fields.

    It keeps such objects small, and lets those that were not sent be one shared object.
    """

    __slots__ = ()

    def __setitem__(self, *_: object) -> NoReturn:
        raise TypeError("extra is read-only")

    def setdefault(self, *_: object) -> NoReturn:
        """Raise: objects of a model do not change."""
        raise TypeError("extra is read-only")

    def update(self, *_: object, **__: object) -> NoReturn:
        """Raise: objects of a model do not change."""
        raise TypeError("extra is read-only")

    def __ior__(self, _: object) -> NoReturn:  # type: ignore[misc]  # unlike `|`, on purpose
        raise TypeError("extra is read-only")

    def __reduce__(self) -> str:
        return "NO_EXTRA"


NO_EXTRA: Final = NoExtra()


def is_model(cls: object) -> bool:
    """Return True for a model: an attrs class with a place for unknown fields."""
    return isinstance(cls, type) and attrs.has(cls) and _keeps_unknown(cls)


def _keeps_unknown(cls: type[attrs.AttrsInstance]) -> bool:
    return any(UNKNOWN_FIELDS in attribute.metadata for attribute in attrs.fields(cls))


def wire_fields(cls: type) -> tuple[tuple[str, attrs.Attribute[Any]], ...]:
    """Return the fields of a model that are in the API, each with its name there."""
    # The cached function is typed for hashable values, which a class of unhashable objects is.
    return _wire_fields(cls)


@functools.cache
def _wire_fields(cls: type) -> tuple[tuple[str, attrs.Attribute[Any]], ...]:
    attributes = attrs.fields(cast("type[attrs.AttrsInstance]", cls))
    return tuple(
        (str(attribute.metadata.get(WIRE_NAME) or attribute.name), attribute)
        for attribute in attributes
        if UNKNOWN_FIELDS not in attribute.metadata
    )


def other_names(attribute: attrs.Attribute[Any]) -> tuple[str, ...]:
    """Return the names that a field is read under where its own name is absent or empty."""
    return cast("tuple[str, ...]", attribute.metadata.get(OTHER_NAMES, ()))


def default_of(attribute: attrs.Attribute[Any]) -> object:
    """Return the default of a field; `attrs.NOTHING` for an identity."""
    factory = factory_of(attribute)
    return attribute.default if factory is None else factory()


def factory_of(attribute: attrs.Attribute[Any]) -> Callable[[], object] | None:
    """Return the factory of a field's default, if objects do not share it."""
    return cast("Callable[[], object] | None", getattr(attribute.default, "factory", None))


def has_identity(cls: type) -> bool:
    """Return True if a model has a field without default, which every object needs."""
    return any(attribute.default is attrs.NOTHING for _, attribute in wire_fields(cls))
