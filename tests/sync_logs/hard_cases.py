"""A log with the hard cases, each in its own connection, and the expected results."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs

from fivetran_async.sync_logs import LoggedSync, SyncMetrics

BEGINNING: Final = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
"""1:30 a.m. in New York, half an hour before the clocks go back."""

NEW_YORK: Final = "America/New_York"
"""The time zone of both databases, which is not the time zone of the log."""


def minute(minutes: float) -> datetime:
    """Return the time N minutes after the beginning."""
    return BEGINNING + timedelta(minutes=minutes)


@attrs.frozen
class Entry:
    """One row of LOG, in the order of the table's columns."""

    id: str
    time_stamp: str
    fivetran_synced: datetime
    connector_id: str | None
    connection_id: str | None
    event: str | None
    message_event: str | None
    message_data: str | None
    sync_id: str | None
    transformation_id: str | None = None


def entry(
    connection_id: str | None,
    minutes: float,
    message_event: str | None,
    data: object = None,
    *,
    sync_id: str | None = "s",
    event: str | None = "INFO",
    id: str | None = None,
    offset: str = "+00:00",
    text: str | None = None,
    transformation_id: str | None = None,
    only_connector_id: bool = False,
) -> Entry:
    """Return a row; `text` is data that is not JSON, `offset` the time zone of the text."""
    written = minute(minutes).astimezone(datetime.fromisoformat(f"2026-01-01T00:00{offset}").tzinfo)
    of_sync = None if sync_id is None else f"{connection_id}_{sync_id}"
    return Entry(
        id or f"{connection_id}:{message_event}:{minutes}:{sync_id}",
        written.isoformat(),
        minute(minutes + 60),
        connection_id,
        None if only_connector_id else connection_id,
        event,
        message_event,
        text if data is None else json.dumps(data),
        of_sync,
        transformation_id,
    )


def start(connection_id: str, minutes: float, sync_id: str | None = "s") -> Entry:
    """Return a row for the start of a sync."""
    return entry(connection_id, minutes, "sync_start", sync_id=sync_id)


def end(
    connection_id: str, minutes: float, status: str = "SUCCESSFUL", sync_id: str | None = "s"
) -> Entry:
    """Return a row for the end of a sync."""
    return entry(connection_id, minutes, "sync_end", {"status": status}, sync_id=sync_id)


def modified(connection_id: str, minutes: float, count: object, **keys: str) -> Entry:
    """Return a row that counts modified records."""
    data = {"schema": "shop", "table": "orders", "count": count, **keys}
    return entry(connection_id, minutes, "records_modified", data)


def reports(
    connection_id: str, minutes: float, message_event: str, sync_id: str = "s", **data: object
) -> Entry:
    """Return a row that reports figures of a sync."""
    return entry(connection_id, minutes, message_event, data, sync_id=sync_id)


def prose(minutes: float, text: str) -> Entry:
    """Return a row of a transformation as old logs have it: no severity, no JSON."""
    return entry(
        None,
        minutes,
        None,
        text=text,
        event=None,
        sync_id=None,
        transformation_id="skipper_breech",
        id="skipper_breech",
    )


def sync(
    connection_id: str,
    sync_id: str | None,
    times: tuple[float | None, float | None],
    status: str | None = "SUCCESSFUL",
    reason: str | None = None,
) -> LoggedSync:
    """Return the expected sync, with a duration only if both times are known."""
    started, ended = times
    return LoggedSync(
        connection_id=connection_id,
        sync_id=None if sync_id is None else f"{connection_id}_{sync_id}",
        started_at=None if started is None else minute(started),
        ended_at=None if ended is None else minute(ended),
        status=status,
        reason=reason,
        duration_seconds=None if started is None or ended is None else (ended - started) * 60.0,
    )


@attrs.frozen
class Case:
    """The LOG rows of one connection, and the syncs that they describe."""

    title: str
    connection_id: str
    entries: tuple[Entry, ...]
    syncs: tuple[LoggedSync, ...]


_NO_KEY = {"status": "FAILURE_WITH_TASK", "reason": 'No "primary key" é', "taskType": "keys"}
_TWICE = json.dumps({"status": "FAILURE", "reason": "Twice encoded"})

