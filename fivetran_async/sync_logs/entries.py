"""Models of the log tables that the Fivetran Platform Connector writes."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import ClassVar, Final, Self

from fivetran_async._codec import decode, decode_each
from fivetran_async._codec._fields import wire_fields
from fivetran_async._model import Model, field, model
from fivetran_async.sync_logs._rows import Columns, Cursor, Row, RowRules, read_row, read_rows

SEVERITIES: Final = ("INFO", "WARNING", "SEVERE")
"""The values of the column `event`. Connectors built with the SDK also log `ERROR`."""

SCHEMA_CHANGE_EVENTS: Final = (
    "alter_table",
    "change_schema_config",
    "change_schema_config_via_api",
    "create_schema",
    "create_table",
    "drop_table",
)
"""The events that change the destination's schema or the selection of what is synced."""


class SyncEndStatus:
    """How a sync ended: `status` in the data of `sync_end`; the vendor may add values."""

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
"""The known statuses of failed syncs; others that begin with `FAIL` count, too."""

FAILED_PREFIX: Final = "FAIL"


@model
class LogRow(Model):
    """
    Base of the rows of all log tables, readable from any driver's result.

    Every column is optional, and the letter case of column names does not matter. A value that
    cannot be parsed, such as an invalid time, is empty here and kept in `extra`.
    """

    json_columns: ClassVar[frozenset[str]] = frozenset()
    """Columns that contain JSON: native, as text, or encoded twice."""
    text_fields: ClassVar[Mapping[str, str]] = {}
    """JSON columns that can contain something else, and the fields that its text goes to."""
    old_names: ClassVar[Mapping[str, str]] = {"connector_id": "connection_id"}
    """Columns of old setups, and the columns that they fill in for."""

    @classmethod
    def from_row(cls, row: Row, columns: Columns | None = None) -> Self:
        """
        Make an object from one row of a query's result.

        Args:
            row: A mapping or another row with column names, or a sequence of values.
            columns: For a sequence of values: the names, or the cursor's `description`.

        Raises:
            InvalidArgumentError: The column names are missing, or their number differs from the
                number of values.
        """
        return decode(read_row(row, columns, cls._rules()), cls, place=cls.__name__)

    @classmethod
    def from_rows(cls, rows: Iterable[Row] | Cursor, columns: Columns | None = None) -> list[Self]:
        """
        Make objects from all rows of a query's result.

        Args:
            rows: Rows as in `from_row`, or a DB-API cursor that has executed a query. For an async
                cursor, pass `await cursor.fetchall(), cursor.description`.
            columns: For sequences of values: the names, or the cursor's `description`.

        Raises:
            InvalidArgumentError: The column names are missing, or the cursor has no result.
        """
        found = read_rows(rows, columns, cls._rules())
        return decode_each(found, cls, place=cls.__name__)

    @classmethod
    def _rules(cls) -> RowRules:
        fields = wire_fields(cls)
        declared = frozenset(wire for wire, _ in fields)
        return RowRules(
            declared=declared,
            times=frozenset(wire for wire, field in fields if field.type == datetime | None),
            json_columns=cls.json_columns,
            texts=cls.text_fields,
            old_names={old: new for old, new in cls.old_names.items() if new in declared},
        )


@model
class LogEntry(LogRow):
    """
    A row of the table `LOG`.

    Attributes:
        connection_id: None for rows without a connection, such as those of transformations.
        connector_id: The deprecated name of `connection_id`; new tables lack the column.
        event: The severity, not what happened: see `severity` and `routine`.
        message_event: What happened, such as `sync_end`.
        message_data: Parsed JSON; its keys depend on `message_event`, see `detail`. Empty if the
            column contains something else.
        message_text: What the column `message_data` contains if it is not a JSON object, such as
            the prose in old rows of transformations; None for objects.
        sync_id: The same in all rows of one sync; None in rows outside of a sync.
    """

    json_columns: ClassVar[frozenset[str]] = frozenset({"message_data"})
    text_fields: ClassVar[Mapping[str, str]] = {"message_data": "message_text"}

    id: str = ""
    time_stamp: datetime | None = None
    connection_id: str | None = None
    connector_id: str | None = None
    event: str = ""
    message_event: str = ""
    message_data: Mapping[str, object] = field(factory=dict)
    message_text: str | None = None
    sync_id: str | None = None
    transformation_id: str | None = None
    fivetran_synced: datetime | None = field(default=None, wire="_fivetran_synced")

    @property
    def severity(self) -> str:
        """`INFO`, `WARNING` or `SEVERE`; empty if the row lacks it."""
        severity = self.event.upper()
        return severity if severity in (*SEVERITIES, "ERROR") else ""

    @property
    def routine(self) -> str:
        """What happened: `message_event`, or without it `event` unless that is a severity."""
        return self.message_event or ("" if self.severity else self.event)

    @property
    def is_sync_start(self) -> bool:
        """True if a sync started."""
        return self.routine == "sync_start"

    @property
    def is_sync_end(self) -> bool:
        """True if a sync ended, successfully or not: see `status`."""
        return self.routine == "sync_end"

    @property
    def is_schema_change(self) -> bool:
        """True if the schema of the destination or the selection of what is synced changed."""
        return self.routine in SCHEMA_CHANGE_EVENTS

    @property
    def is_failed_sync(self) -> bool:
        """True if a sync failed. If a sync has several ends, the last one counts."""
        failed = self.status.startswith(FAILED_PREFIX)
        return self.is_sync_end and (failed or (not self.status and self.severity == "SEVERE"))

    @property
    def status(self) -> str:
        """How a sync ended, see `SyncEndStatus`; empty for other rows."""
        status = self.detail("status")
        return status.upper() if isinstance(status, str) else ""

    @property
    def reason(self) -> str:
        """Why the sync ended like this, in the vendor's words; empty if the row lacks a reason."""
        reason = self.detail("reason")
        return reason if isinstance(reason, str) else ""

    def detail(self, name: str) -> object:
        """Return a member of `message_data` by its snake_case name, also from a camelCase key."""
        first, *others = name.split("_")
        camel_case = first + "".join(word.capitalize() for word in others)
        found = self.message_data.get(name)
        return self.message_data.get(camel_case) if found is None else found


