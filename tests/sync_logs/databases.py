"""Two real databases that the tests start, with their drivers."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

import attrs
import duckdb
import psycopg
import pytest

from fivetran_async.sync_logs import Cursor, DialectName, Query
from support.waiting import PATIENCE, free_port
from sync_logs import hard_cases

METADATA: Final = "fivetran_metadata"
"""Tables of old setups: with the deprecated columns, and JSON as text."""

NATIVE: Final = "native"
"""Tables of new setups: without the deprecated columns, and with native JSON."""

OLD: Final = "old"
"""
Tables of the oldest setups: `connector_id` only, no table `connection`, times without a time zone.

In `incremental_mar`, `connector_id` holds the name, and rows have the name in either column.
"""

NEW: Final = "new"
"""The rows of `OLD` in tables of new setups."""

SPARSE: Final = "sparse"
"""The same in tables with no more columns than queries require."""

_LOG: Final = """
CREATE TABLE {schema}.log (
    id {text}, time_stamp TIMESTAMPTZ, _fivetran_synced TIMESTAMPTZ, connector_id {text},
    connection_id {text}, event {text}, message_event {text}, message_data {json},
    sync_id {text}, transformation_id {text})
"""
_OTHERS: Final = """
CREATE TABLE {schema}.connection (
    connection_id {text}, connection_name {text}, destination_id {text});
CREATE TABLE {schema}.incremental_mar (
    destination_id {text}, {connector_name} connection_name {text}, schema_name {text},
    table_name {text}, measured_date {day}, sync_type {text}, free_type {text},
    incremental_rows BIGINT);
CREATE TABLE {schema}.audit_trail (
    id {text}, captured_at TIMESTAMPTZ, user_id {text}, action {text}, interaction_method {text},
    primary_resource_type {text}, primary_resource_id {text}, secondary_resource_type {text},
    secondary_resource_id {text}, old_values {json}, new_values {json})
