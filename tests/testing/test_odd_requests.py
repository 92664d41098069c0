"""Odd requests get a response of 4xx, and the account works afterwards."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from aiohttp.http_exceptions import HttpProcessingError

from fivetran_async.testing import Budget, FakeFivetran, Fault
from fivetran_async.testing._engine import Engine, Incoming
from fivetran_async.testing._facts import (
    Fields,
    ListOf,
    MapOf,
    ScalarType,
    ServedOperation,
    Type,
    facts,
)
from support.each import for_each
from support.samples import sample
from testing.wire import Api, basic

OPERATIONS: Final = list(facts().operations.values())
AUTHORIZATION: Final = basic("fake_key", "fake_secret")
SEEDS: Final = range(sample(1, 40))
REQUESTS: Final = sample(1_000, 1_500)

TOO_LARGE: Final = "a number above all floats"
"""The generator writes 1e400 in place of this text."""

WORDS: Final = {
    "service": "postgres",
    "role": "Account Reviewer",
    "url": "https://example.com/hook",
    "redirect_uri": "https://example.com/back",
    "events": "sync_end",
    "event": "sync_end",
    "encoded_cert": "Y2VydA==",
    "schema": "public",
}
"""Values for fields that take only certain words."""

ODD_TEXTS: Final = (
    "",
    " ",
    "\x00",
    "\x1f",
    "\ud800",
    "é",
    "x" * 5_000,
    "https://[::1",
    "http://localhost:port",
    "https://\ud800.example",
    "9999-12-31T23:59:59-23:00",
    "0001-01-01T00:00:00+23:00",
    "360",
    "true",
    "../..",
    "%",
    TOO_LARGE,
)
ODD_SEGMENTS: Final = (
    "",
    "%",
    "%ZZ",
    "%00",
    "%1F",
    "%FF",
    "%ED%A0%80",
    "..",
    "a%2Fb",
    "x" * 3_000,
    "\udcff",
    "é",
    "reload",
    "account",
)
ODD_QUERIES: Final = (
    "limit=%FF",
    "limit=-0",
    "limit=9999999999999999999",
    "cursor=%ED%A0%80",
    "cursor=é",
    "cursor=" + "W1tb" * 5_000,
    # The cursor that skips 10 to the power of 30 records.
    "cursor=eyJza2lwIjoxMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwfQ",
    "cursor=eyJza2lwIjo5OTk5OTk5OTk5OTk5OTk5OTk5fQ&active=true",
    "cursor=eyJza2lwIjo5OTk5OTk5OTk5OTk5OTk5OTk5fQ&group_id=x&schema=y",
    "active=true&active=maybe",
    "start_time=9999-12-31T23:59:59Z",
    "start_time=0001-01-01T00:00:00%2B23:00&end_time=9999-12-31T23:59:59-23:00",
    "end_time=0001-01-01T00:00:00Z",
    "&&&=&%00=",
    "schema=%00",
)


class Odd:
    """Generates requests that are partly valid, from the table of facts."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - test data
        self.ids: dict[str, list[str]] = {}
        self.odd_share = 0.0

    def request(self) -> Incoming:
        """Return a request to one of the operations."""
        operation = self.rng.choice(OPERATIONS)
        self.odd_share = self.rng.choice([0.0, 0.05, 0.2])
        headers = {"Authorization": AUTHORIZATION, "Content-Type": "application/json"}
        if self.rng.random() < 0.03:
            headers["Accept"] = self.rng.choice(["", "application/json;version=", ";;,", "\udcff"])
        body = b""
        if operation.multipart:
            headers["Content-Type"], body = self.form()
        elif operation.body is not None:
            body = self.json(operation.body)
        return Incoming(operation.verb, self.path(operation), headers, body)

    def path(self, operation: ServedOperation) -> str:
        """Return a path with ids of the account, some odd segments, and a query."""
        path = re.sub(r"\{(\w+)\}", lambda found: self.segment(found[1]), operation.path)
        if self.rng.random() < 0.1:
            return f"{path}?{self.rng.choice(ODD_QUERIES)}"
        names = [name for name in operation.query.types if self.rng.random() < 0.3]
        pairs = [f"{name}={self.segment(name)}" for name in names]
        return f"{path}?{'&'.join(pairs)}" if pairs else path

    def segment(self, name: str) -> str:
        """Return an id, or an odd segment."""
        return self.rng.choice(ODD_SEGMENTS) if self.is_odd() else self.id_of(name)

    def is_odd(self) -> bool:
        """Decide whether the next value is odd."""
        return self.rng.random() < self.odd_share

    def id_of(self, name: str) -> str:
        """Return an id of the family that a parameter such as `groupId` or `group_id` names."""
        family = re.sub(r"_?id$", "s", name, flags=re.IGNORECASE)
        every = [each for found in self.ids.values() for each in found]
        return self.rng.choice(self.ids.get(family) or every or ["missing"])

    def json(self, kind: Type) -> bytes:
        """Return a body, which is not always JSON."""
        if self.rng.random() < 0.03:
            deep = self.rng.choice([b"[", b'{"a":'])
            return deep * 100_000 if self.rng.random() < 0.5 else b"\xff" + deep
        text = json.dumps(self.value(kind))
        return text.replace(f'"{TOO_LARGE}"', "1e400").encode()

    def value(self, kind: Type, name: str = "") -> Any:  # noqa: ANN401
        """Return a value of a type, or an odd one."""
        if self.is_odd():
            return self.odd()
        kind = facts().resolve(kind)
        match kind:
            case ScalarType():
                return self.scalar(kind, name)
            case ListOf():
                return [self.value(kind.item, name) for _ in range(self.rng.randrange(3))]
            case MapOf():
                return {self.text(): self.value(kind.value, name) for _ in range(2)}
            case Fields():
                return {
                    name: self.value(each, name)
                    for name, each in kind.types.items()
                    if name in kind.required or self.rng.random() < 0.5
                }

    def scalar(self, kind: ScalarType, name: str) -> object:
        """Return a valid value of a scalar type."""
        if kind.choices:
            choice = self.rng.choice(kind.choices)
            return int(choice) if kind.kind == "int" else choice
        if name in WORDS:
            return WORDS[name]
        if name.endswith("id"):
            return self.id_of(name)
        valid: dict[str, Callable[[], object]] = {
            "int": lambda: self.rng.choice([0, 7, -1, 10**18, 10**30]),
            "number": lambda: self.rng.choice([0, 0.5, -1e300]),
            "bool": lambda: self.rng.random() < 0.5,
            "time": lambda: "2026-05-04T00:00:00Z",
            "object": lambda: {"schema": self.text(), "deep": self.nested()},
        }
        return valid.get(kind.kind, self.text)()

    def text(self) -> str:
        """Return a text that could be valid somewhere, or an odd one."""
        if self.is_odd():
            return self.rng.choice(ODD_TEXTS)
        return self.rng.choice(["public", "orders", "14:00", str(self.rng.random())])

    def odd(self) -> object:
        """Return a value of any type."""
        values: tuple[object, ...] = (
            None,
            True,
            5,
            -0.5,
            [],
            {},
            [None],
            {"a": None},
            10**400,
            self.nested(),
        )
        return self.rng.choice([*values, *ODD_TEXTS])

    def nested(self) -> object:
        """Return lists in lists, up to a depth of a few hundred."""
        value: object = {"password": "p"}
        for _ in range(self.rng.choice([1, 2, 60, 300])):
            value = {"a": [value]}
        return value

    def form(self) -> tuple[str, bytes]:
        """Return the media type and the body of a form, in odd variants."""
        part = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nPK\r\n'
        bodies = [
            part + b"--b--\r\n",
            part,
            part * 3,
            part.replace(b"file", b"\xff\xfe"),
            part.replace(b'name="file"', b""),
            part.replace(b'"file"', b"file"),
            part.replace(b"\r\n", b"\n"),
            b"--b--",
            b"--b",
            b"",
            self.rng.randbytes(100),
        ]
        media = ["multipart/form-data; boundary=b"] * 6
        media += ['multipart/form-data; boundary="b"', "multipart/form-data; boundary="]
        media += ["multipart/form-data", 'multipart/form-data; boundary="', "\udcff"]
        media += ["multipart/form-data; boundary=\udcff", "Multipart/Form-Data; BOUNDARY=b"]
        return self.rng.choice(media), self.rng.choice(bodies)


