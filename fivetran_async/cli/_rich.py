"""Output with rich, for terminals. No other module imports rich."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Generator, Iterable, Sequence
from typing import Final, Literal, TextIO

from rich import box
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable
from rich.text import Text

from fivetran_async.cli._output import PlainOutput, ShowProgress
from fivetran_async.cli._table import OutputTable, Record, Summary, cut_rows, fitted
from fivetran_async.cli._text import OutputRow, printable

_STYLES: Final = {
    "broken": "red",
    "delayed": "yellow",
    "failed": "red",
    "incomplete": "yellow",
    "never_synced": "yellow",
    "not_run": "yellow",
    "paused": "dim",
    "rescheduled": "yellow",
    "stale": "yellow",
    "succeeded": "green",
    "syncing": "cyan",
    "timed_out": "yellow",
}
_OF_STATES: Final = frozenset({"state", "outcome", "result", "finding"})
"""The columns and labels with coloured values; a schema named `failed` has no colour."""

_BOUNDLESS: Final = 1_000_000


class RichOutput(PlainOutput):
    """A table at the end, and a spinner on stderr until then."""

    def __init__(
        self, stdout: TextIO, stderr: TextIO, *, width: int | None = None, utc: bool = False
    ) -> None:
        super().__init__(stdout, stderr, width=width, utc=utc)
        if isinstance(stdout, io.TextIOWrapper):
            # Rich does not replace what the terminal cannot encode; make it question marks.
            stdout.reconfigure(errors="replace")
        # Names can look like markup or emoji codes; print them literally.
        self._console = Console(file=self._stdout, markup=False, emoji=False, highlight=False)
        self._table: OutputTable | None = None
        self._rows: list[OutputRow] = []

    def add(self, table: OutputTable, records: Iterable[Record]) -> None:
        """Keep the rows for the end: column widths depend on all of them."""
        self._table = table
        self._rows.extend(self._texts(record.row) for record in records)

    def end(self, summary: Summary) -> None:
        """Print the table and the labelled values."""
        has_table = self._table is not None and bool(self._rows)
        if self._table is not None and has_table:
            self._print_whole(self._fitted(self._table))
        if summary.fields:
            if has_table:
                self._console.print()
            self._console.print(self._grid_of(summary))

    def _fitted(self, table: OutputTable) -> RichTable:
        shown, rows = list(range(len(table.headings))), [table.headings, *self._rows]
        if self._width is not None:
            shown, widths = fitted(table, self._rows, self._width)
            self._note_left_out(table, shown)
            rows = cut_rows(rows, shown, widths)
        return _table_of(table, shown, rows)

    def _print_whole(self, table: RichTable) -> None:
        """Print a table at full width: the terminal wraps lines, but ids are never truncated."""
        boundless = self._console.options.update(max_width=_BOUNDLESS)
        needed = self._console.measure(table, options=boundless).maximum
        self._console.width = max(self._console.width, needed)
        self._console.print(table)

    def _grid_of(self, summary: Summary) -> RichTable:
        grid = RichTable.grid(padding=(0, 2, 0, 0))
        grid.add_column(style="bold")
        grid.add_column(overflow="fold")
        for label, text in self._labelled(summary):
            grid.add_row(Text(label), _cell(label, text))
        return grid

    @contextlib.contextmanager
    def working(self, text: str) -> Generator[ShowProgress]:
        """Show a spinner, the text and the elapsed time if stderr is a terminal."""
        if not self._stderr.isatty():
            # Before 14.3, rich prints an empty line for a hidden progress bar.
            with super().working(text) as progress:
                yield progress
            return
        console = Console(file=self._stderr, markup=False, emoji=False, highlight=False)
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task(printable(text), total=None)
            yield lambda now: progress.update(task, description=printable(now))


def _table_of(table: OutputTable, shown: Sequence[int], rows: Sequence[OutputRow]) -> RichTable:
    # Two columns between cells, and none around the table, as `fitted` counts.
    made = RichTable(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        header_style="bold",
    )
    headings, *others = rows
    for index, heading in zip(shown, headings, strict=True):
        justify: Literal["left", "right"] = "right" if index in table.numbers else "left"
        made.add_column(Text(printable(heading)), justify=justify, no_wrap=True)
    names = [table.headings[index] for index in shown]
    for row in others:
        made.add_row(*map(_cell, names, row))
    return made


def _cell(heading: str, text: str) -> Text:
    style = _STYLES.get(text, "") if heading in _OF_STATES else ""
    return Text(text, style=style)
