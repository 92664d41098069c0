"""`fivetran.connections.schemas` - <https://fivetran.com/docs/rest-api/api-reference/connection-schema>."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, TypeVar, cast

from fivetran_async._http.operation import Arguments, Operation, operation
from fivetran_async._http.result import ActionResult
from fivetran_async._http.transport import Transport
from fivetran_async._types import UNSET, Unset
from fivetran_async.errors import InvalidArgumentError
from fivetran_async.resources._choices import ExcludeModeChoice, SchemaChangeChoice, SyncModeChoice
from fivetran_async.resources._resource import Resource, require_confirmation
from fivetran_async.resources._schema_writes import SchemaWrites
from fivetran_async.resources.connection_schema_models import (
    ColumnUpdate,
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
)
_UPDATE = operation(
    "connections.schemas.update", "PATCH", "/v1/connections/{connection_id}/schemas", slow=True
)
_UPDATE_SCHEMA = operation(
    "connections.schemas.update_schema",
    "PATCH",
    "/v1/connections/{connection_id}/schemas/{schema_name}",
    slow=True,
)
_UPDATE_TABLE = operation(
    "connections.schemas.update_table",
    "PATCH",
    "/v1/connections/{connection_id}/schemas/{schema_name}/tables/{table_name}",
    slow=True,
)
_UPDATE_COLUMN = operation(
    "connections.schemas.update_column",
    "PATCH",
    "/v1/connections/{connection_id}/schemas/{schema_name}/tables/{table_name}/columns/{column_name}",
    slow=True,
)
_RELOAD = operation(
    "connections.schemas.reload",
    "POST",
    "/v1/connections/{connection_id}/schemas/reload",
    retry_class="trigger",
    slow=True,
    budgets=("source",),
    varies=_by_exclude_mode,
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
    `fivetran.connections.schemas`: what a connection captures, down to single columns.

    <https://fivetran.com/docs/rest-api/api-reference/connection-schema>

    Schemas, tables and columns go by their names in the source, in their letter case. The changes
    of one connection are sent one after the other, because the server refuses those that overlap.
    Each stops a running sync first, for up to 60 seconds. Their answers may hold no more than what
    was changed: `get` tells the whole.
    """

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._writes = SchemaWrites(transport)

    async def get(self, connection_id: str) -> SchemaConfig:
        """
        Return what a connection captures; of columns, only those whose settings were ever changed.

        GET /v1/connections/{connection_id}/schemas

        Raises:
            SchemaNotCapturedError: The schema was not read from the source yet; sync or `reload`.
        """
        return await self._transport.call(_GET, SchemaConfig, connection_id)

    async def get_columns(
        self, connection_id: str, schema_name: str, table_name: str
    ) -> TableColumns:
        """
        Read all columns of a table from the source, which is slow and draws on its own quota.

        GET /v1/connections/{connection_id}/schemas/{schema_name}/tables/{table_name}/columns

        Args:
            connection_id: The connection; it must be connected.
            schema_name: The schema.
            table_name: A table with `supports_columns_config`.
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
        Say what a new connection shall capture, before its schema was read for the first time.

        The answer echoes it; what the source turns out not to support is dropped without a word.

        POST /v1/connections/{connection_id}/schemas

        Args:
            connection_id: The connection.
            schemas: By their names in the source; the server wants `enabled` at each level.
            schema_change_handling: What becomes of all else: `ALLOW_ALL`, `ALLOW_COLUMNS` or
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
        Change any number of schemas, tables and columns at once; all else stays as it is.

        PATCH /v1/connections/{connection_id}/schemas

        Args:
            connection_id: The connection.
            schemas: By their names in the source, with no more than what is to change.
            schema_change_handling: What becomes of what is new in the source: `ALLOW_ALL`,
                `ALLOW_COLUMNS` or `BLOCK_ALL`.
            is_type_locked: Keep the types of columns in the destination as they are.

        Raises:
            ConflictError: Others kept changing the same schema config.
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
        Decide by what is there now what to change; begin anew after a failure.

        No other change of this session comes between. Returns what was read if nothing is to
        change, and else the answer to the change.

        GET, then PATCH /v1/connections/{connection_id}/schemas

        Args:
            connection_id: The connection.
            change: Gets the current config and returns what to change of it, and no more than
                that; nothing, if all is well. May be called again with a newer config.

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
            ConflictError: Others kept changing the same schema config.
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
        Change one schema; what is not given stays as it is.

        PATCH /v1/connections/{connection_id}/schemas/{schema_name}

        Args:
            connection_id: The connection.
            schema_name: The schema.
            enabled: Whether it is synced.
            tables: By their names in the source, with no more than what is to change.
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
        columns: Mapping[str, ColumnUpdate | Mapping[str, object]] | Unset = UNSET,
    ) -> SchemaConfig:
        """
        Change one table; what is not given stays as it is.

        PATCH /v1/connections/{connection_id}/schemas/{schema_name}/tables/{table_name}

        Args:
            connection_id: The connection.
            schema_name: The schema.
            table_name: The table.
            enabled: Whether it is synced.
            sync_mode: `SOFT_DELETE`, `HISTORY` or `LIVE`.
            columns: By their names in the source, with no more than what is to change.
        """
        return await self._write(
            _UPDATE_TABLE,
            SchemaConfig,
            connection_id,
            schema_name,
            table_name,
            body={"enabled": enabled, "sync_mode": sync_mode, "columns": columns},
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
    ) -> SchemaConfig:
        """
        Change one column; what is not given stays as it is.

        PATCH /v1/connections/{connection_id}/schemas/{schema_name}/tables/{table_name}/columns/{column_name}

        Args:
            connection_id: The connection.
            schema_name: The schema.
            table_name: The table.
            column_name: The column.
            enabled: Whether it is synced.
            hashed: Whether its values are replaced by hashes on the way.
            is_primary_key: Whether it identifies a row, for sources that let you choose.
        """  # noqa: E501 - the path is not to be broken
        return await self._write(
            _UPDATE_COLUMN,
            SchemaConfig,
            connection_id,
            schema_name,
            table_name,
            column_name,
            body={"enabled": enabled, "hashed": hashed, "is_primary_key": is_primary_key},
        )

    async def reload(
        self,
        connection_id: str,
        *,
        exclude_mode: ExcludeModeChoice | Unset = UNSET,
        confirm: bool = False,
    ) -> SchemaConfig:
        """
        Read the schema from the source again and wait for it, which may take minutes.

        POST /v1/connections/{connection_id}/schemas/reload

        Args:
            connection_id: The connection.
            exclude_mode: `PRESERVE`, as if not given, keeps what was chosen. `INCLUDE` switches all
                schemas and tables on, `EXCLUDE` switches all tables off, new or not.
            confirm: Must be True with `INCLUDE` and `EXCLUDE`.

        Raises:
            ConfirmationRequiredError: An overwriting mode was not confirmed; nothing was sent.
            InvalidRequestError: The service cannot reload: `NotSupported_SchemaReload`.
            AmbiguousOutcomeError: It may have been done; it was not asked for twice.
        """
        if _overwrites(exclude_mode):
            require_confirmation(
                confirm,
                "connections.schemas.reload",
                f"with {exclude_mode} overwrites which tables are synced",
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
        Drop a blocked column from the destination, with its data, at the next sync.

        DELETE /v1/connections/{connection_id}/schemas/{schema_name}/tables/{table_name}/columns/{column_name}

        Args:
            connection_id: The connection.
            schema_name: The schema.
            table_name: The table.
            column_name: The column.
            confirm: Must be True.

        Raises:
            ConfirmationRequiredError: `confirm` is not True; nothing was sent.
            ConflictError: The column is still synced: block it first, by `enabled=False`.
        """  # noqa: E501 - the path is not to be broken
        require_confirmation(
            confirm, "connections.schemas.drop_column", "deletes the column's data for good"
        )
        return await self._write(
            _DROP_COLUMN, ActionResult, connection_id, schema_name, table_name, column_name
        )

    async def drop_columns(
        self, connection_id: str, *, schemas: DroppedColumns, confirm: bool = False
    ) -> ActionResult:
        """
        Drop blocked columns from the destination, with their data, at the next sync.

        POST /v1/connections/{connection_id}/schemas/drop-columns

        Args:
            connection_id: The connection.
            schemas: Which: `{schema: {"tables": {table: {"columns": [column, ...]}}}}`.
            confirm: Must be True.

        Raises:
            ConfirmationRequiredError: `confirm` is not True; nothing was sent.
            ConflictError: One of them is still synced: block it first, by `enabled=False`.
            AmbiguousOutcomeError: They may be dropped at the next sync.
        """
        require_confirmation(
            confirm, "connections.schemas.drop_columns", "deletes the columns' data for good"
        )
        return await self._write(
            _DROP_COLUMNS, ActionResult, connection_id, body={"schemas": schemas}
        )

    async def resync_tables(
        self, connection_id: str, tables: Mapping[str, Sequence[str]], *, confirm: bool = False
    ) -> ActionResult:
        """
        Read all history of some tables again, which can take long and cost much.

        POST /v1/connections/{connection_id}/schemas/tables/resync

        Args:
            connection_id: The connection.
            tables: Source schema names to lists of table names.
            confirm: Must be True.

        Raises:
            ConfirmationRequiredError: `confirm` is not True; nothing was sent.
            AmbiguousOutcomeError: A resync may have started; it was not triggered twice.
        """
        require_confirmation(
            confirm, "connections.schemas.resync_tables", "reads all history of the tables again"
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
        """Change the schema config, while this session makes no other change to it."""
        return await self._writes.run(
            connection_id,
            lambda transport: transport.call(
                operation, result, connection_id, *segments, body=body
            ),
        )


def _changes(asked: object) -> Mapping[str, object] | None:
    """What a caller's function wants changed, if anything."""
    if asked is None:
        return None
    if isinstance(asked, SchemaConfigUpdate):
        return asked.to_dict()
    if isinstance(asked, Mapping):
        return cast("Mapping[str, object]", asked)
    raise InvalidArgumentError(
        f"change must return a SchemaConfigUpdate, a mapping or None, not {type(asked).__name__}."
    )
