"""
The pydantic schemas of results, also used by FastAPI; pydantic imports this module on demand.

A result validates from an instance or from its JSON. It serializes the fields that `repr` shows,
and long ones, so configs and one-time secrets are omitted; return `to_dict()` to include them.
"""

from __future__ import annotations

import functools
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import attrs
from pydantic_core import (
    PydanticSerializationUnexpectedValue,
    SchemaSerializer,
    core_schema,
)

from fivetran_async._codec._encode import is_blank
from fivetran_async._codec._errors import error_facts, error_from, is_error_class
from fivetran_async._codec._fields import SHOWN, is_model, wire_fields
from fivetran_async._codec._forms import form_of
from fivetran_async._codec._reading import choices_of, from_mapping, hints_of
from fivetran_async._codec._scalars import real_type
from fivetran_async._codec._serializable import Serializable
from fivetran_async._types import UNSET, Unset
from fivetran_async.errors import FivetranError

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

    from fivetran_async._types import JSONValue

S = TypeVar("S", bound=Serializable)

_ATTRIBUTE = re.compile(r"(\w+): (.+)")


def core_schema_of(cls: type[S], source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
    """
    Return the core schema of a result, for `Serializable.__get_pydantic_core_schema__`.

    Args:
        cls: The class.
        source: The annotation: the class, with the types of its type variables if it is generic.
        handler: Makes the schemas of other types.
    """
    kind: type = cls
    arguments = typing.get_args(source)
    fields, hints = wire_fields(kind), hints_of(kind, arguments)
    schemas = {
        wire: _schema_for(hints[attribute.name], handler)
        if (form := form_of(attribute)) is None
        else handler.generate_schema(form.hint)
        for wire, attribute in fields
    }
    shown = [(wire, attribute) for wire, attribute in fields if is_shown(attribute)]
    # Not required: the options of the caller leave fields out, and a union would warn of each.
    written = {
        wire: core_schema.typed_dict_field(schemas[wire], required=False) for wire, _ in shown
    }
    read = {
        wire: core_schema.typed_dict_field(
            schemas[wire], required=attribute.default is attrs.NOTHING
        )
        for wire, attribute in fields
    }
    words = ", ".join(f"{getattr(each, '__name__', each)}:{id(each)}" for each in arguments)
    return core_schema.no_info_plain_validator_function(
        functools.partial(_validate, cls, arguments),
        ref=f"{cls.__module__}.{cls.__qualname__}:{id(cls)}{f'[{words}]' if words else ''}",
        json_schema_input_schema=core_schema.typed_dict_schema(read, cls_name=cls.__name__),
        serialization=core_schema.plain_serializer_function_ser_schema(
            functools.partial(_shown_values, kind, shown),
            info_arg=True,
            return_schema=core_schema.typed_dict_schema(written, cls_name=cls.__name__),
        ),
    )


def _schema_for(hint: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
    choices = choices_of(hint)
    if any(map(is_error_class, choices)):
        schema = _error_schema()
        return core_schema.nullable_schema(schema) if types.NoneType in choices else schema
    return handler.generate_schema(_sent(hint))


def _error_schema() -> CoreSchema:
    facts = core_schema.dict_schema(core_schema.str_schema(), core_schema.any_schema())
    return core_schema.no_info_plain_validator_function(
        _validated_error,
        json_schema_input_schema=facts,
        serialization=core_schema.plain_serializer_function_ser_schema(
            _written_error, info_arg=True, return_schema=facts
        ),
    )


def _written_error(error: Exception, info: core_schema.SerializationInfo) -> dict[str, JSONValue]:
    return error_facts(error, include_empty=not _is_without_empty(info))


def _is_without_empty(info: core_schema.SerializationInfo) -> bool:
    # It is not known which fields a response had: a field with its empty value counts as unset.
    return info.exclude_unset or info.exclude_defaults


def _validated_error(value: object) -> Exception:
    if isinstance(value, Exception):
        return value
    if isinstance(value, Mapping):
        return error_from(cast("Mapping[str, object]", value))
    raise ValueError("expected an error or its JSON object")


def json_schema_of(
    cls: type[S], schema: CoreSchema, handler: GetJsonSchemaHandler
) -> dict[str, Any]:
    """Return the JSON schema of a result, with descriptions from its docstring."""
    described = handler.resolve_ref_schema(handler(schema))
    summary, attributes = _words_of(cls.__doc__ or "")
    described |= {"title": cls.__name__, "description": summary}
    properties: Mapping[str, dict[str, Any]] = described.get("properties", {})
    kind: type = cls
    if handler.mode == "serialization":
        hints = hints_of(kind)
        written = (
            wire
            for wire, attribute in wire_fields(kind)
            if is_shown(attribute) and not _may_be_unset(hints[attribute.name])
        )
        if required := [*written]:
            described["required"] = required
    for wire, attribute in wire_fields(kind):
        if wire in properties and attribute.name in attributes:
            properties[wire]["description"] = attributes[attribute.name]
    return described


class _HasDocument(Protocol):
    """A class of results that has the JSON of another object."""

    @classmethod
    def from_dict(cls, mapping: Mapping[str, object]) -> object: ...


def document_schema_of(
    cls: type[_HasDocument],
    document: type[Serializable],
    write: Callable[[Any], Serializable],
    handler: GetCoreSchemaHandler,
) -> CoreSchema:
    """
    Return the core schema of a result for `Documented`.

    Args:
        cls: The class.
        document: The class of its documents.
        write: Returns the document of an object.
        handler: Makes the schemas of other types.
    """
    written = handler.generate_schema(document)
    return core_schema.no_info_plain_validator_function(
        functools.partial(_validate_document, cls),
        ref=f"{cls.__module__}.{cls.__qualname__}:{id(cls)}",
        json_schema_input_schema=written,
        serialization=core_schema.plain_serializer_function_ser_schema(
            write, return_schema=written
        ),
    )


def document_json_schema_of(
    cls: type, schema: CoreSchema, handler: GetJsonSchemaHandler
) -> dict[str, Any]:
    """Return the JSON schema of such a result: that of its documents, with its own words."""
    described = dict(handler.resolve_ref_schema(handler(schema)))
    summary, _ = _words_of(cls.__doc__ or "")
    return described | {"title": cls.__name__, "description": summary}


def _validate_document(cls: type[_HasDocument], value: object) -> object:
    if isinstance(value, cls):
        return value
    if not isinstance(value, Mapping):
        raise ValueError(f"expected {cls.__name__} or its JSON object")  # noqa: TRY004
    try:
        return cls.from_dict(cast("Mapping[str, object]", value))
    except FivetranError as error:
        problem = error.message
    raise ValueError(problem)


@functools.cache
def serializer_of(cls: type) -> SchemaSerializer:
    """Return what serializes a class: `Model.__pydantic_serializer__`."""
    from pydantic import TypeAdapter  # noqa: PLC0415 - this module is imported by pydantic itself

    return TypeAdapter(cls).serializer


def is_shown(attribute: attrs.Attribute[Any]) -> bool:
    """Return True if responses of FastAPI have the field: not configs and one-time secrets."""
    return bool(attribute.repr) or SHOWN in attribute.metadata


def shown_values(value: object) -> dict[str, object]:
    """Return the fields to serialize by their names in the API, with nested objects unchanged."""
    values = (
        (wire, _member(value, attribute))
        for wire, attribute in wire_fields(type(value))
        if is_shown(attribute)
    )
    return {
        wire: error_facts(member, include_empty=True) if isinstance(member, Exception) else member
        for wire, member in values
        if member is not UNSET
    }


def _member(value: object, attribute: attrs.Attribute[Any]) -> object:
    member: object = getattr(value, attribute.name)
    form = form_of(attribute)
    if form is not None:
        return form.write(member)
    # Of mappings, pydantic serializes dicts only.
    return dict(cast("Mapping[str, object]", member)) if isinstance(member, Mapping) else member


def _validate(cls: type[S], arguments: tuple[object, ...], value: object) -> S:
    if isinstance(value, cls):
        return value
    if not isinstance(value, Mapping):
        raise ValueError(f"expected {cls.__name__} or its JSON object")  # noqa: TRY004
    given = cast("Mapping[str, object]", value)
    try:
        return cls.from_dict(given) if is_model(cls) else from_mapping(cls, given, arguments)
    except FivetranError as error:
        problem = error.message
    raise ValueError(problem)


def _shown_values(
    cls: type,
    shown: list[tuple[str, attrs.Attribute[Any]]],
    value: object,
    info: core_schema.SerializationInfo,
) -> dict[str, object]:
    """Return the values to serialize; a plain serializer must apply the options of the caller."""
    if not isinstance(value, cls):
        # Another member of a union has it.
        raise PydanticSerializationUnexpectedValue(f"expected {cls.__name__}")
    left_out = info.exclude or {}
    without_empty = _is_without_empty(info)
    return {
        wire: member
        for wire, attribute in shown
        if (info.include is None or wire in info.include)
        and (wire not in left_out or _is_only_partly(left_out, wire))
        and (member := _member(value, attribute)) is not UNSET
        and not (without_empty and _is_blank(value, member, attribute))
    }


def _is_blank(value: object, member: object, attribute: attrs.Attribute[Any]) -> bool:
    is_written = form_of(attribute) is not None
    return is_blank(getattr(value, attribute.name) if is_written else member, attribute)


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
