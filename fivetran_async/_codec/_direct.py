"""
Decodes responses from bytes to models, if msgspec is installed and the document is an ordinary one.

`_decoding` alone defines what decoding means. `_structs` reads what needs no conversion; every
other document is left to `_decoding`, which converts, reports drift, and collects unknown fields.
Their names go into the next structs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final, Literal, TypeAlias, cast

from fivetran_async._codec._decoding import hook_for
from fivetran_async._codec._drift import Reports
from fivetran_async._codec._fields import other_names
from fivetran_async._codec._shapes import Elements, Entries, Nested
from fivetran_async._codec._structure import field_plans

_Form: TypeAlias = Literal["object", "page", "document"]
"""What is read: a response with an object or with a page as its `data`, or an object alone."""

_WORTHWHILE: Final = 256 * 1024
"""Bytes to read before structs are made, which takes as long as decoding them."""

_LEAST: Final = 4 * 1024
"""Bytes that a smaller document counts as."""

_VERY_LARGE: Final = 8 * 1024 * 1024
"""Bytes that msgspec reads in a twentieth of a second, during which no other thread runs."""

_MOST_MISSES: Final = 16
"""Misses in excess of hits after which a decoder gives up: a miss costs a third of decoding."""

_MOST_LEARNED: Final = 64
"""Unknown fields after which no more are learned: some objects have ids as keys."""


class DirectDecoder:
    """
    Decodes responses that have one object of a model as `data`, or one page of them.

    Very large responses have structs of their own: they are read in parts.
    """

    def __init__(self, model: type, *, is_page: bool) -> None:
        form: _Form = "page" if is_page else "object"
        self._small = _Decoder(model, form)
        self._large = _Decoder(model, form, in_parts=True)

    def read(self, body: bytes, reports: Reports) -> Any:  # noqa: ANN401
        """
        Return the model, or a page's items and cursor; None if `_decoding` has to decode it.

        Args:
            body: The response.
            reports: What was reported already: a document with anything else is not read here.
        """
        return (self._small if len(body) < _VERY_LARGE else self._large).read(body, reports)

    def learn(self, models: Iterable[object]) -> None:
        """Look for unknown fields in the models of the last document, if it had any."""
        self._small.learn(models)
        self._large.learn(models)


class DocumentDecoder:
    """
    Decodes documents that are one object of a model, without unknown fields.

    Args:
        model: The model.
        filled: The fields that take the value of another field if theirs is empty.
    """

    def __init__(self, model: type, filled: Mapping[str, str]) -> None:
        self._decoder = _Decoder(model, "document", filled=filled)

    def read(self, body: bytes) -> tuple[Any, int] | None:
        """
        Return the model and the number of keys; None if `_decoding` has to decode the document.

        Keys with null are not counted, nor those in lists and mappings.
        """
        found: tuple[Any, int] | None = self._decoder.read(body, None)
        return found


class _Decoder:
    def __init__(
        self,
        model: type,
        form: _Form,
        *,
        in_parts: bool = False,
        filled: Mapping[str, str] | None = None,
    ) -> None:
        self._model = model
        self._form: _Form = form
        self._filled = filled or {}
        self._in_parts = in_parts
        self._bytes_left = _WORTHWHILE
        self._misses = 0
        self._unknown: dict[object, set[str]] = {}
        self._has_unknown = False
        self._learned: tuple[tuple[str, AbstractSet[str]], ...] = ()
        self._read: Callable[[bytes], Any] | None = None

    def read(self, body: bytes, reports: Reports | None) -> Any:  # noqa: ANN401
        read = self._read
        if read is None and (read := self._begin(body)) is None:
            return None
        try:
            result = read(body)
        except (ValueError, RecursionError) as error:
            self._note_miss(error)
            return None
        if self._misses:
            self._misses -= 1
        if not self._learned or reports is None or self._needs_no_report(result, reports):
            return result
        return None

    def _needs_no_report(self, result: Any, reports: Reports) -> bool:  # noqa: ANN401
        """Return True if the session has reported every unknown field of a result."""
        if all(reports.has_reported(model, fields) for model, fields in self._learned):
            return True
        found: dict[object, set[str]] = {}
        for model in result[0] if self._form == "page" else (result,):
            _collect_unknown(model, found)
        return all(
            reports.has_reported(cast("type", model).__name__, fields)
            for model, fields in found.items()
        )

    def learn(self, models: Iterable[object]) -> None:
        if not self._has_unknown:
            return
        self._has_unknown = False
        for model in models:
            _collect_unknown(model, self._unknown)
        if sum(map(len, self._unknown.values())) > _MOST_LEARNED:
            self._read = None
        if self._read is not None:
            self._make()

    def _begin(self, body: bytes) -> Callable[[bytes], Any] | None:
        if self._bytes_left > 0:
            self._bytes_left -= max(len(body), _LEAST)
            if self._bytes_left <= 0:
                self._make()
        return self._read

    def _make(self) -> None:
        structs = _structs()
        if structs is None:
            return
        make = {
            "object": structs.object_reader_of,
            "page": structs.page_reader_of,
            "document": functools.partial(structs.document_reader_of, filled=self._filled),
        }[self._form]
        try:
            self._read = make(self._model, self._unknown, in_parts=self._in_parts)
        except (TypeError, ValueError):
            # ValueError: an unknown field has a name that no struct can have, such as one with `"`.
            self._read = None
        self._learned = tuple(
            (model.__name__, frozenset(names))
            for model, names in self._unknown.items()
            if isinstance(model, type) and names
        )

    def _note_miss(self, error: Exception) -> None:
        self._misses += 1
        structs = _structs()
        if self._misses > _MOST_MISSES or structs is None:
            self._read = None
            return
        found = structs.unknown_field_in(error)
        if found is not None:
            self._has_unknown = True
            place, name = found
            # Of models, `learn` finds every name, not just the first.
            if place in {structs.ENVELOPE, structs.PAGE}:
                self._unknown.setdefault(place, set()).add(name)


@functools.cache
def _structs() -> Any:  # noqa: ANN401
    # Importing msgspec takes a tenth of the time of importing aiohttp.
    try:
        from fivetran_async._codec import _structs as structs  # noqa: PLC0415
    except ImportError:
        return None
    return structs


def _collect_unknown(model: object, unknown: dict[object, set[str]]) -> None:
    """Add the names of unknown fields of a model, and of the models in it."""
    kind: Any = type(model)
    names, nested = _parts_of(kind)
    extra: Mapping[str, object] = getattr(model, "extra")  # noqa: B009 - of any model
    if extra:
        # A value that drifted is in `extra` too, under the name of its field.
        unknown.setdefault(kind, set()).update(extra.keys() - names)
    for name in nested:
        for each in _models_in(getattr(model, name)):
            _collect_unknown(each, unknown)


def _models_in(value: object) -> Iterable[object]:
    if isinstance(value, tuple):
        return cast("tuple[object, ...]", value)
    if isinstance(value, Mapping):
        return cast("Mapping[str, object]", value).values()
    return () if value is None else (value,)


@functools.cache
def _parts_of(model: type) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the declared names of a model's fields, and the attributes that hold models."""
    names: set[str] = set()
    nested: list[str] = []
    for plan in field_plans(model, hook_for):
        names |= {plan.wire, *other_names(plan.attribute)}
        match plan.shape:
            case Nested() | Elements(Nested()) | Entries(Nested()):
                nested.append(plan.name)
            case _:
                pass
    return frozenset(names), tuple(nested)
