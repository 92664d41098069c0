"""Transformations, their projects, and the packages of predefined ones."""

from __future__ import annotations

from fivetran_async.testing._account import FakeAccount
from fivetran_async.testing._facts import StoredRecord, part
from fivetran_async.testing._rules import (
    FamilyRules,
    Refusal,
    Result,
    ServedCall,
    conflict,
    invalid,
    slice_page,
)
from fivetran_async.testing.families._shared import created_by_owner, setup_tests, tests_failed

_PROJECT_TESTS = ("Cloning the repository", "Parsing the project")
_PACKAGES = {
    "salesforce": ("salesforce__opportunity_enhanced", "salesforce__manager_performance"),
    "stripe": ("stripe__balance_transactions", "stripe__customer_overview"),
    "hubspot": ("hubspot__deals", "hubspot__contacts"),
    "jira": ("jira__issue_enhanced", "jira__project_enhanced"),
    "zendesk": ("zendesk__ticket_metrics", "zendesk__ticket_summary"),
}


def _fresh(call: ServedCall) -> StoredRecord:
    config = part(call.body.get("transformation_config"))
    return created_by_owner(call, "created_by_id") | {
        "status": "NEW",
        "paused": False,
        "schedule": {"schedule_type": "INTEGRATED"},
        "last_started_at": None,
        "last_ended_at": None,
        "output_model_names": list(_models(config)),
    }


def _models(config: StoredRecord) -> tuple[str, ...]:
    package = str(config.get("package_name") or "").removeprefix("fivetran/")
    return _PACKAGES.get(package, (str(config.get("name") or "model"),))


def _before_create(call: ServedCall, record: StoredRecord) -> None:
    config = record["transformation_config"]
    if record["type"] == "DBT_CORE" and not config.get("project_id"):
        message = "transformation_config.project_id is required"
        raise invalid(message)
    if record["type"] == "QUICKSTART" and not (
        config.get("package_name") or config.get("connection_ids")
    ):
        message = "transformation_config.package_name or connection_ids is required"
        raise invalid(message)
    _check_config(call.account, config)
    record["project_id"], record["group_id"] = _place(call.account, config)


def _before_update(call: ServedCall, record: StoredRecord) -> None:
    if call.body.get("type", record["type"]) != record["type"]:
        message = "The type of a transformation cannot be changed"
        raise invalid(message)
    _check_config(call.account, part(call.body.get("transformation_config")))


def _check_config(account: FakeAccount, config: StoredRecord) -> None:
    project_id = config.get("project_id")
    if project_id is not None and project_id not in account.collection("transformation_projects"):
        raise PROJECTS.not_found(project_id)
    for connection_id in config.get("connection_ids") or ():
        if connection_id not in account.collection("connections"):
            message = f"Cannot find connection with id '{connection_id}'"
            raise Refusal(404, "NotFound_Connection", message)


def _place(account: FakeAccount, config: StoredRecord) -> tuple[str | None, str | None]:
    """Return the project and the group that the list filters a transformation by."""
    project = account.collection("transformation_projects").get(config.get("project_id") or "")
    if project is not None:
        return project["id"], project["group_id"]
    first = next(iter(config.get("connection_ids") or ()), "")
    connection = account.collection("connections").get(first)
    return None, connection["group_id"] if connection else None


def _view(_: ServedCall, record: StoredRecord) -> StoredRecord:
    config = record["transformation_config"]
    if record["type"] == "QUICKSTART":
        config = config | {"upgrade_available": record.get("upgrade_available", False)}
    return record | {"transformation_config": config}


def _run(call: ServedCall) -> Result:
    record, account = _transformation(call), call.account
    if record["status"] == "RUNNING":
        return Result(message="The transformation is running already")
    run = int(record.get("run", 0)) + 1
    account.collection("transformations").change(
        record["id"], status="RUNNING", run=run, last_started_at=account.clock.stamp(digits=3)
    )
    account.clock.call_later(
        account.run_duration, lambda: _end(account, record["id"], run, "SUCCEEDED")
    )
    return Result(message="The transformation has been started")


def _end(account: FakeAccount, transformation_id: str, run: int, status: str) -> None:
    record = account.collection("transformations").get(transformation_id)
    if record is not None and record.get("run") == run and record["status"] == "RUNNING":
        ended = account.clock.stamp(digits=3)
        account.collection("transformations").change(
            transformation_id, status=status, last_ended_at=ended
        )


