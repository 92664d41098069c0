"""Makes results of their JSON: outcomes, pages, quotas, events; models are decoded elsewhere."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeVar, cast

import attrs

from fivetran_async._codec._decoding import decode
from fivetran_async._codec._drift import join_place, json_type
from fivetran_async._codec._encode import encode
from fivetran_async._codec._errors import error_from, is_error_class
from fivetran_async._codec._fields import is_model, wire_fields
from fivetran_async._codec._forms import JsonForm, form_of
from fivetran_async._codec._scalars import Real, as_instant, real_type
from fivetran_async._codec._serializable import Serializable
from fivetran_async.errors import InvalidArgumentError, ResponseFormatError

S = TypeVar("S", bound=Serializable)

_UNIONS: Final = frozenset({typing.Union, types.UnionType})
_SCALARS: Final = (str, bool, int, float)


def from_mapping(
    cls: type[S], mapping: Mapping[str, object], arguments: tuple[object, ...] = ()
) -> S:
    """
    Make an object of a mapping of JSON or Python values; see `read_serializable`.

    Args:
        cls: The class.
        mapping: The mapping.
        arguments: For generic classes: the types in the place of the type variables.

    Raises:
        ResponseFormatError: A value is missing, has another type or cannot be expressed in JSON.
    """
    place = cls.__name__
    try:
        value = encode(mapping, place=place)
    except InvalidArgumentError as error:
        problem = error.message
    else:
        return read_serializable(cls, _mapped(value, place), place=place, arguments=arguments)
    raise ResponseFormatError(problem, place=place)


def read_serializable(
    cls: type[S],
    mapping: Mapping[str, object],
    *,
    place: str,
    arguments: tuple[object, ...] = (),
) -> S:
    """
    Make an object of the JSON that its `to_dict` returned; unknown names are ignored.

    Args:
        cls: The class.
        mapping: The JSON object.
        place: The name of the object, for messages.
        arguments: For generic classes: the types in the place of the type variables.

    Raises:
        ResponseFormatError: A value is missing or has another type; the message names the place.
    """
    kind: type = cls
    hints = hints_of(kind, arguments)
    values: dict[str, object] = {}
    for wire, attribute in wire_fields(kind):
        if wire in mapping:
            there, form = join_place(place, wire), form_of(attribute)
            values[str(attribute.alias)] = (
                _read(hints[attribute.name], mapping[wire], there)
                if form is None
                else _read_form(form, mapping[wire], there)
            )
        elif attribute.default is attrs.NOTHING:
            raise _misfit(join_place(place, wire), "a value", "nothing")
    return cls(**values)


def _read_form(form: JsonForm, value: object, place: str) -> object:
    try:
        return form.read(value)
    except ValueError as error:
        problem = str(error)
    raise ResponseFormatError(f"{place}: {problem}", place=place)


@functools.cache
def hints_of(cls: type, arguments: tuple[object, ...] = ()) -> Mapping[str, Any]:
    """Return the declared types of a class by field; those of type variables are replaced."""
    variables = cast("tuple[object, ...]", getattr(cls, "__parameters__", ()))
    given = dict(zip(variables, arguments or (Any,) * len(variables), strict=True))
    return {name: _replaced(hint, given) for name, hint in typing.get_type_hints(cls).items()}


def _replaced(hint: Any, arguments: Mapping[object, object]) -> Any:  # noqa: ANN401
    if hint in arguments:
        return arguments[hint]
    if typing.get_origin(hint) is tuple:
        member = _replaced(typing.get_args(hint)[0], arguments)
        return tuple.__class_getitem__((member, ...))
    return hint


def choices_of(hint: Any) -> tuple[Any, ...]:  # noqa: ANN401
    """Return the types of a union, `None` included; of other types, the type alone."""
    return typing.get_args(hint) if typing.get_origin(hint) in _UNIONS else (hint,)


def _read(hint: Any, value: object, place: str) -> object:  # noqa: ANN401
    choices = choices_of(hint)
    if value is None and types.NoneType in choices:
        return None
    kinds = [real_type(kind) for kind in choices if kind is not types.NoneType]
    # The only unions of several kinds are open sets of words.
    return _read_kind(kinds[0], value, place) if len(kinds) == 1 else value


def _read_kind(kind: Any, value: object, place: str) -> object:  # noqa: ANN401
    if kind in _SCALARS:
        return _read_scalar(kind, value, place)
    if kind is Real.datetime:
        return _read_instant(value, place)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return _read_scalar(type(cast("object", arguments[0])), value, place)
    if origin is tuple:
        return tuple(
            _read(arguments[0], member, join_place(place, index))
            for index, member in enumerate(_listed(value, place))
        )
    if origin is Mapping:
        members = _mapped(value, place)
        return {
            key: _read(arguments[1], member, join_place(place, key))
            for key, member in members.items()
        }
    return _read_class(kind, value, place)


def _read_class(kind: Any, value: object, place: str) -> object:  # noqa: ANN401
    if is_error_class(kind):
        return error_from(_mapped(value, place))
    if is_model(kind):
        return cast("object", decode(value, kind, place=place))
    if isinstance(kind, type) and issubclass(kind, Serializable):
        return read_serializable(kind, _mapped(value, place), place=place)
    return value


def _read_scalar(kind: type, value: object, place: str) -> object:
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise _misfit(place, kind.__name__, json_type(value))
    return value


def _read_instant(value: object, place: str) -> object:
    found = as_instant(value)
    if isinstance(found, Real.datetime):
        return found
    raise _misfit(place, "datetime", json_type(value))


def _listed(value: object, place: str) -> list[object]:
    if not isinstance(value, list):
        raise _misfit(place, "array", json_type(value))
    return cast("list[object]", value)


def _mapped(value: object, place: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _misfit(place, "object", json_type(value))
    return cast("dict[str, object]", value)


def _misfit(place: str, expected: str, found: str) -> ResponseFormatError:
    return ResponseFormatError(f"{place}: expected {expected}, found {found}", place=place)
