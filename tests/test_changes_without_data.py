"""Every change over real HTTP, to a server that confirms it without describing the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import pytest

from fivetran_async import AsyncFivetran, NotFoundError, ResultMissingError
from fivetran_async.models import ConnectionMove, Group, Membership, TeamMembership
from meta.calls import Call, build, encoded, method_of, perform
from meta.inventory import BY_METHOD, OPERATIONS, Operation
from meta.samples import data_for, faults_of, identities_of
from meta.wiring import DEPRECATED, always, operation_on, respond_with, wired
from support.each import for_each
from support.faults import Fault, FaultServer, WireRequest, reply

NEW: Final = "the id of what was created is only in the response"
SECRET: Final = "the only copy of a credential is in the response"
RESULTS: Final = "the results of tests are only in the response"

NOT_SHOWN: Final[Mapping[str, str]] = {
    "connections.create": NEW,
    "connections.create_connect_card": SECRET,
    "connector_sdk_packages.create": NEW,
    "external_secrets_managers.create": NEW,
    "groups.create": NEW,
    "hvr.register_hub": SECRET,
    "hybrid_deployment_agents.create": SECRET,
    "hybrid_deployment_agents.re_auth": SECRET,
    "log_services.account.run_setup_tests": RESULTS,
    "log_services.run_setup_tests": RESULTS,
    "private_links.create": NEW,
    "proxy_agents.create": SECRET,
    "proxy_agents.regenerate_secrets": SECRET,
    "system_keys.create": SECRET,
    "system_keys.rotate": SECRET,
    "teams.create": NEW,
    "transformation_projects.create": NEW,
    "transformations.create": NEW,
    "users.api_keys.create": SECRET,
    "users.api_keys.rotate": SECRET,
    "users.create": NEW,
    "webhooks.create_account": NEW,
    "webhooks.create_group": NEW,
    "webhooks.test": RESULTS,
}
"""The changes with results that no read returns, and the reason."""

BUILT: Final = frozenset(
    f"{family}.{action}"
    for family in ("teams.connections", "teams.groups", "teams.users", "users.connections")
    for action in ("add", "update")
) | {"users.groups.add", "connections.move"}
"""The changes with results that the arguments describe."""

CHANGES: Final = [row for row in OPERATIONS if row.verb != "GET" and row.response == "object"]

CONFIRMED: Final = (
    reply(json={"code": "Success", "message": "It is done"}),
    reply(201, json={"code": "Created", "data": None}),
    reply(json={"code": "Success", "data": []}),
    reply(body=b""),
    reply(204, body=b""),
)
"""Successes without data, as the API and its gateways send them."""
NO_IDENTITY: Final = reply(json={"code": "Success", "data": {"odd": 1}})


def confirming(change: Operation, fault: Fault) -> Callable[[WireRequest], Fault]:
    """Confirm a change by `fault`, and respond to reads in full."""

    def answer(request: WireRequest) -> Fault:
        operation = operation_on(request)
        return fault if operation is change else respond_with(operation, data_for(operation))

    return answer


async def confirmed(
    fivetran: AsyncFivetran, server: FaultServer, operation: Operation, fault: Fault
) -> tuple[Call, object]:
    """Make a change that is confirmed by `fault`; return the call and its result."""
    server.answer = confirming(operation, fault)
    server.requests.clear()
    method = method_of(fivetran, operation)
    call = build(operation, method, "required")
    try:
        return call, await perform(method, call)
    except ResultMissingError as error:
        return call, error


@DEPRECATED
@for_each("operation", CHANGES)
async def test_confirmed_change_is_never_a_format_error(operation: Operation) -> None:
    """A change without data in its response is read, built from the arguments, or named missing."""
    async with wired(always(CONFIRMED[0])) as (fivetran, server):
        for fault in (*CONFIRMED, NO_IDENTITY):
            call, result = await confirmed(fivetran, server, operation, fault)
            if fault is NO_IDENTITY and has_no_identity(result):
                # Any object is a valid result.
                continue
            sent = [operation_on(request).method for request in server.requests]
            assert sent[0] == operation.method
            if operation.method in NOT_SHOWN:
                assert sent[1:] == []
                check_missing(result, operation)
            elif operation.method in BUILT:
                assert sent[1:] == []
                check_built(result, call)
            else:
                check_read(result, server.requests, call)


def has_no_identity(result: object) -> bool:
    """Return True for a model without a required field."""
    return not isinstance(result, ResultMissingError) and not identities_of(type(result))


def check_missing(result: object, operation: Operation) -> None:
    """Check that the error names the change, and what to do instead of repeating it."""
    assert isinstance(result, ResultMissingError)
    assert result.operation == operation.method
    assert result.fate == "responded"
    assert result.retryable is False
    assert result.status in {200, 201, 204}
    assert str(result).startswith(f"{operation.verb} /v1/")
    assert "The change was made, but its result is missing" in str(result)
    assert result.advice
    if (
        NOT_SHOWN[operation.method] is SECRET
        and operation.method != "connections.create_connect_card"
    ):
        assert "lost" in result.advice


def check_built(result: object, call: Call) -> None:
    """Check that the result repeats what was asked for, and that a membership is marked."""
    if isinstance(result, ConnectionMove):
        assert result.connection_id == call.args[0]
        assert result.destination_group_id == call.kwargs["destination_group_id"]
        return
    assert isinstance(result, Membership | TeamMembership)
    assert result.is_assumed
    assert result.role == call.kwargs.get("role", "")
    assert result.created_at is None
    assert result.extra == {}
    assert (result.id if isinstance(result, Membership) else result.user_id) == call.args[1]
    assert type(result).from_dict(result.to_dict()) == result


def check_read(result: object, requests: list[WireRequest], call: Call) -> None:
    """Check that one read followed, of the same object, and that its response is the result."""
    (_, read) = requests
    operation = operation_on(read)
    assert operation.verb == "GET"
    path = read.target
    for segment in path.split("/")[3:]:
        # Every id of the read is an argument of the change.
        assert segment.isascii()
        is_word = segment in operation.path.split("/")
        assert is_word or segment in call.path.split("/") or segment in ids_in(call.body)
    data = data_for(operation)
    assert faults_of(result, data, operation.shape) == []


def ids_in(body: object) -> set[str]:
    """Return the texts of a body, percent-encoded."""
    values = cast("dict[str, object]", body).values() if isinstance(body, dict) else ()
    return {encoded(value) for value in values if isinstance(value, str)}


def test_every_change_is_of_one_kind() -> None:
    """The tables name existing changes only, and none twice."""
    methods = {row.method for row in CHANGES}
    assert NOT_SHOWN.keys() <= methods
    assert methods >= BUILT
    assert not NOT_SHOWN.keys() & BUILT


async def test_read_that_fails_leaves_the_change_made() -> None:
    """If the object cannot be read, the error still reports that the change was made."""
    rename = BY_METHOD["groups.update"]

    def answer(request: WireRequest) -> Fault:
        gone = reply(404, json={"code": "NotFound_Group", "message": "no such group"})
        return gone if request.verb == "GET" else CONFIRMED[0]

    async with wired(answer) as (fivetran, _):
        with pytest.raises(ResultMissingError, match="no such group") as caught:
            await fivetran.groups.update("decent_dropsy", name="new")
    assert isinstance(caught.value.__cause__, NotFoundError)
    assert caught.value.operation == rename.method
    assert caught.value.advice == "Do not repeat the call."


async def test_own_request_is_read_where_the_operation_is_known() -> None:
    """`request` reads the object of a PATCH that has a method here, and names others missing."""

    def answer(request: WireRequest) -> Fault:
        return reply(json={"data": {"id": "g"}}) if request.verb == "GET" else CONFIRMED[0]

    body: dict[str, Any] = {"name": "n"}
    async with wired(answer) as (fivetran, server):
        group = await fivetran.request("PATCH", "/v1/groups/g", body=body, result=Group)
        assert group == Group(id="g")
        with pytest.raises(ResultMissingError):
            await fivetran.request("PATCH", "/v1/things/g", body=body, result=Group)
        assert await fivetran.request("PATCH", "/v1/things/g", body=body) is None
    assert [request.verb for request in server.requests] == ["PATCH", "GET", "PATCH", "PATCH"]


async def test_body_that_is_not_json_proves_no_change() -> None:
    """A web page with status 200 comes from a gateway, which did not make the change."""
    page = reply(headers={"Content-Type": "text/html"}, body=b"<html><title>Log in</title></html>")
    async with wired(always(page)) as (fivetran, server):
        with pytest.raises(Exception, match="a web page") as caught:
            await fivetran.groups.update("decent_dropsy", name="new")
    assert type(caught.value).__name__ == "ResponseFormatError"
    assert len(server.requests) == 1
