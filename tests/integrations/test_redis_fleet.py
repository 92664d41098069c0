"""`RedisFleet` on a real server: one triggers, one polls, webhooks wake all; and without it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Literal

import attrs
import pytest

from fivetran_async import AsyncFivetran, FivetranError, InvalidArgumentError, UsageError
from fivetran_async._clock import SYSTEM_CLOCK
from fivetran_async.syncs import SyncOutcome, SyncPolicy
from fivetran_async.syncs._deadline import Deadline
from fivetran_async.syncs._hub import hub_of
from fivetran_async.syncs._sharing import Sharing
from fivetran_async.testing import FakeFivetran, Fault
from support.redis_server import PRESENT, RedisServer, no_retry
from support.waiting import until

if not PRESENT:
    pytest.skip("needs redis-server, the program", allow_module_level=True)
pytest.importorskip("redis", reason="needs redis-server's Python client: the package redis")

# After the skips, for these need the client.
from redis.asyncio import Redis as Client

from fivetran_async.integrations._redis_store import StoreDownError
from fivetran_async.integrations.redis import FleetMember, RedisFleet

LEASE = 1.0
BRISK = SyncPolicy(start_timeout=30, min_interval=0.3, max_interval=1, history=False)
PATIENT = SyncPolicy(start_timeout=300, min_interval=60, max_interval=60, history=False)
"""Polls are too rare to end a wait within a test."""


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server of its own for each test: some stop it."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def fake() -> AsyncIterator[FakeFivetran]:
    """An account in real time."""
    async with FakeFivetran() as fake:
        fake.sync_duration = 1.0
        yield fake


class Fleet:
    """Sessions that stand for processes: each has its own client, limiter and poller."""

    def __init__(self, fake: FakeFivetran, server: RedisServer) -> None:
        self._fake = fake
        self._server = server
        self._opened = contextlib.AsyncExitStack()

    async def join(
        self, *, text: bool = False, protocol: int = 2
    ) -> tuple[AsyncFivetran, FleetMember]:
        """Add a process."""
        enter = self._opened.enter_async_context
        client = Client(
            port=self._server.port, retry=no_retry(), decode_responses=text, protocol=protocol
        )
        _ = await enter(client)
        fivetran = await enter(self._fake.client(rate_limits=None))
        return fivetran, await enter(RedisFleet(client, lease=LEASE).join(fivetran))

    async def leave(self) -> None:
        """End all processes."""
        await self._opened.aclose()


@pytest.fixture
async def fleet(fake: FakeFivetran, server: RedisServer) -> AsyncIterator[Fleet]:
    """A fleet without processes."""
    fleet = Fleet(fake, server)
    yield fleet
    await fleet.leave()


def syncs_of(fake: FakeFivetran, connection_id: str) -> int:
    """Count the syncs that a connection ever had."""
    return len(list(fake._account.collection("sync_history").where("connection_id", connection_id)))


def sync(
    fivetran: AsyncFivetran, connection_id: str, policy: SyncPolicy = BRISK
) -> asyncio.Task[SyncOutcome]:
    """Begin to sync a connection, and to wait for it."""
    return asyncio.create_task(fivetran.connections.sync_and_wait(connection_id, policy=policy))


async def shared(fake: FakeFivetran, *fivetrans: AsyncFivetran, waits: int = 1) -> None:
    """Return once the waits of some sessions are polled for by another one."""
    hubs = [hub_of(fivetran._transport.core) for fivetran in fivetrans]
    await until(
        lambda: all(
            len(list(hub.waits())) == waits and all(wait.remote for wait in hub.waits())
            for hub in hubs
        )
    )


@pytest.mark.parametrize(
    ("text", "protocol"),
    [
        (False, 2),
        *(
            pytest.param(*each, marks=pytest.mark.slow)
            for each in [(True, 2), (False, 3), (True, 3)]
        ),
    ],
)
async def test_one_triggers_and_all_have_the_outcome(
    fake: FakeFivetran, fleet: Fleet, *, text: bool, protocol: int
) -> None:
    """Three processes that want the same sync send one trigger; it begins late and ends for all."""
    members = [await fleet.join(text=text, protocol=protocol) for _ in range(3)]
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, start_after=0.4, duration=0.4)
    tasks = [sync(fivetran, connection_id) for fivetran, _ in members]
    outcomes = await asyncio.gather(*tasks)
    assert [outcome.status for outcome in outcomes] == ["succeeded"] * 3
    assert sorted(outcome.triggers for outcome in outcomes) == [0, 0, 1]
    assert len(fake.requests_for("connections.sync")) == 1
    assert [member.polls for _, member in members] == [True, False, False]
    assert all(outcome.connection is not None for outcome in outcomes)


async def test_event_ends_waits_everywhere(fake: FakeFivetran, fleet: Fleet) -> None:
    """A webhook event that one process receives ends the waits of the others within a second."""
    members = [await fleet.join() for _ in range(4)]
    connection_id = fake.add_connection()
    fake.sync_duration = 1000
    runs = [
        await fivetran.connections.start_sync(connection_id, policy=PATIENT)
        for fivetran, _ in members
    ]
    tasks = [asyncio.create_task(run.wait()) for run in runs]
    await shared(fake, *(fivetran for fivetran, _ in members[1:]))
    fake.advance(1001)
    event = {
        "event": "sync_end",
        "created": fake.clock.now().isoformat(),
        "connector_id": connection_id,
        "data": {"status": "SUCCESSFUL"},
    }
    sent_at = time.monotonic()
    assert await members[2][1].feed(event)
    outcomes = await asyncio.gather(*tasks)
    assert time.monotonic() - sent_at < 1
    assert {outcome.status for outcome in outcomes} == {"succeeded"}
    assert len(fake.requests_for("connections.sync")) == 1


async def test_failure_event_has_the_poller_look(fake: FakeFivetran, fleet: Fleet) -> None:
    """An event about a failure proves little: the process that polls reads the record at once."""
    (first, _), (second, member) = await fleet.join(), await fleet.join()
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "failed", duration=1000)
    run = await second.connections.start_sync(connection_id, policy=PATIENT)
    task = asyncio.create_task(run.wait())
    await shared(fake, second)
    fake.advance(1001)
    event = {
        "event": "sync_end",
        "created": fake.clock.now().isoformat(),
        "connector_id": connection_id,
        "data": {"status": "FAILURE"},
    }
    await member.feed(event)
    assert (await asyncio.wait_for(task, 20)).status == "failed"
    assert first is not second


async def test_errors_reach_the_process_that_waits(fake: FakeFivetran, fleet: Fleet) -> None:
    """A connection that is deleted meanwhile is an error of the wait, as without a fleet."""
    _, (second, _) = await fleet.join(), await fleet.join()
    connection_id = fake.add_connection()
    fake.sync_duration = 1000
    runs = second.syncs.run_all([connection_id], policy=BRISK)
    async with runs as outcomes:
        await shared(fake, second)
        fake._account.collection("connections").remove(connection_id)
        [outcome] = [outcome async for outcome in outcomes]
    assert outcome.status == "timed_out"
    assert outcome.error is not None
    assert outcome.error.status == 404


@pytest.mark.slow
async def test_cancelled_waits_are_forgotten(
    fake: FakeFivetran, fleet: Fleet, server: RedisServer
) -> None:
    """A wait that no one awaits any longer costs no polls, and leaves nothing on the server."""
    _, (second, _) = await fleet.join(), await fleet.join()
    fake.sync_duration = 1000
    task = sync(second, fake.add_connection())
    await shared(fake, second)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    keys = server.command("EVAL", "return redis.call('KEYS', '*:waits')[1] or ''", "0")
    await until(lambda: server.command("EVAL", COUNT_WAITS, "0") == b":0")
    assert keys
    looks = len(fake.requests)
    await asyncio.sleep(1.5)
    assert len(fake.requests) == looks


@pytest.mark.slow
async def test_waits_that_end_without_the_server_are_forgotten(
    fake: FakeFivetran, fleet: Fleet, server: RedisServer
) -> None:
    """A server that was out of reach still has waits that are over: no process polls for them."""
    _, (second, member) = await fleet.join(), await fleet.join()
    fake.sync_duration = 1000
    task = sync(second, fake.add_connection())
    await until(lambda: member._link._stored)
    # Out of reach for this process alone, and for less than a lease.
    member._link._went_down(StoreDownError("ConnectionError"))
    task.cancel()
    await asyncio.wait([task])
    await until(lambda: member.is_shared)
    await until(lambda: server.command("EVAL", COUNT_WAITS, "0") == b":0")
    looks = len(fake.requests)
    await asyncio.sleep(1.5)
    assert len(fake.requests) == looks


COUNT_WAITS = """
local found = 0
for _, key in ipairs(redis.call('KEYS', '*:waits')) do found = found + redis.call('HLEN', key) end
return found
"""


@pytest.mark.slow
async def test_server_goes_and_comes_back(
    fake: FakeFivetran,
    fleet: Fleet,
    server: RedisServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Without the server each polls for itself, with one warning; then they share as before."""
    caplog.set_level(logging.INFO, "fivetran_async")
    members = [await fleet.join() for _ in range(3)]
    fake.sync_duration = 3.0
    ids = [fake.add_connection() for _ in range(3)]
    tasks = [
        sync(fivetran, connection_id)
        for (fivetran, _), connection_id in zip(members, ids, strict=True)
    ]
    await shared(fake, *(fivetran for fivetran, _ in members[1:]))
    server.stop()
    await until(lambda: not any(member.is_shared for _, member in members))
    # A sync that begins now is triggered by the record alone.
    late = fake.add_connection()
    alone = [sync(fivetran, late) for fivetran, _ in members]
    outcomes = await asyncio.gather(*tasks, *alone)
    assert {outcome.status for outcome in outcomes} == {"succeeded"}
    assert {each: syncs_of(fake, each) for each in (*ids, late)} == dict.fromkeys((*ids, late), 1)
    warnings = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert len([each for each in warnings if "fleet is down" in each.message]) == 3
    server.start()
    await until(lambda: all(member.is_shared for _, member in members))
    await until(lambda: [member.polls for _, member in members].count(True) == 1)
    again = fake.add_connection()
    outcomes = await asyncio.gather(*(sync(fivetran, again) for fivetran, _ in members))
    assert {outcome.status for outcome in outcomes} == {"succeeded"}
    assert syncs_of(fake, again) == 1


