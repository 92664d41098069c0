from __future__ import annotations

import pytest

from fivetran_async.errors import AuthenticationError
from fivetran_async.testing import FakeFivetran


async def test_info_names_the_owner_of_the_key() -> None:
    """A scoped key has a user and no system key."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        info = await fivetran.account.get_info()
    assert info.account_id
    assert info.user_id
    assert info.system_key_id is None


async def test_info_checks_credentials() -> None:
    """A wrong secret is an authentication error, after one request."""
    async with (
        FakeFivetran(running=False) as fake,
        fake.client(api_secret="wrong_secret") as fivetran,
    ):
        with pytest.raises(AuthenticationError):
            await fivetran.account.get_info()
        assert len(fake.requests) == 1
