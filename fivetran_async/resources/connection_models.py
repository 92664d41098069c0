"""What the operations on connections return: `fivetran.connections` is beside, in `connections`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from fivetran_async._http.base_url import shown_url
from fivetran_async._model import Model, field, model
from fivetran_async.resources.setup_tests import SetupTest


class SyncState:
    """What a connection is doing: `status.sync_state`; the API may know more."""

    SCHEDULED: Final = "scheduled"
    SYNCING: Final = "syncing"
    PAUSED: Final = "paused"
    RESCHEDULED: Final = "rescheduled"


class SetupState:
    """Whether a connection can work: `status.setup_state`; the API may know more."""

    INCOMPLETE: Final = "incomplete"
    CONNECTED: Final = "connected"
    BROKEN: Final = "broken"


@model
class ConnectionTask(Model):
    """Something that somebody has to do, or to know, about a connection."""

    code: str = ""
    message: str = ""
    details: str | None = None


@model
class ConnectionStatus(Model):
    """
    How a connection is.

    Attributes:
        setup_state: `incomplete`, `connected` or `broken`; see `SetupState`.
        sync_state: `scheduled`, `syncing`, `paused` or `rescheduled`; see `SyncState`.
        update_state: `on_schedule` or `delayed`.
        schema_status: How far the schema was captured, for services with column masking.
        rescheduled_for: When a rescheduled sync runs again.
        is_historical_sync: Whether the whole history is being read.
        tasks: What must be done before it can sync.
        warnings: What should be known.
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
    """A page on which somebody else sets a connection up; it opens for one day."""

    token: str = field(default="", repr=False)
    uri: str = field(default="", repr=False)


@model
class ConnectCardConfig(Model):
    """
    How a connect card behaves.

    Attributes:
        redirect_uri: Where the browser goes afterwards; http or https.
        hide_setup_guide: Leave the guide out.
        all_fields: Show fields that already have a value, too.
    """

    redirect_uri: str = field(default="", repr=shown_url)
    hide_setup_guide: bool | None = None
    all_fields: bool | None = None


@model
class DestinationConfiguration(Model):
    """What a connection uses of its destination."""

    virtual_warehouse: str | None = None


@model
class Connection(Model):
    """
    A connection: one source that is loaded into the destination of its group.

    Attributes:
        service: The type of the source; one of hundreds, an open set.
        schema: Its name in the destination; it cannot change.
        paused: Whether it is paused, where the answer says; `is_paused` always knows.
        sync_frequency: Minutes between syncs.
        data_delay_threshold: Minutes of delay before somebody is told.
        daily_sync_time: `HH:00`, with a `sync_frequency` of 1440.
        succeeded_at: When a sync last ended well.
        failed_at: When a sync last failed.
        connected_by: The user who made it; None when the API made it.
        config: The settings of the service; secrets come masked.
        setup_tests: What the last tests found, in answers of calls that ran them.
        schedule: A flexible schedule, for accounts that have them; it overrides `sync_frequency`.
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
    schedule: Mapping[str, object] = field(factory=dict[str, object])
    data_delay_sensitivity: str | None = None
    data_delay_threshold: int | None = None
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
        """Whether a sync is running."""
        return self.status.sync_state.casefold() == SyncState.SYNCING

    @property
    def is_rescheduled(self) -> bool:
        """Whether the last sync was put off: see `status.rescheduled_for`."""
        return self.status.sync_state.casefold() == SyncState.RESCHEDULED

    @property
    def is_paused(self) -> bool:
        """Whether it is paused, by `paused` if that was sent, else by the sync state."""
        if self.paused is not None:
            return self.paused
        return self.status.sync_state.casefold() == SyncState.PAUSED

    @property
    def is_connected(self) -> bool:
        """Whether the setup is complete and works."""
        return self.status.setup_state.casefold() == SetupState.CONNECTED

    @property
    def is_broken(self) -> bool:
        """Whether the setup is known not to work."""
        return self.status.setup_state.casefold() == SetupState.BROKEN

    @property
    def sync_state(self) -> str:
        """What it is doing: `status.sync_state`."""
        return self.status.sync_state

    @property
    def dashboard_url(self) -> str:
        """Where people look at it."""
        return f"https://fivetran.com/dashboard/connections/{self.id}/status"


@model
class SyncStatus(Model):
    """How the syncs of a connection are going, on one screen: `connections.get_sync_status`."""

    sync_state: str = ""
    update_state: str = ""
    is_historical_sync: bool = False
    succeeded_at: datetime | None = None
    failed_at: datetime | None = None
    rescheduled_for: datetime | None = None

    @classmethod
    def from_connection(cls, connection: Connection) -> "SyncStatus":
        """Take what a connection says about its syncs."""
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
        """Whether a sync is running."""
        return self.sync_state.casefold() == SyncState.SYNCING

    @property
    def is_paused(self) -> bool:
        """Whether the connection is paused."""
        return self.sync_state.casefold() == SyncState.PAUSED

    @property
    def is_scheduled(self) -> bool:
        """Whether it waits for its next sync."""
        return self.sync_state.casefold() == SyncState.SCHEDULED


@model
class ConnectionState(Model):
    """Where a Function or Connector SDK connection has got to, in its own words."""

    state: Mapping[str, object] = field(factory=dict[str, object])


@model
class ConnectCardResponse(Model):
    """A connect card that was just made."""

    connector_id: str = ""
    connect_card: ConnectCard = field(factory=ConnectCard)
    connect_card_config: ConnectCardConfig = field(factory=ConnectCardConfig)


@model
class SyncStage(Model):
    """
    One stage of a past sync.

    Attributes:
        volume: Megabytes that the stage moved; None if the API does not know.
    """

    volume: float | None = None


@model
class SyncStages(Model):
    """The stages of a past sync; a stage that the sync did not reach has no volume."""

    extract: SyncStage = field(factory=SyncStage)
    process: SyncStage = field(factory=SyncStage)
    load: SyncStage = field(factory=SyncStage)


@model
class SyncHistoryEntry(Model):
    """
    One sync of the past: `connections.list_sync_history`.

    Entries disappear within hours in some accounts: a missing entry proves nothing.

    Attributes:
        sync_id: The id of the sync, the same in webhooks and logs.
        status: `COMPLETED`, `FAILURE`, `CANCELED`, `INCOMPLETE`, `RESCHEDULED`, `PAUSED`, or
            another word: the API declares no closed set.
        reason: Why it did not succeed.
        start: When it began; None before that.
        end: When it ended; None while it runs.
        stages: How much each stage moved.
    """

    sync_id: str | None = None
    status: str = ""
    reason: str | None = field(default=None, others=("message",))
    start: datetime | None = field(default=None, others=("start_time", "started_at"))
    end: datetime | None = field(default=None, others=("end_time", "completed_at"))
    stages: SyncStages = field(factory=SyncStages)


@model
class ConnectionProblem(Model):
    """One current problem of a connection: `connections.list_errors`."""

    type: str | None = None
    title: str | None = None
    reason: str | None = None
    message: str | None = None
    created_at: datetime | None = None
