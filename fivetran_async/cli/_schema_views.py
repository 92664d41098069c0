"""Schema configs as rows, as differences and as a digest; which columns to hash. Pure."""

from __future__ import annotations

import fnmatch
import functools
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import attrs

from fivetran_async._types import JSONValue
from fivetran_async.cli._documents import document_of
from fivetran_async.cli._table import Cell, Document, OutputTable, Record
from fivetran_async.resources.connection_schema_models import SchemaConfig, Table, TableColumns

TABLES_OF_SCHEMAS: Final = OutputTable(
    "tables",
    ("schema", "table", "synced", "mode", "changed columns", "row filter"),
    numbers=(4,),
    whole=("schema", "table"),
    example=lambda: document_of(Table()),
)
DIFFERENCES: Final = OutputTable("differences", ("setting", "first", "second"), whole=("setting",))
HASHED: Final = OutputTable(
    "columns", ("schema", "table", "column", "result"), whole=("schema", "table", "column")
)

ColumnPath: TypeAlias = tuple[str, str, str]
ColumnsByTable: TypeAlias = Mapping[tuple[str, str], TableColumns]


def table_records(config: SchemaConfig, *, enabled: bool) -> Iterator[Record]:
    """Return a record for each table; with `enabled`, for those that are synced."""
    for schema_name, schema in config.schemas.items():
        for table_name, table in schema.tables.items():
            is_synced = config.is_enabled(schema_name, table_name)
            if is_synced or not enabled:
                row: tuple[Cell, ...] = (
                    schema_name,
                    table_name,
                    is_synced,
                    table.sync_mode,
                    len(table.columns),
                    table.row_filter.name if table.has_row_filter else None,
                )
                yield Record(
                    row,
                    functools.partial(_table_document, schema_name, table_name, is_synced, table),
                )


def _table_document(schema: str, name: str, is_synced: bool, table: Table) -> Document:  # noqa: FBT001 - a field
    return {"schema": schema, "table": name, "synced": is_synced, **document_of(table)}


def settings_of(config: SchemaConfig) -> dict[str, JSONValue]:
    """Return the settings of a config by their path: what `schema diff` compares."""
    found: dict[str, JSONValue] = {
        "schema_change_handling": config.schema_change_handling,
        "is_type_locked": config.is_type_locked,
    }
    for schema_name, schema in config.schemas.items():
        found[schema_name] = _switched(schema.enabled)
        for table_name, table in schema.tables.items():
            path = f"{schema_name}.{table_name}"
            found[path] = _switched(table.enabled)
            found[f"{path} sync_mode"] = table.sync_mode
            if table.has_row_filter:
                found[f"{path} row_filter"] = document_of(table.row_filter)
            for column_name, column in table.columns.items():
                found[f"{path}.{column_name}"] = _switched(column.enabled)
                if column.hashed:
                    found[f"{path}.{column_name} hashed"] = True
                if column.target_data_type:
                    found[f"{path}.{column_name} target_data_type"] = column.target_data_type
    return {path: value for path, value in found.items() if value is not None}


def _switched(enabled: bool | None) -> str | None:  # noqa: FBT001 - a field
    return None if enabled is None else "synced" if enabled else "blocked"


def digest_of(config: SchemaConfig) -> str:
    """Return a text that is equal for equal settings, whatever their order."""
    text = json.dumps(settings_of(config), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def difference_records(first: SchemaConfig, second: SchemaConfig) -> list[Record]:
    """Return a record for each setting that differs, or that one of the configs lacks."""
    one, other = settings_of(first), settings_of(second)
    return [
        Record(
            (path, _shown(one.get(path)), _shown(other.get(path))),
            functools.partial(_difference, path, one.get(path), other.get(path)),
        )
        for path in sorted({*one, *other})
        if one.get(path) != other.get(path)
    ]


def _shown(value: JSONValue) -> Cell:
    if value is None or isinstance(value, (str, int, float)):
        return value
    return json.dumps(value)


def _difference(path: str, first: JSONValue, second: JSONValue) -> Document:
    return {"setting": path, "first": first, "second": second}


def tables_with_columns(config: SchemaConfig) -> list[tuple[str, str]]:
    """Return the synced tables with columns that can be set."""
    return [
        (schema_name, table_name)
        for schema_name, schema in config.enabled_schemas.items()
        for table_name, table in schema.enabled_tables.items()
        if table.supports_columns_config is not False
    ]


@attrs.frozen
class ColumnChoice:
    """
    The columns that patterns select.

    Attributes:
        found: The columns to change, and those that already are as wanted.
        unmatched: The patterns that match no column.
    """

    found: Mapping[ColumnPath, bool]
    unmatched: Sequence[str]

    @property
    def to_change(self) -> list[ColumnPath]:
        """The columns that are not as wanted yet."""
        return [path for path, is_so in self.found.items() if not is_so]

    def update(self, *, hashed: bool) -> dict[str, dict[str, object]]:
        """Return the `schemas` of one update."""
        schemas: dict[str, dict[str, dict[str, dict[str, object]]]] = {}
        for schema, table, column in self.to_change:
            tables = schemas.setdefault(schema, {})
            tables.setdefault(table, {})[column] = {"hashed": hashed}
        return {
            schema: {"tables": {table: {"columns": columns} for table, columns in tables.items()}}
            for schema, tables in schemas.items()
        }


def choose_columns(
    columns: ColumnsByTable, patterns: Sequence[str], *, hashed: bool
) -> ColumnChoice:
    """Return the columns that match a pattern, by name or as `schema.table.column`."""
    found: dict[ColumnPath, bool] = {}
    matched = set[str]()
    for (schema, table), settings in columns.items():
        for name, column in settings.columns.items():
            names = (name.casefold(), f"{schema}.{table}.{name}".casefold())
            hits = {each for each in patterns if _matches(names, each.casefold())}
            matched |= hits
            if hits:
                found[schema, table, name] = bool(column.hashed) == hashed
    return ColumnChoice(found, [each for each in patterns if each not in matched])


def _matches(names: Iterable[str], pattern: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for name in names)


def column_records(choice: ColumnChoice, result: str, otherwise: str) -> Iterator[Record]:
    """Return a record for each selected column."""
    for path, is_so in choice.found.items():
        schema, table, column = path
        text = otherwise if is_so else result
        yield Record(
            (*path, text), functools.partial(_column_document, schema, table, column, text)
        )


def _column_document(schema: str, table: str, column: str, result: str) -> Document:
    return {"schema": schema, "table": table, "column": column, "result": result}
