"""
The errors that new users meet first: what failed, where, and what to do.

`test_bad_input` has the refused arguments, `test_pagination` the misuse of pagers.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Generator, Mapping
from typing import Any, Final, cast

import attrs
import pytest

from fivetran_async import (
    AmbiguousOutcomeError,
    AsyncFivetran,
    AuthenticationError,
    ConfirmationRequiredError,
    ConnectError,
    ConnectionLostError,
    FivetranError,
    InvalidArgumentError,
    InvalidRequestError,
    MissingCredentialsError,
    NotFoundError,
    OperationUnavailableError,
    RateLimitedError,
    ReadOnlyError,
    RedirectError,
    RequestTimeoutError,
    ResponseFormatError,
    SchemaNotCapturedError,
    ServerError,
    SessionClosedError,
)
from fivetran_async.testing import FakeFivetran, Fault
from support.sessions import ONCE

WRONG_KEY: Final = {"api_key": "a key that is wrong", "api_secret": "a secret that is wrong"}
PAGE: Final = "<html><head><title>Sign in to Example</title></head></html>"


@attrs.frozen
class Trouble:
    """
    One failure.

    Attributes:
        call: The call of the user.
        error: The class of the error.
        parts: Parts of the message, in order.
        operation: The operation that responds with `fault`.
        options: Options of the session.
    """

    call: Callable[[AsyncFivetran], Any]
    error: type[FivetranError]
    parts: tuple[str, ...]
    operation: str = ""
    fault: Fault | None = None
    options: Mapping[str, object] = attrs.field(factory=dict[str, object])


TROUBLES: Final[Mapping[str, Trouble]] = {
    "wrong key": Trouble(
        lambda f: f.groups.get("decent_dropsy"),
        AuthenticationError,
        ("GET /v1/groups/decent_dropsy", "401", "API key and secret"),
        options=WRONG_KEY,
    ),
    "wrong key, and a server without words": Trouble(
        lambda f: f.groups.get("decent_dropsy"),
        AuthenticationError,
        ("GET /v1/groups/decent_dropsy", "401", "API key or secret"),
        operation="groups.get",
        fault=Fault.status(401, body=b""),
    ),
    "typo in an id": Trouble(
        lambda f: f.connections.get("speak_inexpensiv"),
        NotFoundError,
        ("GET /v1/connections/speak_inexpensiv", "404 NotFound_Connection", "'speak_inexpensiv'"),
    ),
    "no such path": Trouble(
        lambda f: f.request("GET", "/v1/connectors"),
        NotFoundError,
        ("GET /v1/connectors", "404"),
    ),
    "schema of a connection that never ran": Trouble(
        lambda f: f.connections.schemas.get("iodine_bliss"),
        SchemaNotCapturedError,
        ("GET /v1/connections/iodine_bliss/schemas", "NotFound_SchemaConfig", "no schema"),
        operation="connections.schemas.get",
        fault=Fault.status(
            404, body={"code": "NotFound_SchemaConfig", "message": "It has no schema config yet"}
        ),
    ),
    "preview that the account lacks": Trouble(
        lambda f: f.users.api_keys.get("decent_dropsy"),
        OperationUnavailableError,
        (
            "GET /v1/users/decent_dropsy/api-keys",
            "404 NotFound",
            "no operation users.api_keys.get",
            "preview",
        ),
        operation="users.api_keys.get",
        fault=Fault.status(404, body={"code": "NotFound", "message": "HTTP 404 Not Found"}),
    ),
    "field that the API does not know": Trouble(
        lambda f: f.request("POST", "/v1/groups", body={"nam": "Warehouse"}),
        InvalidRequestError,
        ("POST /v1/groups", "400", "nam"),
    ),
    "no confirmation": Trouble(
        lambda f: f.connections.resync("speak_inexpensive"),
        ConfirmationRequiredError,
        ("connections.resync", "reloads the whole history", "pass confirm=True"),
    ),
    "change on a reading session": Trouble(
        lambda f: f.groups.create(name="Warehouse"),
        ReadOnlyError,
        ("POST /v1/groups", "read_only=True"),
        options={"read_only": True},
    ),
    "number for an id": Trouble(
        lambda f: f.groups.get(cast("str", 5)),
        InvalidArgumentError,
        ("group_id", "must be a str, not int", "Groups.get"),
    ),
    "quota used up": Trouble(
        lambda f: f.groups.get("decent_dropsy"),
        RateLimitedError,
        (
            "GET /v1/groups/decent_dropsy",
            "429 TooManyRequests",
            "Scripted status 429. Retry after 3600 s.",
        ),
        operation="groups.get",
        fault=Fault.status(429, headers={"Retry-After": "3600"}),
    ),
    "timed out": Trouble(
        lambda f: f.groups.get("decent_dropsy"),
        RequestTimeoutError,
        ("GET /v1/groups/decent_dropsy", "Timed out waiting for the response", "timeouts="),
        operation="groups.get",
        fault=Fault.hang(),
        options={"timeouts": 0.5},
    ),
    "connection lost": Trouble(
        lambda f: f.groups.get("decent_dropsy"),
        ConnectionLostError,
        ("GET /v1/groups/decent_dropsy", "connection broke"),
        operation="groups.get",
        fault=Fault.drop(),
    ),
    "create without a response": Trouble(
        lambda f: f.groups.create(name="Warehouse"),
        AmbiguousOutcomeError,
        (
            "POST /v1/groups",
            "connection broke",
            "may have been applied; it was not retried",
            "before you",
        ),
        operation="groups.create",
        fault=Fault.drop("after"),
    ),
    "trigger without a response": Trouble(
        lambda f: f.connections.sync("speak_inexpensive"),
        AmbiguousOutcomeError,
        (
            "POST /v1/connections/speak_inexpensive/sync",
            "Timed out",
            "it was not retried",
            "before you",
        ),
        operation="connections.sync",
        fault=Fault.hang(),
        options={"timeouts": 0.5},
    ),
    "sign-in page instead of a response": Trouble(
        lambda f: f.groups.get("decent_dropsy"),
        ResponseFormatError,
        ("GET /v1/groups/decent_dropsy", "200", "web page (Sign in to Example)", "instead of JSON"),
        operation="groups.get",
        fault=Fault.status(200, headers={"Content-Type": "text/html"}, body=PAGE),
    ),
    "error page of a gateway": Trouble(
        lambda f: f.groups.get("decent_dropsy"),
        ServerError,
        ("GET /v1/groups/decent_dropsy", "502"),
        operation="groups.get",
        fault=Fault.html(502),
    ),
    "redirect to another host": Trouble(
        lambda f: f.groups.get("decent_dropsy"),
        RedirectError,
        ("GET /v1/groups/decent_dropsy", "302", "redirects to login.example", "Check base_url"),
        operation="groups.get",
        fault=Fault.status(302, headers={"Location": "https://login.example/"}, body=b""),
    ),
}


def has_in_order(error: BaseException, parts: tuple[str, ...]) -> bool:
    """Return True if a message contains all parts in order."""
    rest = str(error)
    for part in parts:
        _, found, rest = rest.partition(part)
        if not found:
            return False
    return True


@contextlib.contextmanager
def port_that_nobody_listens_on() -> Generator[int]:
    """Reserve a port of this machine without listening, so that connections are refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
