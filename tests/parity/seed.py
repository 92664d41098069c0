"""
The functions of fivetrex, and their equivalents here.

`fivetrex.txt` has the 78 public functions in its documentation: 77 with a `@spec`, and
`Fivetrex.Error.message/1`, a callback without one. A function with default arguments counts once,
with all its arguments.
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
"""Functions that only make sense in Elixir, with the reason; there are none."""


T = TypeVar("T")


@attrs.frozen
class Case(Generic[T]):
    """A function of fivetrex, and the code that does the same here."""

    function: str
    run: T

    def __str__(self) -> str:
        return self.function


SERVED: Final[list[Case[Served]]] = []
"""Cases that run against a server."""

PURE: Final[list[Case[Pure]]] = []
"""Cases that work without a server."""


def seed(function: str) -> Callable[[Served], Served]:
    """Register a coroutine function with account and session as the equivalent of a function."""

    def register(run: Served) -> Served:
        SERVED.append(Case(function, run))
        return run

    return register


def seed_pure(function: str) -> Callable[[Pure], Pure]:
    """Register a function without arguments as the equivalent of a function."""

    def register(run: Pure) -> Pure:
        PURE.append(Case(function, run))
        return run

    return register


def summary(executed: Counter[str]) -> list[str]:
    """Return a line with the number of functions that this run executed."""
    done, without = len(executed), len(NOT_APPLICABLE)
    counts = f"({done} executed, {without} not applicable)"
    return [f"fivetrex: {done + without} of {len(FUNCTIONS)} {counts}"]
