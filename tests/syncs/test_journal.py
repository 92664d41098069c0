"""Batches that survive `kill -9`: every sync is awaited, and none is triggered twice."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import pytest

import fivetran_async
from fivetran_async import AsyncFivetran, InvalidArgumentError, UsageError
from fivetran_async.syncs import JournalError, SyncOutcome, SyncPolicy, SyncRun, SyncRuns
from fivetran_async.syncs._hub import hub_of
from fivetran_async.testing import FakeFivetran, Fault
from support.samples import sample
from support.waiting import turns, until
from syncs.account_clock import AccountClock
from syncs.killed_batch import BRISK

PROGRAM = Path(__file__).with_name("killed_batch.py")
POINTS = ("request", "response", "started", "outcome")
RANDOM_KILLS = sample(1, 40)


@pytest.fixture
async def busy() -> AsyncIterator[FakeFivetran]:
    """An account in real time."""
    async with FakeFivetran() as fake:
        fake.sync_duration = 0.3
        yield fake


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that does not exist yet, in a folder that does not either."""
    return tmp_path / "batches" / "nightly.jsonl"


async def start_process(
    fake: FakeFivetran, path: Path, *arguments: str
) -> asyncio.subprocess.Process:
    """Start a process with a batch."""
    environment = {name: text for name, text in os.environ.items() if "FIVETRAN" not in name}
    environment["PYTHONPATH"] = str(Path(fivetran_async.__file__).parents[1])
    return await asyncio.create_subprocess_exec(
        *(sys.executable, str(PROGRAM), fake.url, str(path), *arguments),
        stdout=PIPE,
        stderr=PIPE,
        env=environment,
    )


async def kill_after(
    fake: FakeFivetran, process: asyncio.subprocess.Process, requests: int
) -> None:
    """Send `kill -9` once the account got a number of requests."""
    await until(lambda: len(fake.requests) >= requests or process.returncode is not None)
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    await process.communicate()


def tear(fake: FakeFivetran, path: Path, cut: int) -> None:
    """
    Leave the last line of a journal incomplete, as a crash of the machine can.

    A line about a trigger that was sent stays: it was on the disk before.
    """
    if not path.exists():
        return
    lines = lines_of(path)
    if lines and lines[-1].endswith(b"\n"):
        last = json.loads(lines[-1])
        if last["event"] == "starting" and triggers_of(fake, last["connection_id"]):
            return
    put(path, b"".join(lines)[:-cut])


