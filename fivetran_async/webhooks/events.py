"""What a webhook delivery says: `WebhookEvent`, decoded like every answer of the API."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Self, cast

from fivetran_async._codec import Drift, decode, parse_json
from fivetran_async._model import Model, field, model
from fivetran_async._types import JSONValue
from fivetran_async.errors import ResponseFormatError


class EventName:
    """Events that a webhook can be told of: `event.event`; the API may know more."""

    SYNC_START: Final = "sync_start"
    SYNC_END: Final = "sync_end"
    DBT_RUN_START: Final = "dbt_run_start"
    DBT_RUN_SUCCEEDED: Final = "dbt_run_succeeded"
    DBT_RUN_FAILED: Final = "dbt_run_failed"
    TRANSFORMATION_START: Final = "transformation_start"
    TRANSFORMATION_SUCCEEDED: Final = "transformation_succeeded"
    TRANSFORMATION_FAILED: Final = "transformation_failed"
    CONNECTION_SUCCESSFUL: Final = "connection_successful"
    CONNECTION_FAILURE: Final = "connection_failure"
    CREATE_CONNECTOR: Final = "create_connector"
    EDIT_CONNECTOR: Final = "edit_connector"
    PAUSE_CONNECTOR: Final = "pause_connector"
    RESUME_CONNECTOR: Final = "resume_connector"
    DELETE_CONNECTOR: Final = "delete_connector"
    FORCE_UPDATE_CONNECTOR: Final = "force_update_connector"
    RESYNC_CONNECTOR: Final = "resync_connector"
    RESYNC_TABLE: Final = "resync_table"


class SyncResult:
    """How a sync ended: `event.data.status` of a `sync_end`; the API may know more."""

    SUCCESSFUL: Final = "SUCCESSFUL"
    FAILURE: Final = "FAILURE"
    FAILURE_WITH_TASK: Final = "FAILURE_WITH_TASK"
    FAILED: Final = "FAILED"
    RESCHEDULED: Final = "RESCHEDULED"
    CANCELED: Final = "CANCELED"


_FAILURES: Final = {SyncResult.FAILURE, SyncResult.FAILURE_WITH_TASK, SyncResult.FAILED}

_PROBE: Final = "test_event"
_PROBED_CONNECTIONS: Final = {"_connector_1", "_connection_1"}


@model
class WebhookEventData(Model):
    """
    What is said of one event; each kind of event has its own part of it.

    Attributes:
        status: How a sync ended; see `SyncResult`.
        reason: Why it failed, or was put off.
        task_type: What somebody has to do about it.
        dbt_job_id: The dbt job of a `dbt_run_*` event; so the next two.
        start_time: When a run of a transformation began.
        end_time: When it ended.
        result: What a run did, step by step.
    """

    status: str = ""
    reason: str | None = None
    task_type: str | None = field(default=None, wire="taskType")
    dbt_job_id: str | None = field(default=None, wire="dbtJobId")
    dbt_job_name: str | None = field(default=None, wire="dbtJobName")
    dbt_job_type: str | None = field(default=None, wire="dbtJobType")
    start_time: datetime | None = field(default=None, wire="startTime")
    end_time: datetime | None = field(default=None, wire="endTime")
    result: Mapping[str, object] = field(factory=dict[str, object])


@model
class WebhookEvent(Model):
    """
    One event, as it was delivered.

    Older and newer deliveries name the same things differently. `connection_*` and `group_id` are
    filled whichever was sent; the other name's field holds what was sent under it.

    Attributes:
        event: What happened, such as `sync_end`; an open set, see `EventName`.
        created: When; None in the test that the API sends when a webhook is created.
        connection_id: Whose event; empty if it is not about a connection.
        connection_name: Its schema's name.
        connection_type: Its service.
        group_id: The group of the connection, or its destination.
        sync_id: Which sync; the same as in the sync history and in logs.
        exception_id: The vendor's reference to an error.
        data: What there is to say about this kind of event.
    """

    event: str = ""
    created: datetime | None = None
    connection_id: str = ""
    connection_name: str | None = None
    connection_type: str | None = None
    group_id: str | None = None
    sync_id: str | None = None
    exception_id: str | None = None
    data: WebhookEventData = field(factory=WebhookEventData)
    connector_id: str | None = None
    connector_name: str | None = None
    connector_type: str | None = None
    destination_group_id: str | None = None

    @classmethod
    def from_dict(cls, mapping: Mapping[str, object]) -> Self:
        """
        Make an event of parsed JSON, in the names of any time; `parse_event` does it from bytes.

        Raises:
            ResponseFormatError: The mapping holds what JSON cannot express.
        """
        return super().from_dict(_under_current_names(mapping))

    @property
    def is_sync_start(self) -> bool:
        """Whether a sync began."""
        return self.event == EventName.SYNC_START

    @property
    def is_sync_end(self) -> bool:
        """Whether a sync ended, one way or another: see `succeeded`, `failed` and `status`."""
        return self.event == EventName.SYNC_END

    @property
    def is_test(self) -> bool:
        """Whether nothing happened: the API tests receivers with made-up events."""
        return self.event == _PROBE or self.connection_id in _PROBED_CONNECTIONS

    @property
    def status(self) -> str:
        """How a sync ended, in upper case; empty if nothing was said."""
        said = self.data.status or self.extra.get("status")
        return said.upper() if isinstance(said, str) else ""

    @property
    def reason(self) -> str:
        """Why, in the vendor's words; empty if nothing was said."""
        return self.data.reason or ""

    @property
    def succeeded(self) -> bool:
        """Whether something ended well: a sync, a run of a transformation, or setup tests."""
        if self.is_sync_end:
            return self.status == SyncResult.SUCCESSFUL
        return self.event.endswith(("_succeeded", "_successful"))

    @property
    def failed(self) -> bool:
        """Whether something ended badly; a sync that was put off or stopped did not."""
        if self.is_sync_end:
            return self.status in _FAILURES
        return self.event.endswith(("_failed", "_failure"))

    @property
    def has_conflicting_names(self) -> bool:
        """Whether an old and a new name were both sent, with different values."""
        pairs = (
            (self.connection_id, self.connector_id),
            (self.connection_name, self.connector_name),
            (self.connection_type, self.connector_type),
            (self.group_id, self.destination_group_id),
        )
        return any(old is not None and new != old for new, old in pairs)


