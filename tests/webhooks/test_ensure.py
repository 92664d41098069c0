"""`webhooks.ensure`: one webhook with the wanted settings, however many callers ask at once."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, AsyncIterator

import attrs
import pytest
from aiohttp import web

from fivetran_async import (
    UNSET,
    AmbiguousOutcomeError,
    AsyncFivetran,
    ConflictError,
    InvalidArgumentError,
    RetryPolicy,
    Unset,
)
from fivetran_async._clock import SystemClock
from fivetran_async.models import Webhook
from fivetran_async.testing import FakeFivetran
from fivetran_async.testing.faults import Fault
from integrations.servers import aiohttp_server
from support.fake_clock import FakeClock
from support.samples import sample

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
        """Call `webhooks.ensure`."""
        return await self.fivetran.webhooks.ensure(
            url=url, events=events, group_id=group_id, secret=secret
        )

    def writes(self) -> list[str]:
        """Return the names of the requests that change something."""
        return [str(each.operation) for each in self.fake.requests if each.verb != "GET"]


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    """An account without webhooks."""
    options = {"retry": RetryPolicy(max_attempts=1), "_clock": FakeClock()}
    async with FakeFivetran() as fake, fake.client(**options) as fivetran:
        yield Account(fake, fivetran)


async def test_creation_without_data_is_found(account: Account) -> None:
    """A webhook that the API created without returning it is found by its URL, and not doubled."""
    fault = Fault.success(data=False)
    account.fake.fail("webhooks.create_account", fault=fault, times=None)
    webhook = await account.ensure("sync_end")
    assert (webhook.url, webhook.events) == (URL, ("sync_end",))
    assert account.writes() == ["webhooks.create_account"]


async def test_creates_a_missing_webhook(account: Account) -> None:
    """The account and each group have webhooks of their own for the same URL."""
    group_id = account.fake.add_group()
    whole = await account.ensure("sync_end", secret="s1")
    one = await account.ensure("sync_end", group_id=group_id)
    assert (whole.type, one.type, one.group_id) == ("account", "group", group_id)
    assert account.fake.record("webhooks", whole.id)["secret"] == "s1"
    assert account.writes() == ["webhooks.create_account", "webhooks.create_group"]


async def test_leaves_a_webhook_that_has_the_wanted_settings(account: Account) -> None:
    """A second call changes nothing and returns the same webhook; the order of events is free."""
    first = await account.ensure("sync_start", "sync_end")
    account.fake.requests.clear()
    again = await account.ensure("sync_end", "sync_start")
    assert again.id == first.id
    assert account.writes() == []


async def test_changes_the_events(account: Account) -> None:
    """The list of events is replaced by the wanted one."""
    first = await account.ensure("sync_start", "sync_end")
    changed = await account.ensure("sync_end", "dbt_run_failed")
    assert (changed.id, changed.events) == (first.id, ("sync_end", "dbt_run_failed"))
    assert account.fake.requests_for("webhooks.update")[0].body == {
        "events": ["sync_end", "dbt_run_failed"]
    }


async def test_reactivates_what_the_vendor_disabled(account: Account) -> None:
    """Fivetran disables a webhook after a day of failed deliveries; ensuring it activates it."""
    first = await account.ensure("sync_end")
    account.fake.change("webhooks", first.id, active=False)
    again = await account.ensure("sync_end")
    assert (again.id, again.active) == (first.id, True)
    assert account.fake.requests_for("webhooks.update")[0].body == {"active": True}


async def test_sets_the_secret_each_time(account: Account) -> None:
    """The API never returns the secret, so the wanted one is sent at each call."""
    first = await account.ensure("sync_end", secret="old")
    again = await account.ensure("sync_end", secret="new")
    assert again.id == first.id
    assert account.fake.record("webhooks", first.id)["secret"] == "new"
    with pytest.raises(InvalidArgumentError, match="mask"):
        await account.ensure("sync_end", secret="******")


async def test_other_addresses_are_left_alone(account: Account) -> None:
    """Only a webhook of the same URL is changed; of several, the oldest."""
    other = await account.ensure("sync_start", url="https://example.com/other")
    first = await account.ensure("sync_end")
    account.fake.advance(1)
    await account.fivetran.webhooks.create_account(url=URL, events=["sync_start"])
    assert (await account.ensure("sync_end")).id == first.id
    assert (await account.fivetran.webhooks.get(other.id)).events == ("sync_start",)


async def test_a_creation_without_a_response_is_found(account: Account) -> None:
    """It is looked for in the list instead of retried, which would create a second one."""
    account.fake.fail("webhooks.create_account", fault=Fault.drop("after"))
    found = await account.ensure("sync_end")
    assert found.url == URL
    assert len(await account.fivetran.webhooks.list().collect()) == 1


async def test_a_creation_without_effect_is_an_error(account: Account) -> None:
    """If the list does not show it after some looks, the outcome stays ambiguous."""
    account.fake.fail("webhooks.create_account", fault=Fault.drop("before"))
    with pytest.raises(AmbiguousOutcomeError):
        await account.ensure("sync_end")
    assert account.writes() == ["webhooks.create_account"]


async def test_a_creation_that_conflicts_uses_the_other_webhook(account: Account) -> None:
    """A 409 of another process's webhook is not an error; without such a webhook it is."""
    account.fake.fail("webhooks.create_account", fault=Fault.status(409, applied=True))
    assert (await account.ensure("sync_end")).url == URL
    account.fake.fail("webhooks.create_account", fault=Fault.status(409))
    with pytest.raises(ConflictError):
        await account.ensure("sync_end", url="https://example.com/other")


