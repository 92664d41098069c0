from __future__ import annotations

import pytest

from fivetran_async.errors import AmbiguousOutcomeError, InvalidArgumentError
from fivetran_async.resources.system_keys import (
    SystemKey,
    SystemKeyPermission,
    SystemKeyResourceFilter,
)
from fivetran_async.testing import FakeFivetran, Fault

READ_USERS = SystemKeyPermission(resource_type="USER", access_level="READ")
SOME_CONNECTIONS = SystemKeyPermission(
    resource_type="CONNECTOR",
    access_level="MANAGE",
    resource_filter=SystemKeyResourceFilter(group_ids=("g1",)),
)


async def test_permissions_are_sent_as_the_api_spells_them() -> None:
    """Models and mappings can be mixed, and an empty filter is omitted."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        key = await fivetran.system_keys.create(
            name="ci",
            permissions=[
                READ_USERS,
                SOME_CONNECTIONS,
                {"resource_type": "TEAM", "access_level": "NONE"},
            ],
            expiration_period="ONE_WEEK",
        )
        assert fake.requests[-1].body == {
            "name": "ci",
            "permissions": [
                {"resource_type": "USER", "access_level": "READ"},
                {
                    "resource_type": "CONNECTOR",
                    "access_level": "MANAGE",
                    "resource_filter": {"group_ids": ["g1"]},
                },
                {"resource_type": "TEAM", "access_level": "NONE"},
            ],
            "expiration_period": "ONE_WEEK",
        }
    assert key.permissions[:2] == (READ_USERS, SOME_CONNECTIONS)
    assert key.expired_at is not None


async def test_only_create_and_rotate_return_a_secret() -> None:
    """Each returns a new secret; `get` and `list` return no secret."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        keys = fivetran.system_keys
        made = await keys.create(name="ci", permissions=[READ_USERS])
        rotated = await keys.rotate(made.id)
        read = await keys.get(made.id)
        assert fake.requests[1].body == {}
    assert made.secret
    assert rotated.secret
    assert made.secret != rotated.secret
    assert read.secret is None


async def test_credentials_stay_out_of_the_repr() -> None:
    """The repr shows neither the key nor the secret."""
    text = repr(SystemKey(id="k", name="ci", key="the_key", secret="the_secret"))
    assert "ci" in text
    assert "the_key" not in text
    assert "the_secret" not in text


async def test_a_lost_rotation_is_not_repeated() -> None:
    """A retry would invalidate the secret of the first attempt."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        keys = fivetran.system_keys
        made = await keys.create(name="ci", permissions=[])
        fake.fail("system_keys.rotate", fault=Fault.drop("after"))
        with pytest.raises(AmbiguousOutcomeError):
            await keys.rotate(made.id)
        assert len(fake.requests_for("system_keys.rotate")) == 1


async def test_a_permission_of_another_type_is_refused() -> None:
    """No request is sent, and the error names the argument."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        wrong: list[dict[str, object]] = ["READ"]  # type: ignore[list-item]  # pyright: ignore[reportAssignmentType]
        with pytest.raises(InvalidArgumentError, match="permissions must be a sequence"):
            await fivetran.system_keys.create(name="ci", permissions=wrong)
        assert fake.requests == []
