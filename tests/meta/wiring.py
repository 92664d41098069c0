"""A session, the server that it calls, and the requests between them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final
from urllib.parse import parse_qsl

import pytest

from fivetran_async import AsyncFivetran
from meta.inventory import OPERATIONS, Operation, operation_of
from meta.samples import ARCHIVE, Json, data_for
from support.each import Test, for_each
from support.fake_clock import FakeClock
from support.faults import Fault, FaultServer, WireRequest, reply

KEY, SECRET = "drive-key", "drive-secret"
ALSO_SENDS: Final = {"connector_sdk_packages.download": {"connector_sdk_packages.get"}}
"""Operations that ask another one first."""
AT_ONCE: Final = {"connector_sdk_packages.download": {"verify": False}}
"""What keeps them from asking."""

DEPRECATED: Final = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def each_operation(test: Test) -> Test:
    """Run a test with each operation of the inventory; one of them is deprecated."""
    return DEPRECATED(for_each("operation", OPERATIONS)(test))


@contextlib.asynccontextmanager
async def wired(
    answer: Callable[[WireRequest], Fault],
    **options: Any,  # noqa: ANN401 - the session's own
) -> AsyncGenerator[tuple[AsyncFivetran, FaultServer], None]:
    """Provide a session and the server that it calls."""
    # Debug mode would take most of the time of these calls; the tests of the transport use it.
    asyncio.get_running_loop().set_debug(False)
    async with (
        FaultServer(answer=answer) as server,
        AsyncFivetran(
            KEY,
            SECRET,
            base_url=server.url,
            # Quotas belong to the key, so each test uses a key of its own.
            rate_limits=None,
            _clock=FakeClock(),
            **options,
        ) as fivetran,
    ):
        yield fivetran, server


def operation_on(request: WireRequest) -> Operation:
    """Return the operation of a request."""
    operation = operation_of(request.verb, request.target.partition("?")[0])
    assert operation, f"no operation: {request.verb} {request.target}"
    return operation


def good(request: WireRequest) -> Fault:
    """Respond like the API, with all fields."""
    return respond_with(operation_on(request), data_for(operation_on(request)))


def respond_with(operation: Operation, data: Json) -> Fault:
    """Wrap data in the envelope of an operation, if it has one."""
    if operation.response == "bytes":
        return reply(headers={"Content-Type": "application/zip"}, body=ARCHIVE)
    if operation.response == "nothing":
        return reply(json={"code": "Success", "message": "It is done"})
    return reply(json={"code": "Success", "data": data})


def always(fault: Fault) -> Callable[[WireRequest], Fault]:
    """Respond to every request in the same way."""
    return lambda _: fault


def requests_of(server: FaultServer, operation: Operation) -> list[WireRequest]:
    """Return the requests of one operation, and check that there are no others."""
    seen = [(operation_on(request), request) for request in server.requests]
    others = {row.method for row, _ in seen if row is not operation}
    assert others <= ALSO_SENDS.get(operation.method, set())
    return [request for row, request in seen if row is operation]


def seen_of(request: WireRequest) -> dict[str, object]:
    """Return the parts of a request that the inventory describes."""
    path, _, query = request.target.partition("?")
    headers = request.headers
    is_json = headers.get("content-type") == "application/json"
    return {
        "verb": request.verb,
        "path": path,
        "query": dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))),
        "accept": headers.get("accept"),
        "authorization": headers.get("authorization"),
        "content type": headers.get("content-type"),
        "body": request.json() if is_json and request.body else request.body or None,
    }
