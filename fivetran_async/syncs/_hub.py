"""The one poller of a session: all its waits share the polls; nothing is held while it sleeps."""

from __future__ import annotations

import asyncio
import contextvars
import math
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from fivetran_async._clock import finished
from fivetran_async._http.closing import closed_error
from fivetran_async._http.observing import current_activity
from fivetran_async._http.shared_work import own_copy
from fivetran_async.errors import FivetranError
from fivetran_async.limits import running_loop
from fivetran_async.options import logger
from fivetran_async.syncs._events import SyncEvent, hear
from fivetran_async.syncs._history import HISTORY_PATIENCE, read_history
from fivetran_async.syncs._policy import backoff_delay, is_passing
from fivetran_async.syncs._reads import (
    BATCH,
    UNCERTAIN,
    Dated,
    Look,
    look,
    looking,
    patience_of,
    plan_shared,
    trigger_sync,
)
from fivetran_async.syncs._sharing import (
    Sharing,
    flight_of,
    goes_on,
    intention_of,
    token_of_again,
)
from fivetran_async.syncs._verdict import expire, next_age, observe, settle_doubt
from fivetran_async.syncs._wait import LAST_LOOK, Alarm, Wait
from fivetran_async.syncs._watch import Acceptance, Step, accepted_again

if TYPE_CHECKING:
    from datetime import datetime

    from fivetran_async._clock import Clock
    from fivetran_async._http.session import Core
    from fivetran_async._http.transport import Transport
    from fivetran_async.resources.connection_models import Connection
    from fivetran_async.syncs._outcome import SyncVerdict

SECONDS_PER_REQUEST: Final = 1.0
"""Polls of several pages take at most one request a second: 3,600 of the 20,000 an hour."""


