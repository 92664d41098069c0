"""Results that are containers: they have the JSON of another object, their document."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from fivetran_async._codec._serializable import Serializable

if TYPE_CHECKING:
    from fivetran_async._types import JSONValue

D = TypeVar("D", bound=Serializable)


class Documented(ABC, Generic[D]):
    """
    The base of results that are a mapping or a tuple, and therefore not a `Serializable`.

    FastAPI and pydantic accept the subclasses as types of responses, bodies and fields.
    """

    __slots__ = ()

    @classmethod
    @abstractmethod
    def _document_class(cls) -> type[D]:
        """Return the class of the documents."""

    @abstractmethod
    def _to_document(self) -> D:
        """Return an object with the same content, which JSON has fields for."""

    @classmethod
    @abstractmethod
    def _from_document(cls, document: D) -> Self:
        """Return the object of a document."""

    @classmethod
    def from_dict(cls, mapping: Mapping[str, object]) -> Self:
        """
        Make an object of a mapping, as `to_dict` or `json.loads` returns it.

        Raises:
            ResponseFormatError: A value is missing or has another type; the message names the
                place.
        """
        return cls._from_document(cls._document_class().from_dict(mapping))

    def to_dict(self, *, include_empty: bool = False) -> dict[str, JSONValue]:
        """
        Return a dict of JSON values, which `from_dict` turns into an equal object.

        Args:
            include_empty: True keeps the fields with their empty value: null, `[]`, `""`, false.
                By default they are left out.
        """
        return self._to_document().to_dict(include_empty=include_empty)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: Any) -> Any:  # noqa: ANN401
        """Return how pydantic validates and serializes objects, for FastAPI's annotations."""
        from fivetran_async._codec._pydantic import document_schema_of  # noqa: PLC0415

        return document_schema_of(cls, cls._document_class(), cls._to_document, handler)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:  # noqa: ANN401
        """Describe the class in OpenAPI."""
        from fivetran_async._codec._pydantic import document_json_schema_of  # noqa: PLC0415

        return document_json_schema_of(cls, schema, handler)
