"""`plan`: what becomes a change, drift, a conflict, refused or ignored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from as_code.snapshots import (
    ACCOUNT,
    CRM,
    SCHEMA,
    Fields,
    changed,
    live_account,
    snapshot_of,
    without,
)
from fivetran_async import AsyncFivetran, InvalidArgumentError, as_code
from fivetran_async.as_code import UNSET, Leaf, Plan, Snapshot
from fivetran_async.as_code._kinds.scope import ExportScope, Scope

ADDRESS = "connections/blue/crm"
SCHEMAS = "schemas/blue/crm"
ORDERS = ("schemas", "public", "tables", "orders")


def only_change(plan: Plan) -> Mapping[tuple[str, ...], Leaf]:
    """Return the leaves of the only change."""
    [change] = plan.changes
    return change.leaves


async def test_plan_of_saved_files_is_empty(fivetran: AsyncFivetran, folder: Path) -> None:
    """Files that were not edited differ in nothing from the account."""
    live = await as_code.export(fivetran)
    plan = as_code.plan(as_code.load(folder), live=live, base=as_code.load_base(folder))
    assert (plan.changes, plan.drift, plan.conflicts, plan.refused) == ((), (), (), {})


def test_changed_leaf_is_the_only_leaf() -> None:
    """A change has the leaves that differ, with the values before and after."""
    live = live_account()
    wanted = live.change(lambda _: True, sync_frequency=60)
    plan = as_code.plan(wanted, live=live)
    [change] = plan.changes
    assert (change.address, change.kind, change.action) == (ADDRESS, "connections", "update")
    assert change.id == "connections.blue.crm"
    assert change.leaves == {("sync_frequency",): (360, 60)}
    nested = live.change(lambda _: True, config={"host": "db2"})
    assert only_change(as_code.plan(nested, live=live)) == {("config", "host"): ("db1", "db2")}


def test_missing_keys_are_not_managed_and_null_clears() -> None:
    """A key that was removed from a file changes nothing; null is a change."""
    fields = {name: value for name, value in CRM.items() if name != "sync_frequency"}
    wanted = snapshot_of({**ACCOUNT, ADDRESS: fields})
    assert not as_code.plan(wanted, live=live_account())
    cleared = changed(ADDRESS, config={"host": None})
    assert only_change(as_code.plan(cleared, live=live_account())) == {
        ("config", "host"): ("db1", None)
    }


@pytest.mark.parametrize(
    ("base", "wanted", "live", "expected"),
    [
        (360, 60, 360, "change"),
        (360, 360, 60, "drift"),
        (360, 60, 15, "conflict"),
        (360, 60, 60, "nothing"),
        (360, 360, 360, "nothing"),
        (360, 60, "60", "nothing"),
        (360, "360", 60, "drift"),
    ],
)
def test_three_way_difference(base: int, wanted: object, live: object, expected: str) -> None:
    """Wanted against base is a change, live against base is drift, both are a conflict."""
    plan = as_code.plan(
        changed(ADDRESS, sync_frequency=wanted),
        live=changed(ADDRESS, sync_frequency=live),
        base=changed(ADDRESS, sync_frequency=base),
    )
    found = {
        "change": bool(plan.changes),
        "drift": bool(plan.drift),
        "conflict": bool(plan.conflicts),
    }
    assert found == {name: name == expected for name in found}


def test_drift_is_kept_unless_it_is_reverted() -> None:
    """Drift has its own leaves; `revert_drift` makes it a change back."""
    live, base = changed(ADDRESS, sync_frequency=5), live_account()
    plan = as_code.plan(live_account(), live=live, base=base)
    [drift] = plan.drift
    assert drift.leaves == {("sync_frequency",): (360, 5)}
    assert not plan.changes
    plan = as_code.plan(live_account(), live=live, base=base, revert_drift=True)
    assert only_change(plan) == {("sync_frequency",): (5, 360)}
    assert not plan.drift


def test_conflicts_are_decided_by_the_caller() -> None:
    """A conflict is applied for `wanted` only; the rest of the object goes on."""
    wanted = changed(ADDRESS, sync_frequency=60, paused=True)
    live, base = changed(ADDRESS, sync_frequency=15), live_account()
    plan = as_code.plan(wanted, live=live, base=base)
    [conflict] = plan.conflicts
    assert conflict.leaves == {("sync_frequency",): (360, 60, 15)}
    assert only_change(plan) == {("paused",): (False, True)}
    plan = as_code.plan(wanted, live=live, base=base, conflicts="wanted")
    assert only_change(plan)[("sync_frequency",)] == (15, 60)
    plan = as_code.plan(wanted, live=live, base=base, conflicts="live")
    assert ("sync_frequency",) not in only_change(plan)
    assert not plan.conflicts


def test_columns_that_are_not_listed_are_as_the_policy_made_them() -> None:
    """An untouched column is enabled and not hashed; a setting that repeats it is not a change."""
    columns = {"email": {"enabled": True, "hashed": False}}
    wanted = changed(SCHEMAS, schemas={"public": {"tables": {"orders": {"columns": columns}}}})
    assert not as_code.plan(wanted, live=live_account())
    columns = {"email": {"hashed": True}}
    wanted = changed(SCHEMAS, schemas={"public": {"tables": {"orders": {"columns": columns}}}})
    assert only_change(as_code.plan(wanted, live=live_account())) == {
        (*ORDERS, "columns", "email", "hashed"): (UNSET, True)
    }


def with_tables(**tables: object) -> Snapshot:
    """Return the account with other tables in its schema config."""
    known = {"orders": {"enabled": True}, "audit": {"enabled": True}}
    return changed(SCHEMAS, schemas={"public": {"enabled": True, "tables": known | tables}})


def test_new_tables_are_drift_only_if_somebody_set_them() -> None:
    """A table that the policy added is nothing; a column that was hashed on the server is drift."""
    base = live_account()
    plan = as_code.plan(base, live=with_tables(new={"enabled": True}), base=base)
    assert not plan.drift
    plan = as_code.plan(base, live=with_tables(new={"enabled": False}), base=base)
    assert [drift.address for drift in plan.drift] == [SCHEMAS]
    hashed = {"columns": {"email": {"enabled": True, "hashed": True}}, "enabled": True}
    plan = as_code.plan(base, live=with_tables(orders=hashed), base=base)
    assert plan.drift[0].leaves == {(*ORDERS, "columns", "email", "hashed"): (UNSET, True)}
    plan = as_code.plan(base, live=with_tables(orders=hashed), base=base, revert_drift=True)
    assert only_change(plan) == {(*ORDERS, "columns", "email", "hashed"): (True, False)}


def test_locked_tables_are_refused() -> None:
    """A table that cannot be excluded is refused with the server's reason."""
    observed = {SCHEMAS: {"locked": {"public\x1faudit": "a system table"}}}
    plan = as_code.plan(with_tables(audit={"enabled": False}), live=live_account(observed=observed))
    assert "a system table" in plan.refused[SCHEMAS]