class Hub:
    """
    Polls for all waits of a session, in a task that lives as long as there are any.

    It keeps no session alive without waits, and ends them when the session closes.
    """

    def __init__(self, core: Core) -> None:
        self.clock: Clock = core.clock
        self.flights: dict[str, asyncio.Future[object]] = {}
        """Triggers under way by connection, shared by callers that want the same sync."""
        self.sent: MutableMapping[asyncio.Future[object], object] = WeakKeyDictionary()
        """What was sent for a trigger under way, for callers that cannot await its response."""
        self.pages: dict[str | None, int] = {}
        self.sharing: Sharing | None = None
        """The sessions of other processes, if they share the polls."""
        self._core = core
        self._waits: dict[str, list[Wait]] = {}
        self._not_before = 0.0
        self._failures = 0
        self._round_number = 0
        self._alarm: Alarm | None = None
        self._task: asyncio.Task[None] | None = None
        self._sleeper: asyncio.Task[None] | None = None
        core.on_close(self._close)

    def waits(self, connection_id: str | None = None) -> Iterator[Wait]:
        """The waits for one connection, or all."""
        if connection_id is not None:
            yield from tuple(self._waits.get(connection_id, ()))
            return
        for waits in tuple(self._waits.values()):
            yield from tuple(waits)

    def add(self, wait: Wait) -> None:
        """Poll for a wait, until `on_end` is called or `leave`."""
        if self._core.pool.closed:
            self._end(wait, error=closed_error())
            return
        self._bind()
        wait.added_in = self._round_number
        if wait.handed_over:
            # Its sync may have ended already.
            wait.due = self.clock.monotonic()
        else:
            self._schedule(wait)
        self._waits.setdefault(wait.connection_id, []).append(wait)
        if self.sharing is not None:
            self.sharing.added(wait)
        if self._task is None or self._task.done():
            # A context of its own: a fan-out that waits must not lend its bound to all others.
            context = contextvars.Context()
            self._task = asyncio.create_task(self._poll(), name="fivetran syncs", context=context)
        if self._alarm is not None:
            self._alarm.ring()
        self.wake()

    def _bind(self) -> None:
        """Forget what belongs to an event loop that is gone."""
        task = self._task
        if task is not None and task.get_loop() is not asyncio.get_running_loop():
            self._task = self._sleeper = self._alarm = None
            self._waits.clear()
            self.flights.clear()

    def discard(self, wait: Wait) -> None:
        """Stop polling for a wait."""
        waits = self._waits.get(wait.connection_id, [])
        if wait in waits:
            waits.remove(wait)
            if not waits:
                del self._waits[wait.connection_id]
            if self.sharing is not None:
                self.sharing.removed(wait)

    async def leave(self, *waits: Wait) -> None:
        """Stop polling for some waits; after the last one, the poller's task has ended as well."""
        for wait in waits:
            self.discard(wait)
        task = self._task
        if not self._waits and task is not None:
            self._task = None
            task.cancel()
            await finished(task)

    def _close(self) -> None:
        for wait in self.waits():
            self._end(wait, error=closed_error())
        if self._task is not None:
            self._task.cancel()

    def hear(self, event: SyncEvent) -> bool:
        """Take a webhook event; return whether it is about the sync of a wait."""
        loop = None if self._task is None else self._task.get_loop()
        if loop is not None and loop is not running_loop() and not loop.is_closed():
            # In a thread of a synchronous service: the waits belong to the event loop.
            waits = self.waits(event.connection_id)
            concerned = any(hear(wait.watch, event) is not None for wait in waits)
            if concerned:
                loop.call_soon_threadsafe(self._hear, event)
            return concerned
        return self._hear(event)

    def _hear(self, event: SyncEvent) -> bool:
        concerned = False
        for wait in self.waits(event.connection_id):
            step = hear(wait.watch, event)
            if step is not None:
                concerned, wait.heard_in = True, self._round_number
                self._take(wait, step)
                # What an event leaves open, the record shows.
                wait.due = self.clock.monotonic() if event.event == "sync_end" else wait.due
        if concerned:
            self.wake()
        return concerned

    def observe(self, seen: Dated) -> tuple[Wait, ...]:
        """Take a record of this round; return the waits that have to send something."""
        concerned: list[Wait] = []
        for wait in self.waits(seen.connection.id):
            if wait.added_in == self._round_number:
                # This record may have been read before its trigger was accepted.
                continue
            if wait.handed_over:
                wait.take_over(seen.at, self.clock)
            now, before = self.clock.monotonic(), wait.watch
            wait.seen, wait.dated = seen.connection, seen
            step = observe(wait.watch, seen.connection, wait.age(now), wait.policy, now=seen.at)
            is_open = step.verdict is None or bool(wait.watch.reported)
            if is_open and wait.heard_in == self._round_number:
                # This record may be older than the event: the next one, at once, decides.
                continue
            self._take(wait, step)
            wait.question = step if step.ask else None
            wait.before_trigger = before if step.retrigger else None
            if step.ask or step.retrigger:
                concerned.append(wait)
        return tuple(concerned)

    def _take(self, wait: Wait, step: Step) -> None:
        wait.watch = step.watch
        if step.verdict is not None:
            self._end(wait, verdict=step.verdict)
        else:
            self._schedule(wait)

    def _schedule(self, wait: Wait) -> None:
        age = wait.age(self.clock.monotonic())
        wait.due = wait.origin + next_age(wait.watch, age, wait.policy, self.clock.random())

    def _end(
        self, wait: Wait, *, verdict: SyncVerdict | None = None, error: FivetranError | None = None
    ) -> None:
        if wait.is_over:
            return
        wait.verdict, wait.error = verdict, error
        ending = current_activity.get()
        if wait.activity is not None and ending is not None and ending.is_poll:
            wait.activity.ended_by = ending.id
        self.discard(wait)
        wait.on_end(wait)

    def end_remote(self, wait: Wait, step: Step, seen: Connection | None) -> None:
        """Take the end of a sync that another process saw."""
        wait.watch, wait.seen = step.watch, seen or wait.seen
        self._end(wait, verdict=step.verdict)

    def poll_soon(self, wait: Wait) -> None:
        """Poll here for a wait that another process polled for."""
        wait.remote, wait.due = False, self.clock.monotonic()
        self.wake()

    def wake(self) -> None:
        """Have the poller find out what is due."""
        if self._sleeper is not None:
            self._sleeper.cancel()

    async def _poll(self) -> None:
        try:
            while self._waits:
                await self._sleep(self._until_next())
                due = self._due()
                if due:
                    with Alarm(self.clock, self._expire_late) as self._alarm:
                        await self._round(due)
                    self._alarm = None
                self._expire()
        except Exception as error:  # noqa: BLE001
            # A defect of ours must not leave a caller waiting indefinitely.
            logger.exception("The poller of syncs failed")
            for wait in self.waits():
                self._end(wait, error=FivetranError(f"The wait for syncs broke: {error!r}"))

    def _until_next(self) -> float:
        waits = tuple(self.waits())
        due = min((wait.due for wait in waits if not wait.remote), default=math.inf)
        look_at = max(due, self._not_before)
        return min(look_at, *(wait.deadline.at for wait in waits)) - self.clock.monotonic()

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
        """Return the waits that are due; one that reached its deadline is polled a last time."""
        now = self.clock.monotonic()
        if now < self._not_before:
            return ()
        return tuple(
            wait
            for wait in self.waits()
            if wait.deadline.at <= now or (wait.due <= now and not wait.remote)
        )

    async def _round(self, due: tuple[Wait, ...]) -> None:
        """Poll once, for the waits that are due; hooks hear of it."""
        self._round_number += 1
        # The hooks that hear of its requests hear of the poll.
        transport = max((wait.transport for wait in due), key=patience_of)
        causes = (wait.activity.id for wait in due if wait.activity is not None)
        poll = transport.observer.begin("poll", causes=causes)
        try:
            with poll.current():
                error = await self._poll_once(due, looking(transport))
        except BaseException as broken:
            poll.fail(broken)
            raise
        poll.end("success" if error is None else "error", error=error)

    async def _poll_once(self, due: tuple[Wait, ...], transport: Transport) -> FivetranError | None:
        """Read the connections and act on what they show; return why they could not be read."""
        everyone = (wait for wait in self.waits() if not wait.remote)
        sources = plan_shared(_groups_of(due), _groups_of((*due, *everyone)), self.pages)
        try:
            result = await look(transport, sources, self.pages)
        except FivetranError as error:
            self._failed(due, error)
            return error
        pace = min(wait.policy.min_interval for wait in due)
        self._rest(max(pace, result.requests * min(SECONDS_PER_REQUEST, pace)))
        concerned = await self._apply(result)
        triggers = [waits for waits in map(_to_trigger, concerned) if waits]
        questions = [wait for waits in concerned for wait in waits if wait.question]
        await asyncio.gather(*map(self._trigger_again, triggers), *map(self._ask, questions))
        return None

    async def _apply(self, result: Look) -> list[tuple[Wait, ...]]:
        concerned: list[tuple[Wait, ...]] = []
        for number, seen in enumerate(result.found.values(), 1):
            waits = self.observe(seen)
            if waits:
                concerned.append(waits)
            if number % BATCH == 0:
                # Others get their turn on the loop.
                await asyncio.sleep(0)
        passing = [error for error in result.errors.values() if is_passing(error)]
        self._failures = 0 if not passing else self._failures + 1
        for connection_id, error in result.errors.items():
            for wait in self.waits(connection_id):
                self._meet(wait, error)
        return concerned

    def _failed(self, due: Iterable[Wait], error: FivetranError) -> None:
        """Handle a page that could not be read: poll again later, unless the error is for good."""
        self._failures += 1
        waits = due if is_passing(error) else self.waits()
        for wait in waits:
            self._meet(wait, error)

    def _meet(self, wait: Wait, error: FivetranError) -> None:
        if not is_passing(error):
            self._end(wait, error=own_copy(error))
            return
        delay = backoff_delay(error, self._failures, wait.policy)
        wait.due = self.clock.monotonic() + delay
        self._rest(delay)

    def _rest(self, seconds: float) -> None:
        self._not_before = max(self._not_before, self.clock.monotonic() + seconds)

    async def _ask(self, wait: Wait) -> None:
        """Have the sync history decide whether an end that the record shows is the awaited one."""
        question, seen, age = wait.question, wait.seen, wait.age(self.clock.monotonic())
        wait.question = None
        if question is None or seen is None:
            return
        entries = await read_history(
            wait.transport, question.watch, age, question.watch.doubt, HISTORY_PATIENCE
        )
        if not wait.is_over and wait.watch is question.watch:
            step = settle_doubt(wait.watch, seen, entries, wait.policy, give_up=question.give_up)
            self._take(wait, step)

    async def _trigger_again(self, waits: tuple[Wait, ...]) -> None:
        """Trigger what was rescheduled; one request for all waits for the same connection."""
        connection_id = waits[0].connection_id
        if connection_id in self.flights or self._was_triggered(waits):
            # By a caller of this session, after the record was read.
            self._postpone_trigger(waits)
            return
        landing = self.flights[connection_id] = asyncio.get_running_loop().create_future()
        try:
            async with flight_of(self.sharing, connection_id, None) as flight:
                is_sent = goes_on(waits[0], flight.last, self.clock)
                if is_sent or not await flight.may_trigger(intention_of(waits[0], self.clock)):
                    # Another process decides about it now; the next poll shows what it did.
                    self._postpone_trigger(waits)
                    return
                await self._send_again(waits)
                await flight.triggered(token_of_again(waits[0]))
        except FivetranError as error:
            for wait in waits:
                self._put_off_trigger(wait, error)
        finally:
            self.flights.pop(connection_id, None)
            if not landing.get_loop().is_closed():
                landing.set_result(None)

    def _was_triggered(self, waits: tuple[Wait, ...]) -> bool:
        seen, others = waits[0].dated, set(self.waits(waits[0].connection_id)) - {*waits}
        return seen is not None and any(
            wait.watch.triggers and wait.origin >= seen.asked_on for wait in others
        )

    async def _send_again(self, waits: tuple[Wait, ...]) -> None:
        first, at, sent_on = waits[0], None, None
        try:
            # Sent once: retries would keep the poller from all other waits.
            at = await trigger_sync(looking(first.transport), first.connection_id, force=False)
        except UNCERTAIN as error:
            sent_on = self.clock.monotonic() - error.seconds
        for wait in waits:
            self._triggered(wait, at, sent_on)

    def _postpone_trigger(self, waits: tuple[Wait, ...]) -> None:
        for wait in waits:
            wait.watch = wait.before_trigger or wait.watch

    def _triggered(self, wait: Wait, at: datetime | None, sent_on: float | None) -> None:
        now, seen = self.clock.monotonic(), wait.dated
        acceptance = Acceptance(
            at=at or (None if seen is None else seen.latest(now)),
            sent_at=None if seen is None or sent_on is None else seen.earliest(sent_on),
            lost=sent_on is not None,
        )
        wait.watch = accepted_again(wait.watch, acceptance, wait.age(now))

    def _put_off_trigger(self, wait: Wait, error: FivetranError) -> None:
        if not is_passing(error):
            self._end(wait, error=own_copy(error))
            return
        # Put the trigger back; the next poll retries it.
        wait.watch = wait.before_trigger or wait.watch
        self._rest(backoff_delay(error, 1, wait.policy))

    def _expire(self) -> None:
        now = self.clock.monotonic()
        for wait in self.waits():
            if now >= wait.deadline.at:
                self._time_out(wait)

    def _expire_late(self, began: float, now: float) -> float | None:
        """End waits when their last poll takes too long; return the seconds until the next end."""
        ends = {wait: max(wait.deadline.at, began) + LAST_LOOK for wait in self.waits()}
        for wait, end in ends.items():
            if now >= end:
                self._time_out(wait)
        return min((end - now for wait, end in ends.items() if not wait.is_over), default=None)

    def _time_out(self, wait: Wait) -> None:
        self._end(wait, verdict=expire(wait.watch, wait.seen, wait.policy))


def _to_trigger(waits: tuple[Wait, ...]) -> tuple[Wait, ...]:
    return tuple(wait for wait in waits if wait.before_trigger is not None and not wait.is_over)


def _groups_of(waits: Iterable[Wait]) -> Mapping[str, str]:
    return {wait.connection_id: wait.group_id for wait in waits}


def hub_of(core: Core) -> Hub:
    """Return the poller that a session and all its views share."""
    return core.part(Hub, lambda: Hub(core))
