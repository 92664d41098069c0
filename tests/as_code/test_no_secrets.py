"""No secret reaches a file, a plan, a journal, a text or an error, wherever the server shows it."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, Final

import pytest

from as_code.folders import plan_of, texts_in, write
from fivetran_async import (
    AsyncFivetran,
    FivetranError,
    ResponseFormatError,
    Serializable,
    UsageError,
    _services,
    as_code,
)
from fivetran_async._services import KINDS, ServiceKind, holds_secret, public_part
from fivetran_async.as_code._kinds.rules import KINDS_BY_NAME
from fivetran_async.as_code._objects.objects import NameTable
from fivetran_async.as_code._objects.records import fields_of
from fivetran_async.as_code._secrets.fields import plain_secrets
from fivetran_async.testing import FakeFivetran, Fault
from services.samples import SECRET, sample

MARK: Final = "sesame-7f3a"
NEW: Final = f"{MARK}-new"
KEEP: Final = {"$secret": "keep"}
KINDS_OF_CONFIGS: Final[dict[ServiceKind, str]] = {
    "source": "connections",
    "destination": "destinations",
    "log": "log_services",
    "private_link": "private_links",
}
PROJECT = "transformation_projects/blue/tokens"
HOOK = "webhooks/blue/https:%2F%2Fhooks.example.com%2Fin"


@pytest.fixture
def planted(fake: FakeFivetran) -> FakeFivetran:
    """An account with a marker in each place that the API returns unmasked, or could."""
    fake.add(
        "webhooks",
        id="url_hook_id",
        type="group",
        group_id="blue_id",
        url=f"https://user:{MARK}@hooks.example.com/in?token={MARK}",
        events=["sync_end"],
        active=True,
        secret=MARK,
    )
    fake.add(
        "transformation_projects",
        id="tokens_id",
        group_id="blue_id",
        type="DBT_CORE",
        project_config={
            "dbt_version": "1.9.0",
            "default_schema": "tokens",
            "git_remote_url": f"https://{MARK}@example.com/acme/dbt.git",
            "environment_vars": [f"DBT_REGION={MARK}", f"DBT_KEY={MARK}=="],
        },
    )
    fake.add(
        "transformations",
        id="token_run_id",
        type="DBT_CORE",
        transformation_config={
            "project_id": "tokens_id",
            "name": "tokens",
            "steps": [{"name": "one", "command": f"dbt run --vars 'api_token: {MARK}'"}],
            "configurable_variables": {"api_token": MARK},
        },
    )
    manager = fake.add(
        "external_secrets_managers",
        name="vault",
        type="HASHICORP_VAULT",
        config={"secret_id": MARK, "token": MARK, "url": f"https://v.example.com?key={MARK}"},
    )
    fake.change(
        "connections",
        "crm_id",
        external_secrets_manager_id=manager,
        destination_configuration={"token": MARK, "schema": "x"},
        config={
            "host": f"https://reader:{MARK}@db.example.com",
            "user": f"Server=db;Pwd={MARK};",
            "password": MARK,
            "brand_new_secret": MARK,
        },
    )
    logs = {"token": MARK, "host": "x"}
    fake.add("log_services.account", service="splunkLog", config=logs)
    fake.change("users", "ada_id", picture=f"https://cdn.example.com/a?sig={MARK}")
    return fake


@pytest.mark.parametrize("kind", KINDS)
def test_every_secret_of_every_service_is_left_out(kind: ServiceKind) -> None:
    """A record with every secret unmasked becomes fields without one, and all are found in them."""
    rules = KINDS_BY_NAME[KINDS_OF_CONFIGS[kind]]
    for service in _services.names(kind):
        members = _services.fields(service, kind)
        record = {"service": service, "config": sample(members, "config", "unique")}
        auth = _services.fields(service, kind, "auth")
        shown = json.dumps(fields_of(rules, record, NameTable()))
        assert SECRET not in shown, service
        written = json.dumps(record).count(SECRET)
        assert len(plain_secrets(rules, record)) == written, service
        if auth:
            named = {"service": service, "auth": sample(auth, "auth")}
            assert SECRET not in json.dumps(fields_of(rules, named, NameTable()))
            assert plain_secrets(rules, named), service


@pytest.mark.parametrize(
    "text",
    [
        f"https://user:{MARK}@host.example.com/x",
        f"https://{MARK}@host.example.com/x.git",
        f"ssh://git:{MARK}@host.example.com/x.git",
        f"jdbc:postgresql://u:{MARK}@host/db",
        f"https://host.example.com/x?token={MARK}",
        f"https://host.example.com/x?a=b&sig={MARK}",
        f"https://host.example.com/x?{MARK}00",
        f"https://host.example.com/x#access_token={MARK}",
        f"Server=host;User=u;Password={MARK};",
        f"DefaultEndpointsProtocol=https;AccountKey={MARK}==",
        f"Authorization: Bearer {MARK}",
        f'{{"client_secret": "{MARK}"}}',
    ],
)
def test_texts_with_credentials_are_secrets(text: str) -> None:
    """URLs, connection strings and headers with credentials are found; what is shown has none."""
    assert holds_secret(text)
    assert MARK not in public_part(text)
    assert any(MARK in each for each in _services.secrets_in_text(text))


@pytest.mark.parametrize(
    "text",
    [
        "https://hooks.example.com/a/b",
        "https://host.example.com:8443/x?region=eu&limit=100",
        "ssh://git@github.com/acme/dbt.git",
        "git@github.com:acme/dbt.git",
        "arn:aws:iam::123456789012:role/loader",
        "https://docs.example.com/d/1/edit?usp=sharing#gid=0",
        "dbt run --select tag:nightly",
        "primary_key: id",
        "s3://bucket/folder/*.csv",
    ],
)
def test_other_texts_are_not_secrets(text: str) -> None:
    """Addresses, names and commands without credentials stay readable."""
    assert not holds_secret(text)
    assert public_part(text) == text


async def test_exports_hold_no_secret(
    planted: FakeFivetran, fivetran: AsyncFivetran, tmp_path: Path
) -> None:
    """Names of variables and harmless parts stay; values are references, and files load."""
    live = await as_code.export(fivetran, kinds=_every_kind())
    live.save(tmp_path)
    assert MARK not in _everything(live, tmp_path)
    project: Any = live[PROJECT].fields["project_config"]
    assert [dict(each) for each in project["environment_vars"]] == [
        {"name": "DBT_REGION", "$secret": "keep"},
        {"name": "DBT_KEY", "$secret": "keep"},
    ]
    assert live[HOOK].fields["url"] == KEEP
    logs: Any = live["log_services/account"].fields["config"]
    assert logs["token"] == KEEP
    plan = as_code.plan(as_code.load(tmp_path), live=live, base=as_code.load_base(tmp_path))
    assert (plan.changes, plan.drift, plan.refused) == ((), (), {})
    async with FakeFivetran.from_snapshot(live) as twin, twin.client() as copy:
        again = await as_code.export(copy, kinds=_every_kind())
    assert not as_code.plan(live, live=again).changes


async def test_no_step_of_a_change_shows_a_secret(
    planted: FakeFivetran,
    fivetran: AsyncFivetran,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Plan, rehearsal, run, journal, undo, drift and logs hold neither old nor new secrets."""
    caplog.set_level(logging.DEBUG)
    (await as_code.export(fivetran)).save(tmp_path)
    region, key = ({"$secret": f"env:{n}", "name": f"DBT_{n}"} for n in ("REGION", "KEY"))
    write(tmp_path, PROJECT, project_config={"environment_vars": [key, region], "threads": 8})
    write(tmp_path, HOOK, url={"$secret": "env:URL"}, events=["sync_start"])
    write(tmp_path, "connections/blue/crm", config={"password": {"$secret": "env:KEY"}})
    write(tmp_path, "webhooks/account/new", url={"$secret": "env:URL"}, events=["sync_end"])
    plan = await plan_of(fivetran, tmp_path)
    plan.save(tmp_path / "saved.plan")
    rehearsal = await as_code.rehearse(plan)
    assert rehearsal.succeeded, str(rehearsal)
    url = f"https://user:{NEW}@hooks.example.com/in?token={NEW}"
    environ = {"REGION": NEW, "KEY": NEW, "URL": url}
    secrets = as_code.references(environ=environ)
    run = await as_code.apply(fivetran, plan, confirm=plan.digest, secrets=secrets)
    assert run.succeeded, str(run)
    stored = planted.record("transformation_projects", "tokens_id")["project_config"]
    assert sorted(stored["environment_vars"]) == [f"DBT_KEY={NEW}", f"DBT_REGION={NEW}"]
    assert planted.record("webhooks", "url_hook_id")["url"] == url
    undo = run.undo()
    planted.change("webhooks", "url_hook_id", events=["sync_end"])
    drift = await plan_of(fivetran, tmp_path)
    shown = [str(each) for each in (plan, rehearsal, run, undo, drift, undo.to_json(), drift.drift)]
    shown += [repr(run.errors), repr(plan.changes), caplog.text, *texts_in(tmp_path)]
    assert drift.live is not None
    results: tuple[Serializable, ...] = (plan, rehearsal, run, undo, drift, *drift.live.values())
    for result in results:
        text = json.dumps(result.to_dict(include_empty=True))
        assert type(result).from_dict(json.loads(text)) == result
        shown.append(text)
    assert MARK not in "\n".join(shown)
    with pytest.raises(UsageError, match=r"load_run\('.+\.jsonl'\)\.undo\(\)"):
        as_code.AppliedRun.from_dict(run.to_dict()).undo()


