"""The word list of CONTRIBUTING, and how to find its words in a text."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from support.pages import ROOT

CONTRIBUTING: Final = ROOT / ".github" / "CONTRIBUTING.md"
_ROW: Final = re.compile(r'(?m)^\| (".*?") \|.*\n')


def word_list() -> list[str]:
    """Return the quoted words in the first column of the table under "Language"."""
    rows: list[str] = _ROW.findall(CONTRIBUTING.read_text("utf-8"))
    return [word for row in rows for word in re.findall(r'"(.+?)"', row)]


def without_word_list(text: str) -> str:
    """Return the text of CONTRIBUTING without the rows that quote the words."""
    return _ROW.sub("", text)


_WORDS: Final = re.compile(
    r"\b(?:" + "|".join(map(re.escape, word_list())).replace(r"\ ", r"\s+") + r")\b", re.IGNORECASE
)


def unplain_words(text: str) -> list[str]:
    """Return the listed words that a text contains, each with what stands around it."""
    return [
        " ".join(text[max(0, found.start() - 30) : found.end() + 30].split())
        for found in _WORDS.finditer(text)
    ]


def texts_of(source: Path) -> Iterator[str]:
    """Return the comments and the strings of a Python file, docstrings included."""
    code = source.read_text("utf-8")
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
