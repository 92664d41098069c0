"""`Snapshot.to_terraform`: it parses, is formatted, imports what exists, and holds no secret."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from as_code.accounts import PLANTED
from fivetran_async import AsyncFivetran, as_code
from fivetran_async.as_code import ManagedObject, Snapshot
from fivetran_async.as_code._kinds.rules import KINDS_BY_NAME
from fivetran_async.as_code._kinds.values import as_items, as_object
from fivetran_async.testing import FakeFivetran

TERRAFORM: Final = shutil.which("terraform")
KEEP: Final = {"$secret": "keep"}
ODD: Final = 'quote " back\\slash ${var.x} %{ if true } new\nline tab\t \x00\x1b ü 日本 \U0001f600'


def parsed(text: str) -> Any:  # noqa: ANN401 - whatever the file has
    """Parse a configuration with python-hcl2."""
    hcl2: Any = pytest.importorskip("hcl2")
    return _unquoted(hcl2.loads(text))


def _unquoted(value: object) -> object:
    """Return a parsed value without the quotes that newer releases of python-hcl2 keep."""
    inner, items = as_object(value), as_items(value)
    if inner is not None:
        kept = {name: each for name, each in inner.items() if not name.startswith("__")}
        return {str(_unquoted(name)): _unquoted(each) for name, each in kept.items()}
    if items is not None:
        return [_unquoted(each) for each in items]
    if isinstance(value, str) and value[:1] == value[-1:] == '"' and len(value) > 1:
        return value[1:-1]
    return value


def resources_in(document: Any) -> Iterator[tuple[str, str, Mapping[str, Any]]]:  # noqa: ANN401
    """Iterate over the resources: type, label and body."""
    for block in document["resource"]:
        for type, labels in block.items():
            for label, body in labels.items():
                yield type, label, body


def assert_formatted(text: str, folder: Path) -> None:
    """Compare a configuration with what `terraform fmt` makes of it, where it is present."""
    path = folder / "account.tf"
    path.write_text(text, encoding="utf-8")
    if TERRAFORM is not None:
        command = [TERRAFORM, "fmt", "-check", "-diff", str(path)]
        finished = subprocess.run(command, capture_output=True, check=False, text=True, timeout=60)
        assert (finished.returncode, finished.stdout) == (0, "")


def snapshot_of(*objects: tuple[str, dict[str, object]]) -> Snapshot:
    """Make a snapshot of objects with ids."""
    made = {
        address: ManagedObject(address, address.partition("/")[0], f"id_{number}", fields)
        for number, (address, fields) in enumerate(objects)
    }
    return Snapshot(made, ids={address: str(each.id) for address, each in made.items()})


async def test_every_object_is_a_resource_that_is_imported(
    fake: FakeFivetran, fivetran: AsyncFivetran, tmp_path: Path
) -> None:
    """Each resource has an import block; references are expressions, and secrets variables."""
    fake.add("private_links", id="link", name="to_db", service="SOURCE_AWS", config={"a": "b"})
    fake.add("proxy_agents", id="agent", display_name="edge")
    fake.add("external_secrets_managers", name="vault", type="HASHICORP_VAULT", config={})
    body = {"service": "cloudwatch", "config": {"region": "x"}}
    await fivetran.request("POST", "/v1/external-logging/account", body=body)
    fake.change("connections", "crm_id", private_link_id="link", proxy_agent_id="agent")
    live = await as_code.export(fivetran, kinds=list(KINDS_BY_NAME))
    text = live.to_terraform()
    assert PLANTED not in text
    assert "****" not in text
    assert_formatted(text, tmp_path)
    document = parsed(text)
    found = {(type, label): body for type, label, body in resources_in(document)}
    imports = {each["to"].strip("${}"): each["id"] for each in document["import"]}
    assert len(imports) == len(found) == text.count("\nimport {")
    assert {f"{type}.{label}" for type, label in found} == set(imports)
    assert imports["fivetran_connection_v2.blue_crm"] == "crm_id"
    assert imports["fivetran_team_group_membership.Data_Platform"] == "team_id"
    crm = found["fivetran_connection_v2", "blue_crm"]
    assert crm["group_id"] == "${fivetran_group.blue.id}"
    assert crm["private_link_id"] == "${fivetran_private_link.to_db.id}"
    assert crm["proxy_agent_id"] == "agent"
    assert crm["config"]["password"] == "${var.connections_blue_crm_config_password}"
    variables = {name for block in document["variable"] for name in block}
    assert "connections_blue_crm_config_password" in variables
    shown = text.partition("# Left out:\n")[2]
    left_out = {line.removeprefix("# ").partition(": ")[0] for line in shown.splitlines()}
    assert left_out == {
        "external_secrets_managers/vault",
        "log_services/account",
        "proxy_agents/edge",
    }


async def test_the_demo_account_is_valid_terraform(tmp_path: Path) -> None:
    """216 connections with their schemas: formatted, unique labels, an import for each."""
    async with FakeFivetran.demo(running=False) as fake, fake.client(read_only=True) as fivetran:
        live = await as_code.export(fivetran, kinds=["groups", "destinations", "connections"])
    text = live.to_terraform()
    assert_formatted(text, tmp_path)
    lines = [line for line in text.splitlines() if line.startswith("resource ")]
    assert len(lines) == len(set(lines)) == text.count("\nimport {")
    assert sum('fivetran_connection_v2"' in line for line in lines) == 216
    # Parsing all of it takes half a minute: python-hcl2 is slow.
    chosen = dict(list(live.items())[::20])
    parsed(live.with_objects(chosen).to_terraform())


def test_any_text_is_escaped(tmp_path: Path) -> None:
    """Names and values with quotes, templates, control characters and other scripts are text."""
    config: dict[str, object] = {
        ODD: ODD,
        "for": [1, 2.5, True, None, ODD],
        "ключ": "x",
        "plain-key": {"a": {}, "b": [], "bb": [{"c": 1, "long": [{"d": "e"}]}]},
        "1st": "x",
    }
    snapshot = snapshot_of(
        ("groups/a b", {"name": ODD}),
        ("groups/A_b", {"name": "x"}),
        ("groups/日本", {"name": "x"}),
        ("groups/1", {"name": "x"}),
        ("connections/a b/x", {"service": "s", "group_id": "groups/a b", "config": config}),
        (
            "schemas/a b/x",
            {"schema_change_handling": "ALLOW_ALL", "schemas": {ODD: {"tables": {}}}},
        ),
        ("schemas/a b/y", {"schemas": {}}),
    )
    text = snapshot.to_terraform()
    assert_formatted(text, tmp_path)
    document = parsed(text)
    labels = [label for type, label, _ in resources_in(document) if type == "fivetran_group"]
    assert sorted(labels) == ["A_b", "_", "_1", "a_b_2"]
    assert '"ключ"' not in text
    assert "\\u043a\\u043b" in text
    assert "$${var.x} %%{ if true }" in text
    assert "\x00" not in text
    assert "\x1b" not in text


def test_variables_lists_and_objects_with_secrets(tmp_path: Path) -> None:
    """Each secret has a variable of its own, also in lists, and variables keep their names."""
    env = [{"name": "DBT_A", "$secret": "keep"}, {"name": "DBT_B", "$secret": "env:B"}]
    snapshot = snapshot_of(
        (
            "transformation_projects/g/p",
            {"type": "DBT_CORE", "project_config": {"environment_vars": env, "threads": 2}},
        ),
        ("webhooks/account/x", {"url": KEEP, "events": ["sync_end"]}),
        (
            "connections/g/c",
            {"service": "s", "config": {"secrets_list": [{"key": "a", "value": KEEP}] * 2}},
        ),
    )
    text = snapshot.to_terraform()
    assert_formatted(text, tmp_path)
    stem = "transformation_projects_g_p_project_config_environment_vars"
    assert f'"DBT_A=${{var.{stem}_DBT_A}}", "DBT_B=${{var.{stem}_DBT_B}}"' in text
    assert "url    = var.webhooks_account_x_url\n" in text
    assert text.count('\nvariable "') == len(json.loads(json.dumps(env))) + 3
    parsed(text)


def test_objects_without_an_id_are_not_imported() -> None:
    """A detached snapshot creates everything: it has resources, and no import blocks."""
    snapshot = snapshot_of(("groups/a", {"name": "a"}), ("users/ada@example.com", {}))
    text = snapshot.detached().to_terraform()
    assert text.count("\nresource ") == 2
    assert "import {" not in text
    assert 'email = "ada@example.com"' in text
