"""One test for many small cases, since pytest takes longer for a test than such a case does."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any, TypeAlias, cast

import pytest

Test: TypeAlias = Callable[..., Any]
Case: TypeAlias = Mapping[str, Any]


def for_each(names: str, values: Iterable[Any]) -> Callable[[Test], Test]:
    """
    Run a test with every case, one after the other, and report every case that fails.

    As `pytest.mark.parametrize`, but as one test: for cases of microseconds, by the hundred. All
    cases share the fixtures of the test.

    Args:
        names: The argument that gets the value of a case, or several, separated by commas.
        values: The value of each case; with several arguments, a tuple of values.
    """
    arguments = [name.strip() for name in names.split(",")]
    rows = values if len(arguments) > 1 else ((value,) for value in values)
    cases: list[Case] = [dict(zip(arguments, row, strict=True)) for row in rows]

    def decorate(test: Test) -> Test:
        @functools.wraps(test)
        def run(*args: Any, **fixtures: Any) -> None:  # noqa: ANN401
            failures = _Failures(len(cases))
            for case in cases:
                with failures.collected(case):
                    test(*args, **fixtures, **case)
            failures.report()

        @functools.wraps(test)
        async def run_coroutine(*args: Any, **fixtures: Any) -> None:  # noqa: ANN401
            failures = _Failures(len(cases))
            for case in cases:
                with failures.collected(case):
                    await test(*args, **fixtures, **case)
            failures.report()

        runs: Any = run_coroutine if inspect.iscoroutinefunction(test) else run
        signature = inspect.signature(test)
        fixtures = [each for each in signature.parameters.values() if each.name not in arguments]
        runs.__signature__ = signature.replace(parameters=fixtures)
        return cast("Test", runs)

    return decorate


class _Failures:
    """The exceptions of the cases that failed, each with a note that names its case."""

    def __init__(self, cases: int) -> None:
        self._cases = cases
        self._found: list[BaseException] = []

    @contextlib.contextmanager
    def collected(self, case: Case) -> Generator[None]:
        """Keep the exception of a case."""
        try:
            yield
        except Exception as failure:  # noqa: BLE001 - all are raised at the end
            self._add(failure, case)
        except pytest.fail.Exception as failure:
            self._add(failure, case)
            # A timeout ends a test like this, and the next cases would run without one.
            self.report()

    def _add(self, failure: BaseException, case: Case) -> None:
        shown = (f"{name}: {getattr(value, '__name__', value)}" for name, value in case.items())
        failure.add_note(", ".join(shown))
        self._found.append(failure)

    def report(self) -> None:
        """Raise what was kept."""
        if self._found:
            message = f"{len(self._found)} of {self._cases} cases fail"
            raise BaseExceptionGroup(message, self._found) from None
