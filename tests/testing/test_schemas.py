"""The schema config: when it exists, what a change affects, and what is rejected."""

from __future__ import annotations

from typing import Any

import pytest

from fivetran_async.testing import FakeFivetran
from testing.wire import Api


@pytest.fixture
def base(fake: FakeFivetran) -> str:
    """The path of the schemas of a connection that has synced."""
    connection_id = fake.add_connection(schema="pg", succeeded_at=fake.clock.stamp())
    return f"/v1/connections/{connection_id}/schemas"


def table(data: Any, name: str = "orders") -> Any:  # noqa: ANN401
    """Return one table of a returned config."""
    return data["schemas"]["public"]["tables"][name]


async def test_no_schema_before_the_first_capture(api: Api, fake: FakeFivetran) -> None:
    """A new connection has no schema config until it is reloaded."""
    path = f"/v1/connections/{fake.add_connection()}/schemas"
    response = await api.get(path)
    assert (response.status, response.json["code"]) == (404, "NotFound_SchemaConfig")
    assert (await api.post(f"{path}/reload", {})).status == 200
    assert (await api.get(path)).status == 200


async def test_some_services_cannot_reload(api: Api, fake: FakeFivetran) -> None:
    """The vendor has a special code for types without reload."""
    path = f"/v1/connections/{fake.add_connection(service='google_sheets')}/schemas/reload"
    response = await api.post(path, {})
    assert (response.status, response.json["code"]) == (400, "NotSupported_SchemaReload")


async def test_salesforce_has_one_fixed_schema(api: Api, fake: FakeFivetran) -> None:
    """The key is the source's name, whatever the name in the destination."""
    connection_id = fake.add_connection(
        service="salesforce", schema="crm", succeeded_at=fake.clock.stamp()
    )
    schemas = (await api.get(f"/v1/connections/{connection_id}/schemas")).data["schemas"]
    assert schemas.keys() == {"salesforce"}
    assert schemas["salesforce"]["name_in_destination"].startswith("crm")


async def test_changes_merge(api: Api, base: str) -> None:
    """Only the named parts change, at every level; changed columns appear."""
    body = {"schemas": {"public": {"tables": {"orders": {"columns": {"email": {"hashed": True}}}}}}}
    changed = (await api.patch(base, body)).data
    assert table(changed)["columns"].keys() == {"email"}
    assert table(changed)["columns"]["email"]["hashed"] is True
    assert table(changed)["enabled"] is True
    again = (await api.patch(f"{base}/public/tables/orders", {"enabled": False})).data
    assert table(again)["enabled"] is False
    assert table(again)["columns"]["email"]["hashed"] is True
    assert table(again, "events")["enabled"] is True
    policy = (await api.patch(base, {"schema_change_handling": "BLOCK_ALL"})).data
    assert policy["enable_new_by_default"] is False
    assert table((await api.get(base)).data) == table(again)


async def test_columns_have_their_settings(api: Api, base: str) -> None:
    """All columns of a table are listed, with their settings."""
    await api.patch(f"{base}/public/tables/orders/columns/email", {"enabled": False})
    columns = (await api.get(f"{base}/public/tables/orders/columns")).data["columns"]
    assert columns["email"]["enabled"] is False
    assert columns["amount"]["enabled"] is True
    assert columns["id"]["enabled_patch_settings"]["reason_code"] == "SYSTEM_COLUMN"


@pytest.mark.parametrize(
    "path",
    ["Public", "public/tables/nothing", "public/tables/orders/columns/nothing"],
)
async def test_names_are_exact(api: Api, base: str, path: str) -> None:
    """Unknown names in a path, or in another letter case, give 404."""
    response = await api.patch(f"{base}/{path}", {"enabled": True})
    assert (response.status, response.json["code"]) == (404, "NotFound")


@pytest.mark.parametrize(
    "schemas",
    [
        {"nothing": {"enabled": True}},
        {"public": {"tables": {"nothing": {}}}},
        {"public": {"tables": {"orders": {"columns": {"nothing": {}}}}}},
        {"public": {"tables": {"fivetran_audit": {"enabled": False}}}},
        {"public": {"tables": {"orders": {"columns": {"id": {"enabled": False}}}}}},
        {"public": {"tables": {"orders": {"sync_mode": "FAST"}}}},
    ],
)
async def test_invalid_changes(api: Api, base: str, schemas: dict[str, dict[str, Any]]) -> None:
    """Unknown names in a body, system tables and key columns give 400, and change nothing."""
    before = (await api.get(base)).data
    assert (await api.patch(base, {"schemas": schemas})).status == 400
    assert (await api.get(base)).data == before


