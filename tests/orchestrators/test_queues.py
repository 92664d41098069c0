"""Prefect, Temporal, arq and Celery: the examples, run by each library: `nox -s orchestrators`."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from served_fake import ServedFake

EXAMPLES = Path(__file__).parents[2] / "examples" / "orchestrators"


def load(example: str) -> ModuleType:
    """Import an example."""
    spec = importlib.util.spec_from_file_location(example, EXAMPLES / f"{example}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedFake]:
    """An account with one connection, and the environment to reach it."""
    with ServedFake() as served:
        fake = served.fake
        fake.sync_duration = 3
        served.do(lambda fake: fake.add_connection(id="speak_inexpensive"))
        monkeypatch.setenv("FIVETRAN_API_KEY", fake.api_key)
        monkeypatch.setenv("FIVETRAN_API_SECRET", fake.api_secret)
        monkeypatch.setenv("FIVETRAN_BASE_URL", fake.url)
        yield served
        assert len(fake.requests_for("connections.sync")) == 1


@pytest.fixture
def redis_port(tmp_path: Path) -> Iterator[int]:
    """A Redis server of the test."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    port = 36_379
    command = [program, "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        yield port
        process.terminate()


async def test_arq(served: ServedFake, redis_port: int) -> None:
    """One job triggers, another one waits; both run in arq's own worker."""
    from arq import create_pool
    from arq.connections import RedisSettings
    from arq.worker import create_worker

    settings = RedisSettings(port=redis_port, conn_retries=50, conn_retry_delay=0.1)
    example = load("arq_worker")
    pool = await create_pool(settings)
    await pool.enqueue_job("start", "speak_inexpensive")
    worker = create_worker(
        example.Worker, redis_settings=settings, burst=True, poll_delay=0.1, handle_signals=False
    )
    await worker.main()
    results = {result.function: result.result for result in await pool.all_job_results()}
    assert results["wait"] == "speak_inexpensive: succeeded"
    await worker.close()
    await pool.aclose()


def test_celery(served: ServedFake) -> None:
    """The second task returns the token to the queue until the sync has ended."""
    from celery.signals import task_retry, task_success

    example = load("celery_tasks")
    # Longer than the task looks.
    served.do(lambda fake: setattr(fake, "sync_duration", 8))
    # Retries run at once, inside of what they repeat.
    example.app.conf.update(task_always_eager=True)
    results: list[object] = []
    retries: list[object] = []

    def succeeded(result: object, **_: object) -> None:
        results.append(result)

    def retried(reason: object, **_: object) -> None:
        retries.append(reason)

    task_success.connect(succeeded)
    task_retry.connect(retried)
    token = example.start("speak_inexpensive")
    example.wait.apply(args=(token,))
    assert results == ["succeeded"]
    assert retries


async def test_prefect(served: ServedFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flow with its two tasks, in Prefect's own engine."""
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=300):
        assert await load("prefect_flow").sync("speak_inexpensive") == "succeeded"


async def test_temporal(served: ServedFake) -> None:
    """Both activities, in Temporal's environment for activities."""
    from temporalio.testing import ActivityEnvironment

    example, environment = load("temporal_workflow"), ActivityEnvironment()
    token = await environment.run(example.start, "speak_inexpensive")
    began = time.monotonic()
    assert await environment.run(example.wait, token) == "succeeded"
    assert time.monotonic() - began < 60
