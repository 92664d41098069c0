"""What is repeated, how often and after how long: counted on the wire, slept on a fake clock."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Mapping
from email.utils import formatdate

import pytest

from fivetran_async import (
    ActionResult,
    AmbiguousOutcomeError,
    CertificateError,
    ConnectError,
    FivetranError,
    NotFoundError,
    RateLimitedError,
    RequestTimeoutError,
    ResultMissingError,
    RetryPolicy,
    ServerError,
    StatusError,
    TransportError,
    with_retry,
)
from fivetran_async._http.operation import RetryClass
from fivetran_async._http.retry import RetryBucket
from fivetran_async._http.retry_table import verdict
from fivetran_async.errors import Fault
from fivetran_async.limits import Quota, RateLimits
from support import faults
from support.each import for_each
from support.fake_clock import FakeClock
from support.faults import FaultServer, reply
from support.sessions import (
    CLASSES,
    GROUP,
    ONCE,
    ONE_GROUP,
    STEADY,
    VERB_OF_CLASS,
    failure_of,
    refusal,
    session_at,
    success,
)

WAIT_A_BIT = {"Retry-After": "7"}
CLOSE = {"Connection": "close"}

# Per fault, for read, set, delete, trigger, dangerous and secret: Y is retried, 1 is retried once,
# N is raised, A is ambiguous, and - is a success.
TABLE: Mapping[str, tuple[tuple[faults.Fault, ...], str]] = {
    "dropped": ((*faults.BEFORE_ANSWER,), "YYYAAA"),
    "bad framing": (
        (faults.BAD_STATUS_LINE, faults.GARBAGE, faults.LONG_HEADER, faults.TWO_LENGTHS),
        "YYYAAA",
    ),
    "truncated": ((*faults.UNREADABLE_BODY,), "YY-AAA"),
    "408": ((refusal(408),), "YYYYAA"),
    "425": ((refusal(425),), "11NNNN"),
    "429": ((refusal(429),), "YYYYYY"),
    "500": ((refusal(500),), "YYYAAA"),
    "502 or 504": ((refusal(502), refusal(504)), "YYYAAA"),
    "503": ((refusal(503),), "YYYAAA"),
    "a gateway's 5xx": (tuple(map(refusal, (520, 522, 524, 527, 529, 530, 598, 599))), "YYYAAA"),
    "503 with Retry-After: 0": ((refusal(503, headers={"Retry-After": "0"}),), "YYYYAA"),
    "501 and 505": ((refusal(501), refusal(505)), "NNNNNN"),
    "another 5xx": ((refusal(507), refusal(560)), "NNNAAA"),
    "4xx": (tuple(map(refusal, (400, 401, 403, 404, 409, 422))), "NNNNNN"),
    "3xx": (
        tuple(faults.redirect(status, "/v1/there") for status in (302, 308)),
        "NNNNNN",
    ),
    "malformed": ((*faults.NOT_JSON[:2], *faults.NOT_JSON[3:6]), "1NNNNN"),
    "too large": ((reply(body=b" " * 5_000), reply(body=b"[" * 300 + b"]" * 300)), "NNNNNN"),
}

CELLS = [
    (fault, retry_class, letter)
    for members, letters in TABLE.values()
    for fault in members
    for retry_class, letter in zip(CLASSES, letters, strict=True)
]

REPEATED_CELLS = [(fault, retry_class) for fault, retry_class, letter in CELLS if letter in "Y1"]

WIRE_OF = {"Y": 3, "1": 2, "N": 1, "A": 1, "-": 1}


async def check_cell(
    fault: faults.Fault, retry_class: RetryClass, letter: str, *, total: float = 30
) -> None:
    """Meet one fault all the time, and see that the table is kept."""
    clock = FakeClock()
    async with (
        FaultServer(*[fault] * 5) as server,
        session_at(
            server.url, retry=STEADY, timeouts=total, max_response_bytes=4_096, _clock=clock
        ) as fivetran,
    ):
        verb = VERB_OF_CLASS[retry_class]
        if letter == "-":
            assert await fivetran.request(verb, "/v1/things", retry_class=retry_class) is None
        else:
            error = await failure_of(fivetran, verb, retry_class=retry_class)
            assert isinstance(error, AmbiguousOutcomeError) == (letter == "A")
            assert error.attempts == WIRE_OF[letter]
            assert error.__context__ is None
    assert len(server.played) == WIRE_OF[letter]
    assert clock.sleeps == [1, 2][: WIRE_OF[letter] - 1]


@for_each("fault, retry_class, letter", CELLS)
async def test_a_fault_that_stays(
    fault: faults.Fault,
    retry_class: RetryClass,
    letter: str,
) -> None:
    """Every failure is sent as often as the table allows for its class, and then raised."""
    await check_cell(fault, retry_class, letter)


@pytest.mark.parametrize(
    ("fault", "letters"), [(faults.HANG, "YYYAAA"), (faults.HANG_IN_BODY, "YY-AAA")], ids=str
)
async def test_a_silence_that_stays(fault: faults.Fault, letters: str) -> None:
    """A timeout after the request was sent is as ambiguous as a dropped connection."""
    cells = zip(CLASSES, letters, strict=True)
    # On a busy machine, an attempt of a shorter time can end before its request is sent.
    await asyncio.gather(*(check_cell(fault, *cell, total=1.0) for cell in cells))


@for_each("fault, retry_class", REPEATED_CELLS)
async def test_a_fault_that_passes(fault: faults.Fault, retry_class: RetryClass) -> None:
    """What is repeated succeeds as soon as the server does."""
    clock = FakeClock()
    async with (
        FaultServer(fault, answer=lambda _: success({"id": 1})) as server,
        session_at(server.url, retry=STEADY, _clock=clock) as fivetran,
    ):
        verb = VERB_OF_CLASS[retry_class]
        assert await fivetran.request(verb, "/v1/things", retry_class=retry_class) == {"id": 1}
    assert len(server.played) == 2
    assert clock.sleeps == [1]


@pytest.mark.parametrize(
    ("retry_class", "repeated"),
    [*((each, each in {"read", "set", "delete", "trigger"}) for each in CLASSES)],
)
async def test_503_with_retry_after_is_an_invitation(
    retry_class: RetryClass, *, repeated: bool, clock: FakeClock
) -> None:
    """After a 503 with `Retry-After` triggers are retried, but dangerous calls are not."""
    async with (
        FaultServer(*[refusal(503, headers=WAIT_A_BIT)] * 5) as server,
        session_at(server.url, retry=STEADY, _clock=clock) as fivetran,
    ):
        error = await failure_of(fivetran, VERB_OF_CLASS[retry_class], retry_class=retry_class)
    assert isinstance(error, ServerError if repeated else AmbiguousOutcomeError)
    assert len(server.requests) == (3 if repeated else 1)
    assert clock.sleeps == ([7, 7] if repeated else [])


@pytest.mark.parametrize("retry_class", CLASSES)
async def test_what_was_not_sent_is_always_repeated(
    retry_class: RetryClass, clock: FakeClock
) -> None:
    """A connection that could not be made is tried again for every class of operation."""
    with faults.refusing() as url:
        async with session_at(url, retry=STEADY, _clock=clock) as fivetran:
            error = await failure_of(fivetran, VERB_OF_CLASS[retry_class], retry_class=retry_class)
    assert type(error) is ConnectError
    assert (error.attempts, clock.sleeps) == (3, [1, 2])


@for_each("fault, retry_class", itertools.product(Fault, CLASSES))
def test_every_fault_has_a_verdict_for_every_class(fault: Fault, retry_class: RetryClass) -> None:
    """The retry table has no hole, and nothing ambiguous for reads, sets and deletes."""
    found = verdict(fault, retry_class)
    assert found in {"retry", "retry once", "raise", "ambiguous"}
    if retry_class in {"read", "set", "delete"}:
        assert found != "ambiguous"


@pytest.mark.parametrize("fault", [faults.CLOSE_AFTER_REQUEST, faults.RESET], ids=str)
async def test_dangerous_calls_on_a_dropped_connection_are_sent_once(
    fault: faults.Fault, clock: FakeClock
) -> None:
    """A create and a resync without a response raise, with advice and the cause."""
    async with (
        FaultServer(fault, fault) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        with pytest.raises(AmbiguousOutcomeError) as created:
            await fivetran.connections.create(group_id="g", service="postgres")
        with pytest.raises(AmbiguousOutcomeError) as resynced:
            await fivetran.connections.resync("c", confirm=True)
    assert [request.target for request in server.requests] == [
        "/v1/connections",
        "/v1/connections/c/resync",
    ]
    for error in (created.value, resynced.value):
        assert (error.fate, error.attempts) == ("maybe_applied", 1)
        assert isinstance(error.__cause__, TransportError)
        assert "may have been applied; it was not retried" in str(error)
        assert "before you" in str(error)
    assert clock.sleeps == []


@pytest.mark.parametrize(
    ("first", "fate"),
    [(refusal(500, headers=CLOSE), "maybe_applied"), (refusal(429, headers=CLOSE), "not_sent")],
    ids=str,
)
@pytest.mark.parametrize("retry_class", ["set", "delete"])
async def test_a_last_attempt_that_is_not_sent_does_not_hide_an_earlier_one(
    first: faults.Fault, fate: str, retry_class: RetryClass, clock: FakeClock
) -> None:
    """
    `not_sent` means that nothing changed, although the first attempt was sent.

    Siblings: a connection that cannot be made, and a quota of this process that is used up.
    """
    errors: list[FivetranError] = []
    quotas = RateLimits(quotas={"requests": (Quota(1, 3600),)})
    # A 429 uses up no quota.
    for limits in (None, quotas) if fate == "maybe_applied" else (None,):
        async with contextlib.AsyncExitStack() as stack:
            server = await stack.enter_async_context(FaultServer(first))
            ends = stack if limits is None else contextlib.AsyncExitStack()

            async def leave(*_: object, ends: contextlib.AsyncExitStack = ends) -> None:
                await ends.aclose()

            policy = RetryPolicy(max_attempts=2, max_local_wait=1, on_retry=leave)
            async with session_at(
                server.url, retry=policy, rate_limits=limits, _clock=clock
            ) as fivetran:
                verb = VERB_OF_CLASS[retry_class]
                errors.append(await failure_of(fivetran, verb, retry_class=retry_class))
    assert [type(error) for error in errors] == [ConnectError, RateLimitedError][: len(errors)]
    assert {error.fate for error in errors} == {fate}


async def test_an_unreadable_success_says_that_it_was_accepted() -> None:
    """A trigger with a 2xx that was cut off is ambiguous, and has the status."""
    async with FaultServer(faults.SHORT_BODY) as server, session_at(server.url) as fivetran:
        with pytest.raises(AmbiguousOutcomeError, match="was accepted, but its response") as caught:
            await fivetran.connections.sync("c")
    assert caught.value.status == 200
    assert len(server.requests) == 1


async def test_a_lost_secret_says_so() -> None:
    """If the response had the only copy of a credential, the advice warns that it may be lost."""
    async with FaultServer(refusal(502)) as server, session_at(server.url) as fivetran:
        error = await failure_of(fivetran, "POST", "/v1/system-keys", retry_class="secret")
    assert isinstance(error, AmbiguousOutcomeError)
    assert "only copy lost" in error.advice
    assert error.advice in str(error)


@pytest.mark.parametrize(
    "lost", [faults.CLOSE_AFTER_REQUEST, faults.RESET, refusal(500), refusal(504)], ids=str
)
async def test_a_delete_that_worked_unseen_is_done(lost: faults.Fault, clock: FakeClock) -> None:
    """A retry that finds nothing, after a response was lost, is a success with `already_gone`."""
    async with (
        FaultServer(lost, refusal(404, "NotFound_Connection")) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        result = await fivetran.connections.delete("c", confirm=True)
    assert result.already_gone
    assert len(server.requests) == 2


async def test_a_plain_delete_that_worked_unseen_is_done(clock: FakeClock) -> None:
    """The same holds for a delete without a method of its own; there is nothing to return."""
    async with (
        FaultServer(faults.RESET, refusal(404)) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        assert await fivetran.request("DELETE", "/v1/things/1") is None
    assert len(server.requests) == 2


@pytest.mark.parametrize("harmless", [refusal(429), refusal(404)], ids=str)
async def test_a_delete_that_surely_did_not_work_is_not_done(
    harmless: faults.Fault, clock: FakeClock
) -> None:
    """A 404 that no lost response explains is a `NotFoundError`."""
    async with (
        FaultServer(harmless, refusal(404, "NotFound_Connection")) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        with pytest.raises(NotFoundError):
            await fivetran.connections.delete("c", confirm=True)


@pytest.mark.parametrize("fault", [*faults.UNREADABLE_BODY, faults.HANG_IN_BODY], ids=str)
async def test_a_delete_that_was_accepted_is_done(fault: faults.Fault) -> None:
    """A 2xx is all that a delete needs: it is neither repeated nor failed for its text."""
    async with FaultServer(fault) as server, session_at(server.url, timeouts=0.3) as fivetran:
        result = await fivetran.destinations.delete("d", confirm=True)
    assert result == ActionResult()
    assert len(server.requests) == 1


async def test_jitter_spreads_our_waits_and_only_adds_to_told_ones(clock: FakeClock) -> None:
    """Our own waits are halved at most; a `Retry-After` grows by a tenth at most."""
    script = [refusal(503), refusal(429, headers={"Retry-After": "10"})]
    for clock.chance in (0.0, 1.0):
        async with (
            FaultServer(*script, ONE_GROUP) as server,
            session_at(server.url, _clock=clock) as fivetran,
        ):
            await fivetran.groups.get("g")
    assert clock.sleeps == pytest.approx([0.5, 10, 1, 11])


async def test_waits_grow_to_a_bound(clock: FakeClock) -> None:
    """Waits double from `base_delay` up to `max_delay`."""
    policy = RetryPolicy(max_attempts=6, base_delay=3, max_delay=20, jitter=False)
    async with (
        FaultServer(*[refusal(500)] * 9) as server,
        session_at(server.url, retry=policy, _clock=clock) as fivetran,
    ):
        await failure_of(fivetran)
    assert clock.sleeps == [3, 6, 12, 20, 20]


NOW = 1_800_000_000


def http_date(offset: float) -> str:
    """A date, in seconds from the fake clock's now."""
    return formatdate(NOW + offset, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "slept"),
    [
        ([("Retry-After", "0")], 1),
        ([("Retry-After", "1")], 1),
        ([("Retry-After", " 12 ")], 12),
        ([("Retry-After", "60")], 60),
        ([("Retry-After", "1" + "0" * 20)], 1),
        ([("Retry-After", "-5")], 1),
        ([("Retry-After", "2.5")], 1),
        ([("Retry-After", "nan")], 1),
        ([("Retry-After", "inf")], 1),
        ([("Retry-After", "")], 1),
        ([("Retry-After", "soon")], 1),
        ([("Retry-After", "1_0")], 1),
        ([("Retry-After", http_date(30))], 30),
        ([("Retry-After", http_date(-30))], 1),
        ([("Retry-After", "Fri Jan 15 08:00:45 2027")], 45),
        ([("Retry-After", "5"), ("Retry-After", "9"), ("Retry-After", "junk")], 9),
        ([("Retry-After", http_date(3630)), ("Date", http_date(3600))], 30),
        ([("Retry-After", http_date(-3570)), ("Date", http_date(-3600))], 30),
        ([], 1),
    ],
)
async def test_retry_after_forms(
    headers: list[tuple[str, str]], slept: float, clock: FakeClock
) -> None:
    """Usable forms are waited for, by the server's own clock; the others mean our own wait."""
    async with (
        FaultServer(reply(429, {"code": "TooManyRequests"}, headers), ONE_GROUP) as server,
        session_at(server.url, retry=STEADY, _clock=clock) as fivetran,
    ):
        await fivetran.groups.get("g")
    assert clock.sleeps == pytest.approx([slept])


