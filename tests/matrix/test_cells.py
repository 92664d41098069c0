"""Every fault, for every class of operation: once and indefinitely, plain and over TLS."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Generator
from email.utils import formatdate
from typing import Literal

import aiohttp
import pytest

from _http.test_failures import UnknownHost
from fivetran_async import CertificateError, ConnectError, RedirectError
from fivetran_async._http.operation import RetryClass
from fivetran_async._types import Verb
from matrix.cells import Met, Row, answered, canary_session, no_leaks, outcome_of, run_cell
from matrix.tally import TALLY
from matrix.virtual_time import run
from support import faults
from support.certificates import Certificates
from support.fake_clock import FakeClock
from support.faults import Fault, FaultServer, drip, redirect, reply
from support.sessions import CLASSES, failure_of, refusal

SLOWLY = drip(b"HTTP/1.1 200 OK\r\n", interval=0.9)


def named(name: str, fault: Fault) -> Fault:
    """The same by another name."""
    return Fault(name, fault.play, fault.reads)


def told_to_wait(status: int) -> Fault:
    """A status with `Retry-After: 1`, which is what would be slept anyway."""
    return named(f"reply-{status} with Retry-After", refusal(status, headers={"Retry-After": "1"}))


ROWS = (
    *(
        Row(fault, "YYYAAA", applies=fault.reads == "request")
        for fault in (*faults.BEFORE_ANSWER, faults.HANG, SLOWLY)
    ),
    *(Row(fault, "YYYAAA") for fault in faults.BAD_FRAMING[:4]),
    *(Row(fault, "YY?AAA") for fault in faults.BAD_FRAMING[4:]),
    *(Row(fault, "YY-AAA") for fault in (*faults.UNREADABLE_BODY, faults.HANG_IN_BODY)),
    # An empty body is an error where data is expected, and a success for a delete.
    *(Row(fault, "1N-NNN") for fault in (faults.NOT_JSON[2], *faults.NOT_AN_OBJECT)),
    *(Row(fault, "1NNNNN") for fault in (*faults.NOT_JSON[:2], *faults.NOT_JSON[3:6])),
    *(Row(fault, "NNNNNN") for fault in (faults.NOT_JSON[6], *faults.OVERSIZED)),
    *(Row(refusal(status), "NNNNNN", applies=False) for status in (400, 401, 403, 404, 409, 422)),
    Row(refusal(408), "YYYYAA", applies=False),
    Row(refusal(425), "11NNNN", applies=False),
    Row(refusal(429), "YYYYYY", applies=False),
    *(Row(refusal(status), "YYYAAA") for status in (500, 502, 503, 504, 520, 524, 598)),
    *(Row(refusal(status), "NNNNNN") for status in (501, 505)),
    Row(refusal(507), "NNNAAA"),
)


@pytest.mark.parametrize("stays", [False, True], ids=["passes", "stays"])
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_fault(row: Row, *, stays: bool) -> None:
    """The caller gets the true result, nothing happens twice, the wire sees what it may."""

    async def main() -> None:
        for retry_class in CLASSES:
            await run_cell(row, retry_class, stays=stays)

    run(main)


@pytest.mark.parametrize("row", ROWS[:13], ids=str)
def test_a_fault_on_a_connection_that_was_used_before(row: Row) -> None:
    """A kept connection that breaks under a request does not permit a retry."""

    async def main() -> None:
        for retry_class in CLASSES:
            await run_cell(row, retry_class, stays=False, reused=True)

    # A connection that is closed at once was not kept: the server has to accept a new one first.
    if row.fault.reads != "nothing":
        run(main)


@pytest.mark.parametrize("row", [ROWS[1], ROWS[2], ROWS[3], *ROWS[7:9], *ROWS[14:17], ROWS[-5]],
                         ids=str)  # fmt: skip
def test_a_fault_over_tls(row: Row, certificates: Certificates) -> None:
    """Encryption changes nothing about what may be repeated."""
    contexts = certificates.server(), certificates.client()

    async def main() -> None:
        for retry_class in CLASSES:
            await run_cell(row, retry_class, stays=True, tls=contexts)

    run(main)


@contextlib.contextmanager
def unreachable(
    kind: str, certificates: Certificates
) -> Generator[tuple[str, ssl.SSLContext | None, Fault | None, str]]:
    """Where no request can arrive: its URL, or how to serve TLS that is refused."""
    if kind == "refused":
        with faults.refusing() as url:
            yield url, None, None, "Y"
    elif kind == "connect timeout":
        with faults.unanswering() as url:
            yield url, None, None, "Y"
    elif kind == "cut handshake":
        yield "", None, faults.CUT_HANDSHAKE, "Y"
    else:
        host = "127.0.0.1" if kind == "unknown authority" else "other.example"
        yield "", certificates.server(host), None, "N"


@pytest.mark.parametrize(
    "kind",
    ["refused", "connect timeout", "cut handshake", "unknown authority", "another host"],
)
def test_what_cannot_be_reached(kind: str, certificates: Certificates) -> None:
    """Nothing is sent: every class may retry, but a bad certificate does not get better."""

    async def main() -> None:
        for retry_class in CLASSES:
            clock = FakeClock()
            client = certificates.client() if kind == "another host" else None
            with unreachable(kind, certificates) as (url, context, fault, letter):
                scheme: Literal["http", "https"] = "http" if url else "https"
                async with (
                    no_leaks(),
                    FaultServer(
                        *[fault] * 9 if fault else (), tls=context, scheme=scheme
                    ) as server,
                    canary_session(url or server.url, clock, ssl_context=client) as fivetran,
                ):
                    error = await outcome_of(fivetran, retry_class, "/v1/cells/unreachable")
            assert type(error) is (ConnectError if letter == "Y" else CertificateError)
            assert server.requests == []
            # No request arrived: what is counted here are the attempts.
            row = Row(Fault(kind, answered("").play), letter * 6, applies=False)
            Met(row, retry_class, letter, True, [kind] * error.attempts).check(error, clock)  # noqa: FBT003

    run(main)


def test_a_host_without_a_name() -> None:
    """A name that does not resolve is retried, because nothing was sent."""

    async def main() -> None:
        for retry_class in CLASSES:
            clock = FakeClock()
            async with (
                no_leaks(),
                aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(resolver=UnknownHost())
                ) as own,
                canary_session("https://nowhere.invalid", clock, session=own) as fivetran,
            ):
                error = await outcome_of(fivetran, retry_class, "/v1/cells/nowhere")
            assert type(error) is ConnectError
            row = Row(Fault("no such host", answered("").play), "Y" * 6, applies=False)
            Met(row, retry_class, "Y", True, ["no such host"] * 3).check(error, clock)  # noqa: FBT003

    run(main)


NOW = 1_800_000_000

RETRY_AFTER: tuple[tuple[list[str], float], ...] = (
    (["0"], 1),
    (["1"], 1),
    (["45"], 45),
    (["1" + "0" * 20], 1),
    (["-5"], 1),
    (["2.5"], 1),
    (["nan"], 1),
    (["inf"], 1),
    ([""], 1),
    (["soon"], 1),
    ([formatdate(NOW + 30, usegmt=True)], 30),
    ([formatdate(NOW - 30, usegmt=True)], 1),
    (["Fri Jan 15 08:00:45 2027"], 45),
    (["5", "9"], 9),
    ([], 1),
)


@pytest.mark.parametrize(("values", "slept"), RETRY_AFTER, ids=str)
def test_retry_after(values: list[str], slept: float) -> None:
    """Every class waits for the requested time, no less, and then its request is done, once."""

    async def main() -> None:
        headers = [("Retry-After", value) for value in values]
        path = "/v1/cells/429"
        for retry_class in CLASSES:
            clock = FakeClock()
            async with (
                no_leaks(),
                FaultServer(reply(429, {}, headers), answer=lambda _: answered(path)) as server,
                canary_session(server.url, clock) as fivetran,
            ):
                assert await outcome_of(fivetran, retry_class, path) is None
            assert clock.sleeps == pytest.approx([slept])
            assert server.played == ["reply-429", "proper response"]
            TALLY.cells("Retry-After forms", wire_requests=2)

    run(main)


@pytest.mark.parametrize("retry_class", CLASSES)
def test_503_that_says_when(retry_class: RetryClass) -> None:
    """A server that sends Retry-After has not begun: triggers are retried, too."""
    letters = "YYYYAA"
    row = Row(told_to_wait(503), letters, applies=False)

    async def main() -> None:
        clock, path = FakeClock(), "/v1/cells/503"
        async with (
            no_leaks(),
            FaultServer(row.fault, answer=lambda _: answered(path)) as server,
            canary_session(server.url, clock) as fivetran,
        ):
            error = await outcome_of(fivetran, retry_class, path)
        letter = letters[CLASSES.index(retry_class)]
        Met(row, retry_class, letter, False, server.played).check(error, clock)  # noqa: FBT003

    run(main)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects(status: int) -> None:
    """Whatever the verb, and wherever it leads, a redirect is an error and is not followed."""
    verbs: tuple[Verb, ...] = ("GET", "POST", "PATCH", "DELETE")

    async def main() -> None:
        for verb in verbs:
            for elsewhere in (False, True):
                async with no_leaks(), FaultServer() as other, FaultServer() as server:
                    target = f"{other.url if elsewhere else server.url}/v1/there"
                    server.script = [redirect(status, target)]
                    async with canary_session(server.url, FakeClock()) as fivetran:
                        error = await failure_of(fivetran, verb)
                assert type(error) is RedirectError
                TALLY.count("secrets seen", len(other.requests))
                if len(server.requests) != 1:
                    TALLY.count("beyond the rule")
                TALLY.cells("redirects", wire_requests=1)

    run(main)
