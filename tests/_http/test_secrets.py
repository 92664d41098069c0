"""The API key and secret appear nowhere: not in texts, logs or tracebacks with all their locals."""

from __future__ import annotations

import asyncio
import base64
import copy
import html
import io
import json
import logging
import pickle
import traceback
import warnings
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from fivetran_async import (
    AsyncFivetran,
    FivetranError,
    Hooks,
    InvalidArgumentError,
    InvalidRequestError,
    PaginationError,
    RetryPolicy,
    UsageError,
)
from fivetran_async._types import Verb
from fivetran_async.models import Group, TransformationProjectConfig, Webhook
from support import faults
from support.certificates import Certificates
from support.fake_clock import FakeClock
from support.faults import FaultServer, reply
from support.sessions import ONE_GROUP, page, refusal, success

KEY = "canary+key/0123=="
SECRET = "canary&secret %4567?"
PAIR = f"{KEY}:{SECRET}"

FORMS = tuple(
    {
        form
        for text in (KEY, SECRET, PAIR)
        for form in (
            text,
            quote(text, safe=""),
            quote(text),
            quote_plus(text),
            base64.b64encode(text.encode()).decode(),
            base64.b64encode(text.encode()).decode().rstrip("="),
            base64.urlsafe_b64encode(text.encode()).decode(),
            quote(base64.b64encode(text.encode()).decode(), safe=""),
            base64.b64encode(f"Basic {text}".encode()).decode()[8:-4],
            json.dumps(text)[1:-1],
            json.dumps(text).replace("/", "\\/")[1:-1],
            html.escape(text),
            "".join(f"&#{ord(character)};" for character in text),
            "".join(f"\\u{ord(character):04x}" for character in text),
            "".join(f"%{byte:02x}" for byte in text.encode()),
            repr(text)[1:-1],
            text.upper(),
        )
    }
)


def assert_clean(text: str) -> None:
    """Check that a text has no form of the canaries."""
    found = [form for form in FORMS if form in text]
    assert found == [], f"{found} in {text}"


def everything_shown(value: object) -> str:
    """All that can be had from an object by printing it and what it holds."""
    shown = [repr(value), str(value), f"{value}", f"{value!a}"]
    if isinstance(value, BaseException):
        shown += [repr(value.args), repr(getattr(value, "__notes__", ()))]
    shown.append(repr(getattr(value, "__dict__", {})))
    for name in getattr(type(value), "__slots__", ()):
        shown.append(repr(getattr(value, name, None)))
    return "\n".join(shown)


def traceback_with_locals(error: BaseException) -> str:
    """What an error tracker sees of an exception, its causes and every frame's variables."""
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(report.format(chain=True))


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, down to DEBUG, formatted, with the arguments."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)r %(exc_info)r"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.setLevel(level)
    root.removeHandler(handler)


@asynccontextmanager
async def canary_session(url: str, **options: Any) -> AsyncGenerator[AsyncFivetran]:  # noqa: ANN401
    """A session with the canaries as credentials."""
    async with AsyncFivetran(
        KEY, SECRET, base_url=url, rate_limits=None, _clock=FakeClock(), **options
    ) as fivetran:
        yield fivetran


async def error_of(call: Coroutine[Any, Any, object]) -> BaseException | None:
    """Return the error of a call, if any."""
    try:
        await call
    except FivetranError as error:
        return error
    return None


async def cancelled_in_aiohttp(fivetran: AsyncFivetran, steps: int) -> bool:
    """Cancel a call after some steps, check the error, and return True if it was in aiohttp."""
    task = asyncio.create_task(fivetran.connections.resync("c", confirm=True))
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError as error:
        shown = traceback_with_locals(error)
        assert_clean(shown)
        assert_clean(everything_shown(error))
        return "aiohttp/client.py" in shown
    return False


def echo(status: int) -> faults.Fault:
    """A response that echoes the credentials in every form, in its body and in its headers."""
    encoded = base64.b64encode(PAIR.encode()).decode()
    plain = (KEY, SECRET, PAIR, encoded, f"Basic {encoded}")
    text = " | ".join([*plain, *map(quote, plain), *(quote(each, safe="") for each in plain)])
    text = " | ".join([text[:600], *FORMS[::3]]) if status == 409 else text
    return reply(
        status,
        {"code": f"Bad {KEY}", "message": text},
        [("X-Echo", quote(PAIR)), ("Location", f"https://{quote(KEY, safe='')}.example/{SECRET}")],
    )


