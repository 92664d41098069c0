"""
The pydantic schemas of models, also used by FastAPI; pydantic imports this module on demand.

A model validates from an instance or from its JSON. It serializes the fields that `repr` shows,
so configs and one-time secrets are omitted; return `model.to_dict()` to include them.
"""

from __future__ import annotations

import functools
import re
import types
import typing
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar, cast

import attrs
from pydantic_core import SchemaSerializer, core_schema

from fivetran_async._codec._fields import wire_fields
from fivetran_async._codec._scalars import real_type
from fivetran_async._types import UNSET, Unset
from fivetran_async.errors import FivetranError

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema


class _FromDict(Protocol):
    @classmethod
    def from_dict(cls, mapping: Mapping[str, object]) -> Self: ...


M = TypeVar("M", bound=_FromDict)

_ATTRIBUTE = re.compile(r"(\w+): (.+)")


def core_schema_of(cls: type[M], handler: GetCoreSchemaHandler) -> CoreSchema:
    """Return the core schema of a model, for `Model.__get_pydantic_core_schema__`."""
    kind: type = cls
    fields = wire_fields(kind)
    hints = typing.get_type_hints(cls)
    schemas = {wire: handler.generate_schema(_sent(hints[a.name])) for wire, a in fields}
    shown = [(wire, attribute) for wire, attribute in fields if attribute.repr]
    written = {
        wire: core_schema.typed_dict_field(schemas[wire], required=not _may_be_unset(hints[a.name]))
        for wire, a in shown
    }
    read = {
        wire: core_schema.typed_dict_field(
            schemas[wire], required=attribute.default is attrs.NOTHING
        )
        for wire, attribute in fields
    }
    return core_schema.no_info_plain_validator_function(
        functools.partial(_validate, cls),
        ref=f"{cls.__module__}.{cls.__qualname__}:{id(cls)}",
        json_schema_input_schema=core_schema.typed_dict_schema(read, cls_name=cls.__name__),
        serialization=core_schema.plain_serializer_function_ser_schema(
            functools.partial(_shown_values, shown),
            info_arg=True,
            return_schema=core_schema.typed_dict_schema(written, cls_name=cls.__name__),
        ),
    )


def json_schema_of(
    cls: type[M], schema: CoreSchema, handler: GetJsonSchemaHandler
) -> dict[str, Any]:
    """Return the JSON schema of a model, with descriptions from its docstring."""
    described = handler.resolve_ref_schema(handler(schema))
    summary, attributes = _words_of(cls.__doc__ or "")
    described |= {"title": cls.__name__, "description": summary}
    properties: Mapping[str, dict[str, Any]] = described.get("properties", {})
    kind: type = cls
    for wire, attribute in wire_fields(kind):
        if wire in properties and attribute.name in attributes:
            properties[wire]["description"] = attributes[attribute.name]
    return described


@functools.cache
def serializer_of(cls: type) -> SchemaSerializer:
    """Return what serializes a class: `Model.__pydantic_serializer__`."""
    from pydantic import TypeAdapter  # noqa: PLC0415 - this module is imported by pydantic itself

    serializer = TypeAdapter(cls).serializer
    if not isinstance(serializer, SchemaSerializer):
        raise TypeError(f"{cls.__name__} has no serializer")
    return serializer


def shown_values(model: object) -> dict[str, object]:
    """Return the fields to serialize by their names in the API, with nested models unchanged."""
    values = (
        (wire, cast("object", getattr(model, attribute.name)))
        for wire, attribute in wire_fields(type(model))
        if attribute.repr
    )
    return {wire: value for wire, value in values if value is not UNSET}


def _validate(cls: type[M], value: object) -> M:
    if isinstance(value, cls):
        return value
    if not isinstance(value, Mapping):
        raise ValueError(f"expected {cls.__name__} or its JSON object")  # noqa: TRY004
    try:
        return cls.from_dict(cast("Mapping[str, object]", value))
    except FivetranError as error:
        problem = error.message
    raise ValueError(problem)


def _shown_values(
    shown: list[tuple[str, attrs.Attribute[Any]]],
    model: object,
    info: core_schema.SerializationInfo,
) -> dict[str, object]:
    """Return the values to serialize; a plain serializer must apply `include` and `exclude`."""
    left_out = info.exclude or {}
    return {
        wire: value
        for wire, attribute in shown
        if (info.include is None or wire in info.include)
        and (wire not in left_out or _is_only_partly(left_out, wire))
        and (value := cast("object", getattr(model, attribute.name))) is not UNSET
    }


def _is_only_partly(left_out: Any, wire: str) -> bool:  # noqa: ANN401
    """Return True if only parts of a field are excluded; such inner filters are not applied."""
    return isinstance(left_out, Mapping) and left_out[wire] not in (True, ...)


def _may_be_unset(hint: Any) -> bool:  # noqa: ANN401
    return Unset in typing.get_args(hint)


def _sent(hint: Any) -> Any:  # noqa: ANN401
    """Return the declared type without `Unset`, which is never serialized."""
    if typing.get_origin(hint) not in {typing.Union, types.UnionType}:
        return real_type(hint)
    choices: list[Any] = [
        real_type(choice) for choice in typing.get_args(hint) if choice is not Unset
    ]
    return functools.reduce(lambda one, other: one | other, choices)


def _words_of(doc: str) -> tuple[str, dict[str, str]]:
    """Split a docstring into its text and the descriptions in its `Attributes` section."""
    text, _, section = doc.partition("Attributes:")
    summary = " ".join(text.split())
    return summary, dict(_attributes_in(section))


def _attributes_in(section: str) -> Iterator[tuple[str, str]]:
    lines = [line for line in section.splitlines() if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    name, words = "", list[str]()
    for line in lines:
        start = _ATTRIBUTE.fullmatch(line[margin:].rstrip())
        if start:
            yield name, " ".join(words)
            name, words = start[1], [start[2]]
        else:
            words.append(line.strip())
    yield name, " ".join(words)