@pytest.mark.parametrize(
    ("fields", "path", "reason"),
    [
        ({"daily_sync_time": "14:00"}, "daily_sync_time", "sync_frequency of 1440"),
        ({"data_delay_threshold": 30}, "data_delay_threshold", "CUSTOM"),
        ({"private_link_id": "private_links/~x"}, "private_link_id", "PrivateLink"),
        ({"proxy_agent_id": "proxy_agents/~x"}, "proxy_agent_id", "ProxyAgent"),
        (
            {"external_secrets_keys_config": {"password": "p"}},
            "external_secrets_keys_config",
            "external_secrets_manager_id",
        ),
        (
            {
                "sync_frequency": 60,
                "schedule": {"schedule_type": "CRON", "cron": "0 * * * *"},
            },
            "sync_frequency",
            "the schedule takes precedence",
        ),
    ],
)
def test_fields_without_a_meaning_are_ignored(
    fields: dict[str, object], path: str, reason: str
) -> None:
    """A field that its governing field makes meaningless is never a change."""
    plan = as_code.plan(changed(ADDRESS, **fields), live=live_account())
    found = {path[0]: why for path, why in plan.ignored[ADDRESS].items()}
    assert reason in found[path]
    assert all(leaf[0] != path for change in plan.changes for leaf in change.leaves)


