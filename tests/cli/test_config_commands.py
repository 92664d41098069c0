"""`config show`, `config check` and `config template`, with and without an account."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest

from fivetran_async import _services, configs
from fivetran_async._services import KINDS
from fivetran_async.cli import ExitCode, main
from fivetran_async.cli._config_views import template_of
from fivetran_async.testing import FakeFivetran, Fault
from support.faults import FaultServer
from support.sessions import success


@pytest.fixture
def _no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIVETRAN_API_KEY", "FIVETRAN_API_SECRET", "FIVETRAN_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def written(folder: Path, document: object) -> str:
    """Write a JSON file and return its path."""
    path = folder / "config.json"
    path.write_text(json.dumps(document))
    return str(path)


async def call(*words: str) -> int:
    """Call `main()` in a thread, next to the running account."""
    return await asyncio.to_thread(main, words)


@pytest.mark.usefixtures("_no_account")
def test_show_works_without_an_account(capsys: pytest.CaptureFixture[str]) -> None:
    """The table has a row for each field, with its type, choices and facts, secrets included."""
    assert main(["config", "show", "connector_sdk"]) == ExitCode.DONE
    output = capsys.readouterr()
    assert output.err == ""
    lines = [" ".join(line.split()) for line in output.out.splitlines()]
    assert lines[1] == "config.schema text required, fixed after creation"
    assert "config.secrets_list list of object" in lines
    assert "config.secrets_list[].value text secret" in lines
    assert lines[-3:] == ["service connector_sdk", "class ConnectorSdkConfig", "source table"]


@pytest.mark.usefixtures("_no_account")
def test_show_prints_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json, all choices are listed, and secret fields are those of `configs.secrets`."""
    assert main(["config", "show", "snowflake", "--json"]) == ExitCode.DONE
    found = json.loads(capsys.readouterr().out)
    assert found["class"] == "SnowflakeDestinationConfig"
    fields = {each["field"]: each for each in found["fields"]}
    assert "KEY_PAIR" in fields["config.auth"]["choices"]
    secret = {name for name, each in fields.items() if each["secret"]}
    assert secret == configs.secrets("snowflake")


