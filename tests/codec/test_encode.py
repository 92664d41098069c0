"""Encoding: the values that are sent, and those that are refused before any request."""

import enum
import json
from collections import UserDict, UserList, deque
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from fivetran_async._codec._encode import encode
from fivetran_async._model import Model, field, model
from fivetran_async._types import UNSET, Unset
from fivetran_async.errors import InvalidArgumentError


class Color(enum.StrEnum):
    """An enum of the caller."""

    RED = "red"


class Level(enum.IntEnum):
    """An integer enum of the caller."""

    HIGH = 3


@model
class Patch(Model):
    """A request with optional fields."""

    enabled: bool | Unset = UNSET
    comment: str | Unset | None = UNSET
    limit: int = 10
    columns: Mapping[str, object] = field(factory=dict)
    parent_id: str = field(default="", wire="parentId")


def nested(levels: int) -> list[object]:
    """A list in a list in a list."""
    value: list[object] = []
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (None, None),
        (True, True),
        ("text", "text"),
        (Color.RED, "red"),
        (Level.HIGH, 3),
        (2**64 - 1, 2**64 - 1),
        (10**30, 10**30),
        (1.5, 1.5),
        ((1, [2], deque([3]), UserList([4])), [1, [2], [3], [4]]),
        (UserDict({"a": (1,)}), {"a": [1]}),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (datetime(1, 2, 3, microsecond=70, tzinfo=UTC), "0001-02-03T00:00:00.000070Z"),
        (datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=2))), "2026-01-01T22:00:00Z"),
        ({"a": UNSET, "b": {"c": UNSET, "d": None}, "e": [UNSET, 1]}, {"b": {"d": None}, "e": [1]}),
    ],
    ids=repr,
)
def test_python_values_become_json(value: object, encoded: object) -> None:
    """Sequences, mappings, enums and aware times become JSON values."""
    result = encode(value)
    assert result == encoded
    assert json.loads(json.dumps(result)) == encoded


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"config": {"password": {"s3cret"}}}, "config.password is a set"),
        ({"config": {"key": b"s3cret"}}, "config.key is a bytes"),
        ({"tables": [1, object()]}, "tables[1] is a object"),
        ({"odd key": {"x": float("nan")}}, '["odd key"].x is not a finite number'),
        ({"x": float("-inf")}, "x is not a finite number"),
        ({"x": -(10**309)}, "x is an integer out of range"),
        ({"at": datetime(2026, 1, 1)}, "at has no time zone"),  # noqa: DTZ001
        ({"at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2)))}, "outside the years"),
        ({"at": date(2026, 1, 1)}, "at is a date"),
        ({"x": {1: 2}}, "x has a key of type int"),
        ({"x": "\ud800"}, "x contains characters that UTF-8 cannot encode"),
        ({"\ud800": 1}, "the value contains characters that UTF-8 cannot encode"),
        (nested(201), "is nested deeper than 200"),
        (UNSET, "the value is a Unset"),
        ({"list": iter([1])}, "list is a list_iterator"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_values_that_json_cannot_represent_are_refused(value: object, message: str) -> None:
    """The error names the key, and neither the error nor its context contains the value."""
    with pytest.raises(InvalidArgumentError) as caught:
        encode(value)
    assert message in str(caught.value)
    assert "s3cret" not in repr(caught.value)
    assert caught.value.__context__ is None


def test_a_cycle_is_refused() -> None:
    """A mapping that contains itself raises an error instead of an overflow."""
    cycle: dict[str, object] = {}
    cycle["self"] = cycle
    with pytest.raises(InvalidArgumentError, match="nested deeper"):
        encode(cycle)


def test_a_full_stack_is_refused() -> None:
    """Encoding with an almost full stack raises InvalidArgumentError."""

    def dig(levels: int) -> None:
        try:
            dig(levels + 1)
        except RecursionError:
            with pytest.raises(InvalidArgumentError, match="nested"):
                encode(nested(200))

    dig(0)


def test_the_deepest_value_is_encoded() -> None:
    """200 levels of nesting are allowed."""
    assert encode(nested(200)) == nested(200)


def test_encoded_values_are_new() -> None:
    """Changing the encoded value does not change the argument."""
    value = {"list": [1]}
    encoded = encode(value)
    assert isinstance(encoded, dict)
    encoded["list"] = []
    assert value == {"list": [1]}


@pytest.mark.parametrize(
    ("patch", "encoded"),
    [
        (Patch(), {}),
        (Patch(enabled=False, comment=None), {"enabled": False, "comment": None}),
        (Patch(limit=10, columns={}), {}),
        (
            Patch(limit=0, columns={"a": {"hashed": True}}),
            {"limit": 0, "columns": {"a": {"hashed": True}}},
        ),
        (Patch(parent_id="p"), {"parentId": "p"}),
        (Patch(extra={"new": UNSET, "other": [Patch(limit=1)]}), {"other": [{"limit": 1}]}),
    ],
)
def test_models_are_sent_without_defaults(patch: Patch, encoded: object) -> None:
    """A field with its default or UNSET is omitted; None is sent as null."""
    assert encode(patch) == encoded


def test_places_start_with_the_name_given() -> None:
    """Places start with the name of the whole value."""
    with pytest.raises(InvalidArgumentError, match=r"^auth\.token\[0\] is a bytes"):
        encode({"token": [b""]}, place="auth")