def parse_event(body: bytes) -> WebhookEvent:
    """
    Read the body of a delivery whose signature was verified.

    Fields of unexpected types are reported as drift, and never refuse an event.

    Raises:
        ResponseFormatError: It is not a JSON object, names a key twice, or nests too deep.
    """
    value = parse_json(body)
    _refuse_repeated_keys(body)
    if not isinstance(value, dict):
        return decode(value, WebhookEvent, place="event")
    event = _under_current_names(cast("dict[str, object]", value))
    # The probe's `created` is a placeholder by design, and nothing to warn of.
    on_drift = _ignore if event.get("event") == _PROBE else None
    return decode(event, WebhookEvent, on_drift=on_drift, place="event")


def _ignore(_: Drift) -> None:
    """Report nothing."""


_CURRENT_NAMES: Final = {
    "connection_id": "connector_id",
    "connection_name": "connector_name",
    "connection_type": "connector_type",
    "group_id": "destination_group_id",
}


def _under_current_names(mapping: Mapping[str, object]) -> dict[str, object]:
    filled = dict(mapping)
    for name, other in _CURRENT_NAMES.items():
        if filled.get(name) in (None, "") and other in filled:
            filled[name] = filled[other]
    return filled


def _refuse_repeated_keys(body: bytes) -> None:
    # Parsers differ in which of two values they take: what we verify and what another part of the
    # service reads must not be two different events.
    json.loads(body, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, JSONValue]]) -> dict[str, JSONValue]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise ResponseFormatError("the event names a key twice", place="event")
    return unique