FAULTS = (
    *faults.BEFORE_ANSWER,
    *faults.BAD_FRAMING,
    *faults.UNREADABLE_BODY,
    faults.HANG,
    faults.HANG_IN_BODY,
    *faults.NOT_JSON,
    *faults.NOT_AN_OBJECT,
    reply(body=b" " * 100_000),
    *map(refusal, (400, 401, 403, 404, 408, 409, 422, 425, 429, 500, 501, 502, 503)),
    *map(echo, (200, 302, 400, 401, 404, 409, 429, 503)),
)

VERBS: tuple[Verb, ...] = ("GET", "POST", "DELETE")


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_no_failure_shows_them(fault: faults.Fault, log: io.StringIO) -> None:
    """Whatever goes wrong, the error, its traceback with locals and all logs are clean."""
    errors: list[BaseException] = []
    total = 0.05 if "hang" in fault.name else 30
    async with (
        FaultServer(*[fault] * 9) as server,
        canary_session(server.url, timeouts=total, max_response_bytes=65_536) as fivetran,
    ):
        for verb in VERBS:
            body: dict[str, Any] = {"body": {"config": {"a": 1}}} if verb == "POST" else {}
            error = await error_of(fivetran.request(verb, "/v1/groups/g", result=Group, **body))
            if error is not None:
                errors.append(error)
        assert_clean(everything_shown(fivetran))
        assert_clean(everything_shown(fivetran._transport))
        assert_clean(everything_shown(fivetran._transport.core))
        assert_clean(everything_shown(fivetran._transport.core.pool))
    assert errors
    for error in errors:
        assert_clean(everything_shown(error))
        assert_clean(traceback_with_locals(error))
        assert error.__context__ is None
    assert log.getvalue()
    assert_clean(log.getvalue())


@pytest.mark.parametrize("broken", ["refused", "certificate", "handshake"])
async def test_no_failed_connection_shows_them(
    broken: str, certificates: Certificates, log: io.StringIO
) -> None:
    """The same where no request was sent: refused, certificate refused, handshake cut."""
    with faults.refusing() as refusing:
        async with (
            FaultServer(tls=certificates.server()) as tls,
            FaultServer(*[faults.CUT_HANDSHAKE] * 9, scheme="https") as cut,
        ):
            url = {"refused": refusing, "certificate": tls.url, "handshake": cut.url}[broken]
            async with canary_session(url) as fivetran:
                error = await error_of(fivetran.groups.get("g"))
    assert error is not None
    assert_clean(everything_shown(error))
    assert_clean(traceback_with_locals(error))
    assert_clean(log.getvalue())


async def test_no_cancellation_shows_them(log: io.StringIO) -> None:
    """A cancelled call's traceback runs through aiohttp's frames, and they are clean as well."""
    async with FaultServer(*[faults.HANG] * 50) as server, canary_session(server.url) as fivetran:
        through_aiohttp = [await cancelled_in_aiohttp(fivetran, steps) for steps in range(30)]
    assert sum(through_aiohttp) > 10
    assert_clean(log.getvalue())


async def test_no_success_shows_them(log: io.StringIO) -> None:
    """Calls that work leave nothing in the logs, and repeats neither."""
    async with (
        FaultServer(refusal(503), answer=lambda _: ONE_GROUP) as server,
        canary_session(server.url) as fivetran,
    ):
        group = await fivetran.groups.get("g")
        raw = await fivetran.request_raw("GET", "/v1/groups/g")
    assert server.requests[0].headers["authorization"].startswith("Basic ")
    assert_clean(everything_shown(group))
    assert_clean(everything_shown(raw))
    assert_clean(log.getvalue())


async def test_no_warning_shows_them() -> None:
    """The warning about a session that is never closed has no credentials."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        async with FaultServer(ONE_GROUP) as server, canary_session(server.url) as fivetran:
            await fivetran.groups.get("g")
    for warning in caught:
        assert_clean(str(warning.message))


async def test_nothing_that_holds_them_can_be_pickled() -> None:
    """Session, view and family refuse to leave the process; errors and models may."""
    async with (
        FaultServer(ONE_GROUP, refusal(404)) as server,
        canary_session(server.url) as fivetran,
    ):
        group = await fivetran.groups.get("g")
        error = await error_of(fivetran.groups.get("g"))
        for holder in (fivetran, fivetran.with_options(timeouts=1), fivetran.groups):
            with pytest.raises(UsageError, match="cannot be pickled"):
                pickle.dumps(holder)
            with pytest.raises(UsageError, match="cannot be pickled"):
                copy.deepcopy(holder)
    for harmless in (group, error):
        assert_clean(pickle.dumps(harmless).decode("latin-1"))
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own bytes


async def test_a_bodys_secrets_are_not_echoed() -> None:
    """A 400 that repeats what was sent does not bring a password into the error's text."""
    secret = 'p4ss/w0rd "quoted"'
    echoed = f"password {secret} is wrong for token t0ken6"
    response = {"code": echoed, "message": echoed}
    async with FaultServer(reply(400, response)) as server, canary_session(server.url) as fivetran:
        with pytest.raises(InvalidRequestError) as caught:
            await fivetran.connections.update(
                "c", config={"host": "db", "password": secret, "auth": {"x": ["t0ken6"]}}
            )
    assert caught.value.code is None
    assert caught.value.message == "password *** is wrong for token ***"
    assert secret not in repr(vars(caught.value))


