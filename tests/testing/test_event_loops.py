"""One running fake serves every loop, thread and process; a stopped loop is reported at once."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import sys
import threading
import time
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from fivetran_async import FivetranError
from fivetran_async.testing import FakeFivetran
from support.waiting import until
from testing.test_plugin import run_pytest
from testing.wire import Api, basic

AT_ONCE = 5.0
"""Seconds that a refusal may take on a busy machine; a client's timeouts are longer by far."""

USERS_CONFTEST = """
import pytest_asyncio
from fivetran_async.testing import FakeFivetran

@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def fake():
    async with FakeFivetran() as fake:
        yield fake
"""
USERS_TEST = """
import pytest

@pytest.mark.asyncio{scope}
async def test_reads(fake):
    async with fake.client() as fivetran:
        assert await fivetran.groups.list().collect() == []
"""


@pytest.fixture
def stopped() -> Iterator[FakeFivetran]:
    """A fake that was started on a loop that does not run during the test."""
    loop, fake = asyncio.new_event_loop(), FakeFivetran()
    try:
        loop.run_until_complete(fake.start())
        yield fake
        loop.run_until_complete(fake.stop())
    finally:
        loop.close()


@pytest.mark.slow
@pytest.mark.parametrize("scope", ["", '(loop_scope="session")'])
async def test_session_fixtures_name_the_loop_scope(tmp_path: Path, scope: str) -> None:
    """A session's fake fails at once in tests on other loops, and works in those on its own."""
    (tmp_path / "conftest.py").write_text(USERS_CONFTEST)
    (tmp_path / "test_users.py").write_text(USERS_TEST.format(scope=scope))
    code, output = await run_pytest(tmp_path, "strict")
    if scope:
        assert code == 0, output
    else:
        assert "1 failed" in output
        assert "give the fixture and its tests the same loop_scope" in output


def test_requests_to_a_stopped_loop_are_refused_at_once(stopped: FakeFivetran) -> None:
    """The client raises an error that names the cause, without retries and timeouts."""

    async def use() -> None:
        async with stopped.client() as fivetran:
            await fivetran.groups.list().collect()

    started = time.monotonic()
    with pytest.raises(FivetranError, match="loop_scope") as caught:
        asyncio.run(use())
    assert time.monotonic() - started < AT_ONCE
    assert (caught.value.status, caught.value.code) == (421, "LoopNotRunning")
    assert stopped.requests == []


def test_open_connections_to_a_stopped_loop_are_refused() -> None:
    """A request on a connection from before is refused, not processed later, and then served."""
    loop, fake = asyncio.new_event_loop(), FakeFivetran()
    loop.run_until_complete(fake.start())
    connection = http.client.HTTPConnection(fake.url.removeprefix("http://"), timeout=AT_ONCE)
    headers = {"Authorization": basic(fake.api_key, fake.api_secret)}

    def create() -> tuple[int, str]:
        body = json.dumps({"name": "warehouse"})
        sent = headers | {"Content-Type": "application/json"}
        connection.request("POST", "/v1/groups", body, sent)
        response = connection.getresponse()
        return response.status, response.read().decode()

    assert loop.run_until_complete(asyncio.to_thread(create))[0] == 201
    status, text = create()
    assert status == 421
    assert "loop_scope" in text
    assert loop.run_until_complete(asyncio.to_thread(create))[0] == 201
    assert len(fake.requests) == 2
    connection.close()
    loop.run_until_complete(fake.stop())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def test_methods_on_another_loop_name_the_loop_scope(stopped: FakeFivetran) -> None:
    """`start`, `settle` and `stop` raise an error instead of waiting for the stopped loop."""
    for method in (stopped.start, stopped.settle, stopped.stop):
        with pytest.raises(RuntimeError, match="loop_scope"):
            asyncio.run(method())


def test_a_closed_loop_can_be_left_behind() -> None:
    """If the loop was closed without `stop`, the fake can be stopped, and started on a new loop."""
    fake = FakeFivetran()
    for finish in (fake.stop, fake.start):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(fake.start())
        for task in asyncio.all_tasks(loop):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(task)
        loop.close()
        fake.advance(1)

        async def again(finish: Callable[[], Awaitable[None]] = finish) -> int:
            await finish()
            async with fake, aiohttp.ClientSession() as session:
                return (await Api(fake, session).get("/v1/groups")).status

        assert asyncio.run(again()) == 200


async def test_a_running_fake_serves_every_loop_and_thread(fake: FakeFivetran) -> None:
    """Clients on loops of other threads, and synchronous ones, use the same account."""
    group_id = fake.add_group()
    names: list[str] = []

    def on_own_loop() -> None:
        async def use() -> None:
            async with fake.client() as fivetran:
                names.append((await fivetran.groups.get(group_id)).name)
            await fake.settle()
            await fake.start()

        asyncio.run(use())

    def without_loop() -> None:
        connection = http.client.HTTPConnection(fake.url.removeprefix("http://"), timeout=AT_ONCE)
        headers = {"Authorization": basic(fake.api_key, fake.api_secret)}
        connection.request("GET", f"/v1/groups/{group_id}", headers=headers)
        names.append(json.load(connection.getresponse())["data"]["name"])
        connection.close()

    targets = [on_own_loop, without_loop] * 3
    await asyncio.gather(*map(asyncio.to_thread, targets))
    assert names == ["warehouse"] * 6


async def test_a_running_fake_serves_other_processes(fake: FakeFivetran) -> None:
    """A program with the URL in its environment uses the same account."""
    url = f"{fake.url}/public/connector-types"
    code = f"import urllib.request; print(urllib.request.urlopen({url!r}).status)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=PIPE)
    output, _ = await process.communicate()
    assert output.strip() == b"200"


async def test_webhooks_are_sent_when_another_thread_advances_the_clock(api: Api) -> None:
    """Set-up calls from other threads wake the fake's own loop."""
    fake = api.fake
    connection_id = fake.add_connection()
    fake.add(
        "webhooks",
        type="account",
        group_id=None,
        url="https://example.com",
        events=["sync_end"],
        active=True,
        secret=None,
    )
    await api.post(f"/v1/connections/{connection_id}/sync", {})
    # In debug mode, a loop raises an error if it is used from another thread.
    asyncio.get_running_loop().set_debug(True)
    await asyncio.to_thread(fake.advance, 60)
    await until(lambda: len(fake.deliveries) == 1)


async def test_the_guard_ends_with_the_server() -> None:
    """After `stop` no thread is left."""
    async with FakeFivetran():
        pass
    await until(lambda: "FakeFivetran loop guard" not in {t.name for t in threading.enumerate()})
