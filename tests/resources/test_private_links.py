from __future__ import annotations

from fivetran_async.resources.private_links import PrivateLink
from fivetran_async.testing import FakeFivetran


async def test_a_link_becomes_ready_later() -> None:
    """A new link is not ready; polling shows when it is."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        links = fivetran.private_links
        made = await links.create(
            name="to_snowflake",
            region="AWS_US_EAST_1",
            service="SNOWFLAKE_AWS",
            config={"account_url": "https://example.com"},
        )
        assert (made.state, made.cloud_provider, made.is_ready) == ("CREATING", "AWS", False)
        fake.advance(3600)
        assert (await links.get(made.id)).is_ready


async def test_only_the_config_is_changed() -> None:
    """An update sends only the given fields, and the link is not ready at first."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        links = fivetran.private_links
        made = await links.create(
            name="link", region="AWS_US_EAST_1", service="SOURCE_AWS", config={"a": 1}
        )
        fake.advance(3600)
        changed = await links.update(made.id, config={"b": None})
        assert fake.requests[-1].body == {"config": {"b": None}}
        assert not changed.is_ready


def test_the_config_stays_out_of_the_repr() -> None:
    """The repr omits the config, because it names hosts and accounts."""
    assert "example.com" not in repr(PrivateLink(id="p", config={"host": "example.com"}))
