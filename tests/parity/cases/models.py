"""`Fivetrex.Models`: the API's data as objects with properties."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fivetran_async import ResponseFormatError
from fivetran_async.models import (
    Column,
    Connection,
    Destination,
    Group,
    Schema,
    SchemaConfig,
    SyncStatus,
    Table,
    Webhook,
)
from fivetran_async.webhooks import WebhookEvent
from parity.seed import seed_pure


def connection_that(sync_state: str) -> Connection:
    """Return a connection like an item of a list, which lacks `paused`."""
    return Connection.from_dict({"id": "conn_123", "status": {"sync_state": sync_state}})


@seed_pure("Fivetrex.Models.Group.from_map/1")
def reads_a_group() -> None:
    """A group without an id is invalid; times are parsed."""
    group = Group.from_dict(
        {"id": "abc123", "name": "Production", "created_at": "2024-01-15T10:30:00Z"}
    )
    assert (group.id, group.name) == ("abc123", "Production")
    assert group.created_at == datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
    with pytest.raises(ResponseFormatError):
        Group.from_dict({})


@seed_pure("Fivetrex.Models.Connector.from_map/1")
def reads_a_connection() -> None:
    """A connection has the API's names; missing fields are empty."""
    connection = Connection.from_dict({"id": "conn_123", "service": "postgres", "paused": False})
    assert (connection.service, connection.paused) == ("postgres", False)
    assert connection.status.setup_state == ""
    assert connection.connect_card.uri == ""


@seed_pure("Fivetrex.Models.Connector.paused?/1")
def knows_that_it_is_paused() -> None:
    """Whether a connection is paused comes from `paused`, or without it from the status."""
    assert Connection.from_dict({"id": "c", "paused": True}).is_paused
    assert not Connection.from_dict({"id": "c", "paused": False}).is_paused
    assert connection_that("paused").is_paused
    assert not connection_that("scheduled").is_paused


@seed_pure("Fivetrex.Models.Connector.sync_state/1")
def knows_its_sync_state() -> None:
    """The sync state is a property; without a status it is empty."""
    assert connection_that("syncing").sync_state == "syncing"
    assert Connection.from_dict({"id": "c", "status": None}).sync_state == ""


@seed_pure("Fivetrex.Models.Connector.syncing?/1")
def knows_that_it_is_syncing() -> None:
    """`is_syncing` is True if a sync is running."""
    assert connection_that("syncing").is_syncing
    assert not connection_that("scheduled").is_syncing


@seed_pure("Fivetrex.Models.Destination.from_map/1")
def reads_a_destination() -> None:
    """A destination has the API's names; its config is hidden from `repr`."""
    destination = Destination.from_dict(
        {
            "id": "dest_123",
            "service": "snowflake",
            "region": "US",
            "setup_status": "connected",
            "config": {"host": "account.snowflakecomputing.com"},
        }
    )
    assert (destination.service, destination.setup_status) == ("snowflake", "connected")
    assert destination.is_connected
    assert destination.config["host"] == "account.snowflakecomputing.com"
    assert "snowflakecomputing" not in repr(destination)


@seed_pure("Fivetrex.Models.SchemaConfig.from_map/1")
def reads_a_schema_config() -> None:
    """Schemas, tables and columns are objects at every level."""
    config = SchemaConfig.from_dict(
        {
            "schema_change_handling": "ALLOW_COLUMNS",
            "enable_new_by_default": False,
            "schemas": {
                "public": {
                    "enabled": True,
                    "tables": {"users": {"columns": {"email": {"hashed": True}}}},
                }
            },
        }
    )
    assert config.schema_change_handling == "ALLOW_COLUMNS"
    assert config.enable_new_by_default is False
    assert config.schemas["public"].tables["users"].columns["email"] == Column(hashed=True)


@seed_pure("Fivetrex.Models.Schema.from_map/1")
def reads_a_schema() -> None:
    """A schema lists its enabled tables."""
    schema = Schema.from_dict(
        {
            "name_in_destination": "shop_public",
            "enabled": True,
            "tables": {"users": {"enabled": True}, "logs": {"enabled": False}},
        }
    )
    assert (schema.name_in_destination, schema.enabled) == ("shop_public", True)
    assert list(schema.enabled_tables) == ["users"]


@seed_pure("Fivetrex.Models.Table.from_map/1")
def reads_a_table() -> None:
    """A table has its sync mode, its columns, and the reason why it cannot be disabled."""
    table = Table.from_dict(
        {
            "name_in_destination": "users",
            "enabled": True,
            "sync_mode": "SOFT_DELETE",
            "supports_columns_config": True,
            "enabled_patch_settings": {"allowed": False, "reason_code": "SYSTEM_TABLE"},
            "columns": {"id": {"is_primary_key": True}},
        }
    )
    assert (table.sync_mode, table.supports_columns_config) == ("SOFT_DELETE", True)
    assert table.enabled_patch_settings.reason_code == "SYSTEM_TABLE"
    assert table.columns["id"].is_primary_key


