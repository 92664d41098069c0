"""Bodies of requests: the same bytes and errors, whether orjson writes them or not."""

# ruff: noqa: S311 - nothing is kept secret by these.

from __future__ import annotations

import enum
import json
import random
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.util import find_spec

import pytest

from fivetran_async._codec import encode, write_json, write_plain
from fivetran_async._http.body import json_body
from fivetran_async._types import UNSET
from fivetran_async.errors import InvalidArgumentError
from fivetran_async.models import ColumnUpdate, SchemaUpdate, TableUpdate
from support.documents import Documents
from support.each import for_each
from support.samples import sample

DOCUMENTS = Documents(["id", "naïve", 'a "quoted" \\ key', "", "\u2028"], depth=5)


class Color(enum.StrEnum):
    """An enum of the caller."""

    RED = "red"


class Level(enum.IntEnum):
    """An integer enum of the caller."""

    HIGH = 3


class Text(str):
    """A subclass of the caller."""

    __slots__ = ()


def nested(levels: int) -> object:
    """Return a list in a list in a list."""
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


SELF_CONTAINING: list[object] = []
SELF_CONTAINING.extend([SELF_CONTAINING, SELF_CONTAINING])


def written(values: Mapping[str, object], *, plainly: bool) -> bytes | str:
    """Return the bytes of a body, or the message of its error."""
    try:
        return json_body(values) if plainly else write_json(encode(values))
    except InvalidArgumentError as error:
        return error.message


@for_each(
    "value",
    [
        *(None, True, 7, -1, 0.5, 1e16, 1e-7, float("nan"), float("inf"), -0.0, 10**30, 2**64 - 1),
        *("", "é🙂", "\x00\x1f\x7f\u2028/", "\ud800", Text("x"), Color.RED, Level.HIGH),
        *([], {}, (), (1, (2,)), [UNSET, 1], {"a": UNSET}, {1: 2}, {Color.RED: 1}, {"\ud800": 1}),
        *(b"x", {1}, uuid.UUID(int=0), datetime(2026, 1, 1, tzinfo=UTC), object, iter([1])),
        *(nested(198), nested(199), nested(200), SELF_CONTAINING),
        SchemaUpdate(tables={"t": TableUpdate(columns={"c": ColumnUpdate(enabled=False)})}),
    ],
)
def test_values_are_written_as_they_are_encoded(value: object) -> None:
    """Every value has the same bytes, or is refused with the same message."""
    values = {"given": value, "not_given": UNSET}
    assert written(values, plainly=True) == written(values, plainly=False)


def test_any_body_is_written_as_it_is_encoded() -> None:
    """Random documents have the same bytes."""
    for _ in range(sample(300, 10_000)):
        values = {"schemas": DOCUMENTS.value(), "x": random.choice((UNSET, None, "y", (1, 2)))}
        assert written(values, plainly=True) == written(values, plainly=False)


@pytest.mark.skipif(find_spec("orjson") is None, reason="needs orjson")
def test_orjson_writes_plain_values() -> None:
    """Dicts, lists, text, booleans and integers are not copied first; other values are."""
    plain = {"a": [{"b": (True, None, "é", 7)}]}
    assert write_plain(plain) == json.dumps(plain, ensure_ascii=False).replace(" ", "").encode()
    for value in (0.5, Color.RED, uuid.UUID(int=0), UNSET, {1: 2}, 2**64, "\ud800"):
        assert write_plain({"a": [value]}) is None
