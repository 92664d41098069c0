"""Random accounts, random edits of their snapshots, and random faults; each by a seed."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any, Final

from fivetran_async import RetryPolicy
from fivetran_async._clock import SystemClock
from fivetran_async.as_code import UNSET, ManagedObject, Snapshot
from fivetran_async.as_code._comparing.leaves import with_leaves
from fivetran_async.as_code._kinds.values import as_object
from fivetran_async.testing import FakeFivetran, Fault

PATIENT: Final = RetryPolicy(max_attempts=4, base_delay=0.0, jitter=False)
SERVICES: Final = ("postgres", "mysql", "google_ads", "shopify", "salesforce", "s3")
TABLES: Final = ("accounts", "orders", "order_items", "events")
COLUMNS: Final = ("created_at", "updated_at", "name", "email", "amount")
WORDS: Final = ("red", "Blue", "grün", "a/b", "x%y", "dot.", " con", "UPPER")

FAULTS: Final = (
    Fault.status(429),
    Fault.status(500),
    Fault.status(500, applied=True),
    Fault.status(503),
    Fault.drop("before"),
    Fault.drop("after"),
    Fault.truncated(),
)


class QuickClock(SystemClock):
    """
    A clock on which every wait is over at once.

    Its time passes with the waits: otherwise a session that must rest would ask all the while
    whether it has. Its dates are real, because they are compared with the server's.
    """

    def __init__(self) -> None:
        self._now = time.monotonic()

    def monotonic(self) -> float:
        """Return the time after the longest wait so far."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Let other tasks go on, then be there."""
        end = self._now + seconds
        await asyncio.sleep(0)
        self._now = max(self._now, end)


def fill(fake: FakeFivetran, rng: random.Random) -> None:
    """Fill an account with groups, destinations, connections, people and webhooks."""
    groups = [fake.add_group(name=f"{word}_{n}") for n, word in enumerate(_some(rng, WORDS, 1, 3))]
    connections: list[str] = []
    for group in groups:
        if rng.random() < 0.7:
            fake.add_destination(group_id=group, service="snowflake", config=_config(rng))
        numbers = range(rng.randrange(4))
        connections += [_add_connection(fake, rng, group, number) for number in numbers]
    users = [
        fake.add("users", email=f"u{n}@example.com", given_name="U", family_name=str(n), role=None)
        for n in range(rng.randrange(3))
    ]
    team = fake.add("teams", name="Team / 1", role="Account Reviewer", description="d")
    for user in users:
        fake.add("teams.users", team_id=team, user_id=user, role="Team Member")
    for connection in connections[:1]:
        fake.add("teams.connections", team_id=team, id=connection, role="Connector Reviewer")
    fake.add(
        "webhooks",
        type="account",
        group_id=None,
        url="https://hooks.example.com/x",
        events=["sync_end"],
        active=rng.random() < 0.5,
        secret=None,
    )


def _add_connection(fake: FakeFivetran, rng: random.Random, group: str, number: int) -> str:
    synced = rng.random() < 0.8
    return fake.add_connection(
        group_id=group,
        service=rng.choice(SERVICES),
        schema=f"c_{number}",
        config=_config(rng),
        paused=rng.random() < 0.3,
        sync_frequency=rng.choice((5, 60, 360, 1440)),
        succeeded_at="2026-11-01T00:00:00.000000Z" if synced else None,
    )


def _config(rng: random.Random) -> dict[str, object]:
    return {
        "host": rng.choice(("db1", "db2")),
        "port": rng.choice((5432, "5432")),
        "tables": _some(rng, ("a", "b", "c"), 0, 3),
        "nested": {"deep": {"x": rng.randrange(3), "y": [{"z": 1}]}},
        "empty": rng.choice((None, "", [])),
    }


def edited(base: Snapshot, rng: random.Random) -> Snapshot:
    """Return a snapshot with random edits: fields changed, cleared and added, new objects."""
    objects = dict(base)
    for address, each in base.items():
        # The user of the API key cannot change its own role.
        if address != "users/owner@example.com" and rng.random() < 0.6:
            leaves = _edits(each, rng)
            fields = with_leaves(each.raw_fields, leaves)
            objects[address] = ManagedObject(address, each.kind, each.id, fields)
    for number in range(rng.randrange(3)):
        for address, fields in _new_objects(rng, number).items():
            objects[address] = ManagedObject(address, address.partition("/")[0], None, fields)
    return base.with_objects(objects)


