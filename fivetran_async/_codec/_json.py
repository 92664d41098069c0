"""
Bytes to JSON values: what orjson refuses, the standard library's parser does too.

Only integers beyond 64 bits differ: without orjson they are exact, with it the nearest float, or
refused where there is none.
"""

from __future__ import annotations

import functools
import gc
import importlib
import json
import math
import re
from codecs import BOM_UTF8
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias, cast

from fivetran_async.errors import Fault, ResponseFormatError

if TYPE_CHECKING:
    from collections.abc import Callable

Loads: TypeAlias = "Callable[[bytes], object]"

MAX_DEPTH: Final = 200
"""How deep arrays and objects may nest; less than overflows the stack of whoever walks them."""

_TOO_DEEP: Final = (f"nested deeper than {MAX_DEPTH}", Fault.TOO_LARGE)
_SURROGATE_ESCAPE = r"\\u[dD][89a-fA-F]"


def parse_json(body: bytes) -> object:
    """
    Read one JSON document, by orjson where it is installed.

    A byte order mark is ignored, and the last of duplicate keys wins. An integer beyond 64 bits is
    exact, or with orjson a float.

    Raises:
        ResponseFormatError: The body is not UTF-8 or not JSON, holds NaN, an infinite number or
            half a surrogate pair, or nests deeper than 200.
    """
    return parse_with(fastest_loads(), body)


def parse_with(loads: Loads, body: bytes) -> object:
    """Read one JSON document by the given parser, under the rules of `parse_json`."""
    value = parse_unbounded(body, loads)
    # Most have too few brackets for it: to count them costs next to nothing.
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _nests_deeper_than(value, MAX_DEPTH):
        raise _not_usable(*_TOO_DEEP)
    return value


def parse_unbounded(body: bytes, loads: Loads | None = None) -> object:
    """
    Read one JSON document that may nest as deep as the parser goes.

    For what becomes models: to look how deep a page nests costs a tenth of reading it, and nothing
    here follows a document further down than its models go.
    """
    try:
        return (loads or fastest_loads())(body.removeprefix(BOM_UTF8))
    except RecursionError:
        problem, fault = _TOO_DEEP
    except ValueError as error:
        # orjson has a depth limit of its own, and no exception of its own for it.
        problem, fault = _TOO_DEEP if "depth" in str(error) else (_explain(error), Fault.MALFORMED)
    # Raised outside of the handlers: the parser's own error holds the whole body.
    raise _not_usable(problem, fault)


def _not_usable(problem: str, fault: Fault) -> ResponseFormatError:
    return ResponseFormatError(
        f"The answer is not usable JSON: {problem}", place="body", fault=fault
    )


@functools.cache
def fastest_loads() -> Loads:
    """The parser to use: orjson's if it can be imported, else the standard library's."""
    try:
        orjson = importlib.import_module("orjson")
    except ImportError:
        return stdlib_loads
    return cast("Loads", orjson.loads)


def stdlib_loads(body: bytes) -> object:
    """The standard library's parser, made as strict as orjson."""
    text = body.decode("utf-8")
    value: object = json.loads(
        # No `parse_int`: a call for each integer takes a tenth of the time.
        text,
        parse_float=_finite,
        parse_constant=_refuse_constant,
    )
    if "\\" in text and re.search(_SURROGATE_ESCAPE, text):
        # Raises UnicodeEncodeError, a ValueError, for half a pair.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def _explain(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (line {error.lineno}, column {error.colno})"
    if isinstance(error, UnicodeError):
        return "its text is not valid Unicode"
    return "a number out of range"


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError
    return number


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError


def _nests_deeper_than(value: object, limit: int) -> bool:
    # The collector's own walk, level by level: of a parsed document it visits just the keys and
    # values, and it costs a third of the same loop in Python.
    level: list[Any] = [value]
    for _ in range(limit):
        level = gc.get_referents(*level)
        if not level:
            return False
    return any(isinstance(element, (dict, list)) for element in level)
