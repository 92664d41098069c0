"""Connections that sync by their own schedules, worked out when they are looked at."""

from __future__ import annotations

import calendar
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivetran_async.testing import FakeFivetran
from fivetran_async.testing._timetables import Every, Never, cron, timetable_of
from support.samples import sample
from support.waiting import until
from testing.wire import Api

START: Final = datetime(2026, 3, 4, 10, 20, 30, 250_000, tzinfo=UTC)
HOUR, DAY = 3_600.0, 86_400.0
SEEDS: Final = range(sample(8, 300))


def scheduled(**options: Any) -> FakeFivetran:  # noqa: ANN401
    """Return an account with a stopped clock, and connections that follow their schedules."""
    return FakeFivetran(schedules=True, running=False, start=START, **options)


async def history(fake: FakeFivetran, connection_id: str) -> list[dict[str, Any]]:
    """Return the syncs of the last hours that the API offers, oldest first."""
    query = f"start_time={fake.clock.stamp(after=-6.9 * DAY)}&end_time={fake.clock.stamp(after=1)}"
    async with aiohttp.ClientSession() as session:
        api = Api(fake, session)
        path = f"/v1/connections/{connection_id}/sync-history?limit=1000&{query}"
        return (await api.get(path)).items[::-1]


async def starts(fake: FakeFivetran, connection_id: str) -> list[str]:
    """Return when the syncs of a connection started, to the minute."""
    return [entry["start"][5:16] for entry in await history(fake, connection_id)]


async def test_connections_sync_by_their_frequency() -> None:
    """A sync starts at each interval, runs for its duration, and is in the history."""
    async with scheduled() as fake:
        connection_id = fake.add_connection(sync_frequency=60)
        fake.advance(HOUR - 1)
        assert fake.record("connections", connection_id)["sync_state"] == "scheduled"
        fake.advance(2)
        assert fake.record("connections", connection_id)["sync_state"] == "syncing"
        fake.advance(60)
        record = fake.record("connections", connection_id)
        assert (record["sync_state"], record["succeeded_at"]) == (
            "scheduled",
            "2026-03-04T11:21:30.000000Z",
        )
        fake.advance(3 * HOUR)
        expected = [f"03-04T{hour}:20" for hour in (11, 12, 13, 14)]
        assert await starts(fake, connection_id) == expected


async def test_syncs_need_requests_by_default() -> None:
    """Without `schedules` no sync starts by itself."""
    async with FakeFivetran(running=False, start=START) as fake:
        connection_id = fake.add_connection(sync_frequency=5)
        fake.advance(DAY)
        assert await starts(fake, connection_id) == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"sync_frequency": 1440, "daily_sync_time": "14:00"}, ["03-04T14:00", "03-05T14:00"]),
        ({"sync_frequency": 1440}, ["03-05T10:20", "03-06T10:20"]),
        ({"sync_frequency": 720}, ["03-04T22:20", "03-05T10:20", "03-05T22:20", "03-06T10:20"]),
        ({"schedule_type": "manual", "sync_frequency": 5}, []),
        ({"paused": True, "sync_frequency": 5}, []),
        ({"setup_state": "incomplete", "sync_frequency": 5}, []),
        ({"schedule": {"schedule_type": "MANUAL"}, "sync_frequency": 5}, []),
        (
            {"schedule": {"schedule_type": "INTERVAL", "interval": 1_000}},
            ["03-05T03:00", "03-05T19:40"],
        ),
        (
            {
                "schedule": {
                    "schedule_type": "INTERVAL",
                    "interval": 480,
                    "days_of_week": ["THURSDAY"],
                }
            },
            ["03-05T00:00", "03-05T08:00", "03-05T16:00"],
        ),
        (
            {
                "schedule": {
                    "schedule_type": "TIME_OF_DAY",
                    "time_of_day": "09:00",
                    "days_of_week": ["WEDNESDAY", "FRIDAY"],
                }
            },
            ["03-06T09:00"],
        ),
        (
            {"schedule": {"schedule_type": "CRON", "cron": "30 6,18 * * THU"}},
            ["03-05T06:30", "03-05T18:30"],
        ),
        ({"schedule": {"schedule_type": "CRON", "cron": "whenever"}}, []),
        ({"sync_frequency": "often"}, []),
    ],
)
async def test_every_form_of_schedule(fields: dict[str, Any], expected: list[str]) -> None:
    """Frequencies, daily times, and the flexible schedules start the syncs of two days."""
    async with scheduled() as fake:
        connection_id = fake.add_connection(**fields)
        fake.advance(2 * DAY + 60)
        assert await starts(fake, connection_id) == expected


