"""One session of a fleet: its waits, those that it polls for, and the leases that it holds."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final, cast

import attrs

from fivetran_async._codec import decode
from fivetran_async._http.walk import cancel_and_wait
from fivetran_async.errors import FivetranError, RequestTimeoutError
from fivetran_async.integrations._redis_fleet_flight import FleetFlight
from fivetran_async.integrations._redis_fleet_store import Beat, Body, Entry, FleetStore
from fivetran_async.integrations._redis_store import StoreDownError
from fivetran_async.options import logger
from fivetran_async.resources.connection_models import Connection
from fivetran_async.syncs._deadline import Deadline
from fivetran_async.syncs._events import event_of
from fivetran_async.syncs._outcome import SyncVerdict
from fivetran_async.syncs._tokens import UNREADABLE, Token, as_json, parse_token, write_token
from fivetran_async.syncs._wait import Wait
from fivetran_async.syncs._watch import Step

if TYPE_CHECKING:
    from fivetran_async._http.transport import Transport
    from fivetran_async.syncs._hub import Hub

_LOOK_YOURSELF: Final[Body] = {}
_ASK_AGAIN: Final = 0.2
"""Seconds after which to ask for a lease that another process holds."""
_BEATS: Final = 3
"""Beats in the duration of a lease."""


@attrs.frozen
class _Taken:
    """A wait of another process, and when this one took it over."""

    wait: Wait
    at: float


class FleetLink:
    """
    Connects the poller of a session with those of other processes.

    One process polls for all. It takes over the waits that the others store, and sends their ends;
    to its own poller, they are waits like any other. If it dies, another one takes over. While the
    server does not respond, every process polls for itself.
    """

    def __init__(self, hub: Hub, transport: Transport, store: FleetStore, lease: float) -> None:
        self._hub = hub
        self._transport = transport
        self._store = store
        self._lease = lease
        self._member = secrets.token_hex(8)
        self._serial = 0
        self._polls = False
        self._is_up = True
        self._own: dict[str, Wait] = {}
        self._ids: dict[Wait, str] = {}
        self._stored: dict[str, float] = {}
        self._taken: dict[str, _Taken] = {}
        self._taken_ids: dict[Wait, str] = {}
        self._flights: dict[str, FleetFlight] = {}
        self._left: dict[FleetFlight, float] = {}
        self._epoch = ""
        self._decides_at = 0.0
        self._new: set[str] = set()
        self._gone: set[str] = set()
        self._over: dict[str, Body] = {}
        self._outbox = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def polls(self) -> bool:
        """True if this session polls for the others, too."""
        return self._polls

    @property
    def is_up(self) -> bool:
        """False while the server does not respond."""
        return self._is_up

    @property
    def _leaves_polls(self) -> bool:
        return self._is_up and not self._polls

    async def start(self) -> None:
        """Join the other processes."""
        try:
            # From here on, no entry is missed.
            await self._store.read()
        except StoreDownError as error:
            self._went_down(error)
        else:
            await self._beat()
        self._hub.sharing = self
        for wait in self._hub.waits():
            self.added(wait)
        self._tasks = [
            asyncio.create_task(work, name=f"fivetran fleet {name}")
            for name, work in (
                ("beat", self._keep_beating()),
                ("listen", self._listen()),
                ("send", self._keep_sending()),
            )
        ]

    async def stop(self) -> None:
        """Leave the other processes, and poll for oneself."""
        self._hub.sharing = None
        try:
            await cancel_and_wait(self._tasks)
            self._poll_alone()
            if self._is_up:
                with suppress(StoreDownError):
                    await self._store.withdraw([*self._stored])
                    await self._store.leave(self._member)
        finally:
            await self._store.aclose()

    async def feed(self, event: Mapping[str, object]) -> bool:
        """Take a webhook event, and send it to the others."""
        concerned = self._hub.hear(event_of(event))
        try:
            await self._store.send(event, self._member)
        except StoreDownError as error:
            self._went_down(error)
        return concerned

    # What the poller of the session reports.

    def added(self, wait: Wait) -> None:
        """Have the process that polls poll for a wait of this session."""
        if wait in self._taken_ids or wait in self._ids:
            return
        self._serial += 1
        id = f"{self._member}/{self._serial}"
        self._own[id], self._ids[wait] = wait, id
        # The age of a wait that was handed over shows at its first poll; the next beat stores it.
        if self._leaves_polls and not wait.handed_over:
            # Before it is stored: a busy machine takes longer for that than to the first poll.
            wait.remote = True
            self._new.add(id)
            self._outbox.set()

    def removed(self, wait: Wait) -> None:
        """Withdraw a wait of this session that is over."""
        id = self._ids.pop(wait, None)
        if id is not None and self._own.pop(id, None) is not None:
            self._new.discard(id)
            if id in self._stored:
                self._gone.add(id)
                self._outbox.set()

    @asynccontextmanager
    async def flight(
        self, connection_id: str, deadline: Deadline | None
    ) -> AsyncGenerator[FleetFlight]:
        """Wait for the lease of a connection; without the server, go on without one."""
        owner = f"{self._member}/{secrets.token_hex(4)}"
        flight = FleetFlight(self._store, connection_id, owner, self._lease)
        while (seconds := await self._ask(flight)) > 0:
            if deadline is None:
                break
            if deadline.remaining() <= 0:
                raise RequestTimeoutError(
                    f"Timed out after {deadline.seconds:g} s, waiting for another process to "
                    "trigger the sync.",
                    fate="not_sent",
                )
            rest = asyncio.sleep(min(seconds, _ASK_AGAIN))
            await self._transport.core.until_closed(rest)
        if not flight.fence:
            flight.is_lost = seconds > 0
            yield flight
            return
        self._flights[owner] = flight
        try:
            yield flight
        except FivetranError as error:
            # With a token, a trigger was sent.
            flight.is_sending = error.token is not None
            raise
        finally:
            del self._flights[owner]
            if flight.is_sending:
                # A trigger that was cancelled may be under way: the lease expires by itself.
                self._left[flight] = asyncio.get_running_loop().time() + self._lease
            else:
                with suppress(StoreDownError):
                    await self._store.release(connection_id, owner)

    async def _ask(self, flight: FleetFlight) -> float:
        """
        Ask for a lease; return the seconds after which to ask once more, or 0.

        0 without a lease lets the record alone decide: the server is away. That, and a server that
        came back, is known to all after the duration of a lease. Until then, another process may be
        about to send a trigger, with a lease that expired or that the server lost.
        """
        seconds = self._decides_at - asyncio.get_running_loop().time()
        if seconds > 0 or not self._is_up:
            return max(seconds, 0.0)
        try:
            return 0.0 if await flight.acquire(self._epoch) else flight.busy_for
        except StoreDownError as error:
            self._went_down(error)
            return _ASK_AGAIN if self._epoch else 0.0

    # Who polls.

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(self._lease / _BEATS)
            await self._beat()

    async def _beat(self) -> None:
        asked_at = asyncio.get_running_loop().time()
        try:
            beat = await self._store.beat(self._member, self._lease)
            await self._meet(beat.epoch)
            if self._flights:
                held = {owner: flight.connection_id for owner, flight in self._flights.items()}
                await self._store.renew_all(held, self._lease)
            if not self._is_up:
                self._is_up = True
                logger.info("The Redis server of the fleet is back: processes share their polls")
            await self._follow(beat, asked_at)
        except StoreDownError as error:
            self._went_down(error)

    async def _meet(self, epoch: str) -> None:
        """If the server came back or lost its keys, store what is under way; let others do so."""
        now = asyncio.get_running_loop().time()
        self._left = {flight: until for flight, until in self._left.items() if until > now}
        if epoch == self._epoch and self._is_up:
            return
        if self._epoch:
            if epoch != self._epoch:
                logger.info("The fleet's Redis server lost its keys: each process stores its own")
            self._decides_at = now + self._lease
            for flight in (*self._flights.values(), *self._left):
                await flight.restore()
        self._epoch = epoch

    async def _follow(self, beat: Beat, asked_at: float) -> None:
        mine = {id for id in beat.waits if id.partition("/")[0] == self._member}
        # Those that ended while the server was away are withdrawn, else others poll for them.
        self._gone |= mine if beat.polls else mine - self._own.keys()
        if beat.polls != self._polls:
            self._polls = beat.polls
            if beat.polls:
                self._stop_sharing()
            else:
                self._drop(self._taken)
        if not self._polls:
            # A restart of the server loses what was stored, and a full stream loses ends.
            kept = {id for id, at in self._stored.items() if at >= asked_at or id in beat.waits}
            self._new |= self._own.keys() - kept
            self._outbox.set()
            return
        others = {id for id in beat.waits if id.partition("/")[0] != self._member}
        dead = {id for id in others if id.partition("/")[0] not in beat.members}
        self._gone |= dead
        old = {id for id, taken in self._taken.items() if taken.at < asked_at}
        self._drop(old - (others - dead))
        await self._take((others - dead) - self._taken.keys() - self._over.keys())
        self._outbox.set()

    def _stop_sharing(self) -> None:
        """Poll for what others polled for until now."""
        self._gone |= self._stored.keys()
        self._new.clear()
        self._poll_alone()

    def _poll_alone(self) -> None:
        self._drop(tuple(self._taken))
        for wait in self._own.values():
            wait.remote = False
        self._hub.wake()

    def _went_down(self, error: StoreDownError) -> None:
        self._polls = False
        self._poll_alone()
        self._stored.clear()
        if self._is_up:
            self._is_up = False
            if self._epoch:
                # A beat longer than a lease: a server that is back by then has been met.
                lasts = self._lease * (1 + 1 / _BEATS)
                self._decides_at = asyncio.get_running_loop().time() + lasts
            logger.warning(
                "The Redis server of the fleet is down (%s): each process polls for itself", error
            )

    def _drop(self, ids: Iterable[str]) -> None:
        for id in tuple(ids):
            taken = self._taken.pop(id, None)
            if taken is not None:
                del self._taken_ids[taken.wait]
                self._hub.discard(taken.wait)
        self._hub.wake()

    # Waits and their ends, on their way.

    async def _keep_sending(self) -> None:
        while True:
            await self._outbox.wait()
            self._outbox.clear()
            if self._is_up:
                try:
                    await self._send()
                except StoreDownError as error:
                    self._went_down(error)

    async def _send(self) -> None:
        over, self._over = self._over, {}
        gone, self._gone = self._gone, set()
        if over:
            await self._store.end(over)
        if gone:
            await self._store.withdraw(gone)
            for id in gone:
                self._stored.pop(id, None)
        new, self._new = self._new, set()
        waits = {id: self._own[id] for id in new if id in self._own}
        if not waits or not self._leaves_polls:
            return
        await self._store.announce({id: self._announcement(wait) for id, wait in waits.items()})
        now = asyncio.get_running_loop().time()
        self._stored |= dict.fromkeys(waits, now)
        for id, wait in waits.items():
            if id not in self._own:
                self._gone.add(id)
                self._outbox.set()
            wait.remote = self._leaves_polls
        self._hub.wake()

    def _announcement(self, wait: Wait) -> Body:
        return {
            "token": write_token(Token(wait.watch, wait.policy)),
            "age": wait.age(self._hub.clock.monotonic()),
            "seen": None if wait.seen is None else wait.seen.to_dict(),
        }

    async def _take(self, ids: Iterable[str]) -> None:
        """Poll for waits of other processes."""
        for id, (age, body) in (await self._store.take([*ids])).items():
            if id in self._taken or not self._polls:
                continue
            try:
                wait = self._wait_of(body, age)
            except UNREADABLE:
                # Of another release: the process that waits polls for it.
                self._over[id] = _LOOK_YOURSELF
                continue
            self._taken[id] = _Taken(wait, asyncio.get_running_loop().time())
            self._taken_ids[wait] = id
            self._hub.add(wait)

    def _wait_of(self, body: str, age: float) -> Wait:
        parts = cast("dict[str, object]", json.loads(body))
        token, clock = parse_token(str(parts["token"])), self._hub.clock
        return Wait(
            watch=token.watch,
            policy=token.policy,
            origin=clock.monotonic() - float(cast("float", parts["age"])) - age,
            deadline=Deadline(clock, token.policy.timeout),
            transport=self._transport,
            on_end=self._ended,
            seen=_connection_of(parts["seen"]),
        )

    def _ended(self, wait: Wait) -> None:
        id = self._taken_ids.pop(wait, None)
        if id is None:
            return
        del self._taken[id]
        verdict = wait.verdict
        if verdict is not None and verdict.status == "timed_out":
            # The process that waits has its own timeout.
            self._gone.add(id)
        else:
            self._over[id] = _ending(wait)
        self._outbox.set()

    async def _listen(self) -> None:
        while True:
            try:
                entries = await self._store.read()
                await self._hear(entries)
            except StoreDownError:
                # The beat finds out whether the server is down.
                await asyncio.sleep(self._lease / 10)

    async def _hear(self, entries: Iterable[Entry]) -> None:
        announced: list[str] = []
        for entry in entries:
            match entry.kind:
                case "hook" if entry.sender != self._member:
                    with suppress(*UNREADABLE):
                        self._hub.hear(event_of(json.loads(entry.body)))
                case "wait" if self._polls and entry.wait not in self._taken:
                    announced.append(entry.wait)
                case "gone":
                    self._drop([entry.wait])
                case "end":
                    self._take_end(entry)
                case _:
                    pass
        if announced:
            await self._take(announced)

    def _take_end(self, entry: Entry) -> None:
        wait = self._own.get(entry.wait)
        if wait is None:
            return
        self._stored.pop(entry.wait, None)
        try:
            ending = cast("dict[str, object]", json.loads(entry.body))
            verdict = decode(ending["verdict"], SyncVerdict, place="verdict")
            step = Step(watch=parse_token(str(ending["token"])).watch, verdict=verdict)
            seen = _connection_of(ending["seen"])
        except UNREADABLE:
            # The other process met an error of its session: this one finds its own.
            self._hub.poll_soon(wait)
        else:
            self._hub.end_remote(wait, step, seen)


def _ending(wait: Wait) -> Body:
    if wait.verdict is None:
        return _LOOK_YOURSELF
    return {
        "token": write_token(Token(wait.watch, wait.policy)),
        "verdict": attrs.asdict(wait.verdict, value_serializer=as_json),
        "seen": None if wait.seen is None else wait.seen.to_dict(),
    }


def _connection_of(parts: object) -> Connection | None:
    return None if parts is None else decode(parts, Connection)
