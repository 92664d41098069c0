"""The word list of CONTRIBUTING, and the texts of a Python file to compare with it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from support.pages import ROOT
from support.sources import statements_in

CONTRIBUTING: Final = ROOT / ".github" / "CONTRIBUTING.md"
_ROW: Final = re.compile(r'(?m)^\| (".*?) \|.*\n')

_PATTERNS: Final = {
    "again": r"again(?=\s*(?:[.,;:)]|$))",
    "is no": r"(?<!there )is no(?! longer)",
    "is none": r"(?<!there )is (?-i:none)",
}
"""Words that are found in some contexts only: at the end of a clause, not after "there"."""

_NOT_PROSE: Final = re.compile(r"`[^`]*`|<[^<>\s]+>|\S+://\S+")
"""Code, links and addresses."""

_SENTENCE: Final = 3
"""The number of words that makes a string a text; shorter strings are names and keys."""


def word_list() -> list[str]:
    """Return the quoted words in the first column of the table under "Language"."""
    rows: list[str] = _ROW.findall(CONTRIBUTING.read_text("utf-8"))
    return [word for row in rows for word in re.findall(r'"(.+?)"', row)]


def without_word_list(text: str) -> str:
    """Return the text of CONTRIBUTING without the rows that quote the words."""
    return _ROW.sub("", text)


def _pattern(word: str) -> str:
    return _PATTERNS.get(word) or re.escape(word)


_WORDS: Final = re.compile(rf"\b(?:{'|'.join(map(_pattern, word_list()))})\b", re.IGNORECASE)


_BETWEEN: Final = re.compile(r"(?:\\[nrt]|[\W\d])+")
"""What stands between words in a file: spaces, signs, and line ends, also those of strings."""

_LISTED: Final = "|".join(_BETWEEN.sub(" ", word) for word in word_list())
_ANYWHERE: Final = re.compile(
    rf" (?:{_LISTED.replace('is none', 'is (?-i:none)')}) ", re.IGNORECASE
)


def has_listed_words(code: str) -> bool:
    """Return False if no text of a file can contain a listed word, without parsing the file."""
    return _ANYWHERE.search(f" {_BETWEEN.sub(' ', code)} ") is not None


def unplain_words(text: str) -> list[str]:
    """Return the listed words that a text contains, each with what stands around it."""
    prose = " ".join(_NOT_PROSE.sub("``", text).split())
    return [
        prose[max(0, found.start() - 30) : found.end() + 30].strip()
        for found in _WORDS.finditer(prose)
    ]


def texts_of(source: Path, *, strings: bool = True) -> Iterator[str]:
    """
    Return the docstrings, the comments and the strings of a Python file.

    Args:
        source: The file.
        strings: False to leave out strings that are not docstrings, such as test data.
    """
    code = source.read_text("utf-8")
    yield from _comments_of(code)
    tree = ast.parse(code)
    for node in ast.walk(tree) if strings else statements_in(tree):
        if isinstance(node, ast.Expr):
            stands_alone, text = True, _text_in(node.value)
        else:
            stands_alone, text = False, _text_in(node)
        if text and (stands_alone or len(text.split()) >= _SENTENCE):
            yield text


def _text_in(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _comments_of(code: str) -> Iterator[str]:
    """
    Join the comments on adjacent lines, because a sentence can continue on the next line.

    A `#` in a string counts as a comment too: strings are read anyway, and a tokenizer takes longer
    than everything else here.
    """
    text, last = "", -1
    for number, line in enumerate(code.splitlines()):
        _, mark, comment = line.partition("#")
        if not mark:
            continue
        if text and number > last + 1:
            yield text
            text = ""
        text, last = f"{text} {comment.lstrip('#').strip()}".strip(), number
    if text:
        yield text
