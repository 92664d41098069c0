"""The shapes of field values: each shape decodes a raw value and names the expected type."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, Protocol, TypeAlias, Union, cast, get_args, get_origin

import attrs

from fivetran_async._codec._drift import MisfitError, current_findings, report_skipped
from fivetran_async._codec._fields import is_model
from fivetran_async._codec._scalars import CONVERSIONS, REFUSED, real_type
from fivetran_async._types import Unset
from fivetran_async.errors import UsageError

StructureHook: TypeAlias = Callable[[Any, Any], Any]
"""A structure hook of cattrs: takes a raw value and its declared type, returns an object."""

HookFor: TypeAlias = Callable[[type], StructureHook]

_VARIADIC: Final = 2


class Shape(Protocol):
    """Decodes raw values of one kind."""

    @property
    def expected(self) -> str:
        """The declared type, for messages."""
        ...

    def read(self, value: object, losses: list[object]) -> object:
        """
        Convert a raw value that is not null, or return `REFUSED`.

        Skipped parts of the value are added to `losses`.
        """
        ...


@attrs.frozen
class Anything:
    """Any value, kept unchanged."""

    expected: str = "any value"

    def read(self, value: object, losses: list[object]) -> object:  # noqa: ARG002
        """Return the value unchanged."""
        return value


@attrs.frozen
class Scalar:
    """Text, a boolean, a number or a datetime."""

    kind: type

    @property
    def expected(self) -> str:
        """The name of the Python type."""
        return self.kind.__name__

    def read(self, value: object, losses: list[object]) -> object:  # noqa: ARG002
        """Convert the value if that is lossless; None for a datetime sent as the text `null`."""
        return CONVERSIONS[self.kind](value)


@attrs.frozen
class Nested:
    """An object of another model."""

    model: type
    hook: StructureHook

    @property
    def expected(self) -> str:
        """The name of the model."""
        return f"{self.model.__name__} object"

    def read(self, value: object, losses: list[object]) -> object:  # noqa: ARG002
        """Decode the object; an empty array counts as an empty object, as PHP encodes it."""
        try:
            return self.hook({} if value == [] else value, self.model)
        except MisfitError:
            return REFUSED


@attrs.frozen
class Elements:
    """An array, as a tuple."""

    of: Shape

    @property
    def expected(self) -> str:
        """The type of the array and its items."""
        return f"array of {self.of.expected}"

    def read(self, value: object, losses: list[object]) -> object:
        """Convert each item and skip items of another type."""
        if not isinstance(value, list):
            return () if value == {} else REFUSED
        values = cast("list[object]", value)
        if isinstance(self.of, Nested):
            return read_items(values, self.of.hook, self.of.model)
        found = [_read_member(self.of, member, losses) for member in values]
        return tuple(member for member in found if member is not REFUSED)


@attrs.frozen
class Entries:
    """An object with arbitrary keys, as a dict."""

    of: Shape

    @property
    def expected(self) -> str:
        """The type of the object and its values."""
        return f"object of {self.of.expected}"

    def read(self, value: object, losses: list[object]) -> object:
        """Convert each value and skip values of another type."""
        if not isinstance(value, dict):
            return {} if value == [] else REFUSED
        values = cast("dict[str, object]", value)
        if isinstance(self.of, Nested):
            return read_entries(values, self.of.hook, self.of.model)
        found = {key: _read_member(self.of, member, losses) for key, member in values.items()}
        return {key: member for key, member in found.items() if member is not REFUSED}


def read_items(
    values: list[object], hook: StructureHook, model: type, *, use_up: bool = False
) -> tuple[object, ...]:
    """
    Decode the items of an array; items without their identity are skipped and reported.

    With `use_up` each raw value is released as soon as its object exists, so that the next object
    reuses memory that is still in the cache: this saves a tenth of the time of a page. Raw values
    are kept after the first drift, and if they have an unknown field that earlier ones lack,
    because reports locate findings in them.
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
            if use_up:
                findings = current_findings.get()
                if findings is None or not findings.take_need_of_raw():
                    values[index] = None
    return tuple(found)


def read_entries(values: dict[str, object], hook: StructureHook, model: type) -> dict[str, object]:
    """Decode the values of an object with arbitrary keys; values that do not fit are skipped."""
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
    Return the shape of a declared type, and True if it can be null.

    Raises:
        UsageError: The type is unsupported.
    """
    if get_origin(annotation) not in (Union, types.UnionType):
        return _shape(annotation, hook_for), False
    choices = get_args(annotation)
    # `Literal[...] | str` is text: the literal is for completion in editors.
    shapes = [
        choice
        for choice in choices
        if choice not in (types.NoneType, Unset) and get_origin(choice) is not Literal
    ]
    if len(shapes) != 1:
        raise UsageError(f"{annotation} is unsupported: a field has a single type")
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
        return Elements(_member_shape(arguments[0], hook_for))
    if origin in (Mapping, dict) and arguments[0] is str:
        return Entries(_member_shape(arguments[1], hook_for))
    raise UsageError(f"{annotation} is an unsupported type for a field")


def _member_shape(annotation: Any, hook_for: HookFor) -> Shape:  # noqa: ANN401
    shape, nullable = shape_of(annotation, hook_for)
    if nullable:
        raise UsageError(f"{annotation} is unsupported: members are never None")
    return shape


def _read_member(shape: Shape, value: object, losses: list[object]) -> object:
    if isinstance(shape, Anything):
        return value
    member = REFUSED if value is None else shape.read(value, losses)
    if member is REFUSED or member is None:
        losses.append(value)
        return REFUSED
    return member
