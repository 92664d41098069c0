"""Text from an account for a terminal: control characters replaced, columns aligned. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Sequence
from typing import TextIO, TypeAlias

from fivetran_async.cli._options import PROGRAM

OutputRow: TypeAlias = tuple[str, ...]

_GAP = "  "


def printable(text: str) -> str:
    """Replace control characters: a name must not be able to control the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def encodable(text: str, encoding: str | None) -> str:
    """Replace what the encoding lacks with question marks; None means that it lacks nothing."""
    return text if encoding is None else text.encode(encoding, "replace").decode(encoding)


def width_of(text: str) -> int:
    """Return the number of terminal columns that printable text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF")
        for letter in text
    )


def cut(text: str, width: int) -> str:
    """Shorten printable text to a number of terminal columns, with an ellipsis at its end."""
    if width_of(text) <= width:
        return text
    kept = ""
    room = width - 1
    for letter in text:
        room -= width_of(letter)
        if room < 0:
            break
        kept += letter
    return f"{kept}…"


def widths_of(rows: Sequence[OutputRow], at_least: Sequence[int]) -> list[int]:
    """Return the width of each column: its widest cell, or `at_least` if that is wider."""
    return [
        max(width, *(width_of(row[number]) for row in rows)) if rows else width
        for number, width in enumerate(at_least)
    ]


def aligned(
    rows: Sequence[OutputRow], widths: Sequence[int], numbers: Collection[int] = ()
) -> Iterator[str]:
    """Align rows in columns; the columns in `numbers` are right-aligned."""
    for row in rows:
        cells = (
            _padded(cell, width, right=number in numbers)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield _GAP.join(cells).rstrip()


def _padded(text: str, width: int, *, right: bool) -> str:
    blanks = " " * (width - width_of(text))
    return blanks + text if right else text + blanks


def write_error(stream: TextIO, text: str) -> None:
    """Write an error message without control characters; lines after the first are indented."""
    first, *others = text.split("\n")
    write_line(stream, f"{PROGRAM}: {printable(first)}")
    for line in others:
        write_line(stream, f"  {printable(line)}")


def write_line(stream: TextIO, line: str) -> None:
    """Write a line; characters that the stream cannot encode become question marks."""
    stream.write(encodable(line, stream.encoding) + "\n")
