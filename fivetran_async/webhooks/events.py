"""`WebhookEvent`, the event of a delivery, decoded like the API's responses."""

import functools
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self, cast

from fivetran_async import _codec
from fivetran_async._codec import Drift, parse_json
from fivetran_async._model import Model, field, model
from fivetran_async._types import JSONValue
from fivetran_async.errors import ResponseFormatError
from fivetran_async.resources._sync_statuses import result_of

if TYPE_CHECKING:
    from fivetran_async._codec import DocumentDecoder


class EventName:
    """Known names of events, for `event.event`; the API may send others."""

    SYNC_START: Final = "sync_start"
    SYNC_END: Final = "sync_end"
    DBT_RUN_START: Final = "dbt_run_start"
    DBT_RUN_SUCCEEDED: Final = "dbt_run_succeeded"
    DBT_RUN_FAILED: Final = "dbt_run_failed"
    TRANSFORMATION_START: Final = "transformation_start"
    TRANSFORMATION_SUCCEEDED: Final = "transformation_succeeded"
    TRANSFORMATION_FAILED: Final = "transformation_failed"
    TRANSFORMATION_RUN_START: Final = "transformation_run_start"
    """Deprecated by the vendor, as the other `transformation_run_*`; old webhooks still send it."""
    TRANSFORMATION_RUN_SUCCEEDED: Final = "transformation_run_succeeded"
    """Deprecated by the vendor."""
    TRANSFORMATION_RUN_FAILED: Final = "transformation_run_failed"
    """Deprecated by the vendor."""
    STATUS: Final = "status"
    """Deprecated by the vendor: the status of a connection changed."""
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
    """
    Known results of a sync, for `event.data.status`; the API may send others.

    `event.succeeded` and `event.failed` read any word that begins with `SUCCESS` or `FAIL`.
    """

    SUCCESSFUL: Final = "SUCCESSFUL"
    SUCCESS_WITH_TASK: Final = "SUCCESS_WITH_TASK"
    FAILURE: Final = "FAILURE"
    FAILURE_WITH_TASK: Final = "FAILURE_WITH_TASK"
    FAILED: Final = "FAILED"
    RESCHEDULED: Final = "RESCHEDULED"
    CANCELED: Final = "CANCELED"


_PROBE: Final = "test_event"
_PROBED_CONNECTIONS: Final = {"_connector_1", "_connection_1"}


@model
class WebhookEventData(Model):
    """
    Details of an event; which ones are filled depends on the kind of event.

    Attributes:
        status: Result of a sync; see `SyncResult`.
        reason: Why the sync failed or was rescheduled.
        task_type: The setup task that a user has to solve.
        dbt_job_id: Id of the dbt job, in `dbt_run_*` events.
        dbt_job_name: Name of the dbt job.
        dbt_job_type: Type of the dbt job.
        start_time: Start of a transformation's run.
        end_time: End of a transformation's run.
        result: Steps of a run and their results.
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
    One event of a delivery.

    Older and newer deliveries use different names. `connection_*` and `group_id` are filled with
    either; `connector_*` and `destination_group_id` hold what was sent under these names.

    Attributes:
        event: Name of the event, such as `sync_end`; an open set, see `EventName`.
        created: Time of the event; None in the test event that precedes a webhook's creation.
        connection_id: The connection; empty if the event does not concern one.
        connection_name: The connection's schema.
        connection_type: The connection's service.
        group_id: The connection's group.
        sync_id: The sync, as in the sync history and in logs.
        exception_id: Fivetran's reference to an error.
        data: Details that depend on the kind of event.
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
        Make an event from parsed JSON with old or new names; `parse_event` takes bytes.

        Raises:
            ResponseFormatError: The mapping has a value that JSON cannot express.
        """
        return super().from_dict(_under_current_names(mapping))

    @property
    def is_sync_start(self) -> bool:
        """True if a sync started."""
        return self.event == EventName.SYNC_START

    @property
    def is_sync_end(self) -> bool:
        """True if a sync ended; see `succeeded`, `failed` and `status`."""
        return self.event == EventName.SYNC_END

    @property
    def is_test(self) -> bool:
        """True for the made-up events with which the API tests receivers."""
        return self.event == _PROBE or self.connection_id in _PROBED_CONNECTIONS

    @property
    def status(self) -> str:
        """Result of a sync, in upper case; empty if it is missing."""
        status = self.data.status or self.extra.get("status")
        return status.upper() if isinstance(status, str) else ""

    @property
    def reason(self) -> str:
        """Why a sync failed or was rescheduled; empty if it is missing."""
        return self.data.reason or ""

    @property
    def succeeded(self) -> bool:
        """True if a sync, a transformation or setup tests succeeded."""
        if self.is_sync_end:
            return result_of(self.status) == "succeeded"
        return self.event.endswith(("_succeeded", "_successful"))

    @property
    def failed(self) -> bool:
        """True if a sync, a transformation or setup tests failed; rescheduled syncs did not."""
        if self.is_sync_end:
            return result_of(self.status) == "failed"
        return self.event.endswith(("_failed", "_failure"))

    @property
    def has_conflicting_names(self) -> bool:
        """True if an old and a new name were sent with different values."""
        pairs = (
            (self.connection_id, self.connector_id),
            (self.connection_name, self.connector_name),
            (self.connection_type, self.connector_type),
            (self.group_id, self.destination_group_id),
        )
        return any(old is not None and new != old for new, old in pairs)


