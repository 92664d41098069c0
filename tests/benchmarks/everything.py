"""Runs every benchmark in its own process, and prints one Markdown table."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import Row, machine, read_rows, table

HERE = Path(__file__).parent
BENCHMARKS = (
    *("instructions", "calls", "decode", "large", "walk", "fan_out", "memory", "growth"),
    *("log_rows", "webhook", "fake", "imports", "configs", "plans"),
)
BEGIN, END = "<!-- nox -s bench -->", "<!-- end -->"
"""The marks of a page around the table."""


def rows_of(name: str, arguments: list[str], folder: Path) -> list[Row]:
    """Run one benchmark, which prints its details, and return its rows."""
    print(f"\n## {name}", flush=True)
    rows = folder / f"{name}.json"
    command = [sys.executable, str(HERE / f"{name}.py"), *arguments, "--rows", str(rows)]
    subprocess.run(command, check=True)
    return read_rows(rows)


def put_into(page: Path, text: str) -> None:
    """Replace what a page has between its two marks."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise SystemExit(f"{page} has no {BEGIN} with {END} after it")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def main() -> None:
    """Run all or the named benchmarks, and print the table; `--page` also puts it into a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", type=int, nargs="?", help="instead of each default")
    parser.add_argument("--quick", action="store_true", help="only check that they run")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=BENCHMARKS)
    parser.add_argument("--page", type=Path, help="put the table into this page")
    arguments = parser.parse_args()
    options = ["--quick"] if arguments.quick else []
    if arguments.rounds is not None:
        options.append(str(arguments.rounds))
    before = machine()
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for name in arguments.only for row in rows_of(name, options, Path(folder))]
    text = f"Before: {before}.\nAfter: {machine()}.\n\n{table(rows)}\n"
    print(f"\n## All of them\n\n{text}")
    if arguments.page is not None:
        put_into(arguments.page, text)


if __name__ == "__main__":
    main()
