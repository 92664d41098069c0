"""
Makes the events of calls; a session with hooks makes some for each call.

The first event loads this module: most sessions have no hooks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, cast

from fivetran_async._codec._structure import mutable_twin
from fivetran_async._http.observing import activity_id
from fivetran_async.errors import FivetranError
from fivetran_async.events import CallEndEvent, CallStartEvent, RequestEvent, ResponseEvent

if TYPE_CHECKING:
    from fivetran_async._http.call import Call
    from fivetran_async._http.exchange import Exchange
    from fivetran_async._http.observing import CallTotals

# Filled one field at a time, and frozen then: their own `__init__` takes eight times as long.
_CallStart: Final[Any] = mutable_twin(CallStartEvent)
_Request: Final[Any] = mutable_twin(RequestEvent)
_Response: Final[Any] = mutable_twin(ResponseEvent)
_CallEnd: Final[Any] = mutable_twin(CallEndEvent)


def call_start_event(run: Call) -> CallStartEvent:
    """Return the event of the start of a call."""
    event = _CallStart()
    _fill(event, run)
    event.__class__ = CallStartEvent
    return cast("CallStartEvent", event)


def request_event(run: Call) -> RequestEvent:
    """Return the event of an attempt that begins."""
    event = _Request()
    _fill(event, run)
    event.attempt = run.attempts
    event.bytes_sent = run.request.size
    event.__class__ = RequestEvent
    return cast("RequestEvent", event)


def response_event(
    run: Call,
    exchange: Exchange,
    seconds: float,
    waited_for_quota: float,
    waited_for_slot: float,
) -> ResponseEvent:
    """Return the event of an attempt that ended."""
    event = _Response()
    _fill(event, run)
    event.attempt = run.attempts
    event.bytes_sent = run.request.size
    event.seconds = seconds
    event.waited_for_quota = waited_for_quota
    event.waited_for_slot = waited_for_slot
    event.bytes_received = exchange.poured or len(exchange.body)
    event.status = exchange.status
    event.error = exchange.failure
    event.__class__ = ResponseEvent
    return cast("ResponseEvent", event)


def call_end_event(
    run: Call, totals: CallTotals, failure: BaseException | None, now: float
) -> CallEndEvent:
    """Return the event of the end of a call."""
    event = _CallEnd()
    _fill(event, run)
    event.outcome = _outcome(failure)
    event.attempts = run.attempts
    event.seconds = now - totals.began
    event.seconds_on_wire = totals.seconds_on_wire
    event.waited_for_quota = totals.waited_for_quota
    event.waited_for_slot = totals.waited_for_slot
    event.waited_to_retry = run.waited
    event.bytes_sent = totals.bytes_sent
    event.bytes_received = totals.bytes_received
    event.status = totals.status
    event.error = failure if isinstance(failure, FivetranError) else None
    event.__class__ = CallEndEvent
    return cast("CallEndEvent", event)


def _fill(event: Any, run: Call) -> None:  # noqa: ANN401
    """Fill in what all events of a call have; the event is not frozen yet."""
    request, account = run.request, run.account
    operation = request.operation
    event.operation = operation.name
    event.template = operation.template
    event.verb = operation.verb
    event.path = request.path
    event.call_id = run.call_id
    event.account = account["account"]
    event.host = account["host"]
    event.port = account["port"]
    event.activity_id = activity_id()


def _outcome(failure: BaseException | None) -> Literal["success", "error", "cancelled"]:
    if failure is None:
        return "success"
    return "error" if isinstance(failure, Exception) else "cancelled"
