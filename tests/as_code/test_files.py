"""Files of an account: written, read, checked and protected."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from as_code.accounts import PLANTED
from fivetran_async import AsyncFivetran, FivetranError, as_code
from fivetran_async.testing import FakeFivetran

Edit = Callable[[dict[str, Any]], object]


def edit(folder: Path, name: str, change: Edit) -> None:
    """Edit a JSON file of a folder."""
    path = folder / name
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def tree(folder: Path) -> dict[str, str]:
    """Return the text of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


async def test_files_are_deterministic(fivetran: AsyncFivetran, folder: Path) -> None:
    """A second export writes the same bytes."""
    before = tree(folder)
    assert before["connections/blue/crm.json"].startswith('{\n  "config": {\n    "host": "db1"')
    (await as_code.export(fivetran)).save(folder)
    assert tree(folder) == before


async def test_files_and_base_equal_the_export(fivetran: AsyncFivetran, folder: Path) -> None:
    """Reading files and base returns what was exported."""
    live = await as_code.export(fivetran)
    assert as_code.load(folder) == live
    assert as_code.load_base(folder) == live
    assert as_code.load(folder).scope == live.scope


async def test_no_secret_is_in_a_file(folder: Path) -> None:
    """Neither a secret nor a mask of one is written; ids are in `ids.json` only."""
    written = tree(folder)
    assert not [name for name, text in written.items() if PLANTED in text or "***" in text]
    ids = {"crm_id", "blue_id", "ada_id", "hook_id"}
    named = {name for name, text in written.items() if any(f'"{id}"' in text for id in ids)}
    assert named == {".fivetran/ids.json"}


async def test_private_files_are_ignored_by_git(folder: Path) -> None:
    """Runs and fingerprints of secrets stay on the machine; base and ids are committed."""
    ignored = (folder / ".fivetran" / ".gitignore").read_text().split()
    assert {"/runs/", "/secrets.lock"} <= set(ignored)
    assert not {"/base/", "/ids.json"} & set(ignored)


async def test_edited_files_are_not_replaced(fivetran: AsyncFivetran, folder: Path) -> None:
    """`save` over edited files refuses and names them, unless it is forced."""
    edit(folder, "connections/blue/crm.json", lambda file: file.update(sync_frequency=5))
    (folder / "teams" / "Data %2F Platform.json").unlink()
    live = await as_code.export(fivetran)
    with pytest.raises(as_code.FilesError) as caught:
        live.save(folder)
    assert "connections/blue/crm.json: was edited" in str(caught.value)
    assert "teams/Data %2F Platform: was removed" in str(caught.value)
    live.save(folder, force=True)
    assert as_code.load(folder) == live


async def test_references_to_secrets_survive_an_export(
    fivetran: AsyncFivetran, folder: Path
) -> None:
    """A reference that replaced `keep` is kept by later exports."""
    reference = {"$secret": "env:CRM"}
    edit(
        folder, "connections/blue/crm.json", lambda file: file["config"].update(password=reference)
    )
    (await as_code.export(fivetran)).save(folder, force=True)
    assert json.loads((folder / "connections/blue/crm.json").read_text())["config"]["password"] == {
        "$secret": "env:CRM"
    }


async def test_saving_a_part_leaves_other_files(fivetran: AsyncFivetran, folder: Path) -> None:
    """An export of a part neither removes nor changes files outside of it."""
    before = tree(folder)
    (await as_code.export(fivetran, only="connections/green/*")).save(folder)
    after = tree(folder)
    assert {n: t for n, t in after.items() if not n.startswith(".fivetran/scope")} == {
        n: t for n, t in before.items() if not n.startswith(".fivetran/scope")
    }


