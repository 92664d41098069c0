"""`plan`: compares what files want with what is live, without sending anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias

import attrs

from fivetran_async._types import UNSET
from fivetran_async.as_code._comparing.canonical import service_of
from fivetran_async.as_code._comparing.dependents import without_meaning
from fivetran_async.as_code._comparing.leaves import Leaf
from fivetran_async.as_code._comparing.settling import add_resume, settled
from fivetran_async.as_code._comparing.three_way import Difference, difference
from fivetran_async.as_code._files.checking import unknown_references
from fivetran_async.as_code._files.folder_content import is_below
from fivetran_async.as_code._files.snapshot import Snapshot
from fivetran_async.as_code._kinds.rules import OWN_LOG
from fivetran_async.as_code._kinds.values import FieldPath
from fivetran_async.as_code._objects.objects import ManagedObject
from fivetran_async.as_code._planning.alignment import (
    completed_base,
    with_known_addresses,
    with_one_address,
)
from fivetran_async.as_code._planning.changes import (
    Change,
    ChangeAction,
    Conflict,
    SyncBehavior,
    sending_leaves,
    used_ids,
)
from fivetran_async.as_code._planning.costs import plan_cost_of
from fivetran_async.as_code._planning.hazards import hazards_of
from fivetran_async.as_code._planning.new_objects import (
    brought_by,
    creation_of,
    doubt_about,
    problem_of_deletion,
)
from fivetran_async.as_code._planning.plans import Plan
from fivetran_async.as_code._reading.assembly import NOT_CAPTURED
from fivetran_async.as_code._secrets.resolving import SecretResolver, secret_value
from fivetran_async.as_code.errors import FilesError
from fivetran_async.errors import InvalidArgumentError, WrongAccountError

ConflictChoice: TypeAlias = Literal["wanted", "live"]
Objects: TypeAlias = Mapping[str, ManagedObject]

NOT_READ: Final = "it could not be read"
NOT_COVERED: Final = "the export of the account did not cover"
"""How the reasons begin why an object cannot be compared."""


@attrs.frozen(kw_only=True)
class PlanOptions:
    """The arguments of `plan` that decide what becomes a change."""

    prune: bool = False
    revert_drift: bool = False
    send_secrets: bool = False
    conflicts: ConflictChoice | None = None
    moves: SyncBehavior | None = None


def plan(
    wanted: Snapshot,
    *,
    live: Snapshot,
    base: Snapshot | None = None,
    prune: bool = False,
    revert_drift: bool = False,
    send_secrets: bool = False,
    conflicts: ConflictChoice | None = None,
    moves: SyncBehavior | None = None,
    secrets: SecretResolver | None = None,
) -> Plan:
    """
    Compare what files want with what is live; nothing is sent.

    Wanted differs from the base: a change. Live differs from the base while wanted does not: drift,
    which is kept. What is not in a file is not managed; null clears.

    Args:
        wanted: What the account should be, from `load` or `Snapshot.change`.
        live: What it is, from `export`.
        base: What it was, from `load_base`; by default live, so that every difference is a change.
        prune: True deletes the objects of files that were removed; `apply` requires each
            address as a confirmation.
        revert_drift: True changes back what was changed on the server.
        send_secrets: True sends every secret that a file refers to.
        conflicts: Which value wins where file and server both changed; by default neither.
        moves: How connections with another group are moved: `CONTINUE` or `BACKFILL`; by default
            they are refused.
        secrets: A resolver, to find secrets with changed values behind unchanged references.

    Raises:
        WrongAccountError: The snapshots are of different accounts.
        FilesError: A file refers to an address that does not exist anywhere.
        InvalidArgumentError: An argument is not valid.
    """
    if conflicts not in (None, "wanted", "live"):
        raise InvalidArgumentError(
            f"conflicts must be None, 'wanted' or 'live', not {conflicts!r}."
        )
    if moves not in (None, "CONTINUE", "BACKFILL"):
        raise InvalidArgumentError(f"moves must be None, 'CONTINUE' or 'BACKFILL', not {moves!r}.")
    _check_accounts(wanted, live, base)
    options = PlanOptions(
        prune=prune,
        revert_drift=revert_drift,
        send_secrets=send_secrets,
        conflicts=conflicts,
        moves=moves,
    )
    planner = _Planner(wanted, live, base, options)
    planner.compare()
    if secrets is not None:
        planner.resolve(secrets)
    return planner.plan()


def _check_accounts(wanted: Snapshot, live: Snapshot, base: Snapshot | None) -> None:
    for other in (wanted, base):
        if other is None or not other.account_id or not live.account_id:
            continue
        if other.account_id != live.account_id:
            raise WrongAccountError(
                f"the files are of account {other.account_id!r}, the live snapshot of "
                f"{live.account_id!r}; detached() leaves the account out of files."
            )


class _Planner:
    """Collects the parts of one plan."""

    def __init__(
        self, wanted: Snapshot, live: Snapshot, base: Snapshot | None, options: PlanOptions
    ) -> None:
        aligned = with_known_addresses(live, wanted)
        self._wanted, self._live = with_one_address(wanted, aligned), live
        self._objects, self._ids = aligned.objects, aligned.ids
        self._base: Objects = (
            self._objects
            if base is None
            else completed_base(
                with_one_address(base, aligned), self._objects, self._wanted, wanted.unnoted
            )
        )
        self._has_base = base is not None
        self._options = options
        self._changes: dict[str, Change] = {}
        self._drift: list[Change] = []
        self._conflicts: list[Conflict] = []
        self._refused: dict[str, str] = {}
        self._ignored: dict[str, dict[FieldPath, str]] = {}
        self._ignored_values: dict[str, dict[FieldPath, object]] = {}
        self._may_send: dict[str, dict[FieldPath, str]] = {}
        self._secret_lists: dict[str, Mapping[FieldPath, object]] = {}
        self._resumed: dict[str, str] = {}
        self._skipped, self._unread = aligned.skipped, frozenset(aligned.skipped)

    def compare(self) -> None:
        """Compare every object of the files, and find what is only live."""
        problems: list[str] = []
        for address, each in self._wanted.items():
            found = self._objects.get(address)
            if found is not None:
                if each.raw_fields != found.raw_fields or has_sent_fields(each):
                    self._compare(address, each, found)
            elif self._may_compare(address):
                self._add(address, each)
                problems.extend(self._unknown_references(address, each))
        self._find_unwanted()
        problems.extend(
            problem
            for address in self._changes
            if address in self._objects and address in self._wanted
            for problem in self._unknown_references(address, self._wanted[address])
        )
        if problems:
            raise FilesError(sorted(set(problems)))

    def resolve(self, resolver: SecretResolver) -> None:
        """Find the secrets with changed values; those without a value stay undecided."""
        lock = self._wanted.secret_lock
        for address, references in list(self._may_send.items()):
            undecided: dict[FieldPath, str] = {}
            for path, reference in references.items():
                try:
                    differs = lock.differs(address, path, secret_value(resolver, reference))
                except Exception:  # noqa: BLE001 - any failure of a vault leaves it to apply
                    undecided[path] = reference
                    continue
                if differs:
                    self._send(address, {path: reference})
            self._may_send[address] = undecided

    def plan(self) -> Plan:
        """Return the plan."""
        changes = tuple(self._changes[address] for address in sorted(self._changes))
        hazards = hazards_of(
            changes, self._objects, moves=self._options.moves, resumed=self._resumed
        )
        return Plan(
            account_id=self._live.account_id,
            account_name=self._live.account_name,
            changes=changes,
            drift=tuple(self._drift),
            conflicts=tuple(self._conflicts),
            refused=self._refused,
            ignored=self._ignored,
            ignored_values=self._ignored_values,
            may_send={address: each for address, each in self._may_send.items() if each},
            secret_lists={a: each for a, each in self._secret_lists.items() if self._may_send[a]},
            hazards=hazards,
            cost=plan_cost_of(changes, hazards),
            ids=used_ids(changes, self._may_send, self._ids),
            moves=self._options.moves,
            folder=self._wanted.folder,
            live=self._live.with_objects(self._objects)
            if self._objects is not self._live
            else self._live,
        )

    def _compare(self, address: str, each: ManagedObject, found: ManagedObject) -> None:
        base = self._base.get(address)
        service = service_of(found.raw_fields)
        result = difference(
            each.rules,
            service,
            wanted=each.raw_fields,
            base=found.raw_fields if base is None else base.raw_fields,
            live=found.raw_fields,
        )
        if address in self._wanted.left_paused and add_resume(result, each, found):
            self._resumed[address] = self._wanted.left_paused[address]
        if not (result.changes or result.drift or result.conflicts or result.refused):
            self._note_secrets(address, result)
            return
        self._ignore(address, each, found, result)
        decided = settled(each.rules, result, self._options, found)
        if decided.drift:
            self._drift.append(Change(address, "update", decided.drift, found.id, service))
        if decided.conflicts:
            self._conflicts.append(Conflict(address, decided.conflicts))
        if decided.refused and (decided.changes or result.refused):
            self._refused[address] = "; ".join(decided.refused)
            return
        self._note_secrets(address, result)
        if decided.changes:
            moved = ("group_id",) in decided.changes
            action: ChangeAction = "move" if moved else "update"
            self._merge(Change(address, action, decided.changes, found.id, service))

    def _ignore(
        self, address: str, each: ManagedObject, found: ManagedObject, result: Difference
    ) -> None:
        """Take out the fields without a meaning, so that no difference is perpetual."""
        effect = {**found.raw_fields, **each.raw_fields}
        for name, reason in without_meaning(each.rules, effect, result.names()).items():
            for path in result.drop(name):
                self._note_ignored(address, path, reason, each.raw_fields.get(name))

    def _note_ignored(self, address: str, path: FieldPath, reason: str, value: object) -> None:
        self._ignored.setdefault(address, {})[path] = reason
        if value is not None and value is not UNSET:
            self._ignored_values.setdefault(address, {})[path] = value

    def _note_secrets(self, address: str, result: Difference) -> None:
        unchanged = {
            path: reference
            for path, reference in result.unchanged_secrets.items()
            if path not in result.changes
        }
        if not unchanged:
            return
        self._may_send[address] = unchanged
        if result.secret_lists:
            self._secret_lists[address] = result.secret_lists
        if self._options.send_secrets:
            self._may_send[address] = {}
            self._send(address, unchanged)

    def _send(self, address: str, references: Mapping[FieldPath, str]) -> None:
        """Add secrets to the change of an object."""
        found = self._objects[address]
        leaves = sending_leaves(references, self._secret_lists.get(address, {}))
        service = service_of(found.raw_fields)
        self._merge(Change(address, "update", leaves, found.id, service))

    def _merge(self, change: Change) -> None:
        before = self._changes.get(change.address)
        if before is not None:
            leaves = {**before.leaves, **change.leaves}
            change = attrs.evolve(before, leaves=leaves)
        self._changes[change.address] = change

    def _may_compare(self, address: str) -> bool:
        """Refuse an object that the live snapshot does not have because it was not read."""
        reason = self._skipped.get(address)
        if reason == NOT_CAPTURED:
            return True
        if reason is not None or is_below(address, self._unread):
            self._refused[address] = f"{NOT_READ}: {reason or 'its list was refused'}"
            return False
        if not self._live.scope.covers(address):
            self._refused[address] = f"{NOT_COVERED} it: export it, too"
            return False
        if address in self._ids and self._live.scope.has_patterns:
            # Its group has another name on the server, which the patterns do not match.
            self._refused[address] = (
                f"{NOT_COVERED} the name that it has on the server: export its group, too"
            )
            return False
        return True

    def _add(self, address: str, each: ManagedObject) -> None:
        """Plan the creation of an object that is not live, or note that it was deleted."""
        base = self._base.get(address) if self._has_base else None
        made = creation_of(each, self._wanted, self._objects, ids=self._ids)
        if base is not None and not self._options.revert_drift:
            gone = difference(
                each.rules,
                service_of(each.raw_fields),
                wanted=each.raw_fields,
                base=base.raw_fields,
                live=base.raw_fields,
            )
            if not gone.changes or self._options.conflicts != "wanted":
                leaves = {path: Leaf(leaf.after, UNSET) for path, leaf in made.leaves.items()}
                self._drift.append(Change(address, "delete", leaves, each.id))
                if gone.changes and self._options.conflicts is None:
                    reason = "it was changed in the file, but deleted on the server"
                    self._refused[address] = reason
                return
        refused = made.refused or doubt_about(address, self._wanted, self._base, self._objects)
        if refused:
            self._refused[address] = refused
            return
        for path, (value, reason) in made.ignored.items():
            self._note_ignored(address, path, reason, value)
        service = service_of(each.raw_fields)
        self._changes[address] = Change(address, "create", made.leaves, made.owner_id, service)

    def _find_unwanted(self) -> None:
        """Find the objects that are live and in no file: removed from files, or added."""
        for address, each in self._objects.items():
            if address in self._wanted or not self._wanted.scope.covers(address):
                continue
            known = address in self._base
            if not known and self._comes_with_destination(address):
                continue
            leaves: dict[FieldPath, Leaf] = {
                (name,): Leaf(value, UNSET) if known else Leaf(UNSET, value)
                for name, value in each.raw_fields.items()
            }
            service = service_of(each.raw_fields)
            if known:
                if self._options.prune:
                    self._delete(Change(address, "delete", leaves, each.id, service), each)
            else:
                self._drift.append(Change(address, "create", leaves, each.id, service))

    def _comes_with_destination(self, address: str) -> bool:
        """Return True for what the server adds to a destination that the folder has."""
        destination = brought_by(address, self._objects)
        return destination in self._wanted or destination in self._base

    def _delete(self, change: Change, each: ManagedObject) -> None:
        problem = problem_of_deletion(each, self._staying(each))
        if problem is None:
            self._changes[change.address] = change
        elif problem:
            self._refused[change.address] = problem

    def _staying(self, each: ManagedObject) -> Objects:
        """Return what stays where an object is deleted: also what others have put into a group."""
        if each.kind not in {"groups", "destinations"}:
            return self._wanted
        live = {
            address: other
            for address, other in self._objects.items()
            if other is not each and address not in self._changes
            if service_of(other.raw_fields) != OWN_LOG
        }
        return {**live, **self._wanted}

    def _unknown_references(self, address: str, each: ManagedObject) -> Iterable[str]:
        def is_known(reference: str) -> bool:
            return reference in self._ids or reference in self._wanted or "/~" in reference

        for problem in unknown_references(each.rules, each.raw_fields, is_known):
            yield f"{address}: {problem}"


def has_sent_fields(each: ManagedObject) -> bool:
    """Return True for an object with fields that are never returned, which can always differ."""
    return not each.raw_fields.keys() <= each.rules.readable
