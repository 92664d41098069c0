"""
Run mypy and pyright on a user's files with configs: what they find, and how long they take.

`nox -s typing` runs it. A file with three mistakes must have three errors in each checker, each on
its line, and the correct file none.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

Run: TypeAlias = Callable[[Path, Path], dict[str, list[int]]]

CORRECT: Final = """\
from fivetran_async import AsyncFivetran
from fivetran_async.configs import PostgresConfig, PostgresConfigUpdate


async def create(fivetran: AsyncFivetran) -> None:
    config = PostgresConfig(schema_prefix="shop", host="db", update_method="QUERY_BASED")
    await fivetran.connections.create(group_id="g", service="postgres", config=config)
    await fivetran.connections.update("c", config=PostgresConfigUpdate(host="other"))
"""
MISTAKES: Final = """\
from fivetran_async.configs import PostgresConfig

misspelt = PostgresConfig(schema_prefix="shop", hots="db")
wrong_choice = PostgresConfig(schema_prefix="shop", update_method="QUERY")
without_schema = PostgresConfig(host="db")
"""
WRONG_LINES: Final = [3, 4, 5]
SECONDS: Final = {"mypy": 2.0, "pyright": 4.0}


def mypy(folder: Path, cache: Path) -> dict[str, list[int]]:
    """Return the lines with errors by file, as mypy finds them."""
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache), "."]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    found: dict[str, list[int]] = {}
    for line in run.stdout.splitlines():
        if match := re.match(r"(\w+\.py):(\d+): error: ", line):
            found.setdefault(match[1], []).append(int(match[2]))
    return found


def pyright(folder: Path, _: Path) -> dict[str, list[int]]:
    """Return the lines with errors by file, as pyright in strict mode finds them."""
    settings = {"typeCheckingMode": "strict", "include": ["."]}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    found: dict[str, list[int]] = {}
    for each in json.loads(run.stdout)["generalDiagnostics"]:
        # Lines are counted from zero.
        line = each["range"]["start"]["line"] + 1
        found.setdefault(Path(each["file"]).name, []).append(line)
    return found


def main() -> int:
    """Run both checkers twice, and report the second time; 1 if one finds other errors."""
    status = 0
    runs: dict[str, Run] = {"mypy": mypy, "pyright": pyright}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "user"
        folder.mkdir()
        (folder / "correct.py").write_text(CORRECT)
        (folder / "mistakes.py").write_text(MISTAKES)
        for checker, run in runs.items():
            run(folder, Path(name) / "cache")
            began = time.monotonic()
            found = run(folder, Path(name) / "cache")
            seconds = time.monotonic() - began
            is_right = found == {"mistakes.py": WRONG_LINES}
            print(
                f"{checker}: errors {found}, {'as' if is_right else 'NOT as'} expected;"
                f" {seconds:.2f} s warm (on a quiet machine at most {SECONDS[checker]:g} s)"
            )
            status |= not is_right
    return status


if __name__ == "__main__":
    sys.exit(main())