def _cancel(call: ServedCall) -> Result:
    record = _transformation(call)
    if record["status"] == "RUNNING":
        _end(call.account, record["id"], record["run"], "CANCELED")
    return Result(message="The transformation has been canceled")


def _upgrade(call: ServedCall) -> Result:
    record = _transformation(call)
    if record["type"] != "QUICKSTART":
        message = "Only transformations of a package can be upgraded"
        raise invalid(message)
    call.account.collection("transformations").change(record["id"], upgrade_available=False)
    return Result(message="The package of the transformation has been upgraded")


def _transformation(call: ServedCall) -> StoredRecord:
    record = call.account.collection("transformations").get(call.path[0])
    if record is None:
        raise TRANSFORMATIONS.not_found(call.path[0])
    return record


TRANSFORMATIONS = FamilyRules(
    name="transformations",
    noun="transformation",
    missing="NotFound_Transformation",
    fresh=_fresh,
    view=_view,
    before_create=_before_create,
    before_update=_before_update,
    merged=frozenset({"transformation_config"}),
    actions={"run": _run, "cancel": _cancel, "upgrade_package": _upgrade},
)


def _fresh_project(call: ServedCall) -> StoredRecord:
    return created_by_owner(call, "created_by_id") | {"status": "NOT_READY", "errors": []}


def _view_project(_: ServedCall, record: StoredRecord) -> StoredRecord:
    key = f"ssh-rsa {record['id']} fivetran"
    config = record.get("project_config", {}) | {"public_key": key}
    return record | {"project_config": config, "setup_tests": record.get("setup_tests", [])}


def _test_project(call: ServedCall, record: StoredRecord) -> None:
    results = setup_tests(call.account, record["id"], _PROJECT_TESTS)
    status = "ERROR" if tests_failed(results) else "READY"
    errors = [r.get("message", "") for r in results if r["status"] in ("FAILED", "JOB_FAILED")]
    call.account.collection("transformation_projects").change(
        record["id"], setup_tests=results, status=status, errors=errors
    )


def _test_if_requested(call: ServedCall, record: StoredRecord) -> None:
    if call.body.get("run_tests", False):
        _test_project(call, record)


def _run_tests(call: ServedCall) -> Result:
    rows = call.account.collection("transformation_projects")
    record = rows.get(call.path[0])
    if record is None:
        raise PROJECTS.not_found(call.path[0])
    _test_project(call, record)
    return Result(
        _view_project(call, rows.get(record["id"]) or record), "Setup tests have been completed"
    )


def _no_transformations(call: ServedCall, record: StoredRecord) -> None:
    for transformation in call.account.collection("transformations"):
        if transformation.get("project_id") == record["id"]:
            message = f"Project '{record['id']}' still has transformations"
            raise conflict(message)


PROJECTS = FamilyRules(
    name="transformation_projects",
    noun="transformation project",
    missing="NotFound_TransformationProject",
    references={"group_id": "groups"},
    fresh=_fresh_project,
    view=_view_project,
    after_create=_test_if_requested,
    after_update=_test_if_requested,
    before_delete=_no_transformations,
    merged=frozenset({"project_config"}),
    transient=frozenset({"run_tests"}),
    actions={"run_tests": _run_tests},
)


def _packages() -> list[StoredRecord]:
    return [
        {
            "id": f"{service}_package",
            "name": service,
            "version": "1.0.0",
            "connector_types": [service],
            "output_model_names": list(models),
            "configurable_variables": {},
        }
        for service, models in _PACKAGES.items()
    ]


def _list_packages(call: ServedCall) -> Result:
    service, name = call.query.get("service"), call.query.get("name")
    found = [
        package
        for package in _packages()
        if service in (None, *package["connector_types"]) and name in (None, package["name"])
    ]
    return slice_page(call, found)


def _get_package(call: ServedCall) -> Result:
    for package in _packages():
        if package["id"] == call.path[0]:
            return Result(package)
    raise METADATA.not_found(call.path[0])


METADATA = FamilyRules(
    name="transformations.package_metadata",
    noun="package",
    actions={"list": _list_packages, "get": _get_package},
    is_computed=True,
)

FAMILIES = (TRANSFORMATIONS, PROJECTS, METADATA)
