"""`schema_diff`: the differences of two schema configs, and the plan that copies one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from as_code.folders import writes
from fivetran_async import (
    AsyncFivetran,
    InvalidArgumentError,
    NotFoundError,
    SchemaNotCapturedError,
    UsageError,
    as_code,
)
from fivetran_async._types import UNSET
from fivetran_async.models import SchemaUpdate, TableUpdate
from fivetran_async.testing import FakeFivetran

TABLES = ("schemas", "public", "tables")


@pytest.fixture
async def pair(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Two connections with the same tables and different settings."""
    fake.add_connection(group_id="green_id", service="postgres", schema="crm_stage", id="stage_id")
    schemas = fivetran.connections.schemas
    await schemas.reload("stage_id")
    await schemas.update_column("crm_id", "public", "orders", "email", hashed=True)
    await schemas.update_column("crm_id", "public", "events", "name", enabled=False)
    await schemas.update_column("stage_id", "public", "accounts", "email", hashed=True)
    orders = SchemaUpdate(tables={"orders": TableUpdate(enabled=False)})
    await schemas.update("stage_id", schemas={"public": orders})


@pytest.mark.usefixtures("pair")
async def test_settings_of_untouched_columns_are_compared(fivetran: AsyncFivetran) -> None:
    """A column that only one config lists differs from what the change policy gives the other."""
    difference = await as_code.schema_diff(fivetran, "crm_id", "crm_stage")
    assert (difference.first, difference.second) == ("schemas/blue/crm", "schemas/green/crm_stage")
    assert difference.leaves == {
        (*TABLES, "orders", "columns", "email", "hashed"): (True, False),
        (*TABLES, "events", "columns", "name", "enabled"): (False, True),
        (*TABLES, "accounts", "columns", "email", "hashed"): (False, True),
        (*TABLES, "orders", "enabled"): (True, False),
    }
    assert difference
    assert "orders.enabled: True and False" in str(difference)
    read = as_code.SchemaDifference.from_dict(json.loads(json.dumps(difference.to_dict())))
    assert read == difference
    with pytest.raises(UsageError, match="read from JSON has no snapshot"):
        read.copy()


@pytest.mark.usefixtures("pair")
async def test_a_schema_config_is_copied_with_one_patch(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """After the copy nothing differs; the first connection is not changed."""
    difference = await as_code.schema_diff(fivetran, "connections/blue/crm", "stage_id")
    plan = difference.copy()
    assert [change.address for change in plan.changes] == ["schemas/green/crm_stage"]
    fake.requests.clear()
    run = await as_code.apply(fivetran, plan, confirm=plan.digest)
    assert run.succeeded, str(run)
    assert [path for _, path, _ in writes(fake)] == ["/v1/connections/stage_id/schemas"]
    after = await as_code.schema_diff(fivetran, "crm_id", "stage_id")
    assert not after
    assert not after.copy().changes


@pytest.mark.usefixtures("pair")
async def test_locked_and_missing_tables_are_left_alone(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """What only one of them has is listed; what cannot change is refused with the reason."""
    record = dict(fake._account.collection("schema_configs").get("crm_id") or {})
    public = record["schemas"]["public"]
    tables = {name: each for name, each in public["tables"].items() if name != "events"}
    tables["extra"] = tables["orders"]
    tables["fivetran_audit"] = {**tables["fivetran_audit"], "enabled": False}
    record["schemas"] = {"public": {**public, "tables": tables}}
    fake._account.collection("schema_configs").put("crm_id", record)
    difference = await as_code.schema_diff(fivetran, "crm_id", "stage_id")
    assert difference.only_in_first == ("public.extra",)
    assert difference.only_in_second == ("public.events",)
    assert difference.leaves[*TABLES, "fivetran_audit", "enabled"] == (False, True)
    plan = difference.copy()
    assert "cannot change" in plan.refused["schemas/green/crm_stage"]


async def test_connections_that_cannot_be_compared_are_errors(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """Unknown, ambiguous, equal and uncaptured connections are errors that name them."""
    fake.add_connection(group_id="green_id", service="postgres", schema="crm")
    diff = as_code.schema_diff
    with pytest.raises(NotFoundError):
        await diff(fivetran, "crm_id", "nowhere")
    with pytest.raises(NotFoundError, match="connections/blue/none"):
        await diff(fivetran, "crm_id", "connections/blue/none")
    with pytest.raises(InvalidArgumentError, match="2 connections have the name 'crm'"):
        await diff(fivetran, "crm", "shop_id")
    with pytest.raises(InvalidArgumentError, match="are the same connection"):
        await diff(fivetran, "crm_id", "connections/blue/crm")
    with pytest.raises(SchemaNotCapturedError, match="'shop' is not captured"):
        await diff(fivetran, "crm_id", "shop_id")


async def test_blocked_columns_have_no_known_setting(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """Under BLOCK_ALL, an unlisted column can be either, so it is not copied."""
    fake.add_connection(group_id="green_id", service="postgres", schema="crm_stage", id="stage_id")
    schemas = fivetran.connections.schemas
    await schemas.reload("stage_id")
    await schemas.update("crm_id", schema_change_handling="BLOCK_ALL")
    await schemas.update_column("stage_id", "public", "orders", "name", enabled=False)
    difference = await as_code.schema_diff(fivetran, "crm_id", "stage_id")
    path = (*TABLES, "orders", "columns", "name", "enabled")
    assert difference.leaves[path] == (UNSET, False)
    [change] = difference.copy().changes
    assert path not in change.leaves


@pytest.mark.usefixtures("pair")
async def test_schemas_that_only_one_has_are_not_copied(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A schema that the second connection lacks is listed, and the plan does not send it."""
    rows = fake._account.collection("schema_configs")
    record: Any = rows.get("crm_id")
    others: dict[str, Any] = {
        "empty": {"enabled": True},
        "more": {"enabled": True, "tables": {"t": {}}},
    }
    rows.change("crm_id", schemas={**record["schemas"], **others})
    difference = await as_code.schema_diff(fivetran, "crm_id", "crm_stage")
    assert difference.only_in_first == ("empty", "more.t")
    assert not [path for path in difference.leaves if path[1:2] in {("empty",), ("more",)}]
    plan = difference.copy()
    run = await as_code.apply(fivetran, plan, confirm=plan.digest)
    assert run.succeeded, str(run)
    assert (await as_code.schema_diff(fivetran, "crm_id", "crm_stage")).leaves == {}
