"""Models of the operations in `fivetran.connections.schemas`."""

from collections.abc import Mapping
from typing import Final

from fivetran_async._model import Model, field, model
from fivetran_async._types import UNSET, Unset
from fivetran_async.resources._choices import (
    ClauseColumnTypeChoice,
    ClauseOperatorChoice,
    FilterOperatorChoice,
    SchemaChangeChoice,
    SyncModeChoice,
    TargetDataTypeChoice,
)


class SyncMode:
    """Known values of `table.sync_mode`: how changed rows are loaded; the API may return others."""

    SOFT_DELETE: Final = "SOFT_DELETE"
    """Rows are updated in place; deleted rows are marked as deleted."""
    HISTORY: Final = "HISTORY"
    """Every version of a row is kept, with its period of validity."""
    LIVE: Final = "LIVE"
    """Rows are updated in place; deleted rows are removed."""


class SchemaChangeHandling:
    """Known values of `config.schema_change_handling`: how new source objects are treated."""

    ALLOW_ALL: Final = "ALLOW_ALL"
    """New schemas, tables and columns are synced."""
    ALLOW_COLUMNS: Final = "ALLOW_COLUMNS"
    """New columns of synced tables are synced; new schemas and tables are not."""
    BLOCK_ALL: Final = "BLOCK_ALL"
    """New schemas, tables and columns are not synced."""


@model
class EnabledPatchSettings(Model):
    """
    Whether `enabled` of a table or column can be changed.

    Attributes:
        allowed: True if it can be changed.
        reason_code: Why it cannot: `SYSTEM_TABLE`, `SYSTEM_COLUMN`, `DELETED` or `OTHER`.
        reason: The reason as text.
    """

    allowed: bool | None = None
    reason_code: str | None = None
    reason: str | None = None


@model
class RowFilterClause(Model):
    """
    One condition of a row filter.

    Attributes:
        column: The name of the column in the source, at most 500 characters.
        column_type: `LONG`, `FLOAT`, `DOUBLE`, `BIGDECIMAL`, `STRING`, `BOOLEAN`, `DATE` or
            `DATETIME`.
        operator: `EQUALS`, `NOT_EQUALS`, `LESS`, `LESS_OR_EQUALS`, `GREATER` and
            `GREATER_OR_EQUALS` take one value, and so do `STARTS_WITH` and `CONTAINS`, for
            `STRING` only. `IN` takes one or more; `IS_NULL` and `IS_NOT_NULL` take none.
        values: The values as text: `2026-05-04` for `DATE`, `2026-05-04T03:02:01Z` for `DATETIME`,
            which is in UTC.
    """

    column: str = ""
    column_type: ClauseColumnTypeChoice = ""
    operator: ClauseOperatorChoice = ""
    values: tuple[str, ...] = field(default=(), always_sent=True)


@model
class RowFilter(Model):
    """
    Which rows of a table are synced.

    Blocking or hashing a filtered column, or blocking its table, deletes the filter.

    Attributes:
        name: The name; required in requests.
        description: What the filter is for; required in requests.
        operator: `AND` if rows must meet all clauses, `OR` if one is enough.
        column_clauses: The conditions, 1 to 10.
    """

    name: str = ""
    description: str = ""
    operator: FilterOperatorChoice = "AND"
    column_clauses: tuple[RowFilterClause, ...] = ()


@model
class Column(Model):
    """
    The settings of one column; the API does not return the type of the source.

    Attributes:
        enabled: True if the column is synced; None if the response lacks the field.
        hashed: True if its values are replaced by hashes before they are loaded.
        target_data_type: The type in the destination, such as `String`, where it was set; None if
            Fivetran chooses it.
    """

    name_in_destination: str = ""
    enabled: bool | None = None
    hashed: bool | None = None
    is_primary_key: bool | None = None
    target_data_type: str | None = None
    enabled_patch_settings: EnabledPatchSettings = field(factory=EnabledPatchSettings)


@model
class Table(Model):
    """
    The settings of one table.

    Attributes:
        enabled: True if the table is synced, provided that its schema is enabled; None if the
            response lacks the field.
        sync_mode: `SOFT_DELETE`, `HISTORY` or `LIVE`; see `SyncMode`.
        supports_columns_config: True if `connections.schemas.get_columns` works for the table.
        row_filter: Which rows are synced; without column clauses if all are, see `has_row_filter`.
        parent_table: For a table of a group: the table that it belongs to.
        columns: The columns with changed settings, by their names in the source.
    """

    name_in_destination: str = ""
    enabled: bool | None = None
    sync_mode: str | None = None
    supports_columns_config: bool | None = None
    supports_history_mode: bool | None = None
    row_filter: RowFilter = field(factory=RowFilter)
    parent_table: str | None = None
    enabled_patch_settings: EnabledPatchSettings = field(factory=EnabledPatchSettings)
    columns: Mapping[str, Column] = field(factory=dict[str, Column])

    @property
    def has_row_filter(self) -> bool:
        """True if a row filter selects the rows that are synced."""
        return bool(self.row_filter.column_clauses)


@model
class Schema(Model):
    """
    The settings of one schema of the source.

    Attributes:
        enabled: True if the schema is synced; None if the response lacks the field.
        tables: The tables, by their names in the source.
    """

    name_in_destination: str = ""
    enabled: bool | None = None
    tables: Mapping[str, Table] = field(factory=dict[str, Table])

    @property
    def enabled_tables(self) -> dict[str, Table]:
        """The enabled tables; they are synced if the schema is enabled."""
        return {name: table for name, table in self.tables.items() if table.enabled}


