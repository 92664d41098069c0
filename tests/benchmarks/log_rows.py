"""
The time to make objects of the rows of a log, compared with reading each value by itself.

Tuples are what most drivers return, dicts are rows with names. The slow road is the one that
`from_row` takes: it converts value by value, and decodes each row alone. The objects are equal.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

from harness import Comparison, Row, arguments_of, command_line, finish, turns

from fivetran_async._codec import decode
from fivetran_async.sync_logs import LogEntry
from fivetran_async.sync_logs._rows import read_row

Build: TypeAlias = Callable[[], list[LogEntry]]

OURS, AGAIN, BY_VALUE = "from_rows", "from_rows, again", "value by value"
TARGET: Final = 0.35
ROWS: Final = 1_000_000
QUICK_ROWS: Final = 5_000
A_BATCH: Final = 20_000
"""Rows that are built at once: all of them would measure the memory of the machine."""

COLUMNS: Final = (
    *("id", "time_stamp", "connection_id", "event", "message_event", "message_data"),
    "sync_id",
)
EVENTS: Final[Sequence[tuple[str, dict[str, object] | None]]] = (
    ("sync_start", None),
    ("records_modified", {"schema": "shop", "table": "orders", "count": 12}),
    ("write_to_table_end", {"schema": "shop", "table": "orders"}),
    ("sync_end", {"status": "SUCCESSFUL"}),
)
BEGINNING: Final = datetime(2026, 11, 1, tzinfo=UTC)


def log_rows(count: int) -> list[tuple[object, ...]]:
    """Make rows as a driver returns them."""
    rows: list[tuple[object, ...]] = []
    for number in range(count):
        event, data = EVENTS[number % len(EVENTS)]
        moment = BEGINNING + timedelta(seconds=number)
        text = None if data is None else json.dumps(data)
        sync = f"sync_{number // len(EVENTS)}"
        rows.append((f"id_{number}", moment, f"c_{number % 50}", "INFO", event, text, sync))
    return rows


def builds_of(rows: Sequence[Any], columns: Sequence[str] | None) -> dict[str, Build]:
    """Return the variants."""
    rules = LogEntry._rules()

    def by_value() -> list[LogEntry]:
        return [decode(read_row(row, columns, rules), LogEntry, place="LogEntry") for row in rows]

    def quickly() -> list[LogEntry]:
        return LogEntry.from_rows(rows, columns)

    assert quickly() == by_value()
    return {OURS: quickly, AGAIN: quickly, BY_VALUE: by_value}


def seconds_of(build: Build, batches: int) -> float:
    """Return the processor time of all batches."""
    gc.collect()
    before = time.process_time()
    for _ in range(batches):
        build()
    return time.process_time() - before


def compare(builds: dict[str, Build], batches: int, rounds: int) -> Comparison:
    """Measure every variant in every round, per million rows."""
    costs: dict[str, list[float]] = {name: [] for name in builds}
    for name in turns(builds, rounds):
        costs[name].append(seconds_of(builds[name], batches))
    return Comparison(costs=costs, scale=1.0, unit="s", control=(OURS, AGAIN))


def rows_of(arguments: argparse.Namespace) -> Iterator[Row]:
    """Run all measurements."""
    total = QUICK_ROWS if arguments.quick else ROWS
    size = min(total, A_BATCH)
    rows = log_rows(size)
    named = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    for what, builds in (
        ("tuples", builds_of(rows, COLUMNS)),
        ("dicts", builds_of(named, None)),
    ):
        found = compare(builds, total // size, arguments.rounds)
        title = f"{total:,} log rows as {what}"
        print(f"\n### {title}\n")
        print(found.details(BY_VALUE), flush=True)
        yield found.row(title, OURS, BY_VALUE, TARGET)


def main() -> None:
    """Parse the command line, and measure."""
    arguments = arguments_of(command_line(__doc__, rounds=5, quick=2))
    finish(arguments, list(rows_of(arguments)))


if __name__ == "__main__":
    main()
