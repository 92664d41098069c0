"""
Bytes to JSON values and back, by orjson or by the standard library, which do the same.

Integers are exact. orjson reads those beyond 64 bits as the nearest float, so that documents which
have one are read by the standard library.
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
"""The maximum nesting of arrays and objects; deeper values could overflow the caller's stack."""

LARGE: Final = 2 * 1024 * 1024
"""Bytes from which a body is decoded in parts, in a thread: it would block the event loop."""

_TOO_DEEP: Final = (f"nested deeper than {MAX_DEPTH}", Fault.TOO_LARGE)
SURROGATE_ESCAPE: Final = r"\\u[dD][89a-fA-F]"
_LARGE_INTEGER = rb"(?:\A|[\s:,\[])(?:-[0-9]{19}|[0-9]{20})[0-9]*(?=[\s,\]}]|\Z)"
_STRIDE: Final = 4
# Not float: the two write some numbers with an exponent differently.
_PLAIN: Final = frozenset[object]({dict, list, tuple, str, bool, int, type(None)})
_MOST_VALUES: Final = 4_000_000
_DIGITS_TO_ZERO: Final = bytes(
    ord("0") if chr(code).isdigit() and code < 128 else ord(" ") for code in range(256)
)


def parse_json(body: bytes) -> object:
    """
    Read one JSON document, by orjson if it is installed.

    A byte order mark is ignored, the last of duplicate keys wins, and integers are exact.

    Raises:
        ResponseFormatError: The body is not UTF-8 or not JSON, has NaN, an infinite number or half
            a surrogate pair, or nests deeper than 200.
    """
    return parse_with(None, body)


def parse_with(loads: Loads | None, body: bytes) -> object:
    """Parse one JSON document with the given parser, by the rules of `parse_json`."""
    value = parse_unbounded(body, loads)
    # Each level has two brackets; most documents have too few of them, and counting is cheap.
    if (
        len(body) > 2 * MAX_DEPTH
        and body.count(b"{") + body.count(b"[") > MAX_DEPTH
        and _nests_deeper_than(value, MAX_DEPTH)
    ):
        raise _not_usable(*_TOO_DEEP)
    return value


def parse_unbounded(body: bytes, loads: Loads | None = None) -> object:
    """
    Parse one JSON document without a limit on its nesting, except the parser's own.

    For documents that become models: measuring the depth of a page takes a tenth of the time of
    parsing it, and decoding follows a document only as deep as its models go.
    """
    if loads is None and len(body) >= LARGE:
        from fivetran_async._codec._parts import parse_in_parts  # noqa: PLC0415 - rarely needed

        return parse_in_parts(body)
    try:
        return (loads or fastest_loads())(body.removeprefix(BOM_UTF8))
    except RecursionError:
        problem, fault = _TOO_DEEP
    except ValueError as error:
        # orjson has a depth limit, but raises the same exception for it as for other errors.
        problem, fault = _TOO_DEEP if "depth" in str(error) else (_explain(error), Fault.MALFORMED)
    # Raised outside of the handlers, because the error of the parser holds the whole body.
    raise _not_usable(problem, fault)


def _not_usable(problem: str, fault: Fault) -> ResponseFormatError:
    return ResponseFormatError(f"The body is not usable JSON: {problem}", place="body", fault=fault)


@functools.cache
def fastest_loads() -> Loads:
    """Return the parser of orjson if it can be imported, else of the standard library."""
    loads = rounding_loads()
    if loads is stdlib_loads:
        return loads

    def exact_loads(body: bytes) -> object:
        return stdlib_loads(body) if has_large_integer(body) else loads(body)

    return exact_loads


@functools.cache
def rounding_loads() -> Loads:
    """Return the same parser without the check for integers that orjson would round."""
    try:
        orjson = importlib.import_module("orjson")
    except ImportError:
        return stdlib_loads
    return cast("Loads", orjson.loads)


def has_large_integer(body: bytes) -> bool:
    """Return True if a document may have an integer beyond 64 bits; False is certain."""
    # Of 19 digits in a row, every fourth place has four: looking at those costs a hundredth of
    # reading the document, and few documents go on to the pattern, which costs more than reading.
    sample = body[::_STRIDE].translate(_DIGITS_TO_ZERO)
    return b"0000" in sample and re.search(_LARGE_INTEGER, body) is not None


def stdlib_loads(body: bytes) -> object:
    """Parse with the standard library, as strictly as orjson."""
    text = body.decode("utf-8")
    value: object = json.loads(
        # No `parse_int`: calling it for each integer costs a tenth of the time.
        text,
        parse_float=finite,
        parse_constant=refuse_constant,
    )
    if "\\" in text and re.search(SURROGATE_ESCAPE, text):
        # Raises UnicodeEncodeError, a ValueError, for half of a surrogate pair.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def write_json(encoded: object) -> bytes:
    """Return the bytes of a value that `encode` returned."""
    return json.dumps(encoded, ensure_ascii=False, separators=(",", ":")).encode()


def write_plain(value: object) -> bytes | None:
    """
    Return the bytes of a value that needs no encoding; None if it may need some, or without orjson.

    Such a value consists of dicts, lists, tuples, text, booleans, None and integers of 64 bits.
    """
    dumps = _fastest_dumps()
    if dumps is None or not _is_plain(value):
        return None
    try:
        return dumps(value)
    except TypeError:
        # A key that is not text, a large integer, half of a surrogate pair.
        return None


@functools.cache
def _fastest_dumps() -> Callable[[object], bytes] | None:
    try:
        orjson = importlib.import_module("orjson")
    except ImportError:
        return None
    return cast("Callable[[object], bytes]", orjson.dumps)


def _is_plain(value: object) -> bool:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        if not _PLAIN.issuperset(map(type, level)):
            return False
        # As in `_nests_deeper_than`.
        level = gc.get_referents(*level)
        if not level:
            return True
        if len(level) > _MOST_VALUES:
            # It may contain itself, twice at each level.
            return False
    return False


def _explain(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (line {error.lineno}, column {error.colno})"
    if isinstance(error, UnicodeError):
        return "its text is not valid Unicode"
    return "a number out of range"


def finite(text: str) -> float:
    """Convert a number; raise ValueError if it is infinite."""
    number = float(text)
    if math.isinf(number):
        raise ValueError
    return number


def refuse_constant(_: str) -> NoReturn:
    """Raise ValueError for NaN and infinity, which are not JSON."""
    raise ValueError


def _nests_deeper_than(value: object, limit: int) -> bool:
    # The garbage collector lists the keys and values of one level after the other, in a third of
    # the time of the same loop in Python.
    level: list[Any] = [value]
    for _ in range(limit):
        level = gc.get_referents(*level)
        if not level:
            return False
    return any(isinstance(element, (dict, list)) for element in level)
