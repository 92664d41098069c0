"""The start of the command is quick: `--version` and `--help` load little."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX times of processes")

MOST = 1.15
"""Of the time that `import aiohttp` takes."""


def seconds_of(*words: str) -> float:
    """Return the least time of the processor that a program takes, of three runs."""
    found: list[float] = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


@pytest.mark.slow
def test_the_version_is_as_quick_as_aiohttp() -> None:
    """`--version` takes at most 1.15 of the time of `import aiohttp`."""
    ours = seconds_of("-m", "fivetran_async", "--version")
    assert ours <= MOST * seconds_of("-c", "import aiohttp")
