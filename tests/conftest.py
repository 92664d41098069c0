"""What every test may ask for: a fault server, a clock, certificates; and the hunt for leaks."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import fivetran_async
from support.certificates import Certificates
from support.fake_clock import FakeClock
from support.faults import FaultServer
from support.open_sockets import open_sockets
from support.samples import choose_examples, is_sampled
from support.summaries import Summaries
from support.waiting import GRACE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator

_TESTS = Path(__file__).parent
_PACKAGE = Path(inspect.getfile(fivetran_async)).parent
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def pytest_configure(config: pytest.Config) -> None:
    """Under nox, insist on the installed wheel; prepare this process for the tests."""
    if "FIVETRAN_ASYNC_TEST_INSTALLED" in os.environ and _PACKAGE.parent == config.rootpath:
        raise pytest.UsageError(f"the checkout is tested, not the installed wheel: {_PACKAGE}")
    choose_examples()
    config.pluginmanager.register(Summaries())
    # Shells start background jobs with SIGINT ignored, and their children inherit that: programs
    # that tests interrupt would never notice.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    """Say which copy of the package is tested."""
    return f"fivetran_async: {_PACKAGE}"


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where all that tests need was installed on purpose, a test that misses it has failed."""
    if "FIVETRAN_ASYNC_TEST_EVERYTHING" not in os.environ:
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        # A worker of pytest-xdist: the process that started it gets all reports.
        return
    for report in reporter.stats.get("skipped", []):
        if ": needs " in str(report.longrepr):
            reporter.write_line(f"must not be skipped: {report.longrepr}", red=True)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """
    Let each worker of pytest-xdist begin with other modules.

    Each worker collects all modules, and rewrites the assertions of those that no other worker has
    rewritten. In one order for all, each would rewrite all, in a checkout that has none yet.
    """
    report = yield
    if collector.path == _TESTS and report.passed:
        found = report.result
        begin = len(found) * _WORKER // _WORKERS
        report.result = [*found[begin:], *found[:begin]]
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have every coroutine test checked for what it leaves behind; mark the sampled tests."""
    if _WORKERS > 1:
        # Workers have to name the tests in the same order.
        items.sort(key=lambda item: str(item.path))
    for item in items:
        if is_sampled(item):
            item.add_marker("sampled")
        if not isinstance(item, pytest.Function) or not _is_ours(item.path):
            continue
        if inspect.iscoroutinefunction(item.obj):
            _watch_for_leaks(item)


@functools.cache
def _is_ours(path: Path) -> bool:
    return path.is_relative_to(_TESTS)


def _watch_for_leaks(item: pytest.Function) -> None:
    """
    Use `no_leaks` first of all fixtures of the test, so that it is torn down last.

    What wider scopes open, such as a connection to a database, is there before and stays.
    """
    found = item._fixtureinfo.name2fixturedefs
    wider = [
        name for name in item.fixturenames if name in found and found[name][-1].scope != "function"
    ]
    own = [name for name in item.fixturenames if name not in wider]
    item.fixturenames[:] = [*wider, "no_leaks", *own]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from walking thousands of tests repeatedly, then and later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


def pytest_unconfigure() -> None:
    """Let the interpreter clear up as always."""
    gc.unfreeze()


@pytest.fixture
async def no_leaks() -> AsyncIterator[None]:
    """Fail a test that leaves a task running or a socket open."""
    tasks, sockets = asyncio.all_tasks(), open_sockets()
    yield
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + GRACE
    while True:
        leaked_tasks = asyncio.all_tasks() - tasks - {asyncio.current_task()}
        leaked_sockets = open_sockets() - sockets
        if not leaked_tasks and not leaked_sockets:
            return
        if loop.time() > give_up_at:
            break
        await asyncio.sleep(0.005)
    pytest.fail(f"left behind: tasks {leaked_tasks or 'none'}, sockets {leaked_sockets or 'none'}")


@pytest.fixture
def clock() -> FakeClock:
    """A clock with no waiting callers."""
    return FakeClock()


@pytest.fixture
async def fault_server() -> AsyncIterator[FaultServer]:
    """A server on loopback that responds `200 {}` until a test scripts something worse."""
    async with FaultServer() as server:
        yield server


@pytest.fixture(scope="session")
def certificates() -> Certificates:
    """An authority for servers that speak TLS."""
    return Certificates()
