"""Which sockets this process holds: what hunters of leaks compare, before and after."""

from __future__ import annotations

import os
import stat

_OPEN_FILES = "/proc/self/fd"


def open_sockets() -> set[str]:
    """Name the sockets of this process; empty on systems that do not list them."""
    # Asked by each of thousands of tests: `pathlib`, and to follow links, take five times as long.
    return {name for number in _listed() if (name := _name(int(number)))}


def _listed() -> list[str]:
    try:
        return os.listdir(_OPEN_FILES)  # noqa: PTH208 - see above
    except FileNotFoundError:
        return []


def _name(number: int) -> str | None:
    try:
        status = os.fstat(number)
    except OSError:
        # The descriptor of the listing itself is gone by the time it is looked at.
        return None
    return f"socket:[{status.st_ino}]" if stat.S_ISSOCK(status.st_mode) else None
