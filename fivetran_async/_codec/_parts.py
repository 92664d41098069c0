"""
Parses a large document in many short calls, so that other threads can run in between.

A call of a parser keeps the interpreter's lock until it returns, and a document of 30 MB takes a
second. Here the outer levels of a document are read in Python, and each part inside by a call.
"""

from __future__ import annotations

import re
from json import JSONDecoder
from typing import Final, cast

from fivetran_async._codec._json import (
    SURROGATE_ESCAPE,
    fastest_loads,
    finite,
    parse_unbounded,
    refuse_constant,
)

_DEPTH: Final = 5
"""The levels that are read in Python: a table of a schema config is one part."""

_space: Final = re.compile(r"[ \t\n\r]*").match
_part: Final = JSONDecoder(parse_float=finite, parse_constant=refuse_constant).raw_decode


def parse_in_parts(body: bytes) -> object:
    """
    Parse a document as `parse_unbounded` does; a document with an error is parsed at once.

    Raises:
        ResponseFormatError: As from `parse_unbounded`.
    """
    try:
        text = body.decode()
        if "\\" not in text or not re.search(SURROGATE_ESCAPE, text):
            value, at = _value(text, _after_space(text, 0), _DEPTH)
            if _after_space(text, at) == len(text):
                return value
    except (ValueError, RecursionError):
        pass
    return parse_unbounded(body, fastest_loads())


def _value(text: str, at: int, depth: int) -> tuple[object, int]:
    """Parse the value at an index, and return it with the index after it."""
    opening = text[at : at + 1]
    if depth and opening == "{":
        return _object(text, at + 1, depth - 1)
    if depth and opening == "[":
        return _array(text, at + 1, depth - 1)
    return cast("tuple[object, int]", _part(text, at))


def _object(text: str, at: int, depth: int) -> tuple[dict[str, object], int]:
    found: dict[str, object] = {}
    at = _after_space(text, at)
    if text[at : at + 1] == "}":
        return found, at + 1
    while True:
        if text[at : at + 1] != '"':
            raise ValueError
        key, at = _part(text, at)
        at = _after(":", text, at)
        found[key], at = _value(text, at, depth)
        at = _after_space(text, at)
        if text[at : at + 1] == "}":
            return found, at + 1
        at = _after(",", text, at)


def _array(text: str, at: int, depth: int) -> tuple[list[object], int]:
    found: list[object] = []
    at = _after_space(text, at)
    if text[at : at + 1] == "]":
        return found, at + 1
    while True:
        value, at = _value(text, at, depth)
        found.append(value)
        at = _after_space(text, at)
        if text[at : at + 1] == "]":
            return found, at + 1
        at = _after(",", text, at)


def _after(mark: str, text: str, at: int) -> int:
    """Return the index of what follows a mark; raise ValueError if the mark is missing."""
    at = _after_space(text, at)
    if text[at : at + 1] != mark:
        raise ValueError
    return _after_space(text, at + 1)


def _after_space(text: str, at: int) -> int:
    match = _space(text, at)
    return match.end() if match else at
