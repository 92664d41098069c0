"""Whether what an earlier part of a run did is still in effect when the run is continued."""

from __future__ import annotations

from typing import Final

from fivetran_async.as_code._applying.progress import StepProgress
from fivetran_async.as_code._applying.step_context import StepContext, never_read
from fivetran_async.as_code._applying.steps import PlanStep
from fivetran_async.as_code._comparing.leaves import with_leaves
from fivetran_async.as_code._kinds.rules import KINDS_BY_NAME
from fivetran_async.errors import NotFoundError

_REMADE: Final = frozenset({"fingerprints", "memberships"})
"""Kinds that an undo restores under the same path, so that a later run deletes them once more."""


async def lasts(context: StepContext, step: PlanStep, before: StepProgress) -> bool:
    """
    Return True if what a step did is still in effect, and bring the folder up to date.

    An undo or another person may have taken it back since; and the process may have been killed
    before it noted the step in the folder.

    Args:
        context: The context of the run.
        step: A step that an earlier part of the run carried out; not a test.
        before: What the journal has about it.

    Raises:
        NotFoundError: The object was deleted since it was changed.
    """
    try:
        current = await context.read(step.address)
    except NotFoundError:
        if step.verb == "create":
            return False
        if step.verb != "delete":
            raise
        context.keeper.remove(step.address)
        return True
    if step.verb == "delete":
        return step.kind not in _REMADE
    sent = never_read(step, step.leaves)
    if step.verb == "create":
        values = with_leaves(current.values, sent)
        context.keeper.add_missing(step.address, before.id or None, values)
        return True
    rules = KINDS_BY_NAME[step.kind]
    kept = {
        path: leaf.after
        for path, leaf in before.leaves.items()
        if path in step.leaves and path not in sent
    }
    if not all(context.is_same(step, rules, current, path, value) for path, value in kept.items()):
        return False
    if context.has_other_secrets(step):
        return False
    context.keeper.set_leaves(step.address, {**kept, **sent})
    return True
