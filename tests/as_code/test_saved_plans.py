"""Saved plans that are applied where their folder is another one, or is missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from as_code.folders import plan_of, write
from as_code.runs import CRM, carry_out
from fivetran_async import AsyncFivetran, as_code
from fivetran_async.testing import FakeFivetran


async def test_saved_plans_need_their_folder(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path, tmp_path: Path
) -> None:
    """Without its folder a plan is refused before anything is sent, and no folder appears."""
    write(folder, CRM, sync_frequency=60)
    (await plan_of(fivetran, folder)).save(tmp_path / "plan.json")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy2(tmp_path / "plan.json", elsewhere)
    plan = as_code.load_plan(elsewhere / "plan.json")
    fake.requests.clear()
    with pytest.raises(as_code.FilesError, match=r"account: the folder of the plan was not found"):
        await carry_out(fivetran, plan)
    assert (fake.requests, [each.name for each in elsewhere.iterdir()]) == ([], ["plan.json"])
    assert (await carry_out(fivetran, as_code.load_plan(tmp_path / "plan.json"))).succeeded


async def test_saved_plans_refuse_the_folder_of_another_account(
    fake: FakeFivetran, fivetran: AsyncFivetran, folder: Path, tmp_path: Path
) -> None:
    """A plan does not move the base of another account's folder."""
    write(folder, CRM, sync_frequency=60)
    (await plan_of(fivetran, folder)).save(tmp_path / "plan.json")
    account = folder / ".fivetran/account.json"
    account.write_text('{"account_id": "other", "account_name": "Other"}')
    fake.requests.clear()
    with pytest.raises(as_code.WrongAccountError, match="has the files of 'other'"):
        await carry_out(fivetran, as_code.load_plan(tmp_path / "plan.json"))
    assert fake.requests == []