async def test_the_last_sync_is_the_start_of_the_interval() -> None:
    """A connection that has synced before is due one interval after its last sync."""
    async with scheduled() as fake:
        connection_id = fake.add_connection(
            sync_frequency=360,
            created_at="2025-01-01T00:00:00Z",
            succeeded_at="2026-03-04T08:00:00Z",
            failed_at="2026-03-04T03:00:00Z",
        )
        fake.advance(6 * HOUR)
        assert await starts(fake, connection_id) == ["03-04T14:00"]


async def test_new_connections_sync_at_once() -> None:
    """A connection that the API created starts its first sync when its set-up is complete."""
    async with scheduled() as fake, fake.client() as fivetran:
        connection = await fivetran.connections.create(
            group_id=fake.add_group(),
            service="postgres",
            config={"schema_prefix": "shop"},
            run_setup_tests=False,
        )
        fake.advance(HOUR)
        assert await starts(fake, connection.id) == []
        await fivetran.connections.run_setup_tests(connection.id)
        fake.advance(6 * HOUR)
        assert await starts(fake, connection.id) == ["03-04T11:20", "03-04T16:20"]


async def test_changes_of_the_schedule_apply_from_now() -> None:
    """Pausing, resuming and another frequency change the syncs after them, not those before."""
    async with scheduled() as fake, fake.client() as fivetran:
        connection_id = fake.add_connection(sync_frequency=60)
        fake.advance(2.5 * HOUR)
        await fivetran.connections.update(connection_id, paused=True, run_setup_tests=False)
        fake.advance(3 * HOUR)
        await fivetran.connections.update(
            connection_id, paused=False, sync_frequency=180, run_setup_tests=False
        )
        fake.advance(4 * HOUR)
        found = await starts(fake, connection_id)
    # Both grids have the same anchor: the end of the last sync.
    assert found == ["03-04T11:20", "03-04T12:20", "03-04T18:21"]


async def test_plans_apply_to_scheduled_syncs() -> None:
    """Each scheduled sync uses the next plan; the ones after them succeed."""
    async with scheduled() as fake:
        connection_id = fake.add_connection(sync_frequency=60)
        fake.plan_sync(connection_id, "failed", reason="refused")
        fake.plan_sync(connection_id, "rescheduled", rescheduled_after=600)
        fake.plan_sync(connection_id, duration=5_000)
        fake.advance(6 * HOUR + 60)
        entries = await history(fake, connection_id)
    assert [(entry["start"][11:16], entry["status"]) for entry in entries] == [
        ("11:20", "FAILURE"),
        ("12:20", "RESCHEDULED"),
        ("12:31", "COMPLETED"),
        ("14:20", "COMPLETED"),
        ("15:20", "COMPLETED"),
        ("16:20", "COMPLETED"),
    ]
    assert entries[0]["reason"] == "refused"


async def test_broken_connections_fail_until_they_are_forced() -> None:
    """Scheduled syncs of a broken connection fail; a forced sync repairs it."""
    async with scheduled() as fake, fake.client() as fivetran:
        connection_id = fake.add_connection(sync_frequency=60, setup_state="broken")
        fake.advance(5 * HOUR + 90)
        assert {entry["status"] for entry in await history(fake, connection_id)} == {"FAILURE"}
        await fivetran.connections.sync(connection_id, force=True)
        fake.advance(60)
        assert fake.record("connections", connection_id)["setup_state"] == "connected"
        fake.advance(HOUR)
        assert (await history(fake, connection_id))[-1]["status"] == "COMPLETED"


async def test_long_syncs_skip_the_moments_during_them() -> None:
    """A sync that is due while another is running does not start."""
    async with scheduled() as fake:
        fake.sync_duration = 2.5 * HOUR
        ids = [
            fake.add_connection(sync_frequency=60),
            fake.add_connection(schedule={"schedule_type": "CRON", "cron": "20 * * * *"}),
        ]
        fake.advance(8 * HOUR)
        for connection_id in ids:
            found = await starts(fake, connection_id)
            assert found == ["03-04T11:20", "03-04T14:20", "03-04T17:20"]


