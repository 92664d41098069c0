"""`fivetran.private_links` - <https://fivetran.com/docs/rest-api/api-reference/private-links>."""

from collections.abc import Mapping
from datetime import datetime

from fivetran_async._http.operation import operation
from fivetran_async._http.result import ActionResult
from fivetran_async._model import Model, field, model
from fivetran_async._types import UNSET, Unset
from fivetran_async.errors import WaitFailedError, WaitTimeoutError
from fivetran_async.pagination import Pager
from fivetran_async.resources._choices import PrivateLinkServiceChoice, RegionChoice
from fivetran_async.resources._resource import Resource
from fivetran_async.syncs._policy import DEFAULT_POLICY, SyncPolicy
from fivetran_async.syncs._polling import poll_until


@model
class PrivateLink(Model):
    """
    A private network link between Fivetran and your cloud.

    Attributes:
        service: The service that it connects to, such as `SNOWFLAKE_AWS` or `SOURCE_GCP`.
        cloud_provider: `AWS`, `GCP` or `AZURE`.
        region: The region that processes the data, such as `AWS_US_EAST_1`.
        state: `CREATING`, `UPDATING`, `DESTROYING`, `OK` or `FAIL`.
        state_summary: Details about the state.
        resource_upstream_status: The status at the cloud provider.
        host: The DNS name.
        config: The settings of the service.
    """

    id: str
    name: str = ""
    service: str = ""
    region: str = ""
    cloud_provider: str = ""
    state: str = ""
    state_summary: str | None = None
    resource_upstream_status: str | None = None
    host: str | None = None
    account_id: str | None = None
    created_at: datetime | None = None
    created_by: str | None = None
    config: Mapping[str, object] = field(factory=dict[str, object], repr=False)

    @property
    def is_ready(self) -> bool:
        """True if the link is ready; creating or updating it takes minutes."""
        return self.state.upper() == "OK"


_LIST = operation("private_links.list", "GET", "/v1/private-links")
_GET = operation(
    "private_links.get", "GET", "/v1/private-links/{private_link_id}", service_kind="private_link"
)
_CREATE = operation(
    "private_links.create",
    "POST",
    "/v1/private-links",
    budgets=("private_links",),
    service_kind="private_link",
)
_UPDATE = operation(
    "private_links.update",
    "PATCH",
    "/v1/private-links/{private_link_id}",
    service_kind="private_link",
)
_DELETE = operation("private_links.delete", "DELETE", "/v1/private-links/{private_link_id}")


class PrivateLinks(Resource):
    """
    `fivetran.private_links`: manage private network links between Fivetran and your cloud.

    <https://fivetran.com/docs/rest-api/api-reference/private-links>
    """

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Pager[PrivateLink]:
        """
        List the private links of the account.

        GET /v1/private-links

        Args:
            limit: Links per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(_LIST, PrivateLink, limit=limit, cursor=cursor)

    async def get(self, private_link_id: str) -> PrivateLink:
        """
        Return one private link; see `wait_until_ok` to wait until it is ready.

        GET /v1/private-links/{private_link_id}

        Raises:
            NotFoundError: The link does not exist.
        """
        return await self._transport.call(_GET, PrivateLink, private_link_id)

    async def wait_until_ok(
        self,
        private_link_id: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - on the session's clock
        policy: SyncPolicy = DEFAULT_POLICY,
    ) -> PrivateLink:
        """
        Wait until a new or updated link is ready, and return it.

        Args:
            private_link_id: The link.
            timeout: Seconds to wait; defaults to the timeout of the policy, one day.
            policy: How often to poll.

        Raises:
            WaitFailedError: The link failed.
            WaitTimeoutError: The link was not ready within the timeout.
            SessionClosedError: The session was closed.
        """
        policy = policy.lasting(timeout)
        polled = await poll_until(
            lambda: self.get(private_link_id),
            lambda link: link.is_ready or link.state.upper().startswith("FAIL"),
            core=self._transport.core,
            policy=policy,
        )
        last = polled.last
        if last is not None and last.is_ready:
            return last
        state = f": {last.state_summary or last.state}" if last else ""
        if polled.done:
            raise WaitFailedError(f"Private link {private_link_id} failed{state}", last)
        raise WaitTimeoutError(
            f"Timed out after {policy.timeout:g} s waiting for link {private_link_id}{state}",
            last,
        )

    async def create(
        self,
        *,
        name: str,
        region: RegionChoice,
        service: PrivateLinkServiceChoice,
        config: Mapping[str, object],
    ) -> PrivateLink:
        """
        Create a private link, without waiting minutes until it is ready; see `wait_until_ok`.

        POST /v1/private-links

        The quota is 5 links an hour, or 1 during a trial.

        Args:
            name: The name: letters, digits and underscores, at most 23 characters.
            region: The region that processes the data, such as `AWS_US_EAST_1`.
            service: The service that it connects to, such as `SNOWFLAKE_AWS`.
            config: Settings of the service; the vendor documents them per service.

        Raises:
            AmbiguousOutcomeError: The link may have been created; list the links to check.
        """
        return await self._transport.call(
            _CREATE,
            PrivateLink,
            body={"name": name, "region": region, "service": service, "config": config},
        )

    async def update(
        self,
        private_link_id: str,
        *,
        config: Mapping[str, object] | Unset = UNSET,
        service: PrivateLinkServiceChoice | Unset = UNSET,
    ) -> PrivateLink:
        """
        Update a private link, without waiting minutes until it is ready; see `wait_until_ok`.

        PATCH /v1/private-links/{private_link_id}

        Args:
            private_link_id: The link.
            config: Settings of the service.
            service: The service, which determines the settings.
        """
        return await self._transport.call(
            _UPDATE, PrivateLink, private_link_id, body={"config": config, "service": service}
        )

    async def delete(self, private_link_id: str) -> ActionResult:
        """
        Delete a private link, without waiting until it is gone.

        DELETE /v1/private-links/{private_link_id}
        """
        return await self._transport.call(_DELETE, ActionResult, private_link_id)
