"""Parsing in parts: the same values and errors as parsing at once."""

# ruff: noqa: S311 - nothing is kept secret by these.

from __future__ import annotations

import json
import random

import pytest

from fivetran_async._codec import parse_unbounded
from fivetran_async._codec._json import stdlib_loads
from fivetran_async._codec._parts import parse_in_parts
from fivetran_async.errors import ResponseFormatError
from support.documents import Documents
from support.samples import sample

DOCUMENTS = Documents(["id", "naïve", 'a "quoted" \\ key', ""], depth=8)
SPACES = (" ", "\n", "\t", "\r\n", "")


def parsed(body: bytes, *, in_parts: bool) -> str:
    """Return a value with its types and the order of its keys, or the error."""
    try:
        value = parse_in_parts(body) if in_parts else parse_unbounded(body, stdlib_loads)
    except ResponseFormatError as error:
        return f"{error.place} {error.fault}"
    return repr(value)


def test_every_document_is_parsed_alike() -> None:
    """Random documents, half of them damaged, have the same value or the same kind of error."""
    for _ in range(sample(1_000, 20_000)):
        separators = (f"{random.choice(SPACES)},", f":{random.choice(SPACES)}")
        text = json.dumps(
            DOCUMENTS.value(), ensure_ascii=random.random() < 0.5, separators=separators
        )
        body = f"{random.choice(SPACES)}{text}{random.choice(SPACES)}".encode()
        if random.random() < 0.5:
            at = random.randrange(len(body))
            inserted = random.choice((b"", b",", b"}", b"]", b'"', b"\xff", b"0", b" ", b"\\"))
            body = body[:at] + inserted + body[at + random.choice((0, 1)) :]
        assert parsed(body, in_parts=True) == parsed(body, in_parts=False), body


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[", b"[1", b"[1,]", b'{"a"}', b'{"a":}', b'{"a":1,}', b"{1:2}", b"[1]2"),
        *(b"[]", b"{}", b" [ ] ", b' { "a" : [ { } ] } ', b'{"a":1,"a":2}', b"\xef\xbb\xbf[1]"),
        *(b'["\\ud83d\\ude00"]', b'["\\ud83d"]', b"[NaN]", b"[1e999]", b"[" * 5_000),
        *(b"[123456789012345678901234567890]", b"[[[[[[[[[[1]]]]]]]]]]"),
    ],
)
def test_edges_are_parsed_alike(body: bytes) -> None:
    """Errors of the outer levels, which are read in Python, are those of a parser."""
    assert parsed(body, in_parts=True) == parsed(body, in_parts=False)
