"""The operations of `fivetran.connections`; waits for syncs are added in `connections`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from fivetran_async._http.operation import SETUP_BUDGETS, V2, Arguments, operation
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
    SyncBehaviorChoice,
)
from fivetran_async.resources._resource import Resource, require_change, require_confirmation
from fivetran_async.resources.connection_models import (
    ConnectCardConfig,
    ConnectCardResponse,
    Connection,
    ConnectionProblem,
    ConnectionState,
    DestinationConfiguration,
    SyncHistoryEntry,
    SyncStatus,
)
from fivetran_async.resources.connection_schemas import ConnectionSchemas
from fivetran_async.resources.trust import TrustedCertificates, TrustedFingerprints


def _how_to_find(arguments: Arguments) -> str:
    """Say where a connection would be found that may have been created; its name is unique."""
    config, service = arguments.get("config"), arguments.get("service")
    given = cast("Arguments", config) if isinstance(config, Mapping) else {}
    named = given.get("schema_prefix") or given.get("schema") or service
    table = given.get("table") if named == given.get("schema") else None
    schema = f"{named}.{table}" if table else str(named)
    return (
        "It may exist now: before you call again, look with "
        f"connections.find(group_id={arguments.get('group_id')!r}, schema={schema!r})."
    )


def _by_tests(body: Arguments) -> Arguments:
    # The API runs the tests unless it is asked not to.
    return {"budgets": ()} if body.get("run_setup_tests") is False else {}


def _by_tests_and_history(body: Arguments) -> Arguments:
    historical = body.get("is_historical_sync") is True
    return {**_by_tests(body), **({"retry_class": "dangerous"} if historical else {})}


def _by_force(body: Arguments) -> Arguments:
    return {"retry_class": "dangerous"} if body.get("force") else {}


LIST_CONNECTIONS = operation("connections.list", "GET", "/v1/connections", accept=V2)
GET_CONNECTION = operation("connections.get", "GET", "/v1/connections/{connection_id}", accept=V2)
_CREATE = operation(
    "connections.create",
    "POST",
    "/v1/connections",
    accept=V2,
    slow=True,
    budgets=SETUP_BUDGETS,
    advice=_how_to_find,
    varies=_by_tests,
)
_UPDATE = operation(
    "connections.update",
    "PATCH",
    "/v1/connections/{connection_id}",
    budgets=SETUP_BUDGETS,
    varies=_by_tests_and_history,
    accept=V2,
    slow=True,
)
_DELETE = operation("connections.delete", "DELETE", "/v1/connections/{connection_id}", accept=V2)
_SYNC = operation(
    "connections.sync",
    "POST",
    "/v1/connections/{connection_id}/sync",
    retry_class="trigger",
    varies=_by_force,
    accept=V2,
    advice="Look before you call again: "
    "connections.get_sync_status({connection_id!r}) tells whether a sync runs.",
)
_RESYNC = operation(
    "connections.resync",
    "POST",
    "/v1/connections/{connection_id}/resync",
    accept=V2,
    advice="Look before you call again: "
    "connections.get({connection_id!r}) tells by status.is_historical_sync.",
)
_RUN_SETUP_TESTS = operation(
    "connections.run_setup_tests",
    "POST",
    "/v1/connections/{connection_id}/test",
    retry_class="trigger",
    accept=V2,
    slow=True,
    budgets=SETUP_BUDGETS,
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
)
_LIST_ERRORS = operation(
    "connections.list_errors", "GET", "/v1/connections/{connection_id}/errors", accept=V2
)
_MOVE = operation("connections.move", "POST", "/v1/connections/{connection_id}/move", accept=V2)


class ConnectionOperations(Resource):
    """
    The operations of the API on connections, each as one method.

    <https://fivetran.com/docs/rest-api/api-reference/connections>
    """

    schemas: ConnectionSchemas
    """What is synced: schemas, tables and columns."""
    certificates: TrustedCertificates
    """The certificates of its source that were approved."""
    fingerprints: TrustedFingerprints
    """The SSH fingerprints of its source that were approved."""

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
            group_id: Only those of one group.
            schema: Only those of exactly this name.
            limit: Connections per page, 1 to 1000.
            cursor: Where to begin: the `next_cursor` of a page.
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
        Return the connection of a name in a group, or None; one request.

        GET /v1/connections
        """
        page = await self.list(group_id=group_id, schema=schema).page()
        return page.items[0] if page.items else None

    async def get(self, connection_id: str) -> Connection:
        """
        Return one connection with its configuration.

        GET /v1/connections/{connection_id}

        Raises:
            NotFoundError: There is no such connection, or the key may not see it.
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
        sync_frequency: int | Unset = UNSET,
        schedule_type: ScheduleTypeChoice | Unset = UNSET,
        daily_sync_time: str | Unset = UNSET,
        data_delay_sensitivity: DataDelaySensitivityChoice | Unset = UNSET,
        data_delay_threshold: int | Unset = UNSET,
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
        Create a connection; its schema name goes into `config` and cannot change later.

        POST /v1/connections

        Args:
            group_id: The group whose destination it loads into.
            service: The type of the source, such as `postgres`.
            config: Settings of the service, by the vendor's page of the service.
            auth: Credentials of services that keep them apart.
            paused: True keeps it from syncing.
            pause_after_trial: Pause it when the trial ends.
            sync_frequency: Minutes: 1, 5, 15, 30, 60, 120, 180, 360, 480, 720 or 1440.
            schedule_type: `auto`, or `manual` to sync only when told.
            daily_sync_time: `HH:00`, with a `sync_frequency` of 1440.
            data_delay_sensitivity: `LOW`, `NORMAL`, `HIGH`, `CUSTOM` or `SYNC_FREQUENCY`.
            data_delay_threshold: Minutes, with `CUSTOM`.
            networking_method: `Directly`, `PrivateLink`, `SshTunnel` or `ProxyAgent`.
            private_link_id: With `PrivateLink`.
            proxy_agent_id: With `ProxyAgent`.
            hybrid_deployment_agent_id: The agent that processes data in your own network.
            destination_schema_names: `FIVETRAN_NAMING` or `SOURCE_NAMING`.
            destination_configuration: What it uses of the destination.
            external_secrets_manager_id: Where secrets are kept, if not here.
            external_secrets_keys_config: Which secrets to take from there.
            connect_card_config: Also make a connect card.
            run_setup_tests: False leaves the setup tests out; the server runs them otherwise.
            trust_certificates: Approve what the tests find.
            trust_fingerprints: Approve what the tests find.

        Raises:
            AmbiguousOutcomeError: It may exist now: `find(group_id=..., schema=...)` tells.
        """
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
                "sync_frequency": sync_frequency,
                "schedule_type": schedule_type,
                "daily_sync_time": daily_sync_time,
                "data_delay_sensitivity": data_delay_sensitivity,
                "data_delay_threshold": data_delay_threshold,
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
        sync_frequency: int | Unset = UNSET,
        schedule_type: ScheduleTypeChoice | Unset = UNSET,
        daily_sync_time: str | Unset = UNSET,
        data_delay_sensitivity: DataDelaySensitivityChoice | Unset = UNSET,
        data_delay_threshold: int | Unset = UNSET,
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
        Change a connection; what is not given stays as it is, inside `config` too.

        PATCH /v1/connections/{connection_id}

        The server runs the setup tests, which takes minutes and draws on their quota, unless
        `run_setup_tests=False` is given. It also stops a running sync first, for up to 60 seconds.

        Args:
            connection_id: The connection.
            is_historical_sync: True reads the whole history again, at once; needs `confirm=True`.
            schema_status: `ready` lets a blocked schema through, `blocked_on_capture` blocks it.
            config: Settings of the service, by the vendor's page of the service.
            auth: Credentials of services that keep them apart.
            paused: True keeps it from syncing.
            pause_after_trial: Pause it when the trial ends.
            sync_frequency: Minutes: 1, 5, 15, 30, 60, 120, 180, 360, 480, 720 or 1440.
            schedule_type: `auto`, or `manual` to sync only when told.
            daily_sync_time: `HH:00`, with a `sync_frequency` of 1440.
            data_delay_sensitivity: `LOW`, `NORMAL`, `HIGH`, `CUSTOM` or `SYNC_FREQUENCY`.
            data_delay_threshold: Minutes, with `CUSTOM`.
            networking_method: `Directly`, `PrivateLink`, `SshTunnel` or `ProxyAgent`.
            private_link_id: With `PrivateLink`; None removes it.
            proxy_agent_id: With `ProxyAgent`; None removes it.
            hybrid_deployment_agent_id: The agent in your own network; None removes it.
            destination_configuration: What it uses of the destination.
            external_secrets_manager_id: Where secrets are kept, if not here; None removes it.
            external_secrets_keys_config: Which secrets to take from there; None removes it.
            run_setup_tests: False leaves the setup tests out; the server runs them otherwise.
            trust_certificates: Approve what the tests find.
            trust_fingerprints: Approve what the tests find.
            confirm: Must be True with `is_historical_sync=True`.

        Raises:
            ConfirmationRequiredError: A historical sync was not confirmed; nothing was sent.
            InvalidArgumentError: Nothing to change was given.
            AmbiguousOutcomeError: A historical sync may have started; it was not asked for twice.
        """
        if is_historical_sync is True:
            require_confirmation(
                confirm,
                "connections.update",
                "with is_historical_sync=True reads all history again",
            )
        changes = {
            "config": config,
            "auth": auth,
            "paused": paused,
            "pause_after_trial": pause_after_trial,
            "sync_frequency": sync_frequency,
            "schedule_type": schedule_type,
            "daily_sync_time": daily_sync_time,
            "data_delay_sensitivity": data_delay_sensitivity,
            "data_delay_threshold": data_delay_threshold,
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

    async def delete(self, connection_id: str) -> ActionResult:
        """
        Delete a connection at once; the data it loaded stays.

        DELETE /v1/connections/{connection_id}
        """
        return await self._transport.call(_DELETE, ActionResult, connection_id)

    async def pause(self, connection_id: str) -> Connection:
        """
        Stop syncing until `resume`; runs no setup tests.

        PATCH /v1/connections/{connection_id}
        """
        return await self.update(connection_id, paused=True, run_setup_tests=False)

    async def resume(self, connection_id: str) -> Connection:
        """
        Let a paused connection sync again; runs no setup tests.

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
        Set how often a connection syncs; runs no setup tests.

        PATCH /v1/connections/{connection_id}

        Args:
            connection_id: The connection.
            minutes: 1, 5, 15, 30, 60, 120, 180, 360, 480, 720 or 1440.
            schedule_type: `auto`, or `manual` to sync only when told.
            daily_sync_time: `HH:00`, with 1440 minutes.
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
        Return how the syncs of a connection are going.

        GET /v1/connections/{connection_id}
        """
        return SyncStatus.from_connection(await self.get(connection_id))

    async def sync(self, connection_id: str, *, force: bool = False) -> ActionResult:
        """
        Trigger a sync of what is new, without waiting for it.

        While a sync runs this does nothing, unless forced. The answer does not tell which.

        POST /v1/connections/{connection_id}/sync

        Args:
            connection_id: The connection.
            force: Stop a running sync and begin again.

        Raises:
            AmbiguousOutcomeError: A sync may have started; it was not triggered twice.
        """
        return await self._transport.call(_SYNC, ActionResult, connection_id, body={"force": force})

    async def resync(
        self,
        connection_id: str,
        *,
        scope: Mapping[str, Sequence[str]] | Unset = UNSET,
        confirm: bool = False,
    ) -> ActionResult:
        """
        Read the whole history again, which can take long and cost much.

        A paused connection does it when it is resumed.

        POST /v1/connections/{connection_id}/resync

        Args:
            connection_id: The connection.
            scope: Only these tables: source schema names to lists of table names.
            confirm: Must be True.

        Raises:
            ConfirmationRequiredError: `confirm` is not True; nothing was sent.
            ConflictError: A running sync cannot be ended now.
            AmbiguousOutcomeError: A resync may have started; it was not triggered twice.
        """
        require_confirmation(confirm, "connections.resync", "reads all history again")
        return await self._transport.call(
            _RESYNC, ActionResult, connection_id, body={"scope": scope}
        )

    async def run_setup_tests(
        self,
        connection_id: str,
        *,
        trust_certificates: bool | Unset = UNSET,
        trust_fingerprints: bool | Unset = UNSET,
    ) -> Connection:
        """
        Test a connection and wait for the results, which may take minutes: `setup_tests`.

        POST /v1/connections/{connection_id}/test

        Args:
            connection_id: The connection.
            trust_certificates: Approve what the tests find.
            trust_fingerprints: Approve what the tests find.

        Raises:
            AmbiguousOutcomeError: The tests may be running; they were not started twice.
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
        Return how far a Function or Connector SDK connection has got.

        GET /v1/connections/{connection_id}/state

        Raises:
            InvalidRequestError: The service has no state, or none was written yet.
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
        Overwrite how far a paused Function or Connector SDK connection has got.

        PATCH /v1/connections/{connection_id}/state

        Args:
            connection_id: The connection.
            state: The new state.
            confirm: Must be True: a wrong state loses or repeats data.

        Raises:
            ConfirmationRequiredError: `confirm` is not True; nothing was sent.
            ConflictError: A sync is running.
            AmbiguousOutcomeError: It may be overwritten; `get_state` tells.
        """
        require_confirmation(
            confirm, "connections.update_state", "overwrites what the next sync goes on from"
        )
        return await self._transport.call(
            _UPDATE_STATE, ConnectionState, connection_id, body={"state": state}
        )

    async def create_connect_card(
        self, connection_id: str, *, connect_card_config: ConnectCardConfig | Mapping[str, object]
    ) -> ConnectCardResponse:
        """
        Make a page on which somebody else can finish the setup within a day.

        POST /v1/connections/{connection_id}/connect-card

        Args:
            connection_id: The connection.
            connect_card_config: `redirect_uri` is required.

        Raises:
            AmbiguousOutcomeError: A page may exist that nobody knows of; make another.
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
        List the past syncs of a connection, for accounts that have the operation.

        GET /v1/connections/{connection_id}/sync-history

        Args:
            connection_id: The connection.
            start_time: From when, at most 7 days ago; one hour before `end_time` unless given.
            end_time: Until when, at most 7 days later; one hour after `start_time` unless given.
            limit: Syncs per page, 1 to 1000.
            cursor: Where to begin: the `next_cursor` of a page.
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
        List what is wrong with a connection now, for accounts in the private preview.

        GET /v1/connections/{connection_id}/errors

        Args:
            connection_id: The connection.
            limit: Problems per page, 1 to 1000.
            cursor: Where to begin: the `next_cursor` of a page.
        """
        return self._transport.pager(
            _LIST_ERRORS, ConnectionProblem, connection_id, limit=limit, cursor=cursor
        )

    async def move(
        self,
        connection_id: str,
        *,
        destination_group_id: str,
        sync_behavior: SyncBehaviorChoice = "CONTINUE",
        confirm: bool = False,
    ) -> ActionResult:
        """
        Move a paused connection to the destination of another group; in beta.

        POST /v1/connections/{connection_id}/move

        Args:
            connection_id: The connection; it must be paused.
            destination_group_id: The other group.
            sync_behavior: Go on where it was, or read all history into the new destination.
            confirm: Must be True with `BACKFILL`.

        Raises:
            ConfirmationRequiredError: A backfill was not confirmed; nothing was sent.
            AmbiguousOutcomeError: It may be moved; its `group_id` tells.
        """
        if sync_behavior.upper() == "BACKFILL":
            require_confirmation(
                confirm, "connections.move", "with BACKFILL reads all history again"
            )
        return await self._transport.call(
            _MOVE,
            ActionResult,
            connection_id,
            body={"destination_group_id": destination_group_id, "sync_behavior": sync_behavior},
        )
