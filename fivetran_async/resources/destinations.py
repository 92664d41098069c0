"""`fivetran.destinations` - <https://fivetran.com/docs/rest-api/api-reference/destinations>."""

from collections.abc import Mapping

from fivetran_async._http.operation import SETUP_BUDGETS, V2, Arguments, operation
from fivetran_async._http.result import ActionResult
from fivetran_async._http.transport import Transport
from fivetran_async._model import Model, field, model
from fivetran_async._types import UNSET, Unset
from fivetran_async.pagination import Pager
from fivetran_async.resources._choices import (
    NetworkingMethodChoice,
    RegionChoice,
    TimeZoneOffsetChoice,
)
from fivetran_async.resources._resource import Resource, require_confirmation
from fivetran_async.resources.setup_tests import SetupTest
from fivetran_async.resources.trust import TrustedCertificates, TrustedFingerprints


@model
class Destination(Model):
    """
    The warehouse that a group loads into; it has the id of the group.

    Attributes:
        service: The type, such as `snowflake` or `big_query`; the vendor adds new ones.
        region: The region that processes the data, such as `GCP_US_EAST4`.
        time_zone_offset: Hours from UTC as text, such as `-8` or `+3`.
        setup_status: `incomplete`, `connected` or `broken`, in any letter case.
        config: The settings of the service, with masks in place of secrets. Empty in lists.
        setup_tests: The results, in responses to calls that ran the setup tests.
    """

    id: str
    group_id: str = ""
    service: str = ""
    region: str = ""
    time_zone_offset: str = ""
    setup_status: str = ""
    daylight_saving_time_enabled: bool | None = None
    networking_method: str | None = None
    private_link_id: str | None = None
    proxy_agent_id: str | None = None
    hybrid_deployment_agent_id: str | None = None
    local_processing_agent_id: str | None = None
    external_secrets_manager_id: str | None = None
    external_secrets_keys_config: Mapping[str, object] = field(
        factory=dict[str, object], repr=False
    )
    config: Mapping[str, object] = field(factory=dict[str, object], repr=False)
    setup_tests: tuple[SetupTest, ...] = ()

    @property
    def is_connected(self) -> bool:
        """True if the setup is complete and passed its last test."""
        return self.setup_status.casefold() == "connected"

    @property
    def is_broken(self) -> bool:
        """True if the setup does not work."""
        return self.setup_status.casefold() == "broken"


def _drawing_on_tests(body: Arguments) -> Arguments:
    return {"budgets": SETUP_BUDGETS} if body.get("run_setup_tests") is True else {}


_LIST = operation("destinations.list", "GET", "/v1/destinations", accept=V2)
_GET = operation(
    "destinations.get",
    "GET",
    "/v1/destinations/{destination_id}",
    accept=V2,
    service_kind="destination",
)
_CREATE = operation(
    "destinations.create",
    "POST",
    "/v1/destinations",
    accept=V2,
    slow=True,
    varies=_drawing_on_tests,
    service_kind="destination",
    shown_by=_GET,
    shown_as=("group_id",),
)
_UPDATE = operation(
    "destinations.update",
    "PATCH",
    "/v1/destinations/{destination_id}",
    accept=V2,
    slow=True,
    varies=_drawing_on_tests,
    service_kind="destination",
)
_DELETE = operation("destinations.delete", "DELETE", "/v1/destinations/{destination_id}", accept=V2)
_RUN_SETUP_TESTS = operation(
    "destinations.run_setup_tests",
    "POST",
    "/v1/destinations/{destination_id}/test",
    retry_class="trigger",
    accept=V2,
    slow=True,
    budgets=SETUP_BUDGETS,
    shown_by=_GET,
)


