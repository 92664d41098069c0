"""`Fivetrex.Webhooks`."""

from __future__ import annotations

import pytest

from fivetran_async import AsyncFivetran, NotFoundError
from fivetran_async.testing import FakeFivetran
from parity.cases.webhook_plug import hook, receiver_of
from parity.seed import seed

URL = "https://example.com/fivetran/webhook"


async def create(fivetran: AsyncFivetran, number: int = 0) -> str:
    """Create a webhook for the account, and return its id."""
    created = await fivetran.webhooks.create_account(url=f"{URL}/{number}", events=["sync_end"])
    return created.id


@seed("Fivetrex.Webhooks.list/2")
async def lists_a_page(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A page has webhooks of the account and of groups, and the cursor of the next page."""
    of_account = await create(fivetran)
    of_group = await fivetran.webhooks.create_group(
        fake.add_group(), url=f"{URL}/1", events=["sync_end"]
    )
    first = await fivetran.webhooks.list(limit=1)
    second = await fivetran.webhooks.list(limit=1, cursor=first.next_cursor)
    assert [found.id for found in (*first.items, *second.items)] == [of_account, of_group.id]
    assert second.next_cursor is None


@seed("Fivetrex.Webhooks.stream/2")
async def walks_all_pages(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """All webhooks are listed, page by page."""
    ids = [await create(fivetran, number) for number in range(3)]
    fake.requests.clear()
    assert [webhook.id async for webhook in fivetran.webhooks.list(limit=2)] == ids
    assert len(fake.requests) == 2


@seed("Fivetrex.Webhooks.get/2")
async def gets_one(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A webhook is found by its id; a missing one raises an error of its own class."""
    webhook = await fivetran.webhooks.get(await create(fivetran))
    assert (webhook.url, webhook.events) == (f"{URL}/0", ("sync_end",))
    assert webhook.created_at == fake.clock.now()
    with pytest.raises(NotFoundError, match="invalid_id"):
        await fivetran.webhooks.get("invalid_id")


@seed("Fivetrex.Webhooks.create_account/2")
async def creates_one_for_the_account(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A webhook of the account receives events of every group; responses mask its secret."""
    webhook = await fivetran.webhooks.create_account(
        url=URL, events=["sync_start", "sync_end"], active=True, secret="my_webhook_secret"
    )
    assert (webhook.type, webhook.group_id, webhook.active) == ("account", None, True)
    assert webhook.secret == "******"
    assert fake.record("webhooks", webhook.id)["secret"] == "my_webhook_secret"


@seed("Fivetrex.Webhooks.create_group/3")
async def creates_one_for_a_group(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A webhook of a group receives only events of that group."""
    group_id = fake.add_group()
    webhook = await fivetran.webhooks.create_group(group_id, url=URL, events=["sync_end"])
    assert (webhook.type, webhook.group_id) == ("group", group_id)
    fake.start_sync(fake.add_connection(group_id=group_id))
    fake.start_sync(fake.add_connection(group_id=fake.add_group()))
    fake.advance(3600)
    await fake.settle()
    assert [delivery.webhook_id for delivery in fake.deliveries] == [webhook.id]


@seed("Fivetrex.Webhooks.update/3")
async def updates_one(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Address, events, secret and the active state are changed."""
    webhook_id = await create(fivetran)
    webhook = await fivetran.webhooks.update(
        webhook_id, url=f"{URL}/new", events=["sync_start"], active=False, secret="new"
    )
    assert (webhook.url, webhook.events, webhook.active) == (f"{URL}/new", ("sync_start",), False)
    assert fake.record("webhooks", webhook_id)["secret"] == "new"


@seed("Fivetrex.Webhooks.delete/2")
async def deletes_one(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A webhook is deleted."""
    await fivetran.webhooks.delete(await create(fivetran))
    assert await fivetran.webhooks.list().collect() == []


@seed("Fivetrex.Webhooks.test/3")
async def tests_one(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A test event is sent with a signature, and the result has the receiver's response."""
    received: list[str] = []
    receiver = receiver_of(lambda event: received.append(event.event))
    async with hook(receiver) as url:
        webhook = await fivetran.webhooks.create_account(
            url=url, events=["sync_end"], secret="my_webhook_secret"
        )
        result = await fivetran.webhooks.test(webhook.id, event="sync_end")
    assert (result.succeed, result.status) == (True, 200)
    assert received == ["test_event", "sync_end"]
