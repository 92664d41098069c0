"""The rules by which an end counts: clocks, the second of the trigger, lost responses, history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivetran_async.models import SyncHistoryEntry
from fivetran_async.syncs import SyncOutcome
from fivetran_async.syncs._ends import decide, whose_end, with_history
from fivetran_async.syncs._watch import Acceptance, Watch, accepted

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """A time of the server, in seconds from the trigger."""
    return NOON + timedelta(seconds=seconds)


def watched(**fields: object) -> Watch:
    """What is remembered of a sync that was triggered at noon, 60 s after the first read."""
    watch = Watch(connection_id="one", read_at=at(-60), succeeded_at=at(-3600))
    watch = accepted(watch, Acceptance(at=NOON), spent=0.0)
    return attrs.evolve(watch, **fields)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def lost(**fields: object) -> Watch:
    """The same, where the response was lost 30 s after the trigger was sent."""
    return watched(lost=True, sent_at=at(-30), **fields)


def entry(start: float | None, end: float | None, status: str = "COMPLETED") -> SyncHistoryEntry:
    """A sync of the history, by its times in seconds from the trigger."""
    return SyncHistoryEntry(
        sync_id=f"{start}",
        status=status,
        start=None if start is None else at(start),
        end=None if end is None else at(end),
    )


@pytest.mark.parametrize(
    ("watch", "end", "whose"),
    [
        (watched(), None, "none"),
        (watched(), -3600.0, "none"),
        (watched(), -30.0, "other"),
        (watched(), -0.001, "other"),
        (watched(), 0.0, "doubt"),
        (watched(), 0.999, "doubt"),
        (watched(), 1.0, "ours"),
        (watched(proved=True), 0.5, "ours"),
        (watched(proved=True, started=True), -2.0, "doubt"),
        (watched(accepted_at=None), 60.0, "doubt"),
        (watched(accepted_at=None, proved=True), 60.0, "ours"),
        (watched(), 3600.0, "doubt"),
        (lost(), -31.0, "other"),
        (lost(), -29.0, "doubt"),
        (lost(), 1.0, "ours"),
        (lost(force=True), 1.0, "doubt"),
        (lost(kind="resync"), 1.0, "doubt"),
        (lost(kind="resync", historical=True), 1.0, "ours"),
        (Watch(connection_id="one", kind="next", read_at=NOON), -1.0, "other"),
        (Watch(connection_id="one", kind="next", read_at=NOON), 0.5, "ours"),
        (Watch(connection_id="one", kind="next"), -1.0, "ours"),
    ],
)
def test_rules(watch: Watch, end: float | None, whose: str) -> None:
    """Each rule, with the record read 60 s after the trigger."""
    time = None if end is None else at(end)
    assert whose_end(watch, watch.succeeded_at, time, at(60)) == whose


@given(
    end=st.datetimes(timezones=st.just(UTC)),
    now=st.none() | st.datetimes(timezones=st.just(UTC)),
    before=st.none() | st.datetimes(timezones=st.just(UTC)),
)
def test_end_before_the_trigger_never_counts(
    end: datetime, now: datetime | None, before: datetime | None
) -> None:
    """Whatever the record showed and whatever the clock is, nothing older than the trigger."""
    whose = whose_end(watched(succeeded_at=before), before, end, now)
    if end < NOON + timedelta(seconds=1):
        assert whose != "ours"


@pytest.mark.parametrize(
    ("watch", "entries", "whose", "joined"),
    [
        (watched(), [], "doubt", None),
        (watched(), [entry(0.1, 0.5)], "ours", False),
        (watched(), [entry(0.1, 0.5), entry(20, None, "INCOMPLETE")], "other", None),
        (watched(), [entry(0.1, 0.5), entry(None, None, "INCOMPLETE")], "other", None),
        (watched(), [entry(-60, 0.5)], "none", True),
        (watched(), [entry(-60, 0.5), entry(20, 40)], "other", None),
        (watched(), [entry(-3700, -3600), entry(-60, 0.5)], "none", True),
        (watched(force=True), [entry(-60, 0.5)], "other", None),
        (watched(force=True), [entry(0.1, 0.5)], "ours", False),
        (lost(), [entry(-20, 0.5)], "ours", None),
        (lost(force=True), [entry(-40, 0.5)], "other", None),
    ],
)
def test_history_decides(
    watch: Watch,
    entries: list[SyncHistoryEntry],
    whose: str,
    joined: bool | None,  # noqa: FBT001
) -> None:
    """About an end half a second after the trigger, which has a time without fractions."""
    doubted = attrs.evolve(watch, doubt=at(0.5))
    assert decide(doubted, entries) == (whose, joined)


@pytest.mark.parametrize(
    ("entries", "shown", "status", "expected"),
    [
        # The record shows the later failure of another sync.
        ([entry(1, 30), entry(600, 630, "FAILURE")], ("failed", 630), "succeeded", 30),
        # The vendor repeats a sync that failed.
        ([entry(1, 30, "FAILURE"), entry(35, 60)], ("succeeded", 60), "succeeded", 60),
        # Another sync succeeds much later than ours failed.
        ([entry(1, 30, "FAILURE"), entry(600, 660)], ("succeeded", 660), "failed", 30),
        # Ours was rescheduled, and that is its end.
        ([entry(1, 30, "RESCHEDULED"), entry(900, 960)], ("succeeded", 960), "succeeded", 960),
        # The entry of the end is missing, and so are all conclusions.
        ([entry(600, 660)], ("succeeded", 30), "succeeded", 30),
        # What ended in the second of the trigger is not ours, once another one began.
        ([entry(-60, 0.5), entry(2, 30)], ("succeeded", 30), "succeeded", 30),
    ],
)
def test_history_tells_the_end_of_ours(
    entries: list[SyncHistoryEntry], shown: tuple[str, float], status: str, expected: float
) -> None:
    """Of several syncs that ended since the last poll, the outcome is that of the triggered one."""
    outcome = SyncOutcome(
        connection_id="one",
        status=shown[0],  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        finished_at=at(shown[1]),
    )
    found = with_history(outcome, entries, watched())
    assert (found.status, found.finished_at) == (status, at(expected))


@pytest.mark.parametrize(
    ("watch", "start", "joined"),
    [
        (watched(), -5, True),
        (watched(), 5, False),
        (lost(), -40, True),
        (lost(), -20, None),
        (lost(), 5, False),
    ],
)
def test_history_tells_whether_it_was_joined(
    watch: Watch,
    start: float,
    joined: bool | None,  # noqa: FBT001
) -> None:
    """Where the response was lost, the trigger was accepted at some time of half a minute."""
    outcome = SyncOutcome(connection_id="one", status="succeeded", finished_at=at(30))
    assert with_history(outcome, [entry(start, 30)], watch).joined is joined
