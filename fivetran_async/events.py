"""
What hooks receive: a call and its requests, waits for quotas, and activities.

All events of one call have the same `call_id`, the log records of the call and its errors, too. An
activity is a fan-out, an awaited sync or a poll; the calls in it have its `activity_id`.

For labels of metrics, use `operation`, `template` and `account`: their number is bounded. `path`
contains ids. No event has a query, a body or a credential; `account` is a hash of the API key.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias

import attrs

from fivetran_async._codec._errors import compared_facts
from fivetran_async._codec._serializable import Serializable
from fivetran_async._types import Verb
from fivetran_async.errors import FivetranError

ActivityKind: TypeAlias = Literal["fan_out", "sync", "poll"]


@attrs.frozen(kw_only=True)
class CallStartEvent(Serializable):
    """
    A call begins. Calls that are refused before any I/O have no events.

    Attributes:
        operation: The method, such as `connections.get`.
        template: The path with its slots, such as `/v1/connections/{connection_id}`.
        verb: The HTTP verb.
        path: The path, percent-encoded, without its query.
        call_id: The id of the call, unique among processes.
        account: A hash of the API key.
        host: The host of the API.
        port: Its port.
        activity_id: The fan-out, the awaited sync or the poll that the call belongs to.
    """

    operation: str
    template: str
    verb: Verb
    path: str
    call_id: str = ""
    account: str = ""
    host: str = ""
    port: int | None = None
    activity_id: str | None = None


@attrs.frozen(kw_only=True)
class RequestEvent(CallStartEvent):
    """
    A request is about to wait for its quotas and its slot, and then to be sent.

    Attributes:
        attempt: The number of the request within its call, from 1.
        bytes_sent: The size of its body.
    """

    attempt: int
    bytes_sent: int = 0


@attrs.frozen(kw_only=True)
class ResponseEvent(RequestEvent):
    """
    An attempt ended, with a status or with an error.

    Attributes:
        seconds: Seconds on the wire, from the moment when the request was sent.
        waited_for_quota: Seconds before that, until the quotas allowed it.
        waited_for_slot: Seconds before that, until a slot was free.
        bytes_received: The size of the body, decompressed.
        status: The HTTP status; None without a response.
        error: What failed; None after a success.
    """

    seconds: float
    waited_for_quota: float = 0.0
    waited_for_slot: float = 0.0
    bytes_received: int = 0
    status: int | None = None
    error: FivetranError | None = attrs.field(default=None, eq=compared_facts)


@attrs.frozen(kw_only=True)
class RetryEvent(CallStartEvent):
    """
    An attempt failed and is retried after `delay` seconds.

    Attributes:
        attempt: The number of the failed request within its call, from 1.
        delay: Seconds until the next request.
        error: What failed.
    """

    attempt: int
    delay: float
    error: FivetranError = attrs.field(eq=compared_facts)


@attrs.frozen(kw_only=True)
class CallEndEvent(CallStartEvent):
    """
    A call ended: it succeeded, failed or was cancelled.

    Attributes:
        outcome: `success`, `error` or `cancelled`.
        attempts: The number of requests.
        seconds: The whole duration of the call, waits included, in seconds.
        seconds_on_wire: Seconds of its requests, from the moments when they were sent.
        waited_for_quota: Seconds that it waited for quotas.
        waited_for_slot: Seconds that it waited for a slot.
        waited_to_retry: Seconds that it waited between its attempts.
        bytes_sent: The size of all bodies that were sent.
        bytes_received: The size of all bodies that were received, decompressed.
        status: The last HTTP status; None without a response.
        error: What failed; None after a success or a cancellation.
    """

    outcome: Literal["success", "error", "cancelled"]
    attempts: int
    seconds: float
    seconds_on_wire: float = 0.0
    waited_for_quota: float = 0.0
    waited_for_slot: float = 0.0
    waited_to_retry: float = 0.0
    bytes_sent: int = 0
    bytes_received: int = 0
    status: int | None = None
    error: FivetranError | None = attrs.field(default=None, eq=compared_facts)


@attrs.frozen(kw_only=True)
class WaitEvent(Serializable):
    """
    Calls wait for a quota of the account.

    Attributes:
        quota: Its name: `requests`, `source`, `setup_tests`, `user_creation` or `private_links`.
        waiting: How many calls of this process wait for it.
        seconds: Until the first of them may start.
        retry_at: The same as a time in UTC.
        paused: True if the API asked for the pause with a 429.
        call: The call that is reported as waiting; None if the limiter was used without a call.
        attempt: The number of its request within the call, from 1.
    """

    quota: str
    waiting: int
    seconds: float
    retry_at: datetime
    paused: bool
    call: CallStartEvent | None = None
    attempt: int = 1


@attrs.frozen(kw_only=True)
class ActivityStartEvent(Serializable):
    """
    A fan-out, an awaited sync or a poll begins.

    Attributes:
        kind: `fan_out`; `sync`, from the trigger to the outcome; `poll`, one round of requests on
            behalf of all awaited syncs.
        activity_id: Its id, unique among processes.
        account: A hash of the API key.
        parent_id: The activity that it belongs to, such as the fan-out that waits for a sync. A
            poll belongs to none.
        caused_by: For a poll: the awaited syncs that were due, 100 at most.
        connection_id: For a sync: the connection.
    """

    kind: ActivityKind
    activity_id: str
    account: str = ""
    parent_id: str | None = None
    caused_by: tuple[str, ...] = ()
    connection_id: str | None = None


@attrs.frozen(kw_only=True)
class ActivityEndEvent(ActivityStartEvent):
    """
    A fan-out, an awaited sync or a poll ended.

    Attributes:
        outcome: For a sync: the status of its outcome. Otherwise `success` or `error`; `left` if it
            was left before its end.
        seconds: Its duration in seconds.
        error: What failed, if it was an error of this package.
        ended_by: For a sync: the poll that saw its end.
    """

    outcome: str
    seconds: float
    error: FivetranError | None = attrs.field(default=None, eq=compared_facts)
    ended_by: str | None = None
