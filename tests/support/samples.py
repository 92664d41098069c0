"""How many cases a test tries: a sample in the session `tests`, all of them in `proofs`."""

from __future__ import annotations

import os
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

VARIABLE: Final = "FIVETRAN_ASYNC_TEST_PROOFS"
"""The environment variable that the session `proofs` sets; child processes inherit it."""

PROOFS: Final = VARIABLE in os.environ


def sample(small: int, full: int) -> int:
    """Return the number of cases: `full` in the session `proofs`, `small` elsewhere."""
    return full if PROOFS else small


def choose_examples() -> None:
    """Set the defaults of Hypothesis: the number of examples, and no limits of time."""
    settings.register_profile(
        "sample",
        max_examples=sample(50, 1_000),
        # A busy machine is slow at random: an example that takes longer is not a failure.
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("sample")


def is_sampled(item: pytest.Item) -> bool:
    """True for a test that tries more cases in `proofs`: it calls `sample` or uses Hypothesis."""
    module = getattr(item, "module", None)
    return (
        item.get_closest_marker("hypothesis") is not None
        or getattr(module, "sample", None) is sample
    )
