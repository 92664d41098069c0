"""Certificates and fingerprints that a connection or a destination trusts."""

from __future__ import annotations

import base64
import binascii
import hashlib

from fivetran_async.testing._facts import StoredRecord
from fivetran_async.testing._rules import (
    FamilyRules,
    Refusal,
    Result,
    ServedCall,
    invalid,
    storage_key,
)
from fivetran_async.testing._store import Collection

_PARENTS = {
    "connections": ("connection_id", "NotFound_Connection"),
    "destinations": ("destination_id", "NotFound_Destination"),
}


def _lookup(rows: Collection, parents: tuple[str, ...], item: str) -> StoredRecord | None:
    """Find a key by its hash, or by its id, which is the hash in base64url."""
    found = rows.get(storage_key(parents, item))
    if found is not None:
        return found
    field = rows.indexed[0]
    return next((row for row in rows.where(field, parents[0]) if row["id"] == item), None)


def _common(call: ServedCall, hash_: str) -> StoredRecord:
    return {
        "hash": hash_,
        "id": base64.urlsafe_b64encode(hash_.encode()).decode().rstrip("="),
        "validated_by": call.account.owner_id,
        "validated_date": call.account.clock.stamp(digits=3),
    }


def _certificate(call: ServedCall) -> StoredRecord:
    encoded = call.body["encoded_cert"]
    try:
        raw = base64.b64decode(encoded)
    except (binascii.Error, ValueError):
        raw = encoded.encode()
    return _common(call, call.body["hash"]) | {
        "name": "CN=fake",
        "public_key": encoded,
        "sha1": hashlib.sha1(raw, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(raw).hexdigest(),
        "type": "X.509",
    }


def _fingerprint(call: ServedCall) -> StoredRecord:
    return _common(call, call.body["hash"]) | {"public_key": call.body["public_key"]}


def _approve(owner: str, kind: str) -> FamilyRules:
    field, missing = _PARENTS[owner]
    name = f"{owner}.{kind}s"
    make = _certificate if kind == "certificate" else _fingerprint

    def approve(call: ServedCall) -> Result:
        parent = call.path[0]
        if parent not in call.account.collection(owner):
            raise Refusal(404, missing, f"Cannot find {owner[:-1]} with id '{parent}'")
        record = make(call) | {field: parent}
        call.account.collection(name).put(storage_key((parent,), record["hash"]), record)
        return Result(record, f"The {kind} has been approved")

    return FamilyRules(
        name=name,
        noun=kind,
        key="hash",
        scope=((field, owner),),
        lookup=_lookup,
        actions={"approve": approve},
    )


def _approve_anywhere(call: ServedCall) -> Result:
    """Approve a certificate by the deprecated operation, which has the parent in the body."""
    for owner, (field, missing) in _PARENTS.items():
        parent = call.body.get(field)
        if parent is None:
            continue
        if parent not in call.account.collection(owner):
            raise Refusal(404, missing, f"Cannot find {owner[:-1]} with id '{parent}'")
        record = _certificate(call) | {field: parent}
        key = storage_key((parent,), record["hash"])
        call.account.collection(f"{owner}.certificates").put(key, record)
        return Result(message="The certificate has been approved")
    message = "connection_id or destination_id is required"
    raise invalid(message)


FAMILIES = (
    FamilyRules(name="certificates", noun="certificate", actions={"approve": _approve_anywhere}),
    _approve("connections", "certificate"),
    _approve("connections", "fingerprint"),
    _approve("destinations", "certificate"),
    _approve("destinations", "fingerprint"),
)
