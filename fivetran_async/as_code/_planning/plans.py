"""`Plan`: what would be changed, as data; nothing here sends a request."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, get_args

import attrs

from fivetran_async._codec._fields import LOCAL
from fivetran_async._codec._serializable import Serializable
from fivetran_async.as_code._files.json_files import dumped, read_object, write_text
from fivetran_async.as_code._files.snapshot import Snapshot
from fivetran_async.as_code._kinds.values import FieldPath
from fivetran_async.as_code._planning.changes import (
    Change,
    ChangeAction,
    Conflict,
    Hazard,
    PlanCost,
    SyncBehavior,
)
from fivetran_async.as_code._planning.json_forms import TEXTS, VALUES
from fivetran_async.as_code._planning.plan_text import plan_text
from fivetran_async.as_code.errors import FilesError, PlanFileError
from fivetran_async.errors import FivetranError

_FORMAT: Final = 1
_SEAL: Final = "seal"
_SENT: Final = (
    "account_id",
    "changes",
    "may_send",
    "secret_lists",
    "moves",
    "undoes",
    "ids",
)
"""The parts of a plan that determine what is sent."""
_NOT_A_PLAN: Final = "is not a saved plan"


@attrs.frozen(repr=False, kw_only=True)
class Plan(Serializable):
    """
    What would be changed; `print` shows it, `apply` does it.

    Attributes:
        account_id: The account.
        account_name: Its name.
        changes: What would be changed: one change per object.
        drift: What was changed on the server since the base; it is kept.
        conflicts: What changed in a file and on the server; it is not applied.
        refused: What cannot be changed as wanted, by address, and why.
        ignored: Fields without a meaning, by address and path, and why.
        ignored_values: Their values.
        may_send: References of unchanged secrets, by address and path: `apply` sends those with
            another value than last time.
        secret_lists: The lists that they are in, where the API takes a list only as a whole.
        hazards: What to know before it is applied.
        cost: What applying it costs.
        ids: The ids that the changes refer to, by address.
        moves: How connections are moved, if any are.
        undoes: The name of the run that the plan takes back; empty for others.
        impossible: For an undo: what cannot be taken back, by address, and why.
        folder: The folder of the files, if any.
        live: The live snapshot that it was made from; None for a saved plan.
    """

    account_id: str = ""
    account_name: str = ""
    changes: tuple[Change, ...] = ()
    drift: tuple[Change, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    refused: Mapping[str, str] = attrs.field(factory=dict[str, str])
    ignored: Mapping[str, Mapping[FieldPath, str]] = attrs.field(
        factory=dict[str, "Mapping[FieldPath, str]"], metadata=TEXTS
    )
    ignored_values: Mapping[str, Mapping[FieldPath, object]] = attrs.field(
        factory=dict[str, "Mapping[FieldPath, object]"], metadata=VALUES
    )
    may_send: Mapping[str, Mapping[FieldPath, str]] = attrs.field(
        factory=dict[str, "Mapping[FieldPath, str]"], metadata=TEXTS
    )
    secret_lists: Mapping[str, Mapping[FieldPath, object]] = attrs.field(
        factory=dict[str, "Mapping[FieldPath, object]"], metadata=VALUES
    )
    hazards: tuple[Hazard, ...] = ()
    cost: PlanCost = attrs.field(factory=PlanCost)
    ids: Mapping[str, str] = attrs.field(factory=dict[str, str])
    moves: SyncBehavior | None = None
    undoes: str = ""
    impossible: Mapping[str, str] = attrs.field(factory=dict[str, str])
    folder: Path | None = attrs.field(default=None, eq=False, metadata={LOCAL: True})
    live: Snapshot | None = attrs.field(default=None, eq=False, metadata={LOCAL: True})

    def __hash__(self) -> int:
        # Not of all fields: mappings are not hashable.
        return hash((self.account_id, self.digest))

    def __len__(self) -> int:
        return len(self.changes)

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __str__(self) -> str:
        return plan_text(
            account=self.account_name or self.account_id,
            changes=self.changes,
            drift=self.drift,
            conflicts=self.conflicts,
            refused={**self.refused, **self.impossible},
            ignored=self.ignored,
            may_send=self.may_send,
            hazards=self.hazards,
            cost=self.cost,
            undoes=self.undoes,
        )

    def __repr__(self) -> str:
        return f"<Plan of {len(self.changes)} changes, {len(self.drift)} drifted objects>"

    @functools.cached_property
    def digest(self) -> str:
        """The digest of what would be sent; `apply` requires it as `confirm`."""
        whole = self.to_dict(include_empty=True)
        return _hash_of({name: whole[name] for name in _SENT})

    def to_json(self) -> dict[str, object]:
        """Return the plan as JSON values, as `save` writes them."""
        return {"format": _FORMAT, "digest": self.digest, **self.to_dict(include_empty=True)}

    def save(self, path: str | Path) -> None:
        """
        Write the plan to a file, which `load_plan` reads; it holds no secret.

        Raises:
            FilesError: The file cannot be written.
        """
        place = Path(path)
        document = self.to_json()
        if self.folder is not None:
            document["folder"] = os.path.relpath(self.folder.absolute(), place.absolute().parent)
        document[_SEAL] = _hash_of(document)
        write_text(place, dumped(document))


def load_plan(path: str | Path) -> Plan:
    """
    Read a saved plan.

    Raises:
        FilesError: The file cannot be read.
        PlanFileError: It is not a plan, or it was edited.
    """
    place = Path(path)
    try:
        document = read_object(place)
    except FilesError as error:
        raise PlanFileError(error.message) from None
    seal = document.pop(_SEAL, None)
    if document.get("format") != _FORMAT or seal is None:
        raise PlanFileError(f"{place}: {_NOT_A_PLAN}")
    if seal != _hash_of(document):
        raise PlanFileError(f"{place}: was edited after it was saved; make the plan once more")
    folder = document.get("folder")
    try:
        plan = Plan.from_dict(document)
    except FivetranError as error:
        raise PlanFileError(f"{place}: {_NOT_A_PLAN}: {error.message}") from None
    actions = {each.action for each in (*plan.changes, *plan.drift)}
    if not actions.issubset(get_args(ChangeAction)):
        raise PlanFileError(f"{place}: {_NOT_A_PLAN}: its changes are {', '.join(actions)}")
    home = place.absolute().parent
    return attrs.evolve(plan, folder=home / folder if isinstance(folder, str) else None)


def _hash_of(content: object) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
