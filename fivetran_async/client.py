"""The session: one object, with one attribute per family of the API."""

from __future__ import annotations

import os
import ssl
from collections.abc import Collection, Sequence
from typing import (
    TYPE_CHECKING,
    Final,
    NoReturn,
    Self,
    TypeVar,
)

from fivetran_async._clock import SYSTEM_CLOCK, Clock, asyncio_loop
from fivetran_async._fan_out.api import FanOutFunction
from fivetran_async._http.base_url import chosen_base_url
from fivetran_async._http.config_guard import CheckConfigs, ConfigGuard
from fivetran_async._http.credentials import find_credentials
from fivetran_async._http.own_requests import OwnRequests
from fivetran_async._http.session import AIOHTTP_VERSION, Core, Pool
from fivetran_async._http.transport import Transport
from fivetran_async._http.walk import refusing
from fivetran_async._logging import log_as_environment_says
from fivetran_async._quota.patience import Priority
from fivetran_async._quota.protocol import RateLimiter, RateLimiterFactory
from fivetran_async._quota.registry import RateLimits, host_of, limiter_of
from fivetran_async._types import UNSET, Unset
from fivetran_async._version import __version__
from fivetran_async.errors import InvalidArgumentError, UsageError
from fivetran_async.limits import ConcurrencyLimiter
from fivetran_async.options import Hooks, Options, Timeouts
from fivetran_async.resources._family import Family, family_at
from fivetran_async.retries import RetryPolicy

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Unpack

    import aiohttp

    from fivetran_async._http.profile_options import ProfileOptions
    from fivetran_async.health import HealthFinding
    from fivetran_async.resources.account import Account
    from fivetran_async.resources.certificates import Certificates
    from fivetran_async.resources.connections import Connections
    from fivetran_async.resources.connector_sdk_packages import ConnectorSdkPackages
    from fivetran_async.resources.connector_types import ConnectorTypes
    from fivetran_async.resources.destinations import Destinations
    from fivetran_async.resources.external_secrets_managers import ExternalSecretsManagers
    from fivetran_async.resources.groups import Groups
    from fivetran_async.resources.hvr import Hvr
    from fivetran_async.resources.hybrid_deployment_agents import HybridDeploymentAgents
    from fivetran_async.resources.log_services import LogServices
    from fivetran_async.resources.private_links import PrivateLinks
    from fivetran_async.resources.proxy_agents import ProxyAgents
    from fivetran_async.resources.roles import Roles
    from fivetran_async.resources.system_keys import SystemKeys
    from fivetran_async.resources.teams import Teams
    from fivetran_async.resources.transformation_projects import TransformationProjects
    from fivetran_async.resources.transformations import Transformations
    from fivetran_async.resources.users import Users
    from fivetran_async.resources.webhooks import Webhooks
    from fivetran_async.syncs import SyncOutcome, Syncs

T = TypeVar("T")
R = TypeVar("R")

_CONCURRENCY: Final = 20
_ONCE: Final = RetryPolicy(max_attempts=1)
_NO_HOOKS: Final = Hooks()
_ACCOUNT_DIGITS: Final = 16
"""Of the hash of the API key: enough to distinguish accounts in events and logs."""
_MAX_RESPONSE_BYTES: Final = 32 * 1024 * 1024