CASES: Final = (
    Case(
        "the start is lost",
        "lost_start",
        (
            start("lost_start", 0, "a"),
            end("lost_start", 5, sync_id="a"),
            end("lost_start", 360, sync_id="b"),
        ),
        (sync("lost_start", "b", (None, 360)), sync("lost_start", "a", (0, 5))),
    ),
    Case(
        "the end is lost",
        "lost_end",
        (start("lost_end", 0, "a"), start("lost_end", 60, "b"), end("lost_end", 70, sync_id="b")),
        (sync("lost_end", "b", (60, 70)), sync("lost_end", "a", (0, None), None)),
    ),
    Case(
        "rescheduled",
        "rescheduled",
        (start("rescheduled", 0), end("rescheduled", 1, "RESCHEDULED"), end("rescheduled", 360)),
        (sync("rescheduled", "s", (0, 360)),),
    ),
    Case(
        "cancelled",
        "cancelled",
        (start("cancelled", 0), end("cancelled", 2, "CANCELED")),
        (sync("cancelled", "s", (0, 2), "CANCELED"),),
    ),
    Case(
        "two syncs overlap",
        "overlap",
        (
            start("overlap", 0, "a"),
            start("overlap", 10, "b"),
            end("overlap", 20, "CANCELED", "a"),
            end("overlap", 40, sync_id="b"),
        ),
        (sync("overlap", "b", (10, 40)), sync("overlap", "a", (0, 20), "CANCELED")),
    ),
    Case(
        "rows without sync_id",
        "no_sync_id",
        (
            start("no_sync_id", 0, None),
            end("no_sync_id", 5, "FAILURE", None),
            end("no_sync_id", 60, sync_id=None),
            start("no_sync_id", 100, None),
            end("no_sync_id", 101, "RESCHEDULED", None),
            start("no_sync_id", 110, None),
            end("no_sync_id", 120, sync_id=None),
            start("no_sync_id", 130, None),
        ),
        (
            sync("no_sync_id", None, (130, None), None),
            sync("no_sync_id", None, (100, 120)),
            sync("no_sync_id", None, (None, 60)),
            sync("no_sync_id", None, (0, 5), "FAILURE"),
        ),
    ),
    Case(
        "JSON encoded twice",
        "twice_encoded",
        (start("twice_encoded", 0), entry("twice_encoded", 3, "sync_end", _TWICE)),
        (sync("twice_encoded", "s", (0, 3), "FAILURE", "Twice encoded"),),
    ),
    Case(
        "camelCase and snake_case keys",
        "two_spellings",
        (
            start("two_spellings", 0),
            modified("two_spellings", 1, 4, operationType="REPLACED_OR_INSERTED"),
            modified("two_spellings", 2, 11_624_686_068, operation_type="REPLACED_OR_INSERTED"),
            modified("two_spellings", 3, "7", operation_type="DELETED"),
            modified("two_spellings", 3.5, "many", operation_type="DELETED"),
            entry("two_spellings", 4, "sync_end", _NO_KEY, event="SEVERE"),
        ),
        (sync("two_spellings", "s", (0, 4), "FAILURE_WITH_TASK", _NO_KEY["reason"]),),
    ),
    Case(
        "both id columns",
        "both_ids",
        (
            start("both_ids", 0, "new"),
            end("both_ids", 1, sync_id="new"),
            entry("both_ids", -20, "sync_start", sync_id="old", only_connector_id=True),
            entry(
                "both_ids",
                -10,
                "sync_end",
                {"status": "SUCCESSFUL"},
                sync_id="old",
                only_connector_id=True,
            ),
        ),
        (sync("both_ids", "new", (0, 1)),),
    ),
    Case(
        "time zones, and clocks that go back",
        "time_zones",
        (
            entry("time_zones", 0, "sync_start", offset="+05:30"),
            entry("time_zones", 60, "sync_end", {"status": "SUCCESSFUL"}, offset="-08:00"),
        ),
        (sync("time_zones", "s", (0, 60)),),
    ),
    Case(
        "duplicate rows",
        "duplicates",
        (
            start("duplicates", 0),
            start("duplicates", 0),
            modified("duplicates", 1, 5, operation_type="UPDATED"),
            modified("duplicates", 1, 5, operation_type="UPDATED"),
            # One id at two times is two different rows.
            entry("duplicates", 2, "drop_table", {"table": "a"}, id="reused"),
            entry("duplicates", 3, "drop_table", {"table": "b"}, id="reused"),
            end("duplicates", 10, "FAILED"),
            end("duplicates", 10, "FAILED"),
        ),
        (sync("duplicates", "s", (0, 10), "FAILED"),),
    ),
    Case(
        "figures of syncs",
        "measured",
        (
            start("measured", 0, "a"),
            reports(
                "measured",
                1,
                "extract_summary",
                "a",
                total_rows=3746,
                total_size=8_098_757,
                totalQueries=984,
                objects=[{"name": "x", "queries": 562}],
            ),
            reports("measured", 2, "write_to_table_start", "a", schema="shop", table="orders"),
            reports("measured", 2.5, "write_to_table_start", "a", schema="shop", table="items"),
            reports("measured", 3, "write_to_table_end", "a", schema="shop", table="orders"),
            reports("measured", 3, "write_to_table_end", "a", schema="shop", table="orders"),
            reports("measured", 4, "write_to_table_end", "a", schema="shop", table="items"),
            reports("measured", 4, "records_modified", "a", table="orders", count=40),
            reports("measured", 4.1, "records_modified", "a", table="items", count="2"),
            reports(
                "measured",
                4.5,
                "sync_stats",
                "a",
                extract_time_s=63,
                extract_volume_mb=7.5,
                process_time_s=21,
                process_volume_mb=0,
                load_time_s=34,
                load_volume_mb=1.25,
                total_time_s=129,
            ),
            end("measured", 5, "RESCHEDULED", "a"),
            # The second attempt of the same sync.
            start("measured", 20, "a"),
            reports("measured", 21, "sync_stats", "a", extract_time_s="1.5", load_time_s="n/a"),
            end("measured", 25, sync_id="a"),
            # Another sync reports its queries elsewhere, and is running.
            start("measured", 60, "b"),
            reports("measured", 61, "sync_stats", "b", totalTimeS=4, total_queries=12),
            reports("measured", 62, "write_to_table_start", "b", table="orders"),
        ),
        (sync("measured", "b", (60, None), None), sync("measured", "a", (0, 25))),
    ),
    Case(
        "rows of transformations",
        "of_no_connection",
        (
            entry(
                None,
                5,
                "transformation_failed",
                {"reason": "dbt"},
                event="SEVERE",
                sync_id=None,
                transformation_id="t",
                id="transformation",
            ),
            entry(
                None,
                6,
                "sync_end",
                {"status": "FAILURE"},
                event="SEVERE",
                transformation_id="t",
                id="odd transformation",
            ),
        ),
        (),
    ),
)
"""The cases. The expected syncs are in the order of `sync_duration`, newest first."""

