"""Bad input is refused before any I/O, by an error with the remedy."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Coroutine
from typing import Any, cast

import aiohttp
import pytest

from fivetran_async import (
    AsyncFivetran,
    ConcurrencyLimiter,
    ConfirmationRequiredError,
    FivetranError,
    InvalidArgumentError,
    Quota,
    RetryPolicy,
    Timeouts,
)
from fivetran_async.webhooks import SeenCache, WebhookReceiver
from support.each import for_each
from support.faults import FaultServer
from support.sessions import KEY, SECRET, session_at

ROOTS = [
    ("https://api.fivetran.com", "https://api.fivetran.com"),
    ("https://api.fivetran.com/", "https://api.fivetran.com"),
    ("https://api.fivetran.com/v1", "https://api.fivetran.com"),
    ("https://api.fivetran.com/v1/", "https://api.fivetran.com"),
    (" https://api.fivetran.com ", "https://api.fivetran.com"),
    ("https://API.Fivetran.com:8443", "https://api.fivetran.com:8443"),
    ("https://api.fivetran.com.", "https://api.fivetran.com."),
    ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ("http://127.9.9.9", "http://127.9.9.9"),
    ("http://localhost:1", "http://localhost:1"),
    ("http://[::1]:80/v1", "http://[::1]:80"),
    ("https://[2001:db8::1]", "https://[2001:db8::1]"),
    ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
]


@pytest.mark.parametrize(("base_url", "root"), ROOTS)
def test_a_root_is_accepted(base_url: str, root: str) -> None:
    """The root of a host, with `/v1` or without, over TLS or to this machine."""
    assert repr(AsyncFivetran(KEY, SECRET, base_url=base_url)) == f"<AsyncFivetran {root} open>"


@for_each(
    "base_url, said",
    [
        ("http://api.fivetran.com", "pass allow_insecure=True"),
        ("http://127.0.0.1.evil.example", "pass allow_insecure=True"),
        ("http://0.0.0.0", "pass allow_insecure=True"),
        ("http://localhost.evil.example", "pass allow_insecure=True"),
        ("https://api.fivetran.com@evil.example", "must not contain '@'"),
        ("https://user:hunter2@api.fivetran.com", "must not contain '@'"),
        ("ftp://user:hunter2@api.fivetran.com", "must not contain '@'"),
        ("https://user:hunter2@api.fivetran.com:99999", "must not contain '@'"),
        ("https://user:hunter2@[bad", "must not contain '@'"),
        ("https://evil.example\\@api.fivetran.com", "backslash"),
        ("https:\\\\evil.example", "backslash"),
        ("https://api.fivetran.com/v2", "without a path"),
        ("https://api.fivetran.com/v1/groups", "without a path"),
        ("https://api.fivetran.com//evil.example", "without a path"),
        ("https://api.fivetran.com?x=1", "query or fragment"),
        ("https://api.fivetran.com#x", "query or fragment"),
        ("https://\u0430pi.fivetran.com", "punycode"),
        ("https://api fivetran.com", "punycode"),
        ("https://api.fivetran.com:99999", "is not a URL"),
        ("https://api.fivetran.com:port", "is not a URL"),
        ("https://[::1", "is not a URL"),
        ("https://", "base_url must be"),
        ("//evil.example", "base_url must be"),
        ("api.fivetran.com", "base_url must be"),
        ("ftp://api.fivetran.com", "base_url must be"),
        ("file:///etc/passwd", "base_url must be"),
        (5, "base_url must be a str, not int"),
    ],
)
def test_another_root_is_refused(base_url: object, said: str) -> None:
    """What is not a host's root is refused, and what may be a password is not quoted."""
    with pytest.raises(InvalidArgumentError) as caught:
        AsyncFivetran(KEY, SECRET, base_url=cast("str", base_url))
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_plain_http_can_be_insisted_on() -> None:
    """`allow_insecure=True` takes any host without TLS."""
    fivetran = AsyncFivetran(KEY, SECRET, base_url="http://proxy.example", allow_insecure=True)
    assert repr(fivetran) == "<AsyncFivetran http://proxy.example open>"


