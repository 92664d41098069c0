"""The client from synchronous code: one session in a background thread, for many threads."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import gc
import importlib
import io
import json
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from typing import Any, cast

import pytest

from fivetran_async import (
    AsyncFivetran,
    EventLoopError,
    FanOutFailure,
    FivetranError,
    InvalidArgumentError,
    MissingCredentialsError,
    NotFoundError,
    ServerError,
    SessionClosedError,
    UsageError,
    fan_out,
)
from fivetran_async.from_thread import FivetranThread
from fivetran_async.syncs import SyncPolicy
from fivetran_async.syncs._hub import hub_of
from fivetran_async.testing import FakeFivetran, Fault
from support.waiting import GRACE, PATIENCE


@contextlib.contextmanager
def in_background(fake: FakeFivetran) -> Generator[FakeFivetran]:
    """Serve an account on an event loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(fake.start(), loop).result(PATIENCE)
        yield fake
    finally:
        asyncio.run_coroutine_threadsafe(fake.stop(), loop).result(PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def server() -> Generator[FakeFivetran]:
    """A server for all tests of this module."""
    with in_background(FakeFivetran()) as fake:
        yield fake


@pytest.fixture
def fake(server: FakeFivetran) -> FakeFivetran:
    """The account, without faults."""
    server.heal()
    server.latency = 0.0
    return server


@pytest.fixture
def thread(fake: FakeFivetran) -> Generator[FivetranThread]:
    """A session in a thread, which has ended after the test."""
    with FivetranThread(fake.client()) as thread:
        yield thread
    assert [each.name for each in threading.enumerate() if each.name == "fivetran_async"] == []


def test_calls_return_results_and_raise_errors(fake: FakeFivetran, thread: FivetranThread) -> None:
    """A coroutine, or a pager for its first page; errors are those of the session."""
    group_id = fake.add_group(name="warehouse")
    assert thread.call(thread.fivetran.groups.get(group_id)).name == "warehouse"
    assert group_id in {group.id for group in thread.call(thread.fivetran.groups.list()).items}
    with pytest.raises(NotFoundError, match="GET /v1/groups/missing"):
        thread.call(thread.fivetran.groups.get("missing"))
    assert repr(thread).startswith("<FivetranThread open, <AsyncFivetran http://")


def test_iterating_a_pager(fake: FakeFivetran, thread: FivetranThread) -> None:
    """One request per page, sent when the iteration gets there; a failed page can be resumed."""
    team_ids = [fake.add("teams", name=f"team {n}", role="Account Reviewer") for n in range(5)]
    fake.requests.clear()
    teams = thread.iterate(thread.fivetran.teams.list(limit=2))
    assert fake.requests == []
    found = [next(teams).id, next(teams).id]
    assert len(fake.requests) == 1
    assert sorted(found + [team.id for team in teams]) == sorted(team_ids)

    fake.fail("teams.list", fault=Fault.status(400), nth=2)
    seen: list[str] = []
    with pytest.raises(FivetranError) as caught:
        seen.extend(team.id for team in thread.iterate(thread.fivetran.teams.list(limit=2)))
    rest = thread.iterate(thread.fivetran.teams.list(cursor=caught.value.resume_cursor))
    seen += [team.id for team in rest]
    assert set(seen) <= set(team_ids)


def test_iterating_other_iterables(thread: FivetranThread) -> None:
    """A generator is closed in its own thread when the iteration is left."""
    where: list[str] = []

    async def count() -> AsyncGenerator[int]:
        try:
            for number in range(1000):
                yield number
        finally:
            await asyncio.sleep(0)
            where.append(threading.current_thread().name)

    for number in thread.iterate(count()):
        if number == 3:
            break
    gc.collect()
    assert where == ["fivetran_async"]
    assert len(list(thread.iterate(count()))) == 1000


def test_entering_a_block(fake: FakeFivetran, thread: FivetranThread) -> None:
    """A fan-out and other `async with` blocks are entered and left by one task."""
    ids = [fake.add_group() for _ in range(3)]
    get = thread.fivetran.groups.get
    with thread.enter(fan_out([*ids, "missing"], get, on_error="yield")) as results:
        found = dict(thread.iterate(results))
    assert {each for each, group in found.items() if isinstance(group, FanOutFailure)} == {
        "missing"
    }

    seen: list[object] = []

    @contextlib.asynccontextmanager
    async def block(*, swallow: bool) -> AsyncGenerator[asyncio.Task[Any] | None]:
        task = asyncio.current_task()
        async with asyncio.timeout(PATIENCE):
            try:
                yield task
            except LookupError as error:
                seen.append(error)
                if not swallow:
                    raise
            seen.append(asyncio.current_task() is task)

    error = LookupError("mine")
    with thread.enter(block(swallow=True)):
        raise error
    assert seen == [error, True]
    with pytest.raises(LookupError) as caught, thread.enter(block(swallow=False)):
        raise error
    assert caught.value is error

    @contextlib.asynccontextmanager
    async def broken(*, early: bool) -> AsyncGenerator[None]:
        if early:
            raise LookupError("early")
        yield
        raise LookupError("late")

    for early in (True, False):
        with (
            pytest.raises(LookupError, match="early" if early else "late"),
            thread.enter(broken(early=early)),
        ):
            assert not early


def test_eight_threads_share_it(fake: FakeFivetran, thread: FivetranThread) -> None:
    """Calls of several threads are under way at once, over the connections of one session."""
    group_id = fake.add_group()
    fake.latency = 0.02
    fake.max_in_flight = 0
    ready = threading.Barrier(8)

    def work(number: int) -> str:
        ready.wait()
        if number % 2:
            names = thread.iterate(thread.fivetran.groups.list())
            return group_id if group_id in {group.id for group in names} else ""
        return thread.call(thread.fivetran.groups.get(group_id)).id

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(8))) == {group_id}
    assert fake.max_in_flight >= 4


