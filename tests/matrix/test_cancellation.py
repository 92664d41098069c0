"""A cancellation at every point where a call waits: it passes on, and nothing stays behind."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pytest

from fivetran_async import AsyncFivetran, ConcurrencyLimiter, RetryPolicy, with_retry
from fivetran_async._quota.limiter import InProcessLimiter
from fivetran_async.limits import Quota, RateLimits
from fivetran_async.models import Group
from matrix.cells import PromptServer, no_leaks
from matrix.tally import TALLY
from matrix.virtual_time import LoopClock, run
from support import faults
from support.faults import Fault, WireRequest
from support.samples import sample
from support.sessions import KEY, SECRET, page, refusal, success

if TYPE_CHECKING:
    import ssl

    from support.certificates import Certificates

Contexts: TypeAlias = "tuple[ssl.SSLContext, ssl.SSLContext]"

MOST_STEPS: Final = 400
STRIDE: Final = sample(3, 1)
"""A sample strikes at every third wait."""


@types.coroutine
def cancelled_at(step: int, call: Coroutine[Any, Any, object]) -> Generator[Any, Any, None]:
    """Run a coroutine in this task, and cancel the task when it waits for the given time."""
    throw: Exception | asyncio.CancelledError | None = None
    waits = 0
    while True:
        try:
            waited_for = call.send(None) if throw is None else call.throw(throw)
        except StopIteration:
            return
        throw = None
        waits += 1
        if waits == step:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        try:
            yield waited_for
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - handed on
            throw = error


def answer(request: WireRequest) -> Fault:
    """Three pages, a group, or nothing."""
    path, _, query = request.target.partition("?")
    if path == "/v1/groups" and request.verb == "GET":
        cursor = query.partition("cursor=")[2].partition("&")[0]
        return page([f"g{cursor}"], {"": "2", "2": "3"}.get(cursor))
    if path == "/v1/connections":
        return page(["c1", "c2"])
    return success({"id": "g"})


async def walk(fivetran: AsyncFivetran) -> None:
    """Three pages, one after the other."""
    async for _ in fivetran.groups.list():
        pass


async def walk_ahead(fivetran: AsyncFivetran) -> None:
    """Three pages, each fetched while the one before is used."""
    async with fivetran.groups.list().prefetch() as groups:
        async for _ in groups:
            await asyncio.sleep(0)


async def sweep(fivetran: AsyncFivetran) -> None:
    """The connections of all groups."""
    async with fivetran.fan_out(
        fivetran.groups.list(),
        lambda group: fivetran.connections.list(group_id=group.id),
        concurrency=3,
    ) as results:
        async for _ in results:
            pass


async def several(fivetran: AsyncFivetran) -> None:
    """More calls at once than there are slots."""
    async with asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(fivetran.groups.get("g"))


@dataclass(frozen=True)
class Scenario:
    """A call, and what it meets."""

    name: str
    call: Callable[[AsyncFivetran], Awaitable[object]]
    script: tuple[Fault, ...] = ()
    reused: bool = False
    """Whether there is a connection already."""
    quota: int = 1_000
    """Requests in ten seconds."""

    def __str__(self) -> str:
        return self.name


async def hurried(fivetran: AsyncFivetran) -> None:
    """More calls than slots, each with a deadline."""
    await several(fivetran.with_options(deadline=30))


async def in_bulk(fivetran: AsyncFivetran) -> None:
    """Calls of both priorities."""
    async with asyncio.TaskGroup() as group:
        group.create_task(several(fivetran.with_options(priority="bulk")))
        group.create_task(several(fivetran))


WAIT: Final = refusal(429, headers={"Retry-After": "2"})

SCENARIOS = (
    Scenario("get", lambda f: f.groups.get("g")),
    Scenario("create", lambda f: f.groups.create(name="n")),
    Scenario("delete", lambda f: f.connections.delete("c", confirm=True)),
    Scenario("sync", lambda f: f.connections.sync("c")),
    Scenario("request", lambda f: f.request("PATCH", "/v1/groups/g", body={"name": "x"})),
    Scenario("raw request", lambda f: f.request_raw("GET", "/v1/groups/g", query={"a": 1})),
    Scenario("page", lambda f: f.groups.list().page()),
    Scenario("collect", lambda f: f.groups.list().collect()),
    Scenario("take", lambda f: f.groups.list().take(2)),
    Scenario("walk", walk),
    Scenario("walk ahead", walk_ahead),
    Scenario("sweep", sweep),
    Scenario("several", several),
    Scenario("after 429", lambda f: f.groups.get("g"), (WAIT, WAIT)),
    Scenario("after 503", lambda f: f.groups.get("g"), (refusal(503), refusal(503))),
    Scenario("after drops", lambda f: f.groups.get("g"), (faults.RESET, faults.CLOSE_AFTER_HEAD)),
    Scenario("delete, dropped", lambda f: f.connections.delete("c", confirm=True), (faults.RESET,)),
    Scenario("odd answers", lambda f: f.groups.get("g"), (faults.NOT_JSON[0],)),
    Scenario("broken body", lambda f: f.groups.get("g"), (faults.SHORT_BODY, faults.BAD_GZIP)),
    Scenario("silence", lambda f: f.groups.get("g"), (faults.HANG_IN_BODY,)),
    Scenario("slow walk", walk, (refusal(500), faults.GOOD, refusal(502), faults.GOOD, WAIT)),
    Scenario("pause", lambda f: f.connections.pause("c")),
    Scenario("paginate", lambda f: f.paginate("/v1/groups", item=Group).collect()),
    Scenario("deadline", lambda f: f.with_options(deadline=30).groups.get("g"), (refusal(502),)),
    Scenario("deadlines", hurried),
    Scenario("members", lambda f: f.teams.users.list("t").collect()),
    Scenario("columns", lambda f: f.connections.schemas.get_columns("c", "s", "t")),
    Scenario("odd text", lambda f: f.groups.list().page(), (faults.NOT_JSON[3], WAIT)),
    Scenario("both priorities", in_bulk, quota=4),
    Scenario("trigger after 503", lambda f: f.connections.sync("c"), (WAIT, WAIT)),
    Scenario("quota", lambda f: f.groups.get("g"), reused=True, quota=1),
    Scenario("walk by quota", walk, quota=1),
    Scenario("several by quota", several, quota=3),
    Scenario("sweep by quota", sweep, quota=4),
    Scenario("with_retry", lambda f: with_retry(lambda: f.groups.get("g"),
                                               RetryPolicy(base_delay=0)), (refusal(500),)),
)  # fmt: skip


async def strike(scenario: Scenario, step: int, tls: Contexts | None, *, connected: bool) -> bool:
    """Cancel at one step, see that all is well; return True if the call was still under way."""
    server_context, client_context = tls or (None, None)
    limiter = ConcurrencyLimiter(2)
    async with (
        no_leaks(),
        PromptServer(answer=answer, tls=server_context) as server,
        AsyncFivetran(
            KEY,
            SECRET,
            base_url=server.url,
            limiter=limiter,
            rate_limits=RateLimits(quotas={"requests": (Quota(scenario.quota, 0.9),)}),
            timeouts=2,
            ssl_context=client_context,
            _clock=LoopClock(),
        ) as fivetran,
    ):
        if connected or scenario.reused:
            await fivetran.request("GET", "/v1/groups/g")
        server.script = list(scenario.script)

        async def call() -> None:
            await scenario.call(fivetran)

        task = asyncio.create_task(_struck(step, call()))
        await asyncio.wait((task,))
        assert task.cancelled() or task.exception() is None, (scenario, step)
        await asyncio.sleep(0)
        quotas = fivetran.limits
        assert isinstance(quotas, InProcessLimiter)
        assert (limiter.in_use, limiter.waiting) == (0, 0), (scenario, step)
        assert quotas.snapshot()["requests"].waiting == 0, (scenario, step)
        assert all(budget.in_flight == 0 for budget in quotas._account.budgets.values())
        server.script.clear()
        group = await fivetran.groups.get("g")
        assert isinstance(group, Group)
    return task.cancelled()


async def _struck(step: int, call: Coroutine[Any, Any, object]) -> None:
    await cancelled_at(step, call)


async def strike_everywhere(scenario: Scenario, tls: Contexts | None, *, connected: bool) -> int:
    """Cancel at the first wait, at a later one and so on, until the call is done before."""
    for struck, step in enumerate(range(1, MOST_STEPS, STRIDE)):
        if not await strike(scenario, step, tls, connected=connected):
            TALLY.cells("cancellations", struck)
            return struck
    raise AssertionError(f"{scenario} did not end within {MOST_STEPS} waits")


@pytest.mark.parametrize("road", ["new connection", "used connection", "TLS"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_cancellation_at_every_wait(
    scenario: Scenario, road: str, certificates: Certificates
) -> None:
    """`CancelledError` reaches the caller, nothing is held any more, and the session goes on."""
    tls = (certificates.server(), certificates.client()) if road == "TLS" else None
    connected = road == "used connection"
    assert run(lambda: strike_everywhere(scenario, tls, connected=connected)) >= 1