class Destinations(Resource):
    """
    `fivetran.destinations`: manage destinations, at most one per group.

    <https://fivetran.com/docs/rest-api/api-reference/destinations>
    """

    certificates: TrustedCertificates
    """The approved TLS certificates of destinations."""
    fingerprints: TrustedFingerprints
    """The approved SSH fingerprints of destinations."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.certificates = TrustedCertificates(
            transport, "destinations", "/v1/destinations/{destination_id}"
        )
        self.fingerprints = TrustedFingerprints(
            transport, "destinations", "/v1/destinations/{destination_id}"
        )

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Pager[Destination]:
        """
        List the destinations of the account, without their `config`.

        GET /v1/destinations

        Args:
            limit: Destinations per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(_LIST, Destination, limit=limit, cursor=cursor)

    async def get(self, destination_id: str) -> Destination:
        """
        Return one destination.

        GET /v1/destinations/{destination_id}

        Raises:
            NotFoundError: The destination does not exist, or the key has no access to it.
        """
        return await self._transport.call(_GET, Destination, destination_id)

    async def create(
        self,
        *,
        group_id: str,
        service: str,
        time_zone_offset: TimeZoneOffsetChoice | Unset = UNSET,
        region: RegionChoice | Unset = UNSET,
        config: Mapping[str, object] | Unset = UNSET,
        daylight_saving_time_enabled: bool | Unset = UNSET,
        networking_method: NetworkingMethodChoice | Unset = UNSET,
        private_link_id: str | Unset | None = UNSET,
        proxy_agent_id: str | Unset | None = UNSET,
        hybrid_deployment_agent_id: str | Unset | None = UNSET,
        external_secrets_manager_id: str | Unset | None = UNSET,
        external_secrets_keys_config: Mapping[str, object] | Unset | None = UNSET,
        run_setup_tests: bool | Unset = UNSET,
        trust_certificates: bool | Unset = UNSET,
        trust_fingerprints: bool | Unset = UNSET,
    ) -> Destination:
        """
        Create the destination of a group.

        POST /v1/destinations

        Args:
            group_id: The group; it must not have a destination yet.
            service: The type, such as `snowflake`.
            time_zone_offset: Hours from UTC as text, from `-11` to `+12`.
            region: The region that processes the data, such as `GCP_US_EAST4`.
            config: Settings of the service; the vendor documents them per service.
            daylight_saving_time_enabled: True if daily times follow daylight saving time.
            networking_method: `Directly`, `PrivateLink`, `SshTunnel` or `ProxyAgent`.
            private_link_id: The link to use with `PrivateLink`.
            proxy_agent_id: The agent to use with `ProxyAgent`.
            hybrid_deployment_agent_id: The agent that processes the data in your network.
            external_secrets_manager_id: The vault that holds the secrets.
            external_secrets_keys_config: The secrets to read from the vault.
            run_setup_tests: True runs the setup tests: minutes, and one call of their quota.
            trust_certificates: Approve the certificates that the tests find.
            trust_fingerprints: Approve the fingerprints that the tests find.

        Raises:
            AmbiguousOutcomeError: It may have been created; `get` it to check.
        """
        return await self._transport.call(
            _CREATE,
            Destination,
            body={
                "group_id": group_id,
                "service": service,
                "time_zone_offset": time_zone_offset,
                "region": region,
                "config": config,
                "daylight_saving_time_enabled": daylight_saving_time_enabled,
                "networking_method": networking_method,
                "private_link_id": private_link_id,
                "proxy_agent_id": proxy_agent_id,
                "hybrid_deployment_agent_id": hybrid_deployment_agent_id,
                "external_secrets_manager_id": external_secrets_manager_id,
                "external_secrets_keys_config": external_secrets_keys_config,
                "run_setup_tests": run_setup_tests,
                "trust_certificates": trust_certificates,
                "trust_fingerprints": trust_fingerprints,
            },
        )

    async def update(
        self,
        destination_id: str,
        *,
        time_zone_offset: TimeZoneOffsetChoice | Unset = UNSET,
        region: RegionChoice | Unset = UNSET,
        config: Mapping[str, object] | Unset = UNSET,
        daylight_saving_time_enabled: bool | Unset = UNSET,
        networking_method: NetworkingMethodChoice | Unset = UNSET,
        private_link_id: str | Unset | None = UNSET,
        proxy_agent_id: str | Unset | None = UNSET,
        hybrid_deployment_agent_id: str | Unset | None = UNSET,
        external_secrets_manager_id: str | Unset | None = UNSET,
        external_secrets_keys_config: Mapping[str, object] | Unset | None = UNSET,
        run_setup_tests: bool | Unset = UNSET,
        trust_certificates: bool | Unset = UNSET,
        trust_fingerprints: bool | Unset = UNSET,
    ) -> Destination:
        """
        Update a destination; fields that are not given keep their values, inside `config` too.

        PATCH /v1/destinations/{destination_id}

        Args:
            destination_id: The destination.
            time_zone_offset: Hours from UTC as text, from `-11` to `+12`.
            region: The region that processes the data.
            config: Settings to change; the server keeps the others.
            daylight_saving_time_enabled: True if daily times follow daylight saving time.
            networking_method: `Directly`, `PrivateLink`, `SshTunnel` or `ProxyAgent`.
            private_link_id: The link to use with `PrivateLink`; None removes it.
            proxy_agent_id: The agent to use with `ProxyAgent`; None removes it.
            hybrid_deployment_agent_id: The agent that processes the data in your network.
            external_secrets_manager_id: The vault that holds the secrets; None removes it.
            external_secrets_keys_config: The secrets to read from the vault.
            run_setup_tests: True runs the setup tests: minutes, and one call of their quota.
            trust_certificates: Approve the certificates that the tests find.
            trust_fingerprints: Approve the fingerprints that the tests find.
        """
        return await self._transport.call(
            _UPDATE,
            Destination,
            destination_id,
            body={
                "time_zone_offset": time_zone_offset,
                "region": region,
                "config": config,
                "daylight_saving_time_enabled": daylight_saving_time_enabled,
                "networking_method": networking_method,
                "private_link_id": private_link_id,
                "proxy_agent_id": proxy_agent_id,
                "hybrid_deployment_agent_id": hybrid_deployment_agent_id,
                "external_secrets_manager_id": external_secrets_manager_id,
                "external_secrets_keys_config": external_secrets_keys_config,
                "run_setup_tests": run_setup_tests,
                "trust_certificates": trust_certificates,
                "trust_fingerprints": trust_fingerprints,
            },
        )

    async def delete(self, destination_id: str, *, confirm: bool = False) -> ActionResult:
        """
        Delete a destination; the data in the warehouse stays.

        DELETE /v1/destinations/{destination_id}

        Args:
            destination_id: The destination.
            confirm: Must be True, or the call is refused.

        Raises:
            ConfirmationRequiredError: `confirm` is not True; no request was sent.
            ConflictError: Connections still load into it.
        """
        require_confirmation(confirm, "destinations.delete", "permanently deletes the destination")
        return await self._transport.call(_DELETE, ActionResult, destination_id)

    async def run_setup_tests(
        self,
        destination_id: str,
        *,
        trust_certificates: bool | Unset = UNSET,
        trust_fingerprints: bool | Unset = UNSET,
    ) -> Destination:
        """
        Run the setup tests of a destination, which can take minutes; see `setup_tests`.

        POST /v1/destinations/{destination_id}/test

        The response lacks some fields; `get` returns all of them.

        Args:
            destination_id: The destination.
            trust_certificates: Approve the certificates that the tests find.
            trust_fingerprints: Approve the fingerprints that the tests find.

        Raises:
            AmbiguousOutcomeError: The tests may have started; the request was not retried.
        """
        return await self._transport.call(
            _RUN_SETUP_TESTS,
            Destination,
            destination_id,
            body={
                "trust_certificates": trust_certificates,
                "trust_fingerprints": trust_fingerprints,
            },
        )
