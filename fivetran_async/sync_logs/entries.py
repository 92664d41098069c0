"""Rows of the log tables that the Fivetran Platform Connector writes, as typed models."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import ClassVar, Final, Self

from fivetran_async._codec import decode
from fivetran_async._model import Model, field, model
from fivetran_async.sync_logs._rows import Columns, Cursor, Row, read_row, read_rows

SEVERITIES: Final = ("INFO", "WARNING", "SEVERE")
"""What the column `event` holds: how bad it is. `ERROR` occurs for connectors of the SDK."""

SCHEMA_CHANGE_EVENTS: Final = (
    "alter_table",
    "change_schema_config",
    "change_schema_config_via_api",
    "create_schema",
    "create_table",
    "drop_table",
)
"""The routines that change what there is in the destination, or what is synced to it."""


class SyncEndStatus:
    """How a sync ended: `status` in the data of `sync_end`; the vendor may know more."""

    SUCCESSFUL: Final = "SUCCESSFUL"
    FAILURE: Final = "FAILURE"
    FAILURE_WITH_TASK: Final = "FAILURE_WITH_TASK"
    FAILED: Final = "FAILED"
    RESCHEDULED: Final = "RESCHEDULED"
    CANCELED: Final = "CANCELED"


FAILED_STATUSES: Final = (
    SyncEndStatus.FAILED,
    SyncEndStatus.FAILURE,
    SyncEndStatus.FAILURE_WITH_TASK,
)


@model
class LogRow(Model):
    """
    What the rows of all log tables share: they are read from any driver's result.

    No column is mandatory, names of columns may be in any letter case, and a value that cannot
    be read, such as a time that is none, is empty here and kept in `extra`.
    """

    json_columns: ClassVar[frozenset[str]] = frozenset()
    """Columns that hold JSON: native, as text, or encoded twice."""

    @classmethod
    def from_row(cls, row: Row, columns: Columns | None = None) -> Self:
        """
        Make an object of one row of a query's result.

        Args:
            row: A mapping or another row that knows its columns, or a plain sequence of values.
            columns: For plain sequences: the names, or the cursor's `description`.

        Raises:
            InvalidArgumentError: The columns are not known, or not as many as the values.
        """
        return decode(read_row(row, columns, cls.json_columns), cls, place=cls.__name__)

    @classmethod
    def from_rows(cls, rows: Iterable[Row] | Cursor, columns: Columns | None = None) -> list[Self]:
        """
        Make objects of all rows of a query's result.

        Args:
            rows: Rows as `from_row` takes them, or a DB-API cursor that has executed a query;
                for an async cursor give `await cursor.fetchall(), cursor.description`.
            columns: For plain sequences: the names, or the cursor's `description`.

        Raises:
            InvalidArgumentError: The columns are not known, or the cursor has no result.
        """
        found = read_rows(rows, columns, cls.json_columns)
        return [decode(row, cls, place=cls.__name__) for row in found]


@model
class LogEntry(LogRow):
    """
    A row of the table `LOG`.

    Attributes:
        connection_id: None for what concerns no connection, such as a transformation.
        connector_id: The deprecated name of `connection_id`; new tables lack the column.
        event: The severity, not what happened: see `severity` and `routine`.
        message_event: What happened, such as `sync_end`.
        message_data: Parsed; its keys depend on `message_event`, see `detail`.
        sync_id: What belongs to one sync has the same; None for what belongs to none.
    """

    json_columns: ClassVar[frozenset[str]] = frozenset({"message_data"})

    id: str = ""
    time_stamp: datetime | None = None
    connection_id: str | None = None
    connector_id: str | None = None
    event: str = ""
    message_event: str = ""
    message_data: Mapping[str, object] = field(factory=dict)
    sync_id: str | None = None
    transformation_id: str | None = None
    fivetran_synced: datetime | None = field(default=None, wire="_fivetran_synced")

    @property
    def severity(self) -> str:
        """`INFO`, `WARNING` or `SEVERE`; empty if the row does not say."""
        severity = self.event.upper()
        return severity if severity in (*SEVERITIES, "ERROR") else ""

    @property
    def routine(self) -> str:
        """What happened: `message_event`; in a row without, `event` unless it is a severity."""
        return self.message_event or ("" if self.severity else self.event)

    @property
    def is_sync_start(self) -> bool:
        """Whether a sync began."""
        return self.routine == "sync_start"

    @property
    def is_sync_end(self) -> bool:
        """Whether a sync ended, in whatever way: see `status`."""
        return self.routine == "sync_end"

    @property
    def is_schema_change(self) -> bool:
        """Whether a schema, a table or the choice of what is synced was changed."""
        return self.routine in SCHEMA_CHANGE_EVENTS

    @property
    def is_failed_sync(self) -> bool:
        """Whether a sync ended by failing; of several ends of one sync the last counts."""
        failed = self.status in FAILED_STATUSES or (not self.status and self.severity == "SEVERE")
        return self.is_sync_end and failed

    @property
    def status(self) -> str:
        """How a sync ended, see `SyncEndStatus`; empty for other rows."""
        status = self.detail("status")
        return status.upper() if isinstance(status, str) else ""

    @property
    def reason(self) -> str:
        """Why it ended so, in the vendor's words; empty if the row does not say."""
        reason = self.detail("reason")
        return reason if isinstance(reason, str) else ""

    def detail(self, name: str) -> object:
        """Return an entry of `message_data` by its snake_case name, or the same in camelCase."""
        first, *others = name.split("_")
        camel_case = first + "".join(word.capitalize() for word in others)
        found = self.message_data.get(name)
        return self.message_data.get(camel_case) if found is None else found


