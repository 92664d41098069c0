"""Connections from creation to deletion; `_syncs` runs their syncs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from fivetran_async.testing._account import FakeAccount
from fivetran_async.testing._facts import StoredRecord, part
from fivetran_async.testing._rules import (
    Action,
    FamilyRules,
    Result,
    ServedCall,
    conflict,
    invalid,
    storage_key,
)
from fivetran_async.testing.families import _moves, _syncs, _warnings
from fivetran_async.testing.families._moves import check_free
from fivetran_async.testing.families._schedules import DAILY, check_times, scheduled
from fivetran_async.testing.families._services import check_config, check_service, mask_config
from fivetran_async.testing.families._shared import (
    render_config,
    scheme_and_host,
    setup_tests,
    tests_failed,
)
from fivetran_async.testing.families.webhooks import emit

TEST_FLAGS = frozenset({"run_setup_tests", "trust_certificates", "trust_fingerprints"})

_DEFAULTS: StoredRecord = {
    "service_version": 1,
    "paused": False,
    "pause_after_trial": False,
    "connected_by": None,
    "succeeded_at": None,
    "failed_at": None,
    "sync_frequency": 360,
    "schedule_type": "auto",
    "daily_sync_time": None,
    "data_delay_sensitivity": "LOW",
    "data_delay_threshold": 0,
    "networking_method": "Directly",
    "private_link_id": None,
    "proxy_agent_id": None,
    "hybrid_deployment_agent_id": None,
    "external_secrets_manager_id": None,
    "destination_schema_names": "FIVETRAN_NAMING",
}
_STATUS: StoredRecord = {
    "setup_state": "connected",
    "sync_state": "scheduled",
    "update_state": "on_schedule",
    "is_historical_sync": False,
    "tasks": [],
    "warnings": [],
    "rescheduled_for": None,
}
_ONLY_IN_DETAILS = (
    "config",
    "setup_tests",
    "source_sync_details",
    "connect_card",
    "connect_card_config",
)
_STATEFUL = frozenset({"connector_sdk", "aws_lambda", "azure_function", "google_cloud_function"})
_TESTS = ("Connecting to the source", "Validating credentials", "Checking permissions")


def view(call: ServedCall, record: StoredRecord) -> StoredRecord:
    """Return a connection like the API; list items lack the fields that only details have."""
    shown = _DEFAULTS | record
    shown["status"] = {name: record.get(name, value) for name, value in _STATUS.items()}
    if "schema_status" in record:
        shown["status"]["schema_status"] = record["schema_status"]
    if shown["sync_frequency"] != DAILY:
        shown["daily_sync_time"] = None
    elif shown["daily_sync_time"] is None:
        shown["daily_sync_time"] = "00:00"
    if shown.get("schedule") is None:
        shown.pop("schedule", None)
    if call.operation.response == "list":
        for name in _ONLY_IN_DETAILS:
            shown.pop(name, None)
        return shown
    shown["config"] = render_config(mask_config(record, "source"), call.version)
    shown.setdefault("setup_tests", [])
    shown.setdefault("source_sync_details", {})
    return shown


def schema_name(service: str, config: dict[str, Any]) -> str:
    """Return a connection's schema name, which services configure under different keys."""
    if config.get("schema_prefix"):
        return str(config["schema_prefix"])
    if config.get("schema") and config.get("table"):
        return f"{config['schema']}.{config['table']}"
    return str(config.get("schema") or service)


def forget(account: FakeAccount, connection_id: str) -> None:
    """Remove a connection and its dependent records."""
    account.collection("connections").remove(connection_id)
    for name in ("schema_configs", "connection_states"):
        if connection_id in account.collection(name):
            account.collection(name).remove(connection_id)
    _moves.forget_moves(account, connection_id)
    for owner, field in (("users.connections", "user_id"), ("teams.connections", "team_id")):
        for membership in account.collection(owner).where("id", connection_id):
            account.collection(owner).remove(storage_key((membership[field],), connection_id))


