"""Queries for a database driver: arguments checked, names quoted, values bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Final, TypeAlias, TypeVar, cast, get_args

import attrs

from fivetran_async.errors import InvalidArgumentError
from fivetran_async.sync_logs._dialects import DIALECTS, DialectName, ParamStyle
from fivetran_async.sync_logs._question import MARK, Question
from fivetran_async.sync_logs._statements import STATEMENTS, QueryKind
from fivetran_async.sync_logs._tables import (
    DOCUMENTED,
    TABLES,
    WITH_DEPRECATED,
    LogTables,
    TablesLike,
    tables_of,
)

QueryValue: TypeAlias = "str | int | datetime | date"

V = TypeVar("V")

_MOST_ROWS: Final = 2**31 - 1
_LONGEST_ID: Final = 255
_MOST_PARTS: Final = 2


@attrs.frozen
class Query:
    """
    A query for a database driver.

    Attributes:
        sql: One SELECT statement.
        parameters: Its values, by name or in order, depending on `paramstyle`.
        paramstyle: The style of the placeholders in `sql`.
    """

    sql: str
    parameters: Mapping[str, QueryValue] | tuple[QueryValue, ...]
    paramstyle: ParamStyle


def query(
    kind: QueryKind,
    *,
    dialect: DialectName,
    schema: str | Sequence[str] = "fivetran_metadata",
    connection_id: str | None = None,
    since: datetime | None = None,
    limit: int = 100,
    paramstyle: ParamStyle | None = None,
    deprecated_columns: bool = False,
    tables: TablesLike | None = None,
) -> Query:
    """
    Return a query on the log tables in your warehouse.

    The kinds, and the model for their rows (call its `from_rows`):

    - `recent_syncs`: starts and ends of syncs, newest first. `LogEntry`
    - `failed_syncs`: syncs with a failure as their last end, newest first. `LoggedSync`
    - `sync_duration`: syncs with start, end, status and duration, newest first. `LoggedSync`
    - `sync_metrics`: seconds by phase, rows and volume per sync, newest first. `SyncMetrics`
    - `schema_changes`: created, altered and dropped objects, newest first. `LogEntry`
    - `records_modified`: rows written per table and operation, most first. `RecordsModified`
    - `errors`: severe entries and failed transformations, newest first. `LogEntry`
    - `monthly_active_rows`: per month and table, newest month first. `MonthlyActiveRows`
    - `audit_trail`: who changed what, newest first. `AuditTrailEntry`

    Some tables exist only in some plans (`AUDIT_TRAIL`: Enterprise), old setups have other
    columns, and owners can deselect columns. Without `tables`, a query expects the documented
    ones, and the database raises an error for a missing one. With `tables`, it adapts: old names
    are used where new ones are missing or null, and deselected columns are null.

    Args:
        kind: What to query.
        dialect: The warehouse.
        schema: The schema of the tables, or database and schema; `fivetran_log` in old setups.
            In Snowflake, names of letters, digits and underscores are converted to upper case,
            as if they were unquoted.
        connection_id: Only this connection; for `audit_trail` the changed resource.
        since: Only events, or for syncs their ends, at this time or later. For monthly active
            rows: this month and later ones. Times without a time zone in the warehouse are in UTC.
        limit: The maximum number of rows.
        paramstyle: The placeholders that your driver expects. The default fits the connectors
            of Snowflake (`pyformat`), Redshift (`format`) and Databricks (`named`), psycopg
            (`pyformat`), duckdb and pyodbc (`qmark`), and BigQuery's client (`at`; its DB-API
            expects `pyformat`). asyncpg expects `numeric_dollar`.
        deprecated_columns: Also read `connector_id` and `connector_name`, for tables with old
            rows that have only those. Not needed with `tables`.
        tables: The existing tables and columns: `LogTables` from the result of `tables_query`, or
            the names of the columns by table.

    Raises:
        InvalidArgumentError: An argument is invalid; the message names it. Or `tables` lacks a
            table or a column that the query cannot do without.
    """
    warehouse = _one_of("dialect", dialect, DIALECTS)
    write = _one_of("kind", kind, STATEMENTS)
    question = Question(
        kind=kind,
        dialect=warehouse,
        schema=".".join(map(warehouse.identifier, _schema(schema))),
        by_connection=connection_id is not None,
        by_time=since is not None,
        tables=_tables(tables, deprecated_columns=deprecated_columns),
    )
    values: dict[str, QueryValue] = {"limit": _checked_limit(limit)}
    if connection_id is not None:
        values["connection_id"] = _checked_id(connection_id)
    if since is not None:
        instant = _checked_instant(since)
        whole_months = kind == "monthly_active_rows"
        values["since"] = instant.date().replace(day=1) if whole_months else instant
    style = question.dialect.paramstyle if paramstyle is None else paramstyle
    return _bind(write(question), values, style)


def tables_query(
    *,
    dialect: DialectName,
    schema: str | Sequence[str] = "fivetran_metadata",
    paramstyle: ParamStyle | None = None,
) -> Query:
    """
    Return a query on the tables and columns of the log that exist in your warehouse.

    Its result makes the argument `tables` of `query`:

    ```python
    found = sync_logs.tables_query(dialect="snowflake")
    cursor.execute(found.sql, found.parameters)
    tables = sync_logs.LogTables.from_rows(cursor)
    ```

    Args:
        dialect: The warehouse.
        schema: The schema of the tables, as in `query`.
        paramstyle: The placeholders, as in `query`.

    Raises:
        InvalidArgumentError: An argument is invalid; the message names it.
    """
    warehouse = _one_of("dialect", dialect, DIALECTS)
    *database, name = parts = _schema(schema)
    quoted = list(map(warehouse.identifier, parts))
    owners = quoted if warehouse.view_is_in_schema else quoted[:-1]
    values: dict[str, QueryValue] = {"schema": warehouse.stored(name)}
    conditions = [f"table_schema = {MARK}schema{MARK}"]
    if database and warehouse.view_is_shared:
        owners = []
        values["database"] = warehouse.stored(database[0])
        conditions.append(f"table_catalog = {MARK}database{MARK}")
    names = ", ".join(f"'{table}'" for table in TABLES)
    sql = f"""SELECT table_name, column_name
