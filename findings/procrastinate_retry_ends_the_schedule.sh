#!/usr/bin/env bash
# procrastinate 3.10.0 with psycopg 3.3.9, on the PostgreSQL of pgserver 0.1.4.
# Guess: `queueing_lock` lets one job of a kind wait, `lock` lets one run, and `retry`
# repeats a job that failed. Together they make a periodic task that neither piles up
# nor overlaps, and a failure costs one attempt.
# Behaviour: the queueing lock is free while a job runs, so the job of the next period may be
# waiting when the first one fails. Its retry would be a second one that waits. The
# database refuses it, nobody gets the error, and the failed job stays "doing". As its
# worker is alive it does not count as stalled, and as it holds `lock`, no job of
# the kind runs again. Later periods are refused as already enqueued, as they are behind
# any slow job. Without `retry` the job is stored as failed, and the next one runs.
# Consequence: a connection error behind a tick of the schedule ends a sync for
# good, and every sign of it looks like a long run. Leave one of the three out, or repeat
# inside of the task.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    procrastinate==3.10.0 psycopg[binary]==3.3.9 pgserver==0.1.4
cd "$dir"
"$dir/venv/bin/python" -W ignore - <<'PY'
import asyncio
import logging

import pgserver
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued

logging.disable(logging.CRITICAL)
server = pgserver.get_server("data")
app = App(connector=PsycopgConnector(conninfo=server.get_uri()))
PERIOD = 0.3
runs: list[str] = []


async def work(name: str, period: int) -> None:
    """Fail once, in the first period, when the next one has begun."""
    runs.append(f"{name} {period}")
    if period == 1 and runs.count(f"{name} 1") == 1:
        await asyncio.sleep(1.5 * PERIOD)
        raise ConnectionError


@app.task(name="retried", lock="retried", queueing_lock="retried", retry=5)
async def retried(period: int) -> None:
    await work("retried", period)


@app.task(name="plain", lock="plain", queueing_lock="plain")
async def plain(period: int) -> None:
    await work("plain", period)


async def main() -> None:
    refused: list[str] = []
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        worker = asyncio.create_task(
            app.run_worker_async(
                concurrency=4,
                install_signal_handlers=False,
                fetch_job_polling_interval=0.1,
                update_heartbeat_interval=0.2,
            )
        )
        for period in range(1, 8):
            for task in (retried, plain):
                try:
                    await task.defer_async(period=period)
                except AlreadyEnqueued:
                    refused.append(f"{task.name} {period}")
            await asyncio.sleep(PERIOD)
        manager = app.job_manager
        jobs = list(await manager.list_jobs_async())
        stalled = [job.id for job in await manager.get_stalled_jobs(seconds_since_heartbeat=1)]
        worker.cancel()
        await asyncio.wait([worker])
    status = {f"{job.task_name} {job.task_kwargs['period']}": job.status for job in jobs}
    print("runs:", runs)
    print("refused:", refused)
    print("jobs:", status)
    print("stalled:", stalled)
    assert runs.count("retried 1") == 1 and not any(run.startswith("retried 2") for run in runs)
    assert status["retried 1"] == "doing" and status["retried 2"] == "todo", status
    assert {f"retried {period}" for period in range(3, 8)} <= set(refused), refused
    assert not stalled, stalled
    assert status["plain 1"] == "failed" and "plain 2" in runs and "plain 7" in runs, status


try:
    asyncio.run(asyncio.wait_for(main(), 60))
finally:
    server.cleanup()
PY