async def test_a_running_loop_is_no_obstacle(fake: FakeFivetran) -> None:
    """In a notebook, an event loop runs in the calling thread already."""
    group_id = fake.add_group()
    with FivetranThread(fake.client()) as thread:
        assert thread.call(thread.fivetran.groups.get(group_id)).id == group_id
        assert group_id in {group.id for group in thread.iterate(thread.fivetran.groups.list())}


def test_context_variables_of_the_caller(thread: FivetranThread) -> None:
    """Coroutines see what the caller has set, such as the span of a trace."""
    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("mine")

    async def read() -> str:
        return variable.get()

    assert thread.call(read()) == "mine"


def test_what_cannot_be_awaited(thread: FivetranThread) -> None:
    """A wrong argument is named, and a method without its call is the usual one."""
    with pytest.raises(InvalidArgumentError, match=r"takes a coroutine, such as .* not a method"):
        thread.call(thread.fivetran.groups.get)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match=r"takes a pager, such as .* not a list"):
        thread.iterate([1])  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match=r"takes a pager, such as .* not a coroutine"):
        thread.iterate(thread.fivetran.groups.get("g"))  # type: ignore[arg-type]
    with (
        pytest.raises(InvalidArgumentError, match=r"an `async with` block, such as .* not an int"),
        thread.enter(5),  # type: ignore[arg-type]
    ):
        pass
    with pytest.raises(UsageError, match="cannot be pickled"):
        pickle.dumps(thread)


def test_closing(fake: FakeFivetran) -> None:
    """A second close is harmless; later calls fail, and leave no coroutine without its await."""
    thread = FivetranThread(fake.client())
    pager = thread.iterate(thread.fivetran.groups.list())
    fake.add_group()
    next(pager)
    thread.close()
    thread.close()
    assert thread.closed
    assert thread.fivetran.closed
    assert repr(thread).startswith("<FivetranThread closed")
    calls: list[Callable[[], object]] = [
        lambda: thread.call(thread.fivetran.groups.get("any")),
        lambda: next(thread.iterate(thread.fivetran.groups.list())),
        lambda: thread.enter(fan_out(["any"], thread.fivetran.groups.get)).__enter__(),
    ]
    for call in calls:
        with pytest.raises(SessionClosedError, match="FivetranThread was closed"):
            call()
    unused = FivetranThread(fake.client())
    unused.close()
    with pytest.raises(SessionClosedError):
        unused.call(unused.fivetran.groups.get("any"))


def test_closing_ends_calls_under_way(fake: FakeFivetran) -> None:
    """Requests, sleeps, and coroutines that take their time; the caller gets a clear error."""
    fake.fail("groups.get", fault=Fault.hang(), times=None)
    thread = FivetranThread(fake.client())
    ended: list[str] = []
    begun = threading.Semaphore(0)

    async def sleep() -> None:
        begun.release()
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.01)
            ended.append("sleep")

    fake.requests.clear()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        calls: list[concurrent.futures.Future[Any]] = [
            pool.submit(thread.call, thread.fivetran.groups.get("any")),
            pool.submit(thread.call, sleep()),
            pool.submit(lambda: list(thread.iterate(_endless(begun)))),
        ]
        begun.acquire()
        begun.acquire()
        _wait_until(lambda: len(fake.requests) > 0)
        thread.close()
        for call in calls:
            with pytest.raises(SessionClosedError):
                call.result(PATIENCE)
    assert ended == ["sleep"]


async def _endless(begun: threading.Semaphore) -> AsyncGenerator[int]:
    yield 1
    begun.release()
    await asyncio.sleep(3600)


def _wait_until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.002)


