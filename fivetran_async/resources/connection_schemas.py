"""`fivetran.connections.schemas` - <https://fivetran.com/docs/rest-api/api-reference/connection-schema>."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, TypeVar, cast

from fivetran_async._http.operation import Arguments, Operation, operation
from fivetran_async._http.result import ActionResult
from fivetran_async._http.transport import Transport
from fivetran_async._types import UNSET, Unset
from fivetran_async.errors import InvalidArgumentError
from fivetran_async.resources._choices import (
    ExcludeModeChoice,
    SchemaChangeChoice,
    SyncModeChoice,
    TargetDataTypeChoice,
)
from fivetran_async.resources._resource import Resource, require_confirmation
from fivetran_async.resources._schema_writes import SchemaWrites
from fivetran_async.resources.connection_schema_models import (
    ColumnUpdate,
    RowFilter,
    SchemaConfig,
    SchemaConfigUpdate,
    SchemaUpdate,
    TableColumns,
    TableUpdate,
)

T = TypeVar("T")

DroppedColumns: TypeAlias = Mapping[str, Mapping[str, Mapping[str, Mapping[str, Sequence[str]]]]]
"""Columns to drop: `{schema: {"tables": {table: {"columns": [column, ...]}}}}`."""


def _overwrites(exclude_mode: object) -> bool:
    return isinstance(exclude_mode, str) and exclude_mode.upper() in {"INCLUDE", "EXCLUDE"}


def _by_exclude_mode(body: Arguments) -> Arguments:
    return {"retry_class": "dangerous"} if _overwrites(body.get("exclude_mode")) else {}


_GET = operation("connections.schemas.get", "GET", "/v1/connections/{connection_id}/schemas")
_CREATE = operation(
    "connections.schemas.create",
    "POST",
    "/v1/connections/{connection_id}/schemas",
    retry_class="set",
    shown_by=_GET,
)
_UPDATE = operation(
    "connections.schemas.update", "PATCH", "/v1/connections/{connection_id}/schemas", slow=True
)
_UPDATE_SCHEMA = operation(
    "connections.schemas.update_schema",
    "PATCH",
    "/v1/connections/{connection_id}/schemas/{schema_name}",
    slow=True,
    shown_by=_GET,
)
_UPDATE_TABLE = operation(
    "connections.schemas.update_table",
    "PATCH",
    "/v1/connections/{connection_id}/schemas/{schema_name}/tables/{table_name}",
    slow=True,
    shown_by=_GET,
)
_UPDATE_COLUMN = operation(
    "connections.schemas.update_column",
    "PATCH",
    "/v1/connections/{connection_id}/schemas/{schema_name}/tables/{table_name}/columns/{column_name}",
    slow=True,
    shown_by=_GET,
)
_RELOAD = operation(
    "connections.schemas.reload",
    "POST",
    "/v1/connections/{connection_id}/schemas/reload",
    retry_class="trigger",
    slow=True,
    budgets=("source",),
    varies=_by_exclude_mode,
    shown_by=_GET,
)
_DROP_COLUMN = operation(
    "connections.schemas.drop_column",
    "DELETE",
    "/v1/connections/{connection_id}/schemas/{schema_name}/tables/{table_name}/columns/{column_name}",
)
_DROP_COLUMNS = operation(
    "connections.schemas.drop_columns",
    "POST",
    "/v1/connections/{connection_id}/schemas/drop-columns",
)
_GET_COLUMNS = operation(
    "connections.schemas.get_columns",
    "GET",
    "/v1/connections/{connection_id}/schemas/{schema_name}/tables/{table_name}/columns",
    slow=True,
    budgets=("source",),
)
_RESYNC_TABLES = operation(
    "connections.schemas.resync_tables",
    "POST",
    "/v1/connections/{connection_id}/schemas/tables/resync",
)


class ConnectionSchemas(Resource):
    """
    `fivetran.connections.schemas`: the schemas, tables and columns that connections sync.

    <https://fivetran.com/docs/rest-api/api-reference/connection-schema>

    Schemas, tables and columns are identified by their names in the source; case matters. Changes
    to one connection are sent one at a time, because the server refuses overlapping ones. The
    server stops a running sync before each change, for up to 60 seconds. The response to a change
    can be limited to the changed parts; `get` returns the whole config.
    """

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._writes = SchemaWrites(transport)

    async def get(self, connection_id: str) -> SchemaConfig:
        """
        Return the schema config of a connection; it lists only columns with changed settings.

        GET /v1/connections/{connection_id}/schemas

        Raises:
            SchemaNotCapturedError: The schema has not been read from the source; sync or `reload`.
        """
        return await self._transport.call(_GET, SchemaConfig, connection_id)

    async def get_columns(
        self, connection_id: str, schema_name: str, table_name: str
    ) -> TableColumns:
        """
        Read all columns of a table from the source; slow, and limited by a quota of its own.

        GET /v1/connections/{connection_id}/schemas/{schema_name}/tables/{table_name}/columns

        Args:
            connection_id: The connection; it must be connected.
            schema_name: The schema.
            table_name: A table with `supports_columns_config` True.
        """
        return await self._transport.call(
            _GET_COLUMNS, TableColumns, connection_id, schema_name, table_name
        )

    async def create(
        self,
        connection_id: str,
        *,
        schemas: Mapping[str, SchemaUpdate | Mapping[str, object]],
        schema_change_handling: SchemaChangeChoice | Unset = UNSET,
    ) -> SchemaConfig:
        """
        Set the schema config of a new connection, before its schema is read for the first time.

        POST /v1/connections/{connection_id}/schemas

        The response repeats the request; the server later drops settings that the source does not
        support, without an error.

        Args:
            connection_id: The connection.
            schemas: The schemas, by their names in the source; the server requires `enabled` at
                each level.
            schema_change_handling: How other objects are treated: `ALLOW_ALL`, `ALLOW_COLUMNS` or
                `BLOCK_ALL`.
        """
        return await self._write(
            _CREATE,
            SchemaConfig,
            connection_id,
            body={"schemas": schemas, "schema_change_handling": schema_change_handling},
        )

    async def update(
        self,
        connection_id: str,
        *,
        schemas: Mapping[str, SchemaUpdate | Mapping[str, object]] | Unset = UNSET,
        schema_change_handling: SchemaChangeChoice | Unset = UNSET,
        is_type_locked: bool | Unset = UNSET,
    ) -> SchemaConfig:
        """
        Update schemas, tables and columns with one request; everything else stays unchanged.

        PATCH /v1/connections/{connection_id}/schemas

        Args:
            connection_id: The connection.
            schemas: Changes to schemas, by their names in the source.
            schema_change_handling: How new source objects are treated: `ALLOW_ALL`,
                `ALLOW_COLUMNS` or `BLOCK_ALL`.
            is_type_locked: True locks the data types of the columns in the destination.

        Raises:
            ConflictError: Other clients kept changing the same schema config.
        """
        return await self._write(
            _UPDATE,
            SchemaConfig,
            connection_id,
            body={
                "schemas": schemas,
                "schema_change_handling": schema_change_handling,
                "is_type_locked": is_type_locked,
            },
        )

    async def modify(
        self,
        connection_id: str,
        change: Callable[[SchemaConfig], SchemaConfigUpdate | Mapping[str, object] | None],
    ) -> SchemaConfig:
        """
        Read the schema config, let a function decide the changes, and send them.

        GET, then PATCH /v1/connections/{connection_id}/schemas

        This session sends no other change to the connection in between. After a collision with
        another client, the config is read a second time and the function called a second time.
        Returns the config, or the response to the change if there was one.

        Args:
            connection_id: The connection.
            change: A function that takes the current config and returns only the changes, or None
                to leave the config unchanged. A retry calls it with the newer config.

        Example:
            ```python
            def block_audit_tables(config: SchemaConfig) -> SchemaConfigUpdate:
                blocked = TableUpdate(enabled=False)
                return SchemaConfigUpdate(
                    schemas={
                        name: SchemaUpdate(
                            tables={t: blocked for t in schema.enabled_tables if "audit" in t}
                        )
                        for name, schema in config.enabled_schemas.items()
                    }
                )

            await fivetran.connections.schemas.modify("connection_id", block_audit_tables)
            ```

        Raises:
            ConflictError: Other clients kept changing the same schema config.
        """

        async def read_and_change(transport: Transport) -> SchemaConfig:
            config = await transport.call(_GET, SchemaConfig, connection_id)
            changes = _changes(change(config))
            if not changes:
                return config
            return await transport.call(_UPDATE, SchemaConfig, connection_id, body=changes)

        return await self._writes.run(connection_id, read_and_change)

    async def update_schema(
        self,
        connection_id: str,
        schema_name: str,
        *,
        enabled: bool | Unset = UNSET,
        tables: Mapping[str, TableUpdate | Mapping[str, object]] | Unset = UNSET,
    ) -> SchemaConfig:
        """
        Update one schema; fields that are not given keep their values.

        PATCH /v1/connections/{connection_id}/schemas/{schema_name}

        Args:
            connection_id: The connection.
            schema_name: The schema.
            enabled: True to sync it.
            tables: Changes to tables, by their names in the source.
        """
        return await self._write(
            _UPDATE_SCHEMA,
            SchemaConfig,
            connection_id,
            schema_name,
            body={"enabled": enabled, "tables": tables},
        )

    async def update_table(
        self,
        connection_id: str,
        schema_name: str,
        table_name: str,
        *,
        enabled: bool | Unset = UNSET,
        sync_mode: SyncModeChoice | Unset = UNSET,
        row_filter: RowFilter | Mapping[str, object] | Unset | None = UNSET,
        columns: Mapping[str, ColumnUpdate | Mapping[str, object]] | Unset = UNSET,
    ) -> SchemaConfig:
        """
        Update one table; fields that are not given keep their values.

        PATCH /v1/connections/{connection_id}/schemas/{schema_name}/tables/{table_name}

        Args:
            connection_id: The connection.
            schema_name: The schema.
            table_name: The table.
            enabled: True to sync it.
            sync_mode: `SOFT_DELETE`, `HISTORY` or `LIVE`.
            row_filter: Which rows to sync: replaces the filter of the table; None deletes it.
            columns: Changes to columns, by their names in the source.
        """
        return await self._write(
            _UPDATE_TABLE,
            SchemaConfig,
            connection_id,
            schema_name,
            table_name,
            body={
                "enabled": enabled,
                "sync_mode": sync_mode,
                "row_filter": row_filter,
                "columns": columns,
            },
        )

    async def update_column(
        self,
        connection_id: str,
        schema_name: str,
        table_name: str,
        column_name: str,
        *,
        enabled: bool | Unset = UNSET,
        hashed: bool | Unset = UNSET,
        is_primary_key: bool | Unset = UNSET,
        target_data_type: TargetDataTypeChoice | Unset | None = UNSET,
    ) -> SchemaConfig:
        """
        Update one column; fields that are not given keep their values.

        PATCH /v1/connections/{connection_id}/schemas/{schema_name}/tables/{table_name}/columns/{column_name}

        Args:
            connection_id: The connection.
            schema_name: The schema.
            table_name: The table.
            column_name: The column.
            enabled: True to sync it.
            hashed: True replaces its values with hashes before they are loaded.
            is_primary_key: True adds it to the primary key, if the source allows a choice.
            target_data_type: The type in the destination, such as `String` or `LocalDate`; None
                removes the choice.
        """  # noqa: E501 - the path stays in one line
        return await self._write(
            _UPDATE_COLUMN,
            SchemaConfig,
            connection_id,
            schema_name,
            table_name,
            column_name,
            body={
                "enabled": enabled,
                "hashed": hashed,
                "is_primary_key": is_primary_key,
                "target_data_type": target_data_type,
            },
        )

    async def reload(
        self,
        connection_id: str,
        *,
        exclude_mode: ExcludeModeChoice | Unset = UNSET,
        confirm: bool = False,
    ) -> SchemaConfig:
        """
        Reload the schema from the source, which can take minutes.

        POST /v1/connections/{connection_id}/schemas/reload

        Args:
            connection_id: The connection.
            exclude_mode: `PRESERVE`, the default, keeps the current selection. `INCLUDE` enables
                all schemas and tables, `EXCLUDE` disables all tables.
            confirm: Must be True with `INCLUDE` and `EXCLUDE`, or the call is refused.

        Raises:
            ConfirmationRequiredError: The mode overwrites, and was not confirmed; no request was
                sent.
            InvalidRequestError: The service does not support it: `NotSupported_SchemaReload`.
            AmbiguousOutcomeError: The schema may have been reloaded; the request was not retried.
        """
        if _overwrites(exclude_mode):
            require_confirmation(
                confirm,
                "connections.schemas.reload",
                f"with {exclude_mode} overwrites the selection of tables",
            )
        return await self._write(
            _RELOAD, SchemaConfig, connection_id, body={"exclude_mode": exclude_mode}
        )

    async def drop_column(
        self,
        connection_id: str,
        schema_name: str,
        table_name: str,
        column_name: str,
        *,
        confirm: bool = False,
    ) -> ActionResult:
        """
        Drop a blocked column and its data from the destination, at the next sync.

        DELETE /v1/connections/{connection_id}/schemas/{schema_name}/tables/{table_name}/columns/{column_name}

        Args:
            connection_id: The connection.
            schema_name: The schema.
            table_name: The table.
            column_name: The column.
            confirm: Must be True, or the call is refused.

        Raises:
            ConfirmationRequiredError: `confirm` is not True; no request was sent.
            ConflictError: The column is still synced; block it first with `enabled=False`.
        """  # noqa: E501 - the path stays in one line
        require_confirmation(
            confirm, "connections.schemas.drop_column", "permanently deletes the column's data"
        )
        return await self._write(
            _DROP_COLUMN, ActionResult, connection_id, schema_name, table_name, column_name
        )

    async def drop_columns(
        self, connection_id: str, *, schemas: DroppedColumns, confirm: bool = False
    ) -> ActionResult:
        """
        Drop blocked columns and their data from the destination, at the next sync.

        POST /v1/connections/{connection_id}/schemas/drop-columns

        Args:
            connection_id: The connection.
            schemas: The columns: `{schema: {"tables": {table: {"columns": [column, ...]}}}}`.
            confirm: Must be True, or the call is refused.

        Raises:
            ConfirmationRequiredError: `confirm` is not True; no request was sent.
            ConflictError: A column is still synced; block it first with `enabled=False`.
            AmbiguousOutcomeError: The next sync may drop the columns; the request was not retried.
        """
        require_confirmation(
            confirm, "connections.schemas.drop_columns", "permanently deletes the columns' data"
        )
        return await self._write(
            _DROP_COLUMNS, ActionResult, connection_id, body={"schemas": schemas}
        )

    async def resync_tables(
        self, connection_id: str, tables: Mapping[str, Sequence[str]], *, confirm: bool = False
    ) -> ActionResult:
        """
        Trigger a sync of the whole history of some tables, which can be slow and expensive.

        POST /v1/connections/{connection_id}/schemas/tables/resync

        Args:
            connection_id: The connection.
            tables: Source schema names mapped to lists of table names.
            confirm: Must be True, or the call is refused.

        Raises:
            ConfirmationRequiredError: `confirm` is not True; no request was sent.
            AmbiguousOutcomeError: A resync may have started; the request was not retried.
        """
        require_confirmation(
            confirm, "connections.schemas.resync_tables", "reloads the whole history of the tables"
        )
        return await self._transport.call(_RESYNC_TABLES, ActionResult, connection_id, body=tables)

    async def _write(
        self,
        operation: Operation,
        result: type[T],
        connection_id: str,
        *segments: str,
        body: Mapping[str, object] | Unset = UNSET,
    ) -> T:
        """Send a change while this session sends no other change to the same connection."""
        return await self._writes.run(
            connection_id,
            lambda transport: transport.call(
                operation, result, connection_id, *segments, body=body
            ),
        )


def _changes(decided: object) -> Mapping[str, object] | None:
    """Return the changes that the caller's function decided on, or None."""
    if decided is None:
        return None
    if isinstance(decided, SchemaConfigUpdate):
        return decided.to_dict()
    if isinstance(decided, Mapping):
        return cast("Mapping[str, object]", decided)
    hint = " Return its to_update()." if isinstance(decided, SchemaConfig) else ""
    raise InvalidArgumentError(
        "change must return a SchemaConfigUpdate, a mapping or None, "
        f"not {type(decided).__name__}.{hint}"
    )