@pytest.mark.slow
@pytest.mark.parametrize("hiccup", ["read-only", "flushed", "restarted"])
async def test_hiccups_lose_nothing(
    fake: FakeFivetran, fleet: Fleet, server: RedisServer, hiccup: str
) -> None:
    """A server that refuses, or loses its keys, neither ends a wait nor sends a trigger twice."""
    members = [await fleet.join() for _ in range(2)]
    fake.sync_duration = 2.5
    ids = [fake.add_connection() for _ in range(2)]
    tasks = [sync(fivetran, each) for (fivetran, _), each in zip(members, ids, strict=True)]
    await shared(fake, members[1][0])
    if hiccup == "read-only":
        server.suffer("read-only", "")
    elif hiccup == "flushed":
        server.suffer("flushed", "")
    else:
        server.suffer("restarted", "")
    outcomes = await asyncio.gather(*tasks)
    assert {outcome.status for outcome in outcomes} == {"succeeded"}
    assert [syncs_of(fake, each) for each in ids] == [1, 1]
    server.recover("read-only", "")


@pytest.mark.parametrize("hiccup", ["flushed", pytest.param("restarted", marks=pytest.mark.slow)])
async def test_trigger_under_way_when_the_server_loses_its_keys(
    fake: FakeFivetran, fleet: Fleet, server: RedisServer, hiccup: Literal["flushed", "restarted"]
) -> None:
    """One process repeats a refused trigger; another one, which finds no lease, starts no sync."""
    (first, _), (second, _) = await fleet.join(), await fleet.join()
    connection_id = fake.add_connection()
    fake.sync_duration = 0.7
    fake.fail("connections.sync", fault=Fault.status(429, headers={"Retry-After": "2"}))
    one = sync(first, connection_id)
    await until(lambda: fake.requests_for("connections.sync"))
    server.suffer(hiccup, "")
    two = sync(second, connection_id)
    outcomes = await asyncio.gather(one, two)
    assert {outcome.status for outcome in outcomes} == {"succeeded"}
    assert syncs_of(fake, connection_id) == 1
    # The one that was refused, and the one that was accepted.
    assert len(fake.requests_for("connections.sync")) == 2