@model
class ConnectorSdkLogEntry(LogRow):
    """A row of the table `CONNECTOR_SDK_LOG`: the log output of your own connectors."""

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
        """True if the level is `SEVERE` or `ERROR`."""
        return self.level.upper() in {"SEVERE", "ERROR"}


@model
class AuditTrailEntry(LogRow):
    """
    A row of the table `AUDIT_TRAIL`: who changed what in the account (Enterprise plans).

    Attributes:
        user_id: The id of the user who made the change, not the e-mail address.
        interaction_method: `WEB_UI`, `API` or `SYSTEM`.
        old_values: Parsed if it is JSON; hidden from `repr`, like configs.
        new_values: Like `old_values`.
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
    A row of `monthly_active_rows`, or of the table `INCREMENTAL_MAR` that it aggregates.

    Attributes:
        measured_month: The first instant of the month; only in rows of the query.
        measured_date: The first instant of the day; only in rows of the table.
        free_type: `PAID`, or why the rows are free.
        incremental_rows: Primary keys that were synced for the first time in their month.
    """

    old_names: ClassVar[Mapping[str, str]] = {
        "connector_name": "connection_name",
        # In old setups, it holds the name.
        "connector_id": "connection_name",
    }

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
        """True if the rows are billed."""
        return self.free_type.upper() == "PAID"


@model
class LoggedSync(LogRow):
    """
    A row of `sync_duration` or `failed_syncs`: one sync, combined from its log entries.

    Attributes:
        sync_id: None for syncs from before the log had ids.
        started_at: None if the log starts later than the sync.
        ended_at: The last end; None if the sync is running or the log lacks its end.
        status: The status of the last end, see `SyncEndStatus`; None if the log lacks it.
        duration_seconds: From the first start to the last end; None if one of them is unknown.
    """

    connection_id: str = ""
    sync_id: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    status: str | None = None
    reason: str | None = None
    duration_seconds: float | None = None


@model
class SyncMetrics(LogRow):
    """
    A row of `sync_metrics`: what the log entries of one sync report, added up.

    A figure is None if the log has no entry that reports it, or not yet. The attempts of a
    rescheduled sync are one sync.

    Attributes:
        started_at: The first start; None if the log starts later than the sync.
        ended_at: The last end; None if the sync is running or the log lacks its end.
        status: The status of the last end, see `SyncEndStatus`.
        duration_seconds: From the first start to the last end.
        extract_seconds: Time to read from the source.
        process_seconds: Time to prepare the data.
        load_seconds: Time to write to the destination.
        total_seconds: Time as the vendor counts it.
        extract_volume_mb: Megabytes that were read.
        process_volume_mb: Megabytes that were prepared.
        load_volume_mb: Megabytes that were written.
        extracted_rows: Rows that were read.
        extracted_bytes: Bytes that were read.
        query_count: Requests to the source.
        modified_rows: Rows that changed in the destination's tables.
        tables_written: Tables that were written to.
        first_write_at: The start of the first write to a table.
        last_write_at: The end of the last write to a table.
        write_seconds: From the first write to the last.
    """

    connection_id: str = ""
    sync_id: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    status: str | None = None
    duration_seconds: float | None = None
    extract_seconds: float | None = None
    process_seconds: float | None = None
    load_seconds: float | None = None
    total_seconds: float | None = None
    extract_volume_mb: float | None = None
    process_volume_mb: float | None = None
    load_volume_mb: float | None = None
    extracted_rows: int | None = None
    extracted_bytes: int | None = None
    query_count: int | None = None
    modified_rows: int | None = None
    tables_written: int = 0
    first_write_at: datetime | None = None
    last_write_at: datetime | None = None
    write_seconds: float | None = None


@model
class RecordsModified(LogRow):
    """
    A row of `records_modified`: the total of one operation on one table.

    Attributes:
        operation_type: `REPLACED_OR_INSERTED`, `UPDATED` or `DELETED`.
        row_count: Modified rows in the destination's table.
    """

    connection_id: str = ""
    schema_name: str | None = None
    table_name: str | None = None
    operation_type: str | None = None
    row_count: int = 0
    first_modified_at: datetime | None = None
    last_modified_at: datetime | None = None
