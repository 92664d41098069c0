"""PURE: the steps that carry out a plan, and which of them wait for which."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias

import attrs

from fivetran_async.as_code._comparing.leaves import Leaf
from fivetran_async.as_code._kinds.addresses import configured_connection, owners_of, trusting_owner
from fivetran_async.as_code._kinds.rules import PAUSED, TESTED
from fivetran_async.as_code._kinds.values import FieldPath, as_items, entries
from fivetran_async.as_code._planning.changes import Change
from fivetran_async.as_code._planning.costs import resumes_last, sends_secrets

StepVerb: TypeAlias = Literal["create", "update", "move", "delete", "test", "resume"]

_GROUP: Final = ("group_id",)


@attrs.frozen
class PlanStep:
    """
    One step of a plan.

    Attributes:
        key: Its name in the journal, such as `update connections/prod/crm`.
        verb: What is done.
        change: The change that it is a part of.
        leaves: The values that it sets.
        needs: The keys of the steps that must be done before.
    """

    key: str
    verb: StepVerb
    change: Change
    leaves: Mapping[FieldPath, Leaf] = attrs.field(factory=dict[FieldPath, Leaf])
    needs: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """The object."""
        return self.change.address

    @property
    def kind(self) -> str:
        """The kind of the object."""
        return self.change.kind


def steps_of(changes: Sequence[Change]) -> tuple[PlanStep, ...]:
    """Return the steps of changes, each with the steps that it waits for."""
    made = [step for change in changes for step in _steps_of(change)]
    by_address: dict[str, list[PlanStep]] = defaultdict(list)
    for step in made:
        by_address[step.address].append(step)
    users = _users_of(made)
    return tuple(attrs.evolve(step, needs=_needs(step, by_address, users)) for step in made)


def _steps_of(change: Change) -> Iterator[PlanStep]:
    leaves = dict(change.leaves)
    tests = change.kind in TESTED and sends_secrets(change)
    is_last = resumes_last(change)
    if is_last or (change.action == "create" and change.kind == "connections"):
        # A new connection is paused by its creation.
        leaves.pop(PAUSED, None)
    verb = change.action
    if verb == "move":
        moved = leaves.pop(_GROUP)
        yield PlanStep(f"move {change.address}", "move", change, {_GROUP: moved})
        verb = "update"
    if leaves or change.action != "move":
        yield PlanStep(f"{verb} {change.address}", verb, change, leaves)
    if is_last:
        leaf = Leaf(True, False)  # noqa: FBT003 - values
        yield PlanStep(f"resume {change.address}", "resume", change, {PAUSED: leaf})
    if tests:
        yield PlanStep(f"test {change.address}", "test", change)


def _needs(
    step: PlanStep, by_address: Mapping[str, list[PlanStep]], users: Mapping[str, list[PlanStep]]
) -> tuple[str, ...]:
    found: dict[str, None] = {}

    def need(others: Iterable[PlanStep], *verbs: StepVerb) -> None:
        found.update(dict.fromkeys(o.key for o in others if o.verb in verbs and o.key != step.key))

    own = by_address[step.address]
    if step.verb == "delete":
        for address in (step.address, *_loads_into(step)):
            need(users.get(address, ()), "delete", "move", "update")
        return tuple(found)
    if step.verb == "update":
        need(own, "move")
    elif step.verb in {"test", "resume"}:
        need(own, "create", "move", "update", *(("test",) if step.verb == "resume" else ()))
    for address in _referred(step):
        need(by_address.get(address, ()), "create")
        if step.kind == "connections" and address.startswith("groups/"):
            need(by_address.get(f"destinations{address[6:]}", ()), "create", "test")
    found.update((other.key, None) for other in _partner_steps(step, by_address))
    return tuple(found)


def _approvals_for(address: str, by_address: Mapping[str, list[PlanStep]]) -> Iterator[PlanStep]:
    for other, steps in by_address.items():
        if trusting_owner(other) == address:
            yield from steps


def _partner_steps(step: PlanStep, by_address: Mapping[str, list[PlanStep]]) -> Iterator[PlanStep]:
    """List the steps of a connection that its schema config waits for, and the other way."""
    if step.verb == "test":
        # The tests fail until the keys of the server are trusted.
        yield from _approvals_for(step.address, by_address)
    if step.kind == "schemas":
        owner = configured_connection(step.address)
        for other in by_address.get(owner, ()):
            if other.verb != "resume" and not _resumes(other):
                yield other
    elif step.kind == "connections" and _resumes(step):
        # A connection runs only after its schemas are as wanted.
        yield from by_address.get(f"schemas{step.address.removeprefix('connections')}", ())


def _resumes(step: PlanStep) -> bool:
    leaf = step.leaves.get(PAUSED)
    return step.verb in {"resume", "update"} and leaf is not None and leaf.after is False


def _loads_into(step: PlanStep) -> tuple[str, ...]:
    """Return the group of a destination: connections in it have to go first."""
    if step.kind != "destinations":
        return ()
    return (f"groups/{step.address.partition('/')[2]}",)


def _users_of(steps: Iterable[PlanStep]) -> dict[str, list[PlanStep]]:
    """Return the steps that take a reference to an address away, by that address."""
    users: dict[str, list[PlanStep]] = defaultdict(list)
    for step in steps:
        if step.verb in {"delete", "move", "update"}:
            for leaf in step.leaves.values():
                for text in _texts_in(leaf.before):
                    users[text].append(step)
    return users


def _referred(step: PlanStep) -> Iterator[str]:
    yield from owners_of(step.address)
    if step.verb in {"create", "update", "move"}:
        for leaf in step.leaves.values():
            yield from _texts_in(leaf.after)


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        if "/" in value:
            yield value
        return
    for each in (*entries(value).values(), *(as_items(value) or ())):
        yield from _texts_in(each)
