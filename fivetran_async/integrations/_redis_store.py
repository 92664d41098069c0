"""What one account has on a Redis server, and the one script that reads and changes it."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeAlias, cast

import attrs

from fivetran_async._quota.windows import (
    LONGEST_GAP,
    PAID,
    RECOVERY,
    RELEASE_GAP,
    REQUESTS,
    RESERVE_SHARE,
    Plan,
    plan_of,
)
from fivetran_async.integrations._extras import needs
from fivetran_async.limits import Quota, RateLimits, Told

with needs("redis", "redis"):
    from redis.exceptions import RedisError

if TYPE_CHECKING:
    from redis.asyncio import Redis

_BUDGETS: Final = tuple(PAID)
_LEASE: Final = 1_000.0
"""Seconds after which a request whose process died is taken for over."""
_STORE_TIMEOUT: Final = 2.0

# One script for all, so that nothing can come between a look and a start. A request is one member
# of the sorted set of each budget it draws from, scored by its end; while it runs, by the end of
# its lease. All times are microseconds. It mirrors `_quota.windows.Budget`.
_SCRIPT: Final = """
local asked = cjson.decode(ARGV[1])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local state = KEYS[1]
local forgotten = math.ceil((asked.lease + asked.keep) / 1000)

local function number(field)
  return tonumber(redis.call('HGET', state, field) or '0')
end

local function foreign(window)
  local age = (now - number('foreign_since')) / window
  if age >= 1 then return 0 end
  return math.ceil(number('foreign') * (1 - age))
end

local function used(index, window)
  return redis.call('ZCOUNT', KEYS[index + 1], '(' .. string.format('%.0f', now - window), '+inf')
end

for _, over in ipairs(asked.over) do
  for _, index in ipairs(over.budgets) do
    if over.counts then
      redis.call('ZADD', KEYS[index + 1], 'XX', string.format('%.0f', now), over.id)
    else
      redis.call('ZREM', KEYS[index + 1], over.id)
    end
  end
  if over.limit then redis.call('HSET', state, 'limit', over.limit) end
  if over.remaining then
    local window = asked.hour
    local running = redis.call('ZCOUNT', KEYS[2], '(' .. string.format('%.0f', now), '+inf')
    local known = used(1, window)
    local least = over.quota - over.remaining - known
    local most = over.quota - over.remaining - (known - running)
    local spent = math.max(0, math.min(math.max(foreign(window), least), most))
    redis.call('HSET', state, 'foreign', spent, 'foreign_since', string.format('%.0f', now))
  end
  for _, index in ipairs(over.refused) do
    local till = math.max(number('paused' .. index), now + over.pause)
    redis.call('HSET', state, 'paused' .. index, string.format('%.0f', till))
  end
end

local needed, advised, seen = 0, 0, {}
local want = asked.want
if want then
  for _, index in ipairs(want.budgets) do
    local paused, last = number('paused' .. index), number('last' .. index)
    needed = math.max(needed, paused - now)
    local pace = asked.release_gap
    local longest = 0
    for nth, quota in ipairs(asked.quotas[index]) do
      local limit, window = quota[1], quota[2]
      pace, longest = math.min(pace, window / limit), math.max(longest, window)
      local others = 0
      if index == 1 and window == asked.hour then others = foreign(window) end
      local own = used(index, window)
      local left, reserve = limit - own - others, math.floor(limit / asked.reserve_share)
      seen[#seen + 1] = {index, nth, left}
      local oldest = '(' .. string.format('%.0f', now - window)
      if left <= 0 then
        local wait = window
        local blocking = redis.call('ZRANGEBYSCORE', KEYS[index + 1], oldest, '+inf',
          'WITHSCORES', 'LIMIT', string.format('%d', -left), 1)
        if blocking[2] then wait = math.min(tonumber(blocking[2]), now) + window - now end
        if others > 0 and 1 - left <= others then
          wait = math.min(wait, (1 - left) * window / others)
        end
        needed = math.max(needed, wait)
      elseif left <= reserve then
        local first = redis.call('ZRANGEBYSCORE', KEYS[index + 1], oldest, '+inf',
          'WITHSCORES', 'LIMIT', 0, 1)
        local till = math.min(tonumber(first[2] or now), now) + window - now
        local gap = math.min(asked.longest_gap, till / (left + 1))
        advised = math.max(advised, last + gap - now)
      end
    end
    if now < paused + asked.recovery then advised = math.max(advised, last + pace - now) end
    seen[#seen + 1] = {index, 0, math.ceil(math.max(0, paused - now))}
  end
  local wait = advised
  if want.left then wait = math.min(wait, want.left) end
  if needed > 0 or wait > 0 then
    return {0, math.ceil(needed), math.ceil(math.max(needed, wait)), number('limit'), seen}
  end
  for _, index in ipairs(want.budgets) do
    local key = KEYS[index + 1]
    redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now - asked.keep))
    redis.call('ZADD', key, string.format('%.0f', now + asked.lease), want.id)
    redis.call('PEXPIRE', key, forgotten)
    redis.call('HSET', state, 'last' .. index, string.format('%.0f', now))
  end