async def test_webhooks_get_every_scheduled_sync() -> None:
    """Subscribers get each sync at its time, also those of connections that no caller reads."""
    async with scheduled() as fake:
        connection_id = fake.add_connection(sync_frequency=60)
        fake.advance(2 * HOUR)
        subscribe(fake)
        fake.advance(2 * HOUR)
        await fake.settle()
        bodies = [delivery.body for delivery in fake.deliveries]
        found = [(body["event"], body["created"][11:16]) for body in bodies]
        assert found == [
            ("sync_end", "12:21"),
            ("sync_start", "13:20"),
            ("sync_end", "13:21"),
            ("sync_start", "14:20"),
        ]
        assert {body["connector_id"] for body in bodies} == {connection_id}


async def test_webhooks_get_scheduled_syncs_in_real_time() -> None:
    """With a running clock, events are sent without any request."""
    start = datetime(2026, 1, 1, 23, 59, 59, 800_000, tzinfo=UTC)
    async with FakeFivetran(schedules=True, start=start) as fake:
        fake.sync_duration = 0.05
        fake.add_connection(sync_frequency=1440, daily_sync_time="00:00")
        subscribe(fake)
        await fake.settle()
        await until(lambda: len(fake.deliveries) == 2)


def subscribe(fake: FakeFivetran) -> None:
    """Add a webhook for syncs; its receiver is on another machine and counts as reached."""
    fake.add(
        "webhooks",
        type="account",
        group_id=None,
        url="https://example.com",
        events=["sync_start", "sync_end"],
        active=True,
        secret=None,
    )


@pytest.mark.parametrize("seed", SEEDS)
async def test_looking_does_not_change_what_happens(seed: int) -> None:
    """Syncs are the same if they are read often, once at the end, or sent to a webhook."""
    seldom = await course(seed, often=False, subscribed=False)
    assert await course(seed, often=True, subscribed=False) == seldom
    assert await course(seed, often=False, subscribed=True) == seldom


async def course(seed: int, *, often: bool, subscribed: bool) -> object:
    """Let random connections sync for days, and return their states and histories."""
    rng = random.Random(seed)  # noqa: S311 - test data
    async with scheduled() as fake:
        fake.sync_duration = rng.choice([1.0, 60.0, 4_000.0])
        ids = [fake.add_connection(**fields(rng)) for _ in range(4)]
        if subscribed:
            subscribe(fake)
        for connection_id in ids * 2:
            outcome = rng.choice(["succeeded", "failed", "broken", "rescheduled", "stuck", None])
            if outcome is not None:
                fake.plan_sync(connection_id, outcome, duration=rng.choice([None, 30.0, 9_000]))
        for _ in range(6):
            fake.advance(rng.choice([1.0, 600.0, HOUR, 9_999.5, DAY]))
            disturb(fake, ids, rng)
            for connection_id in ids if often else ():
                fake.record("connections", connection_id)
        states = [fake.record("connections", connection_id) for connection_id in ids]
        kept = ("sync_state", "setup_state", "succeeded_at", "failed_at", "rescheduled_for")
        shown = [[state.get(name) for name in kept] for state in states]
        return shown, [await history(fake, connection_id) for connection_id in ids]


def disturb(fake: FakeFivetran, ids: list[str], rng: random.Random) -> None:
    """Change the schedule of one connection or start a sync of another, now and then."""
    pace = {"sync_frequency": rng.choice([15, 60]), "schedule": None}
    changes, starts_sync, duration = rng.random() < 0.3, rng.random() < 0.2, rng.random() < 0.1
    if changes:
        fake.change("connections", ids[0], **pace)
    if starts_sync:
        fake.start_sync(ids[1])
    if duration:
        fake.sync_duration = 300.0


def fields(rng: random.Random) -> dict[str, Any]:
    """Return a random schedule."""
    interval = {"schedule_type": "INTERVAL", "interval": rng.choice([7, 90])}
    crons = {"schedule_type": "CRON", "cron": rng.choice(["*/20 * * * *", "0 3 * * MON-FRI"])}
    times = {"schedule_type": "TIME_OF_DAY", "time_of_day": "05:00"}
    weekly = interval | {"days_of_week": ["MONDAY", "THURSDAY"]}
    return rng.choice(
        [
            {"sync_frequency": rng.choice([5, 60, 360, 1440])},
            {"sync_frequency": 15, "setup_state": "broken"},
            *({"schedule": each} for each in (interval, crons, times, weekly)),
        ]
    )