def run_tests(account: FakeAccount, connection_id: str) -> StoredRecord:
    """Run the setup tests and update the setup state; a state that a failed sync broke is kept."""
    record = account.collection("connections").get(connection_id) or {}
    results = setup_tests(account, connection_id, _TESTS)
    state = str(record.get("setup_state", "connected"))
    if tests_failed(results):
        state = "incomplete" if state == "incomplete" else "broken"
    elif not record.get("tasks"):
        state = "connected"
    return account.collection("connections").change(
        connection_id, setup_tests=results, setup_state=state
    )


def _fresh(call: ServedCall) -> StoredRecord:
    return {
        "id": call.account.new_id(),
        "created_at": call.account.clock.stamp(),
        "connected_by": call.account.owner_id,
        "setup_state": "incomplete",
        "is_historical_sync": True,
        "config": {},
    }


def _before_create(call: ServedCall, record: StoredRecord) -> None:
    check_service(call.account, record["service"], "source")
    check_config(call.account, call.body, record["service"], "source")
    check_times(call.body)
    record |= scheduled(call.body)
    if record.get("connect_card_config") is not None:
        _check_redirect(record["connect_card_config"])
        record["connect_card"] = _card(call, record["id"])
    record["schema"] = schema_name(record["service"], part(record["config"]))
    check_free(call.account, record["group_id"], record["schema"])
    record["sync_state"] = "paused" if record.get("paused") else "scheduled"


def _after_create(call: ServedCall, record: StoredRecord) -> None:
    if call.body.get("run_setup_tests", True):
        run_tests(call.account, record["id"])
    emit(call.account, "create_connector", record)


def _before_update(call: ServedCall, before: StoredRecord) -> None:
    if not call.body.keys() - TEST_FLAGS:
        message = "At least one persistent configuration parameter must be specified"
        raise invalid(message)
    check_config(call.account, call.body, before["service"], "source")
    check_times(call.body)
    config = part(call.body.get("config"))
    renamed = schema_name(before["service"], part(before.get("config")) | config)
    if config.keys() & {"schema", "table", "schema_prefix"} and renamed != before["schema"]:
        message = "The schema name of a connection cannot be changed"
        raise invalid(message)


def _after_update(call: ServedCall, before: StoredRecord) -> None:
    account, connection_id, body = call.account, before["id"], call.body
    account.collection("connections").change(connection_id, **scheduled(body))
    if body.keys() & {"config", "auth"}:
        _syncs.cancel(account, connection_id)
    if body.get("paused") is True and not before.get("paused"):
        _syncs.pause(account, connection_id)
    if body.get("paused") is False and before.get("paused"):
        _syncs.resume(account, connection_id)
    if body.get("run_setup_tests", True):
        run_tests(account, connection_id)
    if body.get("is_historical_sync") is True:
        _syncs.start(account, connection_id, force=True, historical=True)
    emit(account, _change_event(body, before), before)


def _change_event(body: StoredRecord, before: StoredRecord) -> str:
    if body.get("paused") is None or body["paused"] == before.get("paused", False):
        return "edit_connector"
    return "pause_connector" if body["paused"] else "resume_connector"


def _delete(call: ServedCall) -> Result:
    record = _connection(call)
    forget(call.account, record["id"])
    emit(call.account, "delete_connector", record)
    return Result(message=f"Connection with id '{record['id']}' has been deleted")


def _connection(call: ServedCall) -> StoredRecord:
    record = call.account.collection("connections").get(call.path[0])
    if record is None:
        raise CONNECTIONS.not_found(call.path[0])
    return record


def _sync(call: ServedCall) -> Result:
    record = _connection(call)
    _syncs.start(call.account, record["id"], force=bool(call.body.get("force")))
    return Result(
        message=f"Sync has been successfully triggered for connection with id '{record['id']}'"
    )