def test_daily_time_counts_with_a_daily_frequency() -> None:
    """The governing field in the file decides, also while it is being changed."""
    wanted = changed(ADDRESS, sync_frequency=1440, daily_sync_time="14:00")
    plan = as_code.plan(wanted, live=live_account())
    assert set(only_change(plan)) == {("sync_frequency",), ("daily_sync_time",)}
    assert not plan.ignored


def test_schedules_are_sent_whole() -> None:
    """A change inside of a schedule is a change of the schedule that the file has."""
    schedule = {"schedule_type": "INTERVAL", "interval": 30}
    wanted = changed(ADDRESS, schedule=schedule)
    live = changed(ADDRESS, schedule={**schedule, "interval": 15, "days_of_week": ["MONDAY"]})
    assert only_change(as_code.plan(wanted, live=live)) == {
        ("schedule",): ({**schedule, "interval": 15, "days_of_week": ["MONDAY"]}, schedule)
    }
    filled = changed(ADDRESS, schedule={**schedule, "days_of_week": ["MONDAY"]})
    assert not as_code.plan(wanted, live=filled)


@pytest.mark.parametrize(
    ("address", "fields", "reason"),
    [
        (ADDRESS, {"service": "mysql"}, "service cannot change"),
        (ADDRESS, {"destination_schema_names": "SOURCE_NAMING"}, "cannot change"),
        (ADDRESS, {"config": {"schema_prefix": "other"}}, "schema_prefix cannot change"),
        (ADDRESS, {"group_id": "groups/green"}, "choose moves="),
    ],
)
def test_what_cannot_change_is_refused(
    address: str, fields: dict[str, object], reason: str
) -> None:
    """A field that only a create takes is refused with the reason; others go on."""
    wanted = snapshot_of(
        {
            **ACCOUNT,
            "groups/green": {"name": "green"},
            address: {**ACCOUNT[address], **fields},
        }
    )
    live = snapshot_of({**ACCOUNT, "groups/green": {"name": "lime"}}, is_live=True)
    plan = as_code.plan(wanted, live=live)
    assert reason in plan.refused[address]
    assert [change.address for change in plan.changes] == ["groups/green"]


def test_another_group_is_a_move() -> None:
    """With a behavior, a connection with another group is moved."""
    objects = {**ACCOUNT, "groups/green": {"name": "green"}}
    wanted = snapshot_of({**objects, ADDRESS: {**CRM, "group_id": "groups/green"}})
    plan = as_code.plan(wanted, live=snapshot_of(objects, is_live=True), moves="BACKFILL")
    [change] = plan.changes
    assert change.action == "move"
    assert change.leaves == {("group_id",): ("groups/blue", "groups/green")}
    assert [hazard.topic for hazard in plan.hazards] == ["backfills"]


@pytest.mark.parametrize("kind", ["proxy_agents", "system_keys", "private_links"])
def test_kinds_that_are_never_changed_are_refused(kind: str) -> None:
    """Objects with secrets that are shown once, and links, are compared but never created."""
    plan = as_code.plan(
        snapshot_of({**ACCOUNT, f"{kind}/new": {"name": "new"}}), live=live_account()
    )
    assert f"{kind}/new" in plan.refused
    assert not plan.changes


def test_new_objects_are_created_without_what_cannot_be_sent() -> None:
    """A create has every value of the file, and the name that the address gives it."""
    new = {"service": "postgres", "config": {"host": "db"}, "daily_sync_time": "10:00"}
    wanted = snapshot_of({**ACCOUNT, "connections/blue/new": new})
    plan = as_code.plan(wanted, live=live_account())
    [change] = plan.changes
    assert change.action == "create"
    assert {path: leaf.after for path, leaf in change.leaves.items()} == {
        ("service",): "postgres",
        ("group_id",): "groups/blue",
        ("config", "host"): "db",
        ("config", "schema_prefix"): "new",
    }
    assert ("daily_sync_time",) in plan.ignored["connections/blue/new"]