async def test_a_cut_message_does_not_cut_into_a_secret() -> None:
    """A long message is shortened only after secrets were taken out of it."""
    message = "x" * 490 + KEY + "y" * 100
    async with (
        FaultServer(refusal(400, message=message)) as server,
        canary_session(server.url) as fivetran,
    ):
        error = await error_of(fivetran.groups.get("g"))
    assert "canary" not in str(error)


PASSWORD = "p4ss/w0rd & more"
"""A secret of the request, which no error may show either."""

BASIC = base64.b64encode(PAIR.encode()).decode()

SECRETS = (KEY, SECRET, BASIC, f"Basic {BASIC}", PASSWORD)


def page_of(title: str, body: str = "", status: int = 200) -> faults.Fault:
    """A web page in place of JSON, as of a gateway."""
    text = f"<html><head><title>{title}</title></head><body>{body}</body></html>"
    return reply(status, headers={"Content-Type": "text/html"}, body=text.encode())


def roads(secret: str) -> dict[str, faults.Fault]:
    """The responses by which a server can bring a secret of the request into an error."""
    escaped = html.escape(secret)
    return {
        "message": reply(400, {"code": "x", "message": f"bad: {secret}"}),
        "message, percent": reply(400, {"code": "x", "message": f"bad: {quote(secret, safe='')}"}),
        "message, JSON in it": reply(400, {"code": "x", "message": json.dumps({"a": secret})}),
        "message, HTML in it": reply(500, {"code": "x", "message": f"<b>{escaped}</b>"}),
        "message, repr": reply(404, {"code": "x", "message": repr({"a": secret})}),
        "message, cut off": reply(409, {"code": "x", "message": f"bad: {secret[:9]}..."}),
        "message, too long": reply(409, {"code": "x", "message": "x" * 496 + secret}),
        "code": reply(400, {"code": f"Bad_{secret}", "message": "x"}),
        "code alone": reply(400, {"code": secret, "message": "x"}),
        "title of a 2xx page": page_of(secret),
        "title of a 2xx page, escaped": page_of(f"Denied: {escaped}"),
        "title of a 2xx page, cut off": page_of("x" * 4_060 + secret),
        "body of a 2xx page": page_of("Denied", escaped),
        "title of an error page": page_of(secret, escaped, 502),
        "plain text of a 2xx": reply(body=secret.encode()),
        "plain text of an error": reply(403, body=secret.encode()),
        "a text as data": success(secret),
        "a truncated document": reply(body=json.dumps({"data": {secret: secret}}).encode()[:-2]),
        "a location": refusal(302, headers={"Location": f"https://{escaped}.example/{secret}"}),
        "a key without an id": success({secret: [{"name": secret}]}),
        "a key of a wrong type": success({"id": "c", "config": {secret: 1}, "status": secret}),
        "an id of a wrong type": success({"id": {secret: secret}}),
    }


@pytest.mark.parametrize("road", roads(""))
async def test_no_road_shows_a_secret_of_the_request(road: str, log: io.StringIO) -> None:
    """
    Whatever a server echoes and wherever: no error, log, hook or drift report shows it.

    Siblings: each encoding (`test_redaction`), every fault with the credentials (above).
    """
    events: list[object] = []
    hooks = Hooks(
        on_request=events.append,
        on_response=events.append,
        on_retry=events.append,
        on_drift=events.append,
        on_unknown_field=events.append,
    )
    for secret in SECRETS:
        async with (
            FaultServer(answer=lambda _, secret=secret: roads(secret)[road]) as server,  # type: ignore[misc]
            canary_session(server.url, hooks=hooks) as fivetran,
        ):
            error = await error_of(
                fivetran.connections.create(
                    group_id="g", service="postgres", config={"password": PASSWORD}
                )
            )
        for shown in (*events, *([] if error is None else [error])):
            text = everything_shown(shown)
            assert_clean(text)
            assert PASSWORD not in text
            assert html.escape(PASSWORD) not in text
            assert quote(PASSWORD, safe="") not in text
        if isinstance(error, FivetranError):
            assert_clean(traceback_with_locals(error.with_traceback(None)))
            assert_clean(str(error.__cause__))
    assert_clean(log.getvalue())
    assert PASSWORD not in log.getvalue()


