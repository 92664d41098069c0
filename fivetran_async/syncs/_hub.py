"""The one poller of a session: all its waits share the looks; nothing is held while it sleeps."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

import attrs

from fivetran_async.errors import AmbiguousOutcomeError, FivetranError
from fivetran_async.options import logger
from fivetran_async.syncs._policy import SyncPolicy, backoff_delay, is_passing
from fivetran_async.syncs._reads import (
    BATCH,
    Dated,
    Look,
    connections_of,
    look,
    looking,
    plan_shared,
)
from fivetran_async.syncs._verdict import Step, SyncEvent, Watch, expire, hear, next_age, observe

if TYPE_CHECKING:
    from fivetran_async._clock import Clock
    from fivetran_async._http.session import Core
    from fivetran_async._http.transport import Transport
    from fivetran_async.resources.connection_models import Connection
    from fivetran_async.syncs._outcome import Verdict

SECONDS_PER_REQUEST: Final = 1.0
"""Looks never take more requests than one in so many seconds: 3,600 of the 20,000 an hour."""


@attrs.define(eq=False, kw_only=True)
class Wait:
    """
    One who waits for the end of a sync.

    `origin` is when its age was 0, `deadline` when its patience ends, both on the clock that never
    steps. It is over once `verdict` or `error` is set; then `on_end` is called.
    """

    watch: Watch
    policy: SyncPolicy
    origin: float
    deadline: float
    transport: Transport = attrs.field(repr=False)
    on_end: Callable[[Wait], None] = attrs.field(repr=False)
    seen: Connection | None = attrs.field(default=None, repr=False)
    due: float = 0.0
    before_trigger: Watch | None = attrs.field(default=None, repr=False)
    verdict: Verdict | None = None
    error: FivetranError | None = None

    @property
    def connection_id(self) -> str:
        """Whose sync it is."""
        return self.watch.connection_id

    @property
    def group_id(self) -> str:
        """The group of the connection; "" until it was read."""
        return self.seen.group_id if self.seen else ""


class Hub:
    """
    Polls for all waits of a session, in a task that lives as long as there are any.

    It holds no session while nobody waits.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.flights: dict[str, asyncio.Future[object]] = {}
        """Connections whose sync is being triggered, for those who want the same."""
        self.pages: dict[str | None, int] = {}
        self.has_history = True
        """Whether the account has the sync history, as far as is known."""
        self._waits: dict[str, list[Wait]] = {}
        self._not_before = 0.0
        self._failures = 0
        self._task: asyncio.Task[None] | None = None
        self._sleeper: asyncio.Task[None] | None = None

    def waits(self, connection_id: str | None = None) -> Iterator[Wait]:
        """Those who wait for one connection, or all."""
        if connection_id is not None:
            yield from tuple(self._waits.get(connection_id, ()))
            return
        for waits in tuple(self._waits.values()):
            yield from tuple(waits)

    def add(self, wait: Wait) -> None:
        """Poll for somebody, until `on_end` is called or `leave`."""
        age = self.clock.monotonic() - wait.origin
        wait.due = wait.origin + next_age(wait.watch, age, wait.policy, self.clock.random())
        self._waits.setdefault(wait.connection_id, []).append(wait)
        if self._task is None or self._task.done():
            # A context of its own: a fan-out that waits must not lend its bound to all others.
            context = contextvars.Context()
            self._task = asyncio.create_task(self._poll(), name="fivetran syncs", context=context)
        self._wake()

    def discard(self, wait: Wait) -> None:
        """Poll for somebody no longer."""
        waits = self._waits.get(wait.connection_id, [])
        if wait in waits:
            waits.remove(wait)
            if not waits:
                del self._waits[wait.connection_id]

    async def leave(self, *waits: Wait) -> None:
        """Poll for them no longer; when nobody is left, the poller's task has ended as well."""
        for wait in waits:
            self.discard(wait)
        task = self._task
        if not self._waits and task is not None:
            self._task = None
            task.cancel()
            await asyncio.wait([task])

    def hear(self, event: SyncEvent) -> bool:
        """Take a webhook event; whether somebody waited for it."""
        concerned = False
        for wait in self.waits(event.connection_id):
            step = hear(wait.watch, event)
            if step is not None:
                concerned = True
                self._take(wait, step)
                # What an event leaves open, the record tells.
                wait.due = self.clock.monotonic() if event.event == "sync_end" else wait.due
        if concerned:
            self._wake()
        return concerned

    def observe(self, seen: Dated) -> tuple[Wait, ...]:
        """Take a record that somebody read; return the waits that have to trigger again."""
        again: list[Wait] = []
        for wait in self.waits(seen.connection.id):
            now, before = self.clock.monotonic(), wait.watch
            wait.seen = seen.connection
            step = observe(wait.watch, seen.connection, now - wait.origin, wait.policy, now=seen.at)
            self._take(wait, step)
            if step.retrigger:
                wait.before_trigger = before
                again.append(wait)
        return tuple(again)

    def _take(self, wait: Wait, step: Step) -> None:
        wait.watch = step.watch
        if step.verdict is not None:
            self._end(wait, verdict=step.verdict)
            return
        age = self.clock.monotonic() - wait.origin
        wait.due = wait.origin + next_age(wait.watch, age, wait.policy, self.clock.random())

    def _end(
        self, wait: Wait, *, verdict: Verdict | None = None, error: FivetranError | None = None
    ) -> None:
        wait.verdict, wait.error = verdict, error
        self.discard(wait)
        wait.on_end(wait)

    def _wake(self) -> None:
        if self._sleeper is not None:
            self._sleeper.cancel()

    async def _poll(self) -> None:
        try:
            while self._waits:
                await self._sleep(self._until_next())
                due = self._due()
                if due:
                    await self._round(due)
                self._expire()
        except Exception as error:  # noqa: BLE001
            # A defect of ours must not leave anybody waiting for ever.
            logger.exception("The poller of syncs failed")
            failure = FivetranError(f"The wait for syncs broke: {error!r}")
            for wait in self.waits():
                self._end(wait, error=failure)

    def _until_next(self) -> float:
        waits = tuple(self.waits())
        look_at = max(min(wait.due for wait in waits), self._not_before)
        return min(look_at, *(wait.deadline for wait in waits)) - self.clock.monotonic()

    async def _sleep(self, seconds: float) -> None:
        if seconds <= 0:
            return
        sleeper = self._sleeper = asyncio.ensure_future(self.clock.sleep(seconds))
        try:
            await asyncio.wait([sleeper])
            if not sleeper.cancelled():
                sleeper.result()
        finally:
            sleeper.cancel()
            # A poller that was started meanwhile has a sleeper of its own.
            self._sleeper = None if self._sleeper is sleeper else self._sleeper

    def _due(self) -> tuple[Wait, ...]:
        """Whose turn it is; with one deadline reached, that wait's last look."""
        now = self.clock.monotonic()
        if now < self._not_before:
            return ()
        return tuple(wait for wait in self.waits() if min(wait.due, wait.deadline) <= now)

    async def _round(self, due: Iterable[Wait]) -> None:
        due = tuple(due)
        transport = looking(due[0].transport)
        sources = plan_shared(_groups_of(due), _groups_of(self.waits()), self.pages)
        try:
            result = await look(transport, sources, self.pages)
        except FivetranError as error:
            self._failed(due, error)
            return
        pace = min(wait.policy.min_interval for wait in due)
        self._rest(max(pace, result.requests * SECONDS_PER_REQUEST))
        again = await self._apply(result)
        await asyncio.gather(*(self._trigger_again(waits) for waits in again))

    async def _apply(self, result: Look) -> list[tuple[Wait, ...]]:
        again: list[tuple[Wait, ...]] = []
        for number, seen in enumerate(result.found.values(), 1):
            waits = self.observe(seen)
            if waits:
                again.append(waits)
            if number % BATCH == 0:
                # Others get their turn on the loop.
                await asyncio.sleep(0)
        passing = [error for error in result.errors.values() if is_passing(error)]
        self._failures = 0 if not passing else self._failures + 1
        for connection_id, error in result.errors.items():
            for wait in self.waits(connection_id):
                self._meet(wait, error)
        return again

    def _failed(self, due: Iterable[Wait], error: FivetranError) -> None:
        """A page could not be read: all look again later, or nobody ever can."""
        self._failures += 1
        waits = due if is_passing(error) else self.waits()
        for wait in waits:
            self._meet(wait, error)

    def _meet(self, wait: Wait, error: FivetranError) -> None:
        if not is_passing(error):
            self._end(wait, error=error)
            return
        delay = backoff_delay(error, self._failures, wait.policy)
        wait.due = self.clock.monotonic() + delay
        self._rest(delay)

    def _rest(self, seconds: float) -> None:
        self._not_before = max(self._not_before, self.clock.monotonic() + seconds)

    async def _trigger_again(self, waits: tuple[Wait, ...]) -> None:
        """Trigger what was rescheduled; one request for all who wait for the same connection."""
        try:
            # Sent once, for its repeats would keep the poller from everybody else.
            await connections_of(looking(waits[0].transport)).sync(waits[0].connection_id)
        except AmbiguousOutcomeError:
            for wait in waits:
                wait.watch = attrs.evolve(wait.watch, lost=True)
        except FivetranError as error:
            for wait in waits:
                self._put_off_trigger(wait, error)

    def _put_off_trigger(self, wait: Wait, error: FivetranError) -> None:
        if wait.verdict is not None or wait.error is not None:
            return
        if not is_passing(error):
            self._end(wait, error=error)
            return
        # As if it had not been due: the next look finds that it is.
        wait.watch = wait.before_trigger or wait.watch
        self._rest(backoff_delay(error, 1, wait.policy))

    def _expire(self) -> None:
        now = self.clock.monotonic()
        for wait in self.waits():
            if now >= wait.deadline:
                self._end(wait, verdict=expire(wait.watch, wait.seen, wait.policy))


def _groups_of(waits: Iterable[Wait]) -> Mapping[str, str]:
    return {wait.connection_id: wait.group_id for wait in waits}


def hub_of(core: Core) -> Hub:
    """The poller that a session and all its views share."""
    return core.part(Hub, lambda: Hub(core.clock))
