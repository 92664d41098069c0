from __future__ import annotations

import pytest

from fivetran_async.errors import InvalidRequestError
from fivetran_async.resources.external_secrets_managers import (
    ExternalSecretsManager,
)
from fivetran_async.testing import FakeFivetran


async def test_entities_come_in_one_page() -> None:
    """These lists send the given filters, but neither `limit` nor `cursor`."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        managers = fivetran.external_secrets_managers
        vault = await managers.create(
            name="vault", type="HASHICORP_VAULT", config={"vault_address": "https://v.example.com"}
        )
        connection_id = fake.add_connection(external_secrets_manager_id=vault.id)
        of_one = await managers.list_entities(vault.id).collect()
        assert fake.requests[-1].query == ()
        of_all = await managers.list_all_entities(esm_id=vault.id, type="source").collect()
        assert dict(fake.requests[-1].query) == {"esm_id": vault.id, "type": "source"}
        assert await managers.list_entities(vault.id, type="destination").collect() == []
        assert dict(fake.requests[-1].query) == {"type": "destination"}
    assert of_one == of_all
    (entity,) = of_one
    assert (entity.id, entity.type, entity.secret_manager_id) == (connection_id, "SOURCE", vault.id)


async def test_a_manager_in_use_is_not_deleted() -> None:
    """The API responds with 400, where other families respond with 409."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        managers = fivetran.external_secrets_managers
        vault = await managers.create(name="v", type="AWS_SECRET_MANAGER", config={"role_arn": "a"})
        fake.add_connection(external_secrets_manager_id=vault.id)
        with pytest.raises(InvalidRequestError) as caught:
            await managers.delete(vault.id)
    assert (caught.value.status, caught.value.code) == (400, "BadRequest")


async def test_update_sends_the_config() -> None:
    """An update sends the config, the only field that can change."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        managers = fivetran.external_secrets_managers
        vault = await managers.create(
            name="v", type="AZURE_KEY_VAULT", config={"vault_url": "u"}, is_hybrid_deployment=True
        )
        changed = await managers.update(vault.id, config={"tenant_id": "t"})
        assert fake.requests[-1].body == {"config": {"tenant_id": "t"}}
    assert changed.config == {"vault_url": "u", "tenant_id": "t"}


def test_the_config_stays_out_of_the_repr() -> None:
    """Settings of a vault hold credentials."""
    assert "s3cret" not in repr(ExternalSecretsManager(id="e", config={"secret_id": "s3cret"}))
