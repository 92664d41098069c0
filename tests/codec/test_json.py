"""Parsing JSON: both parsers agree, and all errors are ResponseFormatError."""

import importlib.util
import itertools
import json
import subprocess
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fivetran_async._codec._json import (
    Loads,
    fastest_loads,
    has_large_integer,
    parse_json,
    parse_with,
    stdlib_loads,
)
from fivetran_async.errors import Fault, ResponseFormatError
from support.each import for_each
from support.samples import sample

PARSERS = [
    pytest.param(stdlib_loads, id="json"),
    # The parser of orjson, if it is installed.
    pytest.param(fastest_loads(), id="fastest"),
]
DEEPEST = b"[" * 200 + b"]" * 200

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=12,
)
NEARLY_JSON = st.text(st.sampled_from('[]{},:"\\/ 0123456789.eE+-truefalsnNaIity\ud7ff\t\n'))


def outcome(loads: Loads, body: bytes) -> str:
    """Return what a parser makes of a body: the repr of the value, or the refusal."""
    try:
        return repr(parse_with(loads, body))
    except ResponseFormatError:
        return "refused"


@pytest.mark.parametrize("loads", PARSERS)
@for_each(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"{} x",
        b"[1,]",
        b"01",
        b"<html>",
        b"NaN",
        b"[-Infinity]",
        b"1e400",
        b"1" * 5000,
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b'{"\\udc00": 1}',
        b'"a\tb"',
        b"[" * 201 + b"]" * 201,
        b'{"a":' * 150 + b"[" * 51 + b"1" + b"]" * 51 + b"}" * 150,
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
    ],
)
def test_unusable_json_is_refused(loads: Loads, body: bytes) -> None:
    """Both parsers refuse the same bodies, with an error that does not contain the body."""
    with pytest.raises(ResponseFormatError) as caught:
        parse_with(loads, body)
    assert caught.value.place == "body"
    assert caught.value.__context__ is None


@pytest.mark.parametrize("loads", PARSERS)
@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b' [1, 2.5, null, true, {"a": "b"}] ', [1, 2.5, None, True, {"a": "b"}]),
        (b"\xef\xbb\xbf{}", {}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'"\\ud83d\\ude00 \\\\ud800"', "\U0001f600 \\ud800"),
        (b"18446744073709551615", 2**64 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b"1e-400", 0.0),
        (DEEPEST, json.loads(DEEPEST)),
    ],
    ids=lambda value: repr(value)[:12],
)
def test_usable_json_is_read_alike(loads: Loads, body: bytes, value: object) -> None:
    """Both parsers read the same value from the same body."""
    read = parse_with(loads, body)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("loads", PARSERS)
@for_each(
    "around, number",
    itertools.product(
        [b"%s", b"[%s]", b'{"a":%s}', b'{"a": %s , "b": 1}', b"[1,%s,2]"],
        [2**64, -(2**63) - 1, -(2**65), 10**30 + 7, 10**300 + 7],
    ),
)
def test_an_integer_beyond_64_bits_is_exact(loads: Loads, around: bytes, number: int) -> None:
    """
    With orjson too, wherever it stands, and to the last digit.

    Siblings: ids of models, which are never a rounded float (`test_decoding`).
    """
    for indent in range(8):
        body = b" " * indent + around % str(number).encode()
        assert str(number) in str(parse_with(loads, body))


@pytest.mark.parametrize(
    "body",
    [
        b"18446744073709551615",
        b'"12345678901234567890123"',
        b"0.12345678901234567890123",
        b"1" * 18,
    ],
)
def test_other_numbers_are_left_to_the_fast_parser(body: bytes) -> None:
    """Long fractions, texts of digits and 64-bit integers do not cost a slower parser."""
    assert not has_large_integer(body.replace(b"18446744073709551615", b"9223372036854775807"))


@pytest.mark.parametrize("loads", PARSERS)
def test_too_deep_differs_from_malformed(loads: Loads) -> None:
    """A body with too many levels has a fault of its own."""
    with pytest.raises(ResponseFormatError, match="deeper than 200") as caught:
        parse_with(loads, b"[" + DEEPEST + b"]")
    assert caught.value.fault is Fault.TOO_LARGE


@settings(max_examples=sample(50, 2_000))
@given(JSON_VALUES)
@example(-0.0)
def test_any_document_survives(value: object) -> None:
    """Both parsers read every document that `json` writes."""
    body = json.dumps(value).encode()
    assert outcome(stdlib_loads, body) == repr(value)
    assert outcome(fastest_loads(), body) == repr(value)


@settings(max_examples=sample(100, 5_000))
@given(NEARLY_JSON | st.text(st.characters(codec="utf-8")))
@example("[20000000000000000000]")
@example("-9223372036854775809")
@example("1" * 310)
def test_parsers_agree_on_any_text(text: str) -> None:
    """Both parsers refuse a text or return the same value."""
    body = text.encode()
    assert outcome(stdlib_loads, body) == outcome(fastest_loads(), body)


@settings(max_examples=sample(50, 2_000))
@given(st.binary())
def test_parsers_agree_on_any_bytes(body: bytes) -> None:
    """Both parsers refuse bytes or return the same value."""
    assert outcome(stdlib_loads, body) == outcome(fastest_loads(), body)


def test_orjson_is_used_where_it_is_installed() -> None:
    """The parser of the standard library is only the fallback."""
    is_installed = importlib.util.find_spec("orjson") is not None
    assert (fastest_loads() is not stdlib_loads) == is_installed
    assert parse_json(b"[1.5]") == [1.5]


@pytest.mark.slow
def test_orjson_is_not_needed() -> None:
    """Without orjson the parser of the standard library is used."""
    program = (
        "import sys; sys.modules['orjson'] = None\n"
        "from fivetran_async._codec._json import *\n"
        "assert fastest_loads() is stdlib_loads and parse_json(b'[1]') == [1]\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
