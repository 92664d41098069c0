"""PURE: decides which differences of one object become changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, Protocol

import attrs

from fivetran_async._types import UNSET
from fivetran_async.as_code._comparing.leaves import Leaf
from fivetran_async.as_code._comparing.three_way import ConflictLeaf, Difference
from fivetran_async.as_code._kinds.rules import PAUSED, KindRules
from fivetran_async.as_code._kinds.values import FieldPath, dotted, entries
from fivetran_async.as_code._objects.objects import ManagedObject
from fivetran_async.as_code._objects.records import PLACE_SEPARATOR
from fivetran_async.as_code._secrets.fields import KEPT, references_in

_FLAGS: Final = frozenset({"trust_certificates", "trust_fingerprints"})
"""What the API takes with a change and does not keep; it refuses a change of nothing else."""


class SettlingOptions(Protocol):
    """The options that decide."""

    @property
    def revert_drift(self) -> bool:
        """True changes drift back."""
        ...

    @property
    def conflicts(self) -> Literal["wanted", "live"] | None:
        """Which value wins a conflict."""
        ...

    @property
    def moves(self) -> Literal["CONTINUE", "BACKFILL"] | None:
        """How connections are moved."""
        ...


@attrs.frozen
class Settled:
    """What is changed, what stays as drift or conflict, and what is refused."""

    changes: Mapping[FieldPath, Leaf]
    drift: Mapping[FieldPath, Leaf]
    conflicts: Mapping[FieldPath, ConflictLeaf]
    refused: tuple[str, ...]


def add_resume(found: Difference, wanted: ManagedObject, live: ManagedObject) -> bool:
    """Add the resume of a connection that a run has left paused, unless its file wants it so."""
    if live.raw_fields.get("paused") is not True or wanted.raw_fields.get("paused"):
        return False
    found.drift.pop(PAUSED, None)
    found.changes[PAUSED] = Leaf(True, False)  # noqa: FBT003 - values
    return True


def settled(
    rules: KindRules, found: Difference, options: SettlingOptions, live: ManagedObject
) -> Settled:
    """Return what becomes of the differences of one object."""
    changes, drift, conflicts = dict(found.changes), dict(found.drift), dict(found.conflicts)
    if options.conflicts is not None:
        for path, conflict in conflicts.items():
            if options.conflicts == "wanted":
                changes[path] = Leaf(conflict.live, conflict.wanted)
            else:
                drift[path] = Leaf(conflict.base, conflict.live)
        conflicts = {}
    if options.revert_drift:
        for path, leaf in found.drift.items():
            reverted = _before_drift(rules, path, leaf, live)
            if reverted is not None:
                changes[path] = reverted
                del drift[path]
    refused = [*found.refused, *_refusals(rules, changes, options, live)]
    return Settled(changes, drift, conflicts, tuple(refused))


def _before_drift(
    rules: KindRules, path: FieldPath, leaf: Leaf, live: ManagedObject
) -> Leaf | None:
    """Return the change that reverts drift, or None if there is nothing to go back to."""
    if any(reference == KEPT for _, reference in references_in(leaf.before)):
        # The values of the secrets are not known.
        return None
    if leaf.before is not UNSET:
        return Leaf(leaf.after, leaf.before)
    if rules.name != "schemas":
        return Leaf(leaf.after, UNSET if path[-1].startswith("[") else None)
    if path[-1] == "hashed":
        return Leaf(leaf.after, False)  # noqa: FBT003 - a value
    if path[-1] == "enabled":
        blocked = live.raw_fields.get("schema_change_handling") == "BLOCK_ALL"
        return None if blocked else Leaf(leaf.after, True)  # noqa: FBT003 - a value
    return None


def _refusals(
    rules: KindRules,
    changes: Mapping[FieldPath, Leaf],
    options: SettlingOptions,
    live: ManagedObject,
) -> list[str]:
    if not changes:
        return []
    if rules.refused:
        return [rules.refused]
    if not rules.changed:
        return [f"a {rules.noun} can be approved and revoked, but not changed"]
    is_moved = rules.name == "connections" and ("group_id",) in changes
    found = [
        f"{dotted(path)} cannot change after the {rules.noun} was created"
        for path in changes
        if path[0] in rules.created or dotted(path[:2]) in rules.created
        if not (is_moved and path == ("group_id",))
    ]
    if is_moved and options.moves is None:
        found.append("group_id moves the connection: choose moves='CONTINUE' or 'BACKFILL'")
    if all(path[0] in _FLAGS for path in changes):
        names = " and ".join(sorted(path[0] for path in changes))
        found.append(f"{names} can be sent only together with another change")
    locked = entries(live.raw_observed.get("locked"))
    for path in changes if locked else ():
        reason = locked.get(PLACE_SEPARATOR.join(path[1::2])) if path[-1] == "enabled" else None
        if reason is not None:
            found.append(f"{dotted(path)} cannot change: {reason}")
    return found
