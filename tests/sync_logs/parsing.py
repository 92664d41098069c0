"""Parse queries with sqlglot, an independent parser of every warehouse's SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.tokenizer_core import TokenType

from fivetran_async.sync_logs import DialectName, Query

TABLES: Final = {
    "log": (
        "id time_stamp _fivetran_synced connection_id event message_event message_data sync_id"
    ),
    "connection": "connection_id connection_name destination_id",
    "incremental_mar": (
        "destination_id connection_name schema_name table_name measured_date sync_type free_type"
        " incremental_rows updated_at"
    ),
    "audit_trail": (
        "id captured_at user_id action interaction_method primary_resource_type"
        " primary_resource_id secondary_resource_type secondary_resource_id old_values new_values"
    ),
}
"""The tables' real columns, without the deprecated ones."""

DEPRECATED: Final = {"log": " connector_id", "incremental_mar": " connector_name"}

IDENTIFIER: Final = TokenType.IDENTIFIER
"""The type of a quoted name."""


def as_sent(built: Query, dialect: DialectName) -> str:
    """Return the SQL as the driver sends it: with the server's placeholders instead of `%`."""
    mark = "?" if dialect == "snowflake" else "$1"
    if isinstance(built.parameters, tuple):
        return built.sql % ((mark,) * len(built.parameters))
    return built.sql % dict.fromkeys(built.parameters, mark)


def readable(built: Query, dialect: DialectName) -> str:
    """Return the SQL as the server receives it."""
    by_percent = built.paramstyle in {"format", "pyformat"}
    return as_sent(built, dialect) if by_percent else built.sql


def tokens(sql: str, dialect: DialectName) -> list[tuple[object, str]]:
    """Return the type and text of each token, without quotes."""
    return [(token.token_type, token.text) for token in sqlglot.tokenize(sql, read=_name(dialect))]


def only_statement(sql: str, dialect: DialectName) -> exp.Select:
    """Parse SQL that must be one SELECT."""
    parsed = sqlglot.parse(sql, dialect=_name(dialect))
    assert len(parsed) == 1
    (statement,) = parsed
    assert isinstance(statement, exp.Select)
    assert not list(statement.find_all(exp.Insert, exp.Update, exp.Delete, exp.Command, exp.Into))
    return statement


def tables(statement: exp.Select) -> set[tuple[tuple[str, ...], str]]:
    """Return the tables of the query, each with its database and schema."""
    defined = {found.alias for found in statement.find_all(exp.CTE)}
    return {
        (tuple(part.name for part in found.parts[:-1]), found.name.lower())
        for found in statement.find_all(exp.Table)
        if found.db or found.name not in defined
    }


def check_columns(
    statement: exp.Select,
    dialect: DialectName,
    *,
    deprecated: bool = False,
    known: Mapping[str, Iterable[str]] | None = None,
) -> None:
    """Resolve each column to a table or an alias; fail for unknown columns."""
    names = known or {
        table: (columns + DEPRECATED.get(table, "") * deprecated).split()
        for table, columns in TABLES.items()
    }
    schema: dict[str, Any] = {table: dict.fromkeys(names[table], "TEXT") for table in names}
    qualify(statement.copy(), schema={"fivetran_metadata": schema}, dialect=_name(dialect))


def markers(statement: exp.Select) -> int:
    """Count the bound values."""
    return len(list(statement.find_all(exp.Placeholder, exp.Parameter)))


def _name(dialect: DialectName) -> str:
    return "tsql" if dialect == "sqlserver" else dialect
