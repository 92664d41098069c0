"""The module boundaries of the architecture, checked in the source code."""

from __future__ import annotations

import ast
import functools
import graphlib
import importlib
import importlib.util
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from types import ModuleType
from typing import Any, cast, get_type_hints

import attrs
import pytest

import fivetran_async
from fivetran_async._model import Model
from support.each import for_each
from support.sources import block_of, statements_in, tree_of

PACKAGE = Path(inspect.getfile(fivetran_async)).parent
MOST_LINES = 450
MOST_LINES_OF_A_FAMILY = 700
OUTSIDE_THE_CORE = tuple(
    f"fivetran_async.{name}" for name in ("as_code", "testing", "integrations", "cli", "__main__")
)


def module_name(path: Path) -> str:
    """Return the module name of a file of the package."""
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(
        ".__init__"
    )


def is_outside(module: str) -> bool:
    """Return True if the core must not import a module."""
    return any(f"{module}.".startswith(f"{part}.") for part in OUTSIDE_THE_CORE)


SOURCES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
CORE = [name for name in SOURCES if not is_outside(name)]
FAMILIES = [name for name in SOURCES if name.startswith("fivetran_async.resources.")]


def is_for_checkers(node: ast.AST) -> bool:
    """Return True for `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def statements_that_run(node: ast.AST) -> Iterator[ast.AST]:
    """Walk the statements of a tree without the code for type checkers."""
    yield node
    for child in block_of(node):
        if is_for_checkers(child):
            assert isinstance(child, ast.If)
            for other in child.orelse:
                yield from statements_that_run(other)
        else:
            yield from statements_that_run(child)


@functools.cache
def imports_of(module: str) -> frozenset[str]:
    """List the modules that this one imports at run time, at its top or in functions."""
    tree = tree_of(SOURCES[module])
    package = module if SOURCES[module].name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    for node in statements_that_run(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            found |= {origin, *(f"{origin}.{alias.name}" for alias in node.names)}
    return frozenset(found)


@functools.cache
def every_import_of(module: str) -> frozenset[str]:
    """List the modules of the package that this one imports, including type-only imports."""
    found: set[str] = set()
    for node in statements_in(tree_of(SOURCES[module])):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: imports are absolute"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            # `from package import module` targets the module; other names target their package.
            found |= (names & SOURCES.keys()) or {node.module or ""}
    return frozenset((found & SOURCES.keys()) - {module})


def circles(graph: Mapping[str, AbstractSet[str]]) -> list[set[str]]:
    """Find the sets of nodes that reach each other."""
    reached: dict[str, set[str]] = {}
    for start in graph:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for following in graph[waiting.pop()] - seen:
                seen.add(following)
                waiting.append(following)
        reached[start] = seen
    found: list[set[str]] = []
    for node, seen in reached.items():
        circle = {other for other in seen if node in reached[other]}
        if len(circle) > 1 and circle not in found:
            found.append(circle)
    return found


def importers_of(library: str, modules: list[str]) -> set[str]:
    """List the modules that import a library or a part of it."""
    return {
        module
        for module in modules
        if any(name.partition(".")[0] == library for name in imports_of(module))
    }


def models_of(module: ModuleType) -> list[type[Model]]:
    """List the models that a module defines."""
    classes = (value for value in vars(module).values() if isinstance(value, type))
    return [
        found
        for found in classes
        if issubclass(found, Model) and found.__module__ == module.__name__
    ]


def fields_of(model: type[Model]) -> tuple[attrs.Attribute[object], ...]:
    """List the fields of a model, including `extra`."""
    fields: tuple[attrs.Attribute[object], ...] = attrs.fields(
        cast("type[attrs.AttrsInstance]", model)
    )
    return fields


MODELS = [model for family in FAMILIES for model in models_of(importlib.import_module(family))]


each_model = for_each("model", MODELS)

MOST_UNDERSCORED = 12


@pytest.mark.parametrize(
    ("library", "doors"),
    [
        # One sends requests, one is their middleware, one opens sessions, one handles exceptions.
        ("aiohttp", {"wire", "exchange", "session", "failures"}),
        # Requirements of aiohttp, so they stay behind its door.
        ("yarl", {"wire"}),
        ("multidict", {"exchange", "request", "response"}),
        ("backoff", {"retry"}),
    ],
)
def test_each_dependency_has_its_door(library: str, doors: set[str]) -> None:
    """The HTTP libraries are imported by these modules of `_http`, and by no other module."""
    assert importers_of(library, CORE) == {f"fivetran_async._http.{door}" for door in doors}


@pytest.mark.parametrize(("library", "door"), [("cattrs", "_decoding"), ("msgspec", "_structs")])
def test_codec_has_one_door_for_each_library(library: str, door: str) -> None:
    """One module configures cattrs, and one uses msgspec."""
    assert importers_of(library, CORE) == {f"fivetran_async._codec.{door}"}


def test_root_folder_stays_short() -> None:
    """`ls fivetran_async` shows the architecture: it lists few private entries."""
    private = sorted(
        entry.name
        for entry in PACKAGE.iterdir()
        if entry.name.startswith("_") and not entry.name.startswith("__")
    )
    assert len(private) <= MOST_UNDERSCORED, private


def test_no_circle_of_imports_crosses_folders() -> None:
    """Imports form no circle, lazy and type-only ones included, except inside one folder."""
    graph = {module: every_import_of(module) for module in SOURCES}
    crossing = [
        sorted(circle)
        for circle in circles(graph)
        if len({SOURCES[module].parent for module in circle}) > 1
    ]
    assert crossing == []


def test_circles_are_found() -> None:
    """The search finds a circle, and nothing in a graph without one."""
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [{"b", "c"}]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_core_never_imports_its_surroundings() -> None:
    """The core imports no account as code, fake, integration or command line, not even lazily."""
    borrowed = {
        module: [name for name in imports_of(module) if is_outside(name)] for module in CORE
    }
    assert {module: names for module, names in borrowed.items() if names} == {}


def test_optional_parts_are_loaded_on_demand() -> None:
    """Models import cattrs, the first failure imports backoff, and families load on first use."""
    program = """
