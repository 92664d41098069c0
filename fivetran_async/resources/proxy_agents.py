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
    """A connection or destination that goes through a proxy agent."""

    id: str
    schema: str | None = None
    service: str = ""


@model
class ProxyAgent(Model):
    """
    An agent that carries the traffic between your network and Fivetran.

    Attributes:
        region: Where data is processed, such as `GCP_US_EAST4`.
        status: `CONNECTED`, `NOT_CONNECTED` or `NOT_FOUND`.
        connector_count: How many connections use it; only in lists.
        destination_count: How many destinations use it; only in lists.
        usage: What uses it; only in answers of `get`.
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
    What a proxy agent is started with; the API shows it this once.

    Attributes:
        agent_id: The `id` of the agent.
        orchestrator_host: Where the agent connects to.
    """

    agent_id: str
    auth_token: str = field(default="", repr=False)
    client_cert: str = field(default="", repr=False)
    client_private_key: str = field(default="", repr=False)
    orchestrator_host: str = ""
    orchestrator_port: int | None = None


@model
class ProxyAgentConnection(Model):
    """A connection that goes through a proxy agent."""

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
    `fivetran.proxy_agents`: agents that carry traffic between your network and Fivetran.

    <https://fivetran.com/docs/rest-api/api-reference/proxy-agent>
    """

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Pager[ProxyAgent]:
        """
        List the proxy agents of the account.

        GET /v1/proxy

        Args:
            limit: Agents per page, 1 to 1000.
            cursor: Where to begin: the `next_cursor` of a page.
        """
        return self._transport.pager(_LIST, ProxyAgent, limit=limit, cursor=cursor)

    async def get(self, agent_id: str) -> ProxyAgent:
        """
        Return one proxy agent, and what uses it.

        GET /v1/proxy/{agent_id}

        Raises:
            NotFoundError: There is no such agent.
        """
        return await self._transport.call(_GET, ProxyAgent, agent_id)

    async def create(
        self, *, display_name: str, group_region: RegionChoice | Unset = UNSET
    ) -> ProxyAgentCredentials:
        """
        Create a proxy agent; the answer holds the only copy of its credentials.

        POST /v1/proxy

        Args:
            display_name: Its name, which no other agent may have.
            group_region: Where data is processed, such as `GCP_US_EAST4`; the API returns it as
                `region`.

        Raises:
            ConflictError: Another agent has this name.
            AmbiguousOutcomeError: The agent may exist, and its credentials are lost; list the
                agents, and `regenerate_secrets` or delete it.
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
            ConflictError: Connections still use it.
        """
        return await self._transport.call(_DELETE, ActionResult, agent_id)

    def list_connections(
        self, agent_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Pager[ProxyAgentConnection]:
        """
        List the ids of the connections that go through a proxy agent.

        GET /v1/proxy/{agent_id}/connections

        Args:
            agent_id: The agent.
            limit: Connections per page, 1 to 1000.
            cursor: Where to begin: the `next_cursor` of a page.
        """
        return self._transport.pager(
            _LIST_CONNECTIONS, ProxyAgentConnection, agent_id, limit=limit, cursor=cursor
        )

    async def regenerate_secrets(self, agent_id: str) -> ProxyAgentCredentials:
        """
        Replace the credentials of a proxy agent; the answer holds the only copy of the new ones.

        POST /v1/proxy/{agent_id}/regenerate-secrets

        Raises:
            AmbiguousOutcomeError: The old credentials may be void, and the new ones lost; call it
                again.
        """
        return await self._transport.call(_REGENERATE_SECRETS, ProxyAgentCredentials, agent_id)
