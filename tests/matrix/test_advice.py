"""The error of a create with an unknown outcome names a lookup that finds the result."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping

import pytest

from fivetran_async import AmbiguousOutcomeError, AsyncFivetran
from fivetran_async.testing import FakeFivetran, Fault

ADVISED: Mapping[str, tuple[Callable[[AsyncFivetran], Awaitable[object]], str]] = {
    "connections.sync": (
        lambda fivetran: fivetran.connections.sync("tiny_fox"),
        "connections.get_sync_status('tiny_fox')",
    ),
    "connections.resync": (
        lambda fivetran: fivetran.connections.resync("tiny_fox", confirm=True),
        "connections.get('tiny_fox')",
    ),
    "groups.create": (
        lambda fivetran: fivetran.groups.create(name="Warehouse"),
        "'Warehouse' in groups.list()",
    ),
    "groups.users.add": (
        lambda fivetran: fivetran.groups.users.add(
            "calm_lake", email="a@example.com", role="Destination Reviewer"
        ),
        "'a@example.com' in groups.users.list('calm_lake')",
    ),
    "users.create": (
        lambda fivetran: fivetran.users.create(
            email="a@example.com", given_name="A", family_name="B", role="Account Reviewer"
        ),
        "'a@example.com' in users.list()",
    ),
    "teams.create": (
        lambda fivetran: fivetran.teams.create(name="Data", role="Account Reviewer"),
        "'Data' in teams.list()",
    ),
    "webhooks.create_account": (
        lambda fivetran: fivetran.webhooks.create_account(
            url="https://example.com/hook", events=["sync_end"], secret="long enough"
        ),
        "webhooks.list()",
    ),
}


@pytest.mark.parametrize("operation", ADVISED)
async def test_a_lost_answer_says_where_to_look(operation: str) -> None:
    """The error of a call that must not be repeated names the call that shows the outcome."""
    call, advice = ADVISED[operation]
    async with FakeFivetran() as fake:
        fake.add_group(id="calm_lake")
        fake.add_connection(id="tiny_fox")
        fake.fail(operation, fault=Fault.drop("after"))
        async with fake.client() as fivetran:
            with pytest.raises(AmbiguousOutcomeError) as caught:
                await call(fivetran)
    assert advice in caught.value.advice
    assert caught.value.advice in str(caught.value)


@pytest.mark.parametrize(
    ("config", "schema"),
    [
        ({"schema_prefix": "sales"}, "sales"),
        ({"schema": "sheets", "table": "plan"}, "sheets.plan"),
        ({"schema": "mail"}, "mail"),
        ({}, "postgres"),
    ],
    ids=str,
)
async def test_a_lost_create_can_be_found(config: Mapping[str, object], schema: str) -> None:
    """Without repeating the call, its advice leads to the connection that was made."""
    async with FakeFivetran() as fake:
        group_id = fake.add_group(name="warehouse")
        fake.fail("connections.create", fault=Fault.drop("after"))
        async with fake.client() as fivetran:
            with pytest.raises(AmbiguousOutcomeError) as caught:
                await fivetran.connections.create(
                    group_id=group_id, service="postgres", config=config, run_setup_tests=False
                )
            advised = re.search(r"group_id='(\w+)', schema='([\w.]+)'", str(caught.value))
            assert advised is not None
            assert advised.groups() == (group_id, schema)
            found = await fivetran.connections.find(group_id=advised[1], schema=advised[2])
            assert found is not None
        posts = [request for request in fake.requests if request.verb == "POST"]
        assert len(posts) == 1
