"""One webhook, as wanted, however often it is asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import attrs
import pytest

from fivetran_async import (
    UNSET,
    AmbiguousOutcomeError,
    AsyncFivetran,
    InvalidArgumentError,
    RetryPolicy,
    Unset,
)
from fivetran_async.models import Webhook
from fivetran_async.resources._webhook_ensure import ensure_webhook
from fivetran_async.testing import FakeFivetran
from fivetran_async.testing.faults import Fault

URL = "https://example.com/hook"


@attrs.frozen
class Account:
    """A fake, and a session with it."""

    fake: FakeFivetran
    fivetran: AsyncFivetran

    async def ensure(
        self,
        *events: str,
        group_id: str | None = None,
        secret: str | Unset = UNSET,
        url: str = URL,
    ) -> Webhook:
        """Ask for a webhook."""
        return await ensure_webhook(
            self.fivetran.webhooks, url=url, events=events, group_id=group_id, secret=secret
        )

    def writes(self) -> list[str]:
        """Name the requests that change something."""
        return [str(each.operation) for each in self.fake.requests if each.verb != "GET"]


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    """An account without webhooks."""
    async with FakeFivetran() as fake, fake.client(retry=RetryPolicy(max_attempts=1)) as fivetran:
        yield Account(fake, fivetran)


async def test_creates_what_is_not_there(account: Account) -> None:
    """For the account, or for one group; each scope has its own."""
    group_id = account.fake.add_group()
    whole = await account.ensure("sync_end", secret="s1")
    one = await account.ensure("sync_end", group_id=group_id)
    assert (whole.type, one.type, one.group_id) == ("account", "group", group_id)
    assert account.fake.record("webhooks", whole.id)["secret"] == "s1"
    assert account.writes() == ["webhooks.create_account", "webhooks.create_group"]


async def test_does_nothing_when_all_is_as_wanted(account: Account) -> None:
    """Asked again, in whatever order of events, it sends nothing and returns the same."""
    first = await account.ensure("sync_start", "sync_end")
    account.fake.requests.clear()
    again = await account.ensure("sync_end", "sync_start")
    assert again.id == first.id
    assert account.writes() == []


async def test_changes_the_events(account: Account) -> None:
    """The list becomes exactly the one asked for."""
    first = await account.ensure("sync_start", "sync_end")
    changed = await account.ensure("sync_end", "dbt_run_failed")
    assert (changed.id, changed.events) == (first.id, ("sync_end", "dbt_run_failed"))
    assert account.fake.requests_for("webhooks.update")[0].body == {
        "events": ["sync_end", "dbt_run_failed"]
    }


async def test_reactivates_what_the_vendor_disabled(account: Account) -> None:
    """After a day of failed deliveries a webhook is off; asking for it turns it on."""
    first = await account.ensure("sync_end")
    account.fake.change("webhooks", first.id, active=False)
    again = await account.ensure("sync_end")
    assert (again.id, again.active) == (first.id, True)
    assert account.fake.requests_for("webhooks.update")[0].body == {"active": True}


async def test_sets_the_secret_each_time(account: Account) -> None:
    """The API shows no secret, so whether it is the wanted one cannot be seen: it is sent."""
    first = await account.ensure("sync_end", secret="old")
    again = await account.ensure("sync_end", secret="new")
    assert again.id == first.id
    assert account.fake.record("webhooks", first.id)["secret"] == "new"
    with pytest.raises(InvalidArgumentError, match="mask"):
        await account.ensure("sync_end", secret="******")


async def test_other_addresses_are_left_alone(account: Account) -> None:
    """Only the webhook of this very address is changed; of several, the oldest."""
    other = await account.ensure("sync_start", url="https://example.com/other")
    first = await account.ensure("sync_end")
    account.fake.advance(1)
    await account.fivetran.webhooks.create_account(url=URL, events=["sync_start"])
    assert (await account.ensure("sync_end")).id == first.id
    assert (await account.fivetran.webhooks.get(other.id)).events == ("sync_start",)


async def test_a_creation_whose_answer_was_lost_is_found(account: Account) -> None:
    """It is not repeated, which would make a second one, but looked for."""
    account.fake.fail("webhooks.create_account", fault=Fault.drop("after"))
    found = await account.ensure("sync_end")
    assert found.url == URL
    assert len(await account.fivetran.webhooks.list().collect()) == 1


async def test_a_creation_that_was_lost_itself_is_told(account: Account) -> None:
    """If it is not to be found, nobody knows whether it will still appear: the error says so."""
    account.fake.fail("webhooks.create_account", fault=Fault.drop("before"))
    with pytest.raises(AmbiguousOutcomeError):
        await account.ensure("sync_end")
