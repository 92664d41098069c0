"""Where results go: plain text and JSON here, tables and progress in `_rich`."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Final, Protocol, TextIO, TypeAlias

from fivetran_async._types import JSONValue
from fivetran_async.cli._text import (
    OutputRow,
    aligned,
    printable,
    widths_of,
    write_error,
    write_line,
)
from fivetran_async.cli._views import Document, OutputTable, Record, Summary

ShowProgress: TypeAlias = Callable[[str], None]

HINT: Final = (
    "Plain text, because rich is not installed. For tables and progress: pip install rich"
    " (or fivetran_async with the extra 'cli')\n"
)


class Output(Protocol):
    """Receives the results of a command; errors and progress go to stderr."""

    def add(self, table: OutputTable, records: Iterable[Record]) -> None:
        """Add rows to the command's only table."""
        ...

    def end(self, summary: Summary) -> None:
        """Add the summary, and print everything that is not printed yet."""
        ...

    def document(self, document: Document) -> None:
        """Print a JSON document, for people as for programs."""
        ...

    def note(self, text: str) -> None:
        """Report progress to people."""
        ...

    def fail(self, text: str) -> None:
        """Report an error."""
        ...

    def working(self, text: str) -> AbstractContextManager[ShowProgress]:
        """Show that work is in progress; the yielded function changes the text."""
        ...


class PlainOutput:
    """Aligned text, page by page, for pipes and for terminals without rich."""

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._widths: list[int] = []

    def add(self, table: OutputTable, records: Iterable[Record]) -> None:
        """Print rows in columns; later calls never narrow a column."""
        rows = [tuple(map(printable, record.row)) for record in records]
        if rows and not self._widths:
            rows.insert(0, table.headings)
            self._widths = [0] * len(table.headings)
        self._widths = widths_of(rows, self._widths)
        self._print(aligned(rows, self._widths, table.numbers))

    def end(self, summary: Summary) -> None:
        """Print the labelled values, after a blank line if there is a table."""
        rows: list[OutputRow] = [(label, printable(value)) for label, value in summary.fields]
        if rows and self._widths:
            self._print([""])
        self._print(aligned(rows, widths_of(rows, (0, 0))))

    def document(self, document: Document) -> None:
        """Print the document."""
        self._print(_json_of(document).splitlines())

    def note(self, text: str) -> None:
        """Print a line on stderr."""
        write_line(self._stderr, printable(text))

    def fail(self, text: str) -> None:
        """Print the program's name and the error on stderr."""
        write_error(self._stderr, text)

    def working(self, text: str) -> AbstractContextManager[ShowProgress]:  # noqa: ARG002 - plain text has none
        """Print nothing: plain text cannot be erased."""
        return contextlib.nullcontext(_ignore)

    def _print(self, lines: Iterable[str]) -> None:
        for line in lines:
            write_line(self._stdout, line)
        # Flushing detects a closed pipe before the next page is requested.
        self._stdout.flush()


class JsonOutput:
    """One JSON document at the end, for programs."""

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._found: dict[str, list[JSONValue]] = {}

    def add(self, table: OutputTable, records: Iterable[Record]) -> None:
        """Keep the documents for the end: half a document is invalid JSON."""
        self._found.setdefault(table.name, []).extend(record.document() for record in records)

    def end(self, summary: Summary) -> None:
        """Print the document."""
        self.document({**self._found, **summary.document()})

    def document(self, document: Document) -> None:
        """Print the document, which is the only one."""
        self._stdout.write(_json_of(document) + "\n")

    def note(self, text: str) -> None:
        """Print nothing: programs do not read notes."""

    def fail(self, text: str) -> None:
        """Print the error on stderr."""
        write_error(self._stderr, text)

    def working(self, text: str) -> AbstractContextManager[ShowProgress]:  # noqa: ARG002 - programs need no progress
        """Print nothing."""
        return contextlib.nullcontext(_ignore)


def _json_of(document: Document) -> str:
    # ASCII fits every encoding and contains no control sequences.
    return json.dumps(document, indent=2, ensure_ascii=True)


def choose_output(
    stdout: TextIO, stderr: TextIO, environment: Mapping[str, str], *, as_json: bool
) -> Output:
    """Return JSON output if requested, rich output for a terminal, otherwise plain text."""
    if as_json:
        return JsonOutput(stdout, stderr)
    if not _takes_colour(stdout, environment):
        return PlainOutput(stdout, stderr)
    try:
        from fivetran_async.cli._rich import RichOutput  # noqa: PLC0415 - an optional dependency
    except ImportError:
        stderr.write(HINT)
        return PlainOutput(stdout, stderr)
    return RichOutput(stdout, stderr)


def _takes_colour(stdout: TextIO, environment: Mapping[str, str]) -> bool:
    dumb = environment.get("TERM", "") == "dumb"
    return stdout.isatty() and not dumb and not environment.get("NO_COLOR")


def _ignore(_: str) -> None:
    pass
