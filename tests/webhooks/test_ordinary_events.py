"""Ordinary events are read by msgspec: the same events and refusals as from parsed JSON."""

# ruff: noqa: S311 - nothing is kept secret by these.

from __future__ import annotations

import importlib
import json
import random
from collections.abc import Mapping
from typing import Any, Final, cast

import pytest

from fivetran_async import ResponseFormatError
from fivetran_async._codec import Drift, decode, parse_json
from fivetran_async.webhooks import WebhookEvent, events, parse_event
from support.ordinary import damaged, object_of
from support.samples import sample
from webhooks.deliveries import PROBE, SYNC_END

pytest.importorskip("msgspec", reason="needs msgspec")
structs: Any = importlib.import_module("fivetran_async._codec._structs")
read_ordinary: Final = structs.document_reader_of(WebhookEvent, {}, events._CURRENT_NAMES)
GAPS: Final = (("", ""), ("", " "), (" ", " "), ("\t", "\r\n"))


def most_keys(body: bytes) -> int:
    """Return the largest number of keys that a body can have."""
    return body.translate(events._BLANKS_AS_QUOTES).count(b'":')


def by_struct(body: bytes) -> WebhookEvent | None:
    """Read an event by msgspec alone; None if the other way has to read it."""
    try:
        event, keys = read_ordinary(body)
    except (ValueError, RecursionError):
        return None
    return cast("WebhookEvent", event) if keys == most_keys(body) else None


def by_cattrs(body: bytes) -> WebhookEvent | str:
    """Read an event without msgspec; return it, or the message of the refusal."""
    try:
        return events._read_any(body, most_keys(body))
    except ResponseFormatError as error:
        return error.message


def reports_of(body: bytes) -> list[Drift]:
    """Return the reports of an event that is read without msgspec."""
    found: list[Drift] = []
    named = events._under_current_names(cast("Mapping[str, object]", parse_json(body)))
    decode(named, WebhookEvent, on_drift=found.append, place="event")
    return found


def written(value: object) -> str:
    """Write JSON with odd spaces, and perhaps with a repeated key in any of its objects."""
    if isinstance(value, list):
        return f"[{','.join(map(written, cast('list[object]', value)))}]"
    if not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=random.random() < 0.5)
    before, after = random.choice(GAPS)
    members = [
        f"{json.dumps(key)}{before}:{after}{written(member)}"
        for key, member in cast("dict[str, object]", value).items()
    ]
    if members and random.random() < 0.05:
        members.append(random.choice(members))
    return f"{{{','.join(members)}}}"


def random_event(odd: float) -> bytes:
    """Make the body of an event with old and new names, and some empty values."""
    fields = object_of(WebhookEvent, odd=odd)
    for name, other in events._CURRENT_NAMES.items():
        for each in (name, other):
            if random.random() < 0.2:
                fields[each] = random.choice(("", "same", each))
    if random.random() < 0.1:
        fields["event"] = "test_event"
    return written(fields).encode()


def check(body: bytes) -> bool:
    """Read a body in both ways, and compare; return True if a struct accepted it."""
    expected = by_cattrs(body)
    try:
        found: WebhookEvent | str = parse_event(body)
    except ResponseFormatError as error:
        found = error.message
    assert found == expected, body
    accepted = by_struct(body)
    if accepted is None:
        return False
    assert isinstance(expected, WebhookEvent)
    assert accepted == expected, body
    assert json.dumps(accepted.to_dict()) == json.dumps(expected.to_dict())
    # What a struct accepts needs no report.
    assert reports_of(body) == [], body
    return True


@pytest.mark.parametrize("odd", [0.0, 0.05])
def test_events_are_read_alike(odd: float) -> None:
    """Random events: old and new names, unknown fields, null, drift, repeated keys, odd spaces."""
    total = sample(400, 5_000)
    accepted = sum(check(random_event(odd)) for _ in range(total))
    assert 0 < accepted < total


def test_damaged_events_are_read_alike() -> None:
    """Bodies with a part that is cut out, doubled or replaced."""
    total = sample(400, 5_000)
    accepted = sum(check(damaged(SYNC_END)) for _ in range(total))
    assert 0 < accepted < total


@pytest.mark.parametrize(
    "body",
    [
        PROBE,
        SYNC_END[:-1] + b',"event":"sync_start"}',
        SYNC_END.replace(b'"status"', b'"status":"FAILED","status"'),
        # A text can look like a key, but adds no key: the repeated one is found.
        b'{"event":"a","event":"b\\u0022:"}',
        b'{"event":"a","data":{"result":{"a":1,"a":2}}}',
        b'{"event":"a","data":{"result":{"big":' + b"9" * 40 + b"}}}",
        b'{"event":"a","data":{"result":{"deep":' + b"[" * 250 + b"]" * 250 + b"}}}",
        b'{"event":"a","data":null,"connection_name":"","connector_name":null}',
        b"\xef\xbb\xbf" + SYNC_END,
        b"[]",
    ],
)
def test_odd_events_are_read_alike(body: bytes) -> None:
    """No struct accepts what parsing refuses, or what has to be reported."""
    assert not check(body)


def test_the_events_of_today_are_ordinary() -> None:
    """What the vendor sends is read by a struct, with the names of today filled."""
    event = by_struct(SYNC_END)
    assert event is not None
    assert (event.connection_id, event.group_id) == ("iodize_impressive", "decent_dropsy")
    empty = by_struct(b'{"event":"sync_start","data":{"result":{}}}')
    assert empty == by_cattrs(b'{"event":"sync_start","data":{"result":{}}}')