@model
class ConnectorSdkLogEntry(LogRow):
    """A row of the table `CONNECTOR_SDK_LOG`: what a connector of your own wrote to its log."""

    id: str = ""
    event_time: datetime | None = None
    connection_id: str | None = None
    connector_id: str | None = None
    level: str = ""
    message: str = ""
    message_origin: str = ""
    sync_id: str | None = None
    fivetran_synced: datetime | None = field(default=None, wire="_fivetran_synced")

    @property
    def is_error(self) -> bool:
        """Whether the level is `SEVERE` or `ERROR`."""
        return self.level.upper() in {"SEVERE", "ERROR"}


@model
class AuditTrailEntry(LogRow):
    """
    A row of the table `AUDIT_TRAIL`: who changed what in the account. Enterprise plans have it.

    Attributes:
        user_id: Who did it; the id, not the e-mail address.
        interaction_method: `WEB_UI`, `API` or `SYSTEM`.
        old_values: Parsed if it was JSON; hidden from `repr`, as configs are.
        new_values: As `old_values`.
    """

    json_columns: ClassVar[frozenset[str]] = frozenset({"old_values", "new_values"})

    id: str = ""
    captured_at: datetime | None = None
    user_id: str | None = None
    action: str = ""
    interaction_method: str = ""
    primary_resource_type: str = ""
    primary_resource_id: str = ""
    secondary_resource_type: str | None = None
    secondary_resource_id: str | None = None
    old_values: object = field(default=None, repr=False)
    new_values: object = field(default=None, repr=False)
    fivetran_synced: datetime | None = field(default=None, wire="_fivetran_synced")


@model
class MonthlyActiveRows(LogRow):
    """
    A row of `monthly_active_rows`, or of the table `INCREMENTAL_MAR` that it sums up.

    Attributes:
        measured_month: The first instant of the month; only in rows of the query.
        measured_date: The first instant of the day; only in rows of the table.
        free_type: `PAID`, or why the rows are free.
        incremental_rows: Primary keys that were synced for the first time in their month.
    """

    destination_id: str = ""
    connection_name: str = ""
    schema_name: str = ""
    table_name: str = ""
    measured_month: datetime | None = None
    measured_date: datetime | None = None
    sync_type: str = ""
    free_type: str = ""
    incremental_rows: int = 0
    updated_at: datetime | None = None
    fivetran_synced: datetime | None = field(default=None, wire="_fivetran_synced")

    @property
    def is_paid(self) -> bool:
        """Whether the rows count for the bill."""
        return self.free_type.upper() == "PAID"


@model
class LoggedSync(LogRow):
    """
    A row of `sync_duration` or `failed_syncs`: one sync, put together from its log entries.

    Attributes:
        sync_id: None for syncs from before the log had one.
        started_at: None if the log does not reach back to the start.
        ended_at: When it ended last; None if it has not, or the log lost it.
        status: How it ended last, see `SyncEndStatus`; None if the log does not say.
        duration_seconds: From the first start to the last end; None if either is not known.
    """

    connection_id: str = ""
    sync_id: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    status: str | None = None
    reason: str | None = None
    duration_seconds: float | None = None


@model
class RecordsModified(LogRow):
    """
    A row of `records_modified`: what was done to one table, summed up.

    Attributes:
        operation_type: `REPLACED_OR_INSERTED`, `UPDATED` or `DELETED`.
        row_count: How many rows of the destination's table.
    """

    connection_id: str = ""
    schema_name: str | None = None
    table_name: str | None = None
    operation_type: str | None = None
    row_count: int = 0
    first_modified_at: datetime | None = None
    last_modified_at: datetime | None = None
