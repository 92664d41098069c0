"""Compares the client with the inventory: each row has a method, each method a row."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, get_type_hints

import pytest

from fivetran_async import UNSET, AsyncFivetran, Pager
from fivetran_async.resources._family import family_at
from fivetran_async.resources._resource import Resource
from meta.calls import (
    LOCAL,
    method_of,
    parameters_of,
    positional_fields,
    positional_names,
    python_name,
)
from meta.inventory import BY_METHOD, OPERATIONS, SHAPES, Operation, operation_of
from support.each import for_each

CONVENIENCES: Final[Mapping[str, str]] = {
    "connections.find": "the connection of a name, from `list`",
    "connections.pause": "`update` that cannot run setup tests by mistake",
    "connections.resume": "the same",
    "connections.set_sync_frequency": "the same",
    "connections.get_sync_status": "`get`, seen as what its syncs do",
    "connections.schemas.modify": "`get` and `update`, retried after a collision",
    "connections.start_sync": "`sync`, with the state before it, for a wait",
    "connections.sync_and_wait": "the same, and the wait",
    "connections.resync_and_wait": "`resync`, and the wait",
    "connections.wait_for_sync": "`get` until a sync has ended",
    "connections.wait_for_move": "`get_move` until the job has ended",
    "connections.test_until_connected": "`run_setup_tests`, and approving what they find",
    "connector_types.check": "`get` once for each service, compared with a config",
    "private_links.wait_until_ok": "`get` until it can be used",
    "transformations.run_and_wait": "`run`, then `get` until it has ended",
    "webhooks.ensure": "`list`, then a create or `update` where something differs",
}
"""Public methods that are not operations, and what they do instead."""

SENT_UNASKED: Final[Mapping[tuple[str, str], object]] = {
    ("connections.sync", "force"): False,
    ("connections.move", "sync_behavior"): "CONTINUE",
}
"""Fields that are always sent: calls that start a sync rely on no default of the server."""

CALLED = re.compile(r"\b(GET|POST|PATCH|DELETE) ((?:\.\.\.)?/\S+)")
TYPED_CALLS = Path(__file__).parent.parent / "typing" / "every_method.py"

each_operation: Final = for_each("operation", OPERATIONS)


@pytest.fixture(scope="module")
def fivetran() -> AsyncFivetran:
    """A session without requests, which needs neither an event loop nor closing."""
    return AsyncFivetran("key", "secret")


def families_of(session: AsyncFivetran) -> Iterator[tuple[str, Resource]]:
    """List every namespace of a session with its dotted name, including nested ones."""
    names = [name for name in vars(type(session)) if not name.startswith("_")]
    found = [(name, getattr(session, name)) for name in names if name != "connectors"]
    waiting = [(name, family) for name, family in found if isinstance(family, Resource)]
    while waiting:
        name, family = waiting.pop()
        yield name, family
        waiting += [
            (f"{name}.{attribute}", value)
            for attribute, value in vars(family).items()
            if isinstance(value, Resource) and not attribute.startswith("_")
        ]


def methods_of(family: Resource) -> set[str]:
    """Return the names of the public methods of a namespace."""
    members = inspect.getmembers(type(family), inspect.isfunction)
    return {name for name, _ in members if not name.startswith("_")}


def test_inventory_names_each_operation_once() -> None:
    """181 rows; no method, and no verb with its path, stands there twice."""
    assert len(OPERATIONS) == 181
    assert len(BY_METHOD) == 181
    assert len({(row.verb, row.path) for row in OPERATIONS}) == 181


@each_operation
def test_inventory_is_consistent(operation: Operation) -> None:
    """The path of a row finds the row and its family, its shapes exist, and a body is allowed."""
    assert operation_of(operation.verb, re.sub(r"[{}]", "", operation.path)) is operation
    kinds = [field.kind.strip("[{}]") for field in (*operation.body, *operation.query)]
    named = [kind for kind in (operation.shape, *kinds) if kind[:1].isupper()]
    assert [name for name in named if name not in SHAPES] == []
    assert operation.verb in {"POST", "PATCH"} or not operation.body
    assert family_at(operation.path) == operation.method.partition(".")[0]
    assert operation.paginated <= (operation.response == "page")


def test_every_public_method_is_a_row_or_a_known_convenience(
    fivetran: AsyncFivetran,
) -> None:
    """Every public method is an operation or is listed as a convenience with its reason."""
    offered = Counter(
        f"{name}.{method}"
        for name, family in families_of(fivetran)
        for method in methods_of(family)
    )
    assert set(offered) - set(CONVENIENCES) == set(BY_METHOD)
    assert set(CONVENIENCES) <= set(offered)
    assert set(offered.values()) == {1}


def test_old_name_is_the_same_object(fivetran: AsyncFivetran) -> None:
    """`fivetran.connectors` is `fivetran.connections`."""
    assert fivetran.connectors is fivetran.connections


@each_operation
def test_signature_is_what_the_row_says(operation: Operation, fivetran: AsyncFivetran) -> None:
    """Ids are positional, all other arguments keyword-only, and there are no further ones."""
    method = method_of(fivetran, operation)
    placed = positional_fields(operation, method)
    assert len(positional_names(method)) == len(operation.slots) + len(placed)
    by_name = {
        *(field.name for field in operation.body if field not in placed),
        *(python_name(field.name) for field in operation.query),
        *({"limit", "cursor"} if operation.paginated else ()),
        *({"confirm"} if any(map(operation.needs_confirmation, operation.states())) else ()),
        *(name for method, name in LOCAL if method == operation.method),
    }
    assert set(parameters_of(method)) - set(positional_names(method)) == by_name


@each_operation
def test_defaults_are_what_the_row_says(operation: Operation, fivetran: AsyncFivetran) -> None:
    """Required arguments have no default; others default to UNSET in a body, None in a query."""
    method = method_of(fivetran, operation)
    placed = positional_fields(operation, method)
    defaults: dict[str, object] = {
        field.name: inspect.Parameter.empty
        if field.required
        else SENT_UNASKED.get((operation.method, field.name), UNSET)
        for field in operation.body
        if field not in placed
    }
    defaults |= {python_name(field.name): None for field in operation.query}
    defaults |= {"limit": None, "cursor": None} if operation.paginated else {}
    parameters = parameters_of(method)
    assert {name: parameters[name].default for name in defaults} == defaults
    if "confirm" in parameters:
        assert parameters["confirm"].default is False


@each_operation
def test_lists_are_pagers_and_calls_are_coroutines(
    operation: Operation, fivetran: AsyncFivetran
) -> None:
    """Lists return a pager immediately; all other calls are coroutines."""
    method: Any = method_of(fivetran, operation)
    function = inspect.unwrap(method.__func__)
    returns_pager = getattr(get_type_hints(function)["return"], "__origin__", None) is Pager
    assert returns_pager is (operation.response == "page")
    assert inspect.iscoroutinefunction(function) is not returns_pager


@each_operation
def test_docstring_names_verb_and_path(operation: Operation, fivetran: AsyncFivetran) -> None:
    """The docstring contains verb and path, so that a search for the path finds the method."""
    method = method_of(fivetran, operation)
    text = inspect.getdoc(method) or ""
    assert re.match(r"[A-Z][^\n]+[.:]\n", text)
    assert any(names(operation, *found.groups()) for found in CALLED.finditer(text))


def names(operation: Operation, verb: str, path: str) -> bool:
    """Return True if the verb and path of a docstring belong to an operation."""
    pieces = re.split(r"\{[^}]*\}", path.rstrip(",").removeprefix("..."))
    # `...` stands for the owner of a collection.
    beginning = ".*" if path.startswith("...") else ""
    pattern = beginning + "[^/]+".join(map(re.escape, pieces))
    return verb == operation.verb and re.fullmatch(pattern, operation.path) is not None


@each_operation
def test_call_is_type_checked(operation: Operation) -> None:
    """The file for type checkers calls every method and asserts its result."""
    assert f"fivetran.{operation.method}(" in TYPED_CALLS.read_text("utf-8")
