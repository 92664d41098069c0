"""Checks whether a value fits a type of the table, for requests and for tests of responses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import cast

import attrs

from fivetran_async.testing._facts import ApiFacts, Fields, ListOf, MapOf, ScalarType, Type


@attrs.frozen
class ShapeCheck:
    """The strictness: `unknown` allows unknown fields, `nulls` allows null in required fields."""

    facts: ApiFacts
    unknown: bool = False
    nulls: bool = False

    def problem(self, value: object, kind: Type, place: str = "") -> str | None:
        """Return why a value does not fit, as one sentence, or None if it fits."""
        kind = self.facts.resolve(kind)
        match kind:
            case ScalarType():
                return _scalar_problem(value, kind, place)
            case ListOf():
                if not isinstance(value, list):
                    return f"{place or 'the body'} must be an array"
                items = cast("list[object]", value)
                return self._first(
                    ((item, kind.item, f"{place}[{i}]") for i, item in enumerate(items))
                )
            case MapOf():
                if not isinstance(value, dict):
                    return f"{place or 'the body'} must be an object"
                entries = cast("dict[str, object]", value)
                return self._first((v, kind.value, _join(place, k)) for k, v in entries.items())
            case Fields():
                return self._fields_problem(value, kind, place)

    def _fields_problem(self, value: object, kind: Fields, place: str) -> str | None:
        if not isinstance(value, dict):
            return f"{place or 'the body'} must be an object"
        entries = cast("dict[str, object]", value)
        if not self.unknown:
            for name in entries:
                if name not in kind.types:
                    return f"{_join(place, name)} is not a supported field"
        for name in sorted(kind.required):
            if name not in entries or (entries[name] is None and not self.nulls):
                return f"{_join(place, name)} is required"
        return self._first(
            (entry, kind.types[name], _join(place, name))
            for name, entry in entries.items()
            if entry is not None and name in kind.types
        )

    def _first(self, parts: Iterable[tuple[object, Type, str]]) -> str | None:
        return next(filter(None, (self.problem(*part) for part in parts)), None)


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _is_time(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def read_texts(facts: ApiFacts, value: object, kind: Type) -> object:
    """Return a copy with texts read as numbers and flags where the type asks for them."""
    kind = facts.resolve(kind)
    match kind:
        case ScalarType():
            read = _READ.get(kind.kind)
            return read(value) if read is not None and isinstance(value, str) else value
        case ListOf() if isinstance(value, list):
            return [read_texts(facts, item, kind.item) for item in cast("list[object]", value)]
        case MapOf() if isinstance(value, dict):
            entries = cast("dict[str, object]", value)
            return {name: read_texts(facts, entry, kind.value) for name, entry in entries.items()}
        case Fields() if isinstance(value, dict):
            entries = cast("dict[str, object]", value)
            return {
                name: read_texts(facts, entry, kind.types[name]) if name in kind.types else entry
                for name, entry in entries.items()
            }
        case _:
            return value


def _read_int(text: str) -> object:
    return int(text) if re.fullmatch(r"\s*[-+]?[0-9]{1,18}\s*", text) else text


def _read_number(text: str) -> object:
    return float(text) if re.fullmatch(r"\s*[-+]?[0-9]{1,18}(\.[0-9]{1,18})?\s*", text) else text


def _read_flag(text: str) -> object:
    return {"true": True, "false": False}.get(text.strip().lower(), text)


_READ: Mapping[str, Callable[[str], object]] = {
    "int": _read_int,
    "number": _read_number,
    "bool": _read_flag,
}

_FITS: Mapping[str, Callable[[object], bool]] = {
    "text": lambda v: isinstance(v, str),
    "base64": lambda v: isinstance(v, str),
    "int": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "bool": lambda v: isinstance(v, bool),
    "time": _is_time,
    "object": lambda v: isinstance(v, dict),
    "file": lambda v: isinstance(v, bytes),
    "any": lambda _: True,
}


def _scalar_problem(value: object, kind: ScalarType, place: str) -> str | None:
    if not _FITS[kind.kind](value):
        return f"{place or 'the body'} must be of type {kind.kind}"
    if kind.choices and str(value) not in kind.choices:
        return f"{place} must be one of {', '.join(kind.choices)}"
    return None


def query_problem(name: str, value: str, kind: Type) -> str | None:
    """Return why a query's value, which is always text, does not fit, or None if it fits."""
    if not isinstance(kind, ScalarType):
        return None
    if kind.choices and value not in kind.choices:
        return f"{name} must be one of {', '.join(kind.choices)}"
    fits = {
        "int": re.fullmatch(r"-?[0-9]{1,18}", value) is not None,
        "bool": value in ("true", "false"),
        "time": _is_time(value),
    }
    return None if fits.get(kind.kind, True) else f"{name} must be of type {kind.kind}"