MEASURED: Final = (
    SyncMetrics(
        connection_id="measured",
        sync_id="measured_b",
        started_at=minute(60),
        total_seconds=4.0,
        query_count=12,
        first_write_at=minute(62),
    ),
    SyncMetrics(
        connection_id="measured",
        sync_id="measured_a",
        started_at=minute(0),
        ended_at=minute(25),
        status="SUCCESSFUL",
        duration_seconds=1500.0,
        extract_seconds=64.5,
        process_seconds=21.0,
        load_seconds=34.0,
        total_seconds=129.0,
        extract_volume_mb=7.5,
        process_volume_mb=0.0,
        load_volume_mb=1.25,
        extracted_rows=3746,
        extracted_bytes=8_098_757,
        query_count=984,
        modified_rows=42,
        tables_written=2,
        first_write_at=minute(2),
        last_write_at=minute(4),
        write_seconds=120.0,
    ),
)
"""The figures of the syncs of the connection `measured`, newest first."""

FAILED_PROSE: Final = (
    "skipper_breech(org/repo/model) run=37036084 Transformation run has failed. Result: exit 1.",
    "The transformation skipper_breech FAILED: 1 of 3 models",
)
OTHER_PROSE: Final = (
    "skipper_breech(org/repo/model) run=37036085 Transformation run has succeeded. 0 models failed",
    "skipper_breech(org/repo/model) run=37036086 Transformation run has started.",
    '{"failed": 0}',
)

