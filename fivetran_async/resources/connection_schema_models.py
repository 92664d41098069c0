"""What a connection captures: `connections.schemas` is beside, in `connection_schemas`."""

from collections.abc import Mapping
from typing import Final

from fivetran_async._model import Model, field, model
from fivetran_async._types import UNSET, Unset


class SyncMode:
    """What becomes of rows that change in the source: `table.sync_mode`; the API may know more."""

    SOFT_DELETE: Final = "SOFT_DELETE"
    """Updated in place; deleted rows are marked."""
    HISTORY: Final = "HISTORY"
    """Every version of a row is kept, with its times."""
    LIVE: Final = "LIVE"
    """Updated in place; deleted rows are deleted."""


class SchemaChangeHandling:
    """What becomes of what is new in the source: `config.schema_change_handling`."""

    ALLOW_ALL: Final = "ALLOW_ALL"
    """New schemas, tables and columns are synced."""
    ALLOW_COLUMNS: Final = "ALLOW_COLUMNS"
    """New columns of synced tables are synced; new schemas and tables are not."""
    BLOCK_ALL: Final = "BLOCK_ALL"
    """Nothing new is synced."""


@model
class EnabledPatchSettings(Model):
    """
    Whether a table or column may be switched on and off.

    Attributes:
        reason_code: Why not: `SYSTEM_TABLE`, `SYSTEM_COLUMN`, `DELETED` or `OTHER`.
        reason: The same in words.
    """

    allowed: bool | None = None
    reason_code: str | None = None
    reason: str | None = None


@model
class Column(Model):
    """
    One column, and whether it is synced; the API tells no data types.

    Attributes:
        enabled: Whether it is synced; None where an answer does not say.
        hashed: Whether its values are replaced by hashes on the way.
    """

    name_in_destination: str = ""
    enabled: bool | None = None
    hashed: bool | None = None
    is_primary_key: bool | None = None
    enabled_patch_settings: EnabledPatchSettings = field(factory=EnabledPatchSettings)


@model
class Table(Model):
    """
    One table, and what of it is synced.

    Attributes:
        enabled: Whether it is synced, if its schema is; None where an answer does not say.
        sync_mode: `SOFT_DELETE`, `HISTORY` or `LIVE`; see `SyncMode`.
        supports_columns_config: Whether `connections.schemas.get_columns` works for it.
        columns: By their names in the source; only those whose settings were ever changed.
    """

    name_in_destination: str = ""
    enabled: bool | None = None
    sync_mode: str | None = None
    supports_columns_config: bool | None = None
    supports_history_mode: bool | None = None
    enabled_patch_settings: EnabledPatchSettings = field(factory=EnabledPatchSettings)
    columns: Mapping[str, Column] = field(factory=dict[str, Column])


@model
class Schema(Model):
    """
    One schema of the source, and what of it is synced.

    Attributes:
        enabled: Whether it is synced at all; None where an answer does not say.
        tables: By their names in the source.
    """

    name_in_destination: str = ""
    enabled: bool | None = None
    tables: Mapping[str, Table] = field(factory=dict[str, Table])

    @property
    def enabled_tables(self) -> dict[str, Table]:
        """The tables that are synced, if the schema is."""
        return {name: table for name, table in self.tables.items() if table.enabled}


@model
class SchemaConfig(Model):
    """
    What a connection captures, by the names in the source.

    Attributes:
        schema_change_handling: `ALLOW_ALL`, `ALLOW_COLUMNS` or `BLOCK_ALL`; see
            `SchemaChangeHandling`.
        enable_new_by_default: The older form of `ALLOW_ALL`.
        schemas: By their names in the source.
    """

    schema_change_handling: str = ""
    enable_new_by_default: bool | None = None
    is_type_locked: bool | None = None
    schemas: Mapping[str, Schema] = field(factory=dict[str, Schema])

    @property
    def enabled_schemas(self) -> dict[str, Schema]:
        """The schemas that are synced."""
        return {name: schema for name, schema in self.schemas.items() if schema.enabled}

    def find_table(self, schema_name: str, table_name: str) -> Table | None:
        """Return a table by its names in the source, or None if it is not known."""
        schema = self.schemas.get(schema_name)
        return None if schema is None else schema.tables.get(table_name)

    def is_enabled(self, schema_name: str, table_name: str | None = None) -> bool:
        """Whether a schema, or a table of it, is known and synced."""
        schema = self.schemas.get(schema_name)
        if schema is None or not schema.enabled:
            return False
        return table_name is None or table_name in schema.enabled_tables


@model
class TableColumns(Model):
    """All columns of a table, as the source has them now, by their names there."""

    columns: Mapping[str, Column] = field(factory=dict[str, Column])

    @property
    def primary_keys(self) -> tuple[str, ...]:
        """The names of the columns that identify a row."""
        return tuple(name for name, column in self.columns.items() if column.is_primary_key)


@model
class ColumnUpdate(Model):
    """What to change about a column; what is not given stays as it is."""

    enabled: bool | Unset = UNSET
    hashed: bool | Unset = UNSET
    is_primary_key: bool | Unset = UNSET


@model
class TableUpdate(Model):
    """
    What to change about a table; what is not given stays as it is.

    Attributes:
        sync_mode: `SOFT_DELETE`, `HISTORY` or `LIVE`; see `SyncMode`.
        columns: By their names in the source.
    """

    enabled: bool | Unset = UNSET
    sync_mode: str | Unset = UNSET
    columns: Mapping[str, ColumnUpdate] = field(factory=dict[str, ColumnUpdate])


@model
class SchemaUpdate(Model):
    """
    What to change about a schema; what is not given stays as it is.

    Attributes:
        tables: By their names in the source.
    """

    enabled: bool | Unset = UNSET
    tables: Mapping[str, TableUpdate] = field(factory=dict[str, TableUpdate])


@model
class SchemaConfigUpdate(Model):
    """
    What to change about a whole schema config; what is not given stays as it is.

    Attributes:
        schema_change_handling: `ALLOW_ALL`, `ALLOW_COLUMNS` or `BLOCK_ALL`; see
            `SchemaChangeHandling`.
        schemas: By their names in the source.
    """

    schema_change_handling: str | Unset = UNSET
    is_type_locked: bool | Unset = UNSET
    schemas: Mapping[str, SchemaUpdate] = field(factory=dict[str, SchemaUpdate])