async def test_errors_that_quote_a_secret_do_not_show_it(
    planted: FakeFivetran, fivetran: AsyncFivetran, tmp_path: Path
) -> None:
    """A server that quotes the request in its refusal reveals nothing in errors and journals."""
    (await as_code.export(fivetran)).save(tmp_path)
    region, key = ({"$secret": f"env:{n}", "name": f"DBT_{n}"} for n in ("REGION", "KEY"))
    write(tmp_path, PROJECT, project_config={"environment_vars": [key, region]})
    write(tmp_path, HOOK, url={"$secret": "env:URL"})
    plan = await plan_of(fivetran, tmp_path)
    url = f"https://user:{NEW}@hooks.example.com/in?token={NEW}"
    refusal = {"code": "BadRequest", "message": f"{NEW} in 'DBT_KEY={NEW}' and {url} is not valid"}
    for path in ("/v1/webhooks/url_hook_id", "/v1/transformation-projects/tokens_id"):
        planted.fail(verb="PATCH", path=path, fault=Fault.status(400, body=refusal))
    secrets = as_code.references(environ={"REGION": NEW, "KEY": NEW, "URL": url})
    run = await as_code.apply(fivetran, plan, confirm=plan.digest, secrets=secrets)
    assert set(run.errors) == {PROJECT, HOOK}
    assert all(isinstance(error, FivetranError) for error in run.errors.values())
    shown = [str(run), repr(run.errors), *texts_in(tmp_path), json.dumps(run.to_dict())]
    assert MARK not in "\n".join(shown)
    assert as_code.AppliedRun.from_dict(run.to_dict()) == run


