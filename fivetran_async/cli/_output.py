"""Where results go: plain text, JSON and CSV here, tables and progress in `_rich`."""

from __future__ import annotations

import contextlib
import csv
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol, TextIO, TypeAlias

from fivetran_async._types import JSONValue
from fivetran_async.cli._options import CommandOptions
from fivetran_async.cli._table import (
    Arrangement,
    Cell,
    Document,
    OutputTable,
    Record,
    Summary,
    cell_text,
    cell_value,
    cut_rows,
    fitted,
    json_text,
)
from fivetran_async.cli._text import (
    OutputRow,
    aligned,
    encodable,
    printable,
    widths_of,
    write_error,
    write_line,
)

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

    def text(self, text: str, document: Callable[[], Document]) -> None:
        """Print a text for people, or its document for programs."""
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
    """
    Aligned text, page by page, for pipes and for terminals without rich.

    Args:
        width: The columns of the terminal; None prints all columns in full.
        utc: Print times in UTC instead of in the local time zone.
    """

    def __init__(
        self, stdout: TextIO, stderr: TextIO, *, width: int | None = None, utc: bool = False
    ) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._width = width
        self._utc = utc
        self._widths: list[int] = []
        self._shown: list[int] = []

    def add(self, table: OutputTable, records: Iterable[Record]) -> None:
        """Print rows in columns; later calls never narrow a column."""
        rows = [self._texts(record.row) for record in records]
        if not rows:
            return
        headings = tuple(map(printable, table.headings))
        if not self._widths:
            self._choose_columns(table, rows)
            self._print_rows(table, [headings, *rows])
        else:
            self._print_rows(table, rows)

    def _choose_columns(self, table: OutputTable, rows: Sequence[OutputRow]) -> None:
        self._shown = list(range(len(table.headings)))
        self._widths = [0] * len(table.headings)
        if self._width is not None:
            self._shown, self._widths = fitted(table, rows, self._width)
            self._note_left_out(table, self._shown)

    def _note_left_out(self, table: OutputTable, shown: Sequence[int]) -> None:
        left_out = [name for index, name in enumerate(table.headings) if index not in shown]
        if left_out:
            names = ", ".join(left_out)
            self.note(f"Too narrow for these columns: {names}. Choose others with --columns.")

    def _print_rows(self, table: OutputTable, rows: list[OutputRow]) -> None:
        if self._width is None:
            self._widths = widths_of(rows, self._widths)
        else:
            rows = cut_rows(rows, self._shown, self._widths)
        numbers = [at for at, index in enumerate(self._shown) if index in table.numbers]
        self._print(aligned(rows, self._widths, numbers))

    def end(self, summary: Summary) -> None:
        """Print the labelled values, after a blank line if there is a table."""
        rows: list[OutputRow] = [(label, text) for label, text in self._labelled(summary)]
        if rows and self._widths:
            self._print([""])
        self._print(aligned(rows, widths_of(rows, (0, 0))))

    def _labelled(self, summary: Summary) -> Iterable[tuple[str, str]]:
        for label, value in summary.fields:
            yield label, printable(cell_text(value, utc=self._utc))

    def _texts(self, row: Iterable[Cell]) -> OutputRow:
        return tuple(printable(cell_text(cell, utc=self._utc)) for cell in row)

    def document(self, document: Document) -> None:
        """Print the document."""
        self._print(_json_of(document).splitlines())

    def text(self, text: str, document: Callable[[], Document]) -> None:  # noqa: ARG002 - for programs
        """Print the text, line by line."""
        self._print(map(printable, text.splitlines()))

    def note(self, text: str) -> None:
        """Print lines on stderr."""
        for line in text.splitlines():
            write_line(self._stderr, printable(line))

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


class _ProgramOutput:
    """What the formats for programs share: no notes, no progress, errors on stderr."""

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        self._stdout = stdout
        self._stderr = stderr

    def note(self, text: str) -> None:
        """Print nothing: programs do not read notes."""

    def fail(self, text: str) -> None:
        """Print the error on stderr."""
        write_error(self._stderr, text)

    def working(self, text: str) -> AbstractContextManager[ShowProgress]:  # noqa: ARG002 - programs need no progress
        """Print nothing."""
        return contextlib.nullcontext(_ignore)

    def document(self, document: Document) -> None:
        """Print the document, which is the only one."""
        self._stdout.write(_json_of(document) + "\n")
        self._stdout.flush()

    def text(self, text: str, document: Callable[[], Document]) -> None:  # noqa: ARG002 - for people
        """Print the document."""
        self.document(document())


class JsonOutput(_ProgramOutput):
    """One JSON document at the end, for programs."""

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        super().__init__(stdout, stderr)
        self._found: dict[str, list[JSONValue]] = {}

    def add(self, table: OutputTable, records: Iterable[Record]) -> None:
        """Keep the documents for the end: half a document is invalid JSON."""
        self._found.setdefault(table.name, []).extend(record.document() for record in records)

    def end(self, summary: Summary) -> None:
        """Print the document."""
        self.document({**self._found, **summary.document()})