BROKEN_TEXTS: Final = (
    "plain text",
    "{",
    '{"status": "FAILURE"',
    "[1,]",
    '{"status": "FAILURE"}}',
    "{'status': 1}",
    '{"a": "\\u0000"}',
    '{"a": "\\ud800"}',
    '{"a": "\\x"}',
    '{"status": tru}',
    '{"a": 1e99999}',
    '{"a": 01}',
    '{"a": 1 2}',
    '{"a" "b"}',
    "{1: 2}",
    '"only a text"',
    "",
    "null",
    "12",
    "[]",
    '"\\"{\\""',
)
"""Data that is not JSON, or not an object."""

READABLE_TEXTS: Final = (
    '{"status": "FAILURE"}',
    ' {\n"status" : "FAILURE" , "a": [1, -2.5e+3, {"b": [true, false, null]}], "c": {}} ',
    '{"a": "\\"status\\": \\"SUCCESSFUL\\"", "status": "FAILURE"}',
    '{"a": {"status": "SUCCESSFUL"}, "status": "failure"}',
    '{"a": "\\ud83d\\ude00 \\u00e9 \\\\", "status": "FAIL\\u0055RE"}',
)
"""JSON with the status FAILURE."""

OTHERS: Final = (
    *(
        entry("broken", index, "sync_end", text=text, sync_id=str(index), event="SEVERE")
        for index, text in enumerate(BROKEN_TEXTS)
    ),
    *(
        entry("readable", index, "sync_end", text=text, sync_id=str(index))
        for index, text in enumerate(READABLE_TEXTS)
    ),
    *(
        entry("changes", index, routine)
        for index, routine in enumerate(
            (
                "create_schema",
                "create_table",
                "alter_table",
                "drop_table",
                "change_schema_config",
                "change_schema_config_via_api",
                "write_to_table_start",
                "write_to_table_end",
                "forced_resync_table",
                "schema_migration_end",
            )
        )
    ),
    *(prose(index, text) for index, text in enumerate((*FAILED_PROSE, *OTHER_PROSE))),
    entry(
        None,
        9,
        "dbt_run_failed",
        {"dbtJobId": "j"},
        sync_id=None,
        transformation_id="t",
        id="dbt run",
    ),
    entry("changes", 20, "error", {"type": "open_file"}, event="SEVERE"),
    entry("changes", 21, "status", {"status": "FAILURE"}, event="SEVERE"),
    entry("changes", 22, "warning", {"type": "x"}, event="WARNING"),
)

LOG: Final = (*(row for case in CASES for row in case.entries), *OTHERS)

CONNECTION: Final = (
    ("big", "shop", "warehouse"),
    ("small", "shop", "lake"),
)
"""Two connections with the same name, in two destinations."""

INCREMENTAL_MAR: Final = (
    ("warehouse", "shop", "shop", "orders", "2026-10-31 23:30:00+00:00", "INCREMENTAL", "PAID", 5),
    ("warehouse", "shop", "shop", "orders", "2026-11-01 00:00:00+00:00", "INCREMENTAL", "PAID", 40),
    ("warehouse", "shop", "shop", "orders", "2026-11-02 00:00:00+00:00", "INCREMENTAL", "PAID", 2),
    ("warehouse", "shop", "shop", "orders", "2026-11-02 00:00:00+00:00", "HISTORICAL", "FREE", 9),
    ("lake", "shop", "shop", "orders", "2026-11-02 00:00:00+00:00", "INCREMENTAL", "PAID", 1),
)

AUDIT_TRAIL: Final = (
    (
        "1",
        minute(0),
        "ann",
        "CREATE",
        "WEB_UI",
        "CONNECTION",
        "big",
        "DESTINATION",
        "warehouse",
        "{}",
        '{"name": "shop"}',
    ),
    (
        "2",
        minute(10),
        "bob",
        "EDIT",
        "API",
        "CONNECTION",
        "big",
        None,
        None,
        '{"paused": true}',
        '{"paused": false}',
    ),
    ("3", minute(20), "bob", "EDIT", "API", "TEAM", "t", "CONNECTION", "small", None, None),
)
