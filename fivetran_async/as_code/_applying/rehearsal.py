"""`rehearse`: applies a plan to a copy of the account on this machine, and compares."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import attrs

from fivetran_async._codec._serializable import Serializable
from fivetran_async._types import UNSET
from fivetran_async.as_code._applying.apply import apply
from fivetran_async.as_code._applying.progress import progress_in
from fivetran_async.as_code._applying.runs import AppliedRun, kept_lines, problem_lines
from fivetran_async.as_code._comparing.canonical import same
from fivetran_async.as_code._comparing.leaves import value_at, with_leaves
from fivetran_async.as_code._comparing.three_way import is_untouched_setting
from fivetran_async.as_code._files.loading import load_base
from fivetran_async.as_code._files.snapshot import Snapshot
from fivetran_async.as_code._kinds.rules import KINDS_BY_NAME
from fivetran_async.as_code._kinds.values import FieldPath
from fivetran_async.as_code._objects.objects import ManagedObject
from fivetran_async.as_code._planning.alignment import with_known_addresses
from fivetran_async.as_code._planning.changes import Change
from fivetran_async.as_code._planning.json_forms import KEPT_VALUES
from fivetran_async.as_code._planning.plan_text import printable_text
from fivetran_async.as_code._planning.plans import Plan
from fivetran_async.as_code._reading.export import export
from fivetran_async.as_code._secrets.fields import references_in
from fivetran_async.as_code.errors import FilesError
from fivetran_async.errors import FivetranError

if TYPE_CHECKING:
    from fivetran_async.testing import FakeFivetran

NotConverging = Mapping[str, Mapping[FieldPath, tuple[object, object]]]


@attrs.frozen(repr=False, kw_only=True)
class Rehearsal(Serializable):
    """
    What applying a plan did to the twin of an account.

    Attributes:
        run: The run on the twin.
        errors: What failed, by address.
        skipped: What was not begun, because something that it needs failed, by address.
        not_converging: What the twin does not keep, by address and path: the wanted and the kept
            value. It would be a difference for as long as the file has it.
        requests: The number of requests that the run sent to the twin.
    """

    run: AppliedRun
    not_converging: NotConverging = attrs.field(
        factory=dict[str, "Mapping[FieldPath, tuple[object, object]]"], metadata=KEPT_VALUES
    )
    requests: int = 0

    def __hash__(self) -> int:
        # Not of all fields: mappings are not hashable.
        return hash((self.run, self.requests))

    @property
    def errors(self) -> Mapping[str, FivetranError]:
        """What failed, by address."""
        return self.run.errors

    @property
    def skipped(self) -> Mapping[str, str]:
        """What was not begun, because something that it needs failed, by address."""
        return self.run.skipped

    @property
    def succeeded(self) -> bool:
        """True if nothing failed and the twin kept every value."""
        return self.run.succeeded and not self.not_converging

    def __repr__(self) -> str:
        return (
            f"<Rehearsal: {len(self.run.done)} done, {len(self.errors)} failed,"
            f" {len(self.not_converging)} not converging>"
        )

    def __str__(self) -> str:
        counts = (
            f"{len(self.run.done)} done, {len(self.errors)} failed, {len(self.skipped)} skipped,"
            f" {len(self.not_converging)} not converging"
        )
        lines = [f"Rehearsal on a copy of the account: {counts}"]
        lines += problem_lines(self.errors, self.skipped)
        lines += kept_lines("not kept", self.not_converging, "becomes")
        return printable_text("\n".join(lines))


class _Placeholders:
    """A resolver for the twin, which takes any secret."""

    def resolve(self, reference: str) -> str:
        """Return a value that is different for each reference; a URL fits fields of all kinds."""
        return f"https://placeholder.invalid/{hashlib.sha256(reference.encode()).hexdigest()[:12]}"


async def rehearse(
    plan: Plan, *, prepare: Callable[[FakeFivetran], object] | None = None
) -> Rehearsal:
    """
    Apply a plan to a copy of the account on this machine: nothing is sent to Fivetran.

    The copy is a `FakeFivetran`, which rejects what the API rejects. Secrets are placeholders.

    Args:
        plan: The plan; a saved one is rehearsed with the base of the folder that it names.
        prepare: Called with the copy before the plan is applied, to script faults or how the server
            normalizes values.

    Raises:
        FilesError: A saved plan names no folder, or its base cannot be read.
    """
    # The fake loads aiohttp's server, which planning does not need.
    from fivetran_async.testing import FakeFivetran  # noqa: PLC0415

    live = _live_of(plan)
    async with FakeFivetran.from_snapshot(live) as twin:
        if prepare is not None:
            prepare(twin)
        async with twin.client() as fivetran:
            run = await apply(
                fivetran,
                attrs.evolve(plan, folder=None),
                confirm=plan.digest,
                secrets=_Placeholders(),
                deletions={each.address for each in plan.changes if each.action == "delete"},
            )
            requests = len(twin.requests)
            rare = any(KINDS_BY_NAME[change.kind].asked_for for change in plan.changes)
            after = await export(fivetran, kinds=KINDS_BY_NAME if rare else None)
    return Rehearsal(run=run, not_converging=_not_kept(plan, run, live, after), requests=requests)


def _live_of(plan: Plan) -> Snapshot:
    """Return the live account: of the plan, or the base of its folder with the drift added."""
    if plan.live is not None:
        return plan.live
    if plan.folder is None:
        raise FilesError(["the plan names no folder, so there is no account to rehearse it on"])
    base = load_base(plan.folder)
    objects = dict(base)
    for change in (*plan.drift, *plan.changes):
        each = objects.get(change.address)
        is_drift = change in plan.drift
        if is_drift and change.action == "delete":
            objects.pop(change.address, None)
        elif is_drift and change.action == "create":
            fields = with_leaves({}, {path: leaf.after for path, leaf in change.leaves.items()})
            objects[change.address] = ManagedObject(change.address, change.kind, change.id, fields)
        elif each is not None and change.action != "create":
            now = {p: leaf.after if is_drift else leaf.before for p, leaf in change.leaves.items()}
            fields = with_leaves(each.raw_fields, now)
            objects[change.address] = ManagedObject(
                change.address, each.kind, each.id, fields, each.raw_observed
            )
    return Snapshot(
        dict(sorted(objects.items())),
        account_id=base.account_id,
        account_name=base.account_name,
        ids={**base.ids, **plan.ids},
        scope=base.scope,
    )


def _not_kept(plan: Plan, run: AppliedRun, live: Snapshot, after: Snapshot) -> NotConverging:
    """Return the wanted values that the twin shows differently, whether a rule knew it or not."""
    found: dict[str, dict[FieldPath, tuple[object, object]]] = {}
    objects = _by_planned_address(plan, run, live, after)
    for address, path, wanted in _wanted_values(plan):
        if address in run.errors or address in run.skipped:
            continue
        each = objects.get(address)
        rules = KINDS_BY_NAME[address.partition("/")[0]]
        kept = UNSET if each is None else value_at(each.raw_fields, path)
        service = "" if each is None else str(each.raw_fields.get("service") or "")
        policy = "" if each is None else str(each.raw_fields.get("schema_change_handling") or "")
        if same(rules, service, path, wanted, kept):
            continue
        if kept is UNSET and is_untouched_setting(rules, path, policy, wanted):
            continue
        found.setdefault(address, {})[path] = wanted, kept
    return found


def _by_planned_address(
    plan: Plan, run: AppliedRun, live: Snapshot, after: Snapshot
) -> Mapping[str, ManagedObject]:
    """Return what the twin has by the addresses of the plan: it renames, moves and creates."""
    steps = progress_in(run.journal.entries).values()
    created = {step.address: step.id for step in steps if step.id}
    known = {address: each.id for address, each in live.items() if each.id}
    ids = {**live.ids, **known, **plan.ids, **created}
    made = {a: ManagedObject(a, a.partition("/")[0], id, {}) for a, id in created.items()}
    return with_known_addresses(after, Snapshot({**made, **live}, ids=ids)).objects


def _wanted_values(plan: Plan) -> Iterator[tuple[str, FieldPath, object]]:
    for change in plan.changes:
        if change.action != "delete":
            yield from _values_of(change)
    for address, values in plan.ignored_values.items():
        for path, value in values.items():
            yield address, path, value


def _values_of(change: Change) -> Iterator[tuple[str, FieldPath, object]]:
    rules = KINDS_BY_NAME[change.kind]
    for path, leaf in change.leaves.items():
        if path[0] in rules.readable and not any(references_in(leaf.after)):
            yield change.address, path, leaf.after