async def test_files_of_objects_that_are_gone_are_removed(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A later export removes the files of what was deleted, and of nothing that it cannot read."""
    await fivetran.connections.delete("shop_id", confirm=True)
    (await as_code.export(fivetran)).save(folder)
    assert not (folder / "connections/blue/shop.json").exists()
    assert "connections/blue/shop" not in as_code.load(folder).ids


async def test_names_that_differ_in_case_are_moved(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path
) -> None:
    """A group with a name that clashes with a new one gets another file, not a second one."""
    fake.change("groups", "green_id", name="Blue")
    (await as_code.export(fivetran)).save(folder, force=True)
    names = {path.name for path in (folder / "groups").iterdir()}
    assert names == {"blue.json", "%42lue.json"}
    assert {"groups/Blue", "groups/blue"} <= set(as_code.load(folder))


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("connections/blue/crm.json", {"sync_frequencey": 5}, "did you mean 'sync_frequency'"),
        ("connections/blue/crm.json", {"status": {}}, "status: is set by the server"),
        ("connections/blue/crm.json", {"is_historical_sync": True}, "starts an action"),
        ("connections/blue/crm.json", {"group_id": "groups/none"}, "which does not exist"),
        ("connections/blue/crm.json", {"group_id": "blue_id"}, "must be an address"),
        ("connections/blue/crm.json", {"group_id": "users/ada@example.com"}, "must be an address"),
        ("connections/blue/crm.json", {"config": 3}, "config: must be an object"),
        ("connections/blue/crm.json", {"auth": {"x": "y"}}, "auth.x: is a secret"),
        (
            "connections/blue/crm.json",
            {"config": {"hostt": "x", "schema_prefix": "crm"}},
            "config.hostt: unknown key; did you mean 'host'",
        ),
        ("connections/blue/crm.json", {"config": {"schema_prefix": "x"}}, "names the schema 'x'"),
        (
            "connections/blue/crm.json",
            {"config": {"password": PLANTED}},
            "config.password: is a secret",
        ),
        (
            "connections/blue/crm.json",
            {"config": {"password": {"$secret": "evn:X"}}},
            "unknown scheme 'evn'; did you mean 'env'",
        ),
        (
            "connections/blue/crm.json",
            {"config": {"password": {"$secret": "x"}}},
            "config.password: a secret must be 'keep' or env:",
        ),
        (
            "schemas/blue/crm.json",
            {"schemas": {"public": {"enabld": True}}},
            "schemas.public.enabld: unknown key; did you mean 'enabled'",
        ),
    ],
)
async def test_wrong_content_names_file_and_key(
    folder: Path, name: str, change: dict[str, object], expected: str
) -> None:
    """An error names the file, the key and what is allowed, and no secret."""
    edit(folder, name, lambda file: file.update(change))
    with pytest.raises(as_code.FilesError) as caught:
        as_code.load(folder)
    assert name in str(caught.value)
    assert expected in str(caught.value)
    assert PLANTED not in str(caught.value)
    assert isinstance(caught.value, FivetranError)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("connections/blue/crm.json", '{"paused": true, "paused": false}', "'paused' occurs twice"),
        ("connections/blue/crm.json", "[]", "must hold a JSON object"),
        ("connections/blue/crm.json", '{"x": NaN}', "NaN is not JSON"),
        ("connections/blue/crm.json", "{", "Expecting"),
        ("connection/blue/new.json", "{}", "unknown kind 'connection'; did you mean 'connections'"),
        ("connections/new.json", "{}", "has 2 parts after 'connections'"),
        (
            "groups/%62lue.json",
            "{}",
            "groups/blue.json: has the same address as groups/%62lue.json",
        ),
    ],
)
async def test_wrong_files_are_named(folder: Path, name: str, text: str, expected: str) -> None:
    """A file that is not JSON, has no known kind, or repeats an address is named."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    with pytest.raises(as_code.FilesError) as caught:
        as_code.load(folder)
    assert name.rpartition("/")[2] in str(caught.value)
    assert expected in str(caught.value)


async def test_all_problems_are_reported_together(folder: Path) -> None:
    """One error lists the problems of all files."""
    for name in ("crm", "shop"):
        edit(folder, f"connections/blue/{name}.json", lambda file: file.update(statsu={}, id="x"))
    with pytest.raises(as_code.FilesError) as caught:
        as_code.load(folder)
    assert len(caught.value.problems) == 4


async def test_keys_that_the_vendor_added_are_accepted(folder: Path) -> None:
    """A key that resembles no known key can be new, so it is loaded."""
    edit(folder, "connections/blue/crm.json", lambda file: file.update(quantum_mode="on"))
    assert as_code.load(folder)["connections/blue/crm"].raw_fields["quantum_mode"] == "on"


async def test_folder_of_another_account_is_refused(folder: Path) -> None:
    """An export of another account does not overwrite the files of the first."""
    async with FakeFivetran(running=False) as other, other.client() as fivetran:
        other._account.account_id = "another_account"
        live = await as_code.export(fivetran)
    with pytest.raises(as_code.WrongAccountError, match="another_account"):
        live.save(folder, force=True)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    """A folder that does not exist, and one without a base, are errors of files."""
    with pytest.raises(as_code.FilesError, match="nowhere"):
        as_code.load(tmp_path / "nowhere")
    with pytest.raises(as_code.FilesError, match="has no base"):
        as_code.load_base(tmp_path)


async def test_over_long_names_keep_their_address(
    fake: FakeFivetran, fivetran: AsyncFivetran, tmp_path: Path
) -> None:
    """A name that is too long for a file name is read back in full."""
    fake.add_group(name="long_" * 60)
    live = await as_code.export(fivetran)
    live.save(tmp_path)
    assert as_code.load(tmp_path) == live
    live.save(tmp_path)


async def test_changes_in_memory_are_checked_like_files(fivetran: AsyncFivetran) -> None:
    """`change` merges objects, keeps other kinds, and refuses what a file could not say."""
    live = await as_code.export(fivetran)
    wanted = live.change(
        lambda each: each.group == "blue", sync_frequency=60, config={"host": "db2"}
    )
    crm = wanted["connections/blue/crm"]
    assert crm.sync_frequency == 60
    assert crm.raw_fields["config"] == {
        **live["connections/blue/crm"].raw_fields["config"],  # type: ignore[dict-item]
        "host": "db2",
    }
    assert wanted["destinations/blue"] is live["destinations/blue"]
    assert live["connections/blue/crm"].sync_frequency == 360
    for field, value, message in (
        ("sync_freq", 5, "unknown field"),
        ("status", {}, "set by the server"),
        ("schema_status", "ready", "starts an action"),
        ("sync_frequency", object(), "must be a JSON value"),
        ("config", {"password": PLANTED}, "is a secret"),
    ):
        with pytest.raises(FivetranError, match=message) as caught:
            live.change(lambda _: True, **{field: value})
        assert PLANTED not in str(caught.value)
