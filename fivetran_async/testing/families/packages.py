"""Connector SDK packages: uploaded code that connections refer to in their config."""

from __future__ import annotations

import hashlib

from fivetran_async.testing._facts import StoredRecord, part
from fivetran_async.testing._rules import FamilyRules, Refusal, Result, ServedCall, invalid


def _create(call: ServedCall) -> Result:
    now = call.account.clock.stamp(digits=3)
    record = {
        "id": call.account.new_id(),
        "created_at": now,
        "created_by": call.account.owner_id,
    } | _content(call)
    call.account.collection("connector_sdk_packages").put(record["id"], record)
    return Result(_view(call, record), "Package has been created")


def _update(call: ServedCall) -> Result:
    record = call.account.collection("connector_sdk_packages").change(
        _package(call)["id"], **_content(call)
    )
    return Result(_view(call, record), "Package has been updated")


def _content(call: ServedCall) -> StoredRecord:
    content: bytes = call.body["file"]
    if not content:
        message = "file must not be empty"
        raise invalid(message)
    return {
        "content": content,
        "file_sha256_hash": hashlib.sha256(content).hexdigest(),
        "updated_at": call.account.clock.stamp(digits=3),
        "last_updated_by": call.account.owner_id,
    }


def _view(call: ServedCall, record: StoredRecord) -> StoredRecord:
    attached = _attached(call, record["id"])
    return record | {"connection_id": next(iter(attached), None), "connection_ids": attached}


def _attached(call: ServedCall, package_id: str) -> list[str]:
    """Return the connections that use a package, in the order of their creation."""
    return [
        str(connection["id"])
        for connection in call.account.collection("connections")
        if part(connection.get("config")).get("package_id") == package_id
    ]


def _detached(call: ServedCall, record: StoredRecord) -> None:
    attached = _attached(call, record["id"])
    if attached:
        message = f"Package '{record['id']}' is attached to connection '{attached[0]}'"
        raise Refusal(403, "Forbidden", message)


def _download(call: ServedCall) -> Result:
    return Result(raw=_package(call)["content"])


def _package(call: ServedCall) -> StoredRecord:
    record = call.account.collection("connector_sdk_packages").get(call.path[0])
    if record is None:
        raise PACKAGES.not_found(call.path[0])
    return record


PACKAGES = FamilyRules(
    name="connector_sdk_packages",
    noun="package",
    missing="NotFound_ConnectorSdkPackage",
    view=_view,
    before_delete=_detached,
    actions={"create": _create, "update": _update, "download": _download},
)

FAMILIES = (PACKAGES,)