async def test_too_long_a_wait_is_told_at_once(clock: FakeClock) -> None:
    """Beyond `max_retry_after` the caller learns at once when to come back, and of the quota."""
    headers = {"Retry-After": "3600", "X-Rate-Limit": "20000", "X-Rate-Limit-Remaining": "0"}
    async with (
        FaultServer(refusal(429, "TooManyRequests", "Max 20000 calls", headers)) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        error = await failure_of(fivetran)
    assert isinstance(error, RateLimitedError)
    assert error.retry_after == 3600
    assert error.retry_at is not None
    assert error.retry_at.timestamp() == clock.time() + 3600
    assert (error.limit, error.remaining) == (20_000, 0)
    assert (len(server.requests), clock.sleeps) == (1, [])


async def test_a_date_beyond_all_calendars_is_told_too(clock: FakeClock) -> None:
    """A `Retry-After` in the year 9999, from a server with a clock at 1970, breaks nothing."""
    headers = {
        "Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT",
        "Date": "Thu, 01 Jan 1970 00:00:00 GMT",
    }
    async with (
        FaultServer(refusal(429, headers=headers)) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        error = await failure_of(fivetran)
    assert isinstance(error, RateLimitedError)
    assert error.retry_after is not None
    assert error.retry_after > 1e11
    assert error.retry_at is None


async def test_patience_can_be_endless(clock: FakeClock) -> None:
    """`max_retry_after=None` waits for whatever the server asks."""
    policy = RetryPolicy(max_retry_after=None, jitter=False)
    async with (
        FaultServer(refusal(429, headers={"Retry-After": "3600"}), ONE_GROUP) as server,
        session_at(server.url, retry=policy, _clock=clock) as fivetran,
    ):
        await fivetran.groups.get("g")
    assert clock.sleeps == [3600]


async def test_no_wait_begins_that_would_pass_the_deadline(clock: FakeClock) -> None:
    """With 2.5 seconds in all, 1 is slept and the 2 that follow are not: the failure is raised."""
    policy = RetryPolicy(max_attempts=9, jitter=False, deadline=2.5)
    async with (
        FaultServer(*[refusal(503)] * 9) as server,
        session_at(server.url, retry=policy, _clock=clock) as fivetran,
    ):
        error = await failure_of(fivetran)
    assert isinstance(error, ServerError)
    assert (len(server.requests), clock.sleeps) == (2, [1])


async def test_the_deadline_cuts_an_attempt(clock: FakeClock) -> None:
    """A silent server is left when the call's deadline passes, however long an attempt may take."""
    async with (
        FaultServer(faults.HANG) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        view = fivetran.with_options(deadline=0.3)
        error = await asyncio.wait_for(failure_of(view), timeout=5)
    assert isinstance(error, RequestTimeoutError)
    assert len(server.requests) == 1


async def test_retry_if_only_narrows(clock: FakeClock) -> None:
    """False stops a retry; True makes no dangerous call retryable."""
    async with (
        FaultServer(*[refusal(503)] * 9) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        never = fivetran.with_options(retry=RetryPolicy(retry_if=lambda _: False))
        always = fivetran.with_options(retry=RetryPolicy(retry_if=lambda _: True))
        assert isinstance(await failure_of(never), ServerError)
        assert isinstance(await failure_of(always, "POST"), AmbiguousOutcomeError)
    assert (len(server.requests), clock.sleeps) == (2, [])


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_on_retry_hears_of_every_wait(kind: str, clock: FakeClock) -> None:
    """`on_retry` is called with error, attempt and delay before each wait, and may be async."""
    told: list[tuple[str, int, float]] = []

    def note(error: FivetranError, attempt: int, delay: float) -> None:
        told.append((type(error).__name__, attempt, delay))

    async def note_later(error: FivetranError, attempt: int, delay: float) -> None:
        await asyncio.sleep(0)
        note(error, attempt, delay)

    policy = RetryPolicy(jitter=False, on_retry=note if kind == "sync" else note_later)
    async with (
        FaultServer(refusal(503), faults.RESET, ONE_GROUP) as server,
        session_at(server.url, retry=policy, _clock=clock) as fivetran,
    ):
        await fivetran.groups.get("g")
    assert told == [("ServerError", 1, 1), ("ConnectionLostError", 2, 2)]


async def test_a_failing_on_retry_does_not_stop_the_retry(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """An error in `on_retry` is logged; the call goes on."""

    def fail(*_: object) -> None:
        raise RuntimeError("mine")

    async with (
        FaultServer(refusal(503), ONE_GROUP) as server,
        session_at(server.url, retry=RetryPolicy(on_retry=fail), _clock=clock) as fivetran,
    ):
        await fivetran.groups.get("g")
    assert "RetryEvent hook failed" in caplog.text


async def test_retry_can_be_turned_off(clock: FakeClock) -> None:
    """`max_attempts=1` sends once."""
    async with (
        FaultServer(*[refusal(503)] * 9) as server,
        session_at(server.url, retry=ONCE, _clock=clock) as fivetran,
    ):
        error = await failure_of(fivetran)
    assert (error.attempts, len(server.requests)) == (1, 1)


async def test_a_dead_api_is_not_hammered(clock: FakeClock) -> None:
    """Once a session has spent its retries, calls to an API that only fails are sent once."""
    calls = 100
    async with (
        FaultServer(answer=lambda _: refusal(503)) as server,
        session_at(server.url, _clock=clock, limiter=None) as fivetran,
    ):
        for _ in range(calls):
            await failure_of(fivetran)
        spent = len(server.requests)
        for _ in range(10):
            await failure_of(fivetran)
    assert calls < spent <= 1.4 * calls
    assert len(server.requests) - spent == 10


async def test_successes_pay_retries_back(clock: FakeClock) -> None:
    """An API that fails one time in two costs a session none of its retries."""
    flaky = [step for _ in range(40) for step in (refusal(503), ONE_GROUP)]
    async with (
        FaultServer(*flaky) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        for _ in range(40):
            await fivetran.groups.get("g")
        assert fivetran._transport.core.bucket.tokens == RetryBucket.CAPACITY
    assert len(server.requests) == 80


async def test_with_retry_is_one_layer(clock: FakeClock) -> None:
    """Inside `with_retry` calls are not retried themselves: 3 wire requests, not 9."""
    async with (
        FaultServer(answer=lambda _: refusal(503)) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        with pytest.raises(ServerError) as caught:
            await with_retry(lambda: fivetran.groups.get("g"), STEADY, _clock=clock)
    assert len(server.requests) == 3
    assert clock.sleeps == [1, 2]
    assert caught.value.__context__ is None


async def test_a_task_that_outlives_its_attempt_retries_its_calls(clock: FakeClock) -> None:
    """
    A task born inside `with_retry` inherits "one layer" for as long as that layer is there.

    Siblings: tasks of a task, `with_retry` inside another, and tasks within the attempt.
    """
    tasks: list[asyncio.Task[object]] = []
    over, after = asyncio.Event(), asyncio.Event()

    async with (
        FaultServer(answer=lambda _: refusal(503)) as server,
        session_at(server.url, retry=STEADY, _clock=clock) as fivetran,
    ):

        async def call(start: asyncio.Event | None) -> object:
            if start is not None:
                await start.wait()
            return await fivetran.groups.get("g")

        async def call_in_a_task() -> object:
            await over.wait()
            return await asyncio.create_task(call(None))

        async def inner() -> None:
            tasks.append(asyncio.create_task(call_in_a_task()))

        async def work() -> None:
            tasks.append(asyncio.create_task(call(over)))
            await with_retry(inner)
            inside = await asyncio.gather(asyncio.create_task(call(None)), return_exceptions=True)
            assert [getattr(error, "attempts", 0) for error in inside] == [1]
            after.set()

        await with_retry(work, STEADY, _clock=clock)
        assert after.is_set()
        over.set()
        errors = await asyncio.gather(*tasks, return_exceptions=True)
    assert [getattr(error, "attempts", 0) for error in errors] == [3, 3]
    assert len(server.requests) == 7


async def test_nested_with_retry_is_one_layer_too(clock: FakeClock) -> None:
    """A `with_retry` inside another leaves retries to the outer one."""
    async with (
        FaultServer(answer=lambda _: refusal(503)) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):

        async def inner() -> object:
            return await with_retry(lambda: fivetran.groups.get("g"), STEADY, _clock=clock)

        with pytest.raises(ServerError):
            await with_retry(inner, STEADY, _clock=clock)
    assert len(server.requests) == 3


@pytest.mark.parametrize("fault", [faults.RESET, refusal(500)], ids=str)
async def test_with_retry_never_repeats_an_ambiguous_outcome(
    fault: faults.Fault, clock: FakeClock
) -> None:
    """A create without a response is not retried by an outer retry either."""
    async with (
        FaultServer(*[fault] * 9) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        with pytest.raises(AmbiguousOutcomeError):
            await with_retry(lambda: fivetran.groups.create(name="n"), STEADY, _clock=clock)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "answer", [success({"name": "n"}, status=201), success(status=201)], ids=["no id", "no data"]
)
async def test_with_retry_does_not_repeat_an_accepted_create(
    answer: faults.Fault, clock: FakeClock
) -> None:
    """A create that the API accepted with an unusable response would be doubled by a retry."""
    async with (
        FaultServer(*[answer] * 9) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        with pytest.raises(ResultMissingError):
            await with_retry(lambda: fivetran.groups.create(name="n"), STEADY, _clock=clock)
    assert len(server.requests) == 1


async def test_with_retry_repeats_a_unit_of_work_from_its_start(clock: FakeClock) -> None:
    """The function is called once for each attempt."""
    async with (
        FaultServer(ONE_GROUP, refusal(503), ONE_GROUP, success(GROUP)) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):

        async def both() -> tuple[str, str]:
            first = await fivetran.groups.get("first")
            second = await fivetran.groups.get("second")
            return first.id, second.id

        assert await with_retry(both, STEADY, _clock=clock) == ("decent_dropsy", "decent_dropsy")
    assert [request.target[-6:] for request in server.requests] == [
        "/first",
        "second",
        "/first",
        "second",
    ]


async def test_with_retry_leaves_other_errors_alone(clock: FakeClock) -> None:
    """An exception that is not of this package passes at once."""
    calls = 0

    async def fail() -> None:
        nonlocal calls
        calls += 1
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await with_retry(fail, _clock=clock)
    assert (calls, clock.sleeps) == (1, [])


async def test_with_retry_keeps_its_own_deadline_and_callback(clock: FakeClock) -> None:
    """The policy given to `with_retry` is what counts for it."""
    told: list[int] = []
    policy = RetryPolicy(
        max_attempts=9,
        jitter=False,
        deadline=4,
        on_retry=lambda _, attempt, __: told.append(attempt),
    )
    async with (
        FaultServer(answer=lambda _: refusal(503)) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        with pytest.raises(ServerError):
            await with_retry(lambda: fivetran.groups.get("g"), policy, _clock=clock)
    assert clock.sleeps == [1, 2]
    assert told == [1, 2]


async def test_calls_after_with_retry_repeat_themselves_again(clock: FakeClock) -> None:
    """What `with_retry` turns off is on again afterwards."""
    async with (
        FaultServer(ONE_GROUP, refusal(503), ONE_GROUP) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        await with_retry(lambda: fivetran.groups.get("g"), _clock=clock)
        await fivetran.groups.get("g")
    assert len(server.requests) == 3


async def test_a_cancelled_wait_passes_on(clock: FakeClock) -> None:
    """Cancelling during a wait between attempts is a cancellation, and nothing more is sent."""
    sleeping = asyncio.Event()

    class SlowClock(FakeClock):
        async def sleep(self, seconds: float) -> None:
            sleeping.set()
            await asyncio.sleep(seconds + 3600)

    async with (
        FaultServer(refusal(503), ONE_GROUP) as server,
        session_at(server.url, _clock=SlowClock()) as fivetran,
    ):
        task = asyncio.create_task(fivetran.groups.get("g"))
        await sleeping.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(server.requests) == 1
    assert clock.sleeps == []


@pytest.mark.parametrize(
    ("error", "attempt", "seconds"),
    [
        (FivetranError(), 1, 1),
        (FivetranError(), 2, 2),
        (FivetranError(), 3, 4),
        (FivetranError(), 6, 30),
        (FivetranError(), 10_000, 30),
        (FivetranError(retry_after=60), 1, 60),
        (FivetranError(retry_after=0), 1, 1),
        (ValueError(), 2, 2),
    ],
)
def test_delay_for(error: Exception, attempt: int, seconds: float) -> None:
    """Without jitter: 1, 2, 4 seconds and so on up to 30, and a `Retry-After` in full."""
    assert RetryPolicy().delay_for(error, attempt) == seconds


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (ServerError(fault=Fault.UNAVAILABLE), True),
        (ServerError(fault=Fault.OTHER_SERVER_ERROR), False),
        (RateLimitedError(fault=Fault.RATE_LIMITED, retry_after=60), True),
        (RateLimitedError(fault=Fault.RATE_LIMITED, retry_after=61), False),
        (ConnectError(fault=Fault.NOT_SENT), True),
        (CertificateError(fault=Fault.CERTIFICATE), False),
        (NotFoundError(fault=Fault.OTHER_CLIENT_ERROR), False),
        (AmbiguousOutcomeError(fault=Fault.DROPPED), False),
        (StatusError(), False),
        (TimeoutError(), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_is_retryable(error: Exception, *, retryable: bool) -> None:
    """The default policy retries what a read may retry, within `max_retry_after`."""
    assert RetryPolicy().is_retryable(error) is retryable


@pytest.mark.parametrize("retry_class", ["read", "dangerous"])
async def test_an_error_knows_whether_its_call_may_be_repeated(
    retry_class: RetryClass, clock: FakeClock
) -> None:
    """`is_retryable` uses the retry class of the call that failed."""
    async with (
        FaultServer(answer=lambda _: refusal(503)) as server,
        session_at(server.url, retry=ONCE, _clock=clock) as fivetran,
    ):
        error = await failure_of(fivetran, VERB_OF_CLASS[retry_class], retry_class=retry_class)
    assert RetryPolicy().is_retryable(error) is (retry_class == "read")
