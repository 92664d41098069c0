"""The text of the queries in every dialect, and refused arguments."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Final, get_args

import pytest
from sqlglot.errors import OptimizeError

from fivetran_async import InvalidArgumentError
from fivetran_async.sync_logs import DialectName, ParamStyle, QueryKind, query
from fivetran_async.sync_logs._dialects import DIALECTS
from fivetran_async.sync_logs._statements import STATEMENTS
from support.samples import sample
from sync_logs.parsing import TABLES, check_columns, markers, only_statement, readable, tables

pytestmark = pytest.mark.slow

DIALECT_NAMES: Final = get_args(DialectName)
KINDS: Final = get_args(QueryKind)
SINCE: Final = datetime(2026, 11, 20, 3, tzinfo=timezone(timedelta(hours=5)))

each_dialect = pytest.mark.parametrize("dialect", DIALECT_NAMES)
each_kind = pytest.mark.parametrize("kind", KINDS)


def test_every_name_has_its_part() -> None:
    """Every name in the types has an implementation, and every implementation has a name."""
    assert set(DIALECT_NAMES) == set(DIALECTS)
    assert set(KINDS) == set(STATEMENTS)


ARGUMENTS: Final[tuple[dict[str, Any], ...]] = ({}, {"connection_id": "c", "since": SINCE})
CASES: Final = list(itertools.product(DIALECT_NAMES, KINDS, [False, True], ARGUMENTS))


@pytest.mark.parametrize(
    ("dialect", "kind", "deprecated", "arguments"),
    # Every third case: one of each kind for each dialect, and all combinations of the rest.
    CASES[:: sample(3, 1)],
)
def test_columns_and_tables_exist(
    dialect: DialectName,
    kind: QueryKind,
    deprecated: bool,  # noqa: FBT001
    arguments: dict[str, Any],
) -> None:
    """Each query is one SELECT of existing columns and tables, and binds all values."""
    built = query(
        kind,
        dialect=dialect,
        deprecated_columns=deprecated,
        **arguments,
    )
    statement = only_statement(readable(built, dialect), dialect)
    schemas = {schema for schema, _ in tables(statement)}
    assert schemas == {("FIVETRAN_METADATA" if dialect == "snowflake" else "fivetran_metadata",)}
    assert {table for _, table in tables(statement)} <= set(TABLES)
    check_columns(statement, dialect, deprecated=deprecated)
    assert markers(statement) == len(arguments) + 1


def test_unknown_columns_fail_the_check() -> None:
    """The column check fails for a column that the table lacks."""
    wrong = query("errors", dialect="duckdb").sql.replace("l.message_event", "l.log_level")
    with pytest.raises(OptimizeError):
        check_columns(only_statement(wrong, "duckdb"), "duckdb", deprecated=False)


@pytest.mark.parametrize(
    ("style", "marks", "parameters"),
    [
        ("qmark", ["?", "?", "?"], ("c", SINCE, 7)),
        ("format", ["%s", "%s", "%s"], ("c", SINCE, 7)),
        ("numeric_dollar", ["$1", "$2", "$3"], ("c", SINCE, 7)),
        ("pyformat", ["%(connection_id)s", "%(since)s", "%(limit)s"], None),
        ("named", [":connection_id", ":since", ":limit"], None),
        ("at", ["@connection_id", "@since", "@limit"], None),
    ],
)
def test_placeholders_of_each_style(
    style: ParamStyle, marks: list[str], parameters: tuple[object, ...] | None
) -> None:
    """Positional values are in order, named ones by name; the rest of the SQL is unchanged."""
    arguments: dict[str, Any] = {"connection_id": "c", "since": SINCE, "limit": 7}
    built = query("audit_trail", dialect="postgres", paramstyle=style, **arguments)
    assert built.paramstyle == style
    assert built.parameters == (arguments if parameters is None else parameters)
    found = re.findall(r"\?|%s|%\(\w+\)s|[:@]\w+|\$\d", built.sql)
    assert found == marks
    plain = query("audit_trail", dialect="postgres", paramstyle="qmark", **arguments).sql
    assert re.sub(r"%s|%\(\w+\)s|[:@]\w+|\$\d", "?", built.sql) == plain


@pytest.mark.parametrize(
    ("dialect", "style"),
    [
        ("snowflake", "pyformat"),
        ("bigquery", "at"),
        ("redshift", "format"),
        ("databricks", "named"),
        ("postgres", "pyformat"),
        ("duckdb", "qmark"),
        ("sqlserver", "qmark"),
    ],
)
def test_default_placeholders(dialect: DialectName, style: ParamStyle) -> None:
    """By default a query has the placeholders of the warehouse's own driver."""
    assert query("errors", dialect=dialect).paramstyle == style


