"""The API keys of users: one per user, with an expiry and an overlap after a rotation."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from fivetran_async.testing._facts import StoredRecord
from fivetran_async.testing._rules import (
    FamilyRules,
    Refusal,
    Result,
    ServedCall,
    invalid,
    slice_page,
)

_DAY: Final = 86_400.0
_DEFAULT_DAYS = 90
_MOST_DAYS = 365
_MOST_OVERLAP_DAYS = 30


def _fresh(call: ServedCall) -> StoredRecord:
    return {"key_value": call.account.token(16), "created_at": call.account.clock.stamp(digits=3)}


def _user(call: ServedCall) -> str:
    user_id = call.path[0]
    if user_id not in call.account.collection("users"):
        raise Refusal(404, "NotFound_User", f"Cannot find user with id '{user_id}'")
    return user_id


def _key(call: ServedCall) -> StoredRecord:
    record = API_KEYS.rows(call.account).get(_user(call))
    if record is None:
        raise API_KEYS.not_found(call.path[0])
    return record


def _view(call: ServedCall, record: StoredRecord) -> StoredRecord:
    shown = {name: value for name, value in record.items() if value is not None}
    overlaps = _is_ahead(call, record.get("overlap_expires_at"))
    if not overlaps:
        shown.pop("overlap_expires_at", None)
    user = call.account.collection("users").get(record["user_id"]) or {}
    shown["user_type"] = user.get("user_type") or "REGULAR_USER"
    expires_at = record.get("expires_at")
    expired = expires_at is not None and not _is_ahead(call, expires_at)
    shown["key_status"] = "EXPIRED" if expired else "ACTIVE_GRACE" if overlaps else "ACTIVE"
    return shown


def _is_ahead(call: ServedCall, moment: str | None) -> bool:
    return moment is not None and datetime.fromisoformat(moment) > call.account.clock.now()


def _days(call: ServedCall, name: str, default: int, *, least: int, most: int) -> int:
    days = call.body.get(name)
    if days is None:
        return default
    if not least <= days <= most:
        message = f"{name} must be in the range {least}..{most}, not {days}"
        raise invalid(message)
    return int(days)


def _expiry(call: ServedCall) -> str:
    days = _days(call, "expiration_period_days", _DEFAULT_DAYS, least=1, most=_MOST_DAYS)
    return call.account.clock.stamp(after=days * _DAY, digits=3)


def _get(call: ServedCall) -> Result:
    return Result(_view(call, _key(call)))


def _create(call: ServedCall) -> Result:
    user_id = _user(call)
    rows = API_KEYS.rows(call.account)
    expires_at = _expiry(call)
    if user_id in rows:
        message = f"User '{user_id}' has an API key already: rotate or delete it first"
        raise invalid(message)
    record = _fresh(call) | {"user_id": user_id, "expires_at": expires_at}
    rows.put(user_id, record)
    call.account.collection("users").change(user_id, has_api_key=True)
    shown = _view(call, record) | {"key_secret": call.account.token()}
    return Result(shown, "API key has been created")


def _rotate(call: ServedCall) -> Result:
    record = _key(call)
    overlap = _days(call, "overlap_days", 0, least=0, most=_MOST_OVERLAP_DAYS)
    clock = call.account.clock
    changed = API_KEYS.rows(call.account).change(
        record["user_id"],
        expires_at=_expiry(call),
        last_rotated_at=clock.stamp(digits=3),
        overlap_expires_at=clock.stamp(after=overlap * _DAY, digits=3) if overlap else None,
    )
    shown = _view(call, changed) | {"key_secret": call.account.token()}
    return Result(shown, "API key has been rotated")


def _delete(call: ServedCall) -> Result:
    user_id = _user(call)
    rows = API_KEYS.rows(call.account)
    if user_id in rows:
        rows.remove(user_id)
    call.account.collection("users").change(user_id, has_api_key=False)
    return Result(message=f"API keys of the user with id '{user_id}' have been deleted")


def list_keys(call: ServedCall) -> Result:
    """Return the keys of all users, or of the users of one type."""
    shown = [_view(call, record) for record in API_KEYS.rows(call.account)]
    wanted = call.query.get("user_type")
    return slice_page(call, [key for key in shown if wanted in (None, key["user_type"])])


API_KEYS = FamilyRules(
    name="users.api_keys",
    noun="API key of the user",
    key="user_id",
    fresh=_fresh,
    actions={"get": _get, "create": _create, "rotate": _rotate, "delete": _delete},
)

FAMILIES = (API_KEYS,)