def strict(raw: bytes) -> Any:  # noqa: ANN401
    """Parse JSON without the constants that JSON lacks."""

    def refused(word: str) -> None:
        raise AssertionError(word)

    return json.loads(raw, parse_constant=refused)


async def read_all(engine: Engine) -> dict[str, list[str]]:
    """Read every list that needs no id, and return the ids in it by family."""
    found: dict[str, list[str]] = {}
    for operation in OPERATIONS:
        fixed = operation.family in ("connector_types", "public_connector_types", "roles")
        if operation.response == "list" and "{" not in operation.path and not fixed:
            headers = {"Authorization": AUTHORIZATION}
            limit = "?limit=100" if operation.paginated else ""
            reply = await engine.handle(Incoming("GET", operation.path + limit, headers))
            assert reply.status == 200, operation.name
            items = strict(reply.body)["data"]["items"]
            ids = [item["id"] for item in items if isinstance(item.get("id"), str)]
            found[operation.family] = [each for each in ids if each.isascii()][:10]
    return found


@pytest.mark.parametrize("seed", SEEDS)
async def test_random_requests_never_fail(seed: int) -> None:
    """Requests with odd ids, queries, values and forms give JSON below 500 in every operation."""
    fake = FakeFivetran.demo(groups=3, connections_per_group=3, seed=seed, running=False)
    engine, odd = fake._engine, Odd(seed)
    odd.ids = await read_all(engine)
    statuses: set[int] = set()
    for number in range(REQUESTS):
        incoming = odd.request()
        reply = await engine.handle(incoming)
        assert reply.status < 500, incoming
        if reply.headers["Content-Type"] == "application/json":
            assert strict(reply.body)["code"], incoming
        statuses.add(reply.status)
        if number % 300 == 0:
            fake.advance(3_600)
            odd.ids = await read_all(engine)
    await read_all(engine)
    assert {200, 201, 400, 404} <= statuses


