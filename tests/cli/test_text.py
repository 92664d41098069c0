"""Printable text, in columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivetran_async.cli._text import aligned, encodable, printable, width_of, widths_of


@given(st.text())
def test_printable_text_is_printable(text: str) -> None:
    """The printable form of a text has the same length, and is its own printable form."""
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown) == len(text)
    assert printable(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;title\x07", "?[2J?]0;title?"),
        ("one\ntwo\r\tthree", "one?two??three"),
        ("\u202eright to left", "?right to left"),
        ("\x9b31m", "?31m"),
        ("Größe 表 😀", "Größe 表 😀"),
    ],
)
def test_control_characters_become_question_marks(text: str, shown: str) -> None:
    """Escapes, line ends and direction marks are replaced; letters of all languages are kept."""
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("encoding", "shown"), [("ascii", "Gr??e"), ("latin-1", "Größe"), (None, "Größe")]
)
def test_missing_letters_are_replaced(encoding: str | None, shown: str) -> None:
    """Characters that the encoding lacks become question marks; nothing is raised."""
    assert encodable("Größe", encoding) == shown


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("表", 2), ("e\u0301", 1), ("", 0)])
def test_width_is_that_on_a_terminal(text: str, width: int) -> None:
    """Wide letters take two columns, combining characters none."""
    assert width_of(text) == width


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    """Text is left-aligned, numbers are right-aligned, and lines have no trailing spaces."""
    rows = [("name", "count", ""), ("表", "7", ""), ("long name", "12", "x")]
    assert list(aligned(rows, widths_of(rows, (0, 0, 0)), numbers=(1,))) == [
        "name       count",
        "表             7",
        "long name     12  x",
    ]


def test_columns_never_get_narrower() -> None:
    """A later page keeps the widths of earlier pages."""
    assert widths_of([("a", "four")], (3, 2)) == [3, 4]
    assert widths_of([], (3, 2)) == [3, 2]
