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
    *("calls", "decode", "large", "walk", "fan_out", "memory", "growth"),
    *("log_rows", "webhook", "fake", "imports", "configs", "plans"),
)


def rows_of(name: str, arguments: list[str], folder: Path) -> list[Row]:
    """Run one benchmark, which prints its details, and return its rows."""
    print(f"\n## {name}", flush=True)
    rows = folder / f"{name}.json"
    command = [sys.executable, str(HERE / f"{name}.py"), *arguments, "--rows", str(rows)]
    subprocess.run(command, check=True)
    return read_rows(rows)


def main() -> None:
    """Run all or the named benchmarks, and print the table; `--output` also writes it to a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", type=int, nargs="?", help="instead of each default")
    parser.add_argument("--quick", action="store_true", help="only check that they run")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=BENCHMARKS)
    parser.add_argument("--output", type=Path, help="write the table to this file")
    arguments = parser.parse_args()
    options = ["--quick"] if arguments.quick else []
    if arguments.rounds is not None:
        options.append(str(arguments.rounds))
    before = machine()
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for name in arguments.only for row in rows_of(name, options, Path(folder))]
    text = f"Before: {before}\nAfter: {machine()}\n\n{table(rows)}\n"
    print(f"\n## All of them\n\n{text}")
    if arguments.output is not None:
        arguments.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
