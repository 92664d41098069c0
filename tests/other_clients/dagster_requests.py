"""`FivetranWorkspace` of dagster-fivetran: discovery, a sync, a failed one, a re-sync."""

# The package's types are not installed where this repository is checked.
# pyright: basic, reportMissingImports=false
# mypy: ignore-errors

from __future__ import annotations

import os

import dagster_fivetran.resources
import steps
from dagster import Failure
from dagster_fivetran import FivetranWorkspace

# The package has no setting for the address.
dagster_fivetran.resources.FIVETRAN_API_BASE = os.environ["FIVETRAN_URL"]

workspace = FivetranWorkspace(
    account_id="perpetual_account",
    api_key=os.environ["FIVETRAN_API_KEY"],
    api_secret=os.environ["FIVETRAN_API_SECRET"],
    request_max_retries=0,
)
client = workspace.get_client()
connector_id = os.environ["CONNECTION_ID"]
POLLING = {"poll_interval": 0.05, "poll_timeout": 20}
"""Seconds."""


def groups() -> None:
    """List groups."""
    assert [group["name"] for group in client.get_groups()["items"]] == ["Sales"]


def destination() -> None:
    """Get the destination."""
    [group] = client.get_groups()["items"]
    assert client.get_destination_details(group["id"])["service"] == "snowflake"


def connectors() -> None:
    """List connectors."""
    [group] = client.get_groups()["items"]
    found = client.list_connectors_for_group(group["id"])
    assert [each["id"] for each in found] == [connector_id]


def workspace_data() -> None:
    """Fetch the workspace."""
    data = workspace.fetch_fivetran_workspace_data()
    assert set(data.connectors_by_id) == {connector_id}
    assert data.schema_configs_by_connector_id[connector_id].has_schemas


def asset_specs() -> None:
    """Load asset specs."""
    keys = [spec.key.to_user_string() for spec in workspace.load_asset_specs()]
    assert any(key.endswith("/orders") for key in keys), keys


def columns() -> None:
    """Read columns."""
    found = client.get_columns_config_for_table(connector_id, "public", "orders")
    assert "id" in found["columns"]


def sync() -> None:
    """Sync and poll."""
    output = client.sync_and_poll(connector_id, **POLLING)
    assert output.connector_details["status"]["setup_state"] == "connected"
    assert output.connector_details["schedule_type"] == "manual"


def failed_sync() -> None:
    """Notice a failed sync."""
    failure = None
    try:
        client.sync_and_poll(connector_id, **POLLING)
    except Failure as error:
        failure = error
    assert failure is not None
    assert "failed" in str(failure)


def resync_tables() -> None:
    """Re-sync a table."""
    tables = {"public": ["orders"]}
    assert client.resync_and_poll(connector_id, resync_parameters=tables, **POLLING)


def resync_all() -> None:
    """Re-sync all."""
    assert client.resync_and_poll(connector_id, **POLLING)


def restore_schedule() -> None:
    """Restore the schedule."""
    changed = client.update_schedule_type_for_connector(connector_id, "auto")
    assert changed["schedule_type"] == "auto"


steps.run(
    "dagster-fivetran",
    [
        groups,
        destination,
        connectors,
        workspace_data,
        asset_specs,
        columns,
        sync,
        failed_sync,
        resync_tables,
        resync_all,
        restore_schedule,
    ],
)
