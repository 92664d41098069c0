"""`webhooks.ensure`: one webhook with the wanted settings, however many callers ask at once."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import attrs
import pytest
from aiohttp import web

from fivetran_async import (
    UNSET,
    AmbiguousOutcomeError,
    AsyncFivetran,
    ConflictError,
    InvalidArgumentError,
    InvalidRequestError,
    RetryPolicy,
    SessionClosedError,
    Unset,
)
from fivetran_async._clock import SystemClock
from fivetran_async.models import Webhook
from fivetran_async.testing import FakeFivetran
from fivetran_async.testing.faults import Fault
from integrations.servers import aiohttp_server
from support.fake_clock import FakeClock
from support.samples import sample
from support.waiting import until

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
    options: dict[str, Any] = {"retry": RetryPolicy(max_attempts=1), "_clock": FakeClock()}
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
    """One does the work, and the others take its result; another order is done afterwards."""
    account.fake.latency = 0.01
    orders = [("sync_end", "dbt_run_failed"), ("dbt_run_failed", "sync_end"), ("sync_start",)]
    webhooks = await asyncio.gather(*(account.ensure(*orders[n % 3]) for n in range(6)))
    assert len({each.id for each in webhooks}) == 1
    assert account.writes() == ["webhooks.create_account", "webhooks.update"]
    assert {frozenset(each.events) for each in webhooks} == set(map(frozenset, orders))
    assert len(account.fake.requests_for("webhooks.list")) == 3


async def test_calls_of_a_session_share_a_failure(account: Account) -> None:
    """The receiver gets one test event, and each caller an error of its own."""
    account.fake.latency = 0.01
    account.fake.fail("webhooks.create_account", fault=Fault.status(400))
    results = await asyncio.gather(
        *(account.ensure("sync_end") for _ in range(5)), return_exceptions=True
    )
    assert {type(each) for each in results} == {InvalidRequestError}
    assert len({id(each) for each in results}) == 5
    assert account.writes() == ["webhooks.create_account"]


async def test_a_cancelled_call_hands_its_work_over(account: Account) -> None:
    """The others do not wait for a call that is gone, and are not cancelled with it."""
    account.fake.latency = 0.05
    first = asyncio.create_task(account.ensure("sync_end"))
    await asyncio.sleep(0)
    others = [asyncio.create_task(account.ensure("sync_end")) for _ in range(3)]
    await asyncio.sleep(0.02)
    others.pop().cancel()
    first.cancel()
    webhooks = await asyncio.gather(*others)
    assert (first.cancelled(), len({each.id for each in webhooks})) == (True, 1)
    assert account.writes() == ["webhooks.create_account"]


async def test_the_end_of_a_session_ends_all_calls(account: Account) -> None:
    """Also while the call at work pauses, to let other processes act."""
    for _ in range(2):
        account.fake.add("webhooks", url=URL, events=["sync_end"], type="account", active=True)
    clock = SystemClock()
    async with account.fake.client(_clock=clock) as fivetran:
        calls = [
            asyncio.create_task(fivetran.webhooks.ensure(url=URL, events=["sync_end"]))
            for _ in range(3)
        ]
        await until(lambda: bool(account.fake.requests))
        await asyncio.sleep(0.05)
        began = clock.monotonic()
        await fivetran.aclose()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert clock.monotonic() - began < 0.3
    assert {type(each) for each in results} == {SessionClosedError}
    assert len({id(each) for each in results}) == 3


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
async def slow_receiver(
    chance: random.Random, opened: asyncio.Event | None = None
) -> AsyncGenerator[str]:
    """
    Serve a receiver that takes a while for test events, so that creations overtake another.

    With an event, no creation ends before that.
    """

    async def take(_: web.Request) -> web.Response:
        await (asyncio.sleep(chance.random() / 10) if opened is None else opened.wait())
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


@pytest.mark.parametrize("apart", [0.001, 1.0, 3_600.0])
async def test_what_a_dead_process_left_is_deleted(account: Account, apart: float) -> None:
    """
    Two webhooks that do the same become one, the oldest; one with other events stays.

    Siblings: created in the next millisecond, or long before; former events of the service.
    """
    webhooks = account.fivetran.webhooks
    kept = await webhooks.create_account(url=URL, events=["sync_end"])
    account.fake.advance(apart)
    for events in (["sync_end"], ["sync_start"], ["sync_end", "sync_start"]):
        await webhooks.create_account(url=URL, events=events)
        account.fake.advance(apart)
    ensured = await account.ensure("sync_end", "sync_start", secret="new")
    left = await webhooks.list().collect()
    assert (ensured.id, len(account.fake.requests_for("webhooks.update"))) == (kept.id, 1)
    assert {frozenset(each.events) for each in left} == {
        frozenset({"sync_end", "sync_start"}),
        frozenset({"sync_start"}),
    }


async def test_a_webhook_that_another_process_deletes_is_not_returned(account: Account) -> None:
    """The list may lag behind a creation, but a webhook that is gone is created once more."""
    first = account.fake.requests
    account.fake.fail(
        "webhooks.list", fault=Fault.status(200, body={"code": "Success", "data": {"items": []}}),
        nth=2,
    )  # fmt: skip
    lagging = await account.ensure("sync_end")
    assert account.writes() == ["webhooks.create_account"]
    account.fake.fail("webhooks.create_account", fault=Fault.status(201, body=GONE), times=1)
    first.clear()
    created = await account.ensure("sync_end", url="https://example.com/other")
    assert created.id not in {lagging.id, "gone"}
    assert account.writes() == ["webhooks.create_account"] * 2


GONE = {
    "code": "Success",
    "data": {"id": "gone", "type": "account", "url": "https://example.com/other"},
}


@pytest.mark.parametrize("seed", range(sample(5, 50)))
async def test_the_next_call_repairs_what_killed_calls_left(seed: int) -> None:
    """Calls end at random moments and cannot clean up; then one call leaves one webhook."""
    chance = random.Random(seed)  # noqa: S311
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(slow_receiver(chance))
        fake = await stack.enter_async_context(FakeFivetran())
        sessions = [
            await stack.enter_async_context(fake.client(_clock=HastyClock(seed * 10 + number)))
            for number in range(6)
        ]
        *killed, last = sessions
        calls = [
            asyncio.create_task(each.webhooks.ensure(url=url, events=["sync_end"]))
            for each in killed
        ]
        for call in calls:
            await asyncio.sleep(chance.random() / 10)
            call.cancel()
        await asyncio.wait(calls)
        # The API goes on with what it has received.
        await until(lambda: not fake.in_flight)
        ensured = await last.webhooks.ensure(url=url, events=["sync_end"])
        (left,) = await last.webhooks.list().collect()
        assert left.id == ensured.id


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


@pytest.mark.slow
async def test_killed_processes_leave_no_second_webhook() -> None:
    """Processes are killed in the middle of their calls; the next start leaves one webhook."""
    chance, opened = random.Random(8), asyncio.Event()  # noqa: S311
    async with slow_receiver(chance, opened) as url, FakeFivetran() as fake:
        program = PROCESS.replace('"key", "secret"', f"{fake.api_key!r}, {fake.api_secret!r}")
        processes = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", program, fake.url, url), stdin=PIPE, stdout=PIPE
            )
            for _ in range(sample(2, 5))
        ]
        for each in processes:
            assert each.stdout is not None
            assert each.stdin is not None
            assert await each.stdout.readline() == b"ready\n"
            each.stdin.write(b"\n")
        await until(lambda: len(fake.requests_for("webhooks.create_account")) == len(processes))
        # Each creates one, and dies before it learns of the others.
        looks = len(fake.requests_for("webhooks.list"))
        fake.fail("webhooks.list", fault=Fault.hang(), times=None)
        opened.set()
        await until(lambda: len(fake.requests_for("webhooks.list")) == looks + len(processes))
        for each in processes:
            each.kill()
            await each.communicate()
        fake.heal()
        async with fake.client(_clock=HastyClock(1)) as fivetran:
            assert len(await fivetran.webhooks.list().collect()) == len(processes)
            ensured = await fivetran.webhooks.ensure(url=url, events=["sync_end"])
            (left,) = await fivetran.webhooks.list().collect()
        assert left.id == ensured.id
