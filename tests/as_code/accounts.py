"""Accounts that the tests of the account as code change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from fivetran_async.testing import FakeFivetran

PLANTED: Final = "hunter2-planted-secret"
"""A secret that no file, plan, journal or text may hold."""

START: Final = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
"""The time on the clock of the small account, so that all copies of it are equal."""


def small_account(fake: FakeFivetran) -> Mapping[str, str]:
    """Fill an account with at least one object of each kind; return their ids by name."""
    blue = fake.add_group(name="blue", id="blue_id")
    green = fake.add_group(name="green", id="green_id")
    fake.add_destination(
        group_id=blue,
        service="snowflake",
        config={"host": "acme.example.com", "port": 443, "user": "loader", "password": PLANTED},
    )
    fake.add_destination(group_id=green, service="big_query")
    crm = fake.add_connection(
        group_id=blue,
        service="postgres",
        schema="crm",
        id="crm_id",
        config={"host": "db1", "port": 5432, "user": "reader", "password": PLANTED},
        succeeded_at="2026-01-01T00:00:00.000000Z",
    )
    shop = fake.add_connection(group_id=blue, service="shopify", schema="shop", id="shop_id")
    sheet = fake.add_connection(
        group_id=green, service="google_sheets", schema="sheets.budget", id="sheet_id"
    )
    hook = fake.add(
        "webhooks",
        id="hook_id",
        type="group",
        group_id=blue,
        url="https://hooks.example.com/a/b",
        events=["sync_end", "sync_start"],
        active=True,
        secret=PLANTED,
        created_by=fake.record("users", _owner(fake))["id"],
    )
    ada = fake.add("users", id="ada_id", email="ada@example.com", given_name="Ada", role=None)
    team = fake.add("teams", id="team_id", name="Data / Platform", role="Account Reviewer")
    fake.add("teams.users", team_id=team, user_id=ada, role="Team Manager")
    fake.add("teams.groups", team_id=team, id=blue, role="Destination Reviewer")
    fake.add("users.connections", user_id=ada, id=crm, role="Connector Reviewer")
    fake.add("log_services", id=blue, group_id=blue, service="datadog_log", config={})
    project = fake.add(
        "transformation_projects",
        id="project_id",
        group_id=blue,
        type="DBT_CORE",
        project_config={
            "dbt_version": "1.9.0",
            "default_schema": "marts",
            "git_remote_url": "git@example.com:acme/dbt.git",
            "threads": 4,
        },
    )
    fake.add(
        "transformations",
        id="nightly_id",
        type="DBT_CORE",
        transformation_config={"project_id": project, "name": "nightly", "steps": []},
        schedule={"schedule_type": "INTEGRATED", "connection_ids": [crm]},
    )
    return {"crm": crm, "shop": shop, "sheet": sheet, "hook": hook, "ada": ada, "team": team}


def _owner(fake: FakeFivetran) -> str:
    owner: Any = next(iter(fake._account.collection("users")))
    return str(owner["id"])
