"""Runs every operation of the inventory over real HTTP: the decoding of responses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Final, cast
from urllib.parse import parse_qsl

from fivetran_async import ActionResult, Page, Pager
from meta.calls import build, method_of, perform
from meta.inventory import OPERATIONS, Operation
from meta.samples import ARCHIVE, Json, Variant, data_for, faults_of, identities_of
from meta.wiring import AT_ONCE, always, each_operation, requests_of, respond_with, seen_of, wired
from support.each import for_each
from support.faults import Fault, FaultServer, WireRequest, reply

VARIANTS: Final[tuple[Variant, ...]] = ("all fields", "required only", "all null", "unknown")


@each_operation
async def test_reads_every_shape_of_response(operation: Operation) -> None:
    """For every variant of a response, each documented field has its type or is empty."""
    async with wired(always(respond_with(operation, data_for(operation)))) as (fivetran, server):
        method = method_of(fivetran, operation)
        call = build(operation, method, "required", AT_ONCE.get(operation.method))
        result = await perform(method, call)
        if operation.response == "bytes":
            assert result == ARCHIVE
        elif operation.response == "nothing":
            await check_actions(server, lambda: perform(method, call))
        else:
            model = type(objects_in(result)[0])
            kept: dict[str, Json] = dict.fromkeys(identities_of(model), "the identity")
            for variant in VARIANTS:
                data = data_for(operation, variant, kept)
                for fault in shapes_of_answer(operation, data):
                    server.answer = always(fault)
                    result = await perform(method, call)
                    assert faults_in(result, data, operation.shape) == [], variant


def shapes_of_answer(operation: Operation, data: dict[str, Json]) -> Iterator[Fault]:
    """List a response in an envelope and in the other forms that the API uses."""
    yield reply(json={"code": "Success", "message": "Fine", "data": data})
    if operation.response == "object":
        yield reply(201, json=data)
    if operation.response == "types":
        yield reply(json={"code": "Success", "data": data["items"]})
        yield reply(json=data["items"])


async def check_actions(server: FaultServer, act: Callable[[], Awaitable[object]]) -> None:
    """Check that a response without data can have a message or an empty body."""
    for fault, message in (
        (reply(json={"code": "Success", "message": "Done"}), "Done"),
        (reply(json={"code": "Success", "data": None}), ""),
        (reply(json={}), ""),
        (reply(body=b""), ""),
        (reply(204, body=b""), ""),
    ):
        server.answer = always(fault)
        result = await act()
        assert isinstance(result, ActionResult)
        assert result.message == message
        assert not result.already_gone


def objects_in(result: object) -> tuple[object, ...]:
    """List the models of a result: one, or the items of a page."""
    if isinstance(result, Page):
        return cast("Page[object]", result).items
    return cast("tuple[object, ...]", result) if isinstance(result, tuple) else (result,)


def faults_in(result: object, data: dict[str, Json], shape: str) -> list[str]:
    """List the places where the objects of a result differ from their JSON."""
    raws = data["items"] if "items" in data and len(data) == 1 else [data]
    assert isinstance(raws, list)
    pairs = zip(objects_in(result), raws, strict=True)
    return [fault for value, raw in pairs for fault in faults_of(value, raw, shape)]


@for_each("operation", [row for row in OPERATIONS if row.response == "page"])
async def test_reads_every_page(operation: Operation) -> None:
    """Three pages need three requests with their cursors; a list without paging needs one."""
    cursors = {"": "two", "two": "th/ree =", "th/ree =": None}

    def page(request: WireRequest) -> Fault:
        query = dict(parse_qsl(request.target.partition("?")[2]))
        return respond_with(
            operation,
            {**data_for(operation), "next_cursor": cursors[query.get("cursor", "")]},
        )

    async with wired(page) as (fivetran, server):
        method = method_of(fivetran, operation)
        call = build(operation, method, "all").omitting("limit", "cursor")
        pager = cast("Pager[object]", method(*call.args, **call.kwargs))
        items = await pager.collect()
    if operation.paginated:
        asked = [{"limit": "1000"} | ({"cursor": at} if at else {}) for at in cursors]
    else:
        asked = [dict[str, str]()]
    assert [seen_of(request)["query"] for request in requests_of(server, operation)] == [
        {**call.query, **query} for query in asked
    ]
    assert len(items) == 2 * len(asked)
