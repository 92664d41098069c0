"""From single connections to output: their state, problems, history and tests. Pure."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Final

from fivetran_async.cli._documents import document_of
from fivetran_async.cli._table import Cell, Document, OutputTable, Record, Summary
from fivetran_async.cli._views import duration_text, state_of
from fivetran_async.resources.connection_models import (
    Connection,
    ConnectionProblem,
    ConnectionSchedule,
    ConnectionTask,
    SyncHistoryEntry,
)
from fivetran_async.resources.setup_tests import SetupTest

PROBLEMS_OF_CONNECTIONS: Final = OutputTable(
    "problems",
    ("connection", "schema", "kind", "code", "message", "since"),
    example=lambda: {
        "connection_id": "",
        **document_of(ConnectionTask()),
        **document_of(ConnectionProblem()),
    },
)
HISTORY: Final = OutputTable(
    "syncs",
    ("start", "end", "duration", "status", "megabytes", "reason"),
    numbers=(4,),
    example=lambda: {"duration_seconds": None, **document_of(SyncHistoryEntry())},
)
TESTS: Final = OutputTable(
    "tests",
    ("connection", "test", "status", "message"),
    example=lambda: _test_document({"connection_id": ""}, SetupTest()),
)
TESTS_OF_DESTINATIONS: Final = OutputTable(
    "tests",
    ("destination", "test", "status", "message"),
    whole=("destination",),
    example=lambda: _test_document({"destination_id": ""}, SetupTest()),
)


def details(connection: Connection) -> Summary:
    """Return the summary of one connection; the document is the connection itself."""
    status = connection.status
    fields: list[tuple[str, Cell]] = [
        ("connection", connection.id),
        ("group", connection.group_id),
        ("service", connection.service),
        ("schema", connection.schema),
        ("state", state_of(connection)),
        ("setup", status.setup_state),
        ("update", status.update_state),
        ("schedule", schedule_text(connection)),
        ("last success", connection.succeeded_at),
        ("last failure", connection.failed_at),
        ("rescheduled for", status.rescheduled_for),
        ("created", connection.created_at),
        *(("task", _line_of(task)) for task in status.tasks),
        *(("warning", _line_of(warning)) for warning in status.warnings),
        ("dashboard", connection.dashboard_url),
    ]
    shown = [(label, value) for label, value in fields if value not in {None, ""}]
    labels = (*(label for label, _ in fields), "task", "warning")
    return Summary(shown, functools.partial(_document, connection), labels)


def _document(connection: Connection) -> Document:
    return {
        **document_of(connection),
        "state": state_of(connection),
        "dashboard_url": connection.dashboard_url,
    }


def _line_of(task: ConnectionTask) -> str:
    return f"{task.code}: {task.message}" if task.code else task.message


def schedule_text(connection: Connection) -> str:
    """Describe when a connection syncs."""
    if text := _schedule_words(connection.schedule):
        return text
    if connection.sync_frequency is None:
        return connection.schedule_type or ""
    text = f"every {duration_text(connection.sync_frequency * 60)}"
    if connection.daily_sync_time:
        text += f", at {connection.daily_sync_time}"
    return f"{text} (manual)" if connection.schedule_type == "manual" else text


def _schedule_words(schedule: ConnectionSchedule) -> str:
    if schedule.cron:
        return f"cron {schedule.cron}"
    words = {
        "INTERVAL": f"every {duration_text((schedule.interval or 0) * 60)}",
        "TIME_OF_DAY": f"daily at {schedule.time_of_day}",
        "MANUAL": "manual",
    }.get(schedule.schedule_type, schedule.schedule_type)
    return f"{words} on {', '.join(schedule.days_of_week)}" if schedule.days_of_week else words


def task_records(connection: Connection) -> Iterator[Record]:
    """Return the records of the tasks and warnings in the status of a connection."""
    for kind, tasks in (
        ("task", connection.status.tasks),
        ("warning", connection.status.warnings),
    ):
        for task in tasks:
            yield _problem(connection, kind, (task.code, task.message, None), document_of(task))


def problem_records(
    connection: Connection, problems: Iterable[ConnectionProblem]
) -> Iterator[Record]:
    """Return the records of the errors of a connection."""
    for each in problems:
        message = each.reason or each.message or each.title or ""
        yield _problem(
            connection, "error", (each.type, message, each.created_at), document_of(each)
        )


def _problem(
    connection: Connection, kind: str, shown: tuple[Cell, Cell, Cell], document: Document
) -> Record:
    return Record(
        (connection.id, connection.schema, kind, *shown),
        lambda: {
            **document,
            "connection_id": connection.id,
            "schema": connection.schema,
            "kind": kind,
        },
    )


def entry_record(entry: SyncHistoryEntry) -> Record:
    """Return the record of one past sync."""
    seconds = (entry.end - entry.start).total_seconds() if entry.start and entry.end else None
    row: tuple[Cell, ...] = (
        entry.start,
        entry.end,
        None if seconds is None else duration_text(seconds),
        entry.status,
        entry.stages.load.volume,
        entry.reason,
    )
    return Record(row, lambda: {**document_of(entry), "duration_seconds": seconds})


def setup_test_records(id: str, tests: Iterable[SetupTest], table: OutputTable) -> Iterator[Record]:
    """Return the records of the setup tests of one object, for a table of tests."""
    for each in tests:
        yield Record(
            (id, each.title, each.status, each.message),
            functools.partial(_test_document, {f"{table.headings[0]}_id": id}, each),
        )


def _test_document(owner: Document, test: SetupTest) -> Document:
    return {**document_of(test), **owner}
