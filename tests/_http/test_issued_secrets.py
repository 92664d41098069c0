"""A secret that a response issues is in no error, log, drift report or traceback with locals."""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import pytest

from fivetran_async import Drift, FivetranError, Hooks
from fivetran_async._model import Model
from meta.calls import build, method_of, perform
from meta.inventory import OPERATIONS, Operation
from meta.samples import Json, data_for
from meta.wiring import wired
from support.faults import Fault, raw, reply

CANARY: Final = "canary-5ecret-0nly-Copy"

ISSUERS: Final = [row for row in OPERATIONS if row.retry_class({}) == "secret"]


IS_SECRET = re.compile(r"secret|token|^client_|^key$")
"""Fields that have a secret, at the top of the data."""


def issued(operation: Operation) -> dict[str, Json]:
    """Return the data of a response with the canary as every secret."""
    data = data_for(operation)
    return {name: CANARY if IS_SECRET.search(name) else value for name, value in data.items()}


def cut_off(body: bytes) -> Fault:
    """Promise more bytes than are sent."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n"
    return raw(head + body, name="cut off")


def responses(operation: Operation) -> Mapping[str, Fault]:
    """Return responses that lose the secret or nearly do."""
    data = issued(operation)
    body = json.dumps({"code": "Success", "data": data}).encode()
    return {
        "whole": reply(body=body),
        "cut off": cut_off(body),
        "not JSON": reply(body=body[:-2]),
        "a list": reply(json={"code": "Success", "data": [data]}),
        "a text": reply(json={"code": "Success", "data": CANARY}),
        "no envelope": reply(json=[data]),
        "other types": reply(json={"code": "Success", "data": mistyped(data)}),
        "new fields": reply(json={"code": "Success", "data": {**data, "new": CANARY}}),
        "refused": reply(409, json={"code": "Conflict", "data": data}),
    }


def mistyped(data: Mapping[str, Json]) -> dict[str, Json]:
    """Return the data with each secret in a list."""
    return {name: [value] if value == CANARY else value for name, value in data.items()}


async def outcome_of(call: Callable[[], Awaitable[object]]) -> object:
    """Return the result of a call, or its error."""
    try:
        return await call()
    except FivetranError as error:
        return error


def test_issuers_are_known() -> None:
    """The operations that return the only copy of a secret."""
    assert {row.method for row in ISSUERS} >= {
        "system_keys.create",
        "system_keys.rotate",
        "users.api_keys.create",
        "users.api_keys.rotate",
    }


@pytest.mark.parametrize("operation", ISSUERS, ids=str)
async def test_issued_secret_is_not_shown(
    operation: Operation, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever becomes of the response, only the fields of the result have the secret."""
    caplog.set_level(logging.DEBUG)
    drifts: list[Drift] = []
    shown: list[str] = []
    kept = 0
    async with wired(lambda _: reply(), hooks=Hooks(on_drift=drifts.append)) as (fivetran, server):
        method = method_of(fivetran, operation)
        call = build(operation, method, "required")
        for fault in responses(operation).values():
            server.answer = lambda _, fault=fault: fault  # type: ignore[misc]
            outcome = await outcome_of(lambda: perform(method, call))
            if isinstance(outcome, FivetranError):
                report = traceback.TracebackException.from_exception(outcome, capture_locals=True)
                shown += ["".join(report.format()), repr(vars(outcome))]
            else:
                shown.append(repr(outcome))
                kept += isinstance(outcome, Model) and CANARY in str(outcome.to_dict())
    texts = [*shown, *map(repr, drifts), caplog.text]
    assert [text for text in texts if CANARY in text] == []
    # One operation only reports that the credentials were reset.
    assert kept >= 2 or operation.response == "nothing"
