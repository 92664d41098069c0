from __future__ import annotations

from datetime import UTC

import pytest

from fivetran_async.errors import AmbiguousOutcomeError, ConflictError
from fivetran_async.testing import FakeFivetran, Fault


async def test_an_invited_user_is_decoded() -> None:
    """What was sent comes back with times in UTC, and None where the API says null."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        users = fivetran.users
        user = await users.create(email="a@example.com", given_name="Ada", family_name="Byron")
        assert fake.requests[-1].body == {
            "email": "a@example.com",
            "given_name": "Ada",
            "family_name": "Byron",
        }
    assert (user.email, user.given_name, user.role, user.logged_in_at) == (
        "a@example.com",
        "Ada",
        None,
        None,
    )
    assert user.invited is True
    assert user.created_at is not None
    assert user.created_at.tzinfo is UTC


async def test_inviting_somebody_twice_is_a_conflict() -> None:
    """The second invitation is refused by the server, with its own code."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        users = fivetran.users
        await users.create(email="a@example.com", given_name="Ada", family_name="Byron")
        with pytest.raises(ConflictError) as caught:
            await users.create(email="a@example.com", given_name="Ada", family_name="Byron")
    assert caught.value.code == "UserExists"


async def test_a_lost_invitation_is_not_repeated() -> None:
    """An invitation that may have been sent goes on the wire once."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        fake.fail("users.create", fault=Fault.drop("after"))
        with pytest.raises(AmbiguousOutcomeError):
            await fivetran.users.create(
                email="a@example.com", given_name="Ada", family_name="Byron"
            )
        assert len(fake.requests) == 1


async def test_update_tells_not_sent_from_null() -> None:
    """None removes a phone number; what is not given is not in the body."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        user_id = fake.add("users", email="a@example.com", given_name="Ada", phone="123")
        user = await fivetran.users.update(user_id, phone=None, given_name="Ada A.")
        assert fake.requests[-1].body == {"phone": None, "given_name": "Ada A."}
    assert (user.phone, user.given_name) == (None, "Ada A.")


async def test_the_account_role_goes_and_the_user_stays() -> None:
    """`remove_account_role` is no delete: its path is the role's."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        users = fivetran.users
        user_id = fake.add("users", email="a@example.com", role="Account Analyst")
        await users.remove_account_role(user_id)
        assert fake.requests[-1].raw_path == f"/v1/users/{user_id}/role"
        assert (await users.get(user_id)).role is None
        await users.delete(user_id)
        assert fake.requests[-1].raw_path == f"/v1/users/{user_id}"


async def test_users_are_filtered_by_activity() -> None:
    """`active` travels in the query, beside the page size."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        owners = await fivetran.users.list(active=True, limit=7).collect()
        assert dict(fake.requests[-1].query) == {"active": "true", "limit": "7"}
    assert [user.email for user in owners] == ["owner@example.com"]
