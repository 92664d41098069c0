"""`Plan`: what would be changed, as data; nothing here sends a request."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import attrs

from fivetran_async.as_code._files.json_files import dumped, read_object, write_text
from fivetran_async.as_code._kinds.values import FieldPath, as_items, entries
from fivetran_async.as_code._planning.changes import (
    Change,
    Conflict,
    Hazard,
    PlanCost,
    SyncBehavior,
    by_path_json,
    by_path_of,
)
from fivetran_async.as_code._planning.plan_text import plan_text
from fivetran_async.as_code.errors import FilesError, PlanFileError

if TYPE_CHECKING:
    from fivetran_async.as_code._files.snapshot import Snapshot

_FORMAT: Final = 1
_SEAL: Final = "seal"
_NOT_A_PLAN: Final = "is not a saved plan"


@attrs.frozen(eq=False, repr=False, kw_only=True)
class Plan:
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
        factory=dict[str, "Mapping[FieldPath, str]"]
    )
    ignored_values: Mapping[str, Mapping[FieldPath, object]] = attrs.field(
        factory=dict[str, "Mapping[FieldPath, object]"]
    )
    may_send: Mapping[str, Mapping[FieldPath, str]] = attrs.field(
        factory=dict[str, "Mapping[FieldPath, str]"]
    )
    secret_lists: Mapping[str, Mapping[FieldPath, object]] = attrs.field(
        factory=dict[str, "Mapping[FieldPath, object]"]
    )
    hazards: tuple[Hazard, ...] = ()
    cost: PlanCost = attrs.field(factory=PlanCost)
    ids: Mapping[str, str] = attrs.field(factory=dict[str, str])
    moves: SyncBehavior | None = None
    undoes: str = ""
    impossible: Mapping[str, str] = attrs.field(factory=dict[str, str])
    folder: Path | None = None
    live: Snapshot | None = None

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
        content = {
            "account_id": self.account_id,
            "changes": [change.to_json() for change in self.changes],
            "may_send": _by_address_json(self.may_send),
            "secret_lists": _by_address_json(self.secret_lists),
            "moves": self.moves,
            "undoes": self.undoes,
            "ids": dict(self.ids),
        }
        return _hash_of(content)

    def to_json(self) -> dict[str, object]:
        """Return the plan as JSON values, as `save` writes them."""
        return {
            "format": _FORMAT,
            "account_id": self.account_id,
            "account_name": self.account_name,
            "digest": self.digest,
            "changes": [change.to_json() for change in self.changes],
            "drift": [change.to_json() for change in self.drift],
            "conflicts": [conflict.to_json() for conflict in self.conflicts],
            "refused": dict(self.refused),
            "ignored": _by_address_json(self.ignored),
            "ignored_values": _by_address_json(self.ignored_values),
            "may_send": _by_address_json(self.may_send),
            "secret_lists": _by_address_json(self.secret_lists),
            "hazards": [attrs.asdict(hazard) for hazard in self.hazards],
            "cost": attrs.asdict(self.cost),
            "ids": dict(self.ids),
            "moves": self.moves,
            "undoes": self.undoes,
            "impossible": dict(self.impossible),
        }

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
    try:
        return _plan_of(document, place)
    except (ValueError, TypeError, KeyError) as error:
        raise PlanFileError(f"{place}: {_NOT_A_PLAN}: {error}") from None


def _plan_of(document: Mapping[str, object], place: Path) -> Plan:
    folder = document.get("folder")
    cost = entries(document.get("cost"))
    moves = document.get("moves")
    return Plan(
        account_id=str(document.get("account_id") or ""),
        account_name=str(document.get("account_name") or ""),
        changes=tuple(map(Change.from_json, _items(document, "changes"))),
        drift=tuple(map(Change.from_json, _items(document, "drift"))),
        conflicts=tuple(map(Conflict.from_json, _items(document, "conflicts"))),
        refused=_texts(document.get("refused")),
        ignored=_texts_by_address(document, "ignored"),
        ignored_values=_by_address_of(document, "ignored_values"),
        may_send=_texts_by_address(document, "may_send"),
        secret_lists=_by_address_of(document, "secret_lists"),
        hazards=tuple(Hazard(**_texts(each)) for each in _items(document, "hazards")),
        cost=PlanCost(
            requests=cast("int", cost.get("requests", 0)),
            quotas=cast("Mapping[str, int]", entries(cost.get("quotas"))),
            minutes=cast("float", cost.get("minutes", 0.0)),
            stopped_syncs=cast("int", cost.get("stopped_syncs", 0)),
        ),
        ids=_texts(document.get("ids")),
        moves="BACKFILL" if moves == "BACKFILL" else "CONTINUE" if moves else None,
        undoes=str(document.get("undoes") or ""),
        impossible=_texts(document.get("impossible")),
        folder=place.absolute().parent / folder if isinstance(folder, str) else None,
    )


def _by_address_json(values: Mapping[str, Mapping[FieldPath, object]]) -> dict[str, object]:
    return {address: by_path_json(each) for address, each in values.items()}


def _by_address_of(
    document: Mapping[str, object], name: str
) -> dict[str, Mapping[FieldPath, object]]:
    found = entries(document.get(name))
    return {address: by_path_of(each) for address, each in found.items()}


def _texts_by_address(
    document: Mapping[str, object], name: str
) -> dict[str, Mapping[FieldPath, str]]:
    return {
        address: {path: str(value) for path, value in each.items()}
        for address, each in _by_address_of(document, name).items()
    }


def _items(document: Mapping[str, object], name: str) -> list[object]:
    return list(as_items(document.get(name)) or ())


def _texts(value: object) -> dict[str, str]:
    return {name: str(each) for name, each in entries(value).items()}


def _hash_of(content: object) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
