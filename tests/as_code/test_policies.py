"""Schema policies: what they find at both depths, what they skip, and the plan that follows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from as_code.folders import writes
from fivetran_async import (
    AsyncFivetran,
    InvalidArgumentError,
    InvalidRequestError,
    UsageError,
    as_code,
)
from fivetran_async._types import UNSET
from fivetran_async.as_code import (
    Policy,
    block_columns,
    hash_columns,
    new_columns,
    rules,
    sync_mode,
)
from fivetran_async.testing import FakeFivetran, Fault

CRM = "schemas/blue/crm"
ORDERS = ("schemas", "public", "tables", "orders")
RULES = (
    hash_columns("email|name", except_for="crm.public.accounts.name"),
    block_columns("name", except_for=["*.accounts.*", "*.events.*"]),
    new_columns("block"),
    sync_mode("HISTORY", tables="*.orders"),
)


async def carry_out(fivetran: AsyncFivetran, findings: as_code.PolicyFindings) -> None:
    """Apply the plan of findings."""
    plan = findings.plan()
    assert not plan.refused
    run = await as_code.apply(fivetran, plan, confirm=plan.digest)
    assert run.succeeded, str(run)


async def test_known_columns_cost_no_request_of_their_own(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """Only columns that were changed once are known; policies of tables hold for all."""
    schemas = fivetran.connections.schemas
    await schemas.update_column("crm_id", "public", "orders", "email", enabled=True, hashed=False)
    fake.requests.clear()
    findings = await Policy(*RULES).check(fivetran, only="connections/*/*")
    assert writes(fake) == []
    assert not [each for each in fake.requests if each.path.endswith("/columns")]
    assert [(each.place, each.path[-1], each.after) for each in findings] == [
        ("crm", "schema_change_handling", "BLOCK_ALL"),
        ("crm.public.orders", "sync_mode", "HISTORY"),
        ("crm.public.orders.email", "hashed", True),
    ]
    assert str(findings).startswith("3 settings differ from the policy (known columns), 2 skipped")
    assert findings.skipped["schemas/blue/shop"] == "the schema is not captured yet"
    read = as_code.PolicyFindings.from_dict(json.loads(json.dumps(findings.to_dict())))
    assert (read, list(read)) == (findings, list(findings))
    assert all(rule == type(rule).from_dict(rule.to_dict()) for rule in RULES)
    with pytest.raises(UsageError, match="read from JSON have no snapshot"):
        read.plan()
    fake.requests.clear()
    await carry_out(fivetran, findings)
    assert [(verb, path) for verb, path, _ in writes(fake)] == [
        ("PATCH", "/v1/connections/crm_id/schemas")
    ]
    assert not await Policy(*RULES).check(fivetran)


def test_connections_of_one_name_are_skipped_apart() -> None:
    """What cannot be changed is named by the address: two groups may have a connection each."""
    columns = {"id": {"enabled": True, "is_primary_key": True}}
    config = {"schemas": {"public": {"tables": {"orders": {"columns": columns}}}}}
    addresses = [f"schemas/{group}/crm" for group in ("blue", "green")]
    live = as_code.Snapshot(
        {address: as_code.ManagedObject(address, "schemas", None, config) for address in addresses}
    )
    findings = Policy(hash_columns("id")).compare(live)
    assert set(findings.skipped) == {f"{address}.public.orders.id" for address in addresses}


async def test_all_columns_of_the_source_are_checked(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """Depth `source` reads each loaded table once; blocking wins, and keys are skipped."""
    policy = Policy(hash_columns("email|name|id$"), block_columns("^name$"))
    live = await as_code.export(fivetran)
    cost = policy.cost(live)
    fake.requests.clear()
    findings = await policy.check(fivetran, depth="source")
    reads = [each.path for each in fake.requests if each.path.endswith("/columns")]
    assert len(reads) == cost.requests == cost.quotas["source"]
    wanted = {each.place: each.path[-1] for each in findings}
    assert set(wanted.values()) == {"hashed", "enabled"}
    assert all(
        (setting == "enabled") is place.endswith(".name") for place, setting in wanted.items()
    )
    assert all(each.before is UNSET for each in findings)
    keys = {place for place in findings.skipped if place.endswith(".id")}
    assert keys
    assert {findings.skipped[place] for place in keys} == {"it is a key column"}
    assert findings.depth == "source"
    fake.requests.clear()
    again = await policy.check(fivetran, depth="source", resume=findings)
    assert not [each for each in fake.requests if each.path.endswith("/columns")]
    assert [*again] == [*findings]
    await carry_out(fivetran, findings)
    assert not await policy.check(fivetran, depth="source")
    await carry_out(fivetran, await Policy(new_columns("block")).check(fivetran))


async def test_connections_that_cannot_be_read_are_errors(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A table that cannot be read makes its connection an error, and never a passed policy."""
    fake.fail("connections.schemas.get_columns", fault=Fault.status(400), times=None)
    findings = await Policy(hash_columns("email")).check(fivetran, depth="source")
    assert isinstance(findings.errors[CRM], InvalidRequestError)
    assert not findings
    assert "error: schemas/blue/crm" in str(findings)


async def test_broken_connections_are_skipped(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A connection that is not connected is skipped, with its state as the reason."""
    fake.change("connections", "crm_id", setup_state="broken")
    findings = await Policy(new_columns("block")).check(fivetran)
    assert findings.skipped[CRM] == "the connection is broken"
    assert not findings
    assert Policy(hash_columns("x")).cost(findings.live).requests == 0


async def test_the_first_of_two_rules_counts(fivetran: AsyncFivetran) -> None:
    """Of two rules for one setting, the first one decides."""
    policy = Policy(new_columns("allow_columns"), new_columns("block"))
    [finding] = await policy.check(fivetran)
    assert finding.after == "ALLOW_COLUMNS"
    assert str(finding) == "crm: schema_change_handling must be 'ALLOW_COLUMNS' (new_columns)"
    assert "new_columns" in repr(policy)


def test_arguments_are_checked() -> None:
    """Bad patterns, words and rules are errors that name the argument."""
    never: Any = "never"
    other: Any = rules.unsigned_webhooks()
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: hash_columns("("), "pattern must be a regular expression"),
        (lambda: block_columns("["), "pattern must be a regular expression"),
        (lambda: new_columns(never), "must be one of block, allow, allow_columns, not 'never'"),
        (Policy, "at least one rule"),
        (lambda: Policy(other), "is not a rule of a policy"),
    ]
    for call, message in calls:
        with pytest.raises(InvalidArgumentError, match=message):
            call()


async def test_an_unknown_depth_is_an_error(fivetran: AsyncFivetran) -> None:
    """The depth is checked before anything is sent."""
    depth: Any = "deep"
    with pytest.raises(InvalidArgumentError, match="must be 'known' or 'source', not 'deep'"):
        await Policy(new_columns("block")).check(fivetran, depth=depth)
