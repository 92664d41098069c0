"""
One cell of the matrix: a fault, met by a call of one retry class, and everything that must hold.

The server is the worst one possible: whatever could have been applied before the fault, was.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import socket
import time
import traceback
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from fivetran_async import AmbiguousOutcomeError, AsyncFivetran, FivetranError, Timeouts
from fivetran_async._http.operation import RetryClass
from fivetran_async.models import Group
from matrix.tally import TALLY
from support.fake_clock import FakeClock
from support.faults import Fault, FaultServer
from support.open_sockets import open_sockets
from support.sessions import CLASSES, STEADY, VERB_OF_CLASS, success
from support.waiting import GRACE

if TYPE_CHECKING:
    import ssl

    import aiohttp

KEY: Final = "canary-key-7Qx"
SECRET: Final = "canary-secret-9Zw"
_SHOWN: Final = (KEY, SECRET, base64.b64encode(f"{KEY}:{SECRET}".encode()).decode())

WIRE_OF: Final = {"Y": 3, "1": 2, "N": 1, "A": 1, "-": 1}
"""Wire requests under a lasting fault: repeated, repeated once, raised, ambiguous, none."""

_numbers = itertools.count()


@dataclass(frozen=True)
class Row:
    """
    A fault, and its entries in the retry table for R S X T D K.

    `?` is where timing decides which of two rows of the table applies: repeated or done.
    """

    fault: Fault
    letters: str
    applies: bool = True
    """Whether the request may have taken effect; the server of the matrix makes it so."""

    def __str__(self) -> str:
        return self.fault.name


class PromptServer(FaultServer):
    """
    Sends every piece of a response at once.

    Else the kernel holds small ones back until the piece before was acknowledged: 0.04 seconds that
    no virtual clock knows of.
    """

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self


def answered(id: str) -> Fault:
    """The proper response, by a name that no fault has."""
    return Fault("proper response", success({"id": id}).play)


@contextlib.asynccontextmanager
async def no_leaks() -> AsyncGenerator[None]:
    """Count tasks and sockets that are left behind."""
    tasks, sockets = asyncio.all_tasks(), open_sockets()
    yield
    give_up_at = time.monotonic() + GRACE
    while asyncio.all_tasks() - tasks or open_sockets() - sockets:
        if time.monotonic() > give_up_at:
            break
        await asyncio.sleep(0.001)
    leaked_tasks, leaked_sockets = asyncio.all_tasks() - tasks, open_sockets() - sockets
    TALLY.count("leaked tasks", len(leaked_tasks))
    TALLY.count("leaked sockets", len(leaked_sockets))


def canary_session(
    url: str,
    clock: FakeClock,
    *,
    ssl_context: ssl.SSLContext | None = None,
    session: aiohttp.ClientSession | None = None,
) -> AsyncFivetran:
    """A session with credentials that would be noticed anywhere."""
    return AsyncFivetran(
        KEY,
        SECRET,
        base_url=url,
        retry=STEADY,
        timeouts=Timeouts(connect=2, total=4),
        rate_limits=None,
        max_response_bytes=4_096,
        ssl_context=ssl_context,
        session=session,
        _clock=clock,
    )


async def outcome_of(
    fivetran: AsyncFivetran, retry_class: RetryClass, path: str
) -> FivetranError | None:
    """Call once; the error, if there is one."""
    verb = VERB_OF_CLASS[retry_class]
    try:
        if retry_class == "delete":
            await fivetran.request(verb, path, retry_class=retry_class)
        else:
            group = await fivetran.request(verb, path, result=Group, retry_class=retry_class)
            if group.id != path:
                TALLY.count("lost")
    except FivetranError as error:
        return error
    return None


def look_for_secrets(error: FivetranError | None) -> None:
    """Count an error that shows a credential, in its texts or in any frame's variables."""
    if error is None:
        return
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    shown = "\n".join([str(error), repr(error), repr(vars(error)), *report.format()])
    if any(secret in shown for secret in _SHOWN):
        TALLY.count("secrets seen")


def judge(
    row: Row, retry_class: RetryClass, played: Sequence[str], error: FivetranError | None
) -> None:
    """Compare what the caller got with what the server did."""
    effects = sum(
        name == "proper response" or (name == row.fault.name and row.applies) for name in played
    )
    if (error is None and not effects) or (error and error.fate == "not_sent" and effects):
        TALLY.count("lost")
    if retry_class in {"trigger", "dangerous", "secret"} and effects > 1:
        TALLY.count("twice")


async def run_cell(
    row: Row,
    retry_class: RetryClass,
    *,
    stays: bool,
    tls: tuple[ssl.SSLContext, ssl.SSLContext] | None = None,
    reused: bool = False,
) -> None:
    """Meet the fault once, or all the time; at first, or on a connection that was used before."""
    letter = row.letters[CLASSES.index(retry_class)]
    path, clock = f"/v1/cells/{next(_numbers)}", FakeClock()
    server_context, client_context = tls or (None, None)
    async with no_leaks():
        async with (
            PromptServer(answer=lambda _: answered(path), tls=server_context) as server,
            canary_session(server.url, clock, ssl_context=client_context) as fivetran,
        ):
            if reused:
                await fivetran.request("GET", path)
            before = len(server.played)
            server.script = [row.fault] * (9 if stays else 1)
            error = await outcome_of(fivetran, retry_class, path)
        met = Met(row, retry_class, letter, stays, server.played[before:])
        met.check(error, clock)


@dataclass(frozen=True)
class Met:
    """What a cell came to."""

    row: Row
    retry_class: RetryClass
    letter: str
    stays: bool
    played: Sequence[str]

    def check(self, error: FivetranError | None, clock: FakeClock) -> None:
        """Everything that must hold."""
        TALLY.cells("faults", wire_requests=len(self.played))
        look_for_secrets(error)
        judge(self.row, self.retry_class, self.played, error)
        allowed = {1, 3} if self.letter == "?" else {WIRE_OF[self.letter]}
        if not self.stays:
            allowed = {min(number, 2) for number in allowed}
        if len(self.played) not in allowed or clock.sleeps != [1, 2][: len(self.played) - 1]:
            TALLY.count("beyond the rule")
        if self.letter != "?":
            repeated_well = not self.stays and self.letter in "Y1"
            assert (error is None) == (self.letter == "-" or repeated_well), (self, error)
        assert isinstance(error, AmbiguousOutcomeError) == (self.letter == "A"), (self, error)
