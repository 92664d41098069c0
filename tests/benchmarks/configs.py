"""
The cost of `fivetran_async.configs`: its import, the first check, further checks, and the wheel.

Import and first check run in a new interpreter each, after `import fivetran_async`; the figures are
processor time, the median of the rounds. A process with a session has imported aiohttp, attrs and
json. The growth of the wheel is the difference between two wheels: of this checkout, and of a copy
of it without what only configs need. `--quick` builds no wheels.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from harness import Row, arguments_of, command_line, finish
from imports import run_python

ROOT: Final = Path(__file__).parents[2]
ONLY_FOR_CONFIGS: Final = (
    *("configs.py", "configs.pyi", "_http/config_guard.py"),
    *("cli/_config_commands.py", "cli/_config_views.py"),
    *("_services/_check.py", "_services/class_names.py", "_services/metadata.py"),
)
CONFIG: Final = {
    "schema_prefix": "shop",
    "host": "db.example.com",
    "port": 5432,
    "user": "fivetran",
    "password": "******",
    "database": "shop",
    "update_method": "QUERY_BASED",
    "hots": "misspelt",
}
COSTS: Final = f"""
import sys, time, fivetran_async
if sys.argv[1] == "session":
    import aiohttp
    fivetran_async.AsyncFivetran
began = time.process_time()
import fivetran_async.configs as configs
imported = time.process_time()
configs.check("postgres", {CONFIG!r}, creating=True)
first = time.process_time()
for _ in range(1000):
    configs.check("postgres", {CONFIG!r}, creating=True)
print(imported - began, first - imported, (time.process_time() - first) / 1000)
"""
MOST_KILOBYTES: Final = 100.0


def wheel_bytes(source: Path, folder: Path) -> int:
    """Build a wheel and return its size."""
    command = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder))
    subprocess.run([*command, str(source)], check=True)
    return next(folder.glob("*.whl")).stat().st_size


def growth(folder: Path) -> float:
    """Return by how many kilobytes configs make the wheel larger."""
    copy = folder / "without"
    copy.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "fivetran_async", copy / "fivetran_async", ignore=ignored)
    for name in ONLY_FOR_CONFIGS:
        (copy / "fivetran_async" / name).unlink()
    sizes = [wheel_bytes(source, folder / name) for name, source in (("a", ROOT), ("b", copy))]
    print(f"wheels: {sizes[0]:,} bytes, without configs {sizes[1]:,} bytes")
    return (sizes[0] - sizes[1]) / 1024


def row_of(measure: str, figure: float, unit: str, most: float) -> Row:
    """Return the row of one figure with its limit."""
    return Row(
        measure=measure,
        ours=f"{figure:.3g} {unit}",
        target=f"<= {most:g} {unit}",
        met=figure <= most,
    )


def medians(folder: Path, rounds: int, *command: str) -> list[float]:
    """Return the median of each figure that a program prints."""
    # The first run compiles the modules.
    runs = [run_python(folder, "-c", *command).stdout for _ in range(rounds + 1)][1:]
    figures = zip(*(map(float, run.split()) for run in runs), strict=True)
    return [statistics.median(each) for each in figures]


def main() -> None:
    """Parse the command line, and measure."""
    arguments = arguments_of(command_line(__doc__, rounds=15, quick=2))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"\n### configs: {arguments.rounds} rounds\n")
        alone = medians(folder, arguments.rounds, COSTS, "alone")
        beside = medians(folder, arguments.rounds, COSTS, "session")
        rows = [
            row_of("import fivetran_async.configs", alone[0] * 1e3, "ms", 1.0),
            row_of("the first check of an interpreter", alone[1] * 1e3, "ms", 5.0),
            row_of("the first check beside a session", beside[1] * 1e3, "ms", 5.0),
            row_of("a further check, with a misspelt field", alone[2] * 1e6, "us", 50.0),
        ]
        if not arguments.quick:
            rows.append(row_of("growth of the wheel", growth(folder), "KB", MOST_KILOBYTES))
    finish(arguments, rows)


if __name__ == "__main__":
    main()
