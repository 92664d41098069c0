"""PURE: the plan that takes a run back, from its journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import attrs

from fivetran_async._types import UNSET
from fivetran_async.as_code._applying.progress import StepProgress
from fivetran_async.as_code._comparing.leaves import Leaf
from fivetran_async.as_code._comparing.three_way import is_column_setting
from fivetran_async.as_code._kinds.rules import PAUSED, rules_of
from fivetran_async.as_code._kinds.values import FieldPath, dotted
from fivetran_async.as_code._planning.changes import Change, ChangeAction
from fivetran_async.as_code._planning.costs import plan_cost_of
from fivetran_async.as_code._planning.hazards import hazards_of
from fivetran_async.as_code._planning.plans import Plan
from fivetran_async.as_code._secrets.fields import references_in

_BLOCK: Final = "BLOCK_ALL"
_KEPT_FOREVER: Final = "a user's invitation was sent; delete the user yourself"
_RECREATED: Final = frozenset({"fingerprints", "memberships", "webhooks"})
_FOUND_BY_ID: Final = frozenset(
    {"groups", "connections", "webhooks", "teams", "transformation_projects", "transformations"}
)
"""The kinds with a path that needs the id of the object."""
_IN_DOUBT: Final = "whether it was created is unknown: apply the plan once more before the undo"


@attrs.define
class _Reverse:
    """The reverse of the steps of one object."""

    address: str
    action: ChangeAction | None = None
    leaves: dict[FieldPath, Leaf] = attrs.field(factory=dict[FieldPath, Leaf])
    id: str | None = None
    in_doubt: set[FieldPath] = attrs.field(factory=set[FieldPath])
    impossible: list[str] = attrs.field(factory=list[str])


def undo_of(
    steps: Iterable[StepProgress],
    *,
    run: str,
    account_id: str,
    account_name: str,
    ids: Mapping[str, str],
    services: Mapping[str, str],
    moves: str | None,
    folder: Path | None,
) -> Plan:
    """
    Return the plan that takes the begun steps of a run back, newest first.

    Args:
        steps: The steps, in the order in which they were begun.
        run: The name of the run.
        account_id: The account.
        account_name: Its name.
        ids: The ids of the addresses of the run.
        services: The services of the objects, by address.
        moves: How connections were moved.
        folder: The folder of the run.
    """
    found: dict[str, _Reverse] = {}
    steps = list(steps)
    for step in reversed(steps):
        _reverse(found.setdefault(step.address, _Reverse(step.address)), step, moves)
    _resume_paused(found, steps)
    _drop_schemas_of_removed_connections(found)
    changes = tuple(
        Change(
            each.address,
            each.action,
            each.leaves,
            each.id or ids.get(each.address),
            services.get(each.address, ""),
        )
        for each in found.values()
        if each.action is not None and (each.leaves or each.action == "delete")
    )
    hazards = hazards_of(changes, {}, moves=None)
    known = {**ids, **{each.address: each.id for each in found.values() if each.id}}
    return Plan(
        account_id=account_id,
        account_name=account_name,
        changes=changes,
        hazards=hazards,
        cost=plan_cost_of(changes, hazards),
        ids=dict(sorted(known.items())),
        moves="CONTINUE" if any(change.action == "move" for change in changes) else None,
        undoes=run,
        impossible={
            each.address: "; ".join(dict.fromkeys(each.impossible))
            for each in found.values()
            if each.impossible
        },
        folder=folder,
    )


def _resume_paused(found: dict[str, _Reverse], steps: Iterable[StepProgress]) -> None:
    """Resume the connections that an interrupted run has paused for a change."""
    for step in steps:
        kind, _, place = step.address.partition("/")
        if not step.is_paused or kind not in {"connections", "schemas"}:
            continue
        address = f"connections/{place}"
        each = found.setdefault(address, _Reverse(address))
        if each.action != "delete":
            each.action = each.action or "update"
            each.leaves.setdefault(PAUSED, Leaf(True, False))  # noqa: FBT003 - values


def _drop_schemas_of_removed_connections(found: dict[str, _Reverse]) -> None:
    """Leave out schema configs that disappear with the connections that the run created."""
    for address, each in list(found.items()):
        kind, _, place = address.partition("/")
        owner = found.get(f"schemas/{place}") if kind == "connections" else None
        if owner is not None and each.action == "delete":
            del found[owner.address]


def _reverse(each: _Reverse, step: StepProgress, moves: str | None) -> None:
    if step.is_refused:
        return
    each.id = step.id or each.id
    if step.verb == "create":
        _reverse_creation(each, step)
    elif step.verb == "delete":
        _reverse_deletion(each, step)
    elif step.verb == "move":
        if moves == "BACKFILL":
            each.impossible.append("a move with BACKFILL cannot be taken back")
            return
        _reverse_leaves(each, step)
        each.action = "move"
    elif step.leaves:
        _reverse_leaves(each, step)
        each.action = each.action or "update"


def _reverse_creation(each: _Reverse, step: StepProgress) -> None:
    kind = step.address.partition("/")[0]
    if kind == "schemas":
        each.impossible.append("a schema config cannot be removed")
        return
    if kind == "users":
        each.impossible.append(_KEPT_FOREVER)
        each.action, each.leaves = None, {}
        return
    if kind in _FOUND_BY_ID and not step.id:
        each.impossible.append(_IN_DOUBT)
        return
    # What later steps of the run set is how the object is now, unless they did not end.
    now = {path: leaf.before for path, leaf in each.leaves.items() if path not in each.in_doubt}
    created = {path: leaf.after for path, leaf in step.leaves.items()}
    if kind == "connections":
        created.setdefault(PAUSED, True)
    each.action = "delete"
    known = {path: value for path, value in created.items() if path not in each.in_doubt}
    each.leaves = {path: Leaf(value, UNSET) for path, value in {**known, **now}.items()}


def _reverse_deletion(each: _Reverse, step: StepProgress) -> None:
    kind = step.address.partition("/")[0]
    secrets = any(any(references_in(leaf.before)) for leaf in step.leaves.values())
    if kind not in _RECREATED or secrets:
        each.impossible.append(f"a deleted {rules_of(kind).noun} cannot be restored")
        return
    each.action = "create"
    each.leaves = {path: Leaf(UNSET, leaf.before) for path, leaf in step.leaves.items()}


def _reverse_leaves(each: _Reverse, step: StepProgress) -> None:
    each.in_doubt.update(() if step.is_done else step.leaves)
    rules = rules_of(step.address.partition("/")[0])
    for path, leaf in step.leaves.items():
        if any(references_in(leaf.after)) or any(references_in(leaf.before)):
            each.impossible.append(f"the secret {dotted(path)} cannot be taken back")
            continue
        before = leaf.before
        if path[0] not in rules.readable and before is UNSET:
            each.impossible.append(f"the value of {dotted(path)} before the run is unknown")
            continue
        if before is UNSET and is_column_setting(rules, path):
            if path[-1] == "enabled" and step.policy == _BLOCK:
                each.impossible.append(f"{dotted(path)} could be either before the run")
                continue
            before = path[-1] == "enabled"
            if path[-1] == "is_primary_key":
                each.impossible.append(f"{dotted(path)} before the run is unknown")
                continue
        elif before is UNSET and not path[-1].startswith("["):
            before = None
        known = each.leaves.get(path)
        each.leaves[path] = Leaf(leaf.after if known is None else known.before, before)