"""
_PROSE: Final = ("skipper", "The")
_MAR_COLUMNS: Final = (
    "destination_id, connection_name, schema_name, table_name, measured_date, sync_type,"
    " free_type, incremental_rows"
)


class Database(Protocol):
    """What the tests need of a database."""

    dialect: DialectName
    text: str
    mark: str

    def execute(self, sql: str, parameters: Any = None) -> Cursor:  # noqa: ANN401
        """Execute SQL and return the cursor."""
        ...

    def run(self, query: Query) -> Cursor:
        """Execute a query of the library."""
        ...


class DuckDB:
    """An embedded DuckDB, in memory."""

    dialect: DialectName = "duckdb"
    text = "VARCHAR"
    mark = "?"

    def __init__(self) -> None:
        self.connection = duckdb.connect()

    def execute(self, sql: str, parameters: Any = None) -> Cursor:  # noqa: ANN401
        """Execute SQL."""
        return self.connection.execute(sql, parameters)

    def run(self, query: Query) -> Cursor:
        """Execute a query of the library."""
        return self.connection.execute(query.sql, query.parameters)


class Postgres:
    """A connection to a PostgreSQL server."""

    dialect: DialectName = "postgres"
    text = "TEXT"
    mark = "%s"

    def __init__(self, address: str) -> None:
        self.connection = psycopg.connect(address, autocommit=True)

    def execute(self, sql: str, parameters: Any = None) -> Cursor:  # noqa: ANN401
        """Execute SQL."""
        return self.connection.execute(sql.encode(), parameters)

    def run(self, query: Query) -> Cursor:
        """Execute a query of the library."""
        return self.connection.execute(query.sql.encode(), query.parameters)


_COMPARED: Final = {
    OLD: """
        log: id text, time_stamp naive, _fivetran_synced naive, connector_id text, event text,
            message_event text, message_data text, sync_id text
        connector: connector_id text, connector_name text, destination_id text
        incremental_mar: destination_id text, connection_name text, connector_id text,
            schema_name text, table_name text, measured_date naive, sync_type text,
            free_type text, incremental_rows count
        audit_trail: id text, captured_at naive, user_id text, action text,
            interaction_method text, primary_resource_type text, primary_resource_id text,
            secondary_resource_type text, secondary_resource_id text, old_values text,
            new_values text""",
    NEW: """
        log: id text, time_stamp zoned, _fivetran_synced zoned, connection_id text, event text,
            message_event text, message_data json, sync_id text
        connection: connection_id text, connection_name text, destination_id text
        incremental_mar: destination_id text, connection_name text, schema_name text,
            table_name text, measured_date day, sync_type text, free_type text,
            incremental_rows count
        audit_trail: id text, captured_at zoned, user_id text, action text,
            interaction_method text, primary_resource_type text, primary_resource_id text,
            secondary_resource_type text, secondary_resource_id text, old_values json,
            new_values json""",
    SPARSE: """
        log: time_stamp zoned, connection_id text, message_event text
        connection: connection_id text, connection_name text
        incremental_mar: connection_name text, measured_date day, incremental_rows count
        audit_trail: captured_at zoned, primary_resource_id text""",
}
"""Tables by schema; they have the same rows."""


def tables_in(schema: str) -> dict[str, dict[str, str]]:
    """Return the tables of a schema, with the type of each column."""
    found: dict[str, dict[str, str]] = {}
    for table, columns in re.findall(r"(\w+): ([^:]+)(?=\s\w+:|$)", _COMPARED[schema].strip()):
        found[table] = dict(column.split() for column in columns.split(","))
    return found


def fill_compared(database: Database) -> None:
    """Create the schemas of `_COMPARED`."""
    types = {
        "text": database.text,
        "json": "JSON",
        "naive": "TIMESTAMP",
        "zoned": "TIMESTAMPTZ",
        "day": "DATE",
        "count": "BIGINT",
    }
    rows = _compared_rows()
    for schema in _COMPARED:
        database.execute(f"CREATE SCHEMA {schema}")
        for table, columns in tables_in(schema).items():
            declared = ", ".join(f"{name} {types[kind]}" for name, kind in columns.items())
            database.execute(f"CREATE TABLE {schema}.{table} ({declared})")
            found = [[_as(row[name], columns[name]) for name in columns] for row in rows[table]]
            _insert(database, f"{schema}.{table}", found)
    # One month of one connection has rows with the name in either column, and in both.
    table, name, count = f"{OLD}.incremental_mar", "connection_name", "incremental_rows"
    for change in (
        f"SET connector_id = {name} WHERE {count} <> 2",
        f"SET {name} = NULL WHERE {count} = 40",
    ):
        database.execute(f"UPDATE {table} {change}")


def _compared_rows() -> dict[str, Sequence[Mapping[str, object]]]:
    connections = [
        {
            "connection_id": row[0],
            "connector_id": row[0],
            "connection_name": row[1],
            "connector_name": row[1],
            "destination_id": row[2],
        }
        for row in hard_cases.CONNECTION
    ]
    log = [
        attrs.asdict(row)
        | {"_fivetran_synced": row.fivetran_synced, "connection_id": row.connector_id}
        for row in hard_cases.LOG
        if _is_json(row)
    ]
    names = [name.strip() for name in _MAR_COLUMNS.split(",")]
    measured = [dict(zip(names, row, strict=True)) for row in hard_cases.INCREMENTAL_MAR]
    trail = [dict(zip(_AUDIT_COLUMNS, row, strict=True)) for row in hard_cases.AUDIT_TRAIL]
    return {
        "log": log,
        "connection": connections,
        "connector": connections,
        "incremental_mar": [{**row, "connector_id": None} for row in measured],
        "audit_trail": trail,
    }


def _as(value: object, kind: str) -> object:
    """Convert a time to the type of its column."""
    if kind not in {"naive", "zoned", "day"}:
        return value
    time = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    time = time.astimezone(UTC)
    if kind == "day":
        return time.date()
    return time.replace(tzinfo=None) if kind == "naive" else time


_AUDIT_COLUMNS: Final = (
    *("id", "captured_at", "user_id", "action", "interaction_method", "primary_resource_type"),
    *("primary_resource_id", "secondary_resource_type", "secondary_resource_id", "old_values"),
    "new_values",
)


def fill(database: Database) -> None:
    """Create the tables in both forms, and insert the log."""
    database.execute(f"SET TimeZone = '{hard_cases.NEW_YORK}'")
    for schema in (METADATA, NATIVE):
        old = schema == METADATA
        words = {
            "schema": schema,
            "text": database.text,
            "json": database.text if old else "JSON",
            "day": "TIMESTAMPTZ" if old else "DATE",
            "connector_name": f"connector_name {database.text}," if old else "",
        }
        database.execute(f"CREATE SCHEMA {schema}")
        for statement in (_LOG + ";" + _OTHERS).split(";"):
            database.execute(statement.format(**words))
        _insert(
            database,
            f"{schema}.log",
            [_row(entry) for entry in hard_cases.LOG if old or _is_json(entry)],
        )
        if not old:
            database.execute(f"ALTER TABLE {schema}.log DROP COLUMN connector_id")
        _insert(database, f"{schema}.connection", hard_cases.CONNECTION)
        _insert(database, f"{schema}.audit_trail", hard_cases.AUDIT_TRAIL)
        _insert(database, f"{schema}.incremental_mar ({_MAR_COLUMNS})", _measured(as_days=not old))


def _measured(*, as_days: bool) -> list[tuple[object, ...]]:
    """Return the measurements, per day or with the instant."""
    rows = hard_cases.INCREMENTAL_MAR
    return [(*row[:4], row[4][:10] if as_days else row[4], *row[5:]) for row in rows]


def _insert(database: Database, table: str, rows: Sequence[Sequence[object]]) -> None:
    for row in rows:
        marks = ", ".join([database.mark] * len(row))
        database.execute(f"INSERT INTO {table} VALUES ({marks})", row)  # noqa: S608 - our constants


def _row(entry: hard_cases.Entry) -> tuple[object, ...]:
    return (
        entry.id,
        entry.time_stamp,
        entry.fivetran_synced,
        entry.connector_id,
        entry.connection_id,
        entry.event,
        entry.message_event,
        entry.message_data,
        entry.sync_id,
        entry.transformation_id,
    )


def _is_json(entry: hard_cases.Entry) -> bool:
    return entry.connection_id != "broken" and not (entry.message_data or "{").startswith(_PROSE)


@contextlib.contextmanager
def postgres_server() -> Generator[str]:
    """Start a PostgreSQL server in its own folder and yield its address; skip if not installed."""
    program = shutil.which("postgres") or next(
        map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)), None
    )
    if program is None:
        pytest.skip("requires the programs of a PostgreSQL server")
    programs = Path(program).resolve().parent
    folder = Path(tempfile.mkdtemp(prefix="sync-logs-"))
    try:
        as_user = _unprivileged(folder)
        data, port = folder / "data", free_port()
        options = [
            "--auth=trust",
            "--username=tester",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
        ]
        subprocess.run(
            [programs / "initdb", f"--pgdata={data}", *options],
            **as_user,
            check=True,
            capture_output=True,
            cwd=folder,
        )
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "fsync": "off",
            "log_min_messages": "fatal",
        }
        arguments = [f"--{name}={value}" for name, value in settings.items()]
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, *arguments],
            **as_user,
            cwd=folder,
        )
        try:
            address = f"host=127.0.0.1 port={port} user=tester dbname=postgres connect_timeout=30"
            _wait_for(address)
            yield address
        finally:
            # An immediate shutdown: the data is not needed.
            server.send_signal(signal.SIGQUIT)
            server.wait()
    finally:
        shutil.rmtree(folder)


def _unprivileged(folder: Path) -> dict[str, Any]:
    """Return the arguments to start the server as Debian's `postgres` if the tests run as root."""
    if os.geteuid() != 0:
        return {}
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("requires the user postgres when run as root")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _wait_for(address: str) -> None:
    give_up_at = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            assert time.monotonic() < give_up_at, "postgres did not start"
            time.sleep(0.05)
        else:
            return