import sys
from fivetran_async import AsyncFivetran
late = ("cattrs.", "backoff.", "fivetran_async.resources.", "fivetran_async.syncs.")
known = {"fivetran_async.resources", "fivetran_async.resources._family"}
print([name for name in {*sys.modules} - known if f"{name}.".startswith(late)])
"""
    finished = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert finished.stdout.strip() == "[]"


@pytest.mark.slow
def test_importing_the_package_loads_no_surroundings() -> None:
    """Importing the client imports neither the fake server nor a framework."""
    frameworks = ("aiohttp.web", "fastapi", "starlette", "pytest", "rich")
    program = f"""
import sys, fivetran_async, fivetran_async.client, fivetran_async.models as models
for name in dir(models):
    getattr(models, name)
unwanted = {tuple(f"{part}." for part in (*OUTSIDE_THE_CORE, *frameworks))!r}
print([name for name in sys.modules if f"{{name}}.".startswith(unwanted)])
"""
    finished = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert finished.stdout.strip() == "[]"


def test_families_import_each_other_without_a_circle() -> None:
    """Families import models from each other in one direction only."""
    graph = {family: imports_of(family) & set(FAMILIES) for family in FAMILIES}
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) == len(FAMILIES)


def test_listed_names_exist() -> None:
    """Each name in `__all__` exists and is listed once; ruff keeps the order."""
    listing = [
        module
        for module in SOURCES
        if re.search(r"(?m)^ *__all__\b", SOURCES[module].read_text("utf-8"))
    ]
    assert "fivetran_async" in listing
    for module in listing:
        loaded = importlib.import_module(module)
        names: list[str] = list(loaded.__all__)
        assert len(names) == len(set(names)), module
        assert [f"{module}.{name}" for name in names if not hasattr(loaded, name)] == []


def test_modules_are_short_enough_to_read() -> None:
    """Modules have a maximum length, which is larger for families."""
    lines = {module: len(path.read_text().splitlines()) for module, path in SOURCES.items()}
    most = dict.fromkeys(FAMILIES, MOST_LINES_OF_A_FAMILY)
    assert {name: n for name, n in lines.items() if n > most.get(name, MOST_LINES)} == {}


def test_there_are_models() -> None:
    """The tests below run for at least these models."""
    assert {"Group", "Connection", "Destination"} <= {model.__name__ for model in MODELS}


class TestModel:
    """Properties of every model."""

    @each_model
    def test_is_immutable(self, model: type[Model]) -> None:
        """Attributes can be neither set nor added."""
        empty = object.__new__(model)
        for name in (fields_of(model)[0].name, "no_such_field"):
            with pytest.raises(AttributeError):
                setattr(empty, name, None)
        assert not hasattr(empty, "__dict__")

    @each_model
    def test_takes_keywords_only(self, model: type[Model]) -> None:
        """All fields are keyword-only, so new fields break no caller."""
        assert [field.name for field in fields_of(model) if not field.kw_only] == []

    @each_model
    def test_is_fully_annotated(self, model: type[Model]) -> None:
        """Each field has a type that resolves at run time and is not `Any`."""
        hints = get_type_hints(model)
        assert [field.name for field in fields_of(model) if hints.get(field.name, Any) is Any] == []

    @each_model
    def test_is_exported(self, model: type[Model]) -> None:
        """It is exported by `fivetran_async.models`."""
        exported = importlib.import_module("fivetran_async.models")
        assert model.__name__ in dir(exported)
        assert getattr(exported, model.__name__) is model

    @each_model
    def test_is_documented(self, model: type[Model]) -> None:
        """It has a docstring of its own, not the one that attrs generates."""
        assert model.__doc__
        assert not model.__doc__.startswith("Method generated by attrs")
