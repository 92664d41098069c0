"""From arguments to an exit code; a command is imported once its arguments are right."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Generator, Sequence
from pathlib import Path

from fivetran_async.cli._options import ExitCode
from fivetran_async.cli._registry import parse
from fivetran_async.cli._text import write_error


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command that the arguments name, and return an `ExitCode`.

    It runs its own event loop, so call it from synchronous code only. With a closed stdout it does
    nothing; with a closed stderr only the exit code reports errors.

    Args:
        argv: The arguments, by default those of the process.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    if sys.stdout is None:
        return ExitCode.BROKEN_PIPE
    with _open_stderr():
        return _main(words)


@contextlib.contextmanager
def _open_stderr() -> Generator[None]:
    """Replace a missing stderr: it is None in Python if the shell has closed it."""
    if sys.stderr is not None:
        yield
        return
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
        yield


def _main(words: Sequence[str]) -> int:
    try:
        code = _serve_fake(words[1:]) if words[:1] == ["fake"] else _run(words)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        code = ExitCode.BROKEN_PIPE
    except OSError as error:
        where = f"{error.filename}: " if error.filename else "cannot write the output: "
        write_error(sys.stderr, f"{where}{error.strerror or error}")
        code = ExitCode.REFUSED
    else:
        return code
    # Otherwise Python fails once more at exit, when it flushes the buffer.
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return code


def _run(words: Sequence[str]) -> int:
    if "_ARGCOMPLETE" in os.environ:
        # A lazy import: only a shell that completes a line sets the variable.
        from fivetran_async.cli._completion import complete_words  # noqa: PLC0415

        complete_words()
    try:
        options = parse(words)
    except SystemExit as stopped:
        return int(stopped.code or 0)
    # A lazy import: help, and wrong arguments, need no HTTP client.
    from fivetran_async.cli._session import run  # noqa: PLC0415

    return run(options)


def _serve_fake(words: Sequence[str]) -> int:
    # A lazy import: the fake loads aiohttp's server.
    from fivetran_async.testing.__main__ import main as serve  # noqa: PLC0415

    try:
        return serve(words, prog="fivetran-async fake")
    except SystemExit as stopped:
        return int(stopped.code or 0)