async def test_changed_values_in_lists_are_sent_with_the_whole_list(
    planted: FakeFivetran, fivetran: AsyncFivetran, tmp_path: Path
) -> None:
    """A new value behind an unchanged reference sends all variables; without one, none."""
    (await as_code.export(fivetran)).save(tmp_path)
    region, key = ({"$secret": f"env:{n}", "name": f"DBT_{n}"} for n in ("REGION", "KEY"))
    write(tmp_path, PROJECT, project_config={"environment_vars": [key, region]})
    for values in ({"REGION": "a", "KEY": "b"}, {"REGION": "a", "KEY": "c"}):
        plan = await plan_of(fivetran, tmp_path)
        secrets = as_code.references(environ=values)
        plan.save(tmp_path / "saved.plan")
        plan = as_code.load_plan(tmp_path / "saved.plan")
        run = await as_code.apply(fivetran, plan, confirm=plan.digest, secrets=secrets)
        assert run.succeeded, str(run)
        stored = planted.record("transformation_projects", "tokens_id")["project_config"]
        assert sorted(stored["environment_vars"]) == [
            f"DBT_KEY={values['KEY']}",
            f"DBT_REGION={values['REGION']}",
        ]
        seen = as_code.plan(as_code.load(tmp_path), live=await as_code.export(fivetran))
        assert not seen.refused
    resolved = await plan_of(
        fivetran, tmp_path, secrets=as_code.references(environ={"REGION": "x", "KEY": "c"})
    )
    [change] = resolved.changes
    assert list(change.leaves) == [("project_config", "environment_vars")]