def test_incomplete_objects_are_refused() -> None:
    """A create without a required field is refused before anything is sent."""
    wanted = snapshot_of({**ACCOUNT, "users/a@b.c": {"given_name": "A"}})
    assert "needs family_name" in as_code.plan(wanted, live=live_account()).refused["users/a@b.c"]


def test_unknown_references_are_errors() -> None:
    """A reference to nothing is an error with the object and the key."""
    wanted = changed(ADDRESS, private_link_id="private_links/none", networking_method="PrivateLink")
    with pytest.raises(as_code.FilesError, match=r"connections/blue/crm: private_link_id.*none"):
        as_code.plan(wanted, live=live_account())


def test_removed_files_delete_nothing_unless_pruned() -> None:
    """Pruning deletes what the base has and no file has; what the dashboard added stays."""
    base = live_account()
    live = snapshot_of({**ACCOUNT, "teams/new": {"name": "new"}}, is_live=True)
    wanted = snapshot_of({"groups/blue": ACCOUNT["groups/blue"]})
    plan = as_code.plan(wanted, live=live, base=base)
    assert not plan.changes
    assert [(drift.address, drift.action) for drift in plan.drift] == [("teams/new", "create")]
    plan = as_code.plan(wanted, live=live, base=base, prune=True)
    assert [(change.address, change.action) for change in plan.changes] == [(ADDRESS, "delete")]


def test_groups_with_connections_are_not_pruned() -> None:
    """A group is not deleted while a file of a connection in it is there."""
    plan = as_code.plan(without("groups/blue"), live=live_account(), prune=True)
    assert "still in it" in plan.refused["groups/blue"]


def test_a_group_is_pruned_with_all_that_is_in_it() -> None:
    """A destination does not keep itself, and with it its group, from being deleted."""
    whole = {**ACCOUNT, "destinations/blue": {"service": "snowflake", "group_id": "groups/blue"}}
    live = snapshot_of(whole, is_live=True)
    plan = as_code.plan(snapshot_of({}), live=live, prune=True)
    assert {change.address for change in plan.changes} >= {"destinations/blue", "groups/blue"}
    assert not plan.refused


def test_objects_that_were_deleted_on_the_server_are_drift() -> None:
    """A deleted object is not created, unless drift is reverted or its file changed, too."""
    base, live = live_account(), without(ADDRESS)
    plan = as_code.plan(live_account(), live=live, base=base)
    assert [(drift.address, drift.action) for drift in plan.drift] == [(ADDRESS, "delete")]
    assert not plan.changes
    plan = as_code.plan(live_account(), live=live, base=base, revert_drift=True)
    assert [(change.address, change.action) for change in plan.changes] == [(ADDRESS, "create")]
    plan = as_code.plan(changed(ADDRESS, paused=True), live=live, base=base)
    assert "deleted on the server" in plan.refused[ADDRESS]


def test_renamed_groups_keep_their_files() -> None:
    """A group that was renamed on the server is matched by its id, is drift, and moves nothing."""
    renamed: dict[str, Fields] = {
        "groups/azure": {"name": "azure"},
        "connections/azure/crm": {**CRM, "group_id": "groups/azure"},
        "schemas/azure/crm": SCHEMA,
    }
    ids = {
        "groups/azure": "groups.blue",
        "connections/azure/crm": "connections.blue.crm",
        "schemas/azure/crm": "schemas.blue.crm",
    }
    live = snapshot_of(renamed, is_live=True, ids=ids)
    base = live_account()
    plan = as_code.plan(base, live=live, base=base)
    [drift] = plan.drift
    assert drift.address == "groups/blue"
    assert drift.leaves == {("name",): ("blue", "azure")}
    assert not plan.changes


def test_plans_stay_within_the_scope() -> None:
    """What an export did not read is neither created nor pruned."""
    scope = Scope((ExportScope.of("connections/blue/*", None, schemas=False),))
    live = snapshot_of({ADDRESS: CRM}, is_live=True, scope=scope)
    plan = as_code.plan(live_account(), live=live, prune=True)
    assert set(plan.refused) == {"groups/blue", SCHEMAS}
    assert not plan.changes
    wanted = snapshot_of({}, scope=scope)
    plan = as_code.plan(wanted, live=live_account(), prune=True)
    assert [change.address for change in plan.changes] == [ADDRESS]


