"""
Write the screenshots of the README and the guides: `python .ci/docs/screenshots.py [--check]`.

Each shows real commands against a demo account with a stopped clock, so that the same code writes
the same pictures. They are SVG, by rich. With `--check`, nothing is written, and a picture with
another text than the one in `.github/screenshots` is an error.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import pty
import re
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from fivetran_async.cli import main as fivetran_async
from fivetran_async.testing import FakeFivetran

FOLDER: Final = Path(__file__).parents[2] / ".github" / "screenshots"
WIDTH: Final = 100
NOW: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FONTS: Final = "ui-monospace, Menlo, Consolas, monospace"


class _Notes(io.TextIOWrapper):
    """The terminal for stderr, as a stream without a spinner."""

    def isatty(self) -> bool:
        """Return False."""
        return False


def shown_by(*words: str) -> str:
    """Run a command on a terminal of this width, and return what it shows."""
    reading, writing = pty.openpty()
    found = bytearray()

    def collect() -> None:
        # Linux reports the end as an error.
        with contextlib.suppress(OSError):
            while chunk := os.read(reading, 65_536):
                found.extend(chunk)

    collector = threading.Thread(target=collect)
    collector.start()
    notes = _Notes(io.FileIO(os.dup(writing), "w"), encoding="utf-8", write_through=True)
    with (
        os.fdopen(writing, "w", encoding="utf-8") as stdout,
        notes,
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(notes),
    ):
        fivetran_async(words)
    collector.join()
    os.close(reading)
    return found.decode().replace("\r\n", "\n")


class Screen:
    """What a person types and sees."""

    def __init__(self) -> None:
        self._console = Console(
            width=WIDTH, record=True, file=io.StringIO(), force_terminal=True, legacy_windows=False
        )
        self._is_used = False

    async def type(self, line: str, words: tuple[str, ...] | None = None) -> None:
        """Type a line, and show what the command prints; other programs have no words."""
        if self._is_used:
            self._console.print()
        self._is_used = True
        prompt = Text.assemble(("$ ", "green"), (line, "bold"))
        self._console.print(prompt, soft_wrap=False)
        if words is not None:
            printed = await asyncio.to_thread(shown_by, *words)
            self._console.print(Text.from_ansi(printed.rstrip()), soft_wrap=False)

    async def run(self, line: str) -> None:
        """Type a command of this package."""
        await self.type(f"fivetran-async {line}", tuple(line.split()))

    def picture(self, name: str) -> str:
        """Return everything as an SVG."""
        # Rich cuts off what is below the base line of the last line.
        self._console.print()
        svg = self._console.export_svg(title=name, unique_id=name)
        # A page must not load the fonts of another host.
        svg = re.sub(r"(?s)\s*@font-face \{.*?\n    \}", "", svg)
        svg = svg.replace("font-family: Fira Code, monospace", f"font-family: {FONTS}")
        return re.sub(r"(?m)[ \t]+$", "", svg)


async def terminal(_: FakeFivetran) -> str:
    """Return the picture of the daily questions: what is there, and what is wrong."""
    screen = Screen()
    await screen.run("overview")
    await screen.run("health --columns finding,connection,age,reason")
    return screen.picture("terminal")


def edit(folder: Path, **fields: object) -> None:
    """Edit all files of a folder."""
    for path in sorted(folder.glob("*.json")):
        values = json.loads(path.read_text("utf-8"))
        text = json.dumps({**values, **fields}, indent=2, sort_keys=True)
        path.write_text(f"{text}\n", "utf-8")


def id_of(service: str) -> str:
    """Return the id of the first exported connection of a service."""
    ids: dict[str, str] = json.loads(Path("account/.fivetran/ids.json").read_text("utf-8"))
    return next(id for address, id in ids.items() if service in address)


async def plan(fake: FakeFivetran) -> str:
    """Return the picture of a plan: edits, a change by others, and syncs that would stop."""
    await asyncio.to_thread(shown_by, "export", "account", "--only", "connections/*/*")
    edit(Path("account/connections/marketing_prod"), sync_frequency=60)
    fake.change("connections", id_of("postgres"), paused=True)
    screen = Screen()
    await screen.type("$EDITOR account/connections/marketing_prod/*.json")
    await screen.run("plan account -o plan.json")
    await screen.run("rehearse plan.json")
    return screen.picture("plan")


async def pictures() -> dict[str, str]:
    """Return all pictures by their name."""
    found: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
        for take in (terminal, plan):
            demo = FakeFivetran.demo(groups=4, connections_per_group=6, start=NOW, running=False)
            async with demo as fake:
                os.environ["FIVETRAN_BASE_URL"] = fake.url
                found[take.__name__] = await take(fake)
    return found


def texts_of(svg: str) -> list[str]:
    """Return the texts of a picture: releases of rich may draw the same text differently."""
    return re.findall(r"<text [^>]*>([^<]*)</text>", svg)


def main(*, check: bool) -> int:
    """Set the environment of a terminal, then write all pictures or compare them."""
    for name in ("FIVETRAN_PROFILE", "FIVETRAN_LOG", "NO_COLOR"):
        os.environ.pop(name, None)
    os.environ.update(
        FIVETRAN_API_KEY="fake_key",
        FIVETRAN_API_SECRET="fake_secret",  # noqa: S106 - not a real secret
        COLUMNS=str(WIDTH),
        TERM="xterm-256color",
        TZ="UTC",
    )
    time.tzset()
    old: list[str] = []
    for name, picture in asyncio.run(pictures()).items():
        path = FOLDER / f"{name}.svg"
        if not check:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(picture, "utf-8")
        elif not path.exists() or texts_of(path.read_text("utf-8")) != texts_of(picture):
            old.append(str(path))
    if old:
        sys.stderr.write(f"Out of date: {', '.join(old)}. Run {__file__} without --check.\n")
    return int(bool(old))


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
