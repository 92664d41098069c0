"""The parts of the fake: its clock, its storage, its ids."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivetran_async import InvalidArgumentError
from fivetran_async.testing import Budget, FakeClock, FakeFivetran, Fault
from fivetran_async.testing._store import Collection
from fivetran_async.testing._words import Words

START = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)


def test_a_frozen_clock_only_moves_when_advanced() -> None:
    """Stamps have the requested digits, and do not change until the clock is advanced."""
    clock = FakeClock(START, running=False)
    assert clock.stamp() == "2026-01-02T03:04:05.678901Z"
    assert clock.stamp(digits=3) == "2026-01-02T03:04:05.678Z"
    clock.advance(60)
    assert clock.stamp(digits=3) == "2026-01-02T03:05:05.678Z"


@pytest.mark.parametrize(
    "seconds", [-1, -0.001, math.nan, math.inf, -math.inf, 10**400, 1e12, True, "60", None]
)
def test_seconds_that_make_no_sense_are_refused(seconds: Any) -> None:  # noqa: ANN401
    """
    A clock that was moved to no time at all would break every later test step.

    Siblings: planned syncs, durations, delays and windows of quotas.
    """
    clock = FakeClock(START, running=False)
    fake = FakeFivetran()
    steps: list[Callable[[], object]] = [
        lambda: clock.advance(seconds),
        lambda: fake.advance(seconds),
        lambda: fake.plan_sync("any", start_after=seconds),
        lambda: fake.plan_sync("any", rescheduled_after=seconds),
        lambda: setattr(fake, "sync_duration", seconds),
        lambda: setattr(fake, "latency", seconds),
        lambda: FakeFivetran(latency=seconds),
        lambda: Fault.delay(seconds),
        lambda: Budget("all", 1, seconds),
    ]
    for step in steps:
        with pytest.raises(InvalidArgumentError, match=r"seconds.* not "):
            step()
    assert clock.now() == START


@pytest.mark.parametrize(
    ("kind", "limit", "window", "named"),
    [("requests", 1, 60, "kind"), ("all", -1, 60, "limit"), ("all", 0.5, 60, "limit"),
     ("all", 1, 0, "window")],
)  # fmt: skip
def test_a_quota_that_cannot_be_is_refused(
    kind: str,
    limit: Any,  # noqa: ANN401
    window: float,
    named: str,
) -> None:
    """The error names the argument when the quota is made, not when it is used up."""
    with pytest.raises(InvalidArgumentError, match=named):
        Budget(kind, limit, window)


def test_events_run_in_order_and_at_their_time() -> None:
    """Planned events run in order, including those that an event plans."""
    clock = FakeClock(START, running=False)
    begin = clock.time()
    happened: list[tuple[str, float]] = []

    def note(name: str) -> None:
        happened.append((name, clock.time() - begin))

    def chain() -> None:
        note("chain")
        clock.call_later(5, lambda: note("chained"))

    clock.call_later(20, lambda: note("late"))
    clock.call_later(10, chain)
    clock.call_later(10, lambda: note("same time"))
    clock.advance(9)
    assert happened == []
    assert clock.next_due() == pytest.approx(1)
    clock.advance(100)
    assert [name for name, _ in happened] == ["chain", "same time", "chained", "late"]
    assert [when for _, when in happened] == pytest.approx([10, 10, 15, 20])
    assert clock.next_due() is None


def test_a_clock_can_be_stopped_and_started() -> None:
    """A running clock follows real time, a frozen one does not."""
    clock = FakeClock()
    first = clock.time()
    while clock.time() == first:
        pass
    clock.freeze()
    assert clock.time() == clock.time()
    assert not clock.running
    clock.run()
    assert clock.running


@given(
    st.lists(
        st.tuples(st.sampled_from(["put", "remove"]), st.integers(0, 9), st.sampled_from("ab")),
        max_size=40,
    ),
    st.integers(0, 6),
    st.integers(1, 6),
)
def test_collection_is_an_ordered_mapping(
    steps: list[tuple[str, int, str]], skip: int, limit: int
) -> None:
    """Order, index and pages agree with a plain dictionary after random changes."""
    collection, model = Collection(["kind"]), dict[str, dict[str, object]]()
    for what, number, kind in steps:
        key = str(number)
        if what == "put":
            collection.put(key, {"id": key, "kind": kind})
            model[key] = {"id": key, "kind": kind}
        elif key in model:
            collection.remove(key)
            del model[key]
        assert collection.page(0, 100)[0] == list(model.values())
        for of in "ab":
            listed = {str(each["id"]) for each in collection.page(0, 100, index=("kind", of))[0]}
            assert listed == {id for id, record in model.items() if record["kind"] == of}
    for kind in "ab":
        of_kind = [record for record in model.values() if record["kind"] == kind]
        by_id = sorted(of_kind, key=lambda record: str(record["id"]))
        found = sorted(collection.where("kind", kind), key=lambda record: str(record["id"]))
        assert found == by_id

        def fits(record: dict[str, object], kind: str = kind) -> bool:
            return record["kind"] == kind

        paged, more = collection.page(skip, limit, keep=fits)
        assert paged == of_kind[skip : skip + limit]
        assert more == (len(of_kind) > skip + limit)


def test_ids_never_repeat() -> None:
    """Ids are two words, unique far beyond a large account, and repeat with their seed."""
    words = Words(3)
    names = [words.next() for _ in range(250_000)]
    assert len(set(names)) == len(names)
    assert all(name.count("_") == 1 for name in names[:1000])
    again = Words(3)
    assert [again.next() for _ in range(5)] == names[:5]
    assert Words(4).next() != names[0]


def test_ids_continue_after_the_last_pair() -> None:
    """After the last pair of words, ids get a number."""
    words = Words(0)
    size = int(repr(words).split()[-2])
    first = [words.next() for _ in range(size)]
    assert len(set(first)) == size
    assert words.next() == first[0] + "2"


def test_events_do_not_run_nested() -> None:
    """An event that runs due events does not run ahead of earlier ones."""
    clock = FakeClock(START, running=False)
    happened: list[str] = []

    def first() -> None:
        clock.run_due()
        happened.append("first")

    clock.call_later(1, first)
    clock.call_later(1, lambda: happened.append("second"))
    assert "frozen, 2 planned" in repr(clock)
    clock.advance(1)
    assert happened == ["first", "second"]
