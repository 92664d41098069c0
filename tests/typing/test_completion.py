"""Completion at run time, as in a notebook; `completion` has what type checkers see."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Final
from unittest.mock import create_autospec

import pytest

from fivetran_async import AsyncFivetran
from fivetran_async.resources.connections import Connections
from meta.calls import method_of
from meta.inventory import OPERATIONS
from support.each import for_each

COMPLETION: Final = Path(__file__).with_name("completion.py")
FAMILIES: Final = sorted({row.method.rpartition(".")[0] for row in OPERATIONS})

OPEN: Final = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}


@pytest.fixture(scope="module")
def fivetran() -> AsyncFivetran:
    """A session that sends nothing, so it needs neither a loop nor to be closed."""
    return AsyncFivetran("key", "secret")


def test_dir_holds_every_family(fivetran: AsyncFivetran) -> None:
    """`dir()` lists every family before its first use, and nested families."""
    fresh = set(dir(fivetran))
    assert {family.partition(".")[0] for family in FAMILIES} | {"connectors", "syncs"} <= fresh
    for family, _, inner in (name.partition(".") for name in FAMILIES if "." in name):
        assert inner in dir(getattr(fivetran, family))


def test_every_method_names_what_it_takes(fivetran: AsyncFivetran) -> None:
    """No method's signature has `*args` or `**kwargs`."""
    kinds = {
        row.method: {
            each.kind for each in inspect.signature(method_of(fivetran, row)).parameters.values()
        }
        for row in OPERATIONS
    }
    assert len(kinds) == len(OPERATIONS)
    assert [method for method, found in kinds.items() if found & OPEN] == []


async def test_methods_can_be_mocked() -> None:
    """A mock of a family has coroutine methods where the family has, and plain ones for lists."""
    connections = create_autospec(Connections, instance=True)
    connections.pause.return_value = "paused"
    assert await connections.pause("tiny_fox") == "paused"
    assert not inspect.isawaitable(connections.list())


@for_each("family", FAMILIES)
def test_family_is_type_checked(family: str) -> None:
    """`completion.py` asserts the class of each family."""
    assert f"assert_type(fivetran.{family}, " in COMPLETION.read_text("utf-8")
