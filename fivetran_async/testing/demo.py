"""The demo account: see `FakeFivetran.demo`."""

from __future__ import annotations

import collections
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from fivetran_async.testing._demo_configs import (
    DESTINATION_CONFIGS,
    SOURCE_CONFIGS,
    schema_of,
    source_config,
)
from fivetran_async.testing.clock import stamp

if TYPE_CHECKING:
    from fivetran_async.testing.fake import FakeFivetran

_AREAS_TEXT = """
analytics finance marketing sales product operations support growth people security research
commerce logistics billing risk partnerships
"""
_STAGES = ("prod", "staging", "dev")
_DESTINATIONS = (
    ("snowflake", "AWS_US_EAST_1"),
    ("big_query", "GCP_US_EAST4"),
    ("redshift", "AWS_EU_WEST_1"),
    ("databricks", "AZURE_EASTUS2"),
    ("postgres_warehouse", "AWS_EU_CENTRAL_1"),
)
_AREAS, _SOURCES = _AREAS_TEXT.split(), tuple(SOURCE_CONFIGS)
_DAY = 86_400.0

_RECONNECT = (
    {"code": "reconnect", "message": "Reconnect", "details": "The credentials were rejected"},
)
_WARNING = ({"code": "resync_table_warning", "message": "Resync Table Warning"},)
_STATES: tuple[dict[str, Any], ...] = (
    {},
    {},
    {},
    {},
    {"sync_state": "paused", "paused": True},
    {},
    {"setup_state": "broken", "tasks": _RECONNECT},
    {"is_historical_sync": True},
    {},
    {"sync_state": "rescheduled"},
    {"setup_state": "incomplete", "is_historical_sync": True},
    {},
    {"update_state": "delayed", "warnings": _WARNING},
    {"schedule_type": "manual"},
    {"sync_state": "paused", "paused": True, "setup_state": "incomplete"},
    {},
    {"sync_frequency": 1440, "daily_sync_time": "03:00"},
    {},
)
_KINDS: Mapping[int, str] = collections.defaultdict(
    str, {3: "syncing", 6: "failed", 7: "syncing never", 10: "never", 14: "never", 15: "failed"}
)
"""What is special about some of the states: a running sync, a failed one, no sync so far."""


def fill(fake: FakeFivetran, *, groups: int, connections_per_group: int, seed: int) -> None:
    """
    Fill an account with groups, and with `connections_per_group` connections in each on average.

    The last group stays empty; the others share its connections. Every fifth group has no
    destination.
    """
    filler = _Filler(fake, random.Random(seed), fake.clock.time())  # noqa: S311 - test data, not keys
    _people(fake)
    filled = max(1, groups - 1)
    each, rest = divmod(groups * connections_per_group, filled)
    for number in range(groups):
        group_id = filler.group(number)
        if number >= filled:
            continue
        if number % 5 != 4:
            service, region = _DESTINATIONS[number % len(_DESTINATIONS)]
            config = dict(DESTINATION_CONFIGS[service])
            fake.add_destination(group_id=group_id, service=service, region=region, config=config)
        for index in range(each + (number < rest)):
            filler.connection(group_id, index, number)


@attrs.frozen
class _Filler:
    fake: FakeFivetran
    rng: random.Random
    now: float

    def group(self, number: int) -> str:
        area, stage = number % len(_AREAS), number // len(_AREAS)
        name = f"{_AREAS[area]}_{_STAGES[stage % len(_STAGES)]}"
        return self.fake.add(
            "groups",
            name=name if stage < len(_STAGES) else f"{name}_{stage}",
            created_at=stamp(self.now - _DAY * self.rng.uniform(30, 900)),
        )

    def connection(self, group_id: str, index: int, number: int) -> None:
        number_of_state = (index + number) % len(_STATES)
        kind, state = _KINDS[number_of_state], _STATES[number_of_state]
        service = _SOURCES[(index + number * 7) % len(_SOURCES)]
        schema = schema_of(service, index + 1)
        recent = self.rng.uniform(120, 20_000)
        fields: dict[str, Any] = {
            "created_at": stamp(self.now - _DAY * self.rng.uniform(2, 400)),
            "succeeded_at": None if "never" in kind else stamp(self.now - recent),
            "config": source_config(service, schema),
        }
        if "failed" in kind:
            fields["failed_at"] = stamp(self.now - recent / 2)
        if state.get("sync_state") == "rescheduled":
            fields["rescheduled_for"] = stamp(self.now + 1_800)
        connection_id = self.fake.add_connection(
            group_id=group_id, service=service, schema=schema, **fields, **state
        )
        if "syncing" in kind:
            self.fake.plan_sync(connection_id, duration=self.rng.uniform(300, 7_200))
            self.fake.start_sync(connection_id)


def _people(fake: FakeFivetran) -> None:
    for given, family, role in (
        ("Noor", "Haddad", "Account Analyst"),
        ("Lena", "Fischer", "Account Reviewer"),
        ("Mateo", "Rojas", None),
    ):
        fake.add(
            "users",
            email=f"{given}.{family}@example.com".lower(),
            given_name=given,
            family_name=family,
            role=role,
            logged_in_at=fake.clock.stamp(),
            active=True,
            verified=True,
            invited=False,
        )
    fake.add(
        "teams",
        name="Data Platform",
        description="Keeps the pipelines running",
        role="Account Reviewer",
    )
