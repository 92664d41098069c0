"""The example `sync_report.py`, run like a reader runs it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from sync_logs.databases import DuckDB, fill

pytestmark = pytest.mark.slow

REPORT = Path(__file__).parents[2] / "examples" / "sync_report.py"
WITHOUT = "import runpy, sys; sys.modules[sys.argv[1]] = None; sys.argv = sys.argv[2:]"


def run(*arguments: str | Path, without: str = "no_such_module") -> tuple[int, str, str]:
    """Run the report, optionally without a package; return exit code, output and errors."""
    program = f"{WITHOUT}; runpy.run_path(sys.argv[0], run_name='__main__')"
    finished = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", program, without, REPORT, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    return finished.returncode, finished.stdout, finished.stderr


def test_sample(tmp_path: Path) -> None:
    """It reports that the log is a sample, prints the tables and writes a PNG."""
    picture = tmp_path / "durations.png"
    code, output, errors = run("--picture", picture)
    assert (code, errors) == (0, "")
    assert output.startswith("Reading a sample log in an embedded DuckDB")
    failures = output.partition("Latest failures, of 294 syncs")[2].splitlines()[2:12]
    assert all("  FAILURE  " in line for line in failures)
    slowest = output.partition("Slowest connections")[2].splitlines()[2:7]
    assert [line.split()[0] for line in slowest[:2]] == ["salesforce_crm", "google_ads"]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert output.endswith(f"Durations over time: {picture}\n")


def test_without_matplotlib(tmp_path: Path) -> None:
    """Without matplotlib, the tables are printed, with a line on how to get the chart."""
    picture = tmp_path / "durations.png"
    code, output, errors = run("--picture", picture, without="matplotlib")
    assert (code, errors) == (0, "")
    assert "Slowest connections" in output
    assert output.endswith("pip install matplotlib\n")
    assert not picture.exists()


def test_without_duckdb() -> None:
    """Without DuckDB, it prints in one line what it requires."""
    code, output, errors = run(without="duckdb")
    assert (code, output) == (1, "")
    assert "pip install duckdb" in errors
    assert len(errors.splitlines()) == 1


def test_own_database(tmp_path: Path) -> None:
    """The report reads the reader's own database, here the log of hard cases."""
    path = tmp_path / "warehouse.duckdb"
    database = DuckDB()
    database.connection.close()
    database.connection = duckdb.connect(str(path))
    # One transaction: otherwise each row would be flushed to disk.
    database.connection.begin()
    fill(database)
    database.connection.commit()
    database.connection.close()
    code, output, errors = run("--database", path, "--picture", tmp_path / "picture.png")
    assert (code, errors) == (0, "")
    assert f"Reading your database {path}" in output
    assert re.search(r"\n  2026-11-01 05:50  broken +unknown\n", output)
    assert re.search(r"\n  rescheduled +1 +360\.0 min +360\.0 min\n", output)


def test_missing_tables(tmp_path: Path) -> None:
    """A database without the log tables gives one line of error, without a traceback."""
    path = tmp_path / "empty.duckdb"
    duckdb.connect(str(path)).close()
    code, _, errors = run("--database", path)
    assert code == 1
    assert errors.startswith("Could not read the log: ")
    assert "Traceback" not in errors
