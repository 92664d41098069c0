"""Section 10.3: changed fields of connections, and the rules of their schedules."""

from __future__ import annotations

from typing import Any

import pytest

from fivetran_async import InvalidArgumentError, InvalidRequestError
from fivetran_async.models import Connection, ConnectionSchedule
from vendor.rows import Account, row

WEEK = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")


@row("10.3", "schedule in responses")
async def schedule_in_responses(account: Account) -> None:
    """Details, both lists, updates and tests return the schedule."""
    fivetran, connection_id = account.fivetran, account.connection_id
    schedule = ConnectionSchedule(schedule_type="CRON", cron="0 9 * * 1-5")
    updated = await fivetran.connections.update(connection_id, schedule=schedule)
    shown = [
        updated,
        await fivetran.connections.get(connection_id),
        await fivetran.connections.run_setup_tests(connection_id),
        *await fivetran.connections.list().collect(),
        *await fivetran.groups.list_connections(account.group_id).collect(),
    ]
    assert [connection.schedule for connection in shown] == [schedule] * 5
    assert all(connection.extra == {} for connection in shown)


@row("10.3", "schedule in bodies")
async def schedule_in_bodies(account: Account) -> None:
    """Create and update take a schedule, as an object or as a mapping."""
    connections, fake = account.fivetran.connections, account.fake
    asked = ConnectionSchedule(schedule_type="INTERVAL", interval=60, days_of_week=("MONDAY",))
    sent = {"schedule_type": "INTERVAL", "interval": 60, "days_of_week": ["MONDAY"]}
    made = await connections.create(
        group_id=account.group_id, service="s3", config={"schema": "files"}, schedule=asked
    )
    assert fake.requests[-1].body == {
        "group_id": account.group_id,
        "service": "s3",
        "config": {"schema": "files"},
        "schedule": sent,
    }
    assert (made.schedule, made.sync_frequency) == (asked, 60)
    daily = {"schedule_type": "TIME_OF_DAY", "time_of_day": "05:00"}
    updated = await connections.update(made.id, schedule=daily, run_setup_tests=False)
    assert fake.requests[-1].body == {"schedule": daily, "run_setup_tests": False}
    # The service fills missing days.
    assert updated.schedule == ConnectionSchedule.from_dict({**daily, "days_of_week": WEEK})
    assert (updated.sync_frequency, updated.daily_sync_time) == (1440, "05:00")


@row("10.3", "sync_frequency null")
async def no_frequency(account: Account) -> None:
    """A cron expression has no frequency, and null is not 0."""
    cron = ConnectionSchedule(schedule_type="CRON", cron="0 9 * * 1-5")
    updated = await account.fivetran.connections.update(account.connection_id, schedule=cron)
    assert updated.sync_frequency is None
    raw = await account.fivetran.request("GET", f"/v1/connections/{account.connection_id}")
    assert isinstance(raw, dict)
    assert raw["sync_frequency"] is None


@row("10.3", "data_delay_sensitivity default")
async def sensitivity(account: Account) -> None:
    """By default the sensitivity is low."""
    found = await account.fivetran.connections.get(account.connection_id)
    assert found.data_delay_sensitivity == "LOW"


@row("10.3", "data_checks")
async def data_checks(account: Account) -> None:
    """The flag is sent by create and update, and read where the API returns it."""
    connections, fake = account.fivetran.connections, account.fake
    assert (await connections.get(account.connection_id)).data_checks is None
    updated = await connections.update(account.connection_id, data_checks=True)
    assert fake.requests[-1].body == {"data_checks": True}
    assert updated.data_checks is True
    made = await connections.create(
        group_id=account.group_id, service="s3", config={"schema": "files"}, data_checks=False
    )
    assert made.data_checks is False


@row("10.3", "POST connections/{id}/test")
async def empty_test(account: Account) -> None:
    """The tests are sent with `{}`, because the API refuses a request without a body."""
    await account.fivetran.connections.run_setup_tests(account.connection_id)
    assert account.fake.requests[-1].body_bytes == b"{}"


