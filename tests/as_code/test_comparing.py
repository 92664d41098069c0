"""What the server normalizes is equal; everything else differs."""

from __future__ import annotations

import pytest

from fivetran_async.as_code import UNSET
from fivetran_async.as_code._comparing.canonical import is_empty, same
from fivetran_async.as_code._kinds.rules import KINDS_BY_NAME

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
