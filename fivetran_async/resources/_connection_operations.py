"""The operations of `fivetran.connections`; the module `connections` adds the waits for syncs."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from fivetran_async._http.operation import SETUP_BUDGETS, V2, operation
from fivetran_async._http.result import ActionResult
from fivetran_async._http.transport import Transport
from fivetran_async._types import UNSET, Unset
from fivetran_async.pagination import Pager
from fivetran_async.resources._choices import (
    DataDelaySensitivityChoice,
    NetworkingMethodChoice,
    ScheduleTypeChoice,
    SchemaNamesChoice,
    SchemaStatusChoice,
)
from fivetran_async.resources._connection_moves import ConnectionMoves
from fivetran_async.resources._connection_rules import (
    by_force,
    by_tests,
    by_tests_and_history,
    check_schedule,
    how_to_find,
)
from fivetran_async.resources._connection_warnings import ConnectionWarnings
from fivetran_async.resources._resource import require_change, require_confirmation
from fivetran_async.resources.connection_models import (
    ConnectCardConfig,
    ConnectCardResponse,
    Connection,
    ConnectionProblem,
    ConnectionSchedule,
    ConnectionState,
    DestinationConfiguration,
    SyncHistoryEntry,
    SyncStatus,
)
from fivetran_async.resources.connection_schemas import ConnectionSchemas
from fivetran_async.resources.trust import TrustedCertificates, TrustedFingerprints

LIST_CONNECTIONS = operation("connections.list", "GET", "/v1/connections", accept=V2)
GET_CONNECTION = operation(
    "connections.get", "GET", "/v1/connections/{connection_id}", accept=V2, service_kind="source"
)
_CREATE = operation(
    "connections.create",
    "POST",
    "/v1/connections",
    accept=V2,
    slow=True,
    budgets=SETUP_BUDGETS,
    advice=how_to_find,
    varies=by_tests,
    service_kind="source",
)
_UPDATE = operation(
    "connections.update",
    "PATCH",
    "/v1/connections/{connection_id}",
    budgets=SETUP_BUDGETS,
    varies=by_tests_and_history,
    accept=V2,
    slow=True,
    service_kind="source",
)
_DELETE = operation("connections.delete", "DELETE", "/v1/connections/{connection_id}", accept=V2)
SYNC_CONNECTION = operation(
    "connections.sync",
    "POST",
    "/v1/connections/{connection_id}/sync",
    retry_class="trigger",
    varies=by_force,
    accept=V2,
    advice="Check connections.get_sync_status({connection_id!r}) for a running sync "
    "before you retry.",
)
RESYNC_CONNECTION = operation(
    "connections.resync",
    "POST",
    "/v1/connections/{connection_id}/resync",
    accept=V2,
    advice="Check status.is_historical_sync of connections.get({connection_id!r}) "
    "before you retry.",
)
_RUN_SETUP_TESTS = operation(
    "connections.run_setup_tests",
    "POST",
    "/v1/connections/{connection_id}/test",
    retry_class="trigger",
    accept=V2,
    slow=True,
    budgets=SETUP_BUDGETS,
    shown_by=GET_CONNECTION,
)
_GET_STATE = operation(
    "connections.get_state", "GET", "/v1/connections/{connection_id}/state", accept=V2
)
_UPDATE_STATE = operation(
    "connections.update_state",
    "PATCH",
    "/v1/connections/{connection_id}/state",
    retry_class="dangerous",
    accept=V2,
)
_CREATE_CONNECT_CARD = operation(
    "connections.create_connect_card",
    "POST",
    "/v1/connections/{connection_id}/connect-card",
    retry_class="trigger",
    accept=V2,
)
_LIST_SYNC_HISTORY = operation(
    "connections.list_sync_history",
    "GET",
    "/v1/connections/{connection_id}/sync-history",
    accept=V2,
    preview=True,
)
_LIST_ERRORS = operation(
    "connections.list_errors",
    "GET",
    "/v1/connections/{connection_id}/errors",
    accept=V2,
    preview=True,
)


class ConnectionOperations(ConnectionMoves, ConnectionWarnings):
    """
    The operations on connections, one method for each.

    <https://fivetran.com/docs/rest-api/api-reference/connections>
    """

    schemas: ConnectionSchemas
    """The schemas, tables and columns that connections sync."""
    certificates: TrustedCertificates
    """The approved TLS certificates of the sources of connections."""
    fingerprints: TrustedFingerprints
    """The approved SSH fingerprints of the sources of connections."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.schemas = ConnectionSchemas(transport)
        self.certificates = TrustedCertificates(
            transport, "connections", "/v1/connections/{connection_id}"
        )
        self.fingerprints = TrustedFingerprints(
            transport, "connections", "/v1/connections/{connection_id}"
        )

    def list(
        self,
        *,
        group_id: str | None = None,
        schema: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Pager[Connection]:
        """
        List the connections of the account.

        GET /v1/connections

        Args:
            group_id: Only those in this group.
            schema: Only the connections with exactly this schema name.
            limit: Connections per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(
            LIST_CONNECTIONS,
            Connection,
            query={"group_id": group_id, "schema": schema},
            limit=limit,
            cursor=cursor,
        )

    async def find(self, *, group_id: str, schema: str) -> Connection | None:
        """
        Return the connection with this schema name in a group, or None, with one request.

        GET /v1/connections
        """
        page = await self.list(group_id=group_id, schema=schema).page()
        return page.items[0] if page.items else None

    async def get(self, connection_id: str) -> Connection:
        """
        Return one connection with its configuration.

        GET /v1/connections/{connection_id}

        Raises:
            NotFoundError: The connection does not exist, or the key has no access to it.
        """
        return await self._transport.call(GET_CONNECTION, Connection, connection_id)

    async def create(
        self,
        *,
        group_id: str,
        service: str,
        config: Mapping[str, object] | Unset = UNSET,
        auth: Mapping[str, object] | Unset = UNSET,
        paused: bool | Unset = UNSET,
        pause_after_trial: bool | Unset = UNSET,
        schedule: ConnectionSchedule | Mapping[str, object] | Unset = UNSET,
        sync_frequency: int | Unset = UNSET,
        schedule_type: ScheduleTypeChoice | Unset = UNSET,
        daily_sync_time: str | Unset = UNSET,
        data_delay_sensitivity: DataDelaySensitivityChoice | Unset = UNSET,
        data_delay_threshold: int | Unset = UNSET,
        data_checks: bool | Unset = UNSET,
        networking_method: NetworkingMethodChoice | Unset = UNSET,
        private_link_id: str | Unset | None = UNSET,
        proxy_agent_id: str | Unset | None = UNSET,
        hybrid_deployment_agent_id: str | Unset | None = UNSET,
        destination_schema_names: SchemaNamesChoice | Unset = UNSET,
        destination_configuration: DestinationConfiguration | Mapping[str, object] | Unset = UNSET,
        external_secrets_manager_id: str | Unset | None = UNSET,
        external_secrets_keys_config: Mapping[str, object] | Unset | None = UNSET,
        connect_card_config: ConnectCardConfig | Mapping[str, object] | Unset = UNSET,
        run_setup_tests: bool | Unset = UNSET,
        trust_certificates: bool | Unset = UNSET,
        trust_fingerprints: bool | Unset = UNSET,
    ) -> Connection:
        """
        Create a connection; `config` holds its schema name, which cannot change later.

        POST /v1/connections

        Args:
            group_id: The group; the connection loads into its destination.
            service: The type of the source, such as `postgres`.
            config: Settings of the service; the vendor documents them per service.
            auth: Credentials, for services that take them separately.
            paused: True stops scheduled syncs.
            pause_after_trial: True pauses the connection when the trial ends.
            schedule: When to sync, as a `ConnectionSchedule`; takes precedence over
                `sync_frequency`.
            sync_frequency: Minutes between syncs: 1, 5, 15, 30, 60, 120, 180, 360, 480, 720, 1440.
            schedule_type: `auto`, or `manual` to sync only on request; not with `schedule`.
            daily_sync_time: `HH:00`; requires a `sync_frequency` of 1440.
            data_delay_sensitivity: `LOW`, `NORMAL`, `HIGH`, `CUSTOM` or `SYNC_FREQUENCY`.
            data_delay_threshold: Minutes of delay; requires `CUSTOM`.
            data_checks: True lets Fivetran check the loaded data.
            networking_method: `Directly`, `PrivateLink`, `SshTunnel` or `ProxyAgent`.
            private_link_id: The link to use with `PrivateLink`.
            proxy_agent_id: The agent to use with `ProxyAgent`.
            hybrid_deployment_agent_id: The agent that processes the data in your network.
            destination_schema_names: `FIVETRAN_NAMING` or `SOURCE_NAMING`.
            destination_configuration: Settings of the destination for this connection.
            external_secrets_manager_id: The vault that holds the secrets.
            external_secrets_keys_config: The secrets to read from the vault.
            connect_card_config: Settings of a connect card to create as well.
            run_setup_tests: False skips the setup tests; by default the server runs them.
            trust_certificates: Approve the certificates that the tests find.
            trust_fingerprints: Approve the fingerprints that the tests find.

        Raises:
            InvalidArgumentError: `schedule` lacks what its type needs, or contradicts
                `schedule_type`; no request was sent.
            AmbiguousOutcomeError: It may have been created; check with `find`.
        """
        check_schedule(schedule, schedule_type)
        return await self._transport.call(
            _CREATE,
            Connection,
            body={
                "group_id": group_id,
                "service": service,
                "config": config,
                "auth": auth,
                "paused": paused,
                "pause_after_trial": pause_after_trial,
                "schedule": schedule,
                "sync_frequency": sync_frequency,
                "schedule_type": schedule_type,
                "daily_sync_time": daily_sync_time,
                "data_delay_sensitivity": data_delay_sensitivity,
                "data_delay_threshold": data_delay_threshold,
                "data_checks": data_checks,
                "networking_method": networking_method,
                "private_link_id": private_link_id,
                "proxy_agent_id": proxy_agent_id,
                "hybrid_deployment_agent_id": hybrid_deployment_agent_id,
                "destination_schema_names": destination_schema_names,
                "destination_configuration": destination_configuration,
                "external_secrets_manager_id": external_secrets_manager_id,
                "external_secrets_keys_config": external_secrets_keys_config,
                "connect_card_config": connect_card_config,
                "run_setup_tests": run_setup_tests,
                "trust_certificates": trust_certificates,
                "trust_fingerprints": trust_fingerprints,
            },
        )

    async def update(
        self,
        connection_id: str,
        *,
        config: Mapping[str, object] | Unset = UNSET,
        auth: Mapping[str, object] | Unset = UNSET,
        paused: bool | Unset = UNSET,
        pause_after_trial: bool | Unset = UNSET,
        schedule: ConnectionSchedule | Mapping[str, object] | Unset = UNSET,
        sync_frequency: int | Unset = UNSET,
        schedule_type: ScheduleTypeChoice | Unset = UNSET,
        daily_sync_time: str | Unset = UNSET,
        data_delay_sensitivity: DataDelaySensitivityChoice | Unset = UNSET,
        data_delay_threshold: int | Unset = UNSET,
        data_checks: bool | Unset = UNSET,
        networking_method: NetworkingMethodChoice | Unset = UNSET,
        private_link_id: str | Unset | None = UNSET,
        proxy_agent_id: str | Unset | None = UNSET,
        hybrid_deployment_agent_id: str | Unset | None = UNSET,
        destination_configuration: DestinationConfiguration | Mapping[str, object] | Unset = UNSET,
        external_secrets_manager_id: str | Unset | None = UNSET,
        external_secrets_keys_config: Mapping[str, object] | Unset | None = UNSET,
        is_historical_sync: bool | Unset = UNSET,
        schema_status: SchemaStatusChoice | Unset = UNSET,
        run_setup_tests: bool | Unset = UNSET,
        trust_certificates: bool | Unset = UNSET,
        trust_fingerprints: bool | Unset = UNSET,
        confirm: bool = False,
    ) -> Connection:
        """
        Update a connection; fields that are not given keep their values, inside `config` too.

        PATCH /v1/connections/{connection_id}

        The server stops a running sync first, for up to 60 seconds, and then runs the setup tests,
        which takes minutes and one call of their quota. `run_setup_tests=False` skips the tests.

        Args:
            connection_id: The connection.
            is_historical_sync: True starts a sync of the whole history; requires `confirm=True`.
            schema_status: `ready` unblocks a blocked schema, `blocked_on_capture` blocks it.
            config: Settings of the service; the vendor documents them per service.
            auth: Credentials, for services that take them separately.
            paused: True stops scheduled syncs.
            pause_after_trial: True pauses the connection when the trial ends.
            schedule: When to sync, as a `ConnectionSchedule`; takes precedence over
                `sync_frequency`.
            sync_frequency: Minutes between syncs: 1, 5, 15, 30, 60, 120, 180, 360, 480, 720, 1440.
            schedule_type: `auto`, or `manual` to sync only on request; not with `schedule`.
            daily_sync_time: `HH:00`; requires a `sync_frequency` of 1440.
            data_delay_sensitivity: `LOW`, `NORMAL`, `HIGH`, `CUSTOM` or `SYNC_FREQUENCY`.
            data_delay_threshold: Minutes of delay; requires `CUSTOM`.
            data_checks: True lets Fivetran check the loaded data.
            networking_method: `Directly`, `PrivateLink`, `SshTunnel` or `ProxyAgent`.
            private_link_id: The link to use with `PrivateLink`; None removes it.
            proxy_agent_id: The agent to use with `ProxyAgent`; None removes it.
            hybrid_deployment_agent_id: The agent in your network; None removes it.
            destination_configuration: Settings of the destination for this connection.
            external_secrets_manager_id: The vault that holds the secrets; None removes it.
            external_secrets_keys_config: The secrets to read from the vault; None removes it.
            run_setup_tests: False skips the setup tests; by default the server runs them.
            trust_certificates: Approve the certificates that the tests find.
            trust_fingerprints: Approve the fingerprints that the tests find.
            confirm: Must be True with `is_historical_sync=True`, or the call is refused.

        Raises:
            ConfirmationRequiredError: `is_historical_sync=True` was not confirmed; no request was
                sent.
            InvalidArgumentError: No field to change was given, or `schedule` lacks what its type
                needs or contradicts `schedule_type`.
            AmbiguousOutcomeError: A historical sync may have started; the request was not retried.
        """
        if is_historical_sync is True:
            require_confirmation(
                confirm,
                "connections.update",
                "with is_historical_sync=True reloads the whole history",
            )
        check_schedule(schedule, schedule_type)
        changes = {
            "config": config,
            "auth": auth,
            "paused": paused,
            "pause_after_trial": pause_after_trial,
            "schedule": schedule,
            "sync_frequency": sync_frequency,
            "schedule_type": schedule_type,
            "daily_sync_time": daily_sync_time,
            "data_delay_sensitivity": data_delay_sensitivity,
            "data_delay_threshold": data_delay_threshold,
            "data_checks": data_checks,
            "networking_method": networking_method,
            "private_link_id": private_link_id,
            "proxy_agent_id": proxy_agent_id,
            "hybrid_deployment_agent_id": hybrid_deployment_agent_id,
            "destination_configuration": destination_configuration,
            "external_secrets_manager_id": external_secrets_manager_id,
            "external_secrets_keys_config": external_secrets_keys_config,
            "is_historical_sync": is_historical_sync,
            "schema_status": schema_status,
        }
        require_change("connections.update", changes)
        return await self._transport.call(
            _UPDATE,
            Connection,
            connection_id,
            body={
                **changes,
                "run_setup_tests": run_setup_tests,
                "trust_certificates": trust_certificates,
                "trust_fingerprints": trust_fingerprints,
            },
        )

    async def delete(self, connection_id: str, *, confirm: bool = False) -> ActionResult:
        """
        Delete a connection; the data that it loaded stays.

        DELETE /v1/connections/{connection_id}

        Args:
            connection_id: The connection.
            confirm: Must be True, or the call is refused.

        Raises:
            ConfirmationRequiredError: `confirm` is not True; no request was sent.
        """
        require_confirmation(confirm, "connections.delete", "permanently deletes the connection")
        return await self._transport.call(_DELETE, ActionResult, connection_id)

    async def pause(self, connection_id: str) -> Connection:
        """
        Pause a connection, without running its setup tests.

        PATCH /v1/connections/{connection_id}
        """
        return await self.update(connection_id, paused=True, run_setup_tests=False)

    async def resume(self, connection_id: str) -> Connection:
        """
        Resume a paused connection, without running its setup tests.

        PATCH /v1/connections/{connection_id}
        """
        return await self.update(connection_id, paused=False, run_setup_tests=False)

    async def set_sync_frequency(
        self,
        connection_id: str,
        minutes: int,
        *,
        schedule_type: ScheduleTypeChoice | Unset = UNSET,
        daily_sync_time: str | Unset = UNSET,
    ) -> Connection:
        """
        Set how often a connection syncs, without running its setup tests.

        PATCH /v1/connections/{connection_id}

        Args:
            connection_id: The connection.
            minutes: Minutes between syncs: 1, 5, 15, 30, 60, 120, 180, 360, 480, 720 or 1440.
            schedule_type: `auto`, or `manual` to sync only on request.
            daily_sync_time: `HH:00`; requires 1440 minutes.
        """
        return await self.update(
            connection_id,
            sync_frequency=minutes,
            schedule_type=schedule_type,
            daily_sync_time=daily_sync_time,
            run_setup_tests=False,
        )

    async def get_sync_status(self, connection_id: str) -> SyncStatus:
        """
        Return the state of the syncs of a connection.

        GET /v1/connections/{connection_id}
        """
        return SyncStatus.from_connection(await self.get(connection_id))

    async def sync(self, connection_id: str, *, force: bool = False) -> ActionResult:
        """
        Trigger an incremental sync, without waiting for it.

        POST /v1/connections/{connection_id}/sync

        While a sync is running, the call has no effect unless `force` is True; the response is the
        same in both cases.

        Args:
            connection_id: The connection.
            force: True stops a running sync and starts a new one.

        Raises:
            AmbiguousOutcomeError: A sync may have started; the request was not retried.
        """
        return await self._transport.call(
            SYNC_CONNECTION, ActionResult, connection_id, body={"force": force}
        )

    async def resync(
        self,
        connection_id: str,
        *,
        scope: Mapping[str, Sequence[str]] | Unset = UNSET,
        confirm: bool = False,
    ) -> ActionResult:
        """
        Trigger a sync of the whole history, which can be slow and expensive.

        POST /v1/connections/{connection_id}/resync

        A paused connection starts it when it is resumed.

        Args:
            connection_id: The connection.
            scope: Only these tables: source schema names mapped to lists of table names.
            confirm: Must be True, or the call is refused.

        Raises:
            ConfirmationRequiredError: `confirm` is not True; no request was sent.
            ConflictError: The server cannot stop the running sync.
            AmbiguousOutcomeError: A resync may have started; the request was not retried.
        """
        require_confirmation(confirm, "connections.resync", "reloads the whole history")
        return await self._transport.call(
            RESYNC_CONNECTION, ActionResult, connection_id, body={"scope": scope}
        )

    async def run_setup_tests(
        self,
        connection_id: str,
        *,
        trust_certificates: bool | Unset = UNSET,
        trust_fingerprints: bool | Unset = UNSET,
    ) -> Connection:
        """
        Run the setup tests of a connection, which can take minutes; see `setup_tests`.

        POST /v1/connections/{connection_id}/test

        Args:
            connection_id: The connection.
            trust_certificates: Approve the certificates that the tests find.
            trust_fingerprints: Approve the fingerprints that the tests find.

        Raises:
            AmbiguousOutcomeError: The tests may have started; the request was not retried.
        """
        return await self._transport.call(
            _RUN_SETUP_TESTS,
            Connection,
            connection_id,
            body={
                "trust_certificates": trust_certificates,
                "trust_fingerprints": trust_fingerprints,
            },
        )

    async def get_state(self, connection_id: str) -> ConnectionState:
        """
        Return the stored state of a Function or Connector SDK connection.

        GET /v1/connections/{connection_id}/state

        Raises:
            InvalidRequestError: The service has no state, or the connection never wrote one.
        """
        return await self._transport.call(_GET_STATE, ConnectionState, connection_id)

    async def update_state(
        self,
        connection_id: str,
        *,
        state: Mapping[str, object] | Unset = UNSET,
        confirm: bool = False,
    ) -> ConnectionState:
        """
        Overwrite the stored state of a paused Function or Connector SDK connection.

        PATCH /v1/connections/{connection_id}/state

        Args:
            connection_id: The connection.
            state: The new state.
            confirm: Must be True, or the call is refused: a wrong state loses or repeats data.

        Raises:
            ConfirmationRequiredError: `confirm` is not True; no request was sent.
            ConflictError: A sync is running.
            AmbiguousOutcomeError: The state may have been overwritten; check `get_state`.
        """
        require_confirmation(
            confirm,
            "connections.update_state",
            "overwrites the state that the next sync continues from",
        )
        return await self._transport.call(
            _UPDATE_STATE, ConnectionState, connection_id, body={"state": state}
        )

    async def create_connect_card(
        self, connection_id: str, *, connect_card_config: ConnectCardConfig | Mapping[str, object]
    ) -> ConnectCardResponse:
        """
        Create a page where another person can finish the setup, for one day.

        POST /v1/connections/{connection_id}/connect-card

        Args:
            connection_id: The connection.
            connect_card_config: Settings of the page; `redirect_uri` is required.

        Raises:
            AmbiguousOutcomeError: A page may exist, but its address was lost; create another.
        """
        return await self._transport.call(
            _CREATE_CONNECT_CARD,
            ConnectCardResponse,
            connection_id,
            body={"connect_card_config": connect_card_config},
        )

    def list_sync_history(
        self,
        connection_id: str,
        *,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Pager[SyncHistoryEntry]:
        """
        List the past syncs of a connection; not every account has this operation.

        GET /v1/connections/{connection_id}/sync-history

        Args:
            connection_id: The connection.
            start_time: The start of the window, at most 7 days ago. Defaults to one hour before
                `end_time`.
            end_time: The end of the window, at most 7 days after its start. Defaults to one hour
                after `start_time`.
            limit: Syncs per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(
            _LIST_SYNC_HISTORY,
            SyncHistoryEntry,
            connection_id,
            query={"start_time": start_time, "end_time": end_time},
            limit=limit,
            cursor=cursor,
        )

    def list_errors(
        self, connection_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Pager[ConnectionProblem]:
        """
        List the current problems of a connection, for accounts in the private preview.

        GET /v1/connections/{connection_id}/errors

        Args:
            connection_id: The connection.
            limit: Problems per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(
            _LIST_ERRORS, ConnectionProblem, connection_id, limit=limit, cursor=cursor
        )