def test_skipped_objects_are_not_created() -> None:
    """An object that could not be read is refused; a schema that is not captured is created."""
    live = snapshot_of(
        {"groups/blue": ACCOUNT["groups/blue"]},
        is_live=True,
        skipped={ADDRESS: "500", SCHEMAS: "the schema is not captured yet"},
        ids={"groups/blue": "g", ADDRESS: "c"},
    )
    plan = as_code.plan(live_account(), live=live)
    assert "could not be read" in plan.refused[ADDRESS]
    assert [(change.address, change.action, change.id) for change in plan.changes] == [
        (SCHEMAS, "create", "c")
    ]


REFERENCE = {"$secret": "env:CRM"}


def with_password(value: object) -> Snapshot:
    """Return the account with a password."""
    return changed(ADDRESS, config={**CRM["config"], "password": value})  # type: ignore[dict-item]


def test_secrets_are_sent_when_their_reference_changed() -> None:
    """A new reference is a change; an unchanged one may be sent; `keep` never is."""
    plan = as_code.plan(with_password(REFERENCE), live=live_account(), base=live_account())
    assert only_change(plan) == {("config", "password"): ({"$secret": "keep"}, REFERENCE)}
    plan = as_code.plan(
        with_password(REFERENCE), live=live_account(), base=with_password(REFERENCE)
    )
    assert not plan.changes
    assert plan.may_send == {ADDRESS: {("config", "password"): "env:CRM"}}
    plan = as_code.plan(
        with_password(REFERENCE),
        live=live_account(),
        base=with_password(REFERENCE),
        send_secrets=True,
    )
    assert only_change(plan)[("config", "password")].after == REFERENCE


def test_changed_secrets_behind_unchanged_references_are_found() -> None:
    """With a resolver, the fingerprints decide which secrets are sent."""
    wanted = with_password(REFERENCE)
    wanted.secret_lock.__init__()  # type: ignore[misc] # a lock of its own
    wanted.secret_lock.remember(ADDRESS, ("config", "password"), "old")
    base = with_password(REFERENCE)
    for value, sent in (("old", False), ("new", True)):
        resolver = as_code.references(environ={"CRM": value})
        plan = as_code.plan(wanted, live=live_account(), base=base, secrets=resolver)
        assert bool(plan.changes) is sent
        assert not plan.may_send


def test_masked_values_need_references() -> None:
    """A plain value where the server has a mask can never be compared, so it is refused."""
    live = changed(ADDRESS, config={"role_arn": {"$secret": "keep"}})
    wanted = changed(ADDRESS, config={"role_arn": "arn:x"})
    assert "must be a reference" in as_code.plan(wanted, live=live).refused[ADDRESS]


def test_lists_with_keys_are_compared_by_key() -> None:
    """An edit of one item is one leaf, and an item that the server added stays."""
    reports = [{"table": "a", "rows": 1}, {"table": "b", "rows": 1}]
    base = changed(ADDRESS, config={"reports": reports})
    wanted = changed(ADDRESS, config={"reports": [{"table": "b", "rows": 2}]})
    added = [*reports, {"table": "c", "rows": 1}]
    plan = as_code.plan(wanted, live=changed(ADDRESS, config={"reports": added}), base=base)
    assert only_change(plan) == {
        ("config", "reports", "[b]", "rows"): (1, 2),
        ("config", "reports", "[a]"): ({"table": "a", "rows": 1}, UNSET),
    }
    assert plan.drift[0].leaves == {
        ("config", "reports", "[c]"): (UNSET, {"table": "c", "rows": 1})
    }


