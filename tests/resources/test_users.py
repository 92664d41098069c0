from __future__ import annotations

from datetime import UTC

import pytest

from fivetran_async.errors import AmbiguousOutcomeError, ConflictError
from fivetran_async.testing import FakeFivetran, Fault


async def test_an_invited_user_is_decoded() -> None:
    """The response decodes with times in UTC, and null becomes None."""
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


async def test_a_second_invitation_is_a_conflict() -> None:
    """The server refuses a second invitation with a code of its own."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        users = fivetran.users
        await users.create(email="a@example.com", given_name="Ada", family_name="Byron")
        with pytest.raises(ConflictError) as caught:
            await users.create(email="a@example.com", given_name="Ada", family_name="Byron")
    assert caught.value.code == "UserExists"


async def test_a_lost_invitation_is_not_repeated() -> None:
    """An invitation that may have been sent is not retried."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        fake.fail("users.create", fault=Fault.drop("after"))
        with pytest.raises(AmbiguousOutcomeError):
            await fivetran.users.create(
                email="a@example.com", given_name="Ada", family_name="Byron"
            )
        assert len(fake.requests) == 1


async def test_update_distinguishes_missing_from_null() -> None:
    """None removes a phone number; fields that are not given are not sent."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        user_id = fake.add("users", email="a@example.com", given_name="Ada", phone="123")
        user = await fivetran.users.update(user_id, phone=None, given_name="Ada A.")
        assert fake.requests[-1].body == {"phone": None, "given_name": "Ada A."}
    assert (user.phone, user.given_name) == (None, "Ada A.")


async def test_the_account_role_goes_and_the_user_stays() -> None:
    """`remove_account_role` deletes the role, not the user."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        users = fivetran.users
        user_id = fake.add("users", email="a@example.com", role="Account Analyst")
        await users.remove_account_role(user_id)
        assert fake.requests[-1].raw_path == f"/v1/users/{user_id}/role"
        assert (await users.get(user_id)).role is None
        await users.delete(user_id, confirm=True)
        assert fake.requests[-1].raw_path == f"/v1/users/{user_id}"


async def test_users_are_filtered_by_activity() -> None:
    """The filter `active` is sent in the query, beside the page size."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        owners = await fivetran.users.list(active=True, limit=7).collect()
        assert dict(fake.requests[-1].query) == {"active": "true", "limit": "7"}
    assert [user.email for user in owners] == ["owner@example.com"]
