"""Runs steps at once where nothing keeps them apart; a failed one blocks only what needs it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import attrs

from fivetran_async._http.walk import cancel_and_wait
from fivetran_async.as_code._applying.steps import PlanStep
from fivetran_async.errors import FivetranError

_AT_ONCE: Final = 64
"""Steps at once; the session's limiter bounds their requests."""


@attrs.define
class StepResults:
    """
    What became of the steps.

    Attributes:
        done: The keys of the steps that were carried out.
        errors: The errors of those that failed, by key.
        blocked: The keys of those that were not begun, and the step that each waits for.
    """

    done: list[str] = attrs.field(factory=list[str])
    errors: dict[str, FivetranError] = attrs.field(factory=dict[str, FivetranError])
    blocked: dict[str, str] = attrs.field(factory=dict[str, str])


async def run_steps(
    steps: Sequence[PlanStep], work: Callable[[PlanStep], Awaitable[None]]
) -> StepResults:
    """
    Run each step when the steps that it needs are done.

    Args:
        steps: The steps; needs that are not among them are taken as done.
        work: Carries out one step; a FivetranError is the failure of that step alone.

    Raises:
        Exception: `work` raised another error; all other steps were cancelled.
    """
    schedule = _Schedule(steps)
    tasks: dict[asyncio.Task[None], PlanStep] = {}

    async def carry_out(step: PlanStep) -> None:
        await work(step)

    try:
        while schedule.ready or tasks:
            while schedule.ready and len(tasks) < _AT_ONCE:
                step = schedule.ready.popleft()
                tasks[asyncio.create_task(carry_out(step))] = step
            finished, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in finished:
                step = tasks.pop(task)
                error = task.exception()
                if error is None:
                    schedule.end(step)
                elif isinstance(error, FivetranError):
                    schedule.fail(step, error)
                else:
                    raise error
    finally:
        await cancel_and_wait(tasks)
    schedule.block_rest()
    return schedule.results


class _Schedule:
    """The steps that are ready, and those that wait."""

    def __init__(self, steps: Sequence[PlanStep]) -> None:
        keys = {step.key for step in steps}
        self.results = StepResults()
        self._steps: Mapping[str, PlanStep] = {step.key: step for step in steps}
        self._needs = {step.key: {need for need in step.needs if need in keys} for step in steps}
        self._needed_by: dict[str, list[str]] = {}
        for key, needs in self._needs.items():
            for need in needs:
                self._needed_by.setdefault(need, []).append(key)
        self.ready = deque(step for step in steps if not self._needs[step.key])
        self._waiting = {key for key, needs in self._needs.items() if needs}

    def end(self, step: PlanStep) -> None:
        """Note that a step is done, and free those that needed only it."""
        self.results.done.append(step.key)
        for key in self._needed_by.get(step.key, ()):
            self._needs[key].discard(step.key)
            if not self._needs[key] and key in self._waiting:
                self._waiting.discard(key)
                self.ready.append(self._steps[key])

    def fail(self, step: PlanStep, error: FivetranError) -> None:
        """Note the failure of a step, and block those that need it."""
        self.results.errors[step.key] = error
        blocking = [step.key]
        while blocking:
            for key in self._needed_by.get(blocking.pop(), ()):
                if key in self._waiting:
                    self._waiting.discard(key)
                    self.results.blocked[key] = step.key
                    blocking.append(key)

    def block_rest(self) -> None:
        """Note the steps that wait for each other."""
        for key in sorted(self._waiting):
            self.results.blocked[key] = min(self._needs[key])
