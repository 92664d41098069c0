"""From plans and runs to output: rows for people, documents for programs. Pure."""

from __future__ import annotations

import collections
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, cast

from fivetran_async._types import UNSET, JSONValue
from fivetran_async.as_code import AppliedRun, Change, Plan, Rehearsal, Snapshot
from fivetran_async.cli._table import Document, OutputTable, Record, Summary

EXPORTED: Final = OutputTable("kinds", ("kind", "objects"), range(1, 2))
DRIFT: Final = OutputTable(
    "drift", ("address", "action", "field", "before", "now"), whole=("address", "field")
)

_WIDTH: Final = 60


def exported_records(snapshot: Snapshot) -> Iterator[Record]:
    """Return a record for each kind of an export."""
    counts = collections.Counter(each.kind for each in snapshot.values())
    for kind, count in counts.items():
        yield _counted(kind, count)


def _counted(kind: str, count: int) -> Record:
    return Record((kind, count), lambda: {"kind": kind, "objects": count})


def exported_summary(snapshot: Snapshot, folder: str, requests: int) -> Summary:
    """Return the summary of an export."""
    return Summary(
        (
            ("account", snapshot.account_name or snapshot.account_id),
            ("folder", folder),
            ("objects", len(snapshot)),
            ("skipped", len(snapshot.skipped)),
            ("requests", requests),
        ),
        lambda: {
            "account_id": snapshot.account_id,
            "folder": folder,
            "objects": len(snapshot),
            "skipped": dict(snapshot.skipped),
            "requests": requests,
        },
    )


def skipped_notes(skipped: Mapping[str, str]) -> Iterator[str]:
    """Return one line for each reason why objects were not read."""
    places: dict[str, list[str]] = {}
    for address, reason in skipped.items():
        places.setdefault(reason, []).append(address)
    for reason, found in places.items():
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        yield f"Skipped: {', '.join(found[:3])}{more}: {reason}"


def drift_records(plan: Plan) -> Iterator[Record]:
    """Return a record for each value that was changed on the server, in conflict or not."""
    for change in plan.drift:
        yield from _changed_values(change)
    for conflict in plan.conflicts:
        for path, leaf in conflict.leaves.items():
            yield _drift_record(conflict.address, "update", path, leaf.base, leaf.live)


def _changed_values(change: Change) -> Iterator[Record]:
    if change.action != "update":
        # A whole object came or went: its values are not what changed.
        yield _drift_record(change.address, change.action, (), UNSET, UNSET)
        return
    for path, leaf in change.leaves.items():
        yield _drift_record(change.address, change.action, path, leaf.before, leaf.after)


def _drift_record(
    address: str, action: str, path: Sequence[str], before: object, now: object
) -> Record:
    values = {"before": before, "now": now}
    document = {name: value for name, value in values.items() if value is not UNSET}
    field = ".".join(path)
    row = (address, action, field, *(_shown(value) for value in values.values()))
    return Record(
        row,
        lambda: {
            "address": address,
            "action": action,
            "field": field,
            **cast("dict[str, JSONValue]", document),
        },
    )


def _shown(value: object) -> str:
    if value is UNSET:
        return ""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def drift_summary(plan: Plan) -> Summary:
    """Return the summary of drift."""
    changed = {each.address for each in plan.drift}
    objects = len(changed.union(each.address for each in plan.conflicts))
    return Summary(
        (("account", plan.account_name or plan.account_id), ("changed objects", objects)),
        lambda: {"account_id": plan.account_id, "objects": objects},
    )


def plan_document(plan: Plan) -> Document:
    """Return the document of a plan."""
    return cast("Document", plan.to_json())


def rehearsal_document(rehearsal: Rehearsal) -> Document:
    """Return the document of a rehearsal."""
    return {
        "succeeded": rehearsal.succeeded,
        "done": list(rehearsal.run.done),
        "errors": _texts(rehearsal.errors),
        "skipped": dict(rehearsal.skipped),
        "not_converging": _kept(rehearsal.not_converging),
        "requests": rehearsal.requests,
    }


def run_document(run: AppliedRun | None) -> Document:
    """Return the document of a run; None if there was nothing to do."""
    if run is None:
        empty: list[JSONValue] = []
        return {"succeeded": True, "run": None, "done": empty, "journal": None}
    return {
        "succeeded": run.succeeded,
        "run": run.name,
        "done": list(run.done),
        "errors": _texts(run.errors),
        "skipped": dict(run.skipped),
        "kept_differently": _kept(run.kept_differently),
        "unread_secrets": dict(run.unread_secrets),
        "journal": journal_of(run),
    }


def journal_of(run: AppliedRun) -> str | None:
    """Return the path of a journal; None if it is in memory only."""
    return None if run.journal.path is None else str(run.journal.path)


def _texts(errors: Mapping[str, Exception]) -> dict[str, JSONValue]:
    return {address: str(error) for address, error in errors.items()}


def _kept(
    found: Mapping[str, Mapping[tuple[str, ...], tuple[object, object]]],
) -> dict[str, JSONValue]:
    return {address: list(_kept_leaves(leaves)) for address, leaves in found.items()}


def _kept_leaves(leaves: Mapping[tuple[str, ...], tuple[object, object]]) -> Iterable[JSONValue]:
    for path, (wanted, kept) in leaves.items():
        values = {"wanted": wanted, "kept": kept}
        given = {name: value for name, value in values.items() if value is not UNSET}
        yield {"path": list(path), **cast("dict[str, JSONValue]", given)}
