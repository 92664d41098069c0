"""The words that HOUSE rules out, and the texts of a module that are held to them."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from typing import Final

INSTEAD: Final[Mapping[str, str]] = {
    r"(un)?told|tells?|telling": "reported, returned, logged, raised",
    r"says?|said|saying": "returns, states, documents",
    r"answer(s|ed|ing)?": "response, respond",
    r"whose|of which|that which": "a new sentence that repeats the noun",
    r"(who|some|any|every|no)body|whoever|whomever": "callers, users, no caller",
    r"so many|so much|but for|for ever": "N, except, indefinitely",
    r"as it was|as they were": "unchanged",
    r"by whatever \w+": "however",
    r"(?<!there )(is|are|was|were) (?-i:none)": "is missing, is not one",
    r"(?<!there )(is|are|was|were) no(?! longer)": "is not a, is missing",
    r"the same again": "retried",
    r"again(?=\s*([.,;:)]|$))": "retried, a second time",
    r"anew|afresh": "from the start",
    r"shall": "must, can",
}
"""Regular expressions over prose, each with the words to write instead."""

_WORDS: Final = {
    re.compile(rf"\b({pattern})\b", re.IGNORECASE): instead for pattern, instead in INSTEAD.items()
}
_NOT_PROSE: Final = re.compile(r"`[^`]*`|<[^<>\s]+>|\S+://\S+")
"""Code, links and addresses."""

_SENTENCE: Final = 3
"""Words that make a string a text for people; shorter strings are names and keys."""


def faults_of(text: str) -> list[str]:
    """List the words of a text that are ruled out, each with what to write instead."""
    prose = " ".join(_NOT_PROSE.sub("``", text).split())
    return [
        f"{found[0]!r}: write {instead}"
        for pattern, instead in _WORDS.items()
        for found in pattern.finditer(prose)
    ]


def texts_of(source: str, *, strings: bool) -> Iterator[tuple[int, str]]:
    """
    List the texts of a module with their lines: docstrings, comments, and strings of a sentence.

    Args:
        source: The source code.
        strings: True to include strings that are not docstrings, such as messages.
    """
    yield from _comments_of(source)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and _is_text(node.value):
            yield node.lineno, _value_of(node.value)
        elif strings and _is_text(node) and len(_value_of(node).split()) >= _SENTENCE:
            yield node.lineno, _value_of(node)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _value_of(node: ast.AST) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""


def _comments_of(source: str) -> Iterator[tuple[int, str]]:
    """Join the comments on adjacent lines, because a sentence can continue on the next line."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    start, end, text = 0, -1, ""
    for token in tokens:
        if token.type != tokenize.COMMENT:
            continue
        line = token.start[0]
        words = token.string.lstrip("#").strip()
        if line == end + 1:
            end, text = line, f"{text} {words}"
            continue
        if text:
            yield start, text
        start, end, text = line, line, words
    if text:
        yield start, text
