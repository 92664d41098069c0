"""The schema config: when it exists, what a change changes, and what is refused."""

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
    """One table of an answered config."""
    return data["schemas"]["public"]["tables"][name]


async def test_no_schema_before_it_was_captured(api: Api, fake: FakeFivetran) -> None:
    """A new connection has no schema config, until it is reloaded."""
    path = f"/v1/connections/{fake.add_connection()}/schemas"
    answer = await api.get(path)
    assert (answer.status, answer.json["code"]) == (404, "NotFound_SchemaConfig")
    assert (await api.post(f"{path}/reload", {})).status == 200
    assert (await api.get(path)).status == 200


async def test_some_services_cannot_reload(api: Api, fake: FakeFivetran) -> None:
    """The vendor's own code tells that a type has no reload."""
    path = f"/v1/connections/{fake.add_connection(service='google_sheets')}/schemas/reload"
    answer = await api.post(path, {})
    assert (answer.status, answer.json["code"]) == (400, "NotSupported_SchemaReload")


async def test_salesforce_has_one_fixed_schema(api: Api, fake: FakeFivetran) -> None:
    """The key is the source's name, whatever the destination calls it."""
    connection_id = fake.add_connection(
        service="salesforce", schema="crm", succeeded_at=fake.clock.stamp()
    )
    schemas = (await api.get(f"/v1/connections/{connection_id}/schemas")).data["schemas"]
    assert schemas.keys() == {"salesforce"}
    assert schemas["salesforce"]["name_in_destination"].startswith("crm")


async def test_changes_merge(api: Api, base: str) -> None:
    """Only what is named changes, at every level; touched columns appear."""
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


async def test_columns_show_what_was_set(api: Api, base: str) -> None:
    """The columns of a table are all listed, with their settings."""
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
    """Unknown names in a path, in other letters too, are 404."""
    answer = await api.patch(f"{base}/{path}", {"enabled": True})
    assert (answer.status, answer.json["code"]) == (404, "NotFound")


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
async def test_changes_that_cannot_be(
    api: Api, base: str, schemas: dict[str, dict[str, Any]]
) -> None:
    """Unknown names in a body, system tables and key columns are 400, and nothing changes."""
    before = (await api.get(base)).data
    assert (await api.patch(base, {"schemas": schemas})).status == 400
    assert (await api.get(base)).data == before


async def test_odd_names_in_paths(api: Api, fake: FakeFivetran) -> None:
    """Slashes, dots, percent signs and letters of all scripts are part of a name."""
    path = f"/v1/connections/{fake.add_connection()}/schemas"
    schemas = {"a/b.c %é": {"enabled": True, "tables": {"t#1": {"enabled": True}}}}
    assert (await api.post(path, {"schemas": schemas})).status == 200
    quoted = f"{path}/a%2Fb.c%20%25%C3%A9/tables/t%231"
    changed = (await api.patch(quoted, {"enabled": False})).data
    assert changed["schemas"]["a/b.c %é"]["tables"]["t#1"]["enabled"] is False


@pytest.mark.parametrize(("mode", "enabled"), [("INCLUDE", True), ("EXCLUDE", False)])
async def test_reload_modes_touch_everything(
    api: Api, base: str, mode: str, *, enabled: bool
) -> None:
    """INCLUDE and EXCLUDE set every table that may be set, also those set before."""
    await api.patch(f"{base}/public/tables/orders", {"enabled": not enabled})
    reloaded = (await api.post(f"{base}/reload", {"exclude_mode": mode})).data
    tables = reloaded["schemas"]["public"]["tables"]
    assert {tables[name]["enabled"] for name in ("orders", "events", "accounts")} == {enabled}
    assert tables["fivetran_audit"]["enabled"] is True


async def test_reload_keeps_settings_by_default(api: Api, base: str) -> None:
    """PRESERVE leaves what was set; other words are refused."""
    await api.patch(f"{base}/public/tables/orders", {"enabled": False})
    assert table((await api.post(f"{base}/reload", {})).data)["enabled"] is False
    assert (await api.post(f"{base}/reload", {"exclude_mode": "ALL"})).status == 400


async def test_only_blocked_columns_are_dropped(api: Api, base: str) -> None:
    """A column that is captured cannot be dropped: 409; once blocked it can."""
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


async def test_columns_need_a_connection_that_works(api: Api, fake: FakeFivetran) -> None:
    """The columns come from the source: a broken connection cannot ask it."""
    connection_id = fake.add_connection(setup_state="broken", succeeded_at=fake.clock.stamp())
    path = f"/v1/connections/{connection_id}/schemas/public/tables/orders/columns"
    assert (await api.get(path)).status == 400


async def test_reload_keeps_what_was_made_before(api: Api, fake: FakeFivetran) -> None:
    """Schemas that were set up before the capture stay beside what is found."""
    path = f"/v1/connections/{fake.add_connection()}/schemas"
    await api.post(path, {"schemas": {"early": {"enabled": False}}})
    schemas = (await api.post(f"{path}/reload", {})).data["schemas"]
    assert schemas.keys() == {"early", "public"}
    assert schemas["early"]["enabled"] is False


async def test_a_column_can_be_changed_twice(api: Api, base: str) -> None:
    """The second change starts from the first."""
    path = f"{base}/public/tables/orders/columns/email"
    await api.patch(path, {"hashed": True})
    changed = (await api.patch(path, {"enabled": False})).data
    column = table(changed)["columns"]["email"]
    assert (column["hashed"], column["enabled"]) == (True, False)


@pytest.mark.parametrize("schemas", [[], {"public": []}, {"public": {"tables": {"orders": 5}}}])
async def test_maps_must_be_maps(api: Api, base: str, schemas: object) -> None:
    """A list or a number where names are expected is refused, and its place is told."""
    answer = await api.patch(base, {"schemas": schemas})
    assert answer.status == 400
    assert answer.json["message"].startswith("schemas")
