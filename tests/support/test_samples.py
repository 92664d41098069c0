"""Sizes of samples, by the variable that the session `proofs` sets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.samples import VARIABLE

PROGRAM = "from support.samples import sample; print(sample(2, 9))"


@pytest.mark.slow
@pytest.mark.parametrize(("variables", "size"), [({}, 2), ({VARIABLE: "1"}, 9)])
def test_variable_decides(variables: dict[str, str], size: int) -> None:
    """Without the variable a sample is small, with it all cases are tried."""
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    printed = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[1])} | variables,
        check=True,
        capture_output=True,
    )
    assert int(printed.stdout) == size