class JsonLinesOutput(_ProgramOutput):
    """One JSON document per line as results arrive; without a table, that of the summary."""

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        super().__init__(stdout, stderr)
        self._has_table = False

    def add(self, table: OutputTable, records: Iterable[Record]) -> None:  # noqa: ARG002 - each line is by itself
        """Print a line for each record."""
        self._has_table = True
        for record in records:
            self._stdout.write(json.dumps(record.document(), ensure_ascii=True) + "\n")
        self._stdout.flush()

    def end(self, summary: Summary) -> None:
        """Print the summary of a command without a table."""
        if not self._has_table:
            self._stdout.write(json.dumps(summary.document(), ensure_ascii=True) + "\n")
            self._stdout.flush()


class CsvOutput(_ProgramOutput):
    """Comma-separated values with a line of headings; without a table, those of the summary."""

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        super().__init__(stdout, stderr)
        self._writer = csv.writer(_Encodable(stdout), lineterminator="\n")
        self._has_headings = False

    def add(self, table: OutputTable, records: Iterable[Record]) -> None:
        """Print a line for each record."""
        if not self._has_headings:
            self._has_headings = True
            self._writer.writerow(heading.replace(" ", "_") for heading in table.headings)
        self._writer.writerows([_csv_value(cell) for cell in record.row] for record in records)
        self._stdout.flush()

    def end(self, summary: Summary) -> None:
        """Print the values of a summary without a table."""
        if not self._has_headings and summary.fields:
            self._writer.writerow(label.replace(" ", "_") for label, _ in summary.fields)
            self._writer.writerow([_csv_value(value) for _, value in summary.fields])
            self._stdout.flush()


class _Encodable:
    """A stream that replaces what its encoding lacks."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(encodable(text, self._stream.encoding))


def _csv_value(cell: Cell) -> str:
    value = cell_value(cell)
    if value is None:
        return ""
    return value if isinstance(value, str) else json_text(value)


class ArrangedOutput:
    """Sorts records and chooses their columns on their way to another output."""

    def __init__(self, output: Output, arrangement: Arrangement) -> None:
        self._output = output
        self._arrangement = arrangement
        self._kept: list[tuple[OutputTable, list[Record]]] = []
        self._has_table = False
        self.document = output.document
        self.text = output.text
        self.note = output.note
        self.fail = output.fail
        self.working = output.working

    def add(self, table: OutputTable, records: Iterable[Record]) -> None:
        """Pass records on; to sort them, keep them until the end."""
        self._has_table = True
        if self._arrangement.sort:
            if not self._kept:
                self._kept.append((table, []))
            self._kept[0][1].extend(records)
        else:
            self._pass_on(table, list(records))

    def _pass_on(self, table: OutputTable, records: list[Record]) -> None:
        arranged = self._arrangement.arrange(table, records)
        self._output.add(self._arrangement.table(table), arranged)

    def end(self, summary: Summary) -> None:
        """Pass everything on that is not passed on yet."""
        for table, records in self._kept:
            self._pass_on(table, records)
        self._kept.clear()
        if self._arrangement.columns and not self._has_table:
            summary = self._arrangement.summarize(summary)
        self._output.end(summary)


def _json_of(document: Document) -> str:
    # ASCII fits every encoding and contains no control sequences.
    return json.dumps(document, indent=2, ensure_ascii=True)


def choose_output(
    stdout: TextIO, stderr: TextIO, environment: Mapping[str, str], options: CommandOptions
) -> Output:
    """Return an output in the chosen format: rich for terminals, else plain text."""
    output = _output_of(stdout, stderr, environment, options)
    if not options.columns and not options.sort:
        return output
    return ArrangedOutput(output, Arrangement(options.columns, options.sort))


def _output_of(
    stdout: TextIO, stderr: TextIO, environment: Mapping[str, str], options: CommandOptions
) -> Output:
    match options.output_format:
        case "json":
            return JsonOutput(stdout, stderr)
        case "jsonl":
            return JsonLinesOutput(stdout, stderr)
        case "csv":
            return CsvOutput(stdout, stderr)
        case "table":
            pass
    width = width_of_terminal(stdout, environment)
    if not _takes_colour(stdout, environment):
        return PlainOutput(stdout, stderr, width=width, utc=options.utc)
    try:
        from fivetran_async.cli._rich import RichOutput  # noqa: PLC0415 - an optional dependency
    except ImportError:
        stderr.write(HINT)
        return PlainOutput(stdout, stderr, width=width, utc=options.utc)
    return RichOutput(stdout, stderr, width=width, utc=options.utc)


def width_of_terminal(stream: TextIO, environment: Mapping[str, str]) -> int | None:
    """Return the columns of a terminal, by `COLUMNS` or its own report; None for other streams."""
    if not stream.isatty():
        return None
    if (columns := environment.get("COLUMNS", "")).isdecimal() and int(columns) > 0:
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def _takes_colour(stdout: TextIO, environment: Mapping[str, str]) -> bool:
    dumb = environment.get("TERM", "") == "dumb"
    return stdout.isatty() and not dumb and not environment.get("NO_COLOR")


def _ignore(_: str) -> None:
    pass
