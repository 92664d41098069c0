from __future__ import annotations

import pytest

from fivetran_async.errors import AmbiguousOutcomeError, InvalidArgumentError, InvalidRequestError
from fivetran_async.resources.webhooks import Webhook
from fivetran_async.testing import FakeFivetran, Fault


async def test_a_webhook_of_a_group_is_created_without_a_test() -> None:
    """`active=False` is sent, and the response contains the kind of the webhook."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        group_id = fake.add_group()
        webhook = await fivetran.webhooks.create_group(
            group_id,
            url="https://example.com/hook",
            events=("sync_start", "sync_end"),
            active=False,
            secret="s3cret",
        )
        assert fake.requests[-1].raw_path == f"/v1/webhooks/group/{group_id}"
        assert fake.requests[-1].body == {
            "url": "https://example.com/hook",
            "events": ["sync_start", "sync_end"],
            "active": False,
            "secret": "s3cret",
        }
    assert (webhook.type, webhook.group_id, webhook.active) == ("group", group_id, False)
    assert webhook.events == ("sync_start", "sync_end")


async def test_a_webhook_of_the_account_has_its_own_path() -> None:
    """An account webhook belongs to no group."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        webhook = await fivetran.webhooks.create_account(
            url="https://example.com/hook", events=["sync_end"], active=False
        )
        assert fake.requests[-1].raw_path == "/v1/webhooks/account"
    assert (webhook.type, webhook.group_id) == ("account", None)


async def test_a_receiver_that_is_down_is_refused_at_creation() -> None:
    """The API sends a test event first; what does not take it is not created."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        webhooks = fivetran.webhooks
        with pytest.raises(InvalidRequestError):
            await webhooks.create_account(url="http://127.0.0.1:9/hook", events=["sync_end"])
        assert await webhooks.list().collect() == []


async def test_a_masked_secret_is_never_sent_back() -> None:
    """The secret that was read is a mask; sending it would overwrite the real one."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        webhooks = fivetran.webhooks
        made = await webhooks.create_account(
            url="https://example.com/hook", events=["sync_end"], active=False, secret="s3cret"
        )
        assert made.secret is not None
        with pytest.raises(InvalidArgumentError, match="secret is only a mask"):
            await webhooks.update(made.id, secret=made.secret)
        assert len(fake.requests) == 1


async def test_one_event_as_text_is_refused() -> None:
    """A string is a sequence of letters, which is never meant."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        with pytest.raises(InvalidArgumentError, match="events must be a sequence"):
            await fivetran.webhooks.create_account(
                url="https://example.com/hook", events="sync_end"
            )
        assert fake.requests == []


async def test_the_test_tells_how_the_receiver_answered() -> None:
    """A receiver that is down is a result, not an error."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        webhooks = fivetran.webhooks
        made = await webhooks.create_account(
            url="http://127.0.0.1:9/hook", events=["sync_end"], active=False
        )
        result = await webhooks.test(made.id, event="sync_end")
        assert fake.requests[-1].body == {"event": "sync_end"}
    assert (result.succeed, result.status) == (False, 0)
    assert result.message


async def test_a_lost_test_is_not_repeated() -> None:
    """It made the API send an event already."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        webhooks = fivetran.webhooks
        made = await webhooks.create_account(
            url="http://127.0.0.1:9/hook", events=["sync_end"], active=False
        )
        fake.fail("webhooks.test", fault=Fault.drop("after"))
        with pytest.raises(AmbiguousOutcomeError):
            await webhooks.test(made.id, event="sync_end")
        assert len(fake.requests_for("webhooks.test")) == 1


def test_the_secret_stays_out_of_the_repr() -> None:
    """Whatever the API puts there, a log does not get it."""
    assert "s3cret" not in repr(Webhook(id="w", secret="s3cret"))