@model
class SchemaConfig(Model):
    """
    The schemas, tables and columns that a connection syncs.

    Attributes:
        schema_change_handling: `ALLOW_ALL`, `ALLOW_COLUMNS` or `BLOCK_ALL`; see
            `SchemaChangeHandling`.
        enable_new_by_default: The older form of `ALLOW_ALL`.
        row_filtering_supported: True if tables can have a `row_filter`; None if the account lacks
            the feature.
        schemas: The schemas, by their names in the source.
    """

    schema_change_handling: str = ""
    enable_new_by_default: bool | None = None
    is_type_locked: bool | None = None
    row_filtering_supported: bool | None = None
    schemas: Mapping[str, Schema] = field(factory=dict[str, Schema])

    @property
    def enabled_schemas(self) -> dict[str, Schema]:
        """The enabled schemas."""
        return {name: schema for name, schema in self.schemas.items() if schema.enabled}

    def to_update(self) -> "SchemaConfigUpdate":
        """
        Return the settings as changes, to restore them later or to copy them.

        Left out are settings that cannot be changed: `enabled` where `enabled_patch_settings`
        forbids it, and primary keys, which follow the source.

        ```python
        before = await fivetran.connections.schemas.get(connection_id)
        ...
        await fivetran.connections.schemas.modify(connection_id, lambda _: before.to_update())
        ```
        """
        schemas = {name: _schema_update(schema) for name, schema in self.schemas.items()}
        return SchemaConfigUpdate(
            schema_change_handling=self.schema_change_handling or UNSET,
            # The API may refuse an object without a change.
            schemas={name: schema for name, schema in schemas.items() if schema != SchemaUpdate()},
        )

    def find_table(self, schema_name: str, table_name: str) -> Table | None:
        """Return a table by its names in the source, or None if it is not found."""
        schema = self.schemas.get(schema_name)
        return None if schema is None else schema.tables.get(table_name)

    def is_enabled(self, schema_name: str, table_name: str | None = None) -> bool:
        """Return True if a schema, or a table in it, is in the config and enabled."""
        schema = self.schemas.get(schema_name)
        if schema is None or not schema.enabled:
            return False
        return table_name is None or table_name in schema.enabled_tables


@model
class TableColumns(Model):
    """All current columns of a table, by their names in the source."""

    columns: Mapping[str, Column] = field(factory=dict[str, Column])

    @property
    def primary_keys(self) -> tuple[str, ...]:
        """The names of the primary key columns."""
        return tuple(name for name, column in self.columns.items() if column.is_primary_key)


@model
class ColumnUpdate(Model):
    """
    Changes to a column; fields that are not given keep their values.

    Attributes:
        target_data_type: The type in the destination, such as `String` or `LocalDate`; None removes
            the choice.
    """

    enabled: bool | Unset = UNSET
    hashed: bool | Unset = UNSET
    is_primary_key: bool | Unset = UNSET
    target_data_type: TargetDataTypeChoice | Unset | None = UNSET


@model
class TableUpdate(Model):
    """
    Changes to a table; fields that are not given keep their values.

    Attributes:
        sync_mode: `SOFT_DELETE`, `HISTORY` or `LIVE`; see `SyncMode`.
        row_filter: Which rows to sync, as a whole; None deletes the filter.
        columns: Changes to columns, by their names in the source.
    """

    enabled: bool | Unset = UNSET
    sync_mode: SyncModeChoice | Unset = UNSET
    row_filter: RowFilter | Unset | None = UNSET
    columns: Mapping[str, ColumnUpdate] = field(factory=dict[str, ColumnUpdate])


@model
class SchemaUpdate(Model):
    """
    Changes to a schema; fields that are not given keep their values.

    Attributes:
        tables: Changes to tables, by their names in the source.
    """

    enabled: bool | Unset = UNSET
    tables: Mapping[str, TableUpdate] = field(factory=dict[str, TableUpdate])


@model
class SchemaConfigUpdate(Model):
    """
    Changes to a schema config; fields that are not given keep their values.

    Attributes:
        schema_change_handling: `ALLOW_ALL`, `ALLOW_COLUMNS` or `BLOCK_ALL`; see
            `SchemaChangeHandling`.
        schemas: Changes to schemas, by their names in the source.
    """

    schema_change_handling: SchemaChangeChoice | Unset = UNSET
    is_type_locked: bool | Unset = UNSET
    schemas: Mapping[str, SchemaUpdate] = field(factory=dict[str, SchemaUpdate])


def _schema_update(schema: Schema) -> SchemaUpdate:
    tables = {name: _table_update(table) for name, table in schema.tables.items()}
    return SchemaUpdate(
        enabled=_given(schema.enabled),
        tables={name: table for name, table in tables.items() if table != TableUpdate()},
    )


def _table_update(table: Table) -> TableUpdate:
    columns = {name: _column_update(column) for name, column in table.columns.items()}
    return TableUpdate(
        enabled=_changeable(table.enabled, table.enabled_patch_settings),
        sync_mode=UNSET if table.sync_mode is None else table.sync_mode,
        columns={name: column for name, column in columns.items() if column != ColumnUpdate()},
    )


def _column_update(column: Column) -> ColumnUpdate:
    return ColumnUpdate(
        enabled=_changeable(column.enabled, column.enabled_patch_settings),
        hashed=_given(column.hashed),
    )


def _changeable(enabled: bool | None, settings: EnabledPatchSettings) -> bool | Unset:  # noqa: FBT001
    return UNSET if settings.allowed is False else _given(enabled)


def _given(value: bool | None) -> bool | Unset:  # noqa: FBT001
    return UNSET if value is None else value
