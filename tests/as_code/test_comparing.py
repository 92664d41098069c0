"""What the server normalizes is equal; everything else differs."""

from __future__ import annotations

import time

import pytest

from fivetran_async.as_code import UNSET
from fivetran_async.as_code._comparing.canonical import is_empty, same
from fivetran_async.as_code._comparing.leaves import with_leaves
from fivetran_async.as_code._kinds.rules import KINDS_BY_NAME
from fivetran_async.as_code._kinds.values import FieldPath

CONNECTIONS = KINDS_BY_NAME["connections"]


@pytest.mark.parametrize(
    ("path", "one", "other"),
    [
        (("config", "port"), 5432, "5432"),
        (("config", "ratio"), 1.0, 1),
        (("config", "flag"), True, "true"),
        (("config", "flag"), "False", False),
        (("networking_method",), "Directly", "DIRECTLY"),
        (("networking_method",), "SshTunnel", "SSH_TUNNEL"),
        (("config", "update_method"), "QUERY_BASED", "query_based"),
        (("config", "tables"), ["b", "a"], ["a", "b"]),
        (("config", "ports"), [1, "2"], ["2", "1"]),
        (("config",), {"a": None, "b": ""}, {}),
        (("config", "x"), None, UNSET),
        (("config", "x"), [], None),
        (("daily_sync_time",), None, "00:00"),
        (("schedule", "days_of_week"), ["MONDAY", "FRIDAY"], ["friday", "monday"]),
        (
            ("config", "reports"),
            [{"table": "a", "n": 1}, {"table": "b", "n": 2}],
            [{"table": "b", "n": "2"}, {"table": "a", "n": 1, "x": None}],
        ),
    ],
)
def test_normalized_values_are_equal(path: tuple[str, ...], one: object, other: object) -> None:
    """Numbers as text, letter case, order of sets, empty values and defaults do not count."""
    assert same(CONNECTIONS, "postgres", path, one, other)
    assert same(CONNECTIONS, "postgres", path, other, one)


@pytest.mark.parametrize(
    ("path", "one", "other"),
    [
        (("config", "database"), "crm", "CRM"),
        (("config", "port"), 5432, "5433"),
        (("config", "port"), "05432", "5432"),
        (("config", "x"), 0, None),
        (("paused",), False, None),
        (("daily_sync_time",), None, "01:00"),
        (("config", "x"), False, 0),
        (("config", "x"), "", " "),
        (("config", "ids"), ["a", "a"], ["a", "b"]),
        (("config", "ids"), ["a"], ["a", "a"]),
        (("config", "steps"), [{"n": 1}, {"n": 2}], [{"n": 2}, {"n": 1}]),
        (("config", "x"), {"a": 1}, "a"),
        (("config", "x"), [1], {"a": 1}),
        (("config", "p"), {"$secret": "keep"}, {"$secret": "env:X"}),
    ],
)
def test_other_values_differ(path: tuple[str, ...], one: object, other: object) -> None:
    """Letter case of names, order of lists of objects, and types without a conversion count."""
    assert not same(CONNECTIONS, "postgres", path, one, other)
    assert not same(CONNECTIONS, "postgres", path, other, one)


@pytest.mark.parametrize("value", [None, "", [], {}, {"a": {"b": None}}, UNSET])
def test_empty_values_are_empty(value: object) -> None:
    """Objects without a value inside are empty, too; False and 0 are values."""
    assert is_empty(value)
    assert not is_empty(False)  # noqa: FBT003 - a value
    assert not is_empty(0)


def seconds_for(columns: int) -> float:
    """Return the processor time of changing each column of a table."""
    leaves: dict[FieldPath, object] = {("columns", f"c{n}", "hashed"): True for n in range(columns)}
    values = {"columns": {f"c{n}": {"hashed": False} for n in range(columns)}}

    def once() -> float:
        began = time.process_time()
        changed = with_leaves(values, leaves)
        ended = time.process_time()
        assert changed == {"columns": {f"c{n}": {"hashed": True} for n in range(columns)}}
        return ended - began

    return min(once() for _ in range(3))


def test_many_leaves_of_one_object_copy_it_once() -> None:
    """A table with thousands of changed columns costs one copy, not one for each column."""
    # 64 times as many columns take about 150 times as long, and five times that is allowed; with a
    # copy for each, 2,000 times.
    assert seconds_for(32_000) < 750 * seconds_for(500)


def test_leaves_are_set_in_their_order() -> None:
    """A later value replaces what is below it, and members of a new value are set after it."""
    values = {"a": {"b": 1, "c": 2}, "list": [{"table": "x", "n": 1}, {"table": "y", "n": 1}]}
    assert with_leaves(values, {("a", "b"): 5, ("a",): {"d": 1}, ("a", "e"): 2}) == {
        "a": {"d": 1, "e": 2},
        "list": values["list"],
    }
    assert with_leaves(values, {("a", "b"): UNSET, ("z", "y"): UNSET}) == {
        "a": {"c": 2},
        "list": values["list"],
        "z": {},
    }