def put(path: Path, content: bytes | str) -> None:
    """Write a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def lines_of(path: Path) -> list[bytes]:
    """Read the lines of a file."""
    return path.read_bytes().splitlines(keepends=True)


def holds_batch(path: Path) -> bool:
    """Return True if a batch was begun in a journal."""
    return path.exists() and b"\n" in path.read_bytes()


async def outcomes_of(runs: SyncRuns) -> dict[str, SyncOutcome]:
    """Iterate over a batch, and keep how each sync ended."""
    async with runs as outcomes:
        return {outcome.connection_id: outcome async for outcome in outcomes}


def syncs_of(fake: FakeFivetran, connection_id: str) -> int:
    """Count the syncs that a connection ever had."""
    return len(list(fake._account.collection("sync_history").where("connection_id", connection_id)))


def triggers_of(fake: FakeFivetran, connection_id: str) -> int:
    """Count the triggers that a connection got; none may stop a running sync."""
    triggers = [
        request
        for request in fake.requests_for("connections.sync")
        if request.path.endswith(f"/{connection_id}/sync")
    ]
    assert all(request.body == {"force": False} for request in triggers)
    return len(triggers)


def events_of(path: Path) -> list[str]:
    """Return the events of a journal."""
    return [json.loads(line)["event"] for line in path.read_text().splitlines()]


async def resume_and_check(fake: FakeFivetran, path: Path, ids: list[str]) -> None:
    """Every connection has its outcome, and synced once."""
    async with fake.client(rate_limits=None) as fivetran:
        outcomes = await outcomes_of(fivetran.syncs.resume_all(path))
    assert {each: outcome.status for each, outcome in outcomes.items()} == dict.fromkeys(
        ids, "succeeded"
    )
    assert {each: syncs_of(fake, each) for each in ids} == dict.fromkeys(ids, 1)


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
async def test_killed_batches_are_resumed(busy: FakeFivetran, path: Path, point: str) -> None:
    """`kill -9` before a trigger, after it, after its line, or after an outcome: none is lost."""
    ids = [busy.add_connection() for _ in range(8)]
    for number, connection_id in enumerate(ids):
        busy.plan_sync(connection_id, start_after=0.1 * (number % 3), duration=0.3)
    process = await start_process(busy, path, point, "4", *ids)
    _, errors = await process.communicate()
    assert process.returncode == -signal.SIGKILL, errors.decode()
    assert "end" not in events_of(path)
    await resume_and_check(busy, path, ids)
    assert {each: triggers_of(busy, each) for each in ids} == dict.fromkeys(ids, 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(RANDOM_KILLS))
async def test_batches_killed_at_any_request(busy: FakeFivetran, path: Path, seed: int) -> None:
    """Killed at a random moment, once or twice, a batch is completed by the process after that."""
    chance = random.Random(seed)  # noqa: S311
    ids = [busy.add_connection() for _ in range(30)]
    for connection_id in ids:
        busy.plan_sync(
            connection_id, start_after=chance.choice([0, 0, 0.2]), duration=chance.uniform(0, 1)
        )
    busy.latency = 0.01
    arguments = ids
    for _ in range(chance.choice([1, 2])):
        known = len(busy.requests)
        process = await start_process(busy, path, "never", "0", *arguments)
        await kill_after(busy, process, known + chance.randrange(1, 40))
        if chance.random() < 0.3:
            tear(busy, path, chance.randrange(1, 40))
        arguments = [] if holds_batch(path) else ids
    busy.latency = 0
    if arguments:
        process = await start_process(busy, path, "never", "0", *ids)
        await process.communicate()
    await resume_and_check(busy, path, ids)


async def test_nothing_is_left_to_do_after_the_end(
    fake: FakeFivetran, fivetran: AsyncFivetran, path: Path
) -> None:
    """A journal of a finished batch has the same outcomes once more, without a request."""
    ids = [fake.add_connection(), fake.add_connection(paused=True), fake.add_connection()]
    fake.plan_sync(ids[2], "failed", reason="No such table")
    first = await outcomes_of(fivetran.syncs.run_all(ids, journal=path))
    fake.requests.clear()
    second = await outcomes_of(fivetran.syncs.resume_all(str(path)))
    assert not fake.requests
    assert [second[each].status for each in ids] == ["succeeded", "paused", "failed"]
    for outcome in first.values():
        kept = attrs.evolve(outcome, connection=None)
        assert attrs.asdict(second[outcome.connection_id]) == attrs.asdict(kept)
    assert events_of(path).count("starting") == 2


async def test_sync_that_began_after_the_baseline_is_ours(
    fake: FakeFivetran, fivetran: AsyncFivetran, path: Path
) -> None:
    """In the gap the record decides: a sync that runs, ended or begins soon is not sent twice."""
    runs, ended, waits, paused = ids = [fake.add_connection() for _ in range(4)]
    fake.sync_duration = 100
    resuming = SyncPolicy(history=False, if_paused="resume")
    fake._account.collection("connections").change(paused, paused=True)
    hung = fake.fail("connections.sync", fault=Fault.hang(), times=None)
    fake.fail(verb="PATCH", fault=Fault.hang(), times=None)
    task = asyncio.create_task(
        outcomes_of(fivetran.syncs.run_all(ids, policy=resuming, journal=path))
    )
    await until(lambda: hung.struck == 3)
    await until(lambda: events_of(path).count("starting") == 4)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    fake.heal()
    fake.requests.clear()
    fake.start_sync(ended)
    fake.advance(150)
    fake.start_sync(runs)
    fake.plan_sync(waits, duration=7)
    outcomes = await outcomes_of(fivetran.syncs.resume_all(path))
    assert {each: outcome.status for each, outcome in outcomes.items()} == dict.fromkeys(
        ids, "succeeded"
    )
    assert [triggers_of(fake, each) for each in ids] == [0, 0, 1, 1]
    assert [syncs_of(fake, each) for each in ids] == [1, 1, 1, 1]


async def test_gap_is_given_time(fake: FakeFivetran, fivetran: AsyncFivetran, path: Path) -> None:
    """A sync that was accepted and begins late is awaited, and not triggered twice."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, start_after=30, duration=10)
    fake.fail("connections.sync", fault=Fault.hang(applied=True))
    task = asyncio.create_task(outcomes_of(fivetran.syncs.run_all([connection_id], journal=path)))
    await until(lambda: len(fake.requests_for("connections.sync")) == 1)
    await until(lambda: not fake._account.plans[connection_id])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    outcomes = await outcomes_of(fivetran.syncs.resume_all(path))
    assert outcomes[connection_id].status == "succeeded"
    assert triggers_of(fake, connection_id) == 1


