from __future__ import annotations

import pytest

from fivetran_async.errors import AmbiguousOutcomeError, ConflictError
from fivetran_async.testing import FakeFivetran, Fault


async def test_credentials_are_keyed_by_agent_id_and_hidden() -> None:
    """The response to a create uses `agent_id`, and the repr omits its secrets."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        agents = fivetran.proxy_agents
        made = await agents.create(display_name="dc-1", group_region="AWS_EU_WEST_1")
        assert fake.requests[-1].body == {
            "display_name": "dc-1",
            "group_region": "AWS_EU_WEST_1",
        }
        read = await agents.get(made.agent_id)
    assert (read.id, read.region) == (made.agent_id, "AWS_EU_WEST_1")
    assert made.orchestrator_port == 443
    for secret in (made.auth_token, made.client_cert, made.client_private_key):
        assert secret
        assert secret not in repr(made)


async def test_a_response_without_an_envelope_is_decoded() -> None:
    """The vendor documents both forms: with and without an envelope."""
    bare = Fault.status(200, body={"id": "p1", "status": "CONNECTED", "display_name": "dc-1"})
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        fake.fail("proxy_agents.get", fault=bare)
        agent = await fivetran.proxy_agents.get("p1")
    assert (agent.id, agent.status, agent.display_name) == ("p1", "CONNECTED", "dc-1")


async def test_an_agent_in_use_is_not_deleted() -> None:
    """Lists count its uses, details name them, and a list of its own has their ids."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        agents = fivetran.proxy_agents
        agent_id = (await agents.create(display_name="dc-1")).agent_id
        connection_id = fake.add_connection(proxy_agent_id=agent_id)
        (listed,) = await agents.list().collect()
        (used,) = await agents.list_connections(agent_id, limit=5).collect()
        (usage,) = (await agents.get(agent_id)).usage
        with pytest.raises(ConflictError):
            await agents.delete(agent_id)
    assert (listed.connector_count, listed.destination_count) == (1, 0)
    assert used.connection_id == usage.id == connection_id


async def test_regenerated_secrets_are_new_and_not_retried() -> None:
    """The request has no body and is not retried after a lost response."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        agents = fivetran.proxy_agents
        made = await agents.create(display_name="dc-1")
        again = await agents.regenerate_secrets(made.agent_id)
        assert fake.requests[-1].body_bytes == b""
        assert again.auth_token != made.auth_token
        fake.fail("proxy_agents.regenerate_secrets", fault=Fault.drop("after"))
        with pytest.raises(AmbiguousOutcomeError):
            await agents.regenerate_secrets(made.agent_id)
        assert len(fake.requests_for("proxy_agents.regenerate_secrets")) == 2
