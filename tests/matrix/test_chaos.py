"""Thousands of calls against a server that fails at random, and keeps a ledger of what it did."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Final

import pytest

from fivetran_async import (
    AmbiguousOutcomeError,
    AsyncFivetran,
    ConcurrencyLimiter,
    FivetranError,
    Timeouts,
)
from fivetran_async._http.operation import RetryClass
from matrix.cells import KEY, SECRET, PromptServer, look_for_secrets, no_leaks
from matrix.tally import TALLY
from matrix.virtual_time import LoopClock, run
from support import faults
from support.faults import Fault, WireRequest, reply
from support.samples import sample
from support.sessions import CLASSES, VERB_OF_CLASS, page, refusal, success

CALLS: Final = sample(250, 700)
WORKERS: Final = 40
ITEMS_PER_PAGE: Final = 20
PAGES: Final = 10

# What happens instead of a response, and how often; `None` stands for nothing.
BEFORE: tuple[tuple[Callable[[], Fault] | None, int], ...] = (
    (None, 88),
    (lambda: refusal(429, headers={"Retry-After": "1"}), 1),
    (lambda: refusal(408), 2),
    (lambda: refusal(503, headers={"Retry-After": "1"}), 2),
    (lambda: refusal(500), 2),
    (lambda: faults.CLOSE_AFTER_REQUEST, 2),
    (lambda: refusal(409), 1),
    (lambda: refusal(401), 1),
    (lambda: faults.HANG, 1),
)
AFTER: tuple[tuple[Callable[[], Fault] | None, int], ...] = (
    (None, 86),
    (lambda: faults.RESET, 3),
    (lambda: faults.CLOSE_AFTER_REQUEST, 3),
    (lambda: faults.SHORT_BODY, 2),
    (lambda: faults.BAD_STATUS_LINE, 1),
    (lambda: refusal(502), 2),
    (lambda: reply(504, body=b"<html>"), 1),
    (lambda: faults.NOT_JSON[0], 1),
    (lambda: faults.HANG_IN_BODY, 1),
)


class ChaoticServer:
    """Applies a request or not, and responds or not; counts the requests that it applies."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - it must repeat
        self.applied: Counter[str] = Counter()
        self.arrived: Counter[str] = Counter()
        self._gone: set[str] = set()

    def answer(self, request: WireRequest) -> Fault:
        """Judge one request."""
        path, _, query = request.target.partition("?")
        self.arrived[request.target] += 1
        if fault := self._draw(BEFORE):
            return fault
        if path.startswith("/v1/walks/"):
            done = self._page(query)
        elif request.verb == "DELETE" and path in self._gone:
            done = refusal(404, "NotFound")
        else:
            if request.verb == "DELETE":
                self._gone.add(path)
            self.applied[path] += 1
            done = success({"path": path})
        return self._draw(AFTER) or done

    def _draw(self, table: tuple[tuple[Callable[[], Fault] | None, int], ...]) -> Fault | None:
        makers, weights = zip(*table, strict=True)
        maker = self._random.choices(makers, weights)[0]
        return maker() if maker is not None else None

    @staticmethod
    def _page(query: str) -> Fault:
        number = int(query.partition("cursor=")[2].partition("&")[0] or 0)
        ids = [str(number * ITEMS_PER_PAGE + index) for index in range(ITEMS_PER_PAGE)]
        return page(ids, str(number + 1) if number + 1 < PAGES else None)


async def call(fivetran: AsyncFivetran, server: ChaoticServer, number: int) -> None:
    """One call, held against the ledger."""
    retry_class: RetryClass = CLASSES[number % len(CLASSES)]
    path = f"/v1/chaos/{retry_class}/{number}"
    error = None
    try:
        data = await fivetran.request(VERB_OF_CLASS[retry_class], path, retry_class=retry_class)
        told = data == {"path": path} or (retry_class == "delete" and data is None)
        TALLY.count("lost", not told)
    except FivetranError as caught:
        error = caught
    look_for_secrets(error)
    applied = server.applied[path]
    once = retry_class in {"delete", "trigger", "dangerous", "secret"}
    TALLY.count("twice", once and applied > 1)
    in_doubt = isinstance(error, AmbiguousOutcomeError)
    assert not in_doubt or retry_class in {"trigger", "dangerous", "secret"}
    if error is None:
        TALLY.count("lost", not applied)
    elif retry_class in {"trigger", "dangerous", "secret"} and not in_doubt:
        # A plain failure is a promise that nothing was done, unless its status is 2xx.
        accepted = error.status is not None and error.status < 300
        TALLY.count("lost", bool(applied) and not accepted)
    TALLY.count("beyond the rule", server.arrived[path] > 3)


async def walk(fivetran: AsyncFivetran, number: int) -> None:
    """All pages of a list; after an error, on from where it broke off."""
    path, cursor = f"/v1/walks/{number}", None
    found: list[str] = []
    while len(found) < ITEMS_PER_PAGE * PAGES:
        try:
            pager = fivetran.paginate(path, item=dict[str, str], cursor=cursor)
            async for item in pager:
                found.append(item["id"])  # noqa: PERF401 - what came before an error counts
        except FivetranError as error:
            look_for_secrets(error)
            cursor = error.resume_cursor
    wanted = [str(index) for index in range(ITEMS_PER_PAGE * PAGES)]
    TALLY.count("lost", found != wanted)


@pytest.mark.parametrize("seed", range(sample(2, 20)))
def test_chaos(seed: int) -> None:
    """Whatever the mixture of failures, each call gets the true result, no effect comes twice."""

    async def main() -> None:
        chaotic, numbers = ChaoticServer(seed), iter(range(CALLS))

        async def work(fivetran: AsyncFivetran) -> None:
            for number in numbers:
                await call(fivetran, chaotic, number)

        async with (
            no_leaks(),
            PromptServer(answer=chaotic.answer) as server,
            AsyncFivetran(
                KEY,
                SECRET,
                base_url=server.url,
                limiter=ConcurrencyLimiter(20),
                timeouts=Timeouts(total=5),
                _clock=LoopClock(seed),
            ) as fivetran,
        ):
            await asyncio.gather(
                *(work(fivetran) for _ in range(WORKERS)),
                *(walk(fivetran, number) for number in range(5)),
            )
            requests = len(server.requests)
        TALLY.cells("random calls", CALLS + 5, wire_requests=requests)
        assert requests > CALLS

    run(main)
