"""`Fivetrex.Connectors` with schemas: `fivetran.connections.schemas`."""

from __future__ import annotations

import pytest

from fivetran_async import AsyncFivetran, ConfirmationRequiredError
from fivetran_async.models import ColumnUpdate, SchemaUpdate, TableUpdate
from fivetran_async.testing import FakeFivetran
from parity.seed import seed


def add_synced(fake: FakeFivetran) -> str:
    """Add a connection that has synced, so that its schema is known."""
    return fake.add_connection(schema="shop", succeeded_at=fake.clock.stamp())


@seed("Fivetrex.Connectors.get_schema_config/2")
async def gets_the_schema_config(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """The schema config lists what is synced by schema and table."""
    config = await fivetran.connections.schemas.get(add_synced(fake))
    assert config.schema_change_handling == "ALLOW_ALL"
    assert list(config.enabled_schemas) == ["public"]
    tables = config.schemas["public"].enabled_tables
    assert {"accounts", "orders"} <= set(tables)
    assert tables["orders"].sync_mode == "SOFT_DELETE"


@seed("Fivetrex.Connectors.update_schema_config/3")
async def updates_the_schema_config(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Tables are disabled, columns hashed and new ones blocked, also with plain mappings."""
    connection_id = add_synced(fake)
    await fivetran.connections.schemas.update(
        connection_id,
        schemas={"public": SchemaUpdate(tables={"events": TableUpdate(enabled=False)})},
        schema_change_handling="BLOCK_ALL",
    )
    hashed = ColumnUpdate(hashed=True).to_dict()
    await fivetran.connections.schemas.update(
        connection_id, schemas={"public": {"tables": {"accounts": {"columns": {"email": hashed}}}}}
    )
    config = await fivetran.connections.schemas.get(connection_id)
    assert config.schema_change_handling == "BLOCK_ALL"
    assert not config.is_enabled("public", "events")
    assert config.is_enabled("public", "orders")
    assert config.schemas["public"].tables["accounts"].columns["email"].hashed


@seed("Fivetrex.Connectors.reload_schema_config/3")
async def reloads_the_schema_config(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A reload keeps the settings; overwriting them requires a confirmation."""
    schemas = fivetran.connections.schemas
    connection_id = add_synced(fake)
    await schemas.update(
        connection_id, schemas={"public": {"tables": {"events": {"enabled": False}}}}
    )
    kept = await schemas.reload(connection_id)
    assert not kept.is_enabled("public", "events")
    sent = len(fake.requests)
    with pytest.raises(ConfirmationRequiredError):
        await schemas.reload(connection_id, exclude_mode="INCLUDE")
    assert len(fake.requests) == sent
    included = await schemas.reload(connection_id, exclude_mode="INCLUDE", confirm=True)
    assert included.is_enabled("public", "events")
    excluded = await schemas.reload(connection_id, exclude_mode="EXCLUDE", confirm=True)
    assert not excluded.is_enabled("public", "orders")


@seed("Fivetrex.Connectors.get_table_columns/4")
async def gets_the_columns_of_a_table(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """All columns of a table are returned by name, including those without settings."""
    connection_id = add_synced(fake)
    table = await fivetran.connections.schemas.get_columns(connection_id, "public", "accounts")
    assert table.primary_keys == ("id",)
    assert "email" in table.columns
    assert not table.columns["email"].hashed
    await fivetran.connections.schemas.update_column(
        connection_id, "public", "accounts", "email", hashed=True
    )
    changed = await fivetran.connections.schemas.get_columns(connection_id, "public", "accounts")
    assert [name for name, column in changed.columns.items() if column.hashed] == ["email"]
