"""Where results go: plain text or JSON here, tables and progress in `_rich`."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Final, Protocol, TextIO, TypeAlias

from fivetran_async._types import JSONValue
from fivetran_async.cli._options import PROGRAM
from fivetran_async.cli._text import Row, aligned, encodable, printable, widths_of
from fivetran_async.cli._views import Record, Summary, Table

Tell: TypeAlias = Callable[[str], None]

HINT: Final = (
    "Plain text, because rich is not installed; for tables and progress: pip install rich"
    " (or fivetran_async with its extra: cli)\n"
)


class Output(Protocol):
    """What commands tell their results to; errors and progress go to stderr."""

    def add(self, table: Table, records: Iterable[Record]) -> None:
        """Take more rows of the one table that the command shows."""
        ...

    def end(self, summary: Summary) -> None:
        """Take what is told last, and show what is not shown yet."""
        ...

    def note(self, text: str) -> None:
        """Tell people how it goes."""
        ...

    def fail(self, text: str) -> None:
        """Tell why something did not work."""
        ...

    def working(self, text: str) -> AbstractContextManager[Tell]:
        """Show that something takes its time; the function given changes the text."""
        ...


class PlainOutput:
    """Aligned text, a page at a time, for pipes and for terminals without rich."""

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._widths: list[int] = []

    def add(self, table: Table, records: Iterable[Record]) -> None:
        """Print rows in columns that never get narrower from one call to the next."""
        rows = [tuple(map(printable, record.row)) for record in records]
        if rows and not self._widths:
            rows.insert(0, table.headings)
            self._widths = [0] * len(table.headings)
        self._widths = widths_of(rows, self._widths)
        self._print(aligned(rows, self._widths, table.numbers))

    def end(self, summary: Summary) -> None:
        """Print the labelled values, below a blank line if there was a table."""
        rows: list[Row] = [(label, printable(value)) for label, value in summary.fields]
        if rows and self._widths:
            self._print([""])
        self._print(aligned(rows, widths_of(rows, (0, 0))))

    def note(self, text: str) -> None:
        """Print a line on stderr."""
        write_line(self._stderr, printable(text))

    def fail(self, text: str) -> None:
        """Print the program's name and what went wrong, on stderr."""
        write_error(self._stderr, text)

    def working(self, text: str) -> AbstractContextManager[Tell]:  # noqa: ARG002 - no place to show it
        """Stay silent: plain text cannot take back what it has said."""
        return contextlib.nullcontext(_ignore)

    def _print(self, lines: Iterable[str]) -> None:
        for line in lines:
            write_line(self._stdout, line)
        # A reader who has left is noticed here, before the next page is asked for.
        self._stdout.flush()


class JsonOutput:
    """One JSON document at the end, for programs."""

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._found: dict[str, list[JSONValue]] = {}

    def add(self, table: Table, records: Iterable[Record]) -> None:
        """Keep the documents for the end: half an answer is no JSON."""
        self._found.setdefault(table.name, []).extend(record.document() for record in records)

    def end(self, summary: Summary) -> None:
        """Print everything."""
        # ASCII can be printed whatever the stream's encoding, and steers no terminal.
        json.dump({**self._found, **summary.document()}, self._stdout, indent=2, ensure_ascii=True)
        self._stdout.write("\n")

    def note(self, text: str) -> None:
        """Leave out what programs have no use for."""

    def fail(self, text: str) -> None:
        """Print what went wrong on stderr."""
        write_error(self._stderr, text)

    def working(self, text: str) -> AbstractContextManager[Tell]:  # noqa: ARG002 - programs do not look
        """Stay silent."""
        return contextlib.nullcontext(_ignore)


def choose_output(
    stdout: TextIO, stderr: TextIO, environment: Mapping[str, str], *, as_json: bool
) -> Output:
    """Return rich output for a terminal, JSON if asked for, and plain text in all other cases."""
    if as_json:
        return JsonOutput(stdout, stderr)
    if not _takes_colour(stdout, environment):
        return PlainOutput(stdout, stderr)
    try:
        from fivetran_async.cli._rich import RichOutput  # noqa: PLC0415 - an extra
    except ImportError:
        stderr.write(HINT)
        return PlainOutput(stdout, stderr)
    return RichOutput(stdout, stderr)


def write_error(stream: TextIO, text: str) -> None:
    """Write an error message as a harmless line."""
    write_line(stream, f"{PROGRAM}: {printable(text)}")


def write_line(stream: TextIO, line: str) -> None:
    """Write a line in what letters the stream can carry."""
    stream.write(encodable(line, stream.encoding) + "\n")


def _takes_colour(stdout: TextIO, environment: Mapping[str, str]) -> bool:
    dumb = environment.get("TERM", "") == "dumb"
    return stdout.isatty() and not dumb and not environment.get("NO_COLOR")


def _ignore(_: str) -> None:
    pass
