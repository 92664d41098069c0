"""Large responses: decoded in a thread, with the same results, reports and errors."""

from __future__ import annotations

import asyncio
import gc
import json
import threading

import attrs
import pytest

from fivetran_async import Drift, Hooks, ResponseFormatError
from fivetran_async._codec import LARGE, converter
from fivetran_async._http.large import DecodingTurns, decode_in_thread
from fivetran_async.models import Connection, SchemaConfig
from support.fake_clock import FakeClock
from support.faults import Exchange, Fault, FaultServer, reply
from support.sessions import session_at, success

PADDING = "x" * LARGE


def config_of(fields: dict[str, object]) -> dict[str, object]:
    """Return a schema config that is large because of one name."""
    column = {"name_in_destination": PADDING, **fields}
    return {"schemas": {"s": {"tables": {"t": {"columns": {"c": column}}}}}}


@pytest.mark.parametrize("path", ["structs", "cattrs"])
async def test_large_config_decodes_as_a_small_one(path: str) -> None:
    """Whether structs read it or not, nothing is lost, and drift is reported with its place."""
    fields: dict[str, object] = {} if path == "structs" else {"hashed": "maybe"}
    reports: list[Drift] = []
    data = config_of(fields)
    async with (
        FaultServer(success(data)) as server,
        session_at(server.url, hooks=Hooks(on_drift=reports.append)) as fivetran,
    ):
        config = await fivetran.connections.schemas.get("c")
    assert config == SchemaConfig.from_dict(data)
    assert config.to_dict() == data
    places = [drift.place for drift in reports]
    assert places == [f"data.schemas.s.tables.t.columns.c.{name}" for name in fields]


@attrs.frozen
class Padded:
    """A class of a caller, which knows the thread that decoded it."""

    thread: int


@converter.register_structure_hook
def read_padded(_value: object, _kind: object) -> Padded:
    """Decode an object, as a hook of a caller."""
    return Padded(threading.get_ident())


async def test_only_large_responses_are_decoded_in_a_thread() -> None:
    """The event loop goes on while a large response is parsed and decoded."""
    bodies = success({"id": "x"}), success({"id": PADDING})
    async with FaultServer(*bodies) as server, session_at(server.url) as fivetran:
        small = await fivetran.request("GET", "/v1/things", result=Padded)
        large = await fivetran.request("GET", "/v1/things", result=Padded)
    assert small.thread == threading.get_ident()
    assert large.thread != threading.get_ident()


async def test_large_response_without_its_identity_is_an_error() -> None:
    """It is raised as for a small one: with the status and the place, and without a retry."""
    body = success({"config": {"x": PADDING}})
    async with FaultServer(body) as server, session_at(server.url) as fivetran:
        with pytest.raises(ResponseFormatError, match=r"data\.id") as caught:
            await fivetran.connections.get("c")
    assert (caught.value.status, caught.value.place) == (200, "data.id")
    assert caught.value.operation == "connections.get"
    assert len(server.requests) == 1


async def test_large_response_that_is_not_json_is_retried_once(clock: FakeClock) -> None:
    """It is retried as a small one is."""
    broken = reply(200, body=b'{"data": {"id": "' + PADDING.encode())
    good = success({"id": "c", "config": {"x": PADDING}})
    async with (
        FaultServer(broken, good) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        found = await fivetran.connections.get("c")
    assert found == Connection(id="c", config={"x": PADDING})
    assert len(server.requests) == 2


async def test_large_raw_value_is_returned() -> None:
    """`request` without a model returns the parsed `data`."""
    async with FaultServer(success({"x": [PADDING]})) as server, session_at(server.url) as fivetran:
        assert await fivetran.request("GET", "/v1/things") == {"x": [PADDING]}


async def test_collector_pauses_while_documents_are_decoded() -> None:
    """It pauses until the last of several threads has ended."""
    release, states = threading.Event(), list[bool]()

    def slow() -> None:
        release.wait(10)
        states.append(gc.isenabled())

    tasks = [asyncio.create_task(decode_in_thread(slow)) for _ in range(2)]
    await decode_in_thread(lambda: states.append(gc.isenabled()))
    assert not gc.isenabled()
    release.set()
    await asyncio.gather(*tasks)
    assert states == [False, False, False]
    assert gc.isenabled()


async def test_collector_that_is_off_stays_off() -> None:
    """A program that runs without the collector keeps it off."""
    gc.disable()
    try:
        await decode_in_thread(json.loads, "1")
        assert not gc.isenabled()
    finally:
        gc.enable()


async def test_one_long_body_is_decoded_per_turn() -> None:
    """What a decoded body sets off comes before the next body, whatever waits for its turn."""
    turns, log = DecodingTurns(), list[str]()

    async def decode(name: str) -> None:
        await turns.take()
        log.append(f"decode {name}")
        asyncio.get_running_loop().call_soon(log.append, f"consume {name}")

    await asyncio.gather(*(decode(name) for name in "abc"))
    await asyncio.sleep(0)
    assert log == [f"{step} {name}" for name in "abc" for step in ("decode", "consume")]


def test_a_turn_ends_with_its_event_loop() -> None:
    """A loop that ended at once does not keep the next one of the session from decoding."""
    turns = DecodingTurns()
    for _ in range(2):
        with asyncio.Runner() as runner:
            runner.run(asyncio.wait_for(turns.take(), 5))


async def test_pages_that_arrive_together_are_decoded_one_by_one() -> None:
    """The consumer of a fan-out takes each page before the next one is decoded."""
    name, log = "x" * 10_000, list[str]()

    @attrs.frozen
    class Noted:
        id: str

    def decode(raw: dict[str, str], _: object) -> Noted:
        log.append("decode")
        return Noted(raw["id"])

    converter.register_structure_hook(Noted, decode)
    body = success({"items": [{"id": name}]})
    together = asyncio.Barrier(4)

    async def play(exchange: Exchange) -> bool:
        await together.wait()
        return await body.play(exchange)

    async with (
        FaultServer(answer=lambda _: Fault("together", play)) as server,
        session_at(server.url) as fivetran,
        fivetran.fan_out(
            range(4), lambda _: fivetran.paginate("/v1/groups", item=Noted), concurrency=4
        ) as results,
    ):
        async for _ in results:
            log.append("consume")
    assert log.count("decode") == 4
    assert "decode decode" not in " ".join(log)