async def test_variables_that_others_add_are_drift(
    planted: FakeFivetran, fivetran: AsyncFivetran, tmp_path: Path
) -> None:
    """A variable that was added in the dashboard is shown by its name, and nothing is refused."""
    (await as_code.export(fivetran)).save(tmp_path)
    record = planted.record("transformation_projects", "tokens_id")
    config = {**record["project_config"], "environment_vars": ["DBT_REGION=x", f"DBT_NEW={MARK}"]}
    planted.change("transformation_projects", "tokens_id", project_config=config)
    write(tmp_path, PROJECT, project_config={"threads": 2})
    plan = await plan_of(fivetran, tmp_path)
    assert list(plan.changes[0].leaves) == [("project_config", "threads")]
    [drift] = plan.drift
    assert "DBT_NEW" in str(plan)
    assert list(drift.leaves) == [("project_config", "environment_vars")]
    reverted = await plan_of(fivetran, tmp_path, revert_drift=True)
    assert [each.address for each in reverted.drift] == [PROJECT]


def _every_kind() -> list[str]:
    return list(KINDS_BY_NAME)


def _everything(live: as_code.Snapshot, folder: Path) -> str:
    """Return all texts of a snapshot and its files, names of files included."""
    names = [path.as_posix() for path in folder.rglob("*")]
    return "\n".join([*texts_in(folder), *names, json.dumps(live.to_dict()), repr(live)])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"address": "/etc/crm"}, r"objects\[0\]: an address must read KIND/NAME, not '/etc/crm'"),
        ({"address": "../../crm"}, "unknown kind '..'"),
        ({"address": "connections//crm"}, "an address must read KIND/NAME"),
        ({"kind": "groups"}, "the kind of connections/blue/crm is not 'groups'"),
        (
            {"fields": {"config": {"password": "hunter2"}}},
            "has a secret that is written out: config.password",
        ),
        ({}, r"objects\[1\]: connections/blue/crm occurs twice"),
    ],
)
def test_snapshots_of_others_are_checked(changes: dict[str, object], message: str) -> None:
    """JSON can come from a request: it names no files elsewhere, and brings no secrets into any."""
    usual: dict[str, object] = {
        "address": "connections/blue/crm",
        "kind": "connections",
        "id": "crm_id",
        "fields": {"paused": True},
    }
    assert set(as_code.Snapshot.from_dict({"objects": [usual]})) == {"connections/blue/crm"}
    with pytest.raises(ResponseFormatError, match=message) as caught:
        as_code.Snapshot.from_dict({"objects": [usual | changes, usual]})
    assert "hunter2" not in str(caught.value)