@for_each(
    "options, said",
    [
        ({"timeouts": "5"}, "total must be a positive number of seconds"),
        ({"timeouts": 0}, "total must be a positive number of seconds"),
        ({"timeouts": -1.5}, "total must be a positive number of seconds"),
        ({"timeouts": float("nan")}, "total must be a positive number of seconds"),
        ({"timeouts": True}, "total must be a positive number of seconds"),
        ({"timeouts": "soon"}, "total must be a positive number of seconds"),
        ({"retry": None}, "retry must be a RetryPolicy, not None"),
        ({"retry": 3}, "retry must be a RetryPolicy, not int"),
        ({"hooks": None}, "hooks must be a Hooks, not None"),
        ({"limiter": 5}, "limiter must be a ConcurrencyLimiter or None, not int"),
        ({"rate_limits": 5}, "rate_limits must be"),
        ({"session": "x"}, "session must be a ClientSession or None, not str"),
        ({"read_only": "no"}, "read_only must be True or False, not str"),
        ({"read_only": None}, "read_only must be True or False, not None"),
        ({"allow_insecure": "no"}, "allow_insecure must be True or False, not str"),
        ({"user_agent": 5}, "user_agent must be"),
        ({"user_agent": "a\r\nX-Evil: 1"}, "user_agent must be"),
        ({"user_agent": " "}, "user_agent must be"),
        ({"max_response_bytes": "1"}, "max_response_bytes must be an int of 1 or more"),
        ({"max_response_bytes": 0}, "max_response_bytes must be an int of 1 or more"),
        ({"max_response_bytes": True}, "max_response_bytes must be an int of 1 or more"),
        ({"ssl_context": False}, "ssl_context must be a SSLContext or None, not bool"),
        ({"proxy": 5}, "proxy must be a str or None, not int"),
        ({"trace_configs": None}, "trace_configs must be a sequence, each a TraceConfig"),
        ({"trace_configs": [5]}, "trace_configs must be a sequence, each a TraceConfig"),
    ],
)
def test_options_of_another_type_are_refused(options: dict[str, Any], said: str) -> None:
    """Each option of a session is checked when the session is made, by its name."""
    with pytest.raises(InvalidArgumentError) as caught:
        AsyncFivetran(KEY, SECRET, **options)
    assert said in str(caught.value)


@pytest.mark.parametrize("verify_mode", [ssl.CERT_NONE, ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED])
def test_verification_is_not_turned_off_silently(verify_mode: ssl.VerifyMode) -> None:
    """
    A context that does not verify the certificate, or the host name, needs `allow_insecure=True`.

    Siblings: a `base_url` without TLS.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = verify_mode
    with pytest.raises(InvalidArgumentError, match=r"does not verify .*pass allow_insecure=True"):
        AsyncFivetran(KEY, SECRET, ssl_context=context)
    assert not AsyncFivetran(KEY, SECRET, ssl_context=context, allow_insecure=True).closed
    assert not AsyncFivetran(KEY, SECRET, ssl_context=ssl.create_default_context()).closed


@pytest.mark.parametrize(
    ("proxy", "message"),
    [
        ("socks5://user:hunter2@proxy:1080", "unsupported scheme 'socks5'.*SOCKS pass session="),
        ("socks4://proxy:1080", "unsupported scheme"),
        ("http://user:hunter2@proxy:99999", "port from 1 to 65535"),
        ("http://proxy:0", "port from 1 to 65535"),
        ("http://proxy:port", "port from 1 to 65535"),
        ("http://[::1", "must be a URL"),
        ("proxy:3128", "unsupported scheme"),
        ("proxy", "must be a URL"),
        ("http://", "must be a URL"),
        ("", "must be a URL"),
        (5, "proxy must be a str or None, not int"),
    ],
)
def test_a_proxy_is_checked_before_any_io(proxy: str, message: str) -> None:
    """What aiohttp cannot use is an error of ours, which does not show the user info."""
    with pytest.raises(InvalidArgumentError, match=message) as caught:
        AsyncFivetran(KEY, SECRET, proxy=proxy)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("base_url", ["https://host:99999", "https://host:0", "https://host:-1"])
def test_a_port_is_checked_before_any_io(base_url: str) -> None:
    """A port that no host has is an error that names the range."""
    with pytest.raises(InvalidArgumentError, match="from 1 to 65535"):
        AsyncFivetran(KEY, SECRET, base_url=base_url)


async def test_what_belongs_to_a_given_session_is_set_there() -> None:
    """With `session=`, TLS, proxy and tracing are that session's own."""
    async with aiohttp.ClientSession() as own:
        with pytest.raises(InvalidArgumentError, match="set them there"):
            AsyncFivetran(KEY, SECRET, session=own, proxy="http://127.0.0.1:1")


