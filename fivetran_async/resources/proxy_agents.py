"""`fivetran.proxy_agents` - <https://fivetran.com/docs/rest-api/api-reference/proxy-agent>."""

from datetime import datetime

from fivetran_async._http.operation import operation
from fivetran_async._http.result import ActionResult
from fivetran_async._model import Model, field, model
from fivetran_async._types import UNSET, Unset
from fivetran_async.pagination import Pager
from fivetran_async.resources._choices import RegionChoice
from fivetran_async.resources._resource import Resource


@model
class ProxyAgentUsage(Model):
    """A connection or destination that uses a proxy agent."""

    id: str
    schema: str | None = None
    service: str = ""


@model
class ProxyAgent(Model):
    """
    An agent that carries the traffic between your network and Fivetran.

    Attributes:
        region: The region that processes the data, such as `GCP_US_EAST4`.
        status: `CONNECTED`, `NOT_CONNECTED` or `NOT_FOUND`.
        connector_count: The number of connections that use it; only in lists.
        destination_count: The number of destinations that use it; only in lists.
        usage: The connections and destinations that use it; only in responses to `get`.
    """

    id: str
    account_id: str | None = None
    display_name: str = ""
    region: str = ""
    status: str = ""
    version: str | None = None
    connector_count: int | None = None
    destination_count: int | None = None
    usage: tuple[ProxyAgentUsage, ...] = ()
    created_by: str | None = None
    registered_at: datetime | None = None


@model
class ProxyAgentCredentials(Model):
    """
    The credentials that start a proxy agent; the API returns them only once.

    Attributes:
        agent_id: The `id` of the agent.
        orchestrator_host: The host that the agent connects to.
    """

    agent_id: str
    auth_token: str = field(default="", repr=False)
    client_cert: str = field(default="", repr=False)
    client_private_key: str = field(default="", repr=False)
    orchestrator_host: str = ""
    orchestrator_port: int | None = None


@model
class ProxyAgentConnection(Model):
    """A connection that uses a proxy agent."""

    connection_id: str


_LIST = operation("proxy_agents.list", "GET", "/v1/proxy")
_GET = operation("proxy_agents.get", "GET", "/v1/proxy/{agent_id}")
_CREATE = operation("proxy_agents.create", "POST", "/v1/proxy", retry_class="secret")
_DELETE = operation("proxy_agents.delete", "DELETE", "/v1/proxy/{agent_id}")
_LIST_CONNECTIONS = operation(
    "proxy_agents.list_connections", "GET", "/v1/proxy/{agent_id}/connections"
)
_REGENERATE_SECRETS = operation(
    "proxy_agents.regenerate_secrets",
    "POST",
    "/v1/proxy/{agent_id}/regenerate-secrets",
    retry_class="secret",
)


class ProxyAgents(Resource):
    """
    `fivetran.proxy_agents`: manage agents that carry traffic between your network and Fivetran.

    <https://fivetran.com/docs/rest-api/api-reference/proxy-agent>
    """

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Pager[ProxyAgent]:
        """
        List the proxy agents of the account.

        GET /v1/proxy

        Args:
            limit: Agents per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(_LIST, ProxyAgent, limit=limit, cursor=cursor)

    async def get(self, agent_id: str) -> ProxyAgent:
        """
        Return one proxy agent, with the connections and destinations that use it.

        GET /v1/proxy/{agent_id}

        Raises:
            NotFoundError: The agent does not exist.
        """
        return await self._transport.call(_GET, ProxyAgent, agent_id)

    async def create(
        self, *, display_name: str, group_region: RegionChoice | Unset = UNSET
    ) -> ProxyAgentCredentials:
        """
        Create a proxy agent; only this response contains its credentials.

        POST /v1/proxy

        Args:
            display_name: The name; must be unique.
            group_region: The region that processes the data, such as `GCP_US_EAST4`; the API
                returns it as `region`.

        Raises:
            ConflictError: Another agent has this name.
            AmbiguousOutcomeError: The agent may have been created and its credentials lost; list
                the agents, then `regenerate_secrets` or delete it.
        """
        return await self._transport.call(
            _CREATE,
            ProxyAgentCredentials,
            body={"display_name": display_name, "group_region": group_region},
        )

    async def delete(self, agent_id: str) -> ActionResult:
        """
        Delete a proxy agent.

        DELETE /v1/proxy/{agent_id}

        Raises:
            ConflictError: The agent is still in use.
        """
        return await self._transport.call(_DELETE, ActionResult, agent_id)

    def list_connections(
        self, agent_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Pager[ProxyAgentConnection]:
        """
        List the ids of the connections that use a proxy agent.

        GET /v1/proxy/{agent_id}/connections

        Args:
            agent_id: The agent.
            limit: Connections per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(
            _LIST_CONNECTIONS, ProxyAgentConnection, agent_id, limit=limit, cursor=cursor
        )

    async def regenerate_secrets(self, agent_id: str) -> ProxyAgentCredentials:
        """
        Replace the credentials of a proxy agent; only this response contains the new ones.

        POST /v1/proxy/{agent_id}/regenerate-secrets

        Raises:
            AmbiguousOutcomeError: The old credentials may be invalid and the new ones lost; call
                `regenerate_secrets` a second time.
        """
        return await self._transport.call(_REGENERATE_SECRETS, ProxyAgentCredentials, agent_id)