def test_lists_with_secrets_need_all_of_their_references() -> None:
    """A list that is sent whole cannot keep one of its secrets."""
    keep = {"$secret": "keep"}
    base = changed(
        ADDRESS, service="aws_lambda", config={"secrets_list": [{"key": "a", "value": keep}]}
    )
    one = [{"key": "a", "value": keep}, {"key": "b", "value": REFERENCE}]
    wanted = changed(ADDRESS, service="aws_lambda", config={"secrets_list": one})
    assert "needs a reference" in as_code.plan(wanted, live=base).refused[ADDRESS]
    both = [{"key": "a", "value": REFERENCE}, {"key": "b", "value": REFERENCE}]
    wanted = changed(ADDRESS, service="aws_lambda", config={"secrets_list": both})
    assert only_change(as_code.plan(wanted, live=base))[("config", "secrets_list")].after == both


def test_hazards_and_costs() -> None:
    """A change of a syncing connection stops the sync, which is a hazard."""
    observed = {ADDRESS: {"status": {"sync_state": "syncing"}}}
    plan = as_code.plan(changed(ADDRESS, paused=True), live=live_account(observed=observed))
    assert [hazard.topic for hazard in plan.hazards] == ["stops_sync"]
    assert plan.cost.requests == 4
    assert plan.cost.stopped_syncs == 1
    plan = as_code.plan(with_password(REFERENCE), live=live_account())
    assert plan.cost.quotas == {"setup_tests": 1, "source": 1}
    assert [hazard.topic for hazard in plan.hazards] == ["sends_secrets"]


def test_unknown_keys_are_sent_and_reported() -> None:
    """A key that the vendor may have added is a change, with a hazard."""
    plan = as_code.plan(changed(ADDRESS, quantum_mode="on"), live=live_account())
    assert only_change(plan) == {("quantum_mode",): (UNSET, "on")}
    assert [hazard.topic for hazard in plan.hazards] == ["unknown_key"]


def test_snapshots_of_different_accounts_are_not_compared() -> None:
    """Files of one account are not planned against another, unless they are detached."""
    other = snapshot_of(ACCOUNT, is_live=True, account_id="other")
    with pytest.raises(as_code.WrongAccountError, match="acme"):
        as_code.plan(live_account(), live=other)
    assert not as_code.plan(live_account().detached(), live=other)


@pytest.mark.parametrize("arguments", [{"conflicts": "mine"}, {"moves": "LATER"}])
def test_arguments_are_checked(arguments: dict[str, str]) -> None:
    """A word that is not allowed is named."""
    with pytest.raises(InvalidArgumentError, match=next(iter(arguments.values()))):
        as_code.plan(live_account(), live=live_account(), **arguments)  # type: ignore[arg-type]


def test_text_of_one_edit_of_many_objects_is_short() -> None:
    """One field on 216 connections is one entry, whatever the values were before."""
    many = {
        f"connections/blue/c{n}": {**CRM, "sync_frequency": 5 if n % 2 else 360} for n in range(216)
    }
    live = snapshot_of({"groups/blue": {"name": "blue"}, **many}, is_live=True)
    plan = as_code.plan(live.change(lambda _: True, sync_frequency=60), live=live)
    text = str(plan)
    assert len(plan.changes) == 216
    assert len(text.splitlines()) < 40
    assert "update 216 connections: connections/blue/c0" in text
    assert "sync_frequency: 360 or 5 -> 60" in text
    assert "Costs at most 649 requests" in text


def test_text_shows_every_section() -> None:
    """Drift, conflicts, refusals, ignored fields, secrets and hazards are in the text."""
    wanted = snapshot_of(
        {
            **ACCOUNT,
            "users/a@b.c": {"given_name": "A"},
            ADDRESS: {
                **CRM,
                "sync_frequency": 60,
                "daily_sync_time": "10:00",
                "quantum": 1,
                "config": {**CRM["config"], "password": REFERENCE},  # type: ignore[dict-item]
            },
        }
    )
    base = with_password(REFERENCE)
    live = changed(ADDRESS, sync_frequency=15, paused=True)
    text = str(as_code.plan(wanted, live=live, base=base))
    for part in (
        "1 to update",
        "Changed on the server, and kept:",
        "In conflict, and not applied:",
        "60 in the file, 15 on the server, 360 before",
        "Refused:",
        "Ignored:",
        "Secrets that may be sent",
        "Hazards:",
        "unknown key 'quantum'",
    ):
        assert part in text, text


