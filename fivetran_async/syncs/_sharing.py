"""What sessions of several processes do together: one triggers a sync, and one polls for all."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Protocol

import attrs

from fivetran_async.syncs._tokens import Token, intended_token, parse_token, write_token
from fivetran_async.syncs._verdict import is_to_begin
from fivetran_async.syncs._watch import watch_for

if TYPE_CHECKING:
    from fivetran_async._clock import Clock
    from fivetran_async.syncs._deadline import Deadline
    from fivetran_async.syncs._wait import Wait


@attrs.frozen
class LastTrigger:
    """The token of the latest trigger that any process sent, and the seconds since then."""

    token: str
    age: float


class Flight(Protocol):
    """The right to decide whether a connection is triggered, for as long as its lease lasts."""

    @property
    def last(self) -> LastTrigger | None:
        """The latest trigger of any process; None if none is known."""
        ...

    async def may_trigger(self, intention: str | None) -> bool:
        """
        Extend the lease; return False if it was lost, so that another process may decide.

        Args:
            intention: The token of a trigger that may have been sent: for the process that decides
                next, if this one ends before it reports the trigger.
        """
        ...

    async def triggered(self, token: str) -> None:
        """Let the other processes know of a trigger that was sent."""
        ...


class Sharing(Protocol):
    """The other processes, for the poller of a session."""

    def flight(
        self, connection_id: str, deadline: Deadline | None
    ) -> AbstractAsyncContextManager[Flight]:
        """Wait for the right to decide about a connection; with None, do not wait."""
        ...

    def added(self, wait: Wait) -> None:
        """Take note of a wait of this session."""
        ...

    def removed(self, wait: Wait) -> None:
        """Take note that a wait of this session is over."""
        ...


class _OwnFlight:
    """The right to decide of a session that shares nothing."""

    last: LastTrigger | None = None

    async def may_trigger(self, intention: str | None) -> bool:  # noqa: ARG002
        return True

    async def triggered(self, token: str) -> None:
        pass


@asynccontextmanager
async def flight_of(
    sharing: Sharing | None, connection_id: str, deadline: Deadline | None
) -> AsyncGenerator[Flight]:
    """Wait for the right to decide about a connection, if sessions of other processes exist."""
    if sharing is None:
        yield _OwnFlight()
        return
    async with sharing.flight(connection_id, deadline) as flight:
        yield flight


def goes_on(wait: Wait, last: LastTrigger | None, clock: Clock) -> bool:
    """True if the sync that another process triggered last is to begin, or just began."""
    seen = wait.dated
    if last is None or seen is None:
        return False
    watch = parse_token(last.token).watch
    if watch.accepted_first == wait.watch.accepted_first:
        # The trigger of this wait.
        return False
    return last.age <= clock.monotonic() - seen.asked_on or is_to_begin(
        watch, seen.connection, last.age, wait.policy, now=seen.at
    )


def intention_of(wait: Wait, clock: Clock) -> str | None:
    """Return the token of a trigger that may be sent now."""
    seen = wait.dated
    if seen is None:
        return None
    watch = watch_for(seen.connection, kind="sync", read_at=seen.at)
    sent = attrs.evolve(watch, sent_at=seen.latest(clock.monotonic()))
    return intended_token(Token(sent, wait.policy))


def token_of_again(wait: Wait) -> str:
    """Return the token of a trigger that was just repeated: its age is 0 now."""
    watch = attrs.evolve(
        wait.watch, accepted_first=wait.watch.accepted_at, idle_since=0.0, spent=0.0
    )
    return write_token(Token(watch, wait.policy))
