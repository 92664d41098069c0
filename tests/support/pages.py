"""The Markdown pages that people read: the README, the guides and the pages for contributors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
README: Final = ROOT / "README.md"
GUIDES: Final = tuple(sorted((ROOT / ".github" / "docs").glob("*.md")))
CONTRIBUTOR_PAGES: Final = tuple(sorted((ROOT / ".github").glob("*.md")))
PAGES: Final = (README, *GUIDES, *CONTRIBUTOR_PAGES)

LANGUAGES: Final = frozenset({"python", "shell", "console", "text"})
"""The languages of blocks; tests execute all but `text`."""

_BLOCK = re.compile(r"^```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """
    A fenced block of code.

    The info string of a block has a language and at most one other word, `output`: the block is
    what the block before it prints.
    """

    page: Path
    line: int
    language: str
    is_output: bool
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks_of(page: Path) -> Iterator[Block]:
    """Return the blocks of a page, in their order."""
    text = page.read_text("utf-8")
    for found in _BLOCK.finditer(text):
        language, _, role = found[1].partition(" ")
        line = text.count("\n", 0, found.start()) + 1
        yield Block(page, line, language, role == "output", found[2])


def blocks(language: str, *pages: Path) -> list[Block]:
    """Return the blocks in one language, of all pages unless some are named."""
    return [
        block
        for page in pages or PAGES
        for block in blocks_of(page)
        if block.language == language and not block.is_output
    ]


def prose_of(page: Path) -> str:
    """Return the text of a page without its blocks and without code in backticks."""
    text = _BLOCK.sub("", page.read_text("utf-8"))
    return re.sub(r"`[^`\n]*`", "", text)


def anchors_of(page: Path) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub builds them."""
    text = _BLOCK.sub("", page.read_text("utf-8"))
    headings: list[str] = re.findall(r"(?m)^#+ (.*)", text)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links_of(page: Path) -> list[str]:
    """Return the targets of the links of a page that lead to files or headings."""
    text = _BLOCK.sub("", page.read_text("utf-8"))
    return re.findall(r"\]\((?!https?:|mailto:)(.*?)\)", text)


def commands() -> list[Block]:
    """
    Return the shell blocks of the README and the guides for execution in a copy of the checkout.

    Blocks that start nox are left out: CI starts the one for the tests itself.
    """
    return [block for block in blocks("shell", README, *GUIDES) if "/nox " not in block.text]
