"""`Snapshot.clone`: copies in another group, with references in place of secrets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fivetran_async import AsyncFivetran, InvalidArgumentError, as_code
from fivetran_async.as_code import ManagedObject, Snapshot
from fivetran_async.testing import FakeFivetran


async def test_a_group_is_cloned_with_everything_in_it(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """Group, destination, connections, schemas and others are created, and nothing is changed."""
    live = await as_code.export(fivetran)
    wanted = live.clone(lambda each: each.group == "blue", group="teal")
    plan = as_code.plan(wanted, live=live)
    assert not plan.refused
    assert {change.action for change in plan.changes} == {"create"}
    created = {change.address for change in plan.changes}
    assert created == {
        address.replace("/blue", "/teal") for address, each in live.items() if each.group == "blue"
    }
    assert "env:TEAL_CRM_PASSWORD" in str(wanted["connections/teal/crm"].fields["config"])
    environ = {
        "TEAL_CRM_PASSWORD": "a",
        "TEAL_PASSWORD": "b",
        "TEAL_HTTPS_HOOKS_EXAMPLE_COM_A_B_SECRET": "c",
    }
    secrets = as_code.references(environ=environ)
    rehearsal = await as_code.rehearse(plan)
    assert not rehearsal.errors, str(rehearsal)
    run = await as_code.apply(fivetran, plan, confirm=plan.digest, secrets=secrets)
    assert run.succeeded, str(run)
    after = await as_code.export(fivetran)
    assert after["connections/teal/crm"].paused is False
    assert after["connections/teal/crm"].id != "crm_id"
    assert not as_code.plan(live, live=after).changes


async def test_clones_without_secrets_are_refused_before_any_request(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A clone with a reference that has no value fails; nothing is sent for it."""
    live = await as_code.export(fivetran)
    chosen = live.clone(lambda each: each.address == "connections/blue/crm", group="green")
    plan = as_code.plan(chosen, live=live)
    assert [change.address for change in plan.changes] == [
        "connections/green/crm",
        "schemas/green/crm",
    ]
    fake.requests.clear()
    secrets = as_code.references(environ={})
    run = await as_code.apply(fivetran, plan, confirm=plan.digest, secrets=secrets)
    assert isinstance(run.errors["connections/green/crm"], as_code.SecretUnavailableError)
    assert [each.path for each in fake.requests] == ["/v1/account/info"]


async def test_references_of_files_are_kept(fivetran: AsyncFivetran) -> None:
    """A clone of an object with its own references uses them, not new ones."""
    live = await as_code.export(fivetran)
    reference = {"$secret": "file:crm.key"}
    edited = live.change(lambda each: each.id == "crm_id", config={"password": reference})
    clone = edited.clone(lambda each: each.id == "crm_id", group="green")["connections/green/crm"]
    assert clone.raw_fields["config"]["password"] == reference  # type: ignore[index]
    assert clone.raw_fields["group_id"] == "groups/green"
    assert clone.id is None
    assert dict(clone.raw_observed) == {}


def test_what_cannot_be_cloned_is_an_error() -> None:
    """No choice, an object without a group, and an address that exists are errors."""
    objects = {
        address: ManagedObject(address, address.partition("/")[0], "id", {})
        for address in ("connections/a/x", "connections/b/x", "users/ada", "system_keys/k")
    }
    snapshot = Snapshot(objects)
    cases: list[tuple[Callable[[ManagedObject], object], str]] = [
        (lambda _: False, "no object to copy"),
        (lambda each: each.kind == "users", "users/ada cannot be cloned: it belongs to no group"),
        (lambda each: each.group == "a", "would replace connections/b/x"),
        (lambda each: each.kind == "system_keys", "no object to copy"),
    ]
    for where, message in cases:
        with pytest.raises(InvalidArgumentError, match=message):
            snapshot.clone(where, group="b")


def test_each_secret_has_a_variable_of_its_own() -> None:
    """Objects with similar addresses never get the password of each other."""
    keep = {"password": {"$secret": "keep"}}
    places = (
        "connections/a/sales.eu",
        "connections/a/sales_eu",
        "destinations/a",
        "log_services/a",
    )
    objects = {
        place: ManagedObject(
            place, place.partition("/")[0], "id", {"service": "postgres", "config": keep}
        )
        for place in places
    }
    clones = Snapshot(objects).clone(lambda _: True, group="b")
    found = [str(clones[place.replace("/a", "/b")].fields["config"]) for place in places]
    assert len(set(found)) == len(places)
    assert "env:B_SALES_EU_PASSWORD'" in found[0]
