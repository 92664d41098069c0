"""
Responses as the API sends them: objects of a model with values of the declared types.

Some fields are missing, some are null, and some are unknown, in any order. With `odd` above 0, some
values are of another type. `damaged` cuts and replaces bytes of a document.
"""

# ruff: noqa: S311 - nothing is kept secret by these.

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from fivetran_async._codec._decoding import hook_for
from fivetran_async._codec._scalars import Real
from fivetran_async._codec._shapes import Anything, Elements, Entries, Nested, Scalar, Shape
from fivetran_async._codec._structure import FieldPlan, field_plans
from support.documents import Documents

UNKNOWN: Final = ("zeta", "new_field", "Über", "alpha", "x0")
"""Names that no model declares."""

_ANY: Final = Documents(["id", "name", "code", "message"], depth=2)
_WORDS: Final = ("", "a", "connected", "naïve", "🙂", "12", "true", "null", '"quoted"\\', "\u2028")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def object_of(model: type, *, odd: float = 0.0) -> dict[str, object]:
    """Make an object of a model; `odd` is the probability that a value is of any type."""
    names = {plan.wire: plan for plan in field_plans(model, hook_for)}
    chosen = [name for name, plan in names.items() if plan.mandatory or random.random() < 0.7]
    unknown = random.sample(UNKNOWN, random.choice((0, 0, 0, 1, 3)))
    order = [*chosen, *unknown]
    if random.random() < 0.5:
        random.shuffle(order)
    return {name: _field(names.get(name), odd) for name in order}


def _field(plan: FieldPlan | None, odd: float) -> object:
    if plan is None or random.random() < odd:
        return _ANY.value()
    if not plan.mandatory and random.random() < 0.15:
        return None
    return _value(plan.shape, odd)


def _value(shape: Shape, odd: float) -> object:
    match shape:
        case Scalar(kind):
            return _scalar(kind)
        case Anything():
            return _ANY.value()
        case Nested(model):
            return object_of(model, odd=odd)
        case Elements(of):
            return [_value(of, odd) for _ in range(random.choice((0, 1, 3)))]
        case Entries(of):
            names = random.sample((*_WORDS, *UNKNOWN), random.choice((0, 1, 3)))
            return {name: _value(of, odd) for name in names}
        case _:
            raise AssertionError(shape)


def _scalar(kind: type) -> object:
    if kind is str:
        return random.choice(_WORDS)
    if kind is bool:
        return random.random() < 0.5
    if kind is int:
        return random.choice((0, 1, -1, 60, 2**31, 2**53 + 1, 2**63 - 1, -(2**63)))
    if kind is float:
        return random.choice((0.0, -0.0, 0.1, 1e-7, 12, 2.5e10, 123456.789))
    assert kind is Real.datetime
    moment = _EPOCH + timedelta(microseconds=random.randrange(2 * 10**15))
    style = random.random()
    if style < 0.8:
        return moment.isoformat().replace("+00:00", "Z")
    if style < 0.9:
        return moment.replace(tzinfo=None).isoformat()
    return random.choice(
        (
            "2026-01-02T03:04:05.123456789Z",
            "2026-01-02T03:04:05+05:30",
            "2026-01-02",
            "2026-01-02 03:04:05Z",
            "20260102T030405Z",
            "2026-W01-1",
        )
    )


def envelope_of(data: object) -> Mapping[str, object]:
    """Wrap data as the API does, at times with a message."""
    message = random.choice((None, "Operation performed.", ""))
    envelope: dict[str, object] = {"code": "Success", "data": data}
    return envelope if message is None else {"message": message, **envelope}


def damaged(body: bytes) -> bytes:
    """Return a body with a part that is cut out, doubled or replaced."""
    start = random.randrange(len(body))
    end = start + random.choice((1, 1, 1, 2, 10))
    parts = (
        b"",
        body[start:end] * 2,
        b"\xff",
        b'"',
        b"}",
        b"\\ud800",
        b"\0",
        b"-0",
        b"null",
        b" ",
        b"1e999",
    )
    return body[:start] + random.choice(parts) + body[end:]
