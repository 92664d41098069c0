"""What the steps of a run share: reading an object, verifying it, and the journal's lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias, cast

import attrs

from fivetran_async._types import UNSET
from fivetran_async.as_code._applying.journal import Journal
from fivetran_async.as_code._applying.keeping import FolderKeeper
from fivetran_async.as_code._applying.pausing import Pausing
from fivetran_async.as_code._applying.progress import StepProgress
from fivetran_async.as_code._applying.requests import clock_of, fields_at, read_object_at
from fivetran_async.as_code._applying.steps import PlanStep
from fivetran_async.as_code._comparing.canonical import same
from fivetran_async.as_code._comparing.dependents import losing_meaning
from fivetran_async.as_code._comparing.leaves import Leaf, leaves_of, value_at, with_leaves
from fivetran_async.as_code._comparing.three_way import is_untouched_setting
from fivetran_async.as_code._kinds.addresses import configured_connection
from fivetran_async.as_code._kinds.rules import KINDS_BY_NAME, KindRules
from fivetran_async.as_code._kinds.values import FieldPath
from fivetran_async.as_code._objects.objects import NameTable
from fivetran_async.as_code._objects.records import observed_of
from fivetran_async.as_code._planning.json_forms import leaf_json
from fivetran_async.as_code._secrets.fields import references_in, with_values
from fivetran_async.as_code.errors import FilesError

if TYPE_CHECKING:
    from fivetran_async.client import AsyncFivetran

KeptDifferently: TypeAlias = dict[str, dict[FieldPath, tuple[object, object]]]


@attrs.frozen
class CurrentObject:
    """An object, as the last request returned it."""

    values: dict[str, object]
    observed: dict[str, object]


@attrs.define
class StepContext:
    """
    What the steps of one run share, and what they do alike: read, verify, note.

    Attributes:
        fivetran: The session.
        names: The ids of addresses; creations add theirs.
        journal: The journal of the run.
        keeper: The folder of the plan.
        secrets: The values of secrets by their references.
        progress: What an earlier part of the run did, by step.
        gently: True pauses a syncing connection before it is changed.
        adopt: True writes what the server kept differently into files.
        moves: How connections are moved.
        undoes: True if the plan takes back a run, so that deletions are of its own creations.
        kept_differently: What the server kept differently, by address.
    """

    fivetran: AsyncFivetran
    names: NameTable
    journal: Journal
    keeper: FolderKeeper
    secrets: Mapping[str, object] = attrs.field(repr=False)
    progress: Mapping[str, StepProgress]
    gently: bool = False
    adopt: bool = False
    moves: str | None = None
    undoes: bool = False
    kept_differently: KeptDifferently = attrs.field(
        factory=dict[str, "dict[FieldPath, tuple[object, object]]"]
    )

    async def read(self, address: str) -> CurrentObject:
        """
        Read an object.

        Raises:
            NotFoundError: It does not exist.
        """
        record = await read_object_at(self.fivetran, address, self.names)
        rules = KINDS_BY_NAME[address.partition("/")[0]]
        return CurrentObject(fields_at(address, record, self.names), observed_of(rules, record))

    def verify(
        self, step: PlanStep, current: CurrentObject, wanted: Mapping[FieldPath, object]
    ) -> dict[FieldPath, object]:
        """Return what the server kept, and note what it kept differently."""
        rules = KINDS_BY_NAME[step.kind]
        kept: dict[FieldPath, object] = {}
        differing: dict[FieldPath, tuple[object, object]] = {}
        for path, value in wanted.items():
            if path[0] not in rules.readable or any(references_in(value)):
                continue
            kept[path] = now = value_at(current.values, path)
            if not self.is_same(step, rules, current, path, value):
                differing[path] = value, now
        if differing:
            self.kept_differently.setdefault(step.address, {}).update(differing)
            if self.adopt:
                self.keeper.adopt(step.address, differing)
        return kept

    def with_secrets(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return fields with secrets in place of references."""
        return cast("dict[str, object]", with_values(values, self.secrets))

    def note_secrets(self, step: PlanStep) -> None:
        """Remember the secrets that a step has sent, on disk: a killed run must not repeat them."""
        sent = list(self._secrets_of(step))
        for place, value in sent:
            self.keeper.secret_lock.remember(step.address, place, value)
        if sent:
            self.keeper.secret_lock.save()

    def has_other_secrets(self, step: PlanStep) -> bool:
        """Return True if a secret has another value than the one that a step has sent."""
        lock = self.keeper.secret_lock
        return any(lock.differs(step.address, *secret) for secret in self._secrets_of(step))

    def _secrets_of(self, step: PlanStep) -> Iterator[tuple[FieldPath, object]]:
        for path, leaf in step.leaves.items():
            for place, reference in references_in(leaf.after, path):
                if reference in self.secrets:
                    yield place, self.secrets[reference]

    def pausing(self, step: PlanStep) -> Pausing:
        """Return what pauses the connection of a step."""
        owner = configured_connection(step.address)
        begun = self.progress.get(step.key)
        return Pausing(
            fivetran=self.fivetran,
            connection_id=self.names.id(owner) if owner.startswith("connections/") else None,
            only_syncing=step.verb != "move",
            is_ours=begun is not None and begun.is_paused,
            is_kept=self.journal.path is not None,
            note=lambda event: self.log(step, event),
        )

    async def begin(
        self,
        step: PlanStep,
        id: str | None,
        leaves: Mapping[FieldPath, Leaf],
        *,
        known: Sequence[str] | None = None,
        policy: str = "",
    ) -> None:
        """Note in the journal what a step is about to set."""
        shown = [leaf_json(path, leaf) for path, leaf in leaves.items()]
        more: dict[str, object] = {} if known is None else {"known": list(known)}
        if policy:
            more["policy"] = policy
        await self.log(step, "begin", verb=step.verb, id=id or None, leaves=shown, **more)

    async def done(self, step: PlanStep, id: str | None, kept: Mapping[FieldPath, object]) -> None:
        """Note in the journal that a step is done, and what the server kept."""
        shown = [leaf_json(path, Leaf(UNSET, value)) for path, value in kept.items()]
        await self.log(step, "done", id=id or None, leaves=shown)

    async def log(self, step: PlanStep, event: str, **more: object) -> None:
        """Add a line to the journal; it is on disk when this returns."""
        at = datetime.fromtimestamp(clock_of(self.fivetran).time(), UTC).isoformat()
        entry = {"event": event, "step": step.key, "address": step.address, "at": at, **more}
        try:
            await self.journal.add(entry)
        except OSError as error:
            problem = f"{self.journal}: cannot be written: {error.strerror}"
        else:
            return
        raise JournalBrokenError(problem)

    def is_same(
        self,
        step: PlanStep,
        rules: KindRules,
        current: CurrentObject,
        path: FieldPath,
        value: object,
    ) -> bool:
        """Return True if the server has a value, listed or as that of an untouched column."""
        now = value_at(current.values, path)
        if same(rules, step.change.service, path, now, value):
            return True
        if UNSET not in (now, value):
            return False
        policy = str(current.values.get("schema_change_handling") or "")
        known = value if now is UNSET else now
        return is_untouched_setting(rules, path, policy, known)


def never_read(step: PlanStep, leaves: Mapping[FieldPath, Leaf]) -> dict[FieldPath, object]:
    """Return the values that are never read back, for the base: references, and what is sent."""
    readable = KINDS_BY_NAME[step.kind].readable
    return {
        path: leaf.after
        for path, leaf in leaves.items()
        if path[0] not in readable or any(references_in(leaf.after))
    }


def forgotten_after(
    rules: KindRules, current: Mapping[str, object], after: Mapping[FieldPath, object]
) -> dict[FieldPath, object]:
    """Return what the server may forget after a change, so that an undo sends it once more."""
    return {
        path: UNSET
        for name in losing_meaning(rules, current, with_leaves(current, after))
        for path, _ in leaves_of(current[name], (name,))
        if path not in after
    }


class JournalBrokenError(Exception):
    """The journal cannot be written, so nothing more may be sent; `apply` raises a FilesError."""

    def as_files_error(self) -> FilesError:
        """Return the error for callers."""
        return FilesError([str(self)])
