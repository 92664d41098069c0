"""One sync that was triggered or found, and the ways in which a session begins one."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import attrs

from fivetran_async.errors import (
    FivetranError,
    InvalidArgumentError,
    RateLimitedError,
    RequestTimeoutError,
)
from fivetran_async.syncs._deadline import Deadline
from fivetran_async.syncs._order import Order
from fivetran_async.syncs._outcome import SyncOutcome
from fivetran_async.syncs._policy import SyncPolicy
from fivetran_async.syncs._run import OnCancel, Pursuit
from fivetran_async.syncs._start import attach, start
from fivetran_async.syncs._tokens import intended_token

if TYPE_CHECKING:
    from fivetran_async._http.transport import Transport
    from fivetran_async.resources.connection_models import Connection


class SyncRun:
    """
    A sync that was triggered, or found running: `await run.wait()` for its end.

    Several tasks may await it. `to_token()` lets another process resume the wait: give the token to
    `AsyncFivetran.resume_wait`.
    """

    def __init__(self, pursuit: Pursuit) -> None:
        self._pursuit = pursuit

    @property
    def connection_id(self) -> str:
        """The connection that syncs."""
        return self._pursuit.watch.connection_id

    @property
    def joined(self) -> bool | None:
        """True if it was running when it was triggered, False if not, None if that is unknown."""
        return self._pursuit.watch.joined

    @property
    def triggered(self) -> bool:
        """True if a sync was triggered; by default none is on a paused or broken connection."""
        return self._pursuit.watch.triggers > 0

    @property
    def outcome(self) -> SyncOutcome | None:
        """How it ended, after a `wait()` that returned it."""
        return self._pursuit.outcome

    @property
    def ended(self) -> bool:
        """True if `wait()` has an outcome already, as far as this run knows; sends no request."""
        pursuit = self._pursuit
        known = pursuit.refusal or pursuit.verdict
        return known is not None or (
            pursuit.outcome is not None and pursuit.outcome.status != "timed_out"
        )

    def to_token(self) -> str:
        """Return what another process needs to resume the wait: JSON text without secrets."""
        return self._pursuit.to_token()

    async def wait(
        self,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - on the session's clock
        on_cancel: OnCancel = "leave",
    ) -> SyncOutcome:
        """
        Wait until the sync has ended, however it ends, or the wait times out.

        Args:
            timeout: Seconds from now; by default the policy's, counted from the call that triggered
                the sync.
            on_cancel: `pause` pauses the connection, and so stops the sync, when the waiting task
                is cancelled; `leave` lets the sync go on.

        Raises:
            NotFoundError: The connection was deleted.
            StatusError: The connection may no longer be read. Passing failures, such as 5xx, 429
                and refused connections, do not end the wait.
            SessionClosedError: The session was closed; `token` of the error resumes the wait.
        """
        if on_cancel not in ("leave", "pause"):
            raise InvalidArgumentError(f'on_cancel must be "leave" or "pause", not {on_cancel!r}.')
        pursuit = self._pursuit
        waiting = pursuit.wait(timeout=timeout, on_cancel=on_cancel)
        if pursuit.outcome is not None and pursuit.outcome.status != "timed_out":
            return await waiting
        return await _observed(pursuit.transport, self.connection_id, waiting)

    def __repr__(self) -> str:
        state = self.outcome.status if self.outcome else "awaited"
        return f"<SyncRun {self.connection_id} {state}>"


async def start_sync(
    transport: Transport, connection_id: str, policy: SyncPolicy, *, force: bool = False
) -> SyncRun:
    """Trigger a sync: `connections.start_sync`."""
    order = Order(connection_id=connection_id, force=force)
    deadline = Deadline(transport.core.clock, policy.timeout)
    return SyncRun(await start(transport, order, policy, deadline=deadline))


async def start_noted(
    transport: Transport, connection_id: str, policy: SyncPolicy, note: Callable[[str], None]
) -> SyncRun:
    """
    Trigger a sync, or join the one that runs, for a caller with a store of its own.

    Args:
        transport: What to send with.
        connection_id: The connection.
        policy: How it will be awaited.
        note: Called before a trigger is sent, with the token that resumes the wait if the process
            ends before it has the token of the run. Nothing runs then: what begins later is the
            awaited sync; if nothing does, the poller triggers it in time.

    Raises:
        FivetranError: Nothing was triggered, unless the error has a token.
    """

    async def before_trigger(pursuit: Pursuit) -> None:
        note(intended_token(pursuit.remembered))

    order = Order(connection_id=connection_id, joins=True)
    deadline = Deadline(transport.core.clock, policy.timeout)
    return SyncRun(
        await start(transport, order, policy, deadline=deadline, before_trigger=before_trigger)
    )


async def trigger_stopped(run: SyncRun) -> SyncRun:
    """
    Resume a connection that was paused, and trigger its sync; join the one that runs.

    Args:
        run: The sync that was awaited, until its connection was paused; its timeout goes on.

    Raises:
        FivetranError: Nothing was triggered, unless the error has a token.
    """
    pursuit = run._pursuit  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    order = Order(connection_id=run.connection_id, joins=True)
    policy = attrs.evolve(pursuit.policy, if_paused="resume")
    return SyncRun(await start(pursuit.transport, order, policy, deadline=pursuit.deadline))


async def run_to_end(
    transport: Transport, order: Order, policy: SyncPolicy, on_cancel: OnCancel
) -> SyncOutcome:
    """Trigger a sync or a resync that was confirmed, and wait: `connections.sync_and_wait`."""
    if on_cancel not in ("leave", "pause"):
        raise InvalidArgumentError(f'on_cancel must be "leave" or "pause", not {on_cancel!r}.')
    running = _run_to_end(transport, order, policy, on_cancel)
    return await _observed(transport, order.connection_id, running)


async def _observed(
    transport: Transport, connection_id: str, work: Coroutine[Any, Any, SyncOutcome]
) -> SyncOutcome:
    """Await an outcome, and let the hooks hear of it."""
    activity = transport.observer.begin("sync", connection_id=connection_id)
    try:
        with activity.current():
            outcome = await work
    except BaseException as error:
        activity.fail(error)
        raise
    activity.end(outcome.status, error=outcome.error)
    return outcome


async def _run_to_end(
    transport: Transport, order: Order, policy: SyncPolicy, on_cancel: OnCancel
) -> SyncOutcome:
    deadline = Deadline(transport.core.clock, policy.timeout)
    try:
        pursuit = await start(transport, order, policy, deadline=deadline, on_cancel=on_cancel)
    except (RequestTimeoutError, RateLimitedError) as error:
        if not deadline.passed:
            raise
        return _too_late(order.connection_id, policy, "a sync was triggered", error)
    if deadline.passed and pursuit.refusal is None:
        return await pursuit.give_up()
    return await pursuit.wait(on_cancel=on_cancel)


async def find_sync(
    transport: Transport, connection_id: str, policy: SyncPolicy, since: Connection | None
) -> SyncRun:
    """Find a sync that was triggered elsewhere."""
    deadline = Deadline(transport.core.clock, policy.timeout)
    return SyncRun(await attach(transport, connection_id, policy, since, deadline))


async def wait_for_next(
    transport: Transport, connection_id: str, policy: SyncPolicy, since: Connection | None
) -> SyncOutcome:
    """Wait for a sync that was triggered elsewhere: `connections.wait_for_sync`."""
    deadline = Deadline(transport.core.clock, policy.timeout)
    try:
        run = SyncRun(await attach(transport, connection_id, policy, since, deadline))
    except (RequestTimeoutError, RateLimitedError) as error:
        if not deadline.passed:
            raise
        return _too_late(connection_id, policy, "the connection was read", error)
    return await run.wait()


def _too_late(
    connection_id: str, policy: SyncPolicy, what: str, error: FivetranError
) -> SyncOutcome:
    return SyncOutcome(
        connection_id=connection_id,
        status="timed_out",
        reason=f"Timed out after {policy.timeout:g} s, before {what}.",
        error=error,
    )
