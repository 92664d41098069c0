"""What the library logs while a command runs: lines like those of the command itself."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Generator

from fivetran_async.cli._output import write_error
from fivetran_async.options import logger


class _Told(logging.Handler):
    """Warnings on stderr, as long as nobody else takes them."""

    def emit(self, record: logging.LogRecord) -> None:
        # The session adds the handler that FIVETRAN_LOG asks for, once this one is there.
        if logger.handlers != [self]:
            return
        # A line that cannot be written must not stop the request that it is about.
        with contextlib.suppress(OSError):
            # The stderr of this moment: rich puts one there that keeps clear of the spinner.
            write_error(sys.stderr, record.getMessage())


@contextlib.contextmanager
def told_warnings() -> Generator[None]:
    """Tell what the library warns of as errors are told, unless the process logs by itself."""
    if logger.hasHandlers():
        yield
        return
    handler = _Told(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
