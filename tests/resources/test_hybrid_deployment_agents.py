from __future__ import annotations

import base64

import pytest

from fivetran_async._http.result import ActionResult
from fivetran_async.errors import AmbiguousOutcomeError, InvalidRequestError
from fivetran_async.testing import FakeFivetran, Fault


async def test_the_token_and_files_of_a_new_agent_are_hidden() -> None:
    """The response contains them as base64, and the repr omits them."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        group_id = fake.add_group()
        agents = fivetran.hybrid_deployment_agents
        made = await agents.create(
            display_name="dc-1", env_type="PODMAN", accept_terms=True, group_id=group_id
        )
        read = await agents.get(made.id)
    assert made.deployment_type == "PODMAN"
    assert made.token
    assert base64.b64decode(made.files.config_json)
    for secret in (made.token, made.files.auth_json, made.files.docker_compose_yaml):
        assert secret not in repr(made)
        assert secret not in repr(made.files)
    assert read.token is None
    assert read.files.config_json == ""


async def test_terms_that_are_not_accepted_are_refused_by_the_server() -> None:
    """The client sends `accept_terms` as given and never accepts the terms by default."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        with pytest.raises(InvalidRequestError):
            await fivetran.hybrid_deployment_agents.create(
                display_name="dc-1", env_type="PODMAN", accept_terms=False
            )
        assert fake.requests[-1].body == {
            "display_name": "dc-1",
            "env_type": "PODMAN",
            "accept_terms": False,
        }


async def test_the_group_filter_is_in_camel_case() -> None:
    """The query parameter is `groupId`, unlike the other parameters of the API."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        group_id, other_id = fake.add_group(name="a"), fake.add_group(name="b")
        agents = fivetran.hybrid_deployment_agents
        made = await agents.create(
            display_name="dc-1", env_type="DOCKER", accept_terms=True, group_id=group_id
        )
        found = await agents.list(group_id=group_id, limit=5).collect()
        assert dict(fake.requests[-1].query) == {"groupId": group_id, "limit": "5"}
        assert [agent.id for agent in found] == [made.id]
        assert await agents.list(group_id=other_id).collect() == []


async def test_usage_names_the_connections() -> None:
    """The details of an agent list the connections that use it."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        agents = fivetran.hybrid_deployment_agents
        made = await agents.create(display_name="dc-1", env_type="DOCKER", accept_terms=True)
        connection_id = fake.add_connection(service="mysql", hybrid_deployment_agent_id=made.id)
        (usage,) = (await agents.get(made.id)).usage
    assert (usage.connection_id, usage.service) == (connection_id, "mysql")


async def test_reset_credentials_returns_no_data() -> None:
    """The request has no body, and the response contains only a message."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        agents = fivetran.hybrid_deployment_agents
        made = await agents.create(display_name="dc-1", env_type="DOCKER", accept_terms=True)
        result = await agents.reset_credentials(made.id)
        assert fake.requests[-1].body_bytes == b""
    assert isinstance(result, ActionResult)
    assert result.message


async def test_a_lost_re_auth_is_not_repeated() -> None:
    """It is a PATCH, but a retry would invalidate the keys of the first attempt."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        agents = fivetran.hybrid_deployment_agents
        made = await agents.create(display_name="dc-1", env_type="DOCKER", accept_terms=True)
        again = await agents.re_auth(made.id, auth_type="MANUAL")
        assert again.token not in {made.token, None}
        fake.fail("hybrid_deployment_agents.re_auth", fault=Fault.drop("after"))
        with pytest.raises(AmbiguousOutcomeError):
            await agents.re_auth(made.id)
        assert len(fake.requests_for("hybrid_deployment_agents.re_auth")) == 2