def test_text_has_no_control_characters() -> None:
    """A name in an account cannot control the terminal."""
    plan = as_code.plan(
        snapshot_of({"groups/\x1b[31m": {"name": "\x1b[31m\n"}}), live=snapshot_of({}, is_live=True)
    )
    assert "\x1b" not in str(plan)


def a_plan() -> Plan:
    """Return a plan with every part."""
    wanted = snapshot_of(
        {
            **ACCOUNT,
            "teams/new": {"name": "new", "role": "Account Reviewer"},
            "proxy_agents/x": {"display_name": "x"},
            ADDRESS: {**CRM, "sync_frequency": 60, "paused": True, "daily_sync_time": "10:00"},
        }
    )
    live = changed(ADDRESS, sync_frequency=15, networking_method="SshTunnel")
    return as_code.plan(wanted, live=live, base=live_account())


def test_saved_plans_are_read_back(tmp_path: Path) -> None:
    """A saved plan has the same changes and the same digest."""
    plan, path = a_plan(), tmp_path / "plan.json"
    plan.save(path)
    read = as_code.load_plan(path)
    assert read.digest == plan.digest
    assert str(read) == str(plan)
    assert read.to_json() == plan.to_json()
    assert read.changes == plan.changes
    assert read.live is None


@pytest.mark.parametrize("part", ["changes", "refused", "account_id", "digest", "ids"])
def test_edited_plans_are_found(tmp_path: Path, part: str) -> None:
    """Any edit of a saved plan is an error."""
    path = tmp_path / "plan.json"
    a_plan().save(path)
    document = json.loads(path.read_text())
    document[part] = "x" if isinstance(document[part], str) else None
    path.write_text(json.dumps(document))
    with pytest.raises(as_code.PlanFileError, match=r"plan\.json: was edited"):
        as_code.load_plan(path)


@pytest.mark.parametrize("text", ["{}", "[]", "{", '{"format": 1, "seal": "x"}'])
def test_other_files_are_not_plans(tmp_path: Path, text: str) -> None:
    """A file that is not a plan is an error that names it."""
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(as_code.PlanFileError, match=r"plan\.json"):
        as_code.load_plan(path)


async def test_saved_plans_name_their_folder(
    fivetran: AsyncFivetran, folder: Path, tmp_path: Path
) -> None:
    """A plan of files finds its folder from where it was saved."""
    live = await as_code.export(fivetran)
    wanted = as_code.load(folder).change(lambda _: True, sync_frequency=60)
    plan = as_code.plan(wanted, live=live)
    plan.save(tmp_path / "plans" / "plan.json")
    found = as_code.load_plan(tmp_path / "plans" / "plan.json").folder
    assert found is not None
    assert found.samefile(folder)


def test_row_filters_are_sent_whole() -> None:
    """A filter is one leaf, null deletes it, and one that was set on the server is drift."""
    filter_: Fields = {"name": "recent", "description": "d", "operator": "AND"}
    base = with_tables(orders={"enabled": True, "row_filter": filter_})
    wanted = with_tables(orders={"enabled": True, "row_filter": {**filter_, "operator": "OR"}})
    assert only_change(as_code.plan(wanted, live=base)) == {
        (*ORDERS, "row_filter"): (filter_, {**filter_, "operator": "OR"})
    }
    cleared = with_tables(orders={"enabled": True, "row_filter": None})
    assert only_change(as_code.plan(cleared, live=base))[*ORDERS, "row_filter"].after is None
    plan = as_code.plan(live_account(), live=base, base=live_account())
    assert (*ORDERS, "row_filter") in plan.drift[0].leaves


def test_types_of_untouched_columns_are_sent() -> None:
    """A column that the server does not list has no target type, so a wanted one is a change."""
    columns = {"amount": {"target_data_type": "String"}}
    wanted = with_tables(orders={"enabled": True, "columns": columns})
    assert set(only_change(as_code.plan(wanted, live=live_account()))) == {
        (*ORDERS, "columns", "amount", "target_data_type")
    }
