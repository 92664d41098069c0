"""The output of models."""

from __future__ import annotations

import collections
from typing import Any

import pytest

from fivetran_async.cli._filters import ConnectionFilter
from fivetran_async.cli._specs_of_connections import FilterOptions
from fivetran_async.cli._views import (
    GroupTally,
    account_summary,
    connection_record,
    duration_text,
    group_record,
    groups_table,
    outcome_summary,
    state_of,
    switched_record,
)
from fivetran_async.models import Connection, ConnectionStatus, Group
from fivetran_async.syncs import SyncOutcome


def connection(setup: str = "connected", sync: str = "scheduled", **fields: object) -> Connection:
    """Return a connection in a state."""
    status = {"setup_state": setup, "sync_state": sync}
    return Connection.from_dict({"id": "one", "service": "postgres", "status": status, **fields})


@pytest.mark.parametrize(
    ("shown", "state"),
    [
        (connection(), "scheduled"),
        (connection(sync="SYNCING"), "syncing"),
        (connection(paused=True), "paused"),
        (connection("broken", "paused"), "paused"),
        (connection("BROKEN"), "broken"),
        (connection("incomplete"), "incomplete"),
        (connection("of_tomorrow"), "of_tomorrow"),
        (connection("", ""), "unknown"),
        (Connection(id="one", status=ConnectionStatus()), "unknown"),
    ],
)
def test_state_is_one_word(shown: Connection, state: str) -> None:
    """A pause comes first, then a setup problem, then the state of the syncs."""
    assert state_of(shown) == state


@pytest.mark.parametrize(
    ("services", "states", "wanted"),
    [
        ((), (), True),
        (("Postgres",), (), True),
        (("mysql",), (), False),
        ((), ("SCHEDULED",), True),
        ((), ("paused",), False),
        (("mysql", "postgres"), ("paused", "scheduled"), True),
        (("mysql",), ("scheduled",), False),
    ],
)
def test_filters_take_any_letter_case(
    services: tuple[str, ...],
    states: tuple[str, ...],
    wanted: bool,  # noqa: FBT001 - a table's column
) -> None:
    """A connection must match all filters, and of each filter any value."""
    options = FilterOptions(command="connections", service=services, state=states)
    assert ConnectionFilter(options).wants(connection()) is wanted


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0s"), (59.6, "1m 0s"), (312, "5m 12s"), (3_600, "1h 0m"), (90_061, "25h 1m")],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    """A duration has at most two units, and never 60 of one."""
    assert duration_text(seconds) == text


def test_states_in_use_get_columns() -> None:
    """Known states keep their order, new ones follow, and unused ones are omitted."""
    tally = GroupTally(
        Group(id="a", name="A"), collections.Counter(of_tomorrow=1, broken=2, scheduled=3)
    )
    empty = GroupTally(Group(id="b", name="B"))
    table = groups_table([tally, empty])
    assert table.headings == ("group", "id", "connections", "scheduled", "broken", "of_tomorrow")
    assert group_record(tally, table).row == ("A", "a", 6, 3, 2, 1)
    assert group_record(empty, table).row == ("B", "b", 0, None, None, None)


def test_failed_groups_are_counted_separately() -> None:
    """The number of its connections is unknown, and the summary counts it as not read."""
    tally = GroupTally(Group(id="a", name="A"), failure=ValueError("no"))
    table = groups_table([tally])
    assert group_record(tally, table).row == ("A", "a", "?")
    assert group_record(tally, table).document()["error"] == "no"
    assert account_summary([tally]).fields == (
        ("groups", "1 (1 could not be read)"),
        ("connections", "0"),
    )


class Undocumented(Connection):
    """A connection that cannot be converted to a document."""

    def to_dict(self, *_: object, **__: object) -> dict[str, Any]:
        """Fail: the test expects no call."""
        raise LookupError("a document was made")


def test_documents_are_made_on_demand() -> None:
    """Rows do not create documents, which would dominate the time of large plain outputs."""
    shown = Undocumented(id="one", schema="shop")
    outcome = SyncOutcome(connection_id="one", status="succeeded", connection=shown)
    for made in (
        connection_record(shown),
        switched_record(shown, "pause", dry_run=False),
        outcome_summary(outcome, 1.0),
    ):
        with pytest.raises(LookupError):
            made.document()