LINES: Final = (
    b"GET /v1/groups/%FF%ZZ HTTP/1.1",
    b"GET /v1/groups/\xff\xfe HTTP/1.1",
    b"GET /v1/groups?limit=\xff HTTP/1.1",
    b"GET //v1//groups HTTP/1.1",
    b"GET http://other.example/v1/groups HTTP/1.1",
    b"GET http://[::1/v1/groups HTTP/1.1",
    b"GET //[/v1/groups HTTP/1.1",
    b"GET ?limit=1 HTTP/1.1",
    b"GET * HTTP/1.1",
    b"OPTIONS * HTTP/1.1",
    b"CONNECT example.com:443 HTTP/1.1",
    b"HEAD /v1/groups HTTP/1.1",
    b"TRACE /v1/groups HTTP/1.1",
    b"BREW /v1/groups HTTP/1.1",
    b"get /v1/groups HTTP/1.1",
    b"GET /v1/groups#fragment HTTP/1.1",
    b"GET /v1/" + b"x" * 9_000 + b" HTTP/1.1",
    b"GET /v1/" + b"a/" * 3_000 + b" HTTP/1.1",
    b"GET /v1/groups HTTP/1.0",
    b"GET /v1/groups HTTP/9.9",
    b"GET /v1/groups",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    b"",
)
HEADS: Final = (
    b"Content-Length: 5\r\nContent-Encoding: gzip\r\n\r\nhello",
    b"Content-Length: 5\r\nContent-Encoding: deflate\r\n\r\nhello",
    b"Content-Length: 5\r\nContent-Encoding: other\r\n\r\nhello",
    b"Content-Length: -5\r\n\r\nhello",
    b"Content-Length: five\r\n\r\nhello",
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n-1\r\nhello\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello",
    b"Content-Type: \xff\xfe\r\nContent-Length: 2\r\n\r\n{}",
    b"Content-Type: application/json; charset=none\r\nContent-Length: 2\r\n\r\n{}",
    b"Authorization: Basic \xff\xff\r\n\r\n",
    b"Accept: \xff\r\nAccept: \xff\r\n\r\n",
    b"no colon\r\n\r\n",
    b": no name\r\n\r\n",
    b"X-Long: " + b"x" * 20_000 + b"\r\n\r\n",
)