@pytest.mark.slow
async def test_trigger_under_way_when_the_server_is_away_for_less_than_a_lease(
    fake: FakeFivetran, fleet: Fleet, server: RedisServer
) -> None:
    """The lease expires meanwhile: it is stored once more before another process asks for it."""
    (first, _), (second, _) = await fleet.join(), await fleet.join()
    connection_id = fake.add_connection()
    fake.sync_duration = 0.3
    fake.fail("connections.sync", fault=Fault.status(429, headers={"Retry-After": "3"}))
    one = sync(first, connection_id)
    await until(lambda: fake.requests_for("connections.sync"))
    server.suffer("read-only", "")
    two = sync(second, connection_id)
    await asyncio.sleep(0.95 * LEASE)
    server.recover("read-only", "")
    outcomes = await asyncio.gather(one, two)
    assert {outcome.status for outcome in outcomes} == {"succeeded"}
    assert syncs_of(fake, connection_id) == 1


@pytest.mark.slow
async def test_trigger_of_a_cancelled_caller_when_the_server_loses_its_keys(
    fake: FakeFivetran, fleet: Fleet, server: RedisServer
) -> None:
    """What may have been sent is stored once more, so that another process joins it."""
    (first, _), (second, _) = await fleet.join(), await fleet.join()
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, start_after=2.5, duration=0.3)
    fake.fail("connections.sync", fault=Fault.delay(30))
    one = sync(first, connection_id)
    await until(lambda: fake.requests_for("connections.sync"))
    one.cancel()
    await asyncio.wait([one])
    server.suffer("flushed", "")
    outcome = await sync(second, connection_id)
    assert (outcome.status, outcome.triggers) == ("succeeded", 0)
    assert syncs_of(fake, connection_id) == 1
    assert len(fake.requests_for("connections.sync")) == 1