@for_each(
    "build, said",
    [
        (lambda: Timeouts(connect=0), "connect must be a positive number"),
        (lambda: Timeouts(slow=cast("float", "slow")), "slow must be a positive number"),
        (lambda: RetryPolicy(max_attempts=0), "max_attempts must be an int of 1 or more"),
        (lambda: RetryPolicy(max_attempts=cast("int", 2.0)), "max_attempts must be an int"),
        (lambda: RetryPolicy(deadline=10**400), "deadline must be 0 or more seconds, at most 100"),
        (lambda: RetryPolicy(max_local_wait=-(10**400)), "max_local_wait must be 0 or more"),
        (lambda: Timeouts(total=10**400), "total must be a positive .* at most 100 years"),
        (lambda: Timeouts(slow=1e308), "slow must be a positive .* at most 100 years"),
        (lambda: Quota(5, 1e308), r"seconds must be 0\.001 or more seconds, at most 100 years"),
        (lambda: Quota(5, 1e-320), r"seconds must be 0\.001 or more seconds, not"),
        (lambda: SeenCache(seconds=cast("float", "5")), "seconds must be a positive number"),
        (lambda: SeenCache(size=cast("int", None)), "`size` must be a whole number of at least 1"),
        (lambda: WebhookReceiver("s", lease=cast("float", "5")), "lease must be a positive number"),
        (lambda: WebhookReceiver("s", max_age=float("inf")), "max_age must be .* 100 years"),
        (lambda: WebhookReceiver("s", max_body=cast("int", None)), "`max_body` must be a whole"),
        (lambda: RetryPolicy(base_delay=-1), "base_delay must be 0 or more seconds"),
        (lambda: RetryPolicy(max_delay=float("inf")), "max_delay must be 0 or more seconds"),
        (lambda: RetryPolicy(deadline=cast("float", "5")), "deadline must be a number of seconds"),
        (lambda: RetryPolicy(max_retry_after=float("nan")), "max_retry_after must be 0 or more"),
        (lambda: ConcurrencyLimiter(0), "`limit` must be a whole number of at least 1"),
        (lambda: ConcurrencyLimiter(True), "`limit` must be a whole number of at least 1"),  # noqa: FBT003
    ],
)
def test_settings_are_checked_when_they_are_made(build: Callable[[], object], said: str) -> None:
    """A setting that cannot work is refused by its name."""
    with pytest.raises(InvalidArgumentError, match=said):
        build()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"deadline": 0}, "deadline must be a positive number"),
        ({"deadline": "5"}, "deadline must be a positive number"),
        ({"priority": "high"}, "priority must be one of 'interactive', 'bulk'"),
        ({"retry": 3}, "retry must be a RetryPolicy"),
        ({"timeouts": 0}, "total must be a positive number"),
    ],
)
def test_a_view_is_checked_like_a_session(options: dict[str, Any], said: str) -> None:
    """`with_options` refuses what the session would."""
    with pytest.raises(InvalidArgumentError, match=said):
        AsyncFivetran(KEY, SECRET).with_options(**options)


Call = Callable[[AsyncFivetran], Coroutine[Any, Any, object]]