end
redis.call('PEXPIRE', state, forgotten)
return {1, 0, 0, number('limit'), seen}
"""


Wish: TypeAlias = Mapping[str, object]


class StoreDownError(Exception):
    """The Redis server did not answer."""


@attrs.frozen
class Verdict:
    """What the store says to a request that wants to start; times in seconds."""

    starts: bool
    needed: float
    wait: float
    left: Mapping[tuple[str, Quota], int]
    paused_for: Mapping[str, float]


class Store:
    """What one account has on the server: speaks the script's language."""

    def __init__(self, client: Redis, limits: RateLimits, prefix: str) -> None:
        self._script = client.register_script(_SCRIPT)
        self._keys = [prefix + "state", *(prefix + name for name in _BUDGETS)]
        self._limits = limits
        self._learned: int = 0
        self.quotas: Plan = limits.all_quotas()

    def news(self, id: str, budgets: tuple[str, ...], told: Told, *, counts: bool) -> object:
        """What to tell the store of a request that is over."""
        drawn = _indexes(budgets)
        pause = told.pause
        refused = [] if pause is None else drawn[1:] if budgets and told.remaining != 0 else [1]
        news: dict[str, object] = {
            "id": id,
            "budgets": drawn,
            "counts": counts and pause is None,
            "refused": refused,
            "pause": _micro(pause or 0),
        }
        hourly = self.quotas[REQUESTS][-1:]
        limit, remaining = told.limit, told.remaining
        if limit is None or remaining is None or remaining <= limit:
            if self._limits.learns and limit:
                news["limit"] = limit
            if remaining is not None and pause is None and hourly and hourly[0].seconds == 3600:
                news |= {"remaining": remaining, "quota": hourly[0].limit}
                if self._limits.learns and limit:
                    news["quota"] = limit
        return news

    async def exchange(self, over: list[object], want: Wish | None) -> Verdict:
        """
        Tell what is over, and ask whether one more may start.

        Raises:
            StoreDownError: No answer.
        """
        asked = {
            "over": over,
            "want": want,
            "quotas": [
                [[quota.limit, _micro(quota.seconds)] for quota in self.quotas[name]]
                for name in _BUDGETS
            ],
            "hour": _micro(3600),
            "keep": _micro(max(q.seconds for own in self.quotas.values() for q in own)),
            "lease": _micro(_LEASE),
            "recovery": _micro(RECOVERY),
            "release_gap": _micro(RELEASE_GAP),
            "longest_gap": _micro(LONGEST_GAP),
            "reserve_share": RESERVE_SHARE,
        }
        if want is None:
            del asked["want"]
        caller = cast("asyncio.Task[object]", asyncio.current_task())
        cancelled_before = caller.cancelling()
        try:
            async with asyncio.timeout(_STORE_TIMEOUT):
                answer = await self._script(keys=self._keys, args=[json.dumps(asked)])
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreDownError(f"{type(error).__name__}: {error}".rstrip(": ")) from None
        if caller.cancelling() > cancelled_before:
            # redis-py swallows a cancellation that comes at certain moments.
            raise asyncio.CancelledError
        return self._read(answer)

    def _read(self, answer: object) -> Verdict:
        starts, needed, wait, learned, seen = cast(
            "tuple[int, int, int, int, list[tuple[int, int, int]]]", answer
        )
        left: dict[tuple[str, Quota], int] = {}
        paused_for: dict[str, float] = {}
        for index, nth, figure in seen:
            name = _BUDGETS[index - 1]
            if nth:
                left[name, self.quotas[name][nth - 1]] = figure
            else:
                paused_for[name] = figure / 1e6
        if self._limits.learns and learned and learned != self._learned:
            self._learned = learned
            self.quotas = {**plan_of(learned), REQUESTS: (Quota(learned, 3600.0),)}
        return Verdict(bool(starts), needed / 1e6, wait / 1e6, left, paused_for)


def wish(id: str, budgets: tuple[str, ...], left: float) -> Wish:
    """The request that wants to start, with the seconds of its patience."""
    patience = {} if left == math.inf else {"left": _micro(left)}
    return {"id": id, "budgets": _indexes(budgets), **patience}


def _indexes(budgets: tuple[str, ...]) -> list[int]:
    return [1, *(_BUDGETS.index(name) + 1 for name in budgets)]


def _micro(seconds: float) -> int:
    return math.ceil(seconds * 1e6)