@pytest.mark.slow
async def test_lost_lease_stops_the_decision(
    fake: FakeFivetran, fleet: Fleet, server: RedisServer
) -> None:
    """A process that lost its lease before its trigger does not send it: it joins the other one."""
    (first, _), (second, _) = await fleet.join(), await fleet.join()
    connection_id = fake.add_connection()
    fake.sync_duration = 2.0
    fake.latency = 0.5
    one = sync(first, connection_id)
    # It read the record under its lease, and lost the lease meanwhile, as after a long pause.
    await until(lambda: len(fake.requests_for("connections.get")) >= 2)
    server.command("EVAL", DELETE_FLIGHTS, "0")
    two = sync(second, connection_id)
    outcomes = await asyncio.gather(one, two)
    assert {outcome.status for outcome in outcomes} == {"succeeded"}
    assert syncs_of(fake, connection_id) == 1
    assert len(fake.requests_for("connections.sync")) == 1


DELETE_FLIGHTS = """
for _, key in ipairs(redis.call('KEYS', '*:flight:*')) do redis.call('DEL', key) end
"""


@pytest.mark.slow
async def test_session_joins_once(fake: FakeFivetran, server: RedisServer) -> None:
    """A second `join` of a session is refused; after the block it may join once more."""
    async with Client(port=server.port) as client, fake.client() as fivetran:
        fleet = RedisFleet(client)
        async with fleet.join(fivetran) as member:
            assert repr(member) == "<FleetMember polls for all>"
            with pytest.raises(UsageError, match="joined a fleet already"):
                async with fleet.join(fivetran):
                    pass
        async with fleet.join(fivetran):
            pass
    with pytest.raises(InvalidArgumentError, match="lease must be 1 or more seconds"):
        RedisFleet(client, lease=0.5)