def test_calls_while_it_closes_never_hang(fake: FakeFivetran) -> None:
    """Each call that races with `close` returns its result or raises."""
    group_id = fake.add_group()
    for _ in range(5):
        thread = FivetranThread(fake.client())
        thread.call(thread.fivetran.groups.get(group_id))

        def work(thread: FivetranThread = thread) -> None:
            with contextlib.suppress(SessionClosedError):
                while True:
                    thread.call(thread.fivetran.groups.get(group_id))

        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            calls = [pool.submit(work) for _ in range(3)]
            thread.close()
            for call in calls:
                call.result(PATIENCE)


def test_its_own_thread_cannot_wait_for_itself(thread: FivetranThread) -> None:
    """A call or a close from within a coroutine is refused, where it would wait indefinitely."""

    async def call() -> None:
        thread.call(asyncio.sleep(0))

    async def close() -> None:
        thread.close()

    for within in (call, close):
        with pytest.raises(EventLoopError, match="await the coroutine here"):
            thread.call(within())
    assert thread.call(asyncio.sleep(0, 5)) == 5


def test_an_interrupt_cancels_the_call(thread: FivetranThread) -> None:
    """After Ctrl-C the coroutine has ended, and the thread goes on."""
    ended: list[str] = []
    main = threading.main_thread().ident
    assert main is not None

    async def work() -> None:
        asyncio.get_running_loop().call_later(0.02, signal.pthread_kill, main, signal.SIGINT)
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.01)
            ended.append("work")

    with pytest.raises(KeyboardInterrupt):
        thread.call(work())
    assert ended == ["work"]
    assert thread.call(asyncio.sleep(0, 5)) == 5


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, LookupError])
def test_any_error_of_a_coroutine_is_the_call_s(
    thread: FivetranThread, error: type[BaseException]
) -> None:
    """Also one that ends programs; the thread goes on."""

    async def fail() -> None:
        raise error("mine")

    with pytest.raises(error, match="mine"):
        thread.call(fail())
    assert thread.call(asyncio.sleep(0, 5)) == 5


def test_a_coroutine_that_cancels_itself(thread: FivetranThread) -> None:
    """It raises an error that `except Exception` catches."""

    async def give_up() -> None:
        raise asyncio.CancelledError

    with pytest.raises(FivetranError, match="cancelled by itself"):
        thread.call(give_up())


def test_one_that_is_dropped_ends_its_thread(fake: FakeFivetran) -> None:
    """Without `close`, the thread ends with the object."""
    thread = FivetranThread(fake.client())
    assert thread.call(asyncio.sleep(0, 5)) == 5
    [worker] = [each for each in threading.enumerate() if each.name == "fivetran_async"]
    gone = weakref.ref(thread)
    del thread
    gc.collect()
    assert gone() is None
    worker.join(PATIENCE)
    assert not worker.is_alive()


def test_credentials_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a session, those of the environment are used."""
    for name in ("FIVETRAN_API_KEY", "FIVETRAN_API_SECRET"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MissingCredentialsError):
        FivetranThread()
    monkeypatch.setenv("FIVETRAN_API_KEY", "key")
    monkeypatch.setenv("FIVETRAN_API_SECRET", "secret")
    with FivetranThread() as thread:
        assert isinstance(thread.fivetran, AsyncFivetran)


def test_retries_and_faults_are_those_of_the_session(
    fake: FakeFivetran, thread: FivetranThread
) -> None:
    """A call that fails for good raises after its attempts."""
    fake.fail("groups.list", fault=Fault.status(503), times=None)
    hasty = thread.fivetran.with_options(retry=None)
    with pytest.raises(ServerError):
        thread.call(hasty.groups.list())


def test_flask(fake: FakeFivetran, thread: FivetranThread) -> None:
    """The views of a Flask application call it, from several threads of the server."""
    flask = pytest.importorskip("flask", reason="needs flask")
    app = flask.Flask(__name__)
    group_id = fake.add_group(name="warehouse")

    @app.get("/groups/<group_id>")  # type: ignore[misc,untyped-decorator,unused-ignore]
    def show(group_id: str) -> dict[str, object]:
        return {"name": thread.call(thread.fivetran.groups.get(group_id)).name}

    def get(_: int) -> object:
        return app.test_client().get(f"/groups/{group_id}").get_json()

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert list(pool.map(get, range(8))) == [{"name": "warehouse"}] * 8


def test_django(fake: FakeFivetran, thread: FivetranThread) -> None:
    """The views of a Django project under WSGI call it."""
    pytest.importorskip("django", reason="needs django")
    django, conf, handlers, http, urls = (
        cast("Any", importlib.import_module(f"django{name}"))
        for name in ("", ".conf", ".core.handlers.wsgi", ".http", ".urls")
    )

    def show(_: object, group_id: str) -> object:
        return http.JsonResponse({"name": thread.call(thread.fivetran.groups.get(group_id)).name})

    paths: Any = type("paths", (), {"urlpatterns": [urls.path("groups/<str:group_id>", show)]})
    conf.settings.configure(ROOT_URLCONF=paths, ALLOWED_HOSTS=["*"], SECRET_KEY="x")
    django.setup(set_prefix=False)
    application = handlers.WSGIHandler()
    group_id = fake.add_group(name="warehouse")

    def get(_: int) -> object:
        statuses: list[str] = []
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": f"/groups/{group_id}",
            "SERVER_NAME": "app",
            "SERVER_PORT": "80",
            "wsgi.input": io.BytesIO(),
            "wsgi.url_scheme": "http",
        }

        def start(status: str, _headers: object) -> None:
            statuses.append(status)

        body: Iterable[bytes] = application(environ, start)
        return statuses, json.loads(b"".join(body))

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert list(pool.map(get, range(8))) == [(["200 OK"], {"name": "warehouse"})] * 8


def test_trio(fake: FakeFivetran) -> None:
    """The session itself is refused there with a hint; a thread of trio's may call it."""
    trio = pytest.importorskip("trio", reason="needs trio")
    group_id = fake.add_group()
    session = fake.client()

    async def main() -> str:
        for use in (
            lambda: session.groups.get(group_id),
            session.__aenter__,
            lambda: session.connections.sync_and_wait("any"),
            fan_out([group_id], session.groups.get).__aenter__,
            session.groups.list().prefetch().__aenter__,
        ):
            with pytest.raises(EventLoopError, match=r"needs one\. .*from_thread"):
                await use()
        with FivetranThread(fake.client()) as thread:
            call = await trio.to_thread.run_sync(thread.call, thread.fivetran.groups.get(group_id))
            return str(call.id)

    assert trio.run(main) == group_id