def _edits(each: ManagedObject, rng: random.Random) -> dict[tuple[str, ...], object]:
    found: dict[tuple[str, ...], object] = {}
    choices = _CHOICES.get(each.kind, {})
    for path in _some(rng, list(choices), 0, 3):
        found[path] = rng.choice(choices[path])
    if ("name",) in found:
        found["name",] = f"{found['name',]}_{each.id}"
    if each.kind == "schemas":
        found |= _schema_edits(each, rng)
    return found


def _schema_edits(each: ManagedObject, rng: random.Random) -> dict[tuple[str, ...], object]:
    found: dict[tuple[str, ...], object] = {}
    for name in as_object(each.raw_fields.get("schemas")) or {}:
        for table in _some(rng, TABLES, 0, 2):
            place = ("schemas", name, "tables", table)
            found[*place, "enabled"] = rng.random() < 0.5
            for column in _some(rng, COLUMNS, 0, 2):
                found[*place, "columns", column, "hashed"] = rng.random() < 0.7
    if rng.random() < 0.3:
        found["schema_change_handling",] = rng.choice(("ALLOW_ALL", "ALLOW_COLUMNS", "BLOCK_ALL"))
    return found


_CHOICES: Final[dict[str, dict[tuple[str, ...], tuple[object, ...]]]] = {
    "groups": {("name",): ("renamed_1", "renamed_2")},
    "destinations": {
        ("config", "host"): ("w1", "w2", None),
        ("config", "nested", "deep", "x"): (7, 8),
        ("time_zone_offset",): ("+1", "-8"),
    },
    "connections": {
        ("sync_frequency",): (15, 60, 360, 1440),
        ("daily_sync_time",): ("10:00", "14:00"),
        ("paused",): (True, False),
        ("config", "host"): ("db3", None, UNSET),
        ("config", "port"): (5433, "5432", 5432),
        ("config", "tables"): (["c", "b"], ["a"], []),
        ("config", "nested", "deep", "x"): (7, "7"),
        ("config", "added"): ({"k": [1, 2]}, "text", 0),
        ("data_delay_threshold",): (10, 20),
        ("networking_method",): ("SshTunnel", "Directly"),
        ("pause_after_trial",): (True, False),
    },
    "users": {("given_name",): ("V", "W"), ("role",): ("Account Analyst",)},
    "teams": {("description",): ("e", None), ("role",): ("Account Analyst", None)},
    "memberships": {},
    "webhooks": {
        ("events",): (["sync_end"], ["sync_start", "sync_end"]),
        ("active",): (True, False),
    },
}


def _new_objects(rng: random.Random, number: int) -> dict[str, dict[str, Any]]:
    group = f"fresh_{number}"
    found: dict[str, dict[str, Any]] = {f"groups/{group}": {"name": group}}
    if rng.random() < 0.6:
        found[f"destinations/{group}"] = {"service": "snowflake", "config": {"host": "w"}}
    for count in range(rng.randrange(3)):
        found[f"connections/{group}/n_{count}"] = {
            "service": rng.choice(("google_ads", "shopify")),
            "group_id": f"groups/{group}",
            "paused": rng.random() < 0.5,
            "sync_frequency": 60,
            "config": {"schema": f"n_{count}", "reports": ["x"]},
        }
        if rng.random() < 0.5:
            found[f"schemas/{group}/n_{count}"] = {
                "schema_change_handling": "BLOCK_ALL",
                "schemas": {"public": {"enabled": True, "tables": {"t": {"enabled": False}}}},
            }
    if rng.random() < 0.4:
        found[f"teams/{group}"] = {"name": group, "role": "Account Reviewer"}
    return found


def script_faults(fake: FakeFivetran, rng: random.Random) -> None:
    """Let a tenth of the requests fail, in every way that a request can fail."""
    for fault in rng.sample(FAULTS, 4):
        fake.fail(fault=fault, times=None, probability=0.03)
    conflict = Fault.status(
        409, body={"code": "Conflict", "message": "Optimistic lock conflict, retry later"}
    )
    fake.fail("connections.schemas.update", fault=conflict, times=None, probability=0.1)


def _some(rng: random.Random, words: Any, least: int, most: int) -> list[Any]:  # noqa: ANN401
    return rng.sample(list(words), min(len(words), rng.randint(least, most)))