FROM {".".join([*owners, warehouse.columns_view])}
WHERE {" AND ".join(conditions)}
  AND LOWER(table_name) IN ({names})
ORDER BY table_name, column_name"""  # noqa: S608 - names are quoted, values are bound
    return _bind(sql, values, warehouse.paramstyle if paramstyle is None else paramstyle)


def _tables(tables: TablesLike | None, *, deprecated_columns: bool) -> LogTables:
    if tables is not None:
        return tables_of(tables)
    return WITH_DEPRECATED if deprecated_columns else DOCUMENTED


def _one_of(argument: str, name: object, choices: Mapping[str, V]) -> V:
    if isinstance(name, str) and name in choices:
        return choices[name]
    allowed = ", ".join(sorted(choices))
    raise InvalidArgumentError(f"{argument} must be one of {allowed}, not {name!r}.")


def _schema(schema: object) -> list[str]:
    if isinstance(schema, str):
        if "." in schema:
            raise InvalidArgumentError(
                'schema must not contain a dot; pass two strings, ("database", "schema").'
            )
        schema = (schema,)
    parts = list(cast("Sequence[str]", schema)) if isinstance(schema, Sequence) else []
    if not 1 <= len(parts) <= _MOST_PARTS:
        raise InvalidArgumentError("schema must be a str, or a pair of database and schema.")
    return parts


def _checked_limit(limit: object) -> int:
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= _MOST_ROWS:
        raise InvalidArgumentError(f"limit must be an int from 1 to {_MOST_ROWS}, not {limit!r}.")
    return limit


def _checked_id(connection_id: object) -> str:
    if not isinstance(connection_id, str) or not 1 <= len(connection_id) <= _LONGEST_ID:
        raise InvalidArgumentError("connection_id must be a str of 1 to 255 characters.")
    if not connection_id.isprintable():
        raise InvalidArgumentError("connection_id must not contain control characters.")
    return connection_id


def _checked_instant(since: object) -> datetime:
    if not isinstance(since, datetime) or since.utcoffset() is None:
        raise InvalidArgumentError(f"since must be a datetime with a time zone, not {since!r}.")
    try:
        return since.astimezone(UTC)
    except OverflowError:
        problem = f"since must be from year 1 to 9999 in UTC, not {since!r}."
    raise InvalidArgumentError(problem)


def _bind(sql: str, values: Mapping[str, QueryValue], style: ParamStyle) -> Query:
    """Return the query with the driver's placeholders, and the values in their order."""
    if style not in get_args(ParamStyle):
        allowed = ", ".join(get_args(ParamStyle))
        raise InvalidArgumentError(f"paramstyle must be one of {allowed}, not {style!r}.")
    texts, names = sql.split(MARK)[::2], sql.split(MARK)[1::2]
    if style in {"format", "pyformat"}:
        texts = [text.replace("%", "%%") for text in texts]
    distinct = list(dict.fromkeys(names))
    marks: dict[str, dict[str, str]] = {
        "qmark": dict.fromkeys(distinct, "?"),
        "format": dict.fromkeys(distinct, "%s"),
        "pyformat": {name: f"%({name})s" for name in distinct},
        "named": {name: f":{name}" for name in distinct},
        "at": {name: f"@{name}" for name in distinct},
        "numeric_dollar": {name: f"${distinct.index(name) + 1}" for name in distinct},
    }
    written = texts[0] + "".join(
        marks[style][name] + text for name, text in zip(names, texts[1:], strict=True)
    )
    if style in {"qmark", "format"}:
        return Query(written, tuple(values[name] for name in names), style)
    if style == "numeric_dollar":
        return Query(written, tuple(values[name] for name in distinct), style)
    return Query(written, {name: values[name] for name in distinct}, style)
