"""Results of commands: tables with typed cells, documents, and the columns that are shown. Pure."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias, cast

import attrs

from fivetran_async._services import nearest
from fivetran_async._types import JSONValue
from fivetran_async.cli._options import UnusableOptionError
from fivetran_async.cli._text import OutputRow, cut, width_of

Cell: TypeAlias = str | int | float | bool | datetime | None
Document: TypeAlias = Mapping[str, JSONValue]
MakeDocument: TypeAlias = Callable[[], Document]

_MISSING: Final = object()
_GAP: Final = 2
_SHORTEST: Final = 6
"""The number of letters that a shortened cell keeps at least, and its heading."""


@attrs.frozen
class OutputTable:
    """
    The name and headings of a table.

    Attributes:
        name: The key of the rows' documents in the JSON output.
        headings: The heading of each column.
        numbers: The indexes of the columns that hold numbers.
        whole: The headings of columns that are never shortened to fit a terminal.
        example: Makes a document with every key. What is below an empty object is not known.
    """

    name: str
    headings: OutputRow
    numbers: Collection[int] = ()
    whole: Collection[str] = ("id", "connection", "dashboard")
    example: MakeDocument = dict[str, JSONValue]


@attrs.frozen
class Record:
    """One result: cells for people, and a function that makes the document for programs."""

    row: tuple[Cell, ...]
    document: MakeDocument


@attrs.frozen
class Summary:
    """
    The end of the output: labelled values for people, more keys of the document for programs.

    Attributes:
        fields: The labelled values; a label can occur several times.
        document: Makes the document.
        labels: All labels, also those that have no value this time.
    """

    fields: Sequence[tuple[str, Cell]] = ()
    document: MakeDocument = dict[str, JSONValue]
    labels: Sequence[str] = ()


def cell_text(cell: Cell, *, utc: bool) -> str:
    """Return a cell as people read it: times to the minute, with their zone."""
    if isinstance(cell, datetime):
        moment = cell.astimezone(UTC) if utc else _local(cell)
        return f"{moment:%Y-%m-%d %H:%M %Z}"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return "-" if cell is None else str(cell)


def _local(moment: datetime) -> datetime:
    """Return a time of a record, which is in UTC, in the local zone if it has a year there."""
    try:
        return moment.astimezone()
    except (OverflowError, OSError, ValueError):
        return moment


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def cell_value(cell: object) -> JSONValue:
    """Return a cell as programs read it: times in ISO 8601 and UTC."""
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return cast("JSONValue", cell)


@attrs.frozen
class Arrangement:
    """The columns and the order that the user chose."""

    columns: Sequence[str] = attrs.field(default=(), converter=_distinct)
    sort: Sequence[str] = ()

    def check(self, table: OutputTable) -> None:
        """
        Check all names by the table alone, for a command that changes something.

        Raises:
            UnusableOptionError: The table has no column of that name.
        """
        for option, names in (("--columns", self.columns), ("--sort", self.sort)):
            for name in (each.removeprefix("-") for each in names):
                _check_column(name, option, table, ())

    def summarize(self, summary: Summary) -> Summary:
        """
        Reduce the values of a command without a table to the chosen ones.

        Raises:
            UnusableOptionError: There is no value of that name.
        """
        document = summary.document()
        labels = summary.labels or [label for label, _ in summary.fields]
        known = set(map(heading_key, labels))
        fields: list[tuple[str, Cell]] = []
        for name in self.columns:
            found = [
                cell for label, cell in summary.fields if heading_key(label) == heading_key(name)
            ]
            value = _at(document, name)
            if not found and value is _MISSING and heading_key(name) not in known:
                raise _not_a_column(name, "--columns", labels, {*known, *_paths(document)})
            fields += [(name, cell) for cell in found or [_cell(value)]]
        return Summary(fields, functools.partial(_document_of, fields))

    def arrange(self, table: OutputTable, records: Sequence[Record]) -> list[Record]:
        """
        Sort records and reduce them to the chosen columns.

        Raises:
            UnusableOptionError: No record has a column of that name.
        """
        records = list(records)
        for name in reversed(self.sort):
            key = name.removeprefix("-")
            _check_column(key, "--sort", table, records)
            ordered = functools.partial(_order, table, key)
            records.sort(key=ordered, reverse=name != key)
        if not self.columns:
            return records
        for name in self.columns:
            _check_column(name, "--columns", table, records)
        return [self._reduced(table, record) for record in records]

    def table(self, table: OutputTable) -> OutputTable:
        """Return the table with the chosen columns."""
        if not self.columns:
            return table
        numbers = {heading_key(table.headings[index]) for index in table.numbers}
        return attrs.evolve(
            table,
            headings=tuple(self.columns),
            numbers=[n for n, name in enumerate(self.columns) if heading_key(name) in numbers],
        )

    def _reduced(self, table: OutputTable, record: Record) -> Record:
        values = {name: _value(table, record, name) for name in self.columns}
        shown = tuple(_cell(value) for value in values.values())
        document = {
            name: None if value is _MISSING else cell_value(value) for name, value in values.items()
        }
        return Record(shown, lambda: document)


def heading_key(heading: str) -> str:
    """Return the name of a column for options: `last success` is `last_success`."""
    return heading.replace(" ", "_").casefold()


def _check_column(name: str, option: str, table: OutputTable, records: Sequence[Record]) -> None:
    headings, example = [heading_key(heading) for heading in table.headings], table.example()
    if heading_key(name) in headings or _fits(example, name):
        return
    # Records can have fields that are newer than this release.
    if any(_at(record.document(), name) is not _MISSING for record in records):
        return
    raise _not_a_column(name, option, table.headings, {*headings, *_paths(example)})


def _fits(example: Document, path: str) -> bool:
    """Return True if documents like an example can have a path."""
    found: object = example
    for depth, part in enumerate(path.split(".")):
        if not isinstance(found, Mapping):
            return False
        if depth and not found:
            return True
        if part not in found:
            return False
        found = cast("Mapping[str, object]", found)[part]
    return True


def _not_a_column(
    name: str, option: str, headings: Iterable[str], known: Collection[str]
) -> UnusableOptionError:
    near = nearest(name, known)
    hint = f"; did you mean {near!r}?" if near else "."
    shown = ", ".join(dict.fromkeys(map(heading_key, headings)))
    return UnusableOptionError(
        f"{option}: {name!r} is not a column{hint} Columns are {shown}, and the "
        "paths of the --json document."
    )


def _document_of(fields: Sequence[tuple[str, Cell]]) -> Document:
    found: dict[str, list[JSONValue]] = {}
    for name, cell in fields:
        found.setdefault(name, []).append(cell_value(cell))
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _paths(document: Mapping[str, object], prefix: str = "") -> Iterable[str]:
    for key, value in document.items():
        yield prefix + key
        if isinstance(value, Mapping):
            yield from _paths(cast("Mapping[str, object]", value), f"{prefix}{key}.")


def _value(table: OutputTable, record: Record, name: str) -> object:
    for heading, cell in zip(table.headings, record.row, strict=True):
        if heading_key(heading) == heading_key(name):
            return cell
    return _at(record.document(), name)


def _at(document: Document, path: str) -> object:
    found: object = document
    for part in path.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return _MISSING
        found = cast("Mapping[str, object]", found)[part]
    return found


def _cell(value: object) -> Cell:
    if value is _MISSING:
        return None
    if value is None or isinstance(value, (str, int, float, datetime)):
        return value
    return json_text(value)


def json_text(value: object) -> str:
    """Return a value as JSON on one line."""
    # A lazy import: most commands print no nested values.
    import json  # noqa: PLC0415

    return json.dumps(value, ensure_ascii=False)


def _order(table: OutputTable, name: str, record: Record) -> tuple[int, float, str]:
    """Return a key for sorting: numbers and times, then texts, then missing values."""
    value = _value(table, record, name)
    if isinstance(value, datetime):
        return 0, value.timestamp(), ""
    if isinstance(value, (int, float)):
        return 0, value, ""
    if value is None or value is _MISSING:
        return 2, 0, ""
    return 1, 0, str(value).casefold()


def fitted(
    table: OutputTable, rows: Sequence[OutputRow], width: int
) -> tuple[list[int], list[int]]:
    """
    Choose the columns that fit a terminal, and their widths.

    The widest columns are shortened first, those in `table.whole` never. If that is not enough,
    columns are left out from the right.

    Returns:
        The indexes of the columns, and their widths.
    """
    shown = list(range(len(table.headings)))
    widths = {
        index: max(width_of(row[index]) for row in (table.headings, *rows)) for index in shown
    }
    fixed = {
        index for index in shown if table.headings[index] in table.whole or index in table.numbers
    }
    while True:
        excess = sum(widths[index] for index in shown) + _GAP * (len(shown) - 1) - width
        if excess <= 0:
            break
        flexible = [index for index in shown if index not in fixed and widths[index] > _SHORTEST]
        if flexible:
            widths[max(flexible, key=lambda index: widths[index])] -= 1
            continue
        removable = [index for index in shown if table.headings[index] not in table.whole]
        if not removable or len(shown) == 1:
            break
        shown.remove(removable[-1])
    return shown, [widths[index] for index in shown]


def cut_rows(
    rows: Iterable[OutputRow], shown: Sequence[int], widths: Sequence[int]
) -> list[OutputRow]:
    """Return the chosen columns of rows; cells that are too long end with an ellipsis."""
    return [
        tuple(cut(row[index], width) for index, width in zip(shown, widths, strict=True))
        for row in rows
    ]
