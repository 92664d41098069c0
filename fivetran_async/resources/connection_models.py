"""Models of the operations in `fivetran.connections`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Required, TypedDict, cast

from fivetran_async._http.base_url import shown_url
from fivetran_async._http.body import without_masks
from fivetran_async._model import Model, field, model
from fivetran_async._services._table import fields as config_fields
from fivetran_async.resources._choices import ConnectionScheduleChoice
from fivetran_async.resources.setup_tests import SetupTest


class SyncState:
    """Known values of `status.sync_state`; the API may return others."""

    SCHEDULED: Final = "scheduled"
    SYNCING: Final = "syncing"
    PAUSED: Final = "paused"
    RESCHEDULED: Final = "rescheduled"


class SetupState:
    """Known values of `status.setup_state`; the API may return others."""

    INCOMPLETE: Final = "incomplete"
    CONNECTED: Final = "connected"
    BROKEN: Final = "broken"


@model
class ConnectionTask(Model):
    """
    A task or a warning about a connection.

    Attributes:
        details: More about it: text, or any other JSON value.
    """

    code: str = ""
    message: str = ""
    details: object = None


@model
class ConnectionStatus(Model):
    """
    The status of a connection.

    Attributes:
        setup_state: `incomplete`, `connected` or `broken`; see `SetupState`.
        sync_state: `scheduled`, `syncing`, `paused` or `rescheduled`; see `SyncState`.
        update_state: `on_schedule` or `delayed`.
        schema_status: The progress of the schema capture, for services with column masking.
        rescheduled_for: The time of the next attempt of a rescheduled sync.
        is_historical_sync: True while the whole history is loaded.
        tasks: Problems to solve before the connection can sync.
        warnings: Problems that do not stop syncs.
    """

    setup_state: str = ""
    sync_state: str = ""
    update_state: str = ""
    schema_status: str | None = None
    rescheduled_for: datetime | None = None
    is_historical_sync: bool = False
    tasks: tuple[ConnectionTask, ...] = ()
    warnings: tuple[ConnectionTask, ...] = ()


@model
class ConnectCard(Model):
    """A page where another person sets up a connection; valid for one day."""

    token: str = field(default="", repr=False)
    uri: str = field(default="", repr=False)


@model
class ConnectCardConfig(Model):
    """
    Settings of a connect card.

    Attributes:
        redirect_uri: The page to open after the setup; http or https.
        hide_setup_guide: True hides the setup guide.
        all_fields: True also shows fields that already have a value.
    """

    redirect_uri: str = field(default="", repr=shown_url)
    hide_setup_guide: bool | None = None
    all_fields: bool | None = None


@model
class DestinationConfiguration(Model):
    """Settings of the destination for one connection."""

    virtual_warehouse: str | None = None


@model
class ConnectionSchedule(Model):
    """
    A flexible schedule of a connection, which takes precedence over `sync_frequency`.

    Attributes:
        schedule_type: `TIME_OF_DAY`, `INTERVAL`, `CRON`, or `MANUAL` to sync only on request.
        interval: For `INTERVAL`: minutes between syncs.
        time_of_day: For `TIME_OF_DAY`: a full hour from `00:00` to `23:00`.
        days_of_week: For `TIME_OF_DAY` and `INTERVAL`: the days to sync on, such as `MONDAY`;
            by default every day.
        cron: For `CRON`: one expression.
    """

    schedule_type: ConnectionScheduleChoice = ""
    interval: int | None = None
    time_of_day: str | None = None
    days_of_week: tuple[str, ...] = ()
    cron: str | None = None


class NewConnection(TypedDict, total=False):
    """The arguments for `connections.create`, as `Connection.to_create` returns them."""

    group_id: Required[str]
    service: Required[str]
    config: Required[dict[str, object]]
    paused: bool
    pause_after_trial: bool
    schedule: ConnectionSchedule
    sync_frequency: int
    schedule_type: str
    daily_sync_time: str
    data_delay_sensitivity: str
    data_delay_threshold: int
    data_checks: bool
    networking_method: str
    private_link_id: str
    proxy_agent_id: str
    hybrid_deployment_agent_id: str
    destination_schema_names: str
    destination_configuration: DestinationConfiguration
    external_secrets_manager_id: str
    external_secrets_keys_config: Mapping[str, object]


_COPIED: Final = (
    "paused",
    "pause_after_trial",
    "sync_frequency",
    "schedule_type",
    "daily_sync_time",
    "data_delay_sensitivity",
    "data_delay_threshold",
    "data_checks",
    "networking_method",
    "private_link_id",
    "proxy_agent_id",
    "hybrid_deployment_agent_id",
    "destination_schema_names",
    "destination_configuration",
    "external_secrets_manager_id",
    "external_secrets_keys_config",
)
"""The fields that a new connection takes over from another one."""

_SIMPLE_SCHEDULE: Final = frozenset({"sync_frequency", "schedule_type", "daily_sync_time"})


@model
class Connection(Model):
    """
    A connection: it loads one source into the destination of its group.

    Attributes:
        service: The type of the source, such as `postgres`; the vendor adds new ones.
        schema: The schema name in the destination; it cannot change.
        paused: True if the connection is paused; None if the response lacks the field, so prefer
            `is_paused`.
        sync_frequency: Minutes between syncs; None if `schedule` cannot be expressed so, as a cron
            expression or several times a day.
        data_checks: True if Fivetran checks the loaded data; None if the response lacks the field.
        data_delay_threshold: Minutes of delay before Fivetran sends an alert.
        daily_sync_time: `HH:00`, with a `sync_frequency` of 1440.
        succeeded_at: The end of the last successful sync.
        failed_at: The end of the last failed sync.
        connected_by: The user who created it; None if it was created through the API.
        config: The settings of the service, with masks in place of secrets.
        setup_tests: The results, in responses to calls that ran the setup tests.
        schedule: The schedule; takes precedence over `sync_frequency`. Its `schedule_type` is empty
            if the response lacks the field.
    """

    id: str
    group_id: str = ""
    service: str = ""
    service_version: int | None = None
    schema: str = ""
    paused: bool | None = None
    pause_after_trial: bool | None = None
    connected_by: str | None = None
    created_at: datetime | None = None
    succeeded_at: datetime | None = None
    failed_at: datetime | None = None
    sync_frequency: int | None = None
    schedule_type: str | None = None
    daily_sync_time: str | None = None
    schedule: ConnectionSchedule = field(factory=ConnectionSchedule)
    data_delay_sensitivity: str | None = None
    data_delay_threshold: int | None = None
    data_checks: bool | None = None
    status: ConnectionStatus = field(factory=ConnectionStatus)
    setup_tests: tuple[SetupTest, ...] = ()
    networking_method: str | None = None
    private_link_id: str | None = None
    proxy_agent_id: str | None = None
    hybrid_deployment_agent_id: str | None = None
    destination_schema_names: str | None = None
    destination_configuration: DestinationConfiguration = field(factory=DestinationConfiguration)
    external_secrets_manager_id: str | None = None
    external_secrets_keys_config: Mapping[str, object] = field(
        factory=dict[str, object], repr=False
    )
    connect_card: ConnectCard = field(factory=ConnectCard)
    connect_card_config: ConnectCardConfig = field(factory=ConnectCardConfig)
    source_sync_details: Mapping[str, object] = field(factory=dict[str, object], repr=False)
    config: Mapping[str, object] = field(factory=dict[str, object], repr=False)

    @property
    def is_syncing(self) -> bool:
        """True while a sync is running."""
        return self.status.sync_state.casefold() == SyncState.SYNCING

    @property
    def is_rescheduled(self) -> bool:
        """True if the last sync was postponed; see `status.rescheduled_for`."""
        return self.status.sync_state.casefold() == SyncState.RESCHEDULED

    @property
    def is_paused(self) -> bool:
        """True if the connection is paused, by `paused` or, without it, by the sync state."""
        if self.paused is not None:
            return self.paused
        return self.status.sync_state.casefold() == SyncState.PAUSED

    @property
    def is_connected(self) -> bool:
        """True if the setup is complete and works."""
        return self.status.setup_state.casefold() == SetupState.CONNECTED

    @property
    def is_broken(self) -> bool:
        """True if the setup does not work."""
        return self.status.setup_state.casefold() == SetupState.BROKEN

    def to_create(self) -> NewConnection:
        """
        Return the arguments for `connections.create` that make a connection like this one.

        Its `config` has no masks and no read-only fields: add the secrets before you use it, and
        change the schema name or the group, because the pair is unique. Read the connection with
        `connections.get`; those from a list have no config.

        ```python
        new = connection.to_create()
        new["group_id"] = "other_group"
        new["config"]["password"] = "s3cret"
        copy = await fivetran.connections.create(**new, run_setup_tests=False)
        ```
        """
        read_only = {each.name for each in config_fields(self.service).values() if each.read_only}
        config = without_masks(self.config)
        arguments: dict[str, object] = {
            "group_id": self.group_id,
            "service": self.service,
            "config": {name: config[name] for name in config if name not in read_only},
        }
        for name in _COPIED:
            value: object = getattr(self, name)
            if value and value != DestinationConfiguration():
                arguments[name] = value
        if self.schedule.schedule_type:
            # It has the same facts as these, or more.
            arguments = {n: value for n, value in arguments.items() if n not in _SIMPLE_SCHEDULE}
            arguments["schedule"] = self.schedule
        if self.data_delay_sensitivity != "CUSTOM":
            arguments.pop("data_delay_threshold", None)
        return cast("NewConnection", arguments)

    @property
    def sync_state(self) -> str:
        """The sync state: `status.sync_state`."""
        return self.status.sync_state

    @property
    def dashboard_url(self) -> str:
        """The address of the connection in the dashboard."""
        return f"https://fivetran.com/dashboard/connections/{self.id}/status"


@model
class SyncStatus(Model):
    """The state of the syncs of a connection, from `connections.get_sync_status`."""

    sync_state: str = ""
    update_state: str = ""
    is_historical_sync: bool = False
    succeeded_at: datetime | None = None
    failed_at: datetime | None = None
    rescheduled_for: datetime | None = None

    @classmethod
    def from_connection(cls, connection: Connection) -> "SyncStatus":
        """Build the status from a connection."""
        return cls(
            sync_state=connection.sync_state,
            update_state=connection.status.update_state,
            is_historical_sync=connection.status.is_historical_sync,
            succeeded_at=connection.succeeded_at,
            failed_at=connection.failed_at,
            rescheduled_for=connection.status.rescheduled_for,
        )

    @property
    def is_syncing(self) -> bool:
        """True while a sync is running."""
        return self.sync_state.casefold() == SyncState.SYNCING

    @property
    def is_paused(self) -> bool:
        """True if the connection is paused."""
        return self.sync_state.casefold() == SyncState.PAUSED

    @property
    def is_scheduled(self) -> bool:
        """True if the connection waits for its next sync."""
        return self.sync_state.casefold() == SyncState.SCHEDULED


@model
class ConnectionState(Model):
    """The stored state of a Function or Connector SDK connection, in its own format."""

    state: Mapping[str, object] = field(factory=dict[str, object])


@model
class ConnectCardResponse(Model):
    """A new connect card."""

    connector_id: str = ""
    connect_card: ConnectCard = field(factory=ConnectCard)
    connect_card_config: ConnectCardConfig = field(factory=ConnectCardConfig)


@model
class SyncStage(Model):
    """
    One stage of a past sync.

    Attributes:
        volume: Megabytes that the stage moved; None if unknown.
    """

    volume: float | None = None


@model
class SyncStages(Model):
    """The stages of a past sync; a stage that was not reached has no volume."""

    extract: SyncStage = field(factory=SyncStage)
    process: SyncStage = field(factory=SyncStage)
    load: SyncStage = field(factory=SyncStage)


@model
class SyncHistoryEntry(Model):
    """
    One past sync, from `connections.list_sync_history`.

    In some accounts entries disappear within hours, so a missing entry proves nothing.

    Attributes:
        sync_id: The id of the sync, the same in webhooks and logs.
        status: `COMPLETED`, `FAILURE`, `CANCELED`, `INCOMPLETE`, `RESCHEDULED`, `PAUSED`, or
            another word: the API does not declare a closed set.
        reason: The reason for a sync that did not succeed.
        start: The start of the sync; None before it starts.
        end: The end of the sync; None while it runs.
        stages: The volume of each stage.
    """

    sync_id: str | None = None
    status: str = ""
    reason: str | None = field(default=None, others=("message",))
    start: datetime | None = field(default=None, others=("start_time", "started_at"))
    end: datetime | None = field(default=None, others=("end_time", "completed_at"))
    stages: SyncStages = field(factory=SyncStages)


@model
class ConnectionProblem(Model):
    """One current problem of a connection, from `connections.list_errors`."""

    type: str | None = None
    title: str | None = None
    reason: str | None = None
    message: str | None = None
    created_at: datetime | None = None


@model
class ConnectionMove(Model):
    """
    A move of a connection to another group, from `connections.move`.

    Attributes:
        source_group_id: The group before the move; "" if the response had no data.
        sync_behavior: `CONTINUE`, `BACKFILL` or `CONTINUE_WITH_DATA`.
        moved_at: The time of the move; None with `CONTINUE_WITH_DATA`, which takes a job.
        job_id: The job to pass to `connections.wait_for_move`; None if the connection has moved.
    """

    connection_id: str = ""
    source_group_id: str = ""
    destination_group_id: str = ""
    sync_behavior: str = ""
    moved_at: datetime | None = None
    job_id: str | None = None


@model
class ConnectionMoveJob(Model):
    """
    A move that copies data, from `connections.get_move`.

    Attributes:
        status: `PENDING`, `IN_PROGRESS`, `SUCCESS` or `FAILED`; an open set.
        source_group_id: The group before the move.
        destination_group_id: The group after the move.
        started_at: None before the job starts.
        completed_at: None until the job ends.
        error_message: Why the job failed.
    """

    id: str
    status: str = ""
    connection_id: str = ""
    source_group_id: str = ""
    destination_group_id: str = ""
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error_message: str | None = None

    @property
    def is_successful(self) -> bool:
        """True if the connection has moved with its data."""
        return self.status.upper().startswith("SUCCESS")

    @property
    def is_done(self) -> bool:
        """True if the job has ended, with or without success."""
        ended = self.status.upper().startswith(("SUCCESS", "FAIL"))
        return ended or self.completed_at is not None


@model
class ConnectionWarning(Model):
    """
    One warning about a connection or one of its tables.

    Attributes:
        code: The type, to pass to `connections.dismiss_warning`.
        message: A short text, such as `Resync Table Warning`.
        error_message: Details, if there are any.
    """

    code: str = field(default="", others=("type",))
    message: str = ""
    error_message: str | None = None
    created_at: datetime | None = None


@model
class TableWarnings(Model):
    """
    The warnings about one table in the destination, from `connections.list_warnings`.

    Attributes:
        schema: The schema in the destination; None for warnings that concern no single table.
        table: The table in the destination; None for warnings that concern no single table.
    """

    schema: str | None = None
    table: str | None = None
    warnings: tuple[ConnectionWarning, ...] = ()
