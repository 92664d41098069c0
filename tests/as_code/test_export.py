"""`export`: what is read, what it costs, and what is left out."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from as_code.accounts import PLANTED
from fivetran_async import AsyncFivetran, InvalidArgumentError, as_code
from fivetran_async.testing import FakeFivetran, Fault


async def test_demo_account_stays_within_its_bound() -> None:
    """A full export of 216 connections sends at most 472 requests, all of them reads."""
    async with FakeFivetran.demo(running=False) as fake, fake.client(read_only=True) as fivetran:
        live = await as_code.export(fivetran)
        assert len(fake.requests) <= 2 * 216 + 9 + 2 * 4 + 3 * 1 + 20 == 472
        assert {request.verb for request in fake.requests} == {"GET"}
    kinds = Counter(each.kind for each in live.values())
    assert kinds["connections"] == 216
    assert kinds["schemas"] + len(live.skipped) == 216
    assert set(live.skipped.values()) == {"the schema is not captured yet"}


async def test_every_kind_is_exported(fivetran: AsyncFivetran) -> None:
    """Objects have addresses instead of ids, and nothing that the server owns."""
    live = await as_code.export(fivetran)
    assert {
        "groups/blue",
        "destinations/blue",
        "connections/blue/crm",
        "schemas/blue/crm",
        "webhooks/blue/https:%2F%2Fhooks.example.com%2Fa%2Fb",
        "users/ada@example.com",
        "teams/Data %2F Platform",
        "memberships/teams/Data %2F Platform/groups/blue",
        "memberships/teams/Data %2F Platform/users/ada@example.com",
        "memberships/users/ada@example.com/connections/blue/crm",
        "transformation_projects/blue/marts",
        "transformations/nightly_id",
        "log_services/blue",
    } <= set(live)
    crm = live["connections/blue/crm"]
    assert crm.id == "crm_id"
    assert crm.group == "blue"
    assert crm.service == "postgres"
    assert crm.config == {
        "host": "db1",
        "port": 5432,
        "user": "reader",
        "password": {"$secret": "keep"},
        "schema_prefix": "crm",
    }
    sheet = live["connections/green/sheets.budget"]
    assert sheet.config == {"schema": "sheets", "table": "budget"}
    nightly = live["transformations/nightly_id"]
    assert nightly.schedule == {
        "schedule_type": "INTEGRATED",
        "connection_ids": ("connections/blue/crm",),
    }
    assert nightly.transformation_config == {
        "project_id": "transformation_projects/blue/marts",
        "name": "nightly",
    }
    assert live["log_services/blue"].group_id == "groups/blue"


async def test_objects_have_the_fields_of_the_api(fivetran: AsyncFivetran) -> None:
    """A field that another kind has is None, and an unknown one is an error with a suggestion."""
    live = await as_code.export(fivetran, kinds=["groups", "users"])
    group = live["groups/blue"]
    assert group.sync_frequency is None
    with pytest.raises(AttributeError, match="did you mean 'service'"):
        _ = group.servise
    assert repr(group) == "<groups/blue>"


async def test_values_are_read_only(fivetran: AsyncFivetran) -> None:
    """Neither a snapshot nor what it holds can be changed in place."""
    live = await as_code.export(fivetran, only="connections/blue/crm", schemas=False)
    config = live["connections/blue/crm"].config
    with pytest.raises(TypeError):
        config["host"] = "db2"  # type: ignore[index]
    with pytest.raises(TypeError):
        live["groups/x"] = live["connections/blue/crm"]  # type: ignore[index]


async def test_patterns_choose_objects_and_their_schemas(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """Schemas of chosen connections come along; names of others are known without a file."""
    live = await as_code.export(fivetran, only="connections/bl*/c*")
    assert list(live) == ["connections/blue/crm", "schemas/blue/crm"]
    assert live.ids["groups/blue"] == "blue_id"
    assert len(fake.requests_for("connections.get")) == 1
    assert len(fake.requests_for("destinations.get")) == 0


async def test_kinds_and_schemas_are_optional(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """An export of single kinds reads only what they need."""
    live = await as_code.export(fivetran, kinds="connections", schemas=False)
    assert {each.kind for each in live.values()} == {"connections"}
    assert not fake.requests_for("connections.schemas.get")
    assert not fake.requests_for("users.list")


@pytest.mark.parametrize("arguments", [{"kinds": "conections"}, {"only": "x/y"}, {"only": 3}])
async def test_scopes_are_checked_before_anything_is_sent(
    fake: FakeFivetran, fivetran: AsyncFivetran, arguments: dict[str, str]
) -> None:
    """A misspelt kind or pattern is an error, and nothing is sent."""
    with pytest.raises(InvalidArgumentError):
        await as_code.export(fivetran, **arguments)  # type: ignore[arg-type]
    assert not fake.requests


async def test_what_cannot_be_read_is_skipped(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """An object that is gone and a list that is forbidden are noted; the export goes on."""
    fake.fail("connections.get", fault=Fault.status(404), path="*crm_id")
    fake.fail("system_keys.list", fault=Fault.status(403))
    live = await as_code.export(fivetran)
    assert "connections/blue/crm" not in live
    assert "gone meanwhile" in live.skipped["connections/blue/crm"]
    assert "403" in live.skipped["system_keys/*"]
    assert "connections/blue/shop" in live


async def test_links_outside_of_the_scope_get_names(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A reference to an object that was not exported is its address, not its id."""
    link = fake.add("private_links", name="to_db", service="SOURCE_AWS", config={})
    fake.change("connections", "crm_id", private_link_id=link)
    live = await as_code.export(fivetran, only="connections/blue/*", schemas=False)
    assert live["connections/blue/crm"].private_link_id == "private_links/to_db"
    assert live.ids["private_links/to_db"] == link


