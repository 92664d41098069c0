"""The library's warnings during a command, printed like the command's own errors."""

from __future__ import annotations

import contextlib
import logging
import sys
import warnings
from collections.abc import Generator

from fivetran_async.cli._text import write_error
from fivetran_async.options import logger


class _WarningHandler(logging.Handler):
    """Print warnings on stderr while the library's logger has no other handler."""

    def emit(self, record: logging.LogRecord) -> None:
        # With FIVETRAN_LOG, the session adds its own handler after this one.
        if logger.handlers != [self]:
            return
        # A failed write must not fail the request that the warning is about.
        with contextlib.suppress(OSError):
            # Look stderr up for each line: rich replaces it to keep lines clear of the spinner.
            write_error(sys.stderr, record.getMessage())


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    write_error(sys.stderr, str(message))


@contextlib.contextmanager
def warnings_on_stderr() -> Generator[None]:
    """Print the library's warnings like errors, unless the process has configured logging."""
    with warnings.catch_warnings():
        # Of Python's own form, people at a terminal need only the message.
        warnings.showwarning = _show_warning
        with _logged_warnings():
            yield


@contextlib.contextmanager
def _logged_warnings() -> Generator[None]:
    if logger.hasHandlers():
        yield
        return
    handler = _WarningHandler(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
