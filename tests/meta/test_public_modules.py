"""Importing the public modules: without warnings, and `import *` from the models."""

from __future__ import annotations

import ast
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import fivetran_async
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


def test_star_import_brings_the_public_names() -> None:
    """`from fivetran_async import *` defines the names of `__all__`, as `dir()` lists them."""
    program = (
        "before = set(globals())\n"
        "from fivetran_async import *\n"
        "import fivetran_async\n"
        "found = set(globals()) - before - {'before', 'fivetran_async'}\n"
        "assert found == set(fivetran_async.__all__) <= set(dir(fivetran_async)), found\n"
    )
    run_python("-c", program)


def test_checkers_and_the_interpreter_import_the_same_names() -> None:
    """The imports for type checkers, the modules that names come from, and `__all__` agree."""
    tree = ast.parse(Path(fivetran_async.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: f"{node.module}".removeprefix("fivetran_async.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == fivetran_async._MODULE_OF
    assert sorted(seen) == sorted(fivetran_async.__all__)


def test_public_modules_are_attributes() -> None:
    """`fivetran_async.errors` is a module without an import of its own, and so are the others."""
    names = ["client", "errors", "limits", "options", "pagination", "retries"]
    # Each in a process of its own, since the first module imports some of the others.
    program = f"""
import fivetran_async, os
for name in {names}:
    if child := os.fork():
        assert os.waitpid(child, 0)[1] == 0
    else:
        print(getattr(fivetran_async, name).__name__, flush=True)
        os._exit(0)
"""
    assert run_python("-c", program).split() == [f"fivetran_async.{name}" for name in names]


def test_unknown_names_are_errors() -> None:
    """A name that does not exist is an AttributeError, and an ImportError in an import."""
    with pytest.raises(AttributeError, match=r"'fivetran_async' has no attribute 'Fivetran'"):
        _ = fivetran_async.Fivetran  # type: ignore[attr-defined]
    with pytest.raises(ImportError):
        from fivetran_async import Fivetran  # type: ignore[attr-defined] # noqa: F401, PLC0415


@pytest.mark.parametrize(
    "program",
    [
        "import fivetran_async.webhooks",
        "from fivetran_async import webhooks, sync_logs",
        "import fivetran_async.errors, fivetran_async.models",
        "from fivetran_async.__main__ import main; assert main(['--help']) == 0",
        "from fivetran_async.__main__ import main; assert main(['no-such-command']) == 2",
        "from fivetran_async.__main__ import main; assert main(['connections', '--help']) == 0",
    ],
)
def test_http_client_is_imported_by_those_who_need_it(program: str) -> None:
    """Webhooks, logs, models and the help of the command need no aiohttp."""
    run_python("-c", f"{program}\nimport sys; assert 'aiohttp' not in sys.modules")


def test_webhooks_load_what_decodes_with_the_first_event() -> None:
    """A service that receives webhooks starts without cattrs, which is slow to import."""
    run_python("-c", "import fivetran_async.webhooks, sys; assert 'cattrs' not in sys.modules")


def test_classes_are_pickled_by_the_names_of_their_modules() -> None:
    """No class moved to the package itself, so that pickles of other versions can be read."""
    values: list[object] = [getattr(fivetran_async, name) for name in fivetran_async.__all__]
    classes = [value for value in values if isinstance(value, type)]
    assert [cls for cls in classes if cls.__module__ == "fivetran_async"] == []
    assert pickle.loads(pickle.dumps(classes)) == classes  # noqa: S301