@seed_pure("Fivetrex.Models.Column.from_map/1")
def reads_a_column() -> None:
    """A column has no type, because the API returns none; an unknown field would be kept."""
    column = Column.from_dict(
        {"name_in_destination": "email", "enabled": True, "hashed": True, "type": "STRING"}
    )
    assert (column.name_in_destination, column.enabled, column.hashed) == ("email", True, True)
    assert column.is_primary_key is None
    assert column.extra == {"type": "STRING"}


@seed_pure("Fivetrex.Models.SyncStatus.from_connector/1")
def takes_a_sync_status_from_a_connection() -> None:
    """The sync status combines a connection's fields, with parsed times."""
    connection = Connection.from_dict(
        {
            "id": "c",
            "status": {
                "sync_state": "syncing",
                "is_historical_sync": False,
                "update_state": "on_schedule",
            },
            "succeeded_at": "2024-01-01T00:00:00Z",
            "failed_at": None,
        }
    )
    status = SyncStatus.from_connection(connection)
    assert (status.sync_state, status.update_state) == ("syncing", "on_schedule")
    assert status.is_historical_sync is False
    assert status.succeeded_at == datetime(2024, 1, 1, tzinfo=UTC)
    assert status.failed_at is None


@seed_pure("Fivetrex.Models.SyncStatus.paused?/1")
def sync_status_is_paused() -> None:
    """`is_paused` is True if the connection is paused."""
    assert SyncStatus(sync_state="paused").is_paused
    assert not SyncStatus(sync_state="syncing").is_paused


@seed_pure("Fivetrex.Models.SyncStatus.scheduled?/1")
def sync_status_is_scheduled() -> None:
    """`is_scheduled` is True if the connection waits for its next sync."""
    assert SyncStatus(sync_state="scheduled").is_scheduled
    assert not SyncStatus(sync_state="syncing").is_scheduled


@seed_pure("Fivetrex.Models.SyncStatus.syncing?/1")
def sync_status_is_syncing() -> None:
    """`is_syncing` is True if a sync is running."""
    assert SyncStatus(sync_state="syncing").is_syncing
    assert not SyncStatus(sync_state="scheduled").is_syncing


@seed_pure("Fivetrex.Models.Webhook.from_map/1")
def reads_a_webhook() -> None:
    """A webhook has the API's names, with parsed times."""
    webhook = Webhook.from_dict(
        {
            "id": "wh_123",
            "type": "account",
            "active": True,
            "events": ["sync_start", "sync_end"],
            "created_at": "2024-01-15T10:30:00Z",
            "created_by": "a_user",
        }
    )
    assert (webhook.type, webhook.active) == ("account", True)
    assert webhook.events == ("sync_start", "sync_end")
    assert webhook.created_at == datetime(2024, 1, 15, 10, 30, tzinfo=UTC)


@seed_pure("Fivetrex.Models.Webhook.account_level?/1")
def webhook_is_for_the_account() -> None:
    """`is_account_level` is True for webhooks of the whole account."""
    assert Webhook.from_dict({"id": "w", "type": "account"}).is_account_level
    assert not Webhook.from_dict({"id": "w", "type": "group"}).is_account_level


@seed_pure("Fivetrex.Models.Webhook.group_level?/1")
def webhook_is_for_a_group() -> None:
    """`is_group_level` is True for webhooks of one group, with its `group_id`."""
    webhook = Webhook.from_dict({"id": "w", "type": "group", "group_id": "g_123"})
    assert (webhook.is_group_level, webhook.group_id) == (True, "g_123")


@seed_pure("Fivetrex.Models.WebhookEvent.from_map/1")
def reads_an_event() -> None:
    """An event has its older and newer names, and its data."""
    event = WebhookEvent.from_dict(
        {
            "event": "sync_end",
            "created": "2024-01-15T10:30:00Z",
            "connector_id": "conn_123",
            "connector_type": "postgres",
            "group_id": "g_123",
            "data": {"status": "SUCCESSFUL"},
        }
    )
    assert (event.event, event.group_id) == ("sync_end", "g_123")
    assert (event.connection_id, event.connection_type) == ("conn_123", "postgres")
    assert event.created == datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
    assert event.data.status == "SUCCESSFUL"


@seed_pure("Fivetrex.Models.WebhookEvent.sync_end?/1")
def event_is_the_end_of_a_sync() -> None:
    """An event of a sync's end has the status of the sync."""
    good = WebhookEvent.from_dict({"event": "sync_end", "data": {"status": "SUCCESSFUL"}})
    bad = WebhookEvent.from_dict({"event": "sync_end", "data": {"status": "FAILURE_WITH_TASK"}})
    assert (good.is_sync_end, good.succeeded, good.failed) == (True, True, False)
    assert (bad.is_sync_end, bad.succeeded, bad.failed) == (True, False, True)
    assert not WebhookEvent(event="sync_start").is_sync_end


@seed_pure("Fivetrex.Models.WebhookEvent.sync_start?/1")
def event_is_the_start_of_a_sync() -> None:
    """`is_sync_start` is True if a sync started."""
    assert WebhookEvent(event="sync_start").is_sync_start
    assert not WebhookEvent(event="sync_end").is_sync_start
