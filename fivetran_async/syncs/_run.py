"""A sync that is awaited: from its trigger to its outcome."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

import attrs

from fivetran_async._codec import decode
from fivetran_async.errors import FivetranError, InvalidArgumentError, NotFoundError
from fivetran_async.options import logger
from fivetran_async.pagination import MAX_LIMIT
from fivetran_async.resources.connection_models import Connection, SyncHistoryEntry
from fivetran_async.syncs._hub import Hub, Wait, hub_of
from fivetran_async.syncs._outcome import SyncOutcome, Verdict
from fivetran_async.syncs._policy import SyncPolicy
from fivetran_async.syncs._reads import connections_of, looking
from fivetran_async.syncs._verdict import Watch

if TYPE_CHECKING:
    from fivetran_async._http.transport import Transport

OnCancel: TypeAlias = Literal["leave", "pause"]

_TOKEN_VERSION: Final = 1
_HISTORY_REACH: Final = timedelta(days=6, hours=23)
"""How far back to ask; the API refuses a start more than 7 days ago, and a longer window."""
_HISTORY_AHEAD: Final = timedelta(minutes=1)
_SAME_END: Final = timedelta(minutes=2)
_WITH_HISTORY: Final = frozenset({"succeeded", "failed", "broken", "not_run"})


@attrs.define(eq=False, kw_only=True)
class Pursuit:
    """
    A sync that was asked for: what is remembered of it, and how it is awaited.

    `origin` is when its age was 0, on the clock that never steps. Where `refusal` is set, nothing
    was triggered; where `verdict` is, the record has told the end already.
    """

    transport: Transport = attrs.field(repr=False)
    watch: Watch
    policy: SyncPolicy
    origin: float
    seen: Connection | None = attrs.field(default=None, repr=False)
    refusal: Verdict | None = None
    verdict: Verdict | None = None
    outcome: SyncOutcome | None = None

    @property
    def hub(self) -> Hub:
        """The poller that it is awaited with."""
        return hub_of(self.transport.core)

    def to_token(self) -> str:
        """What another process needs to go on waiting: JSON text without secrets."""
        token: dict[str, object] = {
            "version": _TOKEN_VERSION,
            "watch": attrs.asdict(self.watch, value_serializer=_as_json),
            "policy": attrs.asdict(self.policy),
        }
        if self.refusal is not None:
            token["refusal"] = {"status": self.refusal.status, "reason": self.refusal.reason}
        return json.dumps(token)

    async def wait(
        self,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - on the session's clock
        on_cancel: OnCancel = "leave",
    ) -> SyncOutcome:
        """Wait for the end; see `SyncRun.wait`."""
        if self.outcome is not None and self.outcome.status != "timed_out":
            return self.outcome
        known = self.refusal or self.verdict
        if known is not None:
            return await self._conclude(known)
        ended = asyncio.Event()
        wait = self.begin(lambda _: ended.set(), timeout)
        try:
            await ended.wait()
        except asyncio.CancelledError:
            if on_cancel == "pause":
                await self._pause()
            raise
        finally:
            await self.hub.leave(wait)
            self.watch, self.seen = wait.watch, wait.seen
        return await self.finish(wait)

    def begin(self, on_end: Callable[[Wait], None], timeout: float | None = None) -> Wait:
        """Join the poller; `on_end` is called once, with what came of it."""
        policy = self.policy.lasting(timeout)
        since = self.origin if timeout is None else self.hub.clock.monotonic()
        wait = Wait(
            watch=self.watch,
            policy=policy,
            origin=self.origin,
            deadline=since + policy.timeout,
            transport=self.transport,
            on_end=on_end,
            seen=self.seen,
        )
        self.hub.add(wait)
        return wait

    async def finish(self, wait: Wait) -> SyncOutcome:
        """Make the outcome of a wait that is over, or raise what broke it."""
        self.watch, self.seen = wait.watch, wait.seen
        if wait.error is not None:
            raise wait.error
        return await self._conclude(cast("Verdict", wait.verdict))

    async def _conclude(self, verdict: Verdict) -> SyncOutcome:
        watch = self.watch
        outcome = SyncOutcome(
            connection_id=watch.connection_id,
            status=verdict.status,
            reason=verdict.reason,
            joined=watch.joined,
            triggers=watch.triggers,
            finished_at=verdict.finished_at,
            connection=self.seen,
        )
        if self.policy.history and outcome.status in _WITH_HISTORY and self.refusal is None:
            outcome = with_history(outcome, await self._history(outcome), watch)
        self.outcome = outcome
        return outcome

    async def _history(self, outcome: SyncOutcome) -> Sequence[SyncHistoryEntry]:
        """The latest syncs, where the account has the operation; never a reason to fail."""
        hub = self.hub
        age = hub.clock.monotonic() - self.origin
        window = history_window(self.watch.read_at, age, outcome.finished_at)
        if window is None or not hub.has_history:
            return ()
        entries = connections_of(looking(self.transport)).list_sync_history(
            self.watch.connection_id, start_time=window[0], end_time=window[1], limit=MAX_LIMIT
        )
        try:
            return (await entries.page()).items
        except NotFoundError as error:
            hub.has_history = error.code == "NotFound_Connection"
        except FivetranError as error:
            logger.debug("No sync history of %s: %s", self.watch.connection_id, error)
        return ()

    async def _pause(self) -> None:
        try:
            await connections_of(self.transport).pause(self.watch.connection_id)
        except FivetranError as error:
            logger.warning(
                "Could not pause %s on cancellation: %s", self.watch.connection_id, error
            )


def history_window(
    read_at: datetime | None, age: float, finished_at: datetime | None
) -> tuple[datetime, datetime] | None:
    """
    Return from when to when to ask for past syncs, within what the API allows; PURE.

    The API judges the window by its own clock, so only times of the server are used.

    Args:
        read_at: The server's time at age 0, if it sent one.
        age: Seconds since then.
        finished_at: When the sync ended, if that is known.

    Returns:
        None if the server's time is unknown or the sync ended too long ago to be found.
    """
    try:
        moments = [read_at + timedelta(seconds=age)] if read_at is not None else []
        now = max([*moments, *([finished_at] if finished_at is not None else [])], default=None)
        if now is None:
            return None
        start, end = now - _HISTORY_REACH, now + _HISTORY_AHEAD
    except OverflowError:
        # A server whose dates are at the edge of the calendar.
        return None
    return None if finished_at is not None and finished_at < start else (start, end)


def with_history(
    outcome: SyncOutcome, entries: Sequence[SyncHistoryEntry], watch: Watch
) -> SyncOutcome:
    """Take id, start and reason from the entry of the history that is this sync; PURE."""
    entry = _entry_of(outcome, entries, watch)
    if entry is None:
        return outcome
    return attrs.evolve(
        outcome,
        sync_id=entry.sync_id,
        started_at=entry.start,
        finished_at=outcome.finished_at or entry.end,
        reason=entry.reason or outcome.reason,
    )


def _entry_of(
    outcome: SyncOutcome, entries: Sequence[SyncHistoryEntry], watch: Watch
) -> SyncHistoryEntry | None:
    if outcome.finished_at is not None:
        end = outcome.finished_at
        by_distance = sorted(
            (abs(entry.end - end), number)
            for number, entry in enumerate(entries)
            if entry.end is not None
        )
        if by_distance and by_distance[0][0] <= _SAME_END:
            return entries[by_distance[0][1]]
        return None
    after = watch.read_at
    started = [
        entry
        for entry in entries
        if entry.end is not None and after is not None and entry.end >= after
    ]
    return max(started, key=lambda entry: cast("datetime", entry.end), default=None)


def _as_json(_: object, __: object, value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def pursuit_of(token: str, transport: Transport) -> Pursuit:
    """
    Read a token; its clock starts anew until the server's time is known.

    Raises:
        InvalidArgumentError: It is no token of `SyncRun.to_token`.
    """
    try:
        parts = json.loads(token)
        if parts["version"] != _TOKEN_VERSION:
            raise InvalidArgumentError(f"it has the unknown version {parts['version']!r}")
        watch, policy = decode(parts["watch"], Watch, place="watch"), SyncPolicy(**parts["policy"])
        refusal = Verdict(**parts["refusal"]) if "refusal" in parts else None
    except (ValueError, TypeError, KeyError, FivetranError) as error:
        problem = str(error)
    else:
        return Pursuit(
            transport=transport,
            watch=watch,
            policy=policy,
            origin=hub_of(transport.core).clock.monotonic(),
            refusal=refusal,
        )
    raise InvalidArgumentError(f"token is not one of SyncRun.to_token(): {problem}")