def test_the_limit_is_bound_in_sql_servers_own_way() -> None:
    """SQL Server uses TOP instead of LIMIT."""
    built = query("errors", dialect="sqlserver", limit=5)
    assert "SELECT TOP (?) id" in built.sql
    assert "LIMIT" not in built.sql
    assert built.parameters == (5,)


def test_times_are_bound_in_utc() -> None:
    """Times are bound in UTC, because some drivers, such as pyodbc, drop the time zone."""
    (since, _) = query("errors", dialect="sqlserver", since=SINCE).parameters
    assert since == SINCE
    assert isinstance(since, datetime)
    assert since.tzinfo is UTC


def test_months_are_whole() -> None:
    """Monthly active rows include the whole month of `since`, and later ones."""
    built = query("monthly_active_rows", dialect="duckdb", since=SINCE)
    assert built.parameters == (date(2026, 11, 1), 100)


def test_database_and_schema() -> None:
    """Database and schema are quoted separately."""
    built = query("errors", dialect="snowflake", schema=("analytics", "Raw Logs"))
    assert '"ANALYTICS"."Raw Logs"."LOG"' in built.sql
    built = query("errors", dialect="bigquery", schema=("my-project", "fivetran_metadata"))
    assert "`my-project`.`fivetran_metadata`.`log`" in built.sql


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "drop_everything"}, "kind must be one of"),
        ({"kind": None}, "kind must be one of"),
        ({"dialect": "mysql"}, "dialect must be one of"),
        ({"paramstyle": "percent"}, "paramstyle must be one of"),
        ({"schema": ""}, "schema must be 1 to 255"),
        ({"schema": "x" * 256}, "schema must be 1 to 255"),
        ({"schema": "a\0b"}, "control character"),
        ({"schema": "analytics.fivetran_metadata"}, "must not contain a dot"),
        ({"schema": ()}, "schema must be a str"),
        ({"schema": ("a", "b", "c")}, "schema must be a str"),
        ({"schema": ("a", 1)}, "schema must be a str, not int"),
        ({"schema": 7}, "schema must be a str"),
        ({"connection_id": ""}, "connection_id"),
        ({"connection_id": 7}, "connection_id"),
        ({"connection_id": "a\0b"}, "control characters"),
        ({"since": datetime(2026, 11, 20)}, "datetime with a time zone"),  # noqa: DTZ001 - the tested case
        ({"since": "2026-11-20"}, "datetime with a time zone"),
        ({"since": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))}, "year 1 to 9999"),
        ({"limit": 0}, "limit must be an int"),
        ({"limit": 2**31}, "limit must be an int"),
        ({"limit": True}, "limit must be an int"),
        ({"limit": "1; DROP TABLE log"}, "limit must be an int"),
    ],
)
def test_invalid_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    """The error names the argument and the allowed values."""
    usable: dict[str, Any] = {"kind": "errors", "dialect": "duckdb"}
    with pytest.raises(InvalidArgumentError, match=message):
        query(**{**usable, **arguments})