class AsyncFivetran(OwnRequests):
    """
    A session with one Fivetran account; use it with `async with`, for as long as your service runs.

    Making it does no I/O and needs no running event loop. It belongs to the event loop that first
    uses it, and moves to another one after that was closed, as by `asyncio.run`; it is not
    thread-safe. Without arguments it reads `FIVETRAN_API_KEY`, `FIVETRAN_API_SECRET` and
    `FIVETRAN_BASE_URL`.

    Args:
        api_key: The API key. Arguments win over the environment; the two are never mixed.
        api_secret: Its secret.
        base_url: The root of the host; `https`, unless it is loopback or `allow_insecure` is set.
        timeouts: Seconds per attempt; a bare number sets the total.
        retry: How failed calls are retried.
        limiter: The number of requests in flight, 20 by default; None for no limit.
        rate_limits: The account's quotas, shared by all sessions of the same key in this process;
            None turns pacing off; an object of your own with the methods of `RateLimiter` shares
            them wider.
        session: Your own aiohttp session. It stays open, its proxy, TLS, cookies and pool limit
            apply, its middlewares do not run.
        hooks: Functions that are called for requests, responses, retries and drift.
        read_only: Refuse every call that could change something.
        check_configs: What to do about fields in a `config` or `auth` that resemble a known field
            of the service, and about missing schema names: `warn` logs each field once, `raise`
            refuses the call. Fields and choices that can be newer than this release pass.
        user_agent: Goes before the package's own in the User-Agent header.
        max_response_bytes: The largest response that is read, after decompression.
        trace_configs: aiohttp's own tracing, unless `session` is given.
        ssl_context: How to verify the server, its certificate and its host name;
            `allow_insecure` is needed to turn either off.
        proxy: The URL of a proxy, http or https, unless `session` is given.
        allow_insecure: Accept plain http and unverified certificates. For tests only.

    Raises:
        MissingCredentialsError: No API key and secret were found.
        InvalidArgumentError: An argument cannot be used; the message names it.
    """

    account: Family[Account] = Family()
    """The account that the API key belongs to."""
    certificates: Family[Certificates] = Family()
    """Approval of certificates, in the vendor's deprecated way."""
    connections: Family[Connections] = Family()
    """Connections: sync, resync, schedules, schemas, setup tests, state."""
    connector_sdk_packages: Family[ConnectorSdkPackages] = Family()
    """Code of Connector SDK connections: upload and download."""
    connector_types: Family[ConnectorTypes] = Family()
    """The services, and the fields of their `config`."""
    destinations: Family[Destinations] = Family()
    """Destinations: the warehouses that groups load into."""
    external_secrets_managers: Family[ExternalSecretsManagers] = Family()
    """Managers that keep secrets outside of Fivetran."""
    groups: Family[Groups] = Family()
    """Groups, and the users and connections in them."""
    hvr: Family[Hvr] = Family()
    """Registration of HVR hubs."""
    hybrid_deployment_agents: Family[HybridDeploymentAgents] = Family()
    """Agents that process data in your own network."""
    log_services: Family[LogServices] = Family()
    """Services that Fivetran sends its logs to."""
    private_links: Family[PrivateLinks] = Family()
    """Private connections between clouds."""
    proxy_agents: Family[ProxyAgents] = Family()
    """Agents that connect from your own network."""
    roles: Family[Roles] = Family()
    """The roles that users and teams can have."""
    system_keys: Family[SystemKeys] = Family()
    """API keys that belong to no user."""
    teams: Family[Teams] = Family()
    """Teams, their members and permissions."""
    transformation_projects: Family[TransformationProjects] = Family()
    """dbt projects."""
    transformations: Family[Transformations] = Family()
    """Transformations: run, cancel, upgrade."""
    users: Family[Users] = Family()
    """Users of the account, and their permissions."""
    webhooks: Family[Webhooks] = Family()
    """Webhooks: URLs that Fivetran sends events to."""

    def __init__(
        self,
        api_key: str | None = None,
        api_secret: str | None = None,
        *,
        base_url: str | None = None,
        timeouts: Timeouts | float = Timeouts(),
        retry: RetryPolicy = RetryPolicy(),
        limiter: ConcurrencyLimiter | Unset | None = UNSET,
        rate_limits: RateLimits | RateLimiterFactory | RateLimiter | None = RateLimits(),
        session: aiohttp.ClientSession | None = None,
        hooks: Hooks = Hooks(),
        read_only: bool = False,
        check_configs: CheckConfigs = "warn",
        user_agent: str | None = None,
        max_response_bytes: int = _MAX_RESPONSE_BYTES,
        trace_configs: Sequence[aiohttp.TraceConfig] = (),
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
        allow_insecure: bool = False,
        _clock: Clock | None = None,
    ) -> None:
        if session is not None and (trace_configs or ssl_context or proxy):
            raise InvalidArgumentError(
                "trace_configs, ssl_context and proxy belong to the session given as session=; set "
                "them there."
            )
        clock = SYSTEM_CLOCK if _clock is None else _clock
        credentials = find_credentials(api_key, api_secret)
        root = chosen_base_url(base_url, os.environ, allow_insecure=allow_insecure)
        agent = _checked_user_agent(user_agent)
        pool = Pool(
            session=session,
            trace_configs=trace_configs,
            ssl_context=ssl_context,
            proxy=proxy,
            user_agent=agent,
            clock=clock,
        )
        _refuse_unverified(ssl_context, allow_insecure=allow_insecure)
        log_as_environment_says()
        account_key = credentials.account_key()
        host, port = host_of(root)
        core = Core(
            pool=pool,
            base_url=root,
            credentials=credentials,
            account={"account": account_key[:_ACCOUNT_DIGITS], "host": host, "port": port},
            rate_limiter=limiter_of(
                rate_limits, account_key=account_key, base_url=root, clock=clock
            ),
            user_agent=agent,
            clock=clock,
            read_only=read_only,
            max_response_bytes=max_response_bytes,
            config_guard=ConfigGuard(check_configs),
        )
        options = Options(
            timeouts=Timeouts.of(timeouts),
            retry=retry,
            hooks=hooks,
            limiter=ConcurrencyLimiter(_CONCURRENCY) if limiter is UNSET else limiter,
        )
        self._transport = Transport(core, options)
        self._is_view = False

    @classmethod
    def from_profile(
        cls, name: str, *, file: str | Path | None = None, **options: Unpack[ProfileOptions]
    ) -> Self:
        """
        Make a session with an account of `~/.config/fivetran-async/profiles.toml`.

        A profile names the account's id, and references to the API key and secret:
        `env:NAME`, `file:PATH` or `cmd:COMMAND`. Before its first change, the session checks that
        the key belongs to that account, with one request.

        Args:
            name: The name of the profile, of a table `[profiles.NAME]`.
            file: Another file.
            options: Other arguments of `AsyncFivetran`; they win over the profile.

        Raises:
            InvalidArgumentError: The profile is missing or wrong, or it names no `account_id` and
                the session is not read-only.
            MissingCredentialsError: A reference leads nowhere.
        """
        # Loaded when first used, as the families are.
        from fivetran_async._http.profiles import find_profile  # noqa: PLC0415
        from fivetran_async.resources._pinned import AccountPin, PinnedTransport  # noqa: PLC0415

        profile = find_profile(name, file)
        read_only = options.setdefault("read_only", profile.read_only)
        if profile.base_url is not None:
            options.setdefault("base_url", profile.base_url)
        if profile.account_id is None and not read_only:
            raise InvalidArgumentError(
                f"The profile {name!r} in {profile.file} has no account_id, which a session that "
                "may change something needs: add it, or pass read_only=True."
            )
        session = cls(*profile.credentials(), **options)
        if profile.account_id is not None:
            pin = AccountPin(profile.account_id, f"the profile {name!r} in {profile.file}")
            now = session._transport
            session._transport = PinnedTransport(now.core, now.options, pin)
        return session

    @property
    def fan_out(self) -> FanOutFunction:
        """One call per source, many at once, within one limit: see `fivetran_async.fan_out`."""
        return FanOutFunction(self._transport.observer)

    @property
    def connectors(self) -> Connections:
        """The former name of `connections`."""
        return self.connections

    @property
    def syncs(self) -> Syncs:
        """Many syncs at once, waits of other processes, events from webhooks."""
        # Loaded when first used, as the families are.
        from fivetran_async.syncs import Syncs  # noqa: PLC0415

        return Syncs(self._transport)

    async def resume_wait(self, token: str, *, timeout: float | None = None) -> SyncOutcome:  # noqa: ASYNC109
        """
        Resume the wait for a sync that another process triggered, by `SyncRun.to_token()`.

        Args:
            token: The token of a run, of an outcome that is `timed_out`, or of an error.
            timeout: Seconds from now; by default the wait's own timeout goes on.

        Raises:
            InvalidArgumentError: The text is not such a token.
            NotFoundError: The connection was deleted.
            SessionClosedError: The session was closed.
        """
        run = await self.syncs.resume(token, timeout=timeout)
        return await run.wait()

    async def health(
        self,
        *,
        stale_after: float | None = None,
        group_ids: Collection[str] | None = None,
        services: Collection[str] | None = None,
    ) -> tuple[HealthFinding, ...]:
        """
        Return what is wrong with the connections of the account, the worst first.

        Broken, incomplete, never synced, stale by their own schedule, delayed, paused, without a
        captured schema, with tasks or warnings. Ages are those of the server's clock.

        GET /v1/connections, one request per thousand

        Args:
            stale_after: Seconds after which data is stale, whatever the schedule; by default twice
                the time between two scheduled syncs, at least an hour.
            group_ids: Only the connections of these groups; often with fewer requests.
            services: Only the connections of these services; letter case does not matter.

        Raises:
            InvalidArgumentError: `stale_after` is not a positive number, or a service is unknown.
            NotFoundError: One of the groups does not exist.
        """
        # Loaded when first used, as the families are.
        from fivetran_async.syncs._account import account_findings  # noqa: PLC0415

        return await account_findings(
            self._transport, self.groups.get, stale_after, group_ids, services
        )

    @property
    def account_hash(self) -> str:
        """A hash of the API key, as the `account` of events and log records."""
        return self._transport.core.account["account"]

    @property
    def limits(self) -> RateLimiter:
        """
        The account's quotas: `fivetran.limits.snapshot()` returns what is left of them.

        `await fivetran.limits.read()` asks the store first, where several processes share one.
        """
        return self._transport.core.rate_limiter

    if not TYPE_CHECKING:
        __enter__ = __exit__ = refusing("Write `async with AsyncFivetran(...) as fivetran:`.")

    async def __aenter__(self) -> Self:
        asyncio_loop()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """
        Close the session and its sockets.

        Calls that wait for a quota or a slot, or to retry, end at once with `SessionClosedError`.
        Closing twice is harmless; on a view it does nothing.
        """
        if not self._is_view:
            await self._transport.core.pool.aclose()

    @property
    def closed(self) -> bool:
        """True if the session was closed."""
        return self._transport.core.pool.closed

    def with_options(
        self,
        *,
        timeouts: Timeouts | float | Unset | None = UNSET,
        retry: RetryPolicy | Unset | None = UNSET,
        limiter: ConcurrencyLimiter | Unset | None = UNSET,
        priority: Priority | Unset = UNSET,
        deadline: float | Unset | None = UNSET,
        hooks: Hooks | Unset | None = UNSET,
    ) -> AsyncFivetran:
        """
        Return a view of this session with some options changed; it shares the sockets and quotas.

        An option that is not given stays unchanged; None switches it off.

        Args:
            timeouts: Seconds per attempt; a bare number sets the total. None for no timeout.
            retry: Another policy; None to send each call once.
            limiter: Another limiter; None for no bound on the requests in flight.
            priority: `interactive` calls go before `bulk` calls when requests wait for a quota.
            deadline: Seconds for each whole call, waits and retries included; None for no deadline.
            hooks: Other hooks; None for no hooks.

        Raises:
            InvalidArgumentError: An argument cannot be used; the message names it.
        """
        now = self._transport.options
        options = Options(
            timeouts=now.timeouts if timeouts is UNSET else Timeouts.of(timeouts),
            retry=now.retry if retry is UNSET else _ONCE if retry is None else retry,
            limiter=now.limiter if limiter is UNSET else limiter,
            priority=now.priority if priority is UNSET else priority,
            deadline=now.deadline if deadline is UNSET else deadline,
            hooks=now.hooks if hooks is UNSET else _NO_HOOKS if hooks is None else hooks,
        )
        view = object.__new__(type(self))
        view._transport = self._transport.with_options(options)
        view._is_view = True
        return view

    def _declare_operations(self, path: str) -> None:
        family = family_at(path)
        if isinstance(getattr(type(self), family, None), Family):
            getattr(self, family)

    def __repr__(self) -> str:
        core = self._transport.core
        state = "closed" if core.pool.closed else "view" if self._is_view else "open"
        return f"<AsyncFivetran {core.base_url} {state}>"

    def __reduce__(self) -> NoReturn:
        raise UsageError("An AsyncFivetran cannot be pickled: secrets do not leave the process.")


def _refuse_unverified(context: ssl.SSLContext | None, *, allow_insecure: bool) -> None:
    if context is None or allow_insecure:
        return
    for is_off, what in (
        (context.verify_mode is not ssl.CERT_REQUIRED, "certificates (verify_mode)"),
        (not context.check_hostname, "the host name (check_hostname)"),
    ):
        if is_off:
            raise InvalidArgumentError(
                f"ssl_context does not verify {what}; pass allow_insecure=True to accept that."
            )


def _checked_user_agent(user_agent: object) -> str:
    ours = f"fivetran_async/{__version__} aiohttp/{AIOHTTP_VERSION}"
    if user_agent is None:
        return ours
    text = user_agent.strip() if isinstance(user_agent, str) else ""
    if not text or not text.isascii() or not text.isprintable():
        raise InvalidArgumentError("user_agent must be printable ASCII text on one line.")
    return f"{text} {ours}"
