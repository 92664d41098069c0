"""A sync that is awaited: from its trigger to its outcome."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

import attrs

from fivetran_async._clock import shielded
from fivetran_async.errors import FivetranError, NotFoundError
from fivetran_async.options import logger
from fivetran_async.resources.connection_models import Connection
from fivetran_async.syncs._deadline import Deadline
from fivetran_async.syncs._ends import with_history
from fivetran_async.syncs._history import HISTORY_PATIENCE, read_history
from fivetran_async.syncs._hub import Hub, hub_of
from fivetran_async.syncs._outcome import SyncOutcome, SyncVerdict
from fivetran_async.syncs._policy import SyncPolicy
from fivetran_async.syncs._reads import connections_of
from fivetran_async.syncs._tokens import Token, parse_token, write_token
from fivetran_async.syncs._verdict import expire
from fivetran_async.syncs._wait import Wait
from fivetran_async.syncs._watch import Watch, joined_at

if TYPE_CHECKING:
    from fivetran_async._http.session import Core
    from fivetran_async._http.transport import Transport

OnCancel: TypeAlias = Literal["leave", "pause"]

_WITH_HISTORY: Final = frozenset({"succeeded", "failed", "broken", "not_run"})


@attrs.define(eq=False, kw_only=True)
class Pursuit:
    """
    A sync that was triggered or found: what is remembered of it, and how it is awaited.

    Attributes:
        origin: When its age was 0, on the clock that never steps.
        deadline: When the wait has to be over, unless it is given another timeout.
        timeout: The seconds of that deadline, if they are not those of the policy.
        refusal: Why nothing was triggered, if so.
        verdict: How it ended, if the record showed that at once.
        handed_over: Whether another process began it: the poller's first record shows its age.
        history_patience: Seconds that the history of such a sync may take beyond the deadline.
        begun_by: The hash of the API key that began it; "" for the key of the session.
    """

    transport: Transport = attrs.field(repr=False)
    watch: Watch
    policy: SyncPolicy
    origin: float
    deadline: Deadline = attrs.field(repr=False)
    seen: Connection | None = attrs.field(default=None, repr=False)
    refusal: SyncVerdict | None = None
    verdict: SyncVerdict | None = None
    handed_over: bool = False
    history_patience: float = 0.0
    begun_by: str = ""
    timeout: float | None = None
    outcome: SyncOutcome | None = None

    @property
    def hub(self) -> Hub:
        """The poller that it is awaited with."""
        return hub_of(self.transport.core)

    @property
    def remembered(self) -> Token:
        """What another process needs to resume the wait."""
        account = self.begun_by or self.transport.core.account["account"]
        return Token(self.watch, self.policy, self.refusal, account)

    def to_token(self) -> str:
        """Return what another process needs to resume the wait: JSON text without secrets."""
        return write_token(self.remembered)

    async def wait(
        self,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - on the session's clock
        on_cancel: OnCancel = "leave",
    ) -> SyncOutcome:
        """Wait for the end; see `SyncRun.wait`."""
        if self.outcome is not None and self.outcome.status != "timed_out":
            return self.outcome
        deadline = self.deadline_of(timeout)
        known = self.refusal or self.verdict
        if known is not None:
            extra = self.history_patience if timeout is None else 0.0
            return await self._conclude(known, max(deadline.remaining(), extra))
        ended = asyncio.Event()
        policy = self.policy.lasting(self.timeout if timeout is None else timeout)
        wait = self.begin(lambda _: ended.set(), deadline, policy)
        wait.keeps_timeout = timeout is None
        try:
            async with self.stopped_by(on_cancel):
                await ended.wait()
        finally:
            await self.hub.leave(wait)
            self._remember(wait)
        return await self.finish(wait)

    def deadline_of(self, timeout: float | None) -> Deadline:
        """Return the deadline of a wait: its own timeout from now on, or that of the policy."""
        if timeout is None:
            return self.deadline
        return Deadline(self.hub.clock, self.policy.lasting(timeout).timeout)

    def begin(self, on_end: Callable[[Wait], None], deadline: Deadline, policy: SyncPolicy) -> Wait:
        """Join the poller; `on_end` is called once, when the wait is over."""
        wait = Wait(
            watch=self.watch,
            policy=policy,
            origin=self.origin,
            deadline=deadline,
            transport=self.transport,
            on_end=on_end,
            seen=self.seen,
            handed_over=self.handed_over,
        )
        self.hub.add(wait)
        return wait

    async def finish(self, wait: Wait) -> SyncOutcome:
        """Make the outcome of a wait that is over, or raise what broke it."""
        self._remember(wait)
        if wait.error is not None:
            wait.error.token = self.to_token()
            explain(wait.error, self.begun_by, self.transport.core)
            raise wait.error
        return await self._conclude(cast("SyncVerdict", wait.verdict), self._patience(wait))

    def _remember(self, wait: Wait) -> None:
        self.watch, self.seen = wait.watch, wait.seen
        if self.handed_over and not wait.handed_over:
            self.handed_over, self.origin = False, wait.origin
            clock = self.hub.clock
            left = self.policy.timeout - wait.watch.spent - wait.age(clock.monotonic())
            self.deadline = Deadline(clock, left)

    def _patience(self, wait: Wait) -> float:
        """Return the seconds for the history; some if the time was over before it began here."""
        extra = HISTORY_PATIENCE if wait.deadline.seconds <= 0 else 0.0
        return max(wait.deadline.remaining(), extra)

    async def give_up(self) -> SyncOutcome:
        """Make the outcome of a wait that timed out before it could begin."""
        return await self._conclude(expire(self.watch, self.seen, self.policy), 0.0)

    async def _conclude(self, verdict: SyncVerdict, patience: float) -> SyncOutcome:
        watch = self.watch
        outcome = SyncOutcome(
            connection_id=watch.connection_id,
            status=verdict.status,
            reason=verdict.reason,
            joined=joined_at(watch, verdict.finished_at),
            triggers=watch.triggers,
            sync_id=watch.sync_id,
            finished_at=verdict.finished_at,
            connection=self.seen,
            token=self.to_token() if verdict.status == "timed_out" else None,
        )
        if self.policy.history and outcome.status in _WITH_HISTORY and self.refusal is None:
            age = self.hub.clock.monotonic() - self.origin
            entries = await read_history(self.transport, watch, age, outcome.finished_at, patience)
            outcome = with_history(outcome, entries or (), watch)
        self.outcome = outcome
        return outcome

    @contextlib.asynccontextmanager
    async def stopped_by(self, on_cancel: OnCancel) -> AsyncGenerator[None]:
        """With `pause`, pause the connection if the caller is cancelled in the block."""
        try:
            yield
        except asyncio.CancelledError:
            if on_cancel == "pause":
                with shielded():
                    await self._pause()
            raise

    async def _pause(self) -> None:
        try:
            await connections_of(self.transport).pause(self.watch.connection_id)
        except FivetranError as error:
            logger.warning(
                "Could not pause %s on cancellation: %s", self.watch.connection_id, error
            )


def pursuit_of(token: str, transport: Transport) -> Pursuit:
    """
    Read a token; its clock restarts at the call until the server's time is known.

    Raises:
        InvalidArgumentError: The text is not a token of `SyncRun.to_token`.
    """
    return pursuit_from(parse_token(token), transport)


def pursuit_from(token: Token, transport: Transport) -> Pursuit:
    """Return the wait of a token."""
    clock = hub_of(transport.core).clock
    return Pursuit(
        transport=transport,
        watch=token.watch,
        policy=token.policy,
        origin=clock.monotonic(),
        deadline=Deadline(clock, token.policy.timeout - token.watch.spent),
        refusal=token.refusal,
        begun_by=token.account,
    )


def explain(error: FivetranError, begun_by: str, core: Core) -> None:
    """
    Complete a 404 about the connection of a token that another API key began.

    Keys are replaced, so another key alone is not an error. The error must be the caller's own.
    """
    own = core.account["account"]
    if isinstance(error, NotFoundError) and begun_by not in {"", own}:
        error.message = (
            f"{error.message.rstrip('.')}. The token is of another API key than that of this "
            f"session, perhaps of another account: the hashes of the keys begin with "
            f"{begun_by[:8]} and {own[:8]}."
        )
