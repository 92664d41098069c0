"""Rows from drivers, and the objects made from them."""

from __future__ import annotations

import collections
import json
import sqlite3
import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fivetran_async import InvalidArgumentError, ResponseFormatError
from fivetran_async.sync_logs import (
    AuditTrailEntry,
    ConnectorSdkLogEntry,
    LogEntry,
    LoggedSync,
    LogRow,
    MonthlyActiveRows,
    RecordsModified,
    SyncMetrics,
)
from support.samples import sample

KINDS: Final = (
    LogEntry,
    ConnectorSdkLogEntry,
    AuditTrailEntry,
    MonthlyActiveRows,
    LoggedSync,
    RecordsModified,
    SyncMetrics,
)
NOON: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
ROW: Final = {"id": "log_1", "time_stamp": "2026-11-20T12:00:00Z", "message_event": "sync_end"}
ENTRY: Final = LogEntry(id="log_1", time_stamp=NOON, message_event="sync_end")


def test_rows_without_message_event() -> None:
    """A row with its routine in `event`, as in fivetrex's documentation, is readable."""
    rows = [{"id": "log_1", "event": "sync_start"}, {"id": "log_2", "event": "sync_end"}]
    first, second = LogEntry.from_rows(rows)
    assert (first.event, first.is_sync_start, first.is_sync_end) == ("sync_start", True, False)
    assert (second.is_sync_start, second.is_sync_end) == (False, True)
    assert LogEntry(event="create_table").is_schema_change
    assert LogEntry(event="alter_table").is_schema_change
    assert not LogEntry(event="sync_start").is_schema_change


@pytest.mark.parametrize(
    ("event", "message_event", "severity", "routine"),
    [
        ("SEVERE", "sync_end", "SEVERE", "sync_end"),
        ("info", "sync_end", "INFO", "sync_end"),
        ("WARNING", "", "WARNING", ""),
        ("sync_start", "sync_end", "", "sync_end"),
        ("sync_start", "", "", "sync_start"),
        ("", "", "", ""),
    ],
)
def test_severity_and_routine(event: str, message_event: str, severity: str, routine: str) -> None:
    """`event` is the severity; it is the routine only in rows without `message_event`."""
    entry = LogEntry(event=event, message_event=message_event)
    assert (entry.severity, entry.routine) == (severity, routine)


def test_writing_to_a_table_is_not_a_schema_change() -> None:
    """A name that contains `table` does not make a routine a schema change."""
    for routine in ("write_to_table_start", "forced_resync_table", "resync_table"):
        assert not LogEntry(message_event=routine).is_schema_change
    assert LogEntry(message_event="change_schema_config").is_schema_change


def test_kinds_of_rows() -> None:
    """Mappings, named tuples, tuples with separate names and named rows give equal objects."""
    named = collections.namedtuple("named", list(ROW))  # type: ignore[misc]  # noqa: PYI024
    values = tuple(ROW.values())
    assert LogEntry.from_row(ROW) == ENTRY
    assert LogEntry.from_row({name.upper(): value for name, value in ROW.items()}) == ENTRY
    assert LogEntry.from_row(named(*values)) == ENTRY
    assert LogEntry.from_row(values, list(ROW)) == ENTRY
    assert LogEntry.from_rows([values, list(values)], [name.title() for name in ROW]) == [ENTRY] * 2


@pytest.mark.parametrize("with_names", [False, True])
def test_cursors(with_names: bool) -> None:  # noqa: FBT001
    """A cursor's rows are read by its column names, even if the rows have names."""
    connection = sqlite3.connect(":memory:")
    try:
        if with_names:
            connection.row_factory = sqlite3.Row
        sql = "SELECT 'log_1' AS ID, '2026-11-20 12:00:00+00:00' AS Time_Stamp, 'sync_end' AS"
        assert LogEntry.from_rows(connection.execute(f"{sql} MESSAGE_EVENT")) == [ENTRY]
        cursor = connection.execute(f"{sql} message_event UNION ALL {sql} x")
        assert LogEntry.from_rows(cursor.fetchall(), cursor.description) == [ENTRY, ENTRY]
        assert LogEntry.from_rows(connection.execute("SELECT 1 AS id WHERE 1 = 0")) == []
    finally:
        connection.close()


class AsyncCursor:
    """A cursor with coroutine methods."""

    description = (("id",),)

    async def fetchall(self) -> list[tuple[str]]:
        """Return the rows."""
        return [("log_1",)]