async def test_odd_names_in_paths(api: Api, fake: FakeFivetran) -> None:
    """Names can contain slashes, dots, percent signs and letters of all scripts."""
    path = f"/v1/connections/{fake.add_connection()}/schemas"
    schemas = {"a/b.c %é": {"enabled": True, "tables": {"t#1": {"enabled": True}}}}
    assert (await api.post(path, {"schemas": schemas})).status == 200
    quoted = f"{path}/a%2Fb.c%20%25%C3%A9/tables/t%231"
    changed = (await api.patch(quoted, {"enabled": False})).data
    assert changed["schemas"]["a/b.c %é"]["tables"]["t#1"]["enabled"] is False


@pytest.mark.parametrize(("mode", "enabled"), [("INCLUDE", True), ("EXCLUDE", False)])
async def test_reload_modes_change_every_table(
    api: Api, base: str, mode: str, *, enabled: bool
) -> None:
    """INCLUDE and EXCLUDE set every configurable table, including those set before."""
    await api.patch(f"{base}/public/tables/orders", {"enabled": not enabled})
    reloaded = (await api.post(f"{base}/reload", {"exclude_mode": mode})).data
    tables = reloaded["schemas"]["public"]["tables"]
    assert {tables[name]["enabled"] for name in ("orders", "events", "accounts")} == {enabled}
    assert tables["fivetran_audit"]["enabled"] is True


async def test_reload_keeps_settings_by_default(api: Api, base: str) -> None:
    """PRESERVE keeps the settings; unknown modes are rejected."""
    await api.patch(f"{base}/public/tables/orders", {"enabled": False})
    assert table((await api.post(f"{base}/reload", {})).data)["enabled"] is False
    assert (await api.post(f"{base}/reload", {"exclude_mode": "ALL"})).status == 400


async def test_only_blocked_columns_are_dropped(api: Api, base: str) -> None:
    """Dropping a synced column gives 409; a blocked column can be dropped."""
    column = f"{base}/public/tables/orders/columns/email"
    many = {"schemas": {"public": {"tables": {"orders": {"columns": ["email"]}}}}}
    assert (await api.delete(column)).status == 409
    assert (await api.post(f"{base}/drop-columns", many)).status == 409
    await api.patch(column, {"enabled": False})
    assert (await api.delete(column)).status == 200
    assert (await api.post(f"{base}/drop-columns", {"schemas": {}})).status == 400


async def test_resync_of_tables_names_them_directly(api: Api, base: str) -> None:
    """The body is the mapping itself, and its names must exist."""
    path = f"{base}/tables/resync"
    assert (await api.post(path, {"public": ["orders"]})).status == 200
    assert (await api.post(path, {"public": []})).status == 400
    assert (await api.post(path, {"public": ["nothing"]})).status == 404
    assert (await api.post(path, {"scope": {"public": ["orders"]}})).status == 400


async def test_columns_require_a_working_connection(api: Api, fake: FakeFivetran) -> None:
    """Columns are read from the source, so a broken connection has none."""
    connection_id = fake.add_connection(setup_state="broken", succeeded_at=fake.clock.stamp())
    path = f"/v1/connections/{connection_id}/schemas/public/tables/orders/columns"
    assert (await api.get(path)).status == 400


async def test_reload_keeps_earlier_schemas(api: Api, fake: FakeFivetran) -> None:
    """Schemas that were configured before the capture are kept."""
    path = f"/v1/connections/{fake.add_connection()}/schemas"
    await api.post(path, {"schemas": {"early": {"enabled": False}}})
    schemas = (await api.post(f"{path}/reload", {})).data["schemas"]
    assert schemas.keys() == {"early", "public"}
    assert schemas["early"]["enabled"] is False


async def test_a_column_can_be_changed_twice(api: Api, base: str) -> None:
    """A second change starts from the first."""
    path = f"{base}/public/tables/orders/columns/email"
    await api.patch(path, {"hashed": True})
    changed = (await api.patch(path, {"enabled": False})).data
    column = table(changed)["columns"]["email"]
    assert (column["hashed"], column["enabled"]) == (True, False)


@pytest.mark.parametrize("schemas", [[], {"public": []}, {"public": {"tables": {"orders": 5}}}])
async def test_maps_must_be_maps(api: Api, base: str, schemas: object) -> None:
    """A list or a number instead of names is rejected, with its place in the message."""
    response = await api.patch(base, {"schemas": schemas})
    assert response.status == 400
    assert response.json["message"].startswith("schemas")