REFUSED: list[tuple[str, Call, str]] = [
    ("get('')", lambda f: f.groups.get(""), "group_id must not be ''"),
    ("get('.')", lambda f: f.groups.get("."), "group_id must not be '.'"),
    ("get('..')", lambda f: f.groups.get(".."), "group_id must not be '..'"),
    ("get(None)", lambda f: f.groups.get(cast("str", None)), "group_id must be a str, not None"),
    ("get(5)", lambda f: f.groups.get(cast("str", 5)), "group_id must be a str, not int"),
    (
        "keyword",
        lambda f: f.groups.get(group_id=cast("str", 5)),
        "group_id must be a str, not int (Groups.get)",
    ),
    (
        "update(name=5)",
        lambda f: f.groups.update("g", name=cast("str", 5)),
        "name must be a str, not int",
    ),
    (
        "sync(force='yes')",
        lambda f: f.connections.sync("c", force=cast("bool", "yes")),
        "force must be True or False, not str",
    ),
    (
        "config as a list",
        lambda f: f.connections.update("c", config=cast("dict[str, object]", [])),
        "config must be a mapping, not list",
    ),
    (
        "paused as text",
        lambda f: f.connections.update("c", paused=cast("bool", "false")),
        "paused must be True or False, not str",
    ),
    (
        "frequency as truth",
        lambda f: f.connections.set_sync_frequency("c", True),  # noqa: FBT003
        "minutes must be an int, not bool",
    ),
    (
        "nothing to change",
        lambda f: f.connections.update("c"),
        "connections.update requires at least",
    ),
    (
        "a mask",
        lambda f: f.connections.update("c", config={"password": "******"}),
        "config.password is only a mask",
    ),
    (
        "NaN",
        lambda f: f.connections.update("c", config={"ratio": float("nan")}),
        "ratio",
    ),
    ("a set", lambda f: f.connections.update("c", config={"tables": {1}}), "tables"),
    ("limit 0", lambda f: f.groups.list(limit=0).page(), "`limit` must be a whole number"),
    ("limit 1001", lambda f: f.groups.list(limit=1001).page(), "from 1 to 1000"),
    ("cursor ''", lambda f: f.groups.list(cursor="").page(), "`cursor` must be"),
    ("take(-1)", lambda f: f.groups.list().take(-1), "`n` must be a whole number"),
    (
        "active as text",
        lambda f: f.groups.users.list("g", active=cast("bool", "yes")).page(),
        "active must be True or False",
    ),
    ("verb", lambda f: f.request(cast("Any", "PUT"), "/v1/x"), "verb must be one of"),
    ("lower verb", lambda f: f.request(cast("Any", "get"), "/v1/x"), "verb must be one of"),
    ("raw verb", lambda f: f.request_raw(cast("Any", "HEAD"), "/v1/x"), "verb must be one of"),
    (
        "class",
        lambda f: f.request("GET", "/v1/x", retry_class=cast("Any", "Z")),
        "retry_class must be one of",
    ),
    (
        "version",
        lambda f: f.request("GET", "/v1/x", accept_version=cast("Any", 3)),
        "accept_version must be one of",
    ),
    (
        "raw version",
        lambda f: f.request_raw("GET", "/v1/x", accept_version=cast("Any", "2")),
        "accept_version must be one of",
    ),
    (
        "query",
        lambda f: f.request("GET", "/v1/x", query=cast("Any", [("a", 1)])),
        "query must be a mapping or None, not list",
    ),
    (
        "body",
        lambda f: f.request("POST", "/v1/x", body=cast("Any", [1])),
        "body must be a mapping, not list",
    ),
    (
        "path",
        lambda f: f.request("GET", "v1/groups"),
        "did you mean '/v1/groups'",
    ),
    (
        "raw path",
        lambda f: f.request_raw("GET", "groups"),
        "did you mean '/v1/groups'",
    ),
    (
        "paginate path",
        lambda f: f.paginate("/groups", item=object).page(),
        "did you mean '/v1/groups'",
    ),
    (
        "paginate version",
        lambda f: f.paginate("/v1/x", item=object, accept_version=cast("Any", 0)).page(),
        "accept_version must be one of",
    ),
]


@for_each("name, call, said", REFUSED)
async def test_a_bad_argument_is_refused_before_any_request(
    name: str, call: Call, said: str, fault_server: FaultServer
) -> None:
    """A wrong argument is an `InvalidArgumentError` that names it; the server sees nothing."""
    async with session_at(fault_server.url) as fivetran:
        with pytest.raises(InvalidArgumentError) as caught:
            await call(fivetran)
    assert said in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert (fault_server.connections, fault_server.requests) == (0, [])


UNCONFIRMED: list[tuple[str, Call]] = [
    ("delete group", lambda f: f.groups.delete("g")),
    ("delete group, confirm=1", lambda f: f.groups.delete("g", confirm=False)),
    ("resync", lambda f: f.connections.resync("c")),
    ("historical sync", lambda f: f.connections.update("c", is_historical_sync=True)),
    ("state", lambda f: f.connections.update_state("c", state={})),
    (
        "backfill",
        lambda f: f.connections.move("c", destination_group_id="g", sync_behavior="BACKFILL"),
    ),
]


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in UNCONFIRMED])
async def test_what_destroys_or_costs_needs_confirmation(
    call: Call, fault_server: FaultServer
) -> None:
    """Without `confirm=True` such a call is refused, with its consequence, before any request."""
    async with session_at(fault_server.url) as fivetran:
        with pytest.raises(ConfirmationRequiredError, match=r": pass confirm=True to confirm"):
            await call(fivetran)
    assert fault_server.requests == []


async def test_a_refused_value_is_not_quoted(fault_server: FaultServer) -> None:
    """The message about a wrong type does not show the value, which may be a secret."""
    async with session_at(fault_server.url) as fivetran:
        with pytest.raises(FivetranError) as caught:
            await fivetran.connections.update("c", config=cast("dict[str, object]", "hunter2"))
    assert "hunter2" not in str(caught.value)
