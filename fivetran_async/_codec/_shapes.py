"""The shapes of fields: each reads a raw value, and leaves out only what does not fit."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeAlias, Union, cast, get_args, get_origin

import attrs

from fivetran_async._codec._drift import MisfitError, current_findings, report_skipped
from fivetran_async._codec._fields import is_model
from fivetran_async._codec._scalars import CONVERSIONS, REFUSED, real_type
from fivetran_async._types import Unset

Hook: TypeAlias = Callable[[Any, Any], Any]
"""A structure hook of cattrs: a raw value and its declared type to an object."""

HookFor: TypeAlias = Callable[[type], Hook]

_VARIADIC: Final = 2


class Shape(Protocol):
    """One way of reading a raw value."""

    @property
    def expected(self) -> str:
        """The declared type, in words for messages."""
        ...

    def read(self, value: object, losses: list[object]) -> object:
        """
        Convert a raw value that is not null, or return `REFUSED`.

        Parts that had to be left out are added to `losses`.
        """
        ...


@attrs.frozen
class Anything:
    """A value that is kept as it is."""

    expected: str = "any value"

    def read(self, value: object, losses: list[object]) -> object:  # noqa: ARG002
        """Keep it."""
        return value


@attrs.frozen
class Scalar:
    """Text, a truth value, a number or an instant."""

    kind: type

    @property
    def expected(self) -> str:
        """The name of the Python type."""
        return self.kind.__name__

    def read(self, value: object, losses: list[object]) -> object:  # noqa: ARG002
        """Convert it, if that loses nothing; None for the text `null` of an instant."""
        return CONVERSIONS[self.kind](value)


@attrs.frozen
class Nested:
    """An object of another model."""

    model: type
    hook: Hook

    @property
    def expected(self) -> str:
        """The name of the model."""
        return f"{self.model.__name__} object"

    def read(self, value: object, losses: list[object]) -> object:  # noqa: ARG002
        """Decode it; an empty array is PHP's way of writing an empty object."""
        try:
            return self.hook({} if value == [] else value, self.model)
        except MisfitError:
            return REFUSED


@attrs.frozen
class Items:
    """An array, as a tuple."""

    of: Shape

    @property
    def expected(self) -> str:
        """What the array holds."""
        return f"array of {self.of.expected}"

    def read(self, value: object, losses: list[object]) -> object:
        """Convert each item; those that do not fit are left out."""
        if not isinstance(value, list):
            return () if value == {} else REFUSED
        values = cast("list[object]", value)
        if isinstance(self.of, Nested):
            return read_items(values, self.of.hook, self.of.model)
        found = [_read_member(self.of, member, losses) for member in values]
        return tuple(member for member in found if member is not REFUSED)


@attrs.frozen
class Entries:
    """An object with free keys, as a dict."""

    of: Shape

    @property
    def expected(self) -> str:
        """What the object's values are."""
        return f"object of {self.of.expected}"

    def read(self, value: object, losses: list[object]) -> object:
        """Convert each value; those that do not fit are left out."""
        if not isinstance(value, dict):
            return {} if value == [] else REFUSED
        values = cast("dict[str, object]", value)
        if isinstance(self.of, Nested):
            return read_entries(values, self.of.hook, self.of.model)
        found = {key: _read_member(self.of, member, losses) for key, member in values.items()}
        return {key: member for key, member in found.items() if member is not REFUSED}


def read_items(
    values: list[object], hook: Hook, model: type, *, use_up: bool = False
) -> tuple[object, ...]:
    """
    Decode the items of an array; one without its identity is skipped and reported.

    With `use_up` each raw value is dropped as soon as its object is made, so that its memory serves
    the next one while it is in the cache: a tenth of the time of a page. After a finding, raw
    values stay, because places are found in them.
    """
    found: list[object] = []
    append = found.append
    for index, value in enumerate(values):
        try:
            append(hook(value, model))
        except MisfitError as misfit:
            misfit.seen_from(values, index)
            report_skipped(misfit)
        else:
            if use_up and current_findings.get() is None:
                values[index] = None
    return tuple(found)


def read_entries(values: dict[str, object], hook: Hook, model: type) -> dict[str, object]:
    """Decode the values of an object with free keys; a value that is not an object is skipped."""
    found: dict[str, object] = {}
    for key, value in values.items():
        try:
            found[key] = hook(value, model)
        except MisfitError as misfit:
            misfit.seen_from(values, key)
            report_skipped(misfit)
    return found


def shape_of(annotation: Any, hook_for: HookFor) -> tuple[Shape, bool]:  # noqa: ANN401
    """
    Return the shape of a declared type, and whether it may be null.

    Raises:
        TypeError: A field cannot have this type.
    """
    if get_origin(annotation) not in (Union, types.UnionType):
        return _shape(annotation, hook_for), False
    choices = get_args(annotation)
    shapes = [choice for choice in choices if choice not in (types.NoneType, Unset)]
    if len(shapes) != 1:
        raise TypeError(f"{annotation} is a choice of types; a field has one, or one and None")
    return _shape(shapes[0], hook_for), types.NoneType in choices


def _shape(annotation: Any, hook_for: HookFor) -> Shape:  # noqa: ANN401
    annotation = real_type(annotation)
    if annotation in (object, Any):
        return Anything()
    if annotation in CONVERSIONS:
        return Scalar(annotation)
    if is_model(annotation):
        return Nested(annotation, hook_for(annotation))
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is tuple and len(arguments) == _VARIADIC and arguments[1] is Ellipsis:
        return Items(_member_shape(arguments[0], hook_for))
    if origin in (Mapping, dict) and arguments[0] is str:
        return Entries(_member_shape(arguments[1], hook_for))
    raise TypeError(f"{annotation} is not a type that a field can have")


def _member_shape(annotation: Any, hook_for: HookFor) -> Shape:  # noqa: ANN401
    shape, nullable = shape_of(annotation, hook_for)
    if nullable:
        raise TypeError(f"{annotation} as a member: null members are left out, declare the type")
    return shape


def _read_member(shape: Shape, value: object, losses: list[object]) -> object:
    if isinstance(shape, Anything):
        return value
    member = REFUSED if value is None else shape.read(value, losses)
    if member is REFUSED or member is None:
        losses.append(value)
        return REFUSED
    return member
