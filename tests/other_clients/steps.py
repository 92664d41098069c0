"""Counts the steps of a client's program, and prints how many were done."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence


def run(name: str, steps: Sequence[Callable[[], None]]) -> None:
    """Take the steps in order, up to the first that fails; exit with 1 if one failed."""
    done = 0
    for step in steps:
        try:
            step()
        except Exception:  # noqa: BLE001 - clients raise errors of their own
            traceback.print_exc()
            print(f"{name}: failed: {step.__doc__}", file=sys.stderr)
            break
        done += 1
    print(f"{name}: {done} of {len(steps)} steps")
    if done < len(steps):
        sys.exit(1)
