"""Makes the event of an attempt, which many sessions have made for each of their requests."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from fivetran_async._http.call import Call
    from fivetran_async._http.exchange import Exchange
    from fivetran_async.events import ResponseEvent


def attempt_event(
    run: Call,
    exchange: Exchange,
    *,
    activity_id: str | None,
    seconds: float,
    waited_for_quota: float,
    waited_for_slot: float,
) -> ResponseEvent:
    """Return the event of an attempt."""
    blank, kind = _kinds()
    request = run.request
    operation, account = request.operation, run.account
    # One by one: the `__init__` of a frozen class takes eight times as long.
    event = blank()
    event.operation = operation.name
    event.template = operation.template
    event.verb = operation.verb
    event.path = request.path
    event.call_id = run.call_id
    event.account = account["account"]
    event.host = account["host"]
    event.port = account["port"]
    event.activity_id = activity_id
    event.attempt = run.attempts
    event.bytes_sent = request.size
    event.seconds = seconds
    event.waited_for_quota = waited_for_quota
    event.waited_for_slot = waited_for_slot
    event.bytes_received = exchange.poured or len(exchange.body)
    event.status = exchange.status
    event.error = exchange.failure
    event.__class__ = kind
    return cast("ResponseEvent", event)


@functools.cache
def _kinds() -> tuple[Any, type[ResponseEvent]]:
    """Return the class of events that can still be filled, and the class that they become."""
    # Loaded by the first event: most sessions have no hooks.
    from fivetran_async._codec._structure import mutable_twin  # noqa: PLC0415
    from fivetran_async.events import ResponseEvent  # noqa: PLC0415

    return mutable_twin(ResponseEvent), ResponseEvent
