"""Importing the public modules: without warnings, and `import *` from the models."""

from __future__ import annotations

import subprocess
import sys

import fivetran_async.models
from meta.test_architecture import MODELS
from meta.test_docstrings import public_modules


def run_python(*arguments: str) -> str:
    """Run this Python with warnings as errors, and return what it prints."""
    command = [sys.executable, "-W", "error", *arguments]
    finished = subprocess.run(command, capture_output=True, check=False, text=True, timeout=60)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_public_modules_import_without_warnings() -> None:
    """`python -W error` imports every public module."""
    names = sorted(module.__name__ for module in public_modules())
    assert len(names) > 40
    lines = "; ".join(f"import {name}" for name in names)
    assert run_python("-c", f"{lines}; print('imported')") == "imported\n"


def test_star_import_brings_the_models() -> None:
    """`from fivetran_async.models import *` defines every model and no other name."""
    program = (
        "before = set(globals())\n"
        "from fivetran_async.models import *\n"
        "print(*sorted(set(globals()) - before - {'before'}))\n"
    )
    names = run_python("-c", program).split()
    assert {model.__name__ for model in MODELS} <= set(names)
    assert all(isinstance(getattr(fivetran_async.models, name), type) for name in names)


def test_models_are_loaded_lazily() -> None:
    """Importing `fivetran_async.models` loads no family; reading one model loads its module."""
    program = (
        "import sys, fivetran_async.models as models\n"
        "family = 'fivetran_async.resources.groups'\n"
        "print(family in sys.modules, models.Group.__name__, family in sys.modules)\n"
    )
    assert run_python("-c", program) == "False Group True\n"
