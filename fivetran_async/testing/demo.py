"""The demo account: see `FakeFivetran.demo`."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import attrs

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
_SOURCES_TEXT = """
salesforce postgres google_analytics_4 stripe hubspot mysql google_sheets zendesk shopify github
jira google_ads facebook_ads netsuite_suiteanalytics sql_server mongo s3 slack intercom workday
marketo linkedin_ads dynamodb apache_kafka connector_sdk
"""
_AREAS, _SOURCES = _AREAS_TEXT.split(), _SOURCES_TEXT.split()
_DAY = 86_400.0

_RECONNECT = (
    {"code": "reconnect", "message": "Reconnect", "details": "The credentials were rejected"},
)
_WARNING = ({"code": "resync_table_warning", "message": "Resync Table Warning"},)
_STATES: tuple[dict[str, Any], ...] = (
    {},
    {},
    {},
    {"syncing": True},
    {"sync_state": "paused", "paused": True},
    {},
    {"setup_state": "broken", "tasks": _RECONNECT, "failed": True},
    {"syncing": True, "is_historical_sync": True, "never": True},
    {},
    {"sync_state": "rescheduled"},
    {"setup_state": "incomplete", "never": True, "is_historical_sync": True},
    {},
    {"update_state": "delayed", "warnings": _WARNING},
    {"schedule_type": "manual"},
    {"sync_state": "paused", "paused": True, "setup_state": "incomplete", "never": True},
    {"failed": True},
    {"sync_frequency": 1440, "daily_sync_time": "03:00"},
    {},
)


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
            fake.add_destination(group_id=group_id, service=service, region=region)
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
        state = dict(_STATES[(index + number) % len(_STATES)])
        never, failed, syncing = (state.pop(name, False) for name in ("never", "failed", "syncing"))
        service = _SOURCES[(index + number * 7) % len(_SOURCES)]
        recent = self.rng.uniform(120, 20_000)
        fields: dict[str, Any] = {
            "created_at": stamp(self.now - _DAY * self.rng.uniform(2, 400)),
            "succeeded_at": None if never else stamp(self.now - recent),
        }
        if failed:
            fields["failed_at"] = stamp(self.now - recent / 2)
        if state.get("sync_state") == "rescheduled":
            fields["rescheduled_for"] = stamp(self.now + 1_800)
        connection_id = self.fake.add_connection(
            group_id=group_id,
            service=service,
            schema=f"{service}_{index + 1}",
            **(fields | state),
        )
        if syncing:
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