async def test_clashing_names_get_ids(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Groups with one name are distinguished by their ids, and so is what is in them."""
    fake.add_group(name="blue", id="other_id")
    live = await as_code.export(fivetran)
    assert {"groups/blue~blue_id", "groups/blue~other_id"} <= set(live)
    assert "connections/blue~blue_id/crm" in live
    assert live["connections/blue~blue_id/crm"].group_id == "groups/blue~blue_id"


async def test_certificates_are_read_only_when_named(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """Certificates and fingerprints cost a request per object, so they must be asked for."""
    await fivetran.connections.fingerprints.approve(
        "crm_id", hash="a/b=", public_key="ssh-rsa AAAA"
    )
    live = await as_code.export(fivetran)
    assert not any(each.kind == "fingerprints" for each in live.values())
    trusted = await as_code.export(fivetran, kinds=["fingerprints"])
    assert list(trusted) == ["fingerprints/connections/blue/crm/a%2Fb="]


async def test_no_secret_is_read_into_a_snapshot(fivetran: AsyncFivetran) -> None:
    """Secrets and masks of the server never reach a snapshot."""
    live = await as_code.export(fivetran)
    text = repr(live) + "".join(f"{each!r} {dict(each.fields)!r}" for each in live.values())
    assert PLANTED not in text
    assert "****" not in text


async def test_schema_configs_keep_settings_only(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A schema config has what can be changed, not the server's descriptions."""
    await fivetran.connections.schemas.update_column(
        "crm_id", "public", "orders", "email", hashed=True
    )
    live = await as_code.export(fivetran, only="schemas/blue/crm")
    schemas = json.loads(json.dumps(live["schemas/blue/crm"].raw_fields))["schemas"]
    assert schemas["public"]["tables"]["orders"]["columns"] == {
        "email": {"enabled": True, "hashed": True, "is_primary_key": False}
    }
    assert "name_in_destination" not in json.dumps(schemas)
