"""Carries out one step of a plan: reads, refuses what is stale, sends, and verifies by reading."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import attrs

from fivetran_async._types import UNSET
from fivetran_async.as_code._applying.lasting import lasts
from fivetran_async.as_code._applying.progress import StepProgress
from fivetran_async.as_code._applying.requests import (
    body_of,
    clock_of,
    create_object,
    delete_object,
    find_objects,
    id_of,
    is_brought_along,
    known_id,
    path_of,
    remaining_in,
    update_object,
)
from fivetran_async.as_code._applying.step_context import (
    CurrentObject,
    StepContext,
    forgotten_after,
    never_read,
)
from fivetran_async.as_code._applying.steps import PlanStep
from fivetran_async.as_code._comparing.dependents import without_meaning
from fivetran_async.as_code._comparing.leaves import (
    Leaf,
    leaves_of,
    patch_of,
    value_at,
    with_leaves,
)
from fivetran_async.as_code._kinds.rules import KINDS_BY_NAME, PAUSED, WITHOUT_ID, KindRules
from fivetran_async.as_code._kinds.values import FieldPath, as_items, dotted, entries, text_in
from fivetran_async.as_code._reading.lists import ApiRecord
from fivetran_async.as_code._secrets.fields import references_in
from fivetran_async.as_code.errors import PlanStaleError, SetupTestsFailedError
from fivetran_async.errors import (
    AmbiguousOutcomeError,
    FivetranError,
    NotFoundError,
    ResponseFormatError,
    ServerError,
    TransportError,
)

_LOOKS: Final = (0.5, 1.0, 2.0)
"""Seconds before each further look for an object that may have been created."""


@attrs.frozen
class StepExecutor:
    """Carries out the steps of one run."""

    context: StepContext
    _remade: set[str] = attrs.field(factory=set[str], init=False)
    _redone: set[str] = attrs.field(factory=set[str], init=False)

    async def carry_out(self, step: PlanStep) -> None:
        """
        Carry out a step, unless an earlier part of the run did and that is still in effect.

        Raises:
            FivetranError: It failed, or its object is stale.
        """
        before = self.context.progress.get(step.key)
        if before is not None and before.id and step.address not in self._remade:
            self.context.names.add(step.address, before.id)
        actions: Mapping[str, Callable[[PlanStep], Awaitable[None]]] = {
            "create": self._create,
            "update": self._update,
            "resume": self._update,
            "move": self._move,
            "delete": self._delete,
            "test": self._test,
        }
        try:
            if before is None or not before.is_done or not await self._lasts(step, before):
                await actions[step.verb](step)
        except FivetranError as error:
            await self.context.log(step, "failed", error=type(error).__name__, status=error.status)
            raise

    async def _lasts(self, step: PlanStep, before: StepProgress) -> bool:
        if step.address in self._remade:
            return False
        if step.verb == "test":
            return step.address not in self._redone
        found = await lasts(self.context, step, before)
        if not found:
            self._redone.add(step.address)
            if step.verb == "create":
                # All that was done to the object is gone, too.
                self._remade.add(step.address)
        return found

    async def _create(self, step: PlanStep) -> None:
        values = with_leaves({}, {path: leaf.after for path, leaf in step.leaves.items()})
        if step.kind == "connections":
            # It runs only when everything that belongs to it is there.
            values["paused"] = True
        sent = self.context.with_secrets(values)
        existing = await find_objects(self.context.fivetran, step.address, sent, self.context.names)
        if step.kind == "schemas" and existing:
            # It was captured meanwhile.
            await self._update(step)
            return
        if existing and is_brought_along(existing[0], step.kind, step.change.service):
            # The destination that this run has created brought it along.
            self.context.names.add(step.address, _id_in(step, existing[0]))
            await self._update(step)
            return
        id = await self._made_before(step) or self._adopted(step, existing)
        known = [_id_in(step, each) for each in existing]
        await self.context.begin(step, id, step.leaves, known=known)
        if id is None:
            body = body_of(step.address, sent, self.context.names)
            id = await self._send_creation(step, body, sent)
            # Whatever follows, an undo must find it.
            await self.context.log(step, "created", id=id or None)
        id = None if step.kind in WITHOUT_ID else id
        if id:
            self.context.names.add(step.address, id)
        current = await self.context.read(step.address)
        kept = self.context.verify(
            step, current, {path: leaf.after for path, leaf in step.leaves.items()}
        )
        self.context.note_secrets(step)
        await self.context.done(step, id, kept)
        self.context.keeper.add(
            step.address, id or None, with_leaves(current.values, never_read(step, step.leaves))
        )

    def _doubtful(self, step: PlanStep) -> StepProgress | None:
        """Return what an earlier part of the run knows of a creation, if it may have made it."""
        begun = self.context.progress.get(step.key)
        return None if begun is None or begun.is_refused or begun.is_done else begun

    async def _made_before(self, step: PlanStep) -> str | None:
        """Return the id of what an interrupted creation has made, whatever its name is now."""
        doubtful = self._doubtful(step)
        if doubtful is None or not doubtful.id or step.kind in WITHOUT_ID:
            return None
        try:
            await self.context.read(step.address)
        except NotFoundError:
            return None
        return doubtful.id

    def _adopted(self, step: PlanStep, existing: Sequence[ApiRecord]) -> str | None:
        """Return the id of an object that an interrupted creation of this run has made."""
        doubtful = self._doubtful(step)
        if doubtful is not None and doubtful.id in {_id_in(step, each) for each in existing}:
            return doubtful.id
        new = [each for each in existing if not self._was_there(step, each, doubtful)]
        if len(new) > 1:
            raise PlanStaleError(
                f"{step.address}: several objects are like it; export the account and"
                " plan once more",
                address=step.address,
            )
        if new and doubtful is None:
            raise PlanStaleError(
                f"{step.address} was created since the plan was made.", address=step.address
            )
        return _id_in(step, new[0]) if new else None

    def _was_there(self, step: PlanStep, record: ApiRecord, doubtful: StepProgress | None) -> bool:
        """Return True for an object that was there before the run tried to create it."""
        id = _id_in(step, record)
        if doubtful is not None:
            return id in doubtful.known
        return "/~" not in self.context.names.address(step.kind, id)

    async def _send_creation(
        self, step: PlanStep, body: dict[str, object], values: dict[str, object]
    ) -> str | None:
        try:
            return await create_object(
                self.context.fivetran, step.address, body, self.context.names
            )
        except FivetranError as error:
            if not _may_be_applied(error):
                await self.context.log(step, "refused")
                raise
            doubt = error
        for pause in (0.0, *_LOOKS):
            await clock_of(self.context.fivetran).sleep(pause)
            found = await find_objects(
                self.context.fivetran, step.address, values, self.context.names
            )
            new = [each for each in found if not self._was_there(step, each, None)]
            if len(new) == 1:
                return _id_in(step, new[0])
        raise doubt

    async def _update(self, step: PlanStep) -> None:
        rules = KINDS_BY_NAME[step.kind]
        current = await self.context.read(step.address)
        pausing = self.context.pausing(step)
        paused = step.leaves.get(PAUSED)
        stays = paused is not None and paused.after is True
        try:
            leaves = self._leaves_to_send(step, rules, current)
        except PlanStaleError:
            await pausing.give_up()
            raise
        if not leaves:
            await pausing.end(stays=stays)
            if step.key in self.context.progress:
                await self.context.done(step, None, {})
            now = {path: value_at(current.values, path) for path in step.leaves}
            self.context.keeper.set_leaves(step.address, now)
            self._complete(step, current)
            return
        after = {path: leaf.after for path, leaf in leaves.items()}
        forgotten = forgotten_after(rules, current.values, after)
        before = {
            path: Leaf(value_at(current.values, path), value)
            for path, value in {**forgotten, **after}.items()
        }
        policy = str(current.values.get("schema_change_handling") or "")
        await self.context.begin(
            step, known_id(step.address, self.context.names), before, policy=policy
        )
        patch = patch_of(current.values, after)
        body = body_of(step.address, self.context.with_secrets(patch), self.context.names)
        async with pausing.around(is_needed=self.context.gently, stays=stays):
            try:
                await update_object(self.context.fivetran, step.address, body, self.context.names)
            except FivetranError as error:
                if not _may_be_applied(error):
                    raise
                # A change that timed out can have taken effect: the record shows it.
                found = await self.context.read(step.address)
                if any(
                    not self.context.is_same(step, rules, found, p, v) for p, v in after.items()
                ):
                    raise
        changed = await self.context.read(step.address)
        kept = self.context.verify(step, changed, after)
        self.context.note_secrets(step)
        left = {path: value_at(changed.values, path) for path in forgotten}
        await self.context.done(step, None, {**left, **kept})
        there = {p: value_at(changed.values, p) for p in step.leaves if p not in leaves}
        self.context.keeper.set_leaves(step.address, {**there, **kept, **never_read(step, leaves)})
        new = {
            path: value
            for path, value in leaves_of(changed.values)
            if path not in after and value_at(current.values, path) is UNSET
        }
        self.context.keeper.add_leaves(step.address, new)
        self._complete(step, changed)

    def _complete(self, step: PlanStep, current: CurrentObject) -> None:
        """Give an object a base if it has none, so that its secrets are not sent for each plan."""
        values = with_leaves(current.values, never_read(step, step.leaves))
        id = known_id(step.address, self.context.names)
        self.context.keeper.complete(step.address, id, values)

    def _leaves_to_send(
        self, step: PlanStep, rules: KindRules, current: CurrentObject
    ) -> dict[FieldPath, Leaf]:
        """Return the leaves that the server does not have yet; refuse those that are stale."""
        found: dict[FieldPath, Leaf] = {}
        stale: dict[FieldPath, tuple[object, object]] = {}
        # The server chose the value of a field without a meaning: it is never stale.
        idle = without_meaning(rules, current.values, {path[0] for path in step.leaves})
        for path, leaf in step.leaves.items():
            if any(references_in(leaf.after)) or path[0] not in rules.readable or path[0] in idle:
                found[path] = leaf
            elif self.context.is_same(step, rules, current, path, leaf.after):
                continue
            elif step.verb == "create" or self.context.is_same(
                step, rules, current, path, leaf.before
            ):
                found[path] = leaf
            else:
                stale[path] = leaf.before, value_at(current.values, path)
        if stale:
            raise _stale_error(step.address, stale)
        return found

    async def _move(self, step: PlanStep) -> None:
        leaf = step.leaves["group_id",]
        current = await self.context.read(step.address)
        begun = self.context.progress.get(step.key)
        id = id_of(step.address, self.context.names)
        group = current.values.get("group_id")
        if group not in (leaf.before, leaf.after):
            raise _stale_error(step.address, {("group_id",): (leaf.before, group)})
        pausing = self.context.pausing(step)
        if group == leaf.after:
            if begun is not None:
                await pausing.end()
                await self.context.done(step, None, {("group_id",): group})
            self.context.keeper.set_leaves(step.address, {("group_id",): group})
            return
        await self.context.begin(step, id, step.leaves)
        async with pausing.around(is_needed=True):
            try:
                await self.context.fivetran.connections.move(
                    id,
                    destination_group_id=id_of(str(leaf.after), self.context.names),
                    sync_behavior=self.context.moves or "CONTINUE",
                    confirm=True,
                )
            except FivetranError as error:
                if not _may_be_applied(error):
                    raise
                if (await self.context.read(step.address)).values.get("group_id") != leaf.after:
                    raise
        kept = self.context.verify(
            step, await self.context.read(step.address), {("group_id",): leaf.after}
        )
        await self.context.done(step, None, kept)
        self.context.keeper.set_leaves(step.address, kept)

    async def _delete(self, step: PlanStep) -> None:
        try:
            current = await self.context.read(step.address)
        except NotFoundError:
            if step.key in self.context.progress:
                await self.context.done(step, None, {})
            self.context.keeper.remove(step.address)
            return
        rules = KINDS_BY_NAME[step.kind]
        stale = {
            path: (leaf.before, value_at(current.values, path))
            for path, leaf in step.change.leaves.items()
            if path[0] in rules.readable and not any(references_in(leaf.before))
            if not self.context.is_same(step, rules, current, path, leaf.before)
        }
        if stale:
            raise _stale_error(step.address, stale)
        if self.context.undoes and (
            current.observed.get("succeeded_at") or current.observed.get("failed_at")
        ):
            raise PlanStaleError(
                f"{step.address} has synced since it was created, so it is not deleted.",
                address=step.address,
            )
        if step.kind == "groups":
            await self._refuse_inhabited(step.address)
        await self.context.begin(step, self.context.names.id(step.address), step.change.leaves)
        try:
            await delete_object(self.context.fivetran, step.address, self.context.names)
        except FivetranError as error:
            if not _may_be_applied(error):
                await self.context.log(step, "refused")
            raise
        await self.context.done(step, None, {})
        self.context.keeper.remove(step.address)

    async def _refuse_inhabited(self, address: str) -> None:
        """Refuse the deletion of a group in which others have put something meanwhile."""
        found = await remaining_in(self.context.fivetran, address, self.context.names)
        if found:
            more = f" and {len(found) - 3} more" if len(found) > 3 else ""
            raise PlanStaleError(
                f"{address} has {', '.join(found[:3])}{more}, which would be deleted with it.",
                address=address,
            )

    async def _test(self, step: PlanStep) -> None:
        await self.context.begin(step, None, {})
        path = f"{path_of(step.address, self.context.names)}/test"
        data = await self.context.fivetran.request("POST", path, body={})
        failed = [
            text_in(test, "title")
            for test in as_items(entries(data).get("setup_tests")) or ()
            if text_in(test, "status").upper() in {"FAILED", "JOB_FAILED"}
        ]
        if failed:
            raise SetupTestsFailedError(
                f"{step.address}: the setup tests failed: {', '.join(failed)}"
            )
        await self.context.done(step, None, {})


def _id_in(step: PlanStep, record: ApiRecord) -> str:
    """Return the id of a found object; of a membership, that of the member."""
    return text_in(record, "id") or text_in(record, "user_id") or step.address


def _may_be_applied(error: FivetranError) -> bool:
    if isinstance(error, (AmbiguousOutcomeError, ServerError, ResponseFormatError)):
        return True
    if isinstance(error, TransportError):
        return error.fate != "not_sent"
    # Updates and deletions are retried after failures that may have been applied.
    return error.attempts > 1 and error.verb in {"PATCH", "PUT", "DELETE"}


def _stale_error(address: str, stale: Mapping[FieldPath, tuple[object, object]]) -> PlanStaleError:
    names = ", ".join(map(dotted, stale))
    return PlanStaleError(
        f"{address} was changed since the plan was made: {names}.", address=address, leaves=stale
    )
