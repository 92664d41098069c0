"""The keys of a fleet on a Redis server: its scripts, and the entries of its stream."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, cast

import attrs

from fivetran_async._clock import at_most
from fivetran_async.integrations._extras import needs
from fivetran_async.integrations._redis_store import StoreDownError

with needs("redis", "redis"):
    from redis.asyncio import Redis as RedisClient
    from redis.exceptions import RedisError

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.commands.core import AsyncScript

T = TypeVar("T")
Body: TypeAlias = Mapping[str, object]

PATIENCE: Final = 2.0
"""Seconds that the server gets for one command."""
BLOCK: Final = 1.0
"""Seconds that a read of the stream waits on the server; less than a client's `socket_timeout`."""
_KEPT_EVENTS: Final = 10_000
_PART: Final = 100
"""Waits in one command."""

# Times are the server's, in milliseconds. Keys and waits that no one renews expire.
_NOW: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
_BEAT: Final = f"""{_NOW}
redis.call('ZADD', KEYS[2], now + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
elseif not holder then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  holder = ARGV[1]
end
redis.call('SET', KEYS[5], string.format('%.0f', now) .. ' ' .. ARGV[1], 'NX')
for index = 2, 5 do redis.call('PEXPIRE', KEYS[index], 86400000) end
return {{
  holder == ARGV[1] and 1 or 0,
  redis.call('ZRANGE', KEYS[2], 0, -1),
  redis.call('HKEYS', KEYS[3]),
  redis.call('GET', KEYS[5]),
}}
"""
_LEAVE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
redis.call('ZREM', KEYS[2], ARGV[1])
"""
_ANNOUNCE: Final = f"""{_NOW}
for index = 2, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[index], string.format('%.0f', now) .. ' ' .. ARGV[index + 1])
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[1], '*', 'kind', 'wait', 'wait', ARGV[index])
end
"""
_TAKE: Final = f"""{_NOW}
return {{string.format('%.0f', now), redis.call('HMGET', KEYS[1], unpack(ARGV))}}
"""
_END: Final = """
for index = 2, #ARGV, 2 do
  redis.call('HDEL', KEYS[1], ARGV[index])
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[1], '*',
    'kind', 'end', 'wait', ARGV[index], 'body', ARGV[index + 1])
end
"""
_WITHDRAW: Final = """
for index = 2, #ARGV do
  if redis.call('HDEL', KEYS[1], ARGV[index]) == 1 then
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[1], '*', 'kind', 'gone', 'wait', ARGV[index])
  end