class TestFlight:
    """The lease of a connection, from the record that was read under it to the trigger."""

    @contextlib.asynccontextmanager
    async def sharing(self, fake: FakeFivetran, server: RedisServer) -> AsyncGenerator[Sharing]:
        """Give the leases of a process that is alone."""
        client = Client(port=server.port, retry=no_retry())
        async with (
            client,
            fake.client(rate_limits=None) as fivetran,
            RedisFleet(client, lease=LEASE).join(fivetran),
        ):
            sharing = hub_of(fivetran._transport.core).sharing
            assert sharing is not None
            yield sharing

    async def test_poller_meets_a_caller(self, fake: FakeFivetran, server: RedisServer) -> None:
        """A poller that wants the lease of a caller of its own session takes nothing from it."""
        async with (
            self.sharing(fake, server) as sharing,
            sharing.flight("some", Deadline(SYSTEM_CLOCK, 9)) as flight,
        ):
            async with sharing.flight("some", None) as second:
                assert not await second.may_trigger(None)
            await asyncio.sleep(1.5 * LEASE)
            assert await flight.may_trigger(None)

    async def test_server_goes_away_before_the_trigger(
        self, fake: FakeFivetran, server: RedisServer
    ) -> None:
        """A lease that cannot be extended decides nothing; the next one is that of the record."""
        async with self.sharing(fake, server) as sharing:
            async with sharing.flight("some", Deadline(SYSTEM_CLOCK, 9)) as flight:
                server.stop()
                assert not await flight.may_trigger(None)
            async with sharing.flight("some", Deadline(SYSTEM_CLOCK, 9)) as flight:
                assert await flight.may_trigger(None)

    async def test_cancelled_trigger_keeps_its_lease(
        self, fake: FakeFivetran, server: RedisServer
    ) -> None:
        """A caller that is cancelled while it triggers leaves the others a lease that expires."""
        async with self.sharing(fake, server) as sharing:
            for may, kept in ((False, 0), (True, 1)):
                with contextlib.suppress(asyncio.CancelledError):
                    async with sharing.flight("some", Deadline(SYSTEM_CLOCK, 9)) as flight:
                        assert not may or await flight.may_trigger(None)
                        raise asyncio.CancelledError
                found = server.command("EVAL", "return #redis.call('KEYS', '*:flight:*')", "0")
                assert found == b":%d" % kept

    async def test_token_of_another_release(self, fake: FakeFivetran, server: RedisServer) -> None:
        """A trigger with a token that cannot be read here keeps no one from the decision."""
        async with self.sharing(fake, server) as sharing:
            async with sharing.flight("some", Deadline(SYSTEM_CLOCK, 9)) as flight:
                await flight.triggered('{"version": 99}')
            async with sharing.flight("some", Deadline(SYSTEM_CLOCK, 9)) as flight:
                assert flight.last is None
                assert await flight.may_trigger(None)

    async def test_intention_outlives_its_process(
        self, fake: FakeFivetran, server: RedisServer
    ) -> None:
        """What may have been sent is known to the next process, until a report or a refusal."""
        token = await self.token(fake)
        async with self.sharing(fake, server) as sharing:
            with contextlib.suppress(asyncio.CancelledError):
                async with sharing.flight("some", Deadline(SYSTEM_CLOCK, 9)) as flight:
                    assert await flight.may_trigger(token)
                    raise asyncio.CancelledError
            async with sharing.flight("some", Deadline(SYSTEM_CLOCK, 9)) as flight:
                assert flight.last is not None
                assert flight.last.token == token
                assert LEASE * 0.9 <= flight.last.age < 9
                await flight.may_trigger(token)
                await flight.triggered('{"version": 99}')
            with contextlib.suppress(FivetranError):
                async with sharing.flight("some", Deadline(SYSTEM_CLOCK, 9)) as flight:
                    assert flight.last is None
                    await flight.may_trigger(token)
                    raise FivetranError("The server refused the trigger.")
            async with sharing.flight("some", Deadline(SYSTEM_CLOCK, 9)) as flight:
                assert flight.last is None

    async def token(self, fake: FakeFivetran) -> str:
        """Return the token of a wait."""
        async with fake.client(rate_limits=None) as fivetran:
            return (await fivetran.connections.start_sync(fake.add_connection())).to_token()


@pytest.mark.slow
@pytest.mark.parametrize("arrives", [True, False])
async def test_process_ends_while_it_triggers(
    fake: FakeFivetran, fleet: Fleet, *, arrives: bool
) -> None:
    """Another one joins the sync that may begin, and triggers only if none does."""
    (first, _), (second, _) = await fleet.join(), await fleet.join()
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, start_after=1.5, duration=0.3)
    # A trigger counts as lost after two seconds.
    policy = attrs.evolve(BRISK, start_timeout=10)
    fake.fail("connections.sync", fault=Fault.delay(30) if arrives else Fault.hang())
    one = sync(first, connection_id, policy)
    await until(lambda: fake.requests_for("connections.sync"))
    one.cancel()
    await asyncio.wait([one])
    outcome = await sync(second, connection_id, policy)
    assert (outcome.status, outcome.triggers) == ("succeeded", 0 if arrives else 1)
    assert syncs_of(fake, connection_id) == 1
    assert len(fake.requests_for("connections.sync")) == (1 if arrives else 2)
