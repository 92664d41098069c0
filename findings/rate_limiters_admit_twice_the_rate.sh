#!/usr/bin/env bash
# aiolimiter 1.3.0, throttled-py 3.5.0, pyrate-limiter 4.5.1.
# Guess: a limiter of 10 per second admits at most 10 in any second. One that is called
# a sliding window does so by its name; a token bucket is the kind that lets more through.
# Behaviour: after a quiet second, callers that wait get 19 of 10 within one second from
# `AsyncLimiter(10, 1)`, and about as many from the sliding window of throttled-py, which
# estimates the last second from two fixed ones. Its token bucket, and the limiter of
# pyrate-limiter, which notes each admission, keep to 10.
# Consequence: a quota of the vendor "500 a minute" that counts each call is passed in
# the first minute although the limiter was told exactly this figure. Use one that notes
# admissions, or half the figure.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    aiolimiter==1.3.0 throttled-py==3.5.0 pyrate-limiter==4.5.1
"$dir/venv/bin/python" - <<'PY'
import asyncio
import time
from collections.abc import Awaitable, Callable

import throttled.asyncio as throttled
from aiolimiter import AsyncLimiter
from pyrate_limiter import Limiter, Rate


async def most_in_a_second(admitted: Callable[[], Awaitable[bool]]) -> int:
    """Let five callers ask for three seconds; return the most that one second admitted."""
    end = time.monotonic() + 3
    times: list[float] = []

    async def ask() -> None:
        while time.monotonic() < end:
            if await admitted():
                times.append(time.monotonic())

    await asyncio.gather(*[ask() for _ in range(5)])
    return max(sum(first <= each < first + 1 for each in times) for first in times)


async def main() -> dict[str, int]:
    bucket = AsyncLimiter(10, 1)

    async def of_aiolimiter() -> bool:
        await bucket.acquire()
        return True

    def of_throttled(algorithm: str) -> Callable[[], Awaitable[bool]]:
        limiter = throttled.Throttled(
            key=algorithm, using=algorithm, quota=throttled.rate_limiter.per_sec(10), timeout=5
        )

        async def ask() -> bool:
            return not (await limiter.limit()).limited

        return ask

    noting = Limiter(Rate(10, 1000))
    return {
        "aiolimiter": await most_in_a_second(of_aiolimiter),
        "throttled-py, sliding window": await most_in_a_second(of_throttled("sliding_window")),
        "throttled-py, token bucket": await most_in_a_second(of_throttled("token_bucket")),
        "pyrate-limiter": await most_in_a_second(lambda: noting.try_acquire_async("calls")),
    }


seen = asyncio.run(main())
for name, most in seen.items():
    print(f"{name}: {most} in one second where 10 are allowed")
assert seen["aiolimiter"] >= 15 and seen["throttled-py, sliding window"] >= 15, seen
assert seen["throttled-py, token bucket"] <= 11 and seen["pyrate-limiter"] <= 11, seen
PY