async def test_show_has_help_texts_if_there_are_credentials(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Live metadata adds help texts and newer fields; long texts are cut for people only."""
    long = "The <b>address</b> of the server<br>" + "and much more " * 20
    properties = {
        "host": {"type": "string", "description": long},
        "reports": {
            "type": "array",
            "items": {"properties": {"name": {"type": "string", "description": "Its name. Yes"}}},
        },
    }
    reply = success({"id": "postgres", "config": {"properties": properties}})
    async with FaultServer(reply, reply) as server:
        for name, value in (("API_KEY", "k"), ("API_SECRET", "s"), ("BASE_URL", server.url)):
            monkeypatch.setenv(f"FIVETRAN_{name}", value)
        assert await call("config", "show", "postgres") == ExitCode.DONE
        shown = capsys.readouterr().out
        assert await call("config", "show", "postgres", "--json") == ExitCode.DONE
        fields = {each["field"]: each for each in json.loads(capsys.readouterr().out)["fields"]}
    assert "The address of the server and much more" in shown
    assert "<b>" not in shown
    assert long not in shown
    assert "live metadata" in shown
    assert fields["config.host"]["help"] == long
    assert fields["config.reports[].name"]["help"] == "Its name. Yes"
    assert "config.schema_prefix" in fields


async def test_show_reports_why_metadata_is_missing(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str]
) -> None:
    """If the API refuses, the table is printed and the reason goes to stderr."""
    fake.fail(fault=Fault.status(403), times=None)
    assert await call("config", "show", "postgres") == ExitCode.DONE
    output = capsys.readouterr()
    assert "source   table" in output.out
    assert output.err.startswith("Without live metadata: ")


@pytest.mark.usefixtures("_no_account")
@pytest.mark.parametrize("action", ["show", "template"])
def test_unknown_services_are_wrong_arguments(
    capsys: pytest.CaptureFixture[str], action: str
) -> None:
    """The message suggests a service that is close."""
    assert main(["config", action, "postgress"]) == ExitCode.USAGE
    assert "did you mean 'postgres'?" in capsys.readouterr().err


@pytest.mark.usefixtures("_no_account")
def test_check_reports_the_problems_of_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Each problem is a row; the exit code is 7; without problems it is 0."""
    body = {"service": "postgres", "group_id": "g", "config": {"hots": "hunter2", "port": "5432"}}
    path = written(tmp_path, [body, {"service": "mysql", "config": {"update_method": "NEW"}}])
    assert main(["config", "check", path, "--creating", "--json"]) == ExitCode.FINDINGS
    output = capsys.readouterr()
    found = json.loads(output.out)
    assert [each["field"] for each in found["problems"]] == [
        *("config.hots", "config.schema_prefix", "config.update_method", "config.schema_prefix")
    ]
    assert found["problems"][0]["nearest"] == "host"
    assert found["problems"][2]["choices"]
    assert "hunter2" not in output.out
    assert main(["config", "check", path]) == ExitCode.FINDINGS
    assert "config.hots" in capsys.readouterr().out
    good = written(tmp_path, {"host": "h", "password": {"$secret": "keep"}, "brand_new": 1})
    assert main(["config", "check", good, "--service", "postgres"]) == ExitCode.DONE
    assert "problems  0" in capsys.readouterr().out


@pytest.mark.usefixtures("_no_account")
def test_unknown_services_are_problems(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A service that is not in the table is a problem: its config was not checked."""
    path = written(tmp_path, {"service": "postgress", "config": {"hots": 1}})
    assert main(["config", "check", path]) == ExitCode.FINDINGS
    assert "did you mean 'postgres'?; try --live" in capsys.readouterr().out


@pytest.mark.usefixtures("_no_account")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("5", "must contain a JSON object"),
        ('{"config": {}}', "does not name its service"),
        ('{"service": 5}', "does not name its service"),
    ],
)
def test_unusable_files_are_wrong_arguments(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, message: str
) -> None:
    """The message names the file and what is wrong with it; the code is 2."""
    path = tmp_path / "config.json"
    path.write_text(text)
    assert main(["config", "check", str(path)]) == ExitCode.USAGE
    assert message in capsys.readouterr().err
    path.write_bytes(b"\xff")
    assert main(["config", "check", str(path)]) == ExitCode.USAGE
    assert main(["config", "check", str(tmp_path / "missing.json")]) == ExitCode.USAGE


async def test_check_can_use_live_metadata(
    fake: FakeFivetran, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With --live, every field that the metadata lacks is a problem; one request per service."""
    bodies = [
        {"service": "postgres", "config": {"brand_new_toggle": 1}},
        {"service": "postgres", "config": {"host": "h"}, "auth": {}},
        {"service": "snowflake", "config": {"databse": 1}},
    ]
    code = await call("config", "check", "--live", "--json", written(tmp_path, bodies))
    assert code == ExitCode.FINDINGS
    found = json.loads(capsys.readouterr().out)["problems"]
    assert [each["field"] for each in found] == ["config.brand_new_toggle", "config.databse"]
    assert len(fake.requests) == 1
    unknown = written(tmp_path, {"service": "postgress", "config": {}})
    assert await call("config", "check", "--live", unknown) == ExitCode.REFUSED
    assert "404" in capsys.readouterr().err


@pytest.mark.usefixtures("_no_account")
def test_template_passes_the_check(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A template is a complete body with references instead of secrets; stdin can be checked."""
    assert main(["config", "template", "postgres"]) == ExitCode.DONE
    text = capsys.readouterr().out
    body = json.loads(text)
    assert next(iter(body["config"])) == "schema_prefix"
    assert body["config"]["password"] == {"$secret": "env:POSTGRES_PASSWORD"}
    assert "public_key" not in body["config"]
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert main(["config", "check", "-", "--creating"]) == ExitCode.DONE
    capsys.readouterr()
    assert main(["config", "template", "postgres", "--json"]) == ExitCode.DONE
    assert capsys.readouterr().out == text


@pytest.mark.parametrize("kind", KINDS)
def test_templates_of_all_services_pass_the_check(kind: _services.ServiceKind) -> None:
    """Every field of every service gets a value that fits."""
    for service in _services.names(kind):
        body: Any = template_of(service, _services.parts(service, kind) or {})
        json.dumps(body)
        for part in ("config", "auth"):
            found = configs.check(service, body.get(part, {}), creating=part == "config", part=part)
            assert found == (), (service, found)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["config"], "required: ACTION"),
        (["config", "show"], "required: SERVICE"),
        (["config", "show", ""], "a service must not be empty"),
        (["config", "check"], "required: FILE"),
        (["config", "nonsense"], "invalid choice"),
    ],
)
def test_wrong_arguments_of_configs_are_reported(
    capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    """Wrong or missing arguments print an explanation on stderr; the code is 2."""
    assert main(words) == ExitCode.USAGE
    assert message in capsys.readouterr().err