async def send_raw(fake: FakeFivetran, head: bytes) -> bytes:
    """Send bytes, end the sending side, and return everything that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(fake.url.rpartition(":")[2]))
    try:
        writer.write(head)
        writer.write_eof()
        return await reader.read()
    finally:
        writer.close()


def is_refusal(error: BaseException | None) -> bool:
    """Return True for an error of aiohttp's parser."""
    return isinstance(error, HttpProcessingError) and 400 <= error.code < 500


@for_each(
    "head",
    [
        *(line + b"\r\nHost: x\r\nAuthorization: %b\r\n\r\n" for line in LINES),
        *(b"POST /v1/groups HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + h for h in HEADS),
    ],
)
async def test_odd_bytes_never_break_the_server(
    fake: FakeFivetran, api: Api, caplog: pytest.LogCaptureFixture, head: bytes
) -> None:
    """Odd request lines, headers and framings get no 5xx and no traceback, and serving goes on."""
    received = await send_raw(fake, head.replace(b"%b", AUTHORIZATION.encode()))
    status = re.match(rb"HTTP/1\.[01] (\d)", received)
    assert status is None or status[1] in b"24", received
    # aiohttp also logs the requests that its parser refuses with 400.
    errors = [record.exc_info for record in caplog.records if record.levelno >= logging.ERROR]
    assert [each for each in errors if not each or not is_refusal(each[1])] == []
    assert (await api.get("/v1/groups")).status == 200


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf, -1.0, 1e300])
async def test_odd_durations_are_refused(fake: FakeFivetran, api: Api, seconds: float) -> None:
    """A duration that is not a number, negative or endless raises an error and changes nothing."""
    connection_id = fake.add_connection()
    attempts: list[Callable[[], object]] = [
        lambda: fake.advance(seconds),
        lambda: fake.clock.call_later(seconds, lambda: None),
        lambda: setattr(fake, "latency", seconds),
        lambda: setattr(fake, "sync_duration", seconds),
        lambda: fake.plan_sync(connection_id, start_after=seconds),
        lambda: fake.plan_sync(connection_id, duration=seconds),
        lambda: fake.plan_sync(connection_id, "rescheduled", rescheduled_after=seconds),
        lambda: FakeFivetran(latency=seconds),
        lambda: Fault.delay(seconds),
        lambda: Budget("all", 1, seconds),
    ]
    for attempt in attempts:
        with pytest.raises(ValueError, match=r"second|1900 and 9000"):
            attempt()
    assert (await api.post(f"/v1/connections/{connection_id}/sync", {})).status == 200
    fake.advance(fake.sync_duration)
    response = await api.get(f"/v1/connections/{connection_id}")
    assert response.data["succeeded_at"] is not None


def test_the_clock_stays_within_the_calendar() -> None:
    """A start and an end that no time stamp can render are refused."""
    with pytest.raises(ValueError, match="1900 and 9000"):
        FakeFivetran(start=datetime(9999, 12, 31, tzinfo=UTC))
    fake = FakeFivetran(running=False, start=datetime(8999, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="1900 and 9000"):
        fake.advance(2 * 366 * 86_400)
