"""Destinations: one per group, with the group's id."""

from __future__ import annotations

from fivetran_async.testing._account import FakeAccount
from fivetran_async.testing._facts import StoredRecord
from fivetran_async.testing._rules import (
    FamilyRules,
    Refusal,
    Result,
    ServedCall,
    conflict,
    invalid,
)
from fivetran_async.testing.families._services import check_config, check_service, mask_config
from fivetran_async.testing.families._shared import render_config, setup_tests, tests_failed
from fivetran_async.testing.families.connections import TEST_FLAGS, forget

LOG_SERVICE, LOG_SCHEMA = "fivetran_log", "fivetran_metadata"
"""Each new destination gets a connection of this service, which is deleted along with it."""

_TESTS = ("Connecting to the destination", "Validating credentials", "Creating a schema")


def _fresh(call: ServedCall) -> StoredRecord:
    group_id = call.body["group_id"]
    if group_id not in call.account.collection("groups"):
        # The vendor uses the generic code here.
        raise Refusal(404, "NotFound", f"Cannot find group with id '{group_id}'")
    return {
        "id": group_id,
        "region": "GCP_US_EAST4",
        "time_zone_offset": "0",
        "daylight_saving_time_enabled": False,
        "setup_status": "incomplete",
        "networking_method": "Directly",
        "private_link_id": None,
        "proxy_agent_id": None,
        "hybrid_deployment_agent_id": None,
        "local_processing_agent_id": None,
        "external_secrets_manager_id": None,
        "config": {},
    }


def _before_create(call: ServedCall, record: StoredRecord) -> None:
    check_service(call.account, record["service"], "destination")
    check_config(call.account, call.body, record["service"], "destination")
    if record["id"] in call.account.collection("destinations"):
        message = f"Group '{record['id']}' already has a destination"
        raise invalid(message)


def _before_update(call: ServedCall, before: StoredRecord) -> None:
    check_config(call.account, call.body, str(before.get("service")), "destination")


def _view(call: ServedCall, record: StoredRecord) -> StoredRecord:
    return record | {
        "config": render_config(mask_config(record, "destination"), call.version),
        "setup_tests": record.get("setup_tests", []),
    }


def run_tests(account: FakeAccount, destination_id: str) -> StoredRecord:
    """Run the setup tests and update the setup status."""
    results = setup_tests(account, destination_id, _TESTS)
    status = "broken" if tests_failed(results) else "connected"
    rows = account.collection("destinations")
    return rows.change(destination_id, setup_tests=results, setup_status=status)


def _created(call: ServedCall, record: StoredRecord) -> None:
    _tests_if_asked(call, record)
    connections = call.account.collection("connections")
    if any(_is_own_log(each) for each in connections.where("group_id", record["group_id"])):
        return
    log_id = call.account.new_id()
    connections.put(
        log_id,
        {
            "id": log_id,
            "group_id": record["group_id"],
            "service": LOG_SERVICE,
            "schema": LOG_SCHEMA,
            "connected_by": "_fivetran_system",
            "created_at": call.account.clock.stamp(),
            "paused": True,
            "sync_state": "paused",
            "is_historical_sync": True,
            "config": {"schema": LOG_SCHEMA, "is_account_level_connector": False},
        },
    )


def _is_own_log(connection: StoredRecord) -> bool:
    return (connection["service"], connection["schema"]) == (LOG_SERVICE, LOG_SCHEMA)


def _tests_if_asked(call: ServedCall, record: StoredRecord) -> None:
    if call.body.get("run_setup_tests", False):
        run_tests(call.account, record["id"])


def _unused(call: ServedCall, record: StoredRecord) -> None:
    connections = call.account.collection("connections").where("group_id", record["group_id"])
    if not all(map(_is_own_log, connections)):
        message = f"Destination '{record['id']}' still has connections"
        raise conflict(message)
    for connection in connections:
        forget(call.account, connection["id"])


def _test(call: ServedCall) -> Result:
    if call.path[0] not in call.account.collection("destinations"):
        raise DESTINATIONS.not_found(call.path[0])
    return Result(
        _view(call, run_tests(call.account, call.path[0])), "Setup tests have been completed"
    )


DESTINATIONS = FamilyRules(
    name="destinations",
    noun="destination",
    missing="NotFound_Destination",
    references={
        "hybrid_deployment_agent_id": "hybrid_deployment_agents",
        "private_link_id": "private_links",
        "proxy_agent_id": "proxy_agents",
        "external_secrets_manager_id": "external_secrets_managers",
    },
    fresh=_fresh,
    view=_view,
    before_create=_before_create,
    before_update=_before_update,
    after_create=_created,
    after_update=_tests_if_asked,
    before_delete=_unused,
    merged=frozenset({"config", "external_secrets_keys_config"}),
    transient=TEST_FLAGS,
    actions={"run_setup_tests": _test},
)

FAMILIES = (DESTINATIONS,)
