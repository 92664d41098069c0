"""Ends the command quietly when Ctrl-C comes while its modules are still being imported."""

from __future__ import annotations

import sys
from pathlib import PurePath
from types import TracebackType


def _is_command() -> bool:
    """Return True in a process of the script or of `python -m fivetran_async`."""
    if PurePath(sys.argv[0]).stem == "fivetran-async":
        return True
    words = sys.orig_argv
    return any(words[i : i + 2] == ["-m", "fivetran_async"] for i in range(len(words)))


def _excepthook(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    # Python itself then ends the process as the signal would.
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)


if sys.argv and _is_command():
    sys.excepthook = _excepthook
