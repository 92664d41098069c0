"""One account on a Redis server: the language of the script that counts there."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias, cast

import attrs

from fivetran_async._clock import at_most
from fivetran_async._quota.patience import Cause
from fivetran_async._quota.plans import (
    HOUR,
    PAID,
    REQUESTS,
    Quota,
    QuotaPlan,
    is_plausible,
    longest_window,
)
from fivetran_async._quota.windows import LONGEST_GAP, RECOVERY, RELEASE_GAP, RESERVE_SHARE
from fivetran_async.integrations._extras import needs
from fivetran_async.integrations._redis_ledger import Finished
from fivetran_async.integrations._redis_script import SCRIPT

with needs("redis", "redis"):
    from redis.exceptions import ConnectionError, RedisError  # noqa: A004 - the name that redis-py gives it

if TYPE_CHECKING:
    from redis.asyncio import Redis

_BUDGETS: Final = tuple(PAID)
_LEASE: Final = 1_000.0
"""Seconds after which a request counts as finished although its process never reported it."""
_SETTLE: Final = 2.0
"""Seconds without grants after the keys were lost, in which the processes report their counts."""
_STORE_TIMEOUT: Final = 2.0
_LATE: Final = 10.0
"""Seconds after which what a response reported as left is out of date."""

JsonObject: TypeAlias = Mapping[str, object]


class StoreDownError(Exception):
    """The Redis server did not respond, or could not do its work."""


@attrs.frozen
class StoreVerdict:
    """
    The store's response to a request that wants to start.

    Attributes:
        starts: True if it may start; it is counted.
        born: The generation of the keys; grants are given to processes that know it.
        cause: What holds the request; 0 seconds if nothing does.
        advice: What advises it to wait, so that the last part of a quota is spread out.
        limit: The hourly limit that responses reported to any process; 0 if none did.
        used: What all processes have spent of the quotas that were asked for.
        paused_for: Seconds for which those budgets are paused.
    """

    starts: bool
    born: str
    cause: Cause
    advice: Cause
    limit: int
    used: Mapping[tuple[str, Quota], int]
    paused_for: Mapping[str, float]


class Store:
    """The keys of one account on the server."""

    def __init__(self, client: Redis, prefix: str) -> None:
        self._client = client
        self._script = client.register_script(SCRIPT)
        self._keys = [prefix + "state", *(prefix + name for name in _BUDGETS)]

    async def exchange(
        self,
        plan: QuotaPlan,
        *,
        over: Sequence[JsonObject] = (),
        known: JsonObject | None = None,
        want: JsonObject | None = None,
    ) -> StoreVerdict:
        """
        Report finished requests, and ask whether one more may start.

        Raises:
            StoreDownError: The store did not respond in time, or with an error.
        """
        asked: dict[str, object] = {
            "over": over,
            "quotas": [
                [[quota.limit, _micro(quota.seconds)] for quota in plan[name]] for name in _BUDGETS
            ],
            "hour": _micro(HOUR),
            "keep": _micro(max(longest_window(plan), HOUR)),
            "lease": _micro(_LEASE),
            "settle": _micro(_SETTLE),
            "recovery": _micro(RECOVERY),
            "release_gap": _micro(RELEASE_GAP),
            "longest_gap": _micro(LONGEST_GAP),
            "reserve_share": RESERVE_SHARE,
        }
        if known is not None:
            asked["known"] = known
        if want is not None:
            asked["want"] = want
        return _verdict(await self._run(json.dumps(asked)), plan)

    async def _call(self, asked: str) -> object:
        try:
            response: object = await self._script(keys=self._keys, args=[asked])
        except ConnectionError:
            # The server was restarted: other idle connections of the client are dead too.
            await self._client.connection_pool.disconnect(inuse_connections=False)
            # A request that was counted already is the same member of the same set.
            response = await self._script(keys=self._keys, args=[asked])
        return response

    def forget_connections(self) -> None:
        """Drop the client's connections: they belong to an event loop that was closed."""
        # Not `disconnect`, which needs that loop.
        reset: Callable[[], None] = self._client.connection_pool.reset
        reset()

    async def _run(self, asked: str) -> object:
        try:
            return await at_most(_STORE_TIMEOUT, self._call(asked))
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreDownError(f"{type(error).__name__}: {error}".rstrip(": ")) from None


def _verdict(response: object, plan: QuotaPlan) -> StoreVerdict:
    starts, born, needed, cause, advised, advice, limit, seen = cast(
        "tuple[int, bytes | str, int, int, int, int, int, list[tuple[int, int, int]]]", response
    )
    used: dict[tuple[str, Quota], int] = {}
    paused_for: dict[str, float] = {}
    for index, nth, figure in seen:
        name = _BUDGETS[index - 1]
        if nth:
            used[name, plan[name][nth - 1]] = figure
        else:
            paused_for[name] = figure / 1e6
    holds = _BUDGETS[cause - 1]
    paused = paused_for.get(holds, 0.0)
    return StoreVerdict(
        starts=bool(starts),
        born=born.decode() if isinstance(born, bytes) else born,
        cause=Cause(holds, needed / 1e6, paused),
        advice=Cause(_BUDGETS[advice - 1], advised / 1e6, 0.0),
        limit=limit,
        used=used,
        paused_for=paused_for,
    )


def finished_request(
    finished: Finished, now: float, plan: QuotaPlan, *, learns: bool
) -> JsonObject:
    """Return what the store must learn of a finished request."""
    budgets, report = finished.budgets, finished.report
    pause = report.pause
    drawn = _indexes(budgets)
    refused = [] if pause is None else drawn[1:] if budgets and report.remaining != 0 else [1]
    longest = longest_window({name: plan[name] for name in (REQUESTS, *budgets)})
    news: dict[str, object] = {
        "id": finished.id,
        "budgets": drawn,
        "counts": finished.counts,
        "age": _micro(now - finished.at),
        "refused": refused,
        "pause": _micro(min(pause or 0.0, longest)),
    }
    limit, remaining = report.limit, report.remaining
    if not report.is_consistent or (limit is not None and not is_plausible(limit)):
        return news
    if learns and limit:
        news["limit"] = limit
    hourly = plan[REQUESTS][-1:]
    is_hourly = bool(hourly) and hourly[0].seconds == HOUR
    if remaining is not None and pause is None and is_hourly and now - finished.at < _LATE:
        news |= {"remaining": remaining, "quota": hourly[0].limit}
        if learns and limit:
            news["quota"] = limit
    return news


def running_request(id: str, budgets: tuple[str, ...]) -> dict[str, object]:
    """Return what the store must learn of a request in flight."""
    return {"id": id, "budgets": _indexes(budgets)}


def wish(id: str, budgets: tuple[str, ...], *, born: str, left: float) -> JsonObject:
    """Return the wish to start a request that waits for `left` more seconds."""
    patience = {} if left == math.inf else {"left": max(0, _micro(left))}
    return {"id": id, "budgets": _indexes(budgets), "born": born, **patience}


LOOK: Final[JsonObject] = {"look": True, "budgets": list(range(1, len(_BUDGETS) + 1))}
"""The wish to know how all budgets stand."""


def _indexes(budgets: tuple[str, ...]) -> list[int]:
    return [1, *(_BUDGETS.index(name) + 1 for name in budgets)]


def _micro(seconds: float) -> int:
    return math.ceil(seconds * 1e6)
