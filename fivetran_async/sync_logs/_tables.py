"""The tables and columns that exist in a warehouse: setups differ, and owners deselect columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Self, TypeAlias, cast

import attrs

from fivetran_async.errors import InvalidArgumentError
from fivetran_async.sync_logs._rows import Columns, Cursor, Row, RowRules, read_rows

_LOG: Final = frozenset(
    {
        "_fivetran_synced",
        "connection_id",
        "event",
        "id",
        "message_data",
        "message_event",
        "sync_id",
        "time_stamp",
    }
)
_INCREMENTAL_MAR: Final = frozenset(
    {
        "connection_name",
        "destination_id",
        "free_type",
        "incremental_rows",
        "measured_date",
        "schema_name",
        "sync_type",
        "table_name",
    }
)
_AUDIT_TRAIL: Final = frozenset(
    {
        "action",
        "captured_at",
        "id",
        "interaction_method",
        "new_values",
        "old_values",
        "primary_resource_id",
        "primary_resource_type",
        "secondary_resource_id",
        "secondary_resource_type",
        "user_id",
    }
)

TABLES: Final = ("audit_trail", "connection", "connector", "incremental_mar", "log")
"""The tables that queries read; old setups have `connector` instead of `connection`."""


@attrs.frozen
class LogTables:
    """
    The tables of a log and their columns, as `tables_query` finds them.

    Attributes:
        columns: The columns of each table, all in lower case.
    """

    columns: Mapping[str, frozenset[str]]

    @classmethod
    def from_rows(cls, rows: Iterable[Row] | Cursor, columns: Columns | None = None) -> Self:
        """
        Make it from the result of `tables_query`, given as in `LogEntry.from_rows`.

        Raises:
            InvalidArgumentError: The rows have no column `table_name` or `column_name`, or there
                are no rows: the schema does not exist or has no table of the log.
        """
        found: dict[str, set[str]] = {}
        for row in read_rows(rows, columns, RowRules()):
            table, column = row.get("table_name"), row.get("column_name")
            if not isinstance(table, str) or not isinstance(column, str):
                raise InvalidArgumentError("rows must have the columns table_name and column_name.")
            found.setdefault(table.lower(), set()).add(column.lower())
        if not found:
            raise InvalidArgumentError("rows: the schema has no table of the log.")
        return cls({table: frozenset(names) for table, names in found.items()})


TablesLike: TypeAlias = LogTables | Mapping[str, Iterable[str]]
"""`LogTables`, or the names of the columns by table."""

DOCUMENTED: Final = LogTables(
    {
        "log": _LOG,
        "connection": frozenset({"connection_id", "connection_name", "destination_id"}),
        "incremental_mar": _INCREMENTAL_MAR,
        "audit_trail": _AUDIT_TRAIL,
    }
)
"""The tables of new setups."""

WITH_DEPRECATED: Final = LogTables(
    {
        **DOCUMENTED.columns,
        "log": _LOG | {"connector_id"},
        "incremental_mar": _INCREMENTAL_MAR | {"connector_name"},
    }
)
"""The same with the columns that some rows of older setups have filled instead."""


def tables_of(tables: object) -> LogTables:
    """
    Check the argument `tables`.

    Raises:
        InvalidArgumentError: It is neither `LogTables` nor a mapping of tables to column names.
    """
    if isinstance(tables, LogTables):
        return tables
    if not isinstance(tables, Mapping):
        raise InvalidArgumentError(
            "tables must be LogTables or a mapping of table names to column names, "
            f"not {type(tables).__name__}."
        )
    found: dict[str, frozenset[str]] = {}
    for table, names in cast("Mapping[object, object]", tables).items():
        if not isinstance(table, str) or isinstance(names, str) or not isinstance(names, Iterable):
            raise InvalidArgumentError("tables must map each table's name to its column names.")
        columns = list(cast("Iterable[object]", names))
        if not all(isinstance(name, str) for name in columns):
            raise InvalidArgumentError("tables must map each table's name to its column names.")
        found[table.lower()] = frozenset(str(name).lower() for name in columns)
    return LogTables(found)
