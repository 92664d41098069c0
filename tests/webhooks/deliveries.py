"""Deliveries: genuine ones, and forms that must be refused."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import attrs

from fivetran_async.webhooks import SIGNATURE_HEADER, compute_signature

SECRET: Final = "my_webhook_secret"
OLD_SECRET: Final = "the_secret_before"

SYNC_END: Final = (
    b'{"event":"sync_end","created":"2026-05-21T08:15:30.123Z","connector_type":"postgres",'
    b'"connector_id":"iodize_impressive","connector_name":"shop",'
    b'"sync_id":"b4703f73-6315-4e22-8d7a-3bfb18b2fed2","destination_group_id":"decent_dropsy",'
    b'"data":{"status":"SUCCESSFUL"}}'
)

CREATED: Final = datetime(2026, 5, 21, 8, 15, 30, tzinfo=UTC).timestamp()
"""Time of that event, in seconds since the epoch."""

PROBE: Final = (
    b'{"event":"test_event","created":"timestamp","connector_type":"_connector_type",'
    b'"connector_id":"_connector_1","group_id":"_destination_1"}'
)
"""The test event that the API sends before it creates a webhook."""

SIGNATURE: Final = compute_signature(SYNC_END, SECRET)


@attrs.frozen
class BadForm:
    """A delivery that must be refused, and the status of the response."""

    name: str
    status: int
    body: bytes
    headers: Sequence[tuple[str, str]]


def signed(body: bytes, secret: str = SECRET) -> list[tuple[str, str]]:
    """Return the header that signs a body."""
    return [(SIGNATURE_HEADER, compute_signature(body, secret))]


def _with(name: str, status: int, *signatures: str, body: bytes = SYNC_END) -> BadForm:
    return BadForm(name, status, body, [(SIGNATURE_HEADER, each) for each in signatures])


def _genuine(name: str, status: int, body: bytes) -> BadForm:
    return BadForm(name, status, body, signed(body))


_WRONG = compute_signature(SYNC_END, "not the secret")
_TOO_LARGE = b'{"event":"' + b"x" * (2 * 1024 * 1024) + b'"}'
_TOO_DEEP = b'{"event":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
_PACKED = gzip.compress(SYNC_END, mtime=0)

BAD_FORMS: Final = (
    _with("missing", 400),
    _with("empty", 400, ""),
    _with("short", 401, SIGNATURE[:-2]),
    _with("long", 401, SIGNATURE + "00"),
    _with("prefix", 401, f"sha256={SIGNATURE}"),
    _with("wrong in upper case", 401, _WRONG.upper()),
    _with("wrong in mixed case", 401, _WRONG[:32].lower() + _WRONG[32:].upper()),
    _with("not hex", 401, "g" * 64),
    _with("not ASCII", 401, "é" * 64),
    _with("two headers", 401, SIGNATURE, SIGNATURE),
    _with("wrong secret", 401, _WRONG),
    _with("secret of the past", 401, compute_signature(SYNC_END, OLD_SECRET)),
    _with("newline added", 401, SIGNATURE, body=SYNC_END + b"\n"),
    _with("written once more", 401, SIGNATURE, body=json.dumps(json.loads(SYNC_END)).encode()),
    BadForm("compressed", 401, _PACKED, [*signed(SYNC_END), ("Content-Encoding", "gzip")]),
    _genuine("too large", 413, _TOO_LARGE),
    _genuine("too deep", 422, _TOO_DEEP),
    _genuine("array", 422, b"[" + SYNC_END + b"]"),
    _genuine("repeated key", 422, SYNC_END[:-1] + b',"event":"sync_start"}'),
    _genuine("old recording", 401, SYNC_END.replace(b"2026-05-21", b"2020-05-21")),
)