async def test_a_webhook_that_vanishes_is_created(account: Account) -> None:
    """Another process may delete the webhook between the list and the change."""
    first = await account.ensure("sync_end")
    account.fake.fail("webhooks.update", fault=Fault.status(404))
    assert (await account.ensure("sync_end", secret="new")).id != first.id


async def test_five_calls_of_a_session_create_one_webhook(account: Account) -> None:
    """They run one after another, so that only the first has something to create."""
    account.fake.latency = 0.01
    webhooks = await asyncio.gather(*(account.ensure("sync_end") for _ in range(5)))
    assert len({each.id for each in webhooks}) == 1
    assert account.writes() == ["webhooks.create_account"]


class HastyClock(SystemClock):
    """Real time, but pauses are a fifth as long."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - to repeat it, not to hide it

    async def sleep(self, seconds: float) -> None:
        """Pause for a moment."""
        await asyncio.sleep(seconds / 5)

    def random(self) -> float:
        """Return the next number of this seed."""
        return self._chance.random()


@contextlib.asynccontextmanager
async def slow_receiver(chance: random.Random) -> AsyncGenerator[str]:
    """Serve a receiver that takes a while for test events, so that creations overtake another."""

    async def take(_: web.Request) -> web.Response:
        await asyncio.sleep(chance.random() / 10)
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", take)
    async with aiohttp_server(app) as port:
        yield f"http://127.0.0.1:{port}/hook"


@pytest.mark.parametrize("seed", range(sample(5, 50)))
async def test_five_sessions_agree_on_one_webhook(seed: int) -> None:
    """
    However their calls interleave, one webhook is left, with the wanted settings.

    Siblings: a webhook that is dated first but becomes visible last; a secret, which each call
    sends. A call may return a webhook that its creator deletes a moment later.
    """
    chance = random.Random(seed)  # noqa: S311
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(slow_receiver(chance))
        fake = await stack.enter_async_context(FakeFivetran())
        sessions = [
            await stack.enter_async_context(fake.client(_clock=HastyClock(seed * 10 + number)))
            for number in range(5)
        ]

        async def ensure(session: AsyncFivetran) -> Webhook:
            await asyncio.sleep(chance.random() / 20)
            secret = "wanted" if seed % 2 else UNSET
            return await session.webhooks.ensure(url=url, events=["sync_end"], secret=secret)

        returned = await asyncio.gather(*map(ensure, sessions))
        (left,) = await sessions[0].webhooks.list().collect()
        assert left.id in {each.id for each in returned}
        assert left.events == ("sync_end",)


PROCESS = """
import asyncio, sys
from fivetran_async import AsyncFivetran

async def main() -> None:
    async with AsyncFivetran("key", "secret", base_url=sys.argv[1]) as fivetran:
        print("ready", flush=True)
        input()
        print((await fivetran.webhooks.ensure(url=sys.argv[2], events=["sync_end"])).id)

asyncio.run(main())
"""


@pytest.mark.slow
async def test_processes_leave_one_webhook() -> None:
    """Started together, they create at the same time, and all return the one that is left."""
    chance = random.Random(7)  # noqa: S311
    async with slow_receiver(chance) as url, FakeFivetran() as fake:
        program = PROCESS.replace('"key", "secret"', f"{fake.api_key!r}, {fake.api_secret!r}")
        processes = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", program, fake.url, url), stdin=PIPE, stdout=PIPE
            )
            for _ in range(sample(3, 5))
        ]
        for each in processes:
            assert each.stdout is not None
            assert await each.stdout.readline() == b"ready\n"
        outputs = await asyncio.gather(*(each.communicate(b"\n") for each in processes))
        ids = [output.decode().strip() for output, _ in outputs]
        async with fake.client() as fivetran:
            (left,) = await fivetran.webhooks.list().collect()
        assert left.id in ids
        assert fake.requests_for("webhooks.create_account")