def _resync(call: ServedCall) -> Result:
    record = _connection(call)
    scope = call.body.get("scope")
    if scope is not None and (not scope or not all(scope.values())):
        message = "The scope of a re-sync must name at least one table of each schema"
        raise invalid(message)
    _syncs.resync(call.account, record["id"])
    return Result(message="Re-sync has been triggered successfully")


def _test(call: ServedCall) -> Result:
    record = _connection(call)
    tested = run_tests(call.account, record["id"])
    return Result(view(call, tested), "Setup tests have been completed")


def _connect_card(call: ServedCall) -> Result:
    record = _connection(call)
    config = call.body["connect_card_config"]
    _check_redirect(config)
    card = _card(call, record["id"])
    call.account.collection("connections").change(
        record["id"], connect_card=card, connect_card_config=config
    )
    data = {"connector_id": record["id"], "connect_card": card, "connect_card_config": config}
    return Result(data, "Connect card has been generated")


def _check_redirect(config: StoredRecord) -> None:
    scheme, host = scheme_and_host(str(config["redirect_uri"]))
    if scheme not in ("http", "https") or not host:
        message = "redirect_uri must be an http or https address"
        raise invalid(message)


def _card(call: ServedCall, connection_id: str) -> StoredRecord:
    token = hashlib.sha256(f"{connection_id} {call.account.token()}".encode()).hexdigest()
    return {"token": token, "uri": f"https://fivetran.com/connect-card/setup?auth={token}"}


def _get_state(call: ServedCall) -> Result:
    record = _stateful(call)
    state = call.account.collection("connection_states").get(record["id"])
    if state is None:
        message = f"Connection '{record['id']}' has no state yet"
        raise invalid(message)
    return Result(state)


def _update_state(call: ServedCall) -> Result:
    record = _stateful(call)
    if record.get("sync_state") == "syncing":
        message = "The state cannot be changed during a sync"
        raise conflict(message)
    if not record.get("paused"):
        message = "The connection must be paused before its state is changed"
        raise invalid(message)
    if call.body.get("state") is None:
        message = "state is required"
        raise invalid(message)
    state = {"state": call.body["state"]}
    call.account.collection("connection_states").put(record["id"], state)
    return Result(state, "Connection state has been updated")


def _stateful(call: ServedCall) -> StoredRecord:
    record = _connection(call)
    if record["service"] not in _STATEFUL:
        message = f"Connections of the service '{record['service']}' have no state"
        raise invalid(message)
    return record


def _of_connection(do: Callable[[ServedCall, StoredRecord], Result]) -> Action:
    """Return an action that is given the connection of its path."""
    return lambda call: do(call, _connection(call))


CONNECTIONS = FamilyRules(
    name="connections",
    noun="connection",
    missing="NotFound_Connection",
    references={
        "group_id": "groups",
        "hybrid_deployment_agent_id": "hybrid_deployment_agents",
        "private_link_id": "private_links",
        "proxy_agent_id": "proxy_agents",
        "external_secrets_manager_id": "external_secrets_managers",
    },
    fresh=_fresh,
    view=view,
    is_view_steady=True,
    before_create=_before_create,
    after_create=_after_create,
    before_update=_before_update,
    after_update=_after_update,
    own_fields=frozenset({"run", "stuck", "sync_id", "resync_queued", "table_warnings"}),
    merged=frozenset({"config", "auth", "external_secrets_keys_config"}),
    transient=TEST_FLAGS,
    actions={
        "delete": _delete,
        "sync": _sync,
        "resync": _resync,
        "run_setup_tests": _test,
        "create_connect_card": _connect_card,
        "get_state": _get_state,
        "update_state": _update_state,
        "move": _of_connection(_moves.move),
        "get_move": _of_connection(_moves.get_move),
        "list_warnings": _of_connection(_warnings.list_warnings),
        "dismiss_warning": _of_connection(_warnings.dismiss_warning),
        "dismiss_warnings": _of_connection(_warnings.dismiss_warnings),
        "list_sync_history": _syncs.list_history,
        "list_errors": _syncs.list_errors,
    },
)

FAMILIES = (CONNECTIONS, _moves.MOVES)