class IdleCursor:
    """A cursor that has executed no query."""

    description = None

    def fetchall(self) -> list[tuple[str]]:
        """Return no rows."""
        return []


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        ([("log_1",)], None, "columns is required"),
        ([("log_1", "x")], ["id"], "columns has 1 names, but the row has 2 values"),
        (["log_1"], ["id"], "a sequence of values, not str"),
        ([7], ["id"], "a sequence of values, not int"),
        (IdleCursor(), None, "the cursor has no result"),
        (AsyncCursor(), None, r"await cursor.fetchall\(\), cursor.description"),
    ],
)
def test_invalid_rows(rows: Any, columns: Any, message: str) -> None:  # noqa: ANN401
    """The error names the problem; no empty objects are made."""
    with pytest.raises(InvalidArgumentError, match=message):
        LogEntry.from_rows(rows, columns)


@pytest.mark.parametrize(
    "data",
    [
        {"status": "FAILURE", "n": [1, None, {"x": True}]},
        '{"status": "FAILURE", "n": [1, null, {"x": true}]}',
        json.dumps('{"status": "FAILURE", "n": [1, null, {"x": true}]}'),
        b'{"status": "FAILURE", "n": [1, null, {"x": true}]}',
    ],
)
def test_message_data_is_parsed(data: object) -> None:
    """Native JSON, its text, and the text of that text are equal."""
    entry = LogEntry.from_row({"MESSAGE_DATA": data, "message_event": "sync_end"})
    assert entry.message_data == {"status": "FAILURE", "n": [1, None, {"x": True}]}
    assert entry.status == "FAILURE"
    assert entry.is_failed_sync


@pytest.mark.parametrize("data", ["no JSON", "{", '"text"', "[1]", "12", "1" * 5000, "[" * 500])
def test_message_data_that_is_not_an_object(data: str) -> None:
    """Data that is not an object is a text, and no drift."""
    entry = LogEntry.from_row({"id": "1", "message_data": data})
    assert (entry.message_data, entry.extra) == ({}, {})
    assert entry.message_text == {'"text"': "text"}.get(data, data)
    assert LogEntry.from_dict(entry.to_dict()) == entry


@pytest.mark.parametrize(
    ("data", "text"), [([1, {"a": None}], '[1, {"a": null}]'), (12, "12"), (True, "true")]
)
def test_native_json_that_is_not_an_object(data: object, text: str) -> None:
    """Another value of a JSON column is the text of its JSON."""
    entry = LogEntry.from_row({"id": "1", "message_data": data})
    assert (entry.message_data, entry.message_text, entry.extra) == ({}, text, {})


@pytest.mark.parametrize("data", [None, "", "null", " ", float("nan")])
def test_no_message_data(data: object) -> None:
    """Null in any form is an empty mapping."""
    entry = LogEntry.from_row({"id": "1", "message_data": data})
    assert (entry.message_data, entry.extra) == ({}, {})


def test_details_in_two_spellings() -> None:
    """Details are found by their snake_case name in either spelling."""
    assert LogEntry(message_data={"operationType": "UPDATED"}).detail("operation_type") == "UPDATED"
    assert LogEntry(message_data={"operation_type": "X"}).detail("operation_type") == "X"
    assert LogEntry().detail("operation_type") is None
    task = LogEntry(message_data={"reason": "No key", "status": 5})
    assert (task.reason, task.status) == ("No key", "")


@pytest.mark.parametrize(
    ("status", "event", "failed"),
    [
        ("FAILURE", "INFO", True),
        ("failure_with_task", "INFO", True),
        ("FAILED", "", True),
        ("FAILURE_OF_2031", "INFO", True),
        ("SUCCESSFUL", "SEVERE", False),
        ("RESCHEDULED", "WARNING", False),
        ("CANCELED", "INFO", False),
        ("", "SEVERE", True),
        ("", "INFO", False),
    ],
)
def test_failed_syncs(status: str, event: str, failed: bool) -> None:  # noqa: FBT001
    """A sync failed if its end has a failure status, or has no status and is severe."""
    data = {"status": status} if status else {}
    assert (
        LogEntry(message_event="sync_end", event=event, message_data=data).is_failed_sync == failed
    )
    assert not LogEntry(message_event="error", event=event, message_data=data).is_failed_sync


@pytest.mark.parametrize(
    "time",
    [
        NOON,
        NOON.replace(tzinfo=None),
        NOON.astimezone(timezone(timedelta(hours=-5))),
        "2026-11-20T12:00:00Z",
        "2026-11-20 12:00:00.000",
        "2026-11-20T14:00:00.000000+02:00",
    ],
)
def test_times_are_in_utc(time: object) -> None:
    """A time is aware and in UTC, from any time zone of the driver or the text."""
    found = LogEntry.from_row({"time_stamp": time}).time_stamp
    assert found == NOON
    assert found is not None
    assert found.tzinfo is UTC


@pytest.mark.parametrize("time", ["yesterday", "", "null", 5, True, [], float("nan")])
def test_unreadable_times(time: object) -> None:
    """An invalid time is None and does not fail the row."""
    assert LogEntry.from_row({"id": "1", "time_stamp": time}).time_stamp is None


