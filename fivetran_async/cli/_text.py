"""Text of an account on its way to a terminal: harmless, and in columns. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Sequence
from typing import TypeAlias

Row: TypeAlias = tuple[str, ...]

_GAP = "  "


def printable(text: str) -> str:
    """Keep what somebody typed into a name from steering the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def encodable(text: str, encoding: str | None) -> str:
    """Put question marks for what a stream of this encoding cannot carry; None carries all."""
    return text if encoding is None else text.encode(encoding, "replace").decode(encoding)


def width_of(text: str) -> int:
    """How many columns of a terminal printable text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF")
        for letter in text
    )


def widths_of(rows: Sequence[Row], at_least: Sequence[int]) -> list[int]:
    """How wide each column must be for its widest cell, and no narrower than it was."""
    return [
        max(width, *(width_of(row[number]) for row in rows)) if rows else width
        for number, width in enumerate(at_least)
    ]


def aligned(
    rows: Sequence[Row], widths: Sequence[int], numbers: Collection[int] = ()
) -> Iterator[str]:
    """Lay rows out in columns; those in `numbers` are flush right."""
    for row in rows:
        cells = (
            _padded(cell, width, right=number in numbers)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield _GAP.join(cells).rstrip()


def _padded(text: str, width: int, *, right: bool) -> str:
    blanks = " " * (width - width_of(text))
    return blanks + text if right else text + blanks
