"""
What fivetrex offers, and what stands for it here.

`fivetrex.txt` has the 78 public functions of its documentation: those 77 that it gives a `@spec`,
and `Fivetrex.Error.message/1`, a callback that it describes without one. A function with defaults
counts once, with its most arguments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, Generic, TypeAlias, TypeVar

import attrs

from fivetran_async import AsyncFivetran
from fivetran_async.testing import FakeFivetran

Served: TypeAlias = Callable[[FakeFivetran, AsyncFivetran], Awaitable[None]]
Pure: TypeAlias = Callable[[], None]

FUNCTIONS: Final = tuple(
    Path(__file__).with_name("fivetrex.txt").read_text(encoding="utf-8").split()
)

NOT_APPLICABLE: Final[Mapping[str, str]] = {}
"""Functions that mean nothing outside Elixir, with the reason: there are none."""


T = TypeVar("T")


@attrs.frozen
class Case(Generic[T]):
    """One function of fivetrex, and what does its work here."""

    function: str
    run: T

    def __str__(self) -> str:
        return self.function


SERVED: Final[list[Case[Served]]] = []
"""Cases that need an account: they are run against a server."""

PURE: Final[list[Case[Pure]]] = []
"""Cases that need nothing."""


def seed(function: str) -> Callable[[Served], Served]:
    """Let a coroutine function, given an account and a session with it, stand for a function."""

    def register(run: Served) -> Served:
        SERVED.append(Case(function, run))
        return run

    return register


def seed_pure(function: str) -> Callable[[Pure], Pure]:
    """Let a plain function, without any account, stand for a function."""

    def register(run: Pure) -> Pure:
        PURE.append(Case(function, run))
        return run

    return register


def summary(executed: Counter[str]) -> list[str]:
    """Format how many of the functions were executed in this run."""
    done, without = len(executed), len(NOT_APPLICABLE)
    counts = f"({done} executed, {without} not applicable)"
    return [f"fivetrex: {done + without} of {len(FUNCTIONS)} {counts}"]
