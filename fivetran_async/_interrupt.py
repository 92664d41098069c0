"""
Ends the command quietly when Ctrl-C comes before it runs, or after.

While modules are imported there is nothing to clean up, and a `KeyboardInterrupt` would be printed
with its traceback, or swallowed by a callback of the garbage collector. So the signal ends the
process at once, except while the command runs.
"""

from __future__ import annotations

# Nothing else yet, not even `typing`: the signal may come at any moment.
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import TypeVar

    T = TypeVar("T")


def _is_command() -> bool:
    """Return True in a process of the script or of `python -m fivetran_async`."""
    program = sys.argv[0] if sys.argv else ""
    if program != "-m":
        name = program.replace("\\", "/").rpartition("/")[2]
        return name.removesuffix(".exe") == "fivetran-async"
    # Python is looking for the module: the word before the arguments, `NAME` or `-mNAME`.
    word = sys.orig_argv[-len(sys.argv)]
    module = word.partition("m")[2] if word.startswith("-") else word
    return module.partition(".")[0] == "fivetran_async"


def _excepthook(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    # Python itself then ends the process as the signal would.
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)


def interruptible(work: Callable[[], T]) -> T:
    """Call a function; while it runs, Ctrl-C raises `KeyboardInterrupt`, as elsewhere in Python."""
    if not _is_quiet:
        return work()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return work()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


_is_quiet = _is_command()
if _is_quiet:
    # For a signal that came a moment ago.
    sys.excepthook = _excepthook

import signal  # noqa: E402 - after the hook
import threading  # noqa: E402

# Shells ignore the signal in background jobs, and only the main thread may change that.
_is_quiet = (
    _is_quiet
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    and threading.current_thread() is threading.main_thread()
)
if _is_quiet:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
