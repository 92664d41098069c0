"""
A program that applies saved plans; a test kills it between any two steps.

It reads `URL PLAN` lines. For each it starts a process by a fork, which costs no imports. That
process prints its id, applies the plan and prints how many objects changed and how many failed.
"""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from pathlib import Path

from fivetran_async import AsyncFivetran, as_code


async def apply(url: str, plan_file: str) -> as_code.AppliedRun:
    """Apply a saved plan to an account."""
    plan = as_code.load_plan(Path(plan_file))
    async with AsyncFivetran("fake_key", "fake_secret", base_url=url) as fivetran:
        return await as_code.apply(fivetran, plan, confirm=plan.digest)


def say(*words: object) -> None:
    """Print a line for the test."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def work(url: str, plan_file: str) -> None:
    """Apply a plan and end this process, whatever happens."""
    say("started", os.getpid())
    try:
        run = asyncio.run(apply(url, plan_file))
        say("applied", len(run.done), len(run.errors))
    except BaseException:  # noqa: BLE001 - it is printed, and no line of the parent is run
        traceback.print_exc()
    finally:
        os._exit(0)


def main() -> None:
    """Start a process for each line, and report how it ended."""
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            work(*line.split())
        _, status = os.waitpid(pid, 0)
        say("ended", os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    # What a process needs besides, so that none of them imports it.
    AsyncFivetran("fake_key", "fake_secret", base_url="http://127.0.0.1").account  # noqa: B018
    main()