SCRIPT = """
import os, sys, threading, time
from fivetran_async import AsyncFivetran, EventLoopError
from fivetran_async.from_thread import FivetranThread
from fivetran_async.syncs import SyncPolicy

thread = FivetranThread()

def fork(work):
    child = os.fork()
    if not child:
        work()
        sys.stdout.flush()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0

def read():
    print(len(list(thread.iterate(thread.fivetran.groups.list()))), "groups", flush=True)

def refused():
    try:
        read()
    except EventLoopError as error:
        print("used before a fork" in str(error), flush=True)
    thread.close()

fork(read)
read()
fork(refused)
read()

async def work():
    import asyncio
    try:
        await asyncio.sleep(3600)
    finally:
        print("cancelled", flush=True)

threading.Thread(target=thread.call, args=[work()], daemon=True).start()
time.sleep(0.05)
# It may not print: the interpreter can end while a daemon thread holds the lock of stdout.
threading.excepthook = lambda args: None
print("end", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_script_that_forks_and_never_closes(fake: FakeFivetran) -> None:
    """Before its first use it can be forked; the interpreter ends it and what it does, in order."""
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:.*fork.*", "-c", textwrap.dedent(SCRIPT)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={
            "FIVETRAN_API_KEY": fake.api_key,
            "FIVETRAN_API_SECRET": fake.api_secret,
            "FIVETRAN_BASE_URL": fake.url,
            "PYTHONPATH": ":".join(filter(None, sys.path)),
        },
    )
    assert finished.stderr == ""
    assert finished.returncode == 0
    lines = finished.stdout.splitlines()
    assert all(line.endswith(" groups") for line in (lines[0], lines[1], lines[3]))
    assert lines[2] == "True"
    assert lines[4:6] == ["end", "cancelled"]


def test_webhook_that_a_thread_receives_ends_a_wait(
    fake: FakeFivetran, thread: FivetranThread
) -> None:
    """A synchronous service receives an event in one thread and waits in another: both work."""
    connection_id = fake.add_connection()
    fake.plan_sync(connection_id, "stuck")
    connections = thread.fivetran.connections
    policy = SyncPolicy(min_interval=3600, max_interval=3600, history=False)
    run = thread.call(connections.start_sync(connection_id, policy=policy))
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(thread.call, run.wait(timeout=PATIENCE))
        event = {
            "event": "sync_end",
            "connector_id": connection_id,
            "created": fake.clock.stamp(after=2.0),
            "data": {"status": "SUCCESSFUL"},
        }
        hub = hub_of(thread.fivetran._transport.core)
        while hub._sleeper is None:
            time.sleep(0.01)
        # The event loop sleeps now, and has to be woken.
        time.sleep(0.1)
        assert thread.fivetran.syncs.feed(event)
        outcome = waiting.result(GRACE)
    assert outcome.status == "succeeded"
    assert thread.fivetran.syncs.feed(event) is False