async def test_a_drift_report_shows_no_secret(log: io.StringIO) -> None:
    """The place of a drift has keys that the server chose: in the hook and in the log."""
    drifts: list[object] = []
    data: dict[str, object] = {
        "schemas": {f"x {SECRET}": {"name_in_destination": [], "tables": {KEY: {"enabled": 7}}}}
    }
    async with (
        FaultServer(success(data)) as server,
        canary_session(server.url, hooks=Hooks(on_drift=drifts.append)) as fivetran,
    ):
        await fivetran.connections.schemas.get("c")
    assert drifts
    for drift in drifts:
        assert_clean(everything_shown(drift))
        assert "***" in repr(drift)
    assert "drifted" in log.getvalue()
    assert_clean(log.getvalue())


async def test_a_report_of_an_unknown_field_shows_no_secret(log: io.StringIO) -> None:
    """Neither the name of a field nor its place shows a secret or breaks a line of the log."""
    told: list[object] = []
    data: dict[str, object] = {"id": "c", f"a {SECRET}": 1, KEY: 2, "two\nlines": SECRET}
    async with (
        FaultServer(success(data), success(data)) as server,
        canary_session(server.url, hooks=Hooks(on_unknown_field=told.append)) as fivetran,
    ):
        await fivetran.connections.get("c")
        await fivetran.connections.get("c")
    assert len(told) == 3
    for report in told:
        assert_clean(everything_shown(report))
    assert "two lines" in repr(told)
    assert "unknown field" in log.getvalue()
    assert_clean(log.getvalue())


async def test_a_cursor_shows_no_secret() -> None:
    """A cursor is a text of the server: neither message, notes nor attributes echo it."""
    async with (
        FaultServer(answer=lambda _: page(["a"], f"next {BASIC}")) as server,
        canary_session(server.url) as fivetran,
    ):
        error = await error_of(fivetran.groups.list().collect())
    assert isinstance(error, PaginationError)
    assert_clean(everything_shown(error))
    assert error.resume_cursor is None
    assert "***" in str(error)


async def test_hooks_that_fail_show_no_secret(log: io.StringIO) -> None:
    """The log of a hook's own error has what the event shows, which is clean."""

    def fail(event: object) -> None:
        raise RuntimeError(repr(event))

    async with (
        FaultServer(echo(503), success({})) as server,
        canary_session(
            server.url, hooks=Hooks(on_request=fail, on_response=fail, on_retry=fail)
        ) as fivetran,
    ):
        await fivetran.request("GET", "/v1/x")
    assert log.getvalue().count("hook failed") == 5
    assert_clean(log.getvalue())


def test_the_reprs_of_urls_are_masked() -> None:
    """URLs of webhooks, repositories and proxies may carry a token or a password."""
    url = f"https://user:{SECRET[:6]}@hooks.example.com/T0123ABCD/x?token={SECRET[:6]}"
    webhook = Webhook(id="w", url=url)
    assert webhook.url == url
    assert "url='https://***@hooks.example.com/***/x?***'" in repr(webhook)
    assert "canary" not in repr(TransformationProjectConfig(git_remote_url=url))
    with pytest.raises(InvalidArgumentError) as caught:
        AsyncFivetran(KEY, SECRET, proxy=f"socks5://user:{SECRET}@proxy:1080")
    assert_clean(everything_shown(caught.value))
    for base_url in (f"https://user:{SECRET}@host", f"https://host?token={SECRET}"):
        with pytest.raises(InvalidArgumentError) as caught:
            AsyncFivetran(KEY, SECRET, base_url=base_url)
        assert_clean(everything_shown(caught.value))


async def test_hooks_are_told_no_secrets(log: io.StringIO) -> None:
    """What the hooks of a session receive shows no credentials either."""
    told: list[object] = []
    hooks = Hooks(on_request=told.append, on_response=told.append, on_retry=told.append)
    async with (
        FaultServer(echo(503), faults.RESET, success({})) as server,
        canary_session(server.url, hooks=hooks, retry=RetryPolicy(max_attempts=3)) as fivetran,
    ):
        await fivetran.request("GET", "/v1/x")
    assert len(told) == 8
    for event in told:
        assert_clean(everything_shown(event))
    assert_clean(log.getvalue())