end
"""
# The fence never falls, also after a restart that loses the keys: it is at least the time.
# A process that has not noticed the loss of all keys does not take a lost lease for a free one.
_ACQUIRE: Final = f"""{_NOW}
if (redis.call('GET', KEYS[3]) or '') ~= ARGV[3] then return {{'0', 200, '', '0'}} end
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return {{'0', redis.call('PTTL', KEYS[1]), '', '0'}}
end
local last = redis.call('HMGET', KEYS[2], 'fence', 'token', 'at', 'intention', 'intended')
local fence = math.max(tonumber(last[1] or '0') + 1, now)
-- A process that held the lease has not reported whether it sent its trigger.
local token, at = last[4] or last[2] or '', last[5] or last[3] or now
return {{string.format('%.0f', fence), 0, token, string.format('%.0f', now - tonumber(at))}}
"""
_RENEW: Final = f"""{_NOW}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[2], 'intention', ARGV[3], 'by', ARGV[1],
    'intended', string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[2], 3600000)
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
_RESTORE: Final = f"""{_NOW}
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and ARGV[3] ~= '' then
  redis.call('HSET', KEYS[2], 'intention', ARGV[3], 'by', ARGV[1],
    'intended', string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[2], 3600000)
end
"""
_FORGET_INTENTION: Final = """
if redis.call('HGET', KEYS[2], 'by') == ARGV[1] then
  redis.call('HDEL', KEYS[2], 'intention', 'by', 'intended')
end
"""
_RENEW_ALL: Final = """
for index, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[index + 1] then redis.call('PEXPIRE', key, ARGV[1]) end
end
"""
_RELEASE: Final = f"""{_FORGET_INTENTION}
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""
_TRIGGERED: Final = f"""{_NOW}{_FORGET_INTENTION}
if tonumber(redis.call('HGET', KEYS[2], 'fence') or '0') > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[2], 'fence', ARGV[2], 'token', ARGV[3], 'at', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[2], 3600000)
return 1
"""


@attrs.frozen
class Beat:
    """
    What a process learns when it reports that it lives.

    Attributes:
        polls: Whether it polls for all.
        members: The processes that live.
        waits: The waits that are stored.
        epoch: Another text whenever the server has lost its keys.
    """

    polls: bool
    members: frozenset[str]
    waits: frozenset[str]
    epoch: str


@attrs.frozen
class FlightLease:
    """The lease of a connection, or the seconds after which to ask once more."""

    fence: str = ""
    busy_for: float = 0.0
    last_token: str = ""
    last_age: float = 0.0


@attrs.frozen
class Entry:
    """An entry of the stream."""

    kind: str
    wait: str
    body: str
    sender: str


class FleetStore:
    """The keys of one account's fleet."""

    def __init__(self, client: Redis, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._scripts: dict[str, AsyncScript] = {}
        self._reader: Redis | None = None
        self._after = ""
        pool = client.connection_pool
        # A blocked read holds a connection; the client's own pool may be small.
        kind: Callable[..., Any] = type(pool)
        self._make_reader: Callable[[], Redis] = lambda: RedisClient(
            connection_pool=kind(connection_class=pool.connection_class, **pool.connection_kwargs)
        )

    async def beat(self, member: str, lease: float) -> Beat:
        """Report that a process lives, and ask whether it is the one that polls."""
        keys = ("poller", "members", "waits", "events", "epoch")
        polls, members, waits, epoch = cast(
            "tuple[int, list[bytes | str], list[bytes | str], bytes | str]",
            await self._run(_BEAT, keys, member, _milliseconds(lease)),
        )
        found = frozenset(map(_text, members)), frozenset(map(_text, waits))
        return Beat(bool(polls), *found, _text(epoch))

    async def leave(self, member: str) -> None:
        """Let another process poll at once."""
        await self._run(_LEAVE, ("poller", "members"), member)

    async def announce(self, waits: Mapping[str, Body]) -> None:
        """Store waits for the process that polls, and wake it."""
        await self._in_parts(_ANNOUNCE, [(id, json.dumps(body)) for id, body in waits.items()])

    async def end(self, ends: Mapping[str, Body]) -> None:
        """Forget waits, and send their ends to the processes that wait."""
        await self._in_parts(_END, [(id, json.dumps(body)) for id, body in ends.items()])

    async def withdraw(self, waits: Iterable[str]) -> None:
        """Forget waits that no one waits for."""
        await self._in_parts(_WITHDRAW, [(id,) for id in waits])

    async def _in_parts(self, script: str, items: Sequence[tuple[str, ...]]) -> None:
        for first in range(0, len(items), _PART):
            part = [text for item in items[first : first + _PART] for text in item]
            await self._run(script, ("waits", "events"), _KEPT_EVENTS, *part)

    async def take(self, waits: Sequence[str]) -> Mapping[str, tuple[float, str]]:
        """Return the seconds since waits were stored, and what is stored."""
        found: dict[str, tuple[float, str]] = {}
        for first in range(0, len(waits), _PART):
            part = waits[first : first + _PART]
            now, stored = cast(
                "tuple[bytes | str, list[bytes | str | None]]",
                await self._run(_TAKE, ("waits",), *part),
            )
            for id, each in zip(part, stored, strict=True):
                if each is not None:
                    at, _, body = _text(each).partition(" ")
                    found[id] = (int(_text(now)) - int(at)) / 1000, body
        return found

    async def acquire(
        self, connection_id: str, owner: str, lease: float, epoch: str
    ) -> FlightLease:
        """Ask for the lease of a connection, from a server that has not lost its keys since."""
        keys, arguments = (*_keys_of(connection_id), "epoch"), (owner, _milliseconds(lease), epoch)
        fence, busy_for, token, age = cast(
            "tuple[bytes | str, int, bytes | str, bytes | str]",
            await self._run(_ACQUIRE, keys, *arguments),
        )
        if _text(fence) == "0":
            return FlightLease(busy_for=max(busy_for, 1) / 1000)
        return FlightLease(_text(fence), 0.0, _text(token), int(_text(age)) / 1000)

    async def renew(self, connection_id: str, owner: str, lease: float, intention: str) -> bool:
        """Extend a lease and keep the token of a trigger to come; return False if it was lost."""
        arguments = (owner, _milliseconds(lease), intention)
        return bool(await self._run(_RENEW, _keys_of(connection_id), *arguments))

    async def restore(self, connection_id: str, owner: str, lease: float, intention: str) -> None:
        """Store a lease and its intention once more, unless another process has the lease."""
        arguments = (owner, _milliseconds(lease), intention)
        await self._run(_RESTORE, _keys_of(connection_id), *arguments)

    async def renew_all(self, connections: Mapping[str, str], lease: float) -> None:
        """Extend the leases, by owner, of connections that were not lost."""
        keys = [f"flight:{connection_id}" for connection_id in connections.values()]
        await self._run(_RENEW_ALL, keys, _milliseconds(lease), *connections)

    async def release(self, connection_id: str, owner: str) -> None:
        """Give a lease back, unless it was lost."""
        await self._run(_RELEASE, _keys_of(connection_id), owner)

    async def triggered(self, connection_id: str, owner: str, fence: str, token: str) -> None:
        """Keep the token of a trigger, unless a process with a later lease has kept one."""
        await self._run(_TRIGGERED, _keys_of(connection_id), owner, fence, token)

    async def send(self, event: Body, sender: str) -> None:
        """Send a webhook event to all processes."""
        fields = {"kind": "hook", "body": json.dumps(event, default=str), "from": sender}
        await self._timed(
            self._client.xadd(
                f"{self._prefix}events",
                cast("dict[Any, Any]", fields),
                maxlen=_KEPT_EVENTS,
                approximate=True,
            )
        )

    async def read(self) -> Sequence[Entry]:
        """Return the entries since the last call, after at most a second."""
        stream = f"{self._prefix}events"
        if self._reader is None:
            self._reader = self._make_reader()
        if not self._after:
            newest = cast(
                "list[tuple[bytes | str, object]]",
                await self._timed(self._reader.xrevrange(stream, count=1)),
            )
            self._after = _text(newest[0][0]) if newest else "0-0"
        reading = self._reader.xread({stream: self._after}, block=int(BLOCK * 1000))
        response: object = await self._timed(reading, BLOCK + PATIENCE)
        entries: list[Entry] = []
        for id, fields in _entries_of(response):
            self._after = _text(id)
            texts = {_text(name): _text(value) for name, value in fields.items()}
            names = ("kind", "wait", "body", "from")
            entries.append(Entry(*(texts.get(name, "") for name in names)))
        return entries

    async def aclose(self) -> None:
        """Close the connection of the reader."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.aclose(close_connection_pool=True)

    async def _run(self, script: str, keys: Sequence[str], *arguments: str | int) -> object:
        if script not in self._scripts:
            self._scripts[script] = self._client.register_script(script)
        names = [self._prefix + key for key in keys]
        call: Callable[..., Coroutine[Any, Any, object]] = self._scripts[script]
        return await self._timed(call(keys=names, args=list(arguments)))

    async def _timed(self, call: object, seconds: float = PATIENCE) -> object:
        try:
            return await at_most(seconds, cast("Coroutine[Any, Any, object]", call))
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreDownError(f"{type(error).__name__}: {error}".rstrip(": ")) from None


def _keys_of(connection_id: str) -> Sequence[str]:
    return f"flight:{connection_id}", f"last:{connection_id}"


def _entries_of(
    response: object,
) -> Iterable[tuple[bytes | str, Mapping[bytes | str, bytes | str]]]:
    """Iterate over the entries; protocol 3 returns a dict, with one more level of lists."""
    if isinstance(response, dict):
        nested = cast("dict[object, list[list[tuple[Any, Any]]]]", response)
        for parts in nested.values():
            for part in parts:
                yield from part
        return
    for _, entries in cast("list[tuple[object, list[tuple[Any, Any]]]]", response or []):
        yield from entries


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))