async def test_decades_pass_at_once() -> None:
    """The work depends on neither the time that passes nor the connections that no caller reads."""
    async with scheduled() as fake:
        ids = [fake.add_connection(sync_frequency=1) for _ in range(500)]
        fake.sync_duration = 900
        crons = {"schedule_type": "CRON", "cron": "*/10 * * * *"}
        ids += [fake.add_connection(schedule=crons) for _ in range(5)]
        fake.plan_sync(ids[0], "stuck")
        started = time.process_time()
        fake.advance(40 * 365 * DAY)
        for connection_id in (ids[0], ids[1], ids[-1]):
            fake.record("connections", connection_id)
        assert len(await history(fake, ids[2])) == int(6.9 * 24 * 4)
        assert time.process_time() - started < 2
        assert fake.clock.planned <= 4


def moments(text: str, start: datetime) -> Iterator[datetime]:
    """Return the moments of a cron schedule by trying each minute of four years."""
    minute, hour, day, month, weekday = text.split()

    def fits(field: str, value: int) -> bool:
        return field == "*" or value in map(int, field.split(","))

    moment = start.replace(second=0, microsecond=0)
    for _ in range(4 * 366 * 24 * 60):
        moment += timedelta(minutes=1)
        on_day, on_weekday = fits(day, moment.day), fits(weekday, moment.isoweekday() % 7)
        either = on_day or on_weekday if "*" not in (day, weekday) else on_day and on_weekday
        if not either or not fits(month, moment.month):
            # The last minute of the day: the next one is in another day.
            moment = moment.replace(hour=23, minute=59)
        elif fits(hour, moment.hour) and fits(minute, moment.minute):
            yield moment
        if moment.year > start.year + 4:
            return


@pytest.mark.parametrize(
    "text",
    [
        "0 0 * * *",
        "15,45 3 * * *",
        "0 12 29 2 *",
        "30 6 1 * 1",
        "0 0 31 * *",
        "59 23 * 12 0",
        "5 * 13 * 5",
    ],
)
def test_cron_agrees_with_a_search(text: str) -> None:
    """The next moments are those found by trying every minute, and `until` finds them back."""
    table, moment = cron(text), START.timestamp()
    for expected, _ in zip(moments(text, START), range(20), strict=False):
        following = table.after(moment)
        assert following == expected.timestamp()
        assert table.until(following) == following
        assert table.until(following + 1) == following
        assert table.after(following - 1) == following
        moment = following


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("*/15 * * * *", "0,15,30,45 * * * *"),
        ("0 9-17/4 * * *", "0 9,13,17 * * *"),
        ("0 0 * JAN,MAR SUN", "0 0 * 1,3 0"),
        ("0 0 ? * 7", "0 0 * * 0"),
        ("0 20/2 * * *", "0 20,22 * * *"),
    ],
)
def test_cron_has_shorter_forms(text: str, same: str) -> None:
    """Steps, ranges and names are the numbers that they stand for."""
    table, other, moment = cron(text), cron(same), START.timestamp()
    for _ in range(30):
        assert table.after(moment) == other.after(moment)
        moment = table.after(moment)


@pytest.mark.parametrize(
    "text", ["", "* * * *", "60 * * * *", "* * * * 8", "a * * * *", "5-1 * * * *", "*/0 * * * *"]
)
def test_unreadable_schedules_are_never_due(text: str) -> None:
    """A schedule that cannot be read starts no sync."""
    assert cron(text) == Never()


@given(
    st.floats(0, 4e9), st.sampled_from([1, 5, 60, 1440]), st.floats(-1e9, 4e9), st.integers(0, 9)
)
def test_intervals_are_whole_seconds(
    anchor: float, frequency: int, moment: float, steps: int
) -> None:
    """Moments are whole, one step apart, and the same from wherever they are counted."""
    table = timetable_of({"sync_frequency": frequency}, anchor)
    assert isinstance(table, Every)
    following = table.after(moment)
    assert moment < following <= moment + table.step
    assert following == int(following)
    later = following + steps * table.step
    assert Every(following, table.step).until(later + 0.5) == later == table.until(later + 0.5)


def test_a_day_that_does_not_exist_is_never_due() -> None:
    """A date that no year has ends the search."""
    assert cron("0 0 31 2 *").after(START.timestamp()) == float("inf")
    assert calendar.isleap(2028)
    assert (
        cron("0 0 29 2 *").after(START.timestamp()) == datetime(2028, 2, 29, tzinfo=UTC).timestamp()
    )
