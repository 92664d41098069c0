"""Waits for what is no sync: transformations, private links, setup tests, a pause."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Generic, Literal, TypeAlias, TypeVar

import attrs

from fivetran_async._types import UNSET, Unset
from fivetran_async.errors import AmbiguousOutcomeError, FivetranError
from fivetran_async.syncs._policy import SyncPolicy, backoff_delay, is_passing
from fivetran_async.syncs._verdict import moved

if TYPE_CHECKING:
    from fivetran_async._clock import Clock
    from fivetran_async.resources.connection_models import Connection
    from fivetran_async.resources.connections import Connections
    from fivetran_async.resources.private_links import PrivateLink, PrivateLinks
    from fivetran_async.resources.transformations import Transformation, Transformations

T = TypeVar("T")

TransformationEnd: TypeAlias = Literal[
    "succeeded", "partially_succeeded", "failed", "canceled", "blocked", "not_run", "timed_out"
]

_ENDS: Final[dict[str, TransformationEnd]] = {
    "SUCCEEDED": "succeeded",
    "PARTIALLY_SUCCEEDED": "partially_succeeded",
    "FAILED": "failed",
    "CANCELED": "canceled",
    "BLOCKED": "blocked",
}
_BUSY: Final = frozenset({"RUNNING", "SCHEDULING", "TERMINATING"})


class WaitTimeoutError(FivetranError, TimeoutError):
    """
    A wait for something that is no sync took too long.

    Attributes:
        last: The thing as it was last read; None if it never was.
    """

    def __init__(self, message: str, last: object = None) -> None:
        super().__init__(message)
        self.last = last


class WaitFailedError(FivetranError):
    """
    What was waited for cannot come any more.

    Attributes:
        last: The thing as it was last read.
    """

    def __init__(self, message: str, last: object = None) -> None:
        super().__init__(message)
        self.last = last


@attrs.frozen(kw_only=True, eq=False)
class TransformationOutcome:
    """
    How an awaited run of a transformation ended.

    Attributes:
        status: As the vendor calls it, in small letters; `not_run` if it never began; `timed_out`
            if its end was not seen in time.
        joined: Whether it was running already when it was asked for.
        transformation: As it was last read.
    """

    status: TransformationEnd
    joined: bool
    transformation: Transformation = attrs.field(repr=False)

    @property
    def succeeded(self) -> bool:
        """Whether all of it succeeded."""
        return self.status == "succeeded"


@attrs.frozen
class Polled(Generic[T]):
    """What was last read, if anything ever was, and whether it is as wanted."""

    last: T | None
    done: bool


async def poll_until(
    read: Callable[[], Awaitable[T]],
    is_done: Callable[[T], bool],
    *,
    clock: Clock,
    policy: SyncPolicy,
) -> Polled[T]:
    """
    Read until it is as wanted or the time is over.

    Failures that pass are survived; a `Retry-After` is waited for.
    """
    began, failures, last = clock.monotonic(), 0, None
    while True:
        try:
            found = await read()
        except FivetranError as error:
            if not is_passing(error):
                raise
            failures += 1
            delay = backoff_delay(error, failures, policy)
        else:
            if is_done(found):
                return Polled(found, done=True)
            last, failures = found, 0
            delay = policy.interval(clock.monotonic() - began, clock.random())
        left = began + policy.timeout - clock.monotonic()
        if left <= 0:
            return Polled(last, done=False)
        await clock.sleep(min(delay, left))


def judge_transformation(
    before: Transformation, now: Transformation, *, started: bool
) -> TransformationEnd | None:
    """Say how the run after `before` ended; None if it has not. PURE."""
    status = now.status.upper()
    if status in _BUSY:
        return None
    if started or moved(before.last_ended_at, now.last_ended_at):
        return _ENDS.get(status, "failed")
    return None


async def run_transformation(
    transformations: Transformations,
    transformation_id: str,
    *,
    full_refresh: bool | Unset,
    policy: SyncPolicy,
    clock: Clock,
) -> TransformationOutcome:
    """Start a transformation, or join it if it runs, and wait for its end."""
    before = await transformations.get(transformation_id)
    joined = started = before.status.upper() in _BUSY
    # What a trigger without an answer did shows in the record.
    with contextlib.suppress(AmbiguousOutcomeError):
        await transformations.run(transformation_id, full_refresh=full_refresh)
    triggered_at = clock.monotonic()
    end: TransformationEnd | None = None

    def is_done(now: Transformation) -> bool:
        nonlocal started, end
        started = started or now.status.upper() in _BUSY
        end = judge_transformation(before, now, started=started)
        if end is None and not started:
            late = clock.monotonic() - triggered_at >= policy.start_timeout
            end = ("blocked" if now.status.upper() == "BLOCKED" else "not_run") if late else None
        return end is not None

    polled = await poll_until(
        lambda: transformations.get(transformation_id), is_done, clock=clock, policy=policy
    )
    return TransformationOutcome(
        status=end or "timed_out", joined=joined, transformation=polled.last or before
    )


async def wait_for_private_link(
    private_links: PrivateLinks, private_link_id: str, *, policy: SyncPolicy, clock: Clock
) -> PrivateLink:
    """Wait until a private link can be used."""
    polled = await poll_until(
        lambda: private_links.get(private_link_id),
        lambda link: link.is_ready or link.state.upper() == "FAIL",
        clock=clock,
        policy=policy,
    )
    last = polled.last
    if last is not None and last.is_ready:
        return last
    state = f": {last.state_summary or last.state}" if last else ""
    if polled.done:
        raise WaitFailedError(f"The private link {private_link_id} failed{state}", last)
    raise WaitTimeoutError(
        f"The private link {private_link_id} was not ready within {policy.timeout:g} s{state}",
        last,
    )


async def set_up(
    connections: Connections,
    connection_id: str,
    *,
    trust_certificates: bool,
    trust_fingerprints: bool,
    rounds: int,
    policy: SyncPolicy,
    clock: Clock,
) -> Connection:
    """Run setup tests until the connection is connected, or more of them would change nothing."""
    trusts = trust_certificates or trust_fingerprints
    tested: Connection | None = None
    for done in range(rounds):
        if done:
            await clock.sleep(policy.interval(0.0, clock.random()))
        try:
            tested = await connections.run_setup_tests(
                connection_id,
                trust_certificates=trust_certificates or UNSET,
                trust_fingerprints=trust_fingerprints or UNSET,
            )
        except AmbiguousOutcomeError:
            # The vendor cuts long requests off; the tests go on, and the record tells.
            tested = await connections.get(connection_id)
            if tested.is_connected:
                return tested
            continue
        if tested.is_connected or not (trusts or _may_pass_next_time(tested)):
            return tested
    return tested if tested is not None else await connections.get(connection_id)


def _may_pass_next_time(tested: Connection) -> bool:
    return any(test.status.upper() == "JOB_FAILED" for test in tested.setup_tests)


async def pause_and_wait(
    connections: Connections, connection_id: str, *, policy: SyncPolicy, clock: Clock
) -> tuple[Connection, bool]:
    """Pause a connection until nothing runs; also say whether it was paused before."""
    before = await connections.get(connection_id)
    if is_at_rest(before):
        return before, True

    async def look() -> Connection:
        now = await connections.get(connection_id)
        # A pause during a long query answers 500 after a minute, and happens all the same.
        return now if now.is_paused else await connections.pause(connection_id)

    polled = await poll_until(look, is_at_rest, clock=clock, policy=policy)
    last = polled.last
    if last is None or not polled.done:
        raise WaitTimeoutError(
            f"The connection {connection_id} did not come to rest within {policy.timeout:g} s.",
            last,
        )
    return last, before.is_paused


def is_at_rest(connection: Connection) -> bool:
    """Whether it is paused and nothing runs any more."""
    return connection.is_paused and not connection.is_syncing