def parse_event(body: bytes) -> WebhookEvent:
    """
    Parse the body of a delivery; verify its signature first.

    A field with an unexpected type is reported as drift and is not an error.

    Raises:
        ResponseFormatError: The body is not a JSON object, repeats a key, or nests too deep.
    """
    # At least the number of its keys: a key is followed by a quote or a blank, and a colon.
    most_keys = body.translate(_BLANKS_AS_QUOTES).count(b'":')
    ordinary = _ordinary_events().read(body)
    if ordinary is not None and ordinary[1] == most_keys:
        event: WebhookEvent = ordinary[0]
        return event
    return _read_any(body, most_keys)


def _read_any(body: bytes, most_keys: int) -> WebhookEvent:
    """Parse the body of any event; `_ordinary_events` reads most of them in half of the time."""
    value = parse_json(body)
    if not isinstance(value, dict):
        return _codec.decode(value, WebhookEvent, place="event")
    if _keys_in(value) != most_keys:
        _refuse_repeated_keys(body)
    named = _under_current_names(cast("dict[str, object]", value))
    # `created` of the test event is always a placeholder.
    on_drift = _ignore if named.get("event") == _PROBE else None
    return _codec.decode(named, WebhookEvent, on_drift=on_drift, place="event")


def _ignore(_: Drift) -> None:
    """Report nothing."""


_CURRENT_NAMES: Final = {
    "connection_id": "connector_id",
    "connection_name": "connector_name",
    "connection_type": "connector_type",
    "group_id": "destination_group_id",
}


@functools.cache
def _ordinary_events() -> "DocumentDecoder":
    """Return the reader of most events; `decode` reads unknown fields, drift, and null."""
    # Made by the first event, for cattrs takes a tenth of the import of this package.
    return _codec.DocumentDecoder(WebhookEvent, filled=_CURRENT_NAMES)


def _under_current_names(mapping: Mapping[str, object]) -> dict[str, object]:
    filled = dict(mapping)
    for name, other in _CURRENT_NAMES.items():
        if filled.get(name) in (None, "") and other in filled:
            filled[name] = filled[other]
    return filled


_BLANKS_AS_QUOTES: Final = bytes.maketrans(b" \t\n\r", b'""""')


def _keys_in(value: Any) -> int:  # noqa: ANN401 - a dict or a list
    """Return the number of keys of all objects in an object or an array."""
    members: Iterable[Any] = value
    count = 0
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value).values()
        count = len(members)
    for member in members:
        # Both parsers make exactly these.
        kind = member.__class__
        if kind is dict or kind is list:
            count += _keys_in(member)
    return count


def _refuse_repeated_keys(body: bytes) -> None:
    # Parsers differ in which of two values they take: this one and another one in the service
    # must not read different events.
    json.loads(body, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, JSONValue]]) -> dict[str, JSONValue]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise ResponseFormatError("the event repeats a key", place="event")
    return unique
