"""Log services: one per group, and one for the whole account."""

from __future__ import annotations

from fivetran_async.testing._facts import StoredRecord
from fivetran_async.testing._rules import FamilyRules, Refusal, Result, ServedCall, invalid
from fivetran_async.testing.families._services import check_config, check_service, mask_config
from fivetran_async.testing.families._shared import render_config, setup_tests, tests_failed

_TESTS = ("Connecting to the log service",)


def _fresh(call: ServedCall) -> StoredRecord:
    return {"id": call.body["group_id"], "enabled": True, "setup_state": "incomplete"}


def _before_create(call: ServedCall, record: StoredRecord) -> None:
    check_service(call.account, record["service"], "log")
    check_config(call.account, call.body, record["service"], "log")
    if record["id"] in call.account.collection("log_services"):
        message = f"Group '{record['id']}' already has a log service"
        raise invalid(message)


def _before_update(call: ServedCall, before: StoredRecord) -> None:
    service = call.body.get("service") or before["service"]
    check_service(call.account, service, "log")
    check_config(call.account, call.body, service, "log")


def _view(call: ServedCall, record: StoredRecord) -> StoredRecord:
    return record | {
        "config": render_config(mask_config(record, "log"), call.version),
        "setup_tests": record.get("setup_tests", []),
        "status": {"setup_state": record.get("setup_state", "connected"), "tasks": []},
    }


def _run_tests(call: ServedCall, name: str, key: str) -> StoredRecord:
    results = setup_tests(call.account, key, _TESTS)
    state = "broken" if tests_failed(results) else "connected"
    return call.account.collection(name).change(key, setup_tests=results, setup_state=state)


def _tests_if_asked(call: ServedCall, record: StoredRecord) -> None:
    if call.body.get("run_setup_tests", False):
        _run_tests(call, "log_services", record["id"])


def _test(call: ServedCall) -> Result:
    if call.path[0] not in call.account.collection("log_services"):
        raise LOG_SERVICES.not_found(call.path[0])
    return _tested(_run_tests(call, "log_services", call.path[0]))


def _tested(record: StoredRecord) -> Result:
    return Result({"setup_tests": record["setup_tests"]}, "Setup tests have been completed")


def _fresh_account(call: ServedCall) -> StoredRecord:
    return {"id": call.account.account_id, "enabled": True, "setup_state": "incomplete"}


def _create_account(call: ServedCall) -> Result:
    rows = call.account.collection("log_services.account")
    if call.account.account_id in rows:
        message = "The account already has a log service"
        raise invalid(message)
    check_service(call.account, call.body["service"], "log")
    check_config(call.account, call.body, call.body["service"], "log")
    body = {k: v for k, v in call.body.items() if k != "run_setup_tests"}
    record = _fresh_account(call) | body
    rows.put(record["id"], record)
    if call.body.get("run_setup_tests", False):
        record = _run_tests(call, "log_services.account", call.account.account_id)
    return Result(_view(call, record), "Log service has been created")


def _get_account(call: ServedCall) -> Result:
    return Result(_view(call, _the_account_one(call)))


def _update_account(call: ServedCall) -> Result:
    before = _the_account_one(call)
    _before_update(call, before)
    body = {k: v for k, v in call.body.items() if k != "run_setup_tests"}
    if isinstance(body.get("config"), dict):
        body["config"] = before["config"] | body["config"]
    record = call.account.collection("log_services.account").change(before["id"], **body)
    if call.body.get("run_setup_tests", False):
        record = _run_tests(call, "log_services.account", call.account.account_id)
    return Result(_view(call, record), "Log service has been updated")


def _delete_account(call: ServedCall) -> Result:
    record = _the_account_one(call)
    call.account.collection("log_services.account").remove(record["id"])
    return Result(message="Log service of the account has been deleted")


def _test_account(call: ServedCall) -> Result:
    _the_account_one(call)
    return _tested(_run_tests(call, "log_services.account", call.account.account_id))


def _the_account_one(call: ServedCall) -> StoredRecord:
    record = call.account.collection("log_services.account").get(call.account.account_id)
    if record is None:
        raise Refusal(404, "NotFound_LogService", "The account has no log service")
    return record


LOG_SERVICES = FamilyRules(
    name="log_services",
    noun="log service",
    missing="NotFound_LogService",
    references={"group_id": "groups"},
    fresh=_fresh,
    view=_view,
    before_create=_before_create,
    before_update=_before_update,
    after_create=_tests_if_asked,
    after_update=_tests_if_asked,
    merged=frozenset({"config"}),
    transient=frozenset({"run_setup_tests"}),
    actions={"run_setup_tests": _test},
)

FAMILIES = (
    LOG_SERVICES,
    FamilyRules(
        name="log_services.account",
        noun="log service",
        missing="NotFound_LogService",
        fresh=_fresh_account,
        actions={
            "create": _create_account,
            "get": _get_account,
            "update": _update_account,
            "delete": _delete_account,
            "run_setup_tests": _test_account,
        },
    ),
)
