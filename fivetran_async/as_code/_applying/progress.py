"""PURE: what a journal has about each step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from fivetran_async._types import UNSET
from fivetran_async.as_code._applying.journal import JournalEntry
from fivetran_async.as_code._comparing.leaves import Leaf
from fivetran_async.as_code._kinds.values import FieldPath, as_items
from fivetran_async.as_code._planning.json_forms import leaf_of


@attrs.define
class StepProgress:
    """
    What a journal has about one step.

    Attributes:
        key: The step.
        verb: What it does.
        address: The object.
        id: The id of the object, as far as it is known.
        leaves: The values that it set: those before its first attempt, and those after.
        known: The ids of objects with the same name that were there before a creation.
        is_done: True if it was carried out and verified.
        is_refused: True if the server refused a creation or deletion, so that it did nothing.
        is_paused: True if the run paused the connection and has not resumed it.
        policy: The change policy of the schema config before the step.
    """

    key: str
    verb: str
    address: str
    id: str | None = None
    leaves: dict[FieldPath, Leaf] = attrs.field(factory=dict[FieldPath, Leaf])
    known: tuple[str, ...] = ()
    is_done: bool = False
    is_refused: bool = False
    is_paused: bool = False
    policy: str = ""


def progress_in(entries: Iterable[JournalEntry]) -> dict[str, StepProgress]:
    """Return the steps that were begun, in order, by their keys."""
    steps: dict[str, StepProgress] = {}
    for entry in entries:
        key, event = entry.get("step"), entry.get("event")
        if not isinstance(key, str):
            continue
        if event == "begin":
            _begin(steps, key, entry)
        elif key in steps:
            _note(steps[key], event, entry)
    return steps


def _begin(steps: dict[str, StepProgress], key: str, entry: JournalEntry) -> None:
    step, known = steps.get(key), tuple(map(str, as_items(entry.get("known")) or ()))
    if step is None:
        step = steps[key] = StepProgress(
            key,
            str(entry.get("verb")),
            str(entry.get("address")),
            known=known,
            policy=_text(entry, "policy"),
        )
    elif step.is_done or step.is_refused:
        # It is carried out once more: what the first attempt made is gone, or never was.
        step.known, step.id, step.is_done, step.is_refused = known, None, False, False
    step.id = _text(entry, "id") or step.id
    for path, leaf in _leaves_in(entry):
        first = step.leaves.get(path)
        # A second attempt finds what the first one set: the value before is that of the first.
        step.leaves[path] = leaf if first is None else Leaf(first.before, leaf.after)


def _note(step: StepProgress, event: object, entry: JournalEntry) -> None:
    step.id = _text(entry, "id") or step.id
    if event == "done":
        step.is_done = True
        for path, leaf in _leaves_in(entry):
            before = step.leaves.get(path, Leaf(UNSET, UNSET)).before
            step.leaves[path] = Leaf(before, leaf.after)
    elif event == "refused":
        step.is_refused = True
    elif event in {"paused", "resumed", "kept"}:
        step.is_paused = event == "paused"


def _leaves_in(entry: JournalEntry) -> Sequence[tuple[FieldPath, Leaf]]:
    return [leaf_of(each) for each in as_items(entry.get("leaves")) or ()]


def _text(entry: JournalEntry, name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""
