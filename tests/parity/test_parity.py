"""Runs the equivalent of each function of fivetrex, and checks that none is missing."""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from collections.abc import Callable

import pytest

from fivetran_async import AsyncFivetran
from fivetran_async.testing import FakeFivetran
from parity import cases
from parity.seed import FUNCTIONS, NOT_APPLICABLE, PURE, SERVED, Case, Pure, Served
from support.each import for_each

for found in pkgutil.iter_modules(cases.__path__):
    importlib.import_module(f"{cases.__name__}.{found.name}")


@pytest.mark.parametrize("case", SERVED, ids=str)
async def test_does_over_http_what_fivetrex_does(
    case: Case[Served],
    fake: FakeFivetran,
    fivetran: AsyncFivetran,
    record_property: Callable[[str, object], None],
) -> None:
    """Functions that use HTTP have the same result on a real server."""
    await case.run(fake, fivetran)
    record_property("parity", {case.function: 1})


@for_each("case", PURE)
def test_does_in_memory_what_fivetrex_does(
    case: Case[Pure], record_property: Callable[[str, object], None]
) -> None:
    """Functions that only process data have the same result."""
    case.run()
    record_property("parity", {case.function: 1})


def test_every_function_has_its_case() -> None:
    """Each of the 78 functions of fivetrex has one case, or a reason for its absence."""
    assert len(FUNCTIONS) == len(set(FUNCTIONS)) == 78
    covered = Counter(case.function for case in SERVED) + Counter(case.function for case in PURE)
    assert covered + Counter(NOT_APPLICABLE.keys()) == Counter(FUNCTIONS)
