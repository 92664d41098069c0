"""The base of everything that the package returns: to JSON, from JSON, and known to pydantic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

if TYPE_CHECKING:
    # The class has a method `dict`.
    import builtins

    from fivetran_async._types import JSONValue


class _PydanticSerializer:
    """Makes a class's serializer when pydantic asks for it, as for a field of type `Any`."""

    def __get__(self, instance: object, owner: type) -> Any:  # noqa: ANN401
        from fivetran_async._codec._pydantic import serializer_of  # noqa: PLC0415 - only if asked

        return serializer_of(owner)


class Serializable:
    """
    The base of everything that the package returns: models, outcomes, pages, quotas, events.

    FastAPI and pydantic accept the subclasses as types of responses, bodies and fields.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        # For checkers, subclasses are attrs classes, so that `attrs.fields` accepts them.
        __attrs_attrs__: ClassVar[tuple[Any, ...]]

    @classmethod
    def from_dict(cls, mapping: Mapping[str, object]) -> Self:
        """
        Make an object of a mapping, as `to_dict` or `json.loads` returns it.

        Raises:
            ResponseFormatError: A value is missing or has another type; the message names the
                place.
        """
        from fivetran_async._codec._reading import from_mapping  # noqa: PLC0415 - loads cattrs

        return from_mapping(cls, mapping)

    def to_dict(self, *, include_empty: bool = False) -> builtins.dict[str, JSONValue]:
        """
        Return a dict of JSON values, which `from_dict` turns into an equal object.

        Args:
            include_empty: True keeps the fields with their empty value: null, `[]`, `""`, false.
                By default they are left out.

        Raises:
            InvalidArgumentError: A raw value in it nests deeper than 200, or is an integer of more
                than 308 digits; the message names the place.
        """
        from fivetran_async._codec._encode import encode  # noqa: PLC0415 - it imports this module

        encoded = encode(self, place=type(self).__name__, include_empty=include_empty)
        return cast("dict[str, JSONValue]", encoded)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: Any) -> Any:  # noqa: ANN401
        """Return how pydantic validates and serializes objects, for FastAPI's annotations."""
        from fivetran_async._codec._pydantic import core_schema_of  # noqa: PLC0415 - only if asked

        return core_schema_of(cls, source, handler)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:  # noqa: ANN401
        """Describe the class in OpenAPI."""
        from fivetran_async._codec._pydantic import json_schema_of  # noqa: PLC0415 - only if asked

        return json_schema_of(cls, schema, handler)

    __pydantic_serializer__: ClassVar[_PydanticSerializer] = _PydanticSerializer()

    if not TYPE_CHECKING:
        # For libraries that meet an object unannounced: `jsonable_encoder` of FastAPI calls
        # `dict(model)`, Temporal's JSON converter `model.dict()`, as of pydantic's own models.

        def __iter__(self) -> Iterator[tuple[str, object]]:
            from fivetran_async._codec._pydantic import shown_values  # noqa: PLC0415

            return iter(shown_values(self).items())

        def dict(self) -> Mapping[str, object]:
            """Return the fields that FastAPI shows, by their names in the API."""
            from fivetran_async._codec._pydantic import shown_values  # noqa: PLC0415

            return shown_values(self)