async def test_running_sync_is_joined_without_a_trigger(
    fake: FakeFivetran, fivetran: AsyncFivetran, path: Path
) -> None:
    """With a journal, a sync that runs already gets no trigger, so that none can be sent twice."""
    connection_id = fake.add_connection()
    fake.sync_duration = 60
    fake.start_sync(connection_id)
    started: list[SyncRun] = []

    async def keep(run: SyncRun) -> None:
        started.append(run)

    runs = fivetran.syncs.run_all([connection_id], journal=path, on_started=keep)
    outcomes = await outcomes_of(runs)
    assert (outcomes[connection_id].status, outcomes[connection_id].triggers) == ("succeeded", 0)
    assert [run.triggered for run in started] == [False]
    assert triggers_of(fake, connection_id) == 0


async def test_torn_last_line(fake: FakeFivetran, fivetran: AsyncFivetran, path: Path) -> None:
    """A last line that was cut off anywhere is as if it had not been written."""
    connection_id = fake.add_connection()
    await outcomes_of(fivetran.syncs.run_all([connection_id], journal=path))
    lines = lines_of(path)
    for kept in range(1, len(lines)):
        for cut in (1, len(lines[kept]) // 2, len(lines[kept]) - 1):
            put(path, b"".join(lines[:kept]) + lines[kept][:-cut])
            fake.requests.clear()
            before = syncs_of(fake, connection_id)
            outcomes = await outcomes_of(fivetran.syncs.resume_all(path))
            assert outcomes[connection_id].status == "succeeded"
            # Only without a line about the trigger is one sent.
            assert syncs_of(fake, connection_id) - before == (kept == 1)


async def test_tokens_are_resumed_together(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Hundreds of tokens cost as few reads as the batch that they are of."""
    ids = [fake.add_connection() for _ in range(100)]
    fake.sync_duration = 60
    tokens: list[str] = []
    async with fivetran.syncs.run_all(
        ids, on_started=lambda run: tokens.append(run.to_token())
    ) as outcomes:
        await until(lambda: outcomes.progress.to_start == 0)
    fake.requests.clear()
    resumed = await outcomes_of(fivetran.syncs.resume_all(tokens))
    assert {outcome.status for outcome in resumed.values()} == {"succeeded"}
    assert len(resumed) == len(ids)
    assert not fake.requests_for("connections.get")
    assert not fake.requests_for("connections.sync")
    assert len(fake.requests_for("connections.list")) < 15


async def test_bad_tokens_of_one_and_of_many(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A deleted connection fails alone and keeps its token; other texts are refused."""
    ids = [fake.add_connection() for _ in range(2)]
    tokens = [(await fivetran.connections.start_sync(each)).to_token() for each in ids]
    fake._account.collection("connections").remove(ids[0])
    outcomes = await outcomes_of(fivetran.syncs.resume_all(tokens))
    assert outcomes[ids[0]].token == tokens[0]
    assert [outcomes[each].status for each in ids] == ["timed_out", "succeeded"]
    with pytest.raises(InvalidArgumentError, match=r"resume_all\(\[token\]\)"):
        fivetran.syncs.resume_all(tokens[0])
    with pytest.raises(InvalidArgumentError, match="token must be one of"):
        fivetran.syncs.resume_all([*tokens, "{}"])


async def test_callback_that_fails_ends_the_iteration(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """An error of `on_started` reaches the caller as it is."""

    def fail(_: SyncRun) -> None:
        raise LookupError("no database")

    runs = fivetran.syncs.run_all([fake.add_connection()], on_started=fail)
    with pytest.raises(LookupError, match="no database"):
        await outcomes_of(runs)


@pytest.mark.parametrize("is_async", [False, True])
async def test_callback_that_fails_like_an_end(
    fake: FakeFivetran,
    fivetran: AsyncFivetran,
    is_async: bool,  # noqa: FBT001
) -> None:
    """StopAsyncIteration does not end a loop over the outcomes as if all had come."""

    def fail(_: SyncRun) -> None:
        raise StopAsyncIteration

    async def fail_later(run: SyncRun) -> None:
        fail(run)

    ids = [fake.add_connection() for _ in range(3)]
    runs = fivetran.syncs.run_all(ids, on_started=fail_later if is_async else fail)
    with pytest.raises(UsageError, match="raised StopAsyncIteration"):
        await outcomes_of(runs)


class TestFile:
    """What is refused before anything is sent."""

    async def test_other_batch(
        self, fake: FakeFivetran, fivetran: AsyncFivetran, path: Path
    ) -> None:
        """A journal that holds a batch is not begun once more."""
        connection_id = fake.add_connection()
        await outcomes_of(fivetran.syncs.run_all([connection_id], journal=path))
        fake.requests.clear()
        with pytest.raises(JournalError, match="holds a batch already"):
            await outcomes_of(fivetran.syncs.run_all([connection_id], journal=path))
        assert not fake.requests

    async def test_in_use(self, fake: FakeFivetran, fivetran: AsyncFivetran, path: Path) -> None:
        """Two processes, or two blocks of one, do not run the same batch."""
        connection_id = fake.add_connection()
        async with fivetran.syncs.run_all([connection_id], journal=path) as outcomes:
            await until(lambda: outcomes.progress.to_start == 0)
            with pytest.raises(JournalError, match="is in use"):
                await outcomes_of(fivetran.syncs.resume_all(path))
        assert (await outcomes_of(fivetran.syncs.resume_all(path)))[connection_id].succeeded

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (None, "is not found"),
            (b"", "is empty"),
            (b'{"event": "batch"', "is empty"),
            (b"not JSON\n", "line 1 is not of a journal"),
            (b'{"event": "run", "format": 1}\n', "line 1 is not of a journal"),
            (b'{"event": "batch", "format": 9}\n', "its format is 9"),
            (b'{"event": "batch", "format": 1}\n', "line 1 cannot be read"),
            (b"[]\n", "line 1 is not of a journal"),
            (b"[" * 100_000 + b"\n", "line 1 is not of a journal"),
        ],
    )
    async def test_damaged(
        self, fivetran: AsyncFivetran, path: Path, content: bytes | None, problem: str
    ) -> None:
        """Files that are missing or hold something else are named with what is wrong."""
        if content is not None:
            put(path, content)
        # The second time, too: the first one does not keep the lock.
        for _ in range(2):
            with pytest.raises(JournalError, match=problem):
                await outcomes_of(fivetran.syncs.resume_all(path))

    async def test_damaged_later(
        self, fake: FakeFivetran, fivetran: AsyncFivetran, path: Path
    ) -> None:
        """A whole line that cannot be read stops the resumption: it may be about a trigger."""
        await outcomes_of(fivetran.syncs.run_all([fake.add_connection()], journal=path))
        lines = lines_of(path)
        for bad in (b'{"event": "started", "connection_id": "x", "token": "{}"}\n', b"[1]\n"):
            put(path, b"".join([*lines[:-1], bad]))
            with pytest.raises(JournalError, match=f"line {len(lines)} "):
                await outcomes_of(fivetran.syncs.resume_all(path))

    async def test_not_writable(
        self, fake: FakeFivetran, fivetran: AsyncFivetran, path: Path
    ) -> None:
        """A folder is not a journal; and nothing is sent."""
        put(path / "file", "")
        with pytest.raises(JournalError, match="cannot be written"):
            await outcomes_of(fivetran.syncs.run_all([fake.add_connection()], journal=path))
        assert not fake.requests

    async def test_no_longer_writable(
        self, fake: FakeFivetran, fivetran: AsyncFivetran, path: Path
    ) -> None:
        """Without its line on disk, no sync is triggered."""
        ids = [fake.add_connection() for _ in range(3)]

        def spoil(_: SyncRun) -> None:
            path.unlink()
            path.parent.rmdir()
            path.parent.write_text("")

        runs = fivetran.syncs.run_all(ids, concurrency=1, journal=path, on_started=spoil)
        with pytest.raises(JournalError, match="cannot be written"):
            await outcomes_of(runs)
        assert len(fake.requests_for("connections.sync")) == 1

    def test_force(self, fivetran: AsyncFivetran, path: Path) -> None:
        """A batch that could be resumed never stops a running sync."""
        with pytest.raises(InvalidArgumentError, match="force=True"):
            fivetran.syncs.run_all([], journal=path, force=True)


def test_brisk_policy() -> None:
    """The process that is killed counts a trigger as lost within the patience of these tests."""
    assert BRISK.start_timeout / 5 <= 3


class TestGap:
    """Between the line before a trigger and the line after it."""

    async def leave_gap(self, fake: FakeFivetran, runs: SyncRuns, connection_id: str) -> None:
        """End a batch when the account has accepted a trigger and the response is to come."""
        task = asyncio.create_task(outcomes_of(runs))
        await until(lambda: not fake._account.plans[connection_id])
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def test_unknown_trigger_stays_unknown(
        self, fake: FakeFivetran, fivetran: AsyncFivetran, path: Path
    ) -> None:
        """A resumption that cannot read the record does not note that no sync was triggered."""
        connection_id = fake.add_connection()
        fake.plan_sync(connection_id, duration=10)
        fake.fail("connections.sync", fault=Fault.hang(applied=True))
        await self.leave_gap(
            fake, fivetran.syncs.run_all([connection_id], journal=path), connection_id
        )
        fake.advance(60)
        # The read of the whole batch fails in passing, the next one for good.
        fake.fail("connections.get", fault=Fault.status(503))
        fake.fail("connections.get", fault=Fault.status(403), times=None)
        outcomes = await outcomes_of(fivetran.syncs.resume_all(path))
        assert (outcomes[connection_id].status, outcomes[connection_id].triggers) == (
            "timed_out",
            1,
        )
        assert "not_started" not in events_of(path)
        fake.heal()
        token = outcomes[connection_id].token or ""
        assert (await fivetran.syncs.from_token(token).wait()).succeeded
        assert (await outcomes_of(fivetran.syncs.resume_all(path)))[connection_id].succeeded
        assert triggers_of(fake, connection_id) == syncs_of(fake, connection_id) == 1

    async def test_time_counts_from_the_trigger(
        self,
        fake: FakeFivetran,
        fivetran: AsyncFivetran,
        clock: AccountClock,
        path: Path,
    ) -> None:
        """A trigger long after the common read gets its time to begin, counted from the trigger."""
        early, late = (fake.add_connection() for _ in range(2))
        fake.plan_sync(late, start_after=30, duration=10)

        def pass_time(_: SyncRun) -> None:
            clock.advance(100)
            fake.fail("connections.sync", fault=Fault.hang(applied=True))

        runs = fivetran.syncs.run_all(
            [early, late], concurrency=1, journal=path, on_started=pass_time
        )
        await self.leave_gap(fake, runs, late)
        outcomes = await outcomes_of(fivetran.syncs.resume_all(path))
        assert outcomes[late].status == "succeeded"
        assert triggers_of(fake, late) == 1


class TestCancelled:
    """Callers that are cancelled where the journal is opened or closed."""

    async def test_on_entering(
        self, fake: FakeFivetran, fivetran: AsyncFivetran, path: Path
    ) -> None:
        """A block that is not entered leaves the journal to others."""
        connection_id = fake.add_connection()
        runs = fivetran.syncs.run_all([connection_id], journal=path)
        task = asyncio.create_task(runs.__aenter__())
        await until(path.exists)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await outcomes_of(fivetran.syncs.resume_all(path)))[connection_id].succeeded

    async def test_on_leaving(
        self, fake: FakeFivetran, fivetran: AsyncFivetran, path: Path
    ) -> None:
        """A task that is cancelled again while it leaves ends its waits and frees the journal."""
        ids = [fake.add_connection() for _ in range(2)]
        reached, cleaned = asyncio.Event(), asyncio.Event()

        async def linger(_: SyncRun) -> None:
            if reached.is_set():
                return
            reached.set()
            try:
                await asyncio.Event().wait()
            finally:
                await turns()
                cleaned.set()

        runs = fivetran.syncs.run_all(ids, journal=path, on_started=linger)
        task = asyncio.create_task(outcomes_of(runs))
        await until(lambda: reached.is_set() and runs.progress.to_start == 1)
        task.cancel()
        await turns(3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert cleaned.is_set()
        assert not list(hub_of(fivetran._transport.core).waits())
        outcomes = await outcomes_of(fivetran.syncs.resume_all(path))
        assert [outcomes[each].status for each in ids] == ["succeeded"] * 2

    async def test_callback(self, fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
        """An `on_started` that awaits what was cancelled ends the iteration."""

        async def store(_: SyncRun) -> None:
            lost = asyncio.get_running_loop().create_future()
            lost.cancel()
            await lost

        runs = fivetran.syncs.run_all([fake.add_connection()], on_started=store)
        with pytest.raises(UsageError, match="on_started"):
            await asyncio.wait_for(outcomes_of(runs), 5)
