"""The language of docstrings, comments, messages and test sentences: plain modern English."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from support.plain_english import has_listed_words, texts_of, unplain_words

ROOT: Final = Path(__file__).parents[2]

PENDING: Final[tuple[str, ...]] = ()
"""Files and folders that are not rewritten yet; remove each one with its rewrite."""


def modules() -> Iterator[str]:
    """List the modules of the package, the examples and the tests, as paths from the root."""
    for folder in ("fivetran_async", "examples", "tests"):
        yield from (path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*.py"))


def unplain_words_in(module: str) -> list[str]:
    """List the ruled out words of a module, each with its place and context."""
    source = ROOT / module
    if not has_listed_words(source.read_text("utf-8")):
        return []
    texts = texts_of(source, strings=not module.startswith("tests/"))
    return [f"{module}: {found}" for text in texts for found in unplain_words(text)]


MODULES: Final = sorted(modules())


def test_texts_are_plain_english() -> None:
    """Docstrings, comments, messages and test sentences use no word that CONTRIBUTING rules out."""
    finished = [module for module in MODULES if not module.startswith(PENDING)]
    assert [found for module in finished for found in unplain_words_in(module)] == []


def test_pending_modules_exist() -> None:
    """The list of pending files names only files and folders that exist."""
    assert [prefix for prefix in PENDING if not any(m.startswith(prefix) for m in MODULES)] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The error tells what to do.", True),
        ("The server answered.", True),
        ("This is no number.", True),
        ("There is no connection, and the key is no longer valid.", False),
        ("It is none.", True),
        ("It is None.", False),
        ("Call it again.", True),
        ("Read it again and compare.", False),
        ("Call `tell_retry`, or see <https://example.com/answers>.", False),
    ],
)
def test_words_are_found_in_their_context(text: str, found: bool) -> None:  # noqa: FBT001
    """Listed words are found, but not in code, links and contexts where they are plain."""
    assert bool(unplain_words(text)) is found


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("# They are so\n# many.", True),
        ('x = "so " "many"', True),
        (r'x = "so\nmany"', True),
        ("# Again", True),
        ("x = answer(y is None)", True),
        ("x = answers_of(y is None)", False),
    ],
)
def test_words_are_found_in_files(code: str, found: bool) -> None:  # noqa: FBT001
    """A file with a listed word is found, however its lines break; other files are not parsed."""
    assert has_listed_words(code) is found


def test_all_texts_of_a_file_are_read(tmp_path: Path) -> None:
    """Docstrings, joined comments and, on request, strings of a sentence are read."""
    source = tmp_path / "module.py"
    source.write_text('"""One."""\nx = 1  # Two\n# three.\ny = "four five six"\nz = "seven"\n')
    assert sorted(texts_of(source)) == ["One.", "Two three.", "four five six"]
    assert sorted(texts_of(source, strings=False)) == ["One.", "Two three."]
