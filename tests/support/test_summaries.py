"""Sums over what tests report, in one process and in several."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

@pytest.mark.parametrize("number", range(8))
def test_counts(number, record_property):
    record_property("parity", {f"function {number // 2}": 1})
    assert number != 7
"""


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["0", "2"])
def test_figures_are_added_up_once(tmp_path: Path, processes: str) -> None:
    """Every test counts once, also one that fails, whichever process ran it."""
    (tmp_path / "conftest.py").write_text(
        "from support.summaries import Summaries\n"
        "def pytest_configure(config):\n"
        "    config.pluginmanager.register(Summaries())\n"
    )
    (tmp_path / "test_counting.py").write_text(TESTS)
    paths = [str(Path(__file__).parents[1]), *sys.path]
    printed = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "xdist.plugin", "-n", processes],
        cwd=tmp_path,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join(paths), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert "fivetrex: 4 of 78 (4 executed, 0 not applicable)" in printed.stdout, printed
    assert "1 failed, 7 passed" in printed.stdout
