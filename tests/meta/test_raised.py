"""Which exceptions the package raises itself: a `FivetranError`, with a few exceptions by name."""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Iterator
from pathlib import Path

import fivetran_async
from support.sources import statements_in, tree_of

PACKAGE = Path(inspect.getfile(fivetran_async)).parent

PYTHONS_OWN = {
    "AttributeError": {
        "as_code/_objects/objects.py",
        "__init__.py",
        "_codec/__init__.py",
        "_services/__init__.py",
        "_services/_check.py",
        "configs.py",
        "integrations/airflow.py",
        "integrations/dagster.py",
        "limits.py",
        "models.py",
    },
    "ImportError": {"integrations/_airflow_door.py"},
    "TypeError": {"as_code/_applying/journal.py"},
    "ModuleNotFoundError": {"integrations/_extras.py"},
    "StopAsyncIteration": {"_http/walk.py", "syncs/_batch.py"},
}
"""Protocols of Python: `__getattr__`, `__setattr__`, `__fspath__`, `import` and `async for`."""

CAUGHT_HERE = {
    ("_clock.py", "TimeoutError"): "what asyncio.timeout would raise; its callers translate it",
    ("_codec/_decoding.py", "ValueError"): "a time that is not one",
    ("_codec/_json.py", "ValueError"): "JSON that is not valid",
    ("_codec/_parts.py", "ValueError"): "JSON that is not valid",
    ("_codec/_pydantic.py", "ValueError"): "pydantic reports what its validators raise",
    ("_codec/_structs.py", "TypeError"): "a model that only cattrs decodes",
    ("_codec/_structs.py", "ValueError"): "a document that only cattrs decodes",
    ("_http/deadlines.py", "TimeoutError"): "becomes a RequestTimeoutError",
    ("_http/operation.py", "ValueError"): "a mistake in a family's module",
    (
        "as_code/_planning/json_forms.py",
        "ValueError",
    ): "a saved plan that `load_plan` refuses",
    ("as_code/_files/json_files.py", "ValueError"): "JSON that is not valid",
    ("resources/_package_files.py", "IsADirectoryError"): "becomes an InvalidArgumentError",
    ("testing/_reading.py", "ValueError"): "JSON that is not valid",
    ("testing/_store.py", "KeyError"): "callers check that the record exists",
    ("testing/_timetables.py", "ValueError"): "a schedule that cannot be read",
}
"""What does not reach a user."""

EXCEPTIONS = {*CAUGHT_HERE}.union(
    (file, name) for name, files in PYTHONS_OWN.items() for file in files
)


def raised() -> Iterator[tuple[str, str, int]]:
    """Iterate over the raised exceptions of Python's own: file, name and line."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in statements_in(tree_of(path)):
            if not isinstance(node, ast.Raise) or node.exc is None:
                continue
            called = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if isinstance(called, ast.Name) and hasattr(builtins, called.id):
                yield path.relative_to(PACKAGE).as_posix(), called.id, node.lineno


def test_the_package_raises_its_own_errors() -> None:
    """
    README: every error that the package raises on purpose is a `FivetranError`.

    Siblings: misuse of the integrations, of the fake, of `run_all`, of models, and pickling.
    """
    found = list(raised())
    assert not [
        f"{file}:{line} raises {name}"
        for file, name, line in found
        if (file, name) not in EXCEPTIONS
    ]
    assert {(file, name) for file, name, _ in found} == EXCEPTIONS, "an exception is out of date"
