"""Runs every operation of the inventory over real HTTP: requests, retries and refusals."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias, cast, get_args

import pytest

from fivetran_async import (
    AmbiguousOutcomeError,
    AsyncFivetran,
    ConfirmationRequiredError,
    ConnectError,
    FivetranError,
    InvalidArgumentError,
    ReadOnlyError,
    RequestTimeoutError,
    RetryPolicy,
    Timeouts,
)
from fivetran_async._http.request import Request
from fivetran_async._http.response import Response
from fivetran_async._http.retry import Run
from fivetran_async._http.transport import Transport
from fivetran_async.options import Options
from meta.calls import (
    Call,
    Extent,
    build,
    choices_of,
    hints_of,
    method_of,
    parameters_of,
    perform,
    positional_names,
    python_name,
)
from meta.inventory import OPERATIONS, PREVIEWS, Operation
from meta.samples import ARCHIVE, NEW_WORD
from meta.wiring import (
    AT_ONCE,
    DEPRECATED,
    KEY,
    SECRET,
    always,
    each_operation,
    good,
    requests_of,
    seen_of,
    wired,
)
from support.each import for_each
from support.faults import CLOSE_AFTER_REQUEST, Exchange, Fault, reply

ACCEPT: Final = {1: "application/json", 2: "application/json;version=2"}
REPEATABLE: Final = frozenset({"read", "set", "delete"})
FAILURES: Final = {
    CLOSE_AFTER_REQUEST: REPEATABLE,
    reply(503): REPEATABLE,
    reply(408): REPEATABLE | {"trigger"},
}
"""What can become of a request, and the retry classes that repeat it then."""

Json: TypeAlias = "dict[str, object]"

EXTENTS: Final[tuple[Extent, ...]] = ("required", "all")


def expected_of(operation: Operation, call: Call) -> dict[str, object]:
    """Return the request of a call as the inventory describes it."""
    credentials = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
    return {
        "verb": operation.verb,
        "path": call.path,
        "query": call.query,
        "accept": ACCEPT[operation.accept],
        "authorization": None if operation.is_public else f"Basic {credentials}",
        # The API requires it with every POST and PATCH, even without a body.
        "content type": "application/json" if operation.verb in {"POST", "PATCH"} else None,
        "body": call.body,
    }


def check_upload(seen: dict[str, object]) -> None:
    """Check that a request contains the archive as the only file of its form."""
    content_type, body = seen["content type"], seen["body"]
    assert isinstance(content_type, str)
    assert isinstance(body, bytes)
    kind, _, boundary = content_type.partition("; boundary=")
    assert kind == "multipart/form-data"
    head, _, rest = body.partition(b"\r\n\r\n")
    assert b'form-data; name="file"; filename="code.zip"' in head
    assert body.startswith(f"--{boundary}\r\n".encode())
    assert rest == ARCHIVE + f"\r\n--{boundary}--\r\n".encode()


@each_operation
async def test_sends_what_is_given(
    operation: Operation, record_property: Callable[[str, object], None]
) -> None:
    """With what is required and with everything, a call is the request of its row, and no more."""
    async with wired(good) as (fivetran, server):
        method = method_of(fivetran, operation)
        for extent in EXTENTS:
            server.requests.clear()
            call = build(operation, method, extent)
            await perform(method, call)
            (request,) = requests_of(server, operation)
            seen, expected = seen_of(request), expected_of(operation, call)
            if operation.uploads:
                check_upload(seen)
                expected |= {"content type": seen["content type"], "body": seen["body"]}
            assert seen == expected, extent
            assert request.headers["user-agent"].startswith("fivetran_async/")
    record_property("driven", {operation.method: 1})


class Recorder(Transport):
    """A transport that records each request with its facts, because budgets are not sent."""

    def __init__(
        self, sender: Transport, requests: list[Request], *, within: Run | None = None
    ) -> None:
        super().__init__(sender.core, sender.options, within=within)
        self.requests = requests

    def with_options(self, options: Options, *, within: Run | None = None) -> Recorder:
        """Record requests with other options, too."""
        return Recorder(super().with_options(options), self.requests, within=within)

    async def _send_once(self, run: Any) -> Response:  # noqa: ANN401 - private to the transport
        self.requests.append(run.request)
        return await super()._send_once(run)


@for_each("operation", [row for row in OPERATIONS if row.verb == "PATCH"])
async def test_updates_just_what_is_given(operation: Operation) -> None:
    """Each field can be updated alone, or set to null if it is nullable."""
    async with wired(good) as (fivetran, server):
        method = method_of(fivetran, operation)
        required = build(operation, method, "required")
        everything = build(operation, method, "all").kwargs
        for field in operation.body:
            nulls = [None] if type(None) in get_args(hints_of(method)[field.name]) else []
            for value in (everything[field.name], *nulls):
                call = required.replacing(field.name, None, value)
                if operation.needs_confirmation(call.kwargs):
                    call = call.replacing("confirm", None, value=True)
                await perform(method, call)
                if not operation.uploads:
                    sent = {key: call.kwargs[key] for key in call.kwargs if key != "confirm"}
                    assert server.requests[-1].json() == sent


def states_of(operation: Operation, method: Callable[..., Any]) -> Iterator[dict[str, object]]:
    """List the states of the row, and further ones that a method could distinguish."""
    yield from operation.states()
    hints = hints_of(method)
    for field in operation.body:
        values = (True, False) if field.kind == "flag" else choices_of(hints.get(field.name))
        for value in values:
            yield {field.name: value}


@each_operation
async def test_declares_the_facts_of_its_row(operation: Operation) -> None:
    """Retry class, budgets, timeout and preview match the row for all arguments."""
    async with wired(good) as (fivetran, _):
        recorder = fivetran._transport = Recorder(fivetran._transport, [])
        method = method_of(fivetran, operation)
        for state in states_of(operation, method):
            await perform(method, build(operation, method, "required", state))
            declared = recorder.requests[-1].operation
            assert {
                "name": declared.name,
                "template": declared.template,
                "retry class": declared.retry_class,
                "budgets": frozenset(declared.budgets),
                "slow": declared.slow,
                "preview": declared.preview,
            } == {
                "name": operation.method,
                "template": operation.path,
                "retry class": operation.retry_class(state),
                "budgets": operation.budgets_of(state),
                "slow": operation.slow,
                "preview": operation.method in PREVIEWS,
            }, state


@each_operation
async def test_retries_only_what_is_safe(operation: Operation) -> None:
    """A failed request is retried if its class allows; otherwise the outcome is ambiguous."""
    for state in operation.states():
        async with wired(good) as (fivetran, server):
            method = method_of(fivetran, operation)
            call = build(operation, method, "required", state)
            for failure, repeatable in FAILURES.items():
                server.answer = always(failure)
                server.requests.clear()
                is_safe = operation.retry_class(state) in repeatable
                with pytest.raises(FivetranError) as raised:
                    await perform(method, call)
                told = f"{failure} {state}"
                assert isinstance(raised.value, AmbiguousOutcomeError) is not is_safe, told
                assert len(server.requests) == (3 if is_safe else 1), told


def after(event: asyncio.Event, fault: Fault) -> Fault:
    """Respond after an event."""

    async def play(exchange: Exchange) -> bool:
        await event.wait()
        return await fault.play(exchange)

    return Fault("late", play)


@DEPRECATED
async def test_slow_operations_are_given_more_time() -> None:
    """Only the operations that their rows call slow wait for a slow response."""
    released = asyncio.Event()
    waited_for: set[str] = set()

    async def perform_one(fivetran: AsyncFivetran, operation: Operation) -> None:
        method = method_of(fivetran, operation)
        call = build(operation, method, "required", AT_ONCE.get(operation.method))
        with contextlib.suppress(RequestTimeoutError, AmbiguousOutcomeError, ConnectError):
            await perform(method, call)
            waited_for.add(operation.method)

    async with wired(
        lambda request: after(released, good(request)),
        timeouts=Timeouts(total=0.3, slow=60.0),
        retry=RetryPolicy(max_attempts=1),
        limiter=None,
    ) as (fivetran, _):
        calls = {row: asyncio.create_task(perform_one(fivetran, row)) for row in OPERATIONS}
        await asyncio.wait([call for row, call in calls.items() if not row.slow])
        released.set()
        await asyncio.gather(*calls.values())
    assert waited_for == {row.method for row in OPERATIONS if row.slow}


async def test_words_that_are_not_listed_are_sent() -> None:
    """A word that no `Literal` lists is sent unchanged: the server decides which it accepts."""
    tried = 0
    async with wired(good) as (fivetran, server):
        for operation in OPERATIONS:
            method = method_of(fivetran, operation)
            for field in (*operation.body, *operation.query):
                if not list(choices_of(hints_of(method).get(python_name(field.name)))):
                    continue
                server.requests.clear()
                await perform(method, build(operation, method, "all", {field.name: NEW_WORD}))
                (request,) = requests_of(server, operation)
                seen = seen_of(request)
                part = seen["query"] if field in operation.query else seen["body"]
                assert cast("Json", part)[field.name] == NEW_WORD, operation.method
                tried += 1
    assert tried > 30


@each_operation
async def test_refuses_wrong_input_before_sending(operation: Operation) -> None:
    """A missing, mistyped, empty or masked argument is refused by name, before any request."""
    async with wired(good) as (fivetran, server):
        method = method_of(fivetran, operation)
        call = build(operation, method, "all")
        for wrong, error, name in wrong_calls(operation, method, call):
            with pytest.raises(error, match=rf"\b({name})\b"):
                await perform(method, wrong)
        assert server.requests == []


def wrong_calls(
    operation: Operation, method: Callable[..., Any], call: Call
) -> Iterator[tuple[Call, type[Exception], str]]:
    """List calls that must not be sent, each with its error and the name of the argument."""
    hints, parameters = hints_of(method), parameters_of(method)
    positions = {name: index for index, name in enumerate(positional_names(method))}
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty:
            yield call.without(name, positions.get(name)), TypeError, name
        if hints[name] is not object:
            yield call.replacing(name, positions.get(name), object()), InvalidArgumentError, name
    for index, (slot, name) in enumerate(zip(operation.slots, positions, strict=False)):
        for segment in ("", ".", "..", "a\nb"):
            wrong = call.replacing(name, index, segment)
            # If one class serves several paths, the error can use the name in the path.
            yield wrong, InvalidArgumentError, f"{slot}|{name}"
    for field in operation.body:
        if field.kind in {"text", "open"} and field.name in parameters:
            mask = "******" if field.kind == "text" else {"password": "******"}
            wrong = call.replacing(field.name, positions.get(field.name), mask)
            yield wrong, InvalidArgumentError, field.name


@for_each(
    "operation", [row for row in OPERATIONS if any(map(row.needs_confirmation, row.states()))]
)
async def test_refuses_unconfirmed_calls(operation: Operation) -> None:
    """A destructive call without `confirm=True` is not sent, and the error names the argument."""
    for state in filter(operation.needs_confirmation, operation.states()):
        async with wired(good) as (fivetran, server):
            method = method_of(fivetran, operation)
            call = build(operation, method, "required", state)
            for unconfirmed in (
                call.omitting("confirm"),
                call.replacing("confirm", None, value=False),
            ):
                with pytest.raises(ConfirmationRequiredError, match="confirm=True"):
                    await perform(method, unconfirmed)
            assert server.requests == []


@DEPRECATED
async def test_read_only_session_only_reads() -> None:
    """With `read_only=True` every operation except GET is refused before any request."""
    async with wired(good, read_only=True) as (fivetran, server):
        for operation in OPERATIONS:
            if operation.verb != "GET":
                method = method_of(fivetran, operation)
                with pytest.raises(ReadOnlyError):
                    await perform(method, build(operation, method, "required"))
        assert server.requests == []


async def test_deprecated_operation_warns() -> None:
    """The deprecated operation works and warns."""
    async with wired(good) as (fivetran, _):
        with pytest.warns(DeprecationWarning, match="certificates"):
            await fivetran.certificates.approve(hash="a", encoded_cert="b")
