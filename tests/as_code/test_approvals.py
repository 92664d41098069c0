"""Certificates and fingerprints: approved before the setup tests, revoked, taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from as_code.folders import remove, write, writes
from fivetran_async import AsyncFivetran, as_code
from fivetran_async.as_code import Plan
from fivetran_async.as_code._kinds.rules import KINDS_BY_NAME
from fivetran_async.testing import FakeFivetran

CRM = "connections/blue/crm"
KEY = "fingerprints/connections/blue/crm/aGFzaA=="
SLASHED = "certificates/destinations/blue/a%2Fb+c="
SECRETS = as_code.references(environ={"CRM": "x"})


@pytest.fixture
async def account(fivetran: AsyncFivetran, tmp_path: Path) -> Path:
    """A folder with all kinds, certificates and fingerprints included."""
    (await as_code.export(fivetran, kinds=KINDS_BY_NAME)).save(tmp_path)
    return tmp_path


async def plan_all(fivetran: AsyncFivetran, folder: Path, **options: Any) -> Plan:  # noqa: ANN401
    """Plan the files of a folder with all kinds."""
    live = await as_code.export(fivetran, kinds=KINDS_BY_NAME)
    base = as_code.load_base(folder)
    return as_code.plan(as_code.load(folder), live=live, base=base, **options)


async def test_keys_are_approved_before_the_tests(
    fake: FakeFivetran, fivetran: AsyncFivetran, account: Path
) -> None:
    """Approvals come before the setup tests; the next plan is empty, and undo revokes them."""
    write(account, KEY, hash="aGFzaA==", public_key="ssh-rsa AAAA")
    write(account, SLASHED, encoded_cert="Y2VydA==")
    write(account, CRM, config={"password": {"$secret": "env:CRM"}})
    plan = await plan_all(fivetran, account)
    assert not plan.refused
    assert {hazard.topic for hazard in plan.hazards} >= {"trusts"}
    rehearsal = await as_code.rehearse(plan)
    assert rehearsal.succeeded, str(rehearsal)
    fake.requests.clear()
    run = await as_code.apply(fivetran, plan, confirm=plan.digest, secrets=SECRETS)
    assert run.succeeded, str(run)
    sent = writes(fake)
    approval = "/v1/connections/crm_id/fingerprints"
    assert ("POST", approval, {"hash": "aGFzaA==", "public_key": "ssh-rsa AAAA"}) in sent
    body = {"hash": "a/b+c=", "encoded_cert": "Y2VydA=="}
    assert ("POST", "/v1/destinations/blue_id/certificates", body) in sent
    places = [path for _, path, _ in sent]
    assert places.index(approval) < places.index("/v1/connections/crm_id/test")
    again = await plan_all(fivetran, account)
    assert (again.changes, again.refused) == ((), {})
    undo = run.undo()
    assert {change.address for change in undo.changes} == {KEY, SLASHED}
    assert (await as_code.apply(fivetran, undo, confirm=undo.digest)).succeeded
    live = await as_code.export(fivetran, kinds=["certificates", "fingerprints"])
    assert list(live) == []


async def test_keys_are_revoked_and_never_changed(
    fake: FakeFivetran, fivetran: AsyncFivetran, tmp_path: Path
) -> None:
    """Pruning revokes a key, undo approves it once more; another key under a hash is refused."""
    approve = fivetran.connections.fingerprints.approve
    await approve("crm_id", hash="aGFzaA==", public_key="ssh-rsa AAAA")
    (await as_code.export(fivetran, kinds=KINDS_BY_NAME)).save(tmp_path)
    write(tmp_path, KEY, public_key="ssh-rsa BBBB")
    plan = await plan_all(fivetran, tmp_path)
    assert plan.refused[KEY] == "a fingerprint can be approved and revoked, but not changed"
    remove(tmp_path, KEY)
    plan = await plan_all(fivetran, tmp_path, prune=True)
    assert [(change.address, change.action) for change in plan.changes] == [(KEY, "delete")]
    run = await as_code.apply(fivetran, plan, confirm=plan.digest, deletions={KEY})
    assert run.succeeded, str(run)
    undo = run.undo()
    assert (await as_code.apply(fivetran, undo, confirm=undo.digest)).succeeded
    live = await as_code.export(fivetran, kinds=["fingerprints"])
    assert live[KEY].public_key == "ssh-rsa AAAA"


async def test_approvals_without_their_content_are_refused(
    fivetran: AsyncFivetran, account: Path
) -> None:
    """A certificate needs its content, a fingerprint its key; both are named."""
    write(account, KEY, hash="aGFzaA==")
    write(account, SLASHED, hash="a/b+c=")
    plan = await plan_all(fivetran, account)
    assert plan.refused == {
        KEY: "a new fingerprint needs public_key",
        SLASHED: "a new certificate needs encoded_cert",
    }
