"""Private links: created immediately, ready minutes later."""

from __future__ import annotations

from fivetran_async.testing._account import FakeAccount
from fivetran_async.testing._facts import StoredRecord
from fivetran_async.testing._rules import FamilyRules, ServedCall, conflict
from fivetran_async.testing.families._services import check_config, mask_config
from fivetran_async.testing.families._shared import created_by_owner, render_config


def _fresh(call: ServedCall) -> StoredRecord:
    return created_by_owner(call) | {
        "account_id": call.account.account_id,
        "cloud_provider": str(call.body.get("service", "SOURCE_AWS")).rpartition("_")[2],
        "host": None,
        "resource_upstream_status": None,
        "state": "CREATING",
        "state_summary": "The private link is being created",
    }


def _view(call: ServedCall, record: StoredRecord) -> StoredRecord:
    return record | {"config": render_config(mask_config(record, "private_link"), call.version)}


def _before_create(call: ServedCall, record: StoredRecord) -> None:
    check_config(call.account, call.body, record["service"], "private_link")


def _before_update(call: ServedCall, before: StoredRecord) -> None:
    check_config(call.account, call.body, str(before.get("service")), "private_link")


def _settle(call: ServedCall, record: StoredRecord) -> None:
    account, link_id = call.account, record["id"]
    account.clock.call_later(account.private_link_duration, lambda: _ready(account, link_id))


def _ready(account: FakeAccount, link_id: str) -> None:
    rows = account.collection("private_links")
    if link_id in rows:
        host = f"{link_id.replace('_', '-')}.privatelink.example.com"
        rows.change(link_id, state="OK", state_summary="The private link is ready", host=host)


def _updating(call: ServedCall, record: StoredRecord) -> None:
    rows = call.account.collection("private_links")
    rows.change(record["id"], state="UPDATING", state_summary="The private link is being updated")
    _settle(call, record)


def _unused(call: ServedCall, record: StoredRecord) -> None:
    for family in ("connections", "destinations"):
        for user in call.account.collection(family):
            if user.get("private_link_id") == record["id"]:
                message = f"Private link '{record['id']}' is still used by '{user['id']}'"
                raise conflict(message)


FAMILIES = (
    FamilyRules(
        name="private_links",
        noun="private link",
        missing="NotFound_PrivateLink",
        fresh=_fresh,
        view=_view,
        before_create=_before_create,
        before_update=_before_update,
        after_create=_settle,
        after_update=_updating,
        before_delete=_unused,
        merged=frozenset({"config"}),
    ),
)
