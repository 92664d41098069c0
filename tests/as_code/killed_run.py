"""A program that applies the files of a folder; a test kills it between any two steps."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from fivetran_async import AsyncFivetran, as_code


async def main(url: str, plan_file: str) -> None:
    """Apply a saved plan to an account, and print how many objects were changed."""
    plan = as_code.load_plan(Path(plan_file))
    async with AsyncFivetran("fake_key", "fake_secret", base_url=url) as fivetran:
        run = await as_code.apply(fivetran, plan, confirm=plan.digest)
    print(len(run.done), len(run.errors))  # noqa: T201 - for the test


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
