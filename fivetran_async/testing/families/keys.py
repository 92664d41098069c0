"""The account itself, its system keys, and the registration of HVR hubs."""

from __future__ import annotations

from datetime import timedelta

from fivetran_async.testing._facts import StoredRecord
from fivetran_async.testing._rules import FamilyRules, Result, ServedCall

_PERIODS = {
    "ONE_WEEK": timedelta(weeks=1),
    "ONE_MONTH": timedelta(days=30),
    "THREE_MONTHS": timedelta(days=91),
    "SIX_MONTHS": timedelta(days=182),
}


def _info(call: ServedCall) -> Result:
    account = call.account
    data = {
        "account_id": account.account_id,
        "account_name": account.account_name,
        "user_id": account.owner_id,
    }
    return Result(data)


def _fresh(call: ServedCall) -> StoredRecord:
    now = call.account.clock.stamp(digits=3)
    return {
        "created_at": now,
        "updated_at": now,
        "last_used_at": None,
        "permissions": [],
        "key": call.account.token(16),
    }


def _expiry(call: ServedCall) -> str | None:
    period = _PERIODS.get(call.body.get("expiration_period") or "INFINITE")
    if period is None:
        return None
    return call.account.clock.stamp(after=period.total_seconds(), digits=3)


def _before_create(call: ServedCall, record: StoredRecord) -> None:
    record["expired_at"] = _expiry(call)


def _view(call: ServedCall, record: StoredRecord) -> StoredRecord:
    # Only the response to the creation contains the secret.
    return (
        record | {"secret": call.account.token()} if call.operation.action == "create" else record
    )


def _touch(call: ServedCall, record: StoredRecord) -> None:
    rows = call.account.collection("system_keys")
    rows.change(record["id"], updated_at=call.account.clock.stamp(digits=3))


def _rotate(call: ServedCall) -> Result:
    rows = call.account.collection("system_keys")
    record = rows.get(call.path[0])
    if record is None:
        raise SYSTEM_KEYS.not_found(call.path[0])
    changes: StoredRecord = {"updated_at": call.account.clock.stamp(digits=3)}
    if call.body.get("expiration_period") is not None:
        changes["expired_at"] = _expiry(call)
    changed = rows.change(record["id"], **changes)
    return Result(changed | {"secret": call.account.token()}, "System key has been rotated")


def _register_hub(call: ServedCall) -> Result:
    data = {"registration_id": call.account.new_id(), "access_token": call.account.token(40)}
    return Result(data, "Hub has been registered")


SYSTEM_KEYS = FamilyRules(
    name="system_keys",
    noun="system key",
    missing="NotFound_SystemKey",
    fresh=_fresh,
    view=_view,
    before_create=_before_create,
    after_update=_touch,
    transient=frozenset({"expiration_period"}),
    actions={"rotate": _rotate},
)

FAMILIES = (
    FamilyRules(name="account", noun="account", actions={"get_info": _info}),
    SYSTEM_KEYS,
    FamilyRules(name="hvr", noun="hub", actions={"register_hub": _register_hub}),
)
