from __future__ import annotations

import pytest

from fivetran_async.errors import AmbiguousOutcomeError
from fivetran_async.testing import FakeFivetran, Fault


async def test_the_token_of_a_hub_stays_out_of_its_repr() -> None:
    """The repr omits the token, so logs do not contain it."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        hub = await fivetran.hvr.register_hub(
            hub_server_url="https://hub.example.com", port=4340, fingerprint="ab:cd"
        )
        assert fake.requests[-1].body == {
            "hub_server_url": "https://hub.example.com",
            "port": 4340,
            "fingerprint": "ab:cd",
        }
    assert hub.access_token
    assert hub.access_token not in repr(hub)
    assert hub.registration_id in repr(hub)


async def test_a_lost_registration_is_not_repeated() -> None:
    """A retry would register a second hub and not recover the lost token."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        fake.fail("hvr.register_hub", fault=Fault.drop("after"))
        with pytest.raises(AmbiguousOutcomeError):
            await fivetran.hvr.register_hub(
                hub_server_url="https://hub.example.com", port=4340, fingerprint="ab:cd"
            )
        assert len(fake.requests) == 1
