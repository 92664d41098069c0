"""
Models and operations of hybrid deployment agents.

<https://fivetran.com/docs/rest-api/api-reference/hybrid-deployment-agent-management>
"""

from datetime import datetime

from fivetran_async._http.operation import operation
from fivetran_async._http.result import ActionResult
from fivetran_async._model import Model, field, model
from fivetran_async._types import UNSET, Unset
from fivetran_async.pagination import Pager
from fivetran_async.resources._choices import AgentAuthChoice, AgentEnvironmentChoice
from fivetran_async.resources._resource import Resource


@model
class HybridDeploymentAgentFiles(Model):
    """The files that start an agent; their contents are base64 text."""

    config_json: str = field(default="", repr=False)
    auth_json: str = field(default="", repr=False)
    docker_compose_yaml: str = field(default="", repr=False)


@model
class HybridDeploymentAgentUsage(Model):
    """A connection that uses an agent."""

    connection_id: str
    schema: str = ""
    service: str = ""


@model
class HybridDeploymentAgent(Model):
    """
    An agent that processes data in your network.

    Attributes:
        deployment_type: `DOCKER`, `PODMAN`, `KUBERNETES` or `SNOWPARK`.
        online: True if it is connected to Fivetran.
        usage: The connections that use it; only in responses to `get` and `list`.
        token: The token that it authenticates with, as base64; only in responses to `create` and
            `re_auth`.
        files: The files that start it; only in responses to `create` and `re_auth`.
    """

    id: str
    display_name: str = ""
    group_id: str = ""
    deployment_type: str = ""
    version: str = ""
    enabled: bool = False
    online: bool = False
    created_by: str | None = None
    registered_at: datetime | None = None
    updated_at: datetime | None = None
    last_used_at: datetime | None = None
    usage: tuple[HybridDeploymentAgentUsage, ...] = ()
    token: str | None = field(default=None, repr=False)
    files: HybridDeploymentAgentFiles = field(factory=HybridDeploymentAgentFiles, repr=False)


_LIST = operation("hybrid_deployment_agents.list", "GET", "/v1/hybrid-deployment-agents")
_GET = operation("hybrid_deployment_agents.get", "GET", "/v1/hybrid-deployment-agents/{agent_id}")
_CREATE = operation(
    "hybrid_deployment_agents.create", "POST", "/v1/hybrid-deployment-agents", retry_class="secret"
)
_DELETE = operation(
    "hybrid_deployment_agents.delete", "DELETE", "/v1/hybrid-deployment-agents/{agent_id}"
)
_RE_AUTH = operation(
    "hybrid_deployment_agents.re_auth",
    "PATCH",
    "/v1/hybrid-deployment-agents/{agent_id}/re-auth",
    retry_class="secret",
)
_RESET_CREDENTIALS = operation(
    "hybrid_deployment_agents.reset_credentials",
    "POST",
    "/v1/hybrid-deployment-agents/{agent_id}/reset-credentials",
    retry_class="secret",
)


class HybridDeploymentAgents(Resource):
    """
    `fivetran.hybrid_deployment_agents`: manage agents that process data in your network.

    <https://fivetran.com/docs/rest-api/api-reference/hybrid-deployment-agent-management>
    """

    def list(
        self, *, group_id: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Pager[HybridDeploymentAgent]:
        """
        List the hybrid deployment agents of the account.

        GET /v1/hybrid-deployment-agents

        Args:
            group_id: Only those in this group.
            limit: Agents per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(
            _LIST, HybridDeploymentAgent, query={"groupId": group_id}, limit=limit, cursor=cursor
        )

    async def get(self, agent_id: str) -> HybridDeploymentAgent:
        """
        Return one agent, with the connections that use it.

        GET /v1/hybrid-deployment-agents/{agent_id}

        Raises:
            NotFoundError: The agent does not exist.
        """
        return await self._transport.call(_GET, HybridDeploymentAgent, agent_id)

    async def create(
        self,
        *,
        display_name: str,
        env_type: AgentEnvironmentChoice,
        accept_terms: bool,
        group_id: str | Unset = UNSET,
        auth_type: AgentAuthChoice | Unset = UNSET,
    ) -> HybridDeploymentAgent:
        """
        Create an agent; only this response contains its `token` and `files`.

        POST /v1/hybrid-deployment-agents

        Args:
            display_name: The name of the agent.
            env_type: `DOCKER`, `PODMAN`, `KUBERNETES` or `SNOWPARK`; the API returns it as
                `deployment_type`.
            accept_terms: True accepts the vendor's license for on-premises software; the API
                requires it.
            group_id: The group of the agent.
            auth_type: How the agent is authorized: `AUTO` or `MANUAL`.

        Raises:
            AmbiguousOutcomeError: The agent may have been created and its token lost; list the
                agents, then `re_auth` or delete it.
        """
        return await self._transport.call(
            _CREATE,
            HybridDeploymentAgent,
            body={
                "display_name": display_name,
                "env_type": env_type,
                "accept_terms": accept_terms,
                "group_id": group_id,
                "auth_type": auth_type,
            },
        )

    async def delete(self, agent_id: str) -> ActionResult:
        """
        Delete an agent.

        DELETE /v1/hybrid-deployment-agents/{agent_id}
        """
        return await self._transport.call(_DELETE, ActionResult, agent_id)

    async def re_auth(
        self, agent_id: str, *, auth_type: AgentAuthChoice | Unset = UNSET
    ) -> HybridDeploymentAgent:
        """
        Replace the keys of an agent; only this response contains the new ones.

        PATCH /v1/hybrid-deployment-agents/{agent_id}/re-auth

        Args:
            agent_id: The agent.
            auth_type: How the agent is authorized: `AUTO` or `MANUAL`.

        Raises:
            AmbiguousOutcomeError: The old keys may be invalid and the new ones lost; call `re_auth`
                a second time.
        """
        return await self._transport.call(
            _RE_AUTH, HybridDeploymentAgent, agent_id, body={"auth_type": auth_type}
        )

    async def reset_credentials(self, agent_id: str) -> ActionResult:
        """
        Invalidate the credentials of an agent; the response contains no new ones.

        POST /v1/hybrid-deployment-agents/{agent_id}/reset-credentials

        Raises:
            AmbiguousOutcomeError: The credentials may have been invalidated.
        """
        return await self._transport.call(_RESET_CREDENTIALS, ActionResult, agent_id)
