"""
The warnings about a connection.

A connection's record has two lists of them: `warnings`, which are part of its status and concern no
table, and `table_warnings`, with `schema` and `table`.
"""

from __future__ import annotations

from fivetran_async.testing._facts import StoredRecord
from fivetran_async.testing._rules import Refusal, Result, ServedCall, invalid, slice_page

KNOWN_TYPES = frozenset(
    {"resync_table_warning", "sync_warning", "type_coercion_to_null_warning"},
)
"""Types of the API that can be dismissed even if the connection has no such warning."""
_LISTS = ("warnings", "table_warnings")


def list_warnings(call: ServedCall, record: StoredRecord) -> Result:
    """Return the warnings by table."""
    found: dict[tuple[str | None, str | None], list[StoredRecord]] = {}
    for warning in _warnings(record):
        place = warning.get("schema"), warning.get("table")
        found.setdefault(place, []).append(_view(record, warning))
    return slice_page(call, [_group(*place, warnings) for place, warnings in found.items()])


def _warnings(record: StoredRecord) -> list[StoredRecord]:
    return [warning for name in _LISTS for warning in record.get(name) or ()]


def _view(record: StoredRecord, warning: StoredRecord) -> StoredRecord:
    shown: StoredRecord = {
        "code": warning["code"],
        "message": warning.get("message") or warning["code"].replace("_", " ").title(),
        "created_at": warning.get("created_at")
        or record.get("failed_at")
        or record.get("succeeded_at")
        or record["created_at"],
    }
    details = warning.get("error_message") or warning.get("details")
    return shown | {"error_message": details} if isinstance(details, str) else shown


def _group(schema: str | None, table: str | None, warnings: list[StoredRecord]) -> StoredRecord:
    named: StoredRecord = {"schema": schema, "table": table}
    return {name: text for name, text in named.items() if text} | {"warnings": warnings}


def dismiss_warning(call: ServedCall, record: StoredRecord) -> Result:
    """Dismiss the warnings of one type."""
    wanted = call.item
    if not any(warning["code"] == wanted for warning in _warnings(record)):
        message = f"Cannot find warning with type '{wanted}'"
        raise Refusal(404, "NotFound", message)
    _dismiss(call, record, {wanted})
    return Result(message=f"Warnings of the type '{wanted}' have been dismissed")


def dismiss_warnings(call: ServedCall, record: StoredRecord) -> Result:
    """Dismiss the warnings of some types, or all without types."""
    present = {str(warning["code"]) for warning in _warnings(record)}
    wanted = set(call.body.get("warning_types") or present)
    unknown = sorted(wanted - present - KNOWN_TYPES)
    if unknown:
        message = f"Unknown warning type '{unknown[0]}'"
        raise invalid(message)
    _dismiss(call, record, wanted)
    return Result(message="Warnings have been dismissed")


def _dismiss(call: ServedCall, record: StoredRecord, types: set[str]) -> None:
    kept = {
        name: [warning for warning in record[name] if warning["code"] not in types]
        for name in _LISTS
        if record.get(name)
    }
    call.account.collection("connections").change(record["id"], **kept)
