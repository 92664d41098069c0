"""One test for many small cases, since pytest takes longer for a test than such a case does."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any


def for_each(
    argument: str, values: Iterable[object]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """
    Run a test with every value of one argument, and report every value that fails.

    As `pytest.mark.parametrize`, but as one test: for cases of microseconds, by the hundred.
    """
    cases = list(values)

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def run(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401
            failures: list[Exception] = []
            for case in cases:
                try:
                    test(*args, **kwargs, **{argument: case})
                except Exception as failure:  # noqa: BLE001 - all are raised below
                    failure.add_note(f"{argument}: {getattr(case, '__name__', case)}")
                    failures.append(failure)
            if failures:
                raise ExceptionGroup(f"{len(failures)} of {len(cases)} cases fail", failures)

        signature = inspect.signature(test)
        others = [each for each in signature.parameters.values() if each.name != argument]
        run.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]
        return run

    return decorate
