"""
The cost of importing the client and its parts, compared with `import aiohttp`.

The client needs aiohttp; webhooks, logs and the help of the command do not.

Every import runs in a new interpreter, which reports the time of the import without its own start.
Compiled files are in a folder of this run and exist before the measurement; otherwise edited
modules would be compiled each time. `--verbose` also lists the slowest modules beyond aiohttp's,
by the median of their own time, without their imports.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from harness import Comparison, Row, arguments_of, command_line, finish, markdown, turns

OURS, AGAIN, FLOOR = "the client", "the client, again", "aiohttp"
NEEDED = "aiohttp, attrs, cattrs, backoff"
IMPORTS: Mapping[str, str] = {
    OURS: "fivetran_async.client",
    AGAIN: "fivetran_async.client",
    FLOOR: "aiohttp",
    NEEDED: NEEDED.replace("attrs,", "attr, attrs,"),
    **{f"fivetran_async.{part}": f"fivetran_async.{part}" for part in ("webhooks", "sync_logs")},
    "fivetran-async --help": "fivetran_async.cli; fivetran_async.cli.main(['--help'])",
    "from fivetran_async import models": "fivetran_async.models",
    "httpx and pydantic": "httpx, pydantic",
    "requests": "requests",
}
TARGETS = {
    OURS: 1.12,
    "fivetran_async.webhooks": 0.5,
    "fivetran_async.sync_logs": 0.5,
    "fivetran-async --help": 0.6,
}
LEADERS = 25
TIMED = """
import time
wall, processor = time.perf_counter(), time.process_time()
import {names}
print(time.perf_counter() - wall, time.process_time() - processor)
"""


def run_python(compiled: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a new interpreter that writes compiled files to this folder."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(compiled)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-P", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment)


def import_seconds(names: str, compiled: Path) -> tuple[float, float]:
    """Return the wall and processor seconds of an import in a new interpreter."""
    output = run_python(compiled, "-c", TIMED.format(names=names)).stdout
    wall, processor = map(float, output.splitlines()[-1].split())
    return wall, processor


def installed(variants: Mapping[str, str], compiled: Path) -> dict[str, str]:
    """Return the variants that can be imported here; this also compiles them."""
    found: dict[str, str] = {}
    for name, names in variants.items():
        try:
            import_seconds(names, compiled)
        except subprocess.CalledProcessError:
            print(f"{name} is not measured: it is not installed", file=sys.stderr)
        else:
            found[name] = names
    return found


def own_microseconds(names: str, compiled: Path) -> dict[str, int]:
    """Return each module's own time, from an import in a new interpreter."""
    output = run_python(compiled, "-X", "importtime", "-c", f"import {names}").stderr
    lines = (line.removeprefix("import time:").split("|") for line in output.splitlines())
    return {module.strip(): int(own) for own, _, module in lines if own.strip().isdigit()}


def leaders(rounds: int, compiled: Path) -> str:
    """Return a table of the slowest modules beyond aiohttp's."""
    known = own_microseconds(FLOOR, compiled).keys()
    times: defaultdict[str, list[int]] = defaultdict(list)
    for _ in range(rounds):
        for module, own in own_microseconds(IMPORTS[OURS], compiled).items():
            if module not in known:
                times[module].append(own)
    medians = {module: statistics.median(own) for module, own in times.items()}
    longest = sorted(medians, key=lambda module: -medians[module])[:LEADERS]
    total = ("all of them", f"{sum(medians.values()):.0f}")
    lines = [(module, f"{medians[module]:.0f}") for module in longest]
    return markdown([("module", "own us"), total, *lines])


def rows_of(arguments: argparse.Namespace, compiled: Path) -> list[Row]:
    """Measure and print."""
    found = installed(IMPORTS, compiled)
    walls: dict[str, list[float]] = {name: [] for name in found}
    processors: dict[str, list[float]] = {name: [] for name in found}
    for name in turns(found, arguments.rounds):
        wall, processor = import_seconds(found[name], compiled)
        walls[name].append(wall)
        processors[name].append(processor)
    rows: list[Row] = []
    for title, costs in (("wall", walls), ("processor", processors)):
        comparison = Comparison(costs=costs, scale=1e3, unit="ms", control=(OURS, AGAIN))
        print(f"\n### imports, {title}: {arguments.rounds} rounds\n")
        print(comparison.details(FLOOR), flush=True)
        rows += [
            comparison.row(f"import of {name}, {title}", name, FLOOR, target)
            for name, target in TARGETS.items()
        ]
        if title == "processor":
            rows.append(comparison.row(f"import of {OURS}, {title}", OURS, NEEDED))
    return rows


def main() -> None:
    """Parse the command line, and measure."""
    parser = command_line(__doc__, rounds=25, quick=3)
    parser.add_argument("--verbose", action="store_true", help="list the slowest modules")
    arguments = arguments_of(parser)
    with tempfile.TemporaryDirectory() as folder:
        compiled = Path(folder)
        rows = rows_of(arguments, compiled)
        if arguments.verbose:
            print(f"\n### own time of modules that `import {FLOOR}` does not load\n")
            print(leaders(min(arguments.rounds, 9), compiled))
    finish(arguments, rows)


if __name__ == "__main__":
    main()
