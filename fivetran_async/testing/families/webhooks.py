"""Webhooks: the test event at creation, signed events to local receivers, and the test call."""

from __future__ import annotations

import ipaddress
from typing import Final

from fivetran_async.testing._account import Delivery, FakeAccount
from fivetran_async.testing._facts import StoredRecord
from fivetran_async.testing._rules import FamilyRules, Refusal, Result, ServedCall, invalid
from fivetran_async.testing.families._services import HIDDEN
from fivetran_async.testing.families._shared import scheme_and_host

_TEST_CONNECTION = "_connection_1"


_EVENTS_TEXT: Final = """
sync_start sync_end create_connector edit_connector pause_connector resume_connector
delete_connector force_update_connector resync_connector resync_table connection_successful
connection_failure dbt_run_start dbt_run_succeeded dbt_run_failed transformation_start
transformation_succeeded transformation_failed transformation_run_start
transformation_run_succeeded transformation_run_failed status
"""
_EVENTS: Final = frozenset(_EVENTS_TEXT.split())


def known_events(_: FakeAccount) -> frozenset[str]:
    """Return the names of the events that webhooks can receive."""
    return _EVENTS


def is_loopback(url: str) -> bool:
    """Return True if a URL is on this machine; the fake contacts no other receivers."""
    _, host = scheme_and_host(url)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def emit(
    account: FakeAccount,
    event: str,
    connection: StoredRecord,
    *,
    sync_id: str | None = None,
    data: StoredRecord | None = None,
) -> None:
    """Queue an event for every active webhook that subscribes to it."""
    if account.silent:
        return
    for webhook in account.collection("webhooks"):
        concerned = webhook["type"] == "account" or webhook["group_id"] == connection["group_id"]
        if webhook["active"] and event in webhook["events"] and concerned:
            body = _event_body(account, event, connection, sync_id, data)
            account.outbox.append(Delivery(webhook["id"], body))
            account.wake()


def _event_body(
    account: FakeAccount,
    event: str,
    connection: StoredRecord,
    sync_id: str | None,
    data: StoredRecord | None,
) -> StoredRecord:
    body: StoredRecord = {
        "event": event,
        "created": account.clock.stamp(digits=3),
        "connector_type": connection["service"],
        "connector_id": connection["id"],
        "connector_name": connection["schema"],
    }
    if sync_id is not None:
        body["sync_id"] = sync_id
    return body | {"destination_group_id": connection["group_id"], "data": data or {}}


def _test_body(account: FakeAccount, event: str, group_id: str) -> StoredRecord:
    # Test events lack sync_id, and have the group under its older name.
    return {
        "event": event,
        "created": account.clock.stamp(digits=3),
        "connector_type": "test_connector",
        "connector_id": _TEST_CONNECTION,
        "connector_name": "test_connection",
        "group_id": group_id,
        "data": {},
    }


def _view(_: ServedCall, record: StoredRecord) -> StoredRecord:
    return record | {"secret": HIDDEN} if record.get("secret") else record


async def _create_account(call: ServedCall) -> Result:
    return await _create(call, {"type": "account", "group_id": None})


async def _create_group(call: ServedCall) -> Result:
    group_id = call.path[0]
    if group_id not in call.account.collection("groups"):
        raise Refusal(404, "NotFound_Group", f"Cannot find group with id '{group_id}'")
    return await _create(call, {"type": "group", "group_id": group_id})


async def _create(call: ServedCall, kind: StoredRecord) -> Result:
    account = call.account
    record: StoredRecord = {
        "id": account.new_id(),
        **kind,
        "active": True,
        "created_at": account.clock.stamp(digits=3),
        "created_by": account.owner_id,
        "secret": None,
        **call.body,
    }
    _check(record)
    if record["active"]:
        await _probe(account, record)
    account.collection("webhooks").put(record["id"], record)
    return Result(_view(call, record), "Webhook has been created")


async def _update(call: ServedCall) -> Result:
    before = _find(call)
    changed = before | call.body
    _check(changed)
    if changed["active"] and (not before["active"] or changed["url"] != before["url"]):
        await _probe(call.account, changed)
    # Another request may have deleted it while the receiver was responding.
    _find(call)
    call.account.collection("webhooks").put(changed["id"], changed)
    return Result(_view(call, changed), "Webhook has been updated")


def _check(record: StoredRecord) -> None:
    url = str(record["url"])
    scheme, host = scheme_and_host(url)
    if not host or (scheme != "https" and not is_loopback(url)):
        message = f"Webhook url must use https, not '{url}'"
        raise invalid(message)
    if not record["events"]:
        message = "events must name at least one event"
        raise invalid(message)


def _probe_body(group_id: str) -> StoredRecord:
    # The vendor's placeholders: `created` is not a time, and `data` is missing.
    return {
        "event": "test_event",
        "created": "timestamp",
        "connector_type": "test_connector",
        "connector_id": _TEST_CONNECTION,
        "group_id": group_id,
    }


async def _probe(account: FakeAccount, record: StoredRecord) -> None:
    status = await account.post(record, _probe_body(record["group_id"] or "_group_1"))
    if status is None or not 200 <= status < 300:
        message = f"Webhook receiver at '{record['url']}' did not accept the test event"
        raise invalid(message)


async def _test(call: ServedCall) -> Result:
    record = _find(call)
    body = _test_body(call.account, call.body["event"], record["group_id"] or "_group_1")
    status = await call.account.post(record, body)
    succeed = status is not None and 200 <= status < 300
    message = "Webhook test has succeeded" if succeed else "Webhook test has failed"
    data = {"succeed": succeed, "status": status or 0, "message": message}
    return Result(data, message)


def _find(call: ServedCall) -> StoredRecord:
    record = call.account.collection("webhooks").get(call.path[0])
    if record is None:
        raise WEBHOOKS.not_found(call.path[0])
    return record


WEBHOOKS = FamilyRules(
    name="webhooks",
    noun="webhook",
    missing="NotFound_Webhook",
    view=_view,
    actions={
        "create_account": _create_account,
        "create_group": _create_group,
        "update": _update,
        "test": _test,
    },
)

FAMILIES = (WEBHOOKS,)