def test_both_id_columns() -> None:
    """The deprecated column fills in for an empty new one, and both values are kept."""
    assert LogEntry.from_row({"connector_id": "old"}).connection_id == "old"
    assert LogEntry.from_row({"connector_id": "old", "connection_id": None}).connection_id == "old"
    both = LogEntry.from_row({"connector_id": "old", "connection_id": "new"})
    assert (both.connection_id, both.connector_id) == ("new", "old")
    new = MonthlyActiveRows(connection_name="shop")
    # In old setups, the id holds the name.
    for old in ("connector_name", "connector_id", "connection_name"):
        assert MonthlyActiveRows.from_row({old: "shop"}) == new
    renamed = MonthlyActiveRows.from_row({"connector_id": "old", "connection_name": "new"})
    assert (renamed.connection_name, renamed.extra) == ("new", {"connector_id": "old"})
    assert (
        LogEntry.from_row({"transformation_id": "t", "connection_id": None}).connection_id is None
    )


def test_types_of_drivers() -> None:
    """Decimals, dates, UUIDs and bytes are converted to the model's types."""
    identity = uuid.UUID(int=7)
    rows = MonthlyActiveRows.from_row(
        {
            "measured_month": date(2026, 11, 1),
            "incremental_rows": Decimal(12),
            "destination_id": identity,
            "table_name": memoryview(b"orders"),
            "free_type": "paid",
        }
    )
    assert rows.measured_month == datetime(2026, 11, 1, tzinfo=UTC)
    assert (rows.incremental_rows, rows.is_paid) == (12, True)
    assert (rows.destination_id, rows.table_name) == (str(identity), "orders")
    sync = LoggedSync.from_row({"duration_seconds": Decimal("1.5")})
    assert sync.duration_seconds == 1.5


@pytest.mark.parametrize(
    ("number", "rows"),
    [
        (Decimal("1E+3"), 1000),
        (Decimal(2**63), 2**63),
        (Decimal("1.5"), 0),
        (Decimal("1E+999999"), 0),
        (Decimal("NaN"), 0),
        (Decimal("sNaN"), 0),
        (float("inf"), 0),
        (2**70, 0),
    ],
)
def test_odd_numbers(number: object, rows: int) -> None:
    """A number that is not a count is None, and is not slower to read than others."""
    assert RecordsModified.from_row({"row_count": number}).row_count == rows


def test_other_tables() -> None:
    """Rows of the SDK's log and of the audit trail have their own columns."""
    row = {"event_time": NOON, "level": "error", "message": "x", "connector_id": "c"}
    entry = ConnectorSdkLogEntry.from_row(row)
    assert (entry.event_time, entry.message, entry.connection_id) == (NOON, "x", "c")
    assert entry.is_error
    assert not ConnectorSdkLogEntry(level="WARNING").is_error
    change = AuditTrailEntry.from_row(
        {"user_id": "u", "captured_at": NOON, "old_values": "{}", "new_values": '{"key": "v"}'}
    )
    assert (change.captured_at, change.old_values, change.new_values) == (NOON, {}, {"key": "v"})
    assert "key" not in repr(change)


def test_unknown_columns_are_kept() -> None:
    """New columns of the table are in `extra`, with lower-case names."""
    entry = LogEntry.from_row({"ID": "1", "NEW_COLUMN": 1, "_FIVETRAN_SYNCED": NOON})
    assert entry.extra == {"new_column": 1}
    assert entry.fivetran_synced == NOON


def test_a_value_too_deep_to_walk_names_its_column() -> None:
    """A value that is nested too deep for JSON raises an error with the column's name."""
    deep: object = None
    for _ in range(300):
        deep = [deep]
    with pytest.raises(ResponseFormatError, match=r"row\.id: nested deeper"):
        LogEntry.from_row({"id": deep})


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.binary(max_size=30)
    | st.decimals()
    | st.datetimes(timezones=st.none() | st.just(UTC))
    | st.dates()
    | st.uuids()
    | st.timedeltas()
    | st.sampled_from(["\ud800", '"\\ud800"', '{"a": NaN}', '{"a": 1e999}'])
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=8,
)


def _columns(kind: type[LogRow]) -> list[str]:
    names = [
        str(field.metadata.get("fivetran_async.wire_name") or field.name)
        for field in kind.__attrs_attrs__
    ]
    return [*(name for name in names if name != "extra"), "connector_id", "surprise"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=sample(15, 300))
@given(data=st.data())
def test_any_row_is_readable(kind: type[LogRow], data: st.DataObject) -> None:
    """Every row makes an object, and its `to_dict` makes an equal object."""
    row = data.draw(st.dictionaries(st.sampled_from(_columns(kind)), _VALUES))
    found = kind.from_row(row)
    assert kind.from_dict(json.loads(json.dumps(found.to_dict()))) == found
