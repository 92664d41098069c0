"""What a query asks, and the SQL of its tables, columns and conditions."""

# The SQL contains no caller's text: names are quoted, values are bound.

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from fivetran_async.errors import InvalidArgumentError
from fivetran_async.sync_logs._dialects import Dialect
from fivetran_async.sync_logs._tables import LogTables

MARK: Final = "\0"
"""Encloses a parameter's name. Quoted names cannot contain a control character."""

CONNECTION_ID: Final = f"{MARK}connection_id{MARK}"
SINCE: Final = f"{MARK}since{MARK}"
LIMIT: Final = f"{MARK}limit{MARK}"

CONNECTION_IDS: Final = ("connection_id", "connector_id")
"""The column with the id of a connection, and its name in old setups."""

_ALIASES: Final = {"log": "l", "incremental_mar": "m", "audit_trail": "a"}


@attrs.frozen
class Question:
    """The checked arguments of a query."""

    kind: str
    dialect: Dialect
    schema: str
    by_connection: bool
    by_time: bool
    tables: LogTables

    def table(self, name: str) -> str:
        """Return the name of a table in SQL; the table must exist."""
        self.names_in(name)
        return f"{self.schema}.{self.dialect.identifier(name)}"

    def names_in(self, table: str) -> frozenset[str]:
        """
        Return the columns of a table.

        Raises:
            InvalidArgumentError: The table does not exist.
        """
        if table not in self.tables.columns:
            raise InvalidArgumentError(
                f"tables has no table {table}, which {self.kind} requires: "
                "the plan or the owner of the connection leaves it out."
            )
        return self.tables.columns[table]

    def column(self, table: str, name: str) -> str:
        """Return a column in SQL, or NULL if the table lacks it."""
        if name in self.names_in(table):
            return f"{_ALIASES[table]}.{name}"
        return f"CAST(NULL AS {self.dialect.text_type})"

    def columns(self, table: str, *names: str) -> str:
        """Return columns in SQL, each under its own name."""
        read = [self.column(table, name) for name in names]
        return ", ".join(
            column if column.endswith(f".{name}") else f"{column} AS {name}"
            for name, column in zip(names, read, strict=True)
        )

    def first_of(self, table: str, alias: str, names: Sequence[str]) -> str:
        """Return the first of the existing columns that is not null; one of them must exist."""
        found = [f"{alias}.{name}" for name in names if name in self.names_in(table)]
        if not found:
            raise self._lacks(table, " or ".join(names))
        return found[0] if len(found) == 1 else f"COALESCE({', '.join(found)})"

    def require(self, table: str, *names: str) -> None:
        """
        Check that columns exist.

        Raises:
            InvalidArgumentError: The table lacks one of them.
        """
        for name in names:
            if name not in self.names_in(table):
                raise self._lacks(table, name)

    def _lacks(self, table: str, names: str) -> InvalidArgumentError:
        return InvalidArgumentError(
            f"tables has no column {names} in the table {table}, which {self.kind} requires: "
            "the owner of the connection may have deselected it."
        )

    def connection(self) -> str:
        """Return the id of a row's connection."""
        return self.first_of("log", "l", CONNECTION_IDS)

    def since(self, time: str) -> str:
        """Return the condition that a time is not before the caller's."""
        return f"{self.dialect.instant(time)} >= {SINCE}"

    def conditions(self, *always: str, connection: str = "", time: str = "") -> str:
        """Return the WHERE clause: the fixed conditions and the caller's filters."""
        chosen = [connection] * (self.by_connection and bool(connection))
        recent = [time] * (self.by_time and bool(time))
        found = [*always, *chosen, *recent]
        return "\nWHERE " + "\n  AND ".join(found) if found else ""
