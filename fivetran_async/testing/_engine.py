"""Finds the operation of a request, checks the request, runs the rules and makes the reply."""

from __future__ import annotations

import base64
import binascii
import functools
import hmac
import inspect
import json
from collections.abc import Mapping
from typing import Any, Literal, cast
from urllib.parse import parse_qsl

import attrs

from fivetran_async.testing._account import FakeAccount
from fivetran_async.testing._facts import ServedOperation, StoredRecord, facts
from fivetran_async.testing._listed import shaped
from fivetran_async.testing._reading import parse_body, read_form
from fivetran_async.testing._routes import Found, Routes
from fivetran_async.testing._rules import Refusal, Result, Rules, ServedCall, invalid
from fivetran_async.testing._twins import normalized
from fivetran_async.testing._validate import ShapeCheck, query_problem, read_texts
from fivetran_async.testing.budgets import Budgets

UnknownFields = Literal["reject", "accept"]
UnknownServices = Literal["reject", "accept"]

_JSON = "application/json"


@attrs.frozen
class Incoming:
    """A received request."""

    verb: str
    raw_path: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path without the query, still percent-encoded."""
        return self.raw_path.partition("?")[0]

    @property
    def query(self) -> tuple[tuple[str, str], ...]:
        """The query as pairs, in the order of the request."""
        return tuple(parse_qsl(self.raw_path.partition("?")[2], keep_blank_values=True))


@attrs.frozen
class Reply:
    """The status, headers and body of a response."""

    status: int
    body: bytes
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])


@functools.cache
def _routes(legacy: bool) -> Routes:  # noqa: FBT001 - the key of a cache
    return Routes(facts().operations.values(), legacy=legacy)


@attrs.define(eq=False)
class Engine:
    """Handles the requests to one account."""

    account: FakeAccount
    rules: Rules
    api_key: str
    api_secret: str = attrs.field(repr=False)
    unknown_fields: UnknownFields = "reject"
    budgets: Budgets | None = None
    legacy_paths: bool = True
    routes: Routes = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.routes = _routes(self.legacy_paths)

    def operation(self, incoming: Incoming) -> ServedOperation | None:
        """Return the operation of a request, or None if no operation matches."""
        found = self.routes.find(incoming.path).get(incoming.verb)
        return found[0] if found else None

    async def handle(self, incoming: Incoming) -> Reply:
        """Handle a request like the API."""
        self.account.clock.run_due()
        try:
            operation, path = _operation(self.routes.find(incoming.path), incoming.verb)
            reply = await self._run(operation, path, incoming)
        except _OutOfBudget as error:
            reply = _refuse(error, {"Retry-After": str(error.retry_after)})
        except Refusal as error:
            reply = _refuse(error)
        if self.budgets is None:
            return reply
        limits = self.budgets.headers(self.account.clock.time())
        return attrs.evolve(reply, headers={**reply.headers, **limits})

    async def _run(
        self, operation: ServedOperation, path: tuple[str, ...], incoming: Incoming
    ) -> Reply:
        if operation.auth:
            self._check_credentials(incoming.headers.get("Authorization", ""))
        self._draw("all")
        accept = incoming.headers.get("Accept", "")
        version = _accepted_version(accept, raw=operation.response == "raw")
        body = self._read_body(operation, incoming)
        if body:
            self.rules.check_words(self.account, body)
        call = ServedCall(
            self.account, operation, path, self._read_query(operation, incoming), body, version
        )
        self._draw(*_budgets(operation, body))
        result = self.rules.action(operation)(call)
        found = await result if inspect.isawaitable(result) else result
        if self.account.normalizations:
            data = normalized(self.account, operation.family, found.data)
            found = attrs.evolve(found, data=data)
        return _reply(operation, found)

    def _check_credentials(self, header: str) -> None:
        scheme, _, encoded = header.partition(" ")
        try:
            given = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            given = b""
        expected = f"{self.api_key}:{self.api_secret}".encode()
        if scheme.lower() != "basic" or not hmac.compare_digest(given, expected):
            raise Refusal(401, "AuthFailed", "Invalid or missing API key and secret")

    def _draw(self, *kinds: str) -> None:
        if self.budgets is None or not kinds:
            return
        exhausted = self.budgets.draw(kinds, self.account.clock.time())
        if exhausted is not None:
            raise _OutOfBudget(exhausted.message, exhausted.retry_after)

    def _read_query(self, operation: ServedOperation, incoming: Incoming) -> dict[str, str]:
        query = dict(incoming.query)
        for name, value in query.items():
            kind = operation.query.types.get(name)
            problem = query_problem(name, value, kind) if kind is not None else None
            if problem:
                raise invalid(problem)
        return query

    def _read_body(self, operation: ServedOperation, incoming: Incoming) -> StoredRecord:
        if operation.body is None:
            return {}
        content_type = incoming.headers.get("Content-Type", "")
        media = content_type.partition(";")[0].strip().lower()
        if operation.multipart:
            value: object = read_form(content_type, incoming.body)
        elif incoming.body:
            if media != _JSON:
                raise Refusal(
                    415, "UnsupportedMediaType", f"Content-Type must be {_JSON}, not '{media}'"
                )
            value = parse_body(incoming.body)
        else:
            value = _empty_body(operation)
        check = ShapeCheck(facts(), unknown=self.unknown_fields == "accept")
        problem = check.problem(value, operation.body)
        if problem:
            # The API also takes numbers and flags as texts: "360", "true".
            value = read_texts(facts(), value, operation.body)
            problem = check.problem(value, operation.body)
        if problem:
            raise invalid(problem)
        return cast("StoredRecord", value)


def _operation(found: Found, verb: str) -> tuple[ServedOperation, tuple[str, ...]]:
    if not found:
        raise Refusal(404, "NotFound", "HTTP 404 Not Found")
    if verb not in found:
        raise Refusal(405, "MethodNotAllowed", f"Use one of {', '.join(sorted(found))}")
    return found[verb]


class _OutOfBudget(Refusal):
    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(429, "TooManyRequests", message)
        self.retry_after = retry_after


@functools.lru_cache(256)
def _accepted_version(accept: str, *, raw: bool) -> int:
    """
    Return the requested version of the config format: 1 unless the header has version=2.

    A `raw` response is a file.
    """
    if not accept:
        return 1
    for choice in accept.lower().split(","):
        media, *parameters = (part.strip() for part in choice.split(";"))
        if raw and media.startswith("application/"):
            return 1
        if media in ("*/*", "application/*", _JSON):
            version = next((p[8:] for p in parameters if p.startswith("version=")), "1")
            if version in ("1", "2"):
                return int(version)
    raise Refusal(406, "NotAcceptable", f"Accept must allow {_JSON}")


def _budgets(operation: ServedOperation, body: Mapping[str, Any]) -> tuple[str, ...]:
    if operation.tests_by_default is None or body.get(
        "run_setup_tests", operation.tests_by_default
    ):
        return operation.budgets
    return ()


def _empty_body(operation: ServedOperation) -> StoredRecord:
    # The vendor requires at least {} here, although every field is optional.
    if operation.name == "connections.run_setup_tests":
        message = "The request body is required"
        raise invalid(message)
    return {}


def _reply(operation: ServedOperation, result: Result) -> Reply:
    if result.raw is not None:
        return Reply(operation.status, result.raw, {"Content-Type": "application/octet-stream"})
    envelope: StoredRecord = {"code": operation.code}
    # Most reads have no message, but changes have one.
    if result.message is not None and operation.verb != "GET":
        envelope["message"] = result.message
    if operation.response != "message":
        envelope["data"] = _shaped(operation, cast("StoredRecord", result.data))
    body = json.dumps(envelope)
    if result.items:
        body = body.replace('"items": []', f'"items": [{", ".join(result.items)}]', 1)
    return Reply(operation.status, body.encode(), {"Content-Type": _JSON})


def _shaped(operation: ServedOperation, data: StoredRecord) -> StoredRecord:
    if operation.response != "list":
        return shaped(operation, data)
    return data | {"items": [shaped(operation, item) for item in data["items"]]}


def unreadable_body() -> Reply:
    """Return the response to a body that does not have the encoding of its headers."""
    return _refuse(invalid("The request body cannot be decoded"))


def _refuse(error: Refusal, headers: Mapping[str, str] | None = None) -> Reply:
    body = json.dumps({"code": error.code, "message": error.message}).encode()
    return Reply(error.status, body, {"Content-Type": _JSON, **(headers or {})})