async def test_message_names_failure_request_and_remedy(trouble: Trouble) -> None:
    """A message names the failure, the request and the remedy, on one line without credentials."""
    async with FakeFivetran(legacy_paths=False) as fake:
        if trouble.fault is not None:
            fake.fail(trouble.operation, fault=trouble.fault)
        options: dict[str, Any] = {"retry": ONCE, "rate_limits": None, **trouble.options}
        async with fake.client(**options) as fivetran:
            with pytest.raises(FivetranError) as caught:
                await trouble.call(fivetran)
    assert type(caught.value) is trouble.error
    assert has_in_order(caught.value, trouble.parts), str(caught.value)
    assert "\n" not in str(caught.value)
    assert not any(secret in str(caught.value) for secret in WRONG_KEY.values())


async def test_message_counts_attempts() -> None:
    """The error of a retried call contains the number of attempts."""
    async with FakeFivetran() as fake:
        fake.fail("groups.get", fault=Fault.status(500), times=3)
        patient = attrs.evolve(ONCE, max_attempts=3, base_delay=0)
        async with fake.client(retry=patient, rate_limits=None) as fivetran:
            with pytest.raises(ServerError, match=r"500 .*\(after 3 attempts\)$"):
                await fivetran.groups.get("decent_dropsy")


async def test_wrong_host_is_named() -> None:
    """If the connection is refused, the error names `base_url` and the error of the system."""
    with port_that_nobody_listens_on() as port:
        url = f"http://127.0.0.1:{port}"
        async with AsyncFivetran("key", "secret", base_url=url, retry=ONCE) as fivetran:
            with pytest.raises(ConnectError) as caught:
                await fivetran.groups.get("decent_dropsy")
    parts = ("GET /v1/groups/decent_dropsy", url, "Connection refused")
    assert has_in_order(caught.value, parts), str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "error", "parts"),
    [
        (
            {},
            MissingCredentialsError,
            ("No API key", "api_key=", "FIVETRAN_API_KEY and FIVETRAN_API_SECRET", "API Config"),
        ),
        (
            {"api_key": "key"},
            MissingCredentialsError,
            ("api_secret is missing", "api_secret=", "FIVETRAN_API_SECRET"),
        ),
        (
            {"api_key": "key", "api_secret": "secret", "base_url": "http://proxy.example"},
            InvalidArgumentError,
            ("base_url", "unencrypted", "use https", "allow_insecure=True", "proxy.example"),
        ),
        (
            {"api_key": "key", "api_secret": "secret", "base_url": "api.fivetran.com"},
            InvalidArgumentError,
            ("base_url", "must be a URL such as https://api.fivetran.com"),
        ),
    ],
    ids=["no credentials", "half of them", "plain http", "no scheme"],
)
def test_session_without_credentials_names_what_to_set(
    arguments: dict[str, Any],
    error: type[FivetranError],
    parts: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error names the arguments, the environment variables and the source of credentials."""
    for name in ("FIVETRAN_API_KEY", "FIVETRAN_API_SECRET", "FIVETRAN_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(error) as caught:
        AsyncFivetran(**arguments)
    assert has_in_order(caught.value, parts), str(caught.value)


async def test_use_after_the_block_needs_a_session() -> None:
    """A pager that is used after its session closed names its request and the remedy."""
    async with FakeFivetran() as fake:
        async with fake.client() as fivetran:
            groups = fivetran.groups.list()
        with pytest.raises(SessionClosedError) as caught:
            await groups.collect()
    parts = ("GET /v1/groups", "closed", "make a new AsyncFivetran")
    assert has_in_order(caught.value, parts), str(caught.value)


async def test_forgotten_await_names_the_method() -> None:
    """The warning of Python about a missing await names the method of the family."""
    async with FakeFivetran() as fake, fake.client() as fivetran:
        forgotten: Any = fivetran.groups.get("decent_dropsy")
        with pytest.raises(AttributeError, match="'coroutine' object has no attribute 'name'"):
            _ = forgotten.name
        assert forgotten.__qualname__ == "Groups.get"
        forgotten.close()
