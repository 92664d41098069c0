"""Names that the package defines: each has one meaning, so a search finds one definition."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import fivetran_async
from support.sources import tree_of

ROOT: Final = Path(fivetran_async.__file__).parent

SHARED: Final[Mapping[str, str]] = {
    "CONNECTIONS": "the command's view of connections, and the fake's routes of connections",
    "Delivery": "public twice: what an application receives, and what the fake sends",
    "FAMILIES": "each module of the fake lists its families for the one loop that reads them",
    "Fault": "public twice: the cause that an error names, and a fault that a test scripts",
    "Finding": "public: what a rule of a check found; the other is what the decoder reports",
    "MAX_LIMIT": "the fake enforces the API's limit by its own constant, not by the client's",
    "OnError": "a word for the fan-out, and a callback typed for each web framework",
    "Policy": "public: rules for schema configs; the other is what retries need of their policy",
    "Query": "public: a statement for the sync logs; the other is the query string of a request",
    "QueryValue": "public: a value in `Query` of the sync logs; the other is one in a query string",
    "SIGNATURE_HEADER": "the fake signs by the API's header, not by the client's constant",
    "check": "public twice: rules over a snapshot of an account, and a config without an account",
    "logger": "one logger per module, by convention",
    "main": "the entry points of two commands",
    "pause": "a command, and a handler of the fake",
    "resume": "a command, a step of a wait, and a handler of the fake",
    "plan": "public: plans changes of an account; the other plans how a wait reads connections",
    "run_tests": "handlers of two families of the fake",
    "start": "a step of a wait, and a handler of the fake",
}
"""Names that several modules define on purpose, and why."""


def definitions_in(tree: ast.Module) -> Iterator[str]:
    """List the classes, functions, aliases and constants that a module defines at its top level."""
    for node in tree.body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                yield name
            case ast.AsyncFunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)]) if not _is_type_variable(node.value):
                yield name
            case _:
                pass


def _is_type_variable(value: ast.expr) -> bool:
    variables = {"TypeVar", "ParamSpec"}
    return isinstance(value, ast.Call) and ast.unparse(value.func) in variables


def is_compared(name: str) -> bool:
    """Return True for public names and private classes; private functions are a module's own."""
    return not name.startswith("_") or (name.strip("_")[:1].isupper() and not name.isupper())


def test_each_name_has_one_definition() -> None:
    """No two modules define the same name, except the names listed above."""
    modules: dict[str, set[str]] = defaultdict(set)
    for path in ROOT.rglob("*.py"):
        for name in filter(is_compared, definitions_in(tree_of(path))):
            modules[name].add(path.relative_to(ROOT).as_posix())
    assert len(modules) > 500
    shared = {name: found for name, found in modules.items() if len(found) > 1}
    allowed = {*SHARED}
    assert {name: found for name, found in shared.items() if name not in allowed} == {}
    assert allowed - set(shared) == set(), "names that are defined once need no entry"


def test_definitions_are_found() -> None:
    """The search finds every kind of definition, and skips type variables and nested names."""
    source = "T = TypeVar('T')\nA: TypeAlias = int\nB = 1\ndef f(): g = 1\nclass C:\n    d = 1\n"
    assert list(definitions_in(ast.parse(source))) == ["A", "B", "f", "C"]
