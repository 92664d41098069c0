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
        service: What it leads to, such as `SNOWFLAKE_AWS` or `SOURCE_GCP`.
        cloud_provider: `AWS`, `GCP` or `AZURE`.
        region: Where data is processed, such as `AWS_US_EAST_1`.
        state: `CREATING`, `UPDATING`, `DESTROYING`, `OK` or `FAIL`.
        state_summary: More about the state.
        resource_upstream_status: What the cloud provider says of it.
        host: Its DNS name.
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
        """Whether it can be used; it takes minutes after it was created or changed."""
        return self.state.upper() == "OK"


_LIST = operation("private_links.list", "GET", "/v1/private-links")
_GET = operation("private_links.get", "GET", "/v1/private-links/{private_link_id}")
_CREATE = operation("private_links.create", "POST", "/v1/private-links", budgets=("private_links",))
_UPDATE = operation("private_links.update", "PATCH", "/v1/private-links/{private_link_id}")
_DELETE = operation("private_links.delete", "DELETE", "/v1/private-links/{private_link_id}")


class PrivateLinks(Resource):
    """
    `fivetran.private_links`: private network links between Fivetran and your cloud.

    <https://fivetran.com/docs/rest-api/api-reference/private-links>
    """

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Pager[PrivateLink]:
        """
        List the private links of the account.

        GET /v1/private-links

        Args:
            limit: Links per page, 1 to 1000.
            cursor: Where to begin: the `next_cursor` of a page.
        """
        return self._transport.pager(_LIST, PrivateLink, limit=limit, cursor=cursor)

    async def get(self, private_link_id: str) -> PrivateLink:
        """
        Return one private link; poll it to see one that was created or changed get ready.

        GET /v1/private-links/{private_link_id}

        Raises:
            NotFoundError: There is no such link.
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
        Wait until a link that was created or changed can be used, and return it.

        Args:
            private_link_id: The link.
            timeout: Seconds to wait; the policy's, a day, unless given.
            policy: How often to look.

        Raises:
            WaitFailedError: It failed.
            WaitTimeoutError: It was not ready in time.
        """
        policy, clock = policy.lasting(timeout), self._transport.core.clock
        polled = await poll_until(
            lambda: self.get(private_link_id),
            lambda link: link.is_ready or link.state.upper() == "FAIL",
            clock=clock,
            policy=policy,
        )
        last = polled.last
        if last is not None and last.is_ready:
            return last
        state = f": {last.state_summary or last.state}" if last else ""
        if polled.done:
            raise WaitFailedError(f"The private link {private_link_id} failed{state}", last)
        raise WaitTimeoutError(
            f"The private link {private_link_id} was not ready within {policy.timeout:g} s{state}",
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
        Begin to create a private link; it is ready some minutes later: `is_ready`.

        The quota is small: 5 an hour, 1 on a trial.

        POST /v1/private-links

        Args:
            name: Its name: letters, digits and underscores, at most 23.
            region: Where data is processed, such as `AWS_US_EAST_1`.
            service: What it leads to, such as `SNOWFLAKE_AWS`.
            config: Settings of the service, by the vendor's page of the service.

        Raises:
            AmbiguousOutcomeError: The link may exist now; list the links to find out.
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
        Begin to change a private link; it is ready some minutes later: `is_ready`.

        PATCH /v1/private-links/{private_link_id}

        Args:
            private_link_id: The link.
            config: Settings of the service.
            service: What it leads to, which tells the settings apart.
        """
        return await self._transport.call(
            _UPDATE, PrivateLink, private_link_id, body={"config": config, "service": service}
        )

    async def delete(self, private_link_id: str) -> ActionResult:
        """
        Begin to delete a private link.

        DELETE /v1/private-links/{private_link_id}
        """
        return await self._transport.call(_DELETE, ActionResult, private_link_id)
