"""Classes of pydantic and msgspec with the same fields as ours."""

from __future__ import annotations

import importlib
import types
import typing
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

import attrs

from fivetran_async._codec._fields import is_model, wire_fields

Fields: TypeAlias = dict[str, tuple[Any, Any]]
"""Name to type and default: a constant, a class that makes it, or `REQUIRED`."""
Make: TypeAlias = Callable[[str, Fields], type]

REQUIRED = attrs.NOTHING


def pydantic_reader(data: object) -> Callable[[bytes], Any]:
    """Return a reader with pydantic v2, which keeps unknown fields like ours."""
    pydantic: Any = importlib.import_module("pydantic")

    def make(name: str, fields: Fields) -> type:
        declared: dict[str, Any] = {}
        for key, (kind, default) in fields.items():
            if default is REQUIRED:
                declared[key] = (kind, ...)
            elif _is_factory(kind, default):
                declared[key] = (kind, pydantic.Field(default_factory=_class_of(kind)))
            else:
                declared[key] = (kind, default)
        config = pydantic.ConfigDict(extra="allow")
        with warnings.catch_warnings():
            # A field named `schema` shadows a deprecated method of pydantic.
            warnings.simplefilter("ignore")
            return cast("type", pydantic.create_model(name, __config__=config, **declared))

    return cast("Callable[[bytes], Any]", _envelope_of(data, make).model_validate_json)


def msgspec_reader(data: object) -> Callable[[bytes], Any]:
    """Return a reader with msgspec; its structs cannot keep unknown fields."""
    msgspec: Any = importlib.import_module("msgspec")

    def make(name: str, fields: Fields) -> type:
        declared: list[tuple[Any, ...]] = []
        for key, (kind, default) in fields.items():
            if default is REQUIRED:
                declared.append((key, kind))
            elif _is_factory(kind, default):
                declared.append((key, kind, msgspec.field(default_factory=_class_of(kind))))
            else:
                declared.append((key, kind, default))
        return cast("type", msgspec.defstruct(name, declared, kw_only=True))

    return cast("Callable[[bytes], Any]", msgspec.json.Decoder(_envelope_of(data, make)).decode)


def _envelope_of(data: Any, make: Make) -> Any:  # noqa: ANN401
    """Return the class of a response with a model, or with `[model]`: a page."""
    kind = _page_of(data[0], make) if isinstance(data, list) else _peer_of(data, make)
    return make("Envelope", {"code": (str, ""), "message": (str, ""), "data": (kind, REQUIRED)})


def _page_of(item: Any, make: Make) -> Any:  # noqa: ANN401
    items = types.GenericAlias(list, (_peer_of(item, make),))
    return make("Page", {"items": (items, REQUIRED), "next_cursor": (str | None, None)})


def _peer_of(kind: Any, make: Make) -> Any:  # noqa: ANN401
    if is_model(kind):
        hints = typing.get_type_hints(kind)
        fields = {
            name: (_peer_of(hints[name], make), _default_of(attribute))
            for name, attribute in wire_fields(kind)
        }
        return make(kind.__name__, fields)
    match typing.get_origin(kind):
        case origin if origin is tuple:
            # The fastest kind of class of each library.
            return types.GenericAlias(list, (_peer_of(typing.get_args(kind)[0], make),))
        case origin if origin is Mapping:
            value = typing.get_args(kind)[1]
            return types.GenericAlias(
                dict, (str, _peer_of(value, make) if is_model(value) else Any)
            )
        case _:
            return kind


def _default_of(attribute: attrs.Attribute[Any]) -> object:
    """Return a constant, or the class that makes an empty value."""
    default = attribute.default
    return list if default == () else getattr(default, "factory", default)


def _is_factory(kind: object, default: object) -> bool:
    return isinstance(default, type) and not isinstance(kind, types.UnionType)


def _class_of(kind: object) -> object:
    origin: object = typing.get_origin(kind)
    return kind if origin is None else origin
