"""The guide to orchestrators: its lines stand in examples that `nox -s orchestrators` runs."""

from __future__ import annotations

import textwrap

import pytest

from support.pages import ROOT, Block, blocks_of

PAGE = ROOT / ".github" / "docs" / "orchestrators.md"
EXAMPLES = ROOT / "examples" / "orchestrators"
LINES = [block for block in blocks_of(PAGE) if block.language == "text"]


@pytest.mark.parametrize("block", LINES, ids=str)
def test_lines_are_part_of_an_example(block: Block) -> None:
    """Each block for an engine that is not installed here stands in one of the examples."""
    found = [
        path.name
        for path in EXAMPLES.glob("*.py")
        for indent in ("", " " * 4, " " * 8)
        if textwrap.indent(block.text, indent) in path.read_text("utf-8")
    ]
    assert len(found) == 1


def test_every_example_is_shown() -> None:
    """The guide shows a part of each example."""
    assert len(LINES) == len(list(EXAMPLES.glob("*.py")))
