"""The pictures of the README and the guides."""

from __future__ import annotations

import asyncio
import re
import sys
from asyncio.subprocess import PIPE

import pytest

from support.pages import PAGES, ROOT

PROGRAM = ROOT / ".ci" / "docs" / "screenshots.py"
PICTURES = ROOT / ".github" / "screenshots"

pytest.importorskip("rich", reason="needs rich")


@pytest.mark.slow
@pytest.mark.examples
async def test_screenshots_are_up_to_date() -> None:
    """Each picture has the text that its commands print."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", str(PROGRAM), "--check"), stdout=PIPE, stderr=PIPE
    )
    _, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")


def test_every_screenshot_is_shown() -> None:
    """No picture is left over, none loads anything, and each has a text in its place."""
    shown = [
        (page.parent / source).resolve()
        for page in PAGES
        for text, source in re.findall(r"!\[([^\]]*)\]\((\S+)\)", page.read_text("utf-8"))
        if text
    ]
    assert set(shown) == {path.resolve() for path in PICTURES.glob("*.svg")}
    for path in set(shown):
        assert re.findall(r"url\((?!#)|href=|@import", path.read_text("utf-8")) == []
