#!/usr/bin/env bash
# stamina 26.1.0, tenacity 9.2.1, backoff 2.2.1.
# Guess: a retry decorator on an `async def` function that yields pages either
# refuses it or does nothing, as no error is raised by the call itself.
# Behaviour: backoff and tenacity do nothing, silently: the error of the third page
# reaches the caller at once. stamina does retry it: it starts the generator from
# the beginning inside the caller's `async for`, so items that the caller already
# has are yielded a second and a third time, without a sign in the stream.
# Consequence: the same line of code means "no retry" in two libraries and "at least
# once, with repeats" in the third. Put the retry around the request for one page,
# never around the iterator, or remove repeats by key before adding anything up.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    stamina==26.1.0 tenacity==9.2.1 backoff==2.2.1
"$dir/venv/bin/python" - <<'PY'
import asyncio
import logging
from collections.abc import AsyncIterator, Callable

import backoff
import stamina
import tenacity

logging.disable(logging.CRITICAL)
Pages = Callable[[], AsyncIterator[str]]


async def look(decorate: Callable[[Pages], Pages]) -> tuple[list[str], int, str]:
    """The items that a caller gets, the starts of the generator, and its error."""
    starts = 0

    async def pages() -> AsyncIterator[str]:
        nonlocal starts
        starts += 1
        yield "page 1"
        yield "page 2"
        if starts < 3:
            raise ConnectionError("page 3 failed")
        yield "page 3"

    got: list[str] = []
    error = ""
    try:
        async for page in decorate(pages)():
            got.append(page)
    except ConnectionError as caught:
        error = str(caught)
    return got, starts, error


async def main() -> None:
    by_name = {
        "backoff": await look(
            backoff.on_exception(backoff.constant, ConnectionError, max_tries=5, interval=0.01)
        ),
        "tenacity": await look(tenacity.retry(stop=tenacity.stop_after_attempt(5))),
        "stamina": await look(
            stamina.retry(on=ConnectionError, attempts=5, wait_initial=0.01, wait_jitter=0.01)
        ),
    }
    for name, (got, starts, error) in by_name.items():
        print(f"{name}: started {starts} times, got {got}, error: {error or 'none'}")
    for name in ("backoff", "tenacity"):
        assert by_name[name] == (["page 1", "page 2"], 1, "page 3 failed"), name
    again = ["page 1", "page 2"]
    assert by_name["stamina"] == (again * 3 + ["page 3"], 3, ""), by_name["stamina"]


asyncio.run(main())
PY