@row("10.3", "GET connections/{id}/state")
async def state(account: Account) -> None:
    """Only functions and Connector SDK connections have a state."""
    with pytest.raises(InvalidRequestError, match="have no state"):
        await account.fivetran.connections.get_state(account.connection_id)


@row("10.3", "GET columns")
async def columns(account: Account) -> None:
    """Tables report whether their columns can be read."""
    config = await account.fivetran.connections.schemas.reload(account.connection_id)
    tables = config.schemas["public"].tables
    assert tables["orders"].supports_columns_config is True
    assert tables["fivetran_audit"].supports_columns_config is False


@row("10.3", "schedule takes precedence")
async def precedence(account: Account) -> None:
    """A schedule goes before `sync_frequency`, and a daily time counts at 1440 minutes only."""
    connections, connection_id = account.fivetran.connections, account.connection_id
    both = await connections.update(
        connection_id,
        schedule=ConnectionSchedule(schedule_type="INTERVAL", interval=15),
        sync_frequency=1440,
        daily_sync_time="09:00",
    )
    assert (both.sync_frequency, both.daily_sync_time) == (15, None)
    daily = await connections.set_sync_frequency(connection_id, 1440)
    assert (daily.schedule.schedule_type, daily.daily_sync_time) == ("", "00:00")
    ignored = await connections.set_sync_frequency(connection_id, 60, daily_sync_time="09:00")
    assert (ignored.sync_frequency, ignored.daily_sync_time) == (60, None)


@row("10.3", "schedule and schedule_type manual")
async def no_manual(account: Account) -> None:
    """A schedule with `schedule_type="manual"` is refused by the client, and by the fake."""
    connections = account.fivetran.connections
    cron = {"schedule_type": "CRON", "cron": "0 9 * * *"}
    with pytest.raises(InvalidArgumentError, match="schedule_type='manual'"):
        await connections.update(account.connection_id, schedule=cron, schedule_type="manual")
    assert account.fake.requests == []
    await refused(account, {"schedule": cron, "schedule_type": "manual"})
    manual = await connections.update(
        account.connection_id, schedule=ConnectionSchedule(schedule_type="MANUAL")
    )
    assert manual.schedule_type == "manual"


async def refused(account: Account, body: dict[str, Any]) -> None:
    """Check that the fake responds to an update with a 400."""
    with pytest.raises(InvalidRequestError):
        await account.fivetran.request(
            "PATCH", f"/v1/connections/{account.connection_id}", body=body, result=Connection
        )


@row("10.3", "what each schedule needs")
async def needs(account: Account) -> None:
    """Each type needs its field; the server refuses unlisted combinations and odd hours."""
    fields = {"CRON": "cron", "INTERVAL": "interval", "TIME_OF_DAY": "time_of_day"}
    for kind, needed in fields.items():
        for given in ({"schedule_type": kind}, {"schedule_type": kind, needed: None}):
            with pytest.raises(InvalidArgumentError, match=f"schedule requires {needed}"):
                await account.fivetran.connections.update(account.connection_id, schedule=given)
        await refused(account, {"schedule": {"schedule_type": kind}})
    with pytest.raises(InvalidArgumentError, match="schedule requires schedule_type"):
        await account.fivetran.connections.update(
            account.connection_id, schedule=ConnectionSchedule()
        )
    for odd in (
        {"schedule_type": "CRON", "cron": "0 9 * * *", "interval": 5},
        {"schedule_type": "MANUAL", "days_of_week": ["MONDAY"]},
        {"schedule_type": "TIME_OF_DAY", "time_of_day": "09:30"},
        {"schedule_type": "TIME_OF_DAY", "time_of_day": "24:00"},
        {"schedule_type": "INTERVAL", "interval": 0},
        {"schedule_type": "INTERVAL", "interval": 5, "days_of_week": ["FREEDAY"]},
        {"schedule_type": "HOURLY"},
    ):
        await refused(account, {"schedule": odd})
    # A type that the client does not know is for the server to judge.
    with pytest.raises(InvalidRequestError):
        await account.fivetran.connections.update(
            account.connection_id, schedule={"schedule_type": "HOURLY"}
        )
