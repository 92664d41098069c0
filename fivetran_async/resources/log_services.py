"""
`fivetran.log_services`: where Fivetran writes its logs to.

<https://fivetran.com/docs/rest-api/api-reference/log-service-management>
"""

from collections.abc import Mapping

from fivetran_async._http.operation import operation
from fivetran_async._http.result import ActionResult
from fivetran_async._http.transport import Transport
from fivetran_async._model import Model, field, model
from fivetran_async._types import UNSET, Unset
from fivetran_async.pagination import Pager
from fivetran_async.resources._choices import LogServiceChoice
from fivetran_async.resources._resource import Resource
from fivetran_async.resources.connection_models import ConnectionTask
from fivetran_async.resources.setup_tests import SetupTest


@model
class LogServiceStatus(Model):
    """
    How the setup of a log service is.

    Attributes:
        setup_state: Whether it can work, such as `connected`.
        tasks: What must be done before it can.
    """

    setup_state: str | None = None
    tasks: tuple[ConnectionTask, ...] = ()


@model
class LogService(Model):
    """
    A service that the logs of a group, or of the account, are written to.

    Attributes:
        service: The type, such as `cloudwatch`, `datadog_log` or `splunkLog`; an open set.
        config: The settings of the service; secrets come masked. Empty in lists.
        setup_tests: What the last tests found, in answers of calls that ran them.
    """

    id: str
    service: str = ""
    enabled: bool = False
    status: LogServiceStatus = field(factory=LogServiceStatus)
    config: Mapping[str, object] = field(factory=dict[str, object], repr=False)
    setup_tests: tuple[SetupTest, ...] = ()


@model
class LogServiceTestResult(Model):
    """What the setup tests of a log service found."""

    setup_tests: tuple[SetupTest, ...] = ()


_GET = operation("log_services.get", "GET", "/v1/external-logging/{log_id}")
_UPDATE = operation("log_services.update", "PATCH", "/v1/external-logging/{log_id}", slow=True)
_DELETE = operation("log_services.delete", "DELETE", "/v1/external-logging/{log_id}")
_RUN_SETUP_TESTS = operation(
    "log_services.run_setup_tests",
    "POST",
    "/v1/external-logging/{log_id}/test",
    retry_class="trigger",
    slow=True,
)
_ACCOUNT_GET = operation("log_services.account.get", "GET", "/v1/external-logging/account")
_ACCOUNT_CREATE = operation(
    "log_services.account.create", "POST", "/v1/external-logging/account", slow=True
)
_ACCOUNT_UPDATE = operation(
    "log_services.account.update", "PATCH", "/v1/external-logging/account", slow=True
)
_ACCOUNT_DELETE = operation("log_services.account.delete", "DELETE", "/v1/external-logging/account")
_ACCOUNT_RUN_SETUP_TESTS = operation(
    "log_services.account.run_setup_tests",
    "POST",
    "/v1/external-logging/account/test",
    retry_class="trigger",
    slow=True,
)
_LIST = operation("log_services.list", "GET", "/v1/external-logging")
_CREATE = operation("log_services.create", "POST", "/v1/external-logging", slow=True)


class AccountLogService(Resource):
    """`fivetran.log_services.account`: the one log service of the account as a whole."""

    async def get(self) -> LogService:
        """
        Return the log service of the account.

        GET /v1/external-logging/account

        Raises:
            NotFoundError: The account has none.
        """
        return await self._transport.call(_ACCOUNT_GET, LogService)

    async def create(
        self,
        *,
        service: LogServiceChoice,
        config: Mapping[str, object],
        enabled: bool | Unset = UNSET,
        run_setup_tests: bool | Unset = UNSET,
    ) -> LogService:
        """
        Set up the log service of the account.

        POST /v1/external-logging/account

        Args:
            service: The type, such as `cloudwatch`.
            config: Settings of the service, by the vendor's page of the service.
            enabled: Whether logs are written to it.
            run_setup_tests: True also runs the setup tests, which may take minutes.

        Raises:
            AmbiguousOutcomeError: It may exist now; `get` it to find out.
        """
        return await self._transport.call(
            _ACCOUNT_CREATE,
            LogService,
            body={
                "service": service,
                "config": config,
                "enabled": enabled,
                "run_setup_tests": run_setup_tests,
            },
        )

    async def update(
        self,
        *,
        config: Mapping[str, object] | Unset = UNSET,
        enabled: bool | Unset = UNSET,
        run_setup_tests: bool | Unset = UNSET,
    ) -> LogService:
        """
        Change the log service of the account; what is not given stays as it is.

        PATCH /v1/external-logging/account

        Args:
            config: Settings of the service.
            enabled: Whether logs are written to it.
            run_setup_tests: True also runs the setup tests, which may take minutes.
        """
        return await self._transport.call(
            _ACCOUNT_UPDATE,
            LogService,
            body={"config": config, "enabled": enabled, "run_setup_tests": run_setup_tests},
        )

    async def delete(self) -> ActionResult:
        """
        Stop writing logs of the account, and forget the settings.

        DELETE /v1/external-logging/account
        """
        return await self._transport.call(_ACCOUNT_DELETE, ActionResult)

    async def run_setup_tests(self) -> LogServiceTestResult:
        """
        Test the log service of the account and wait for the results, which may take minutes.

        POST /v1/external-logging/account/test

        Raises:
            AmbiguousOutcomeError: The tests may be running; they were not started twice.
        """
        return await self._transport.call(_ACCOUNT_RUN_SETUP_TESTS, LogServiceTestResult)


class LogServices(Resource):
    """
    `fivetran.log_services`: the log services of groups, one for each at most.

    <https://fivetran.com/docs/rest-api/api-reference/log-service-management>
    """

    account: AccountLogService
    """The log service of the account as a whole."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.account = AccountLogService(transport)

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Pager[LogService]:
        """
        List the log services, without their `config`.

        GET /v1/external-logging

        Args:
            limit: Log services per page, 1 to 1000.
            cursor: Where to begin: the `next_cursor` of a page.
        """
        return self._transport.pager(_LIST, LogService, limit=limit, cursor=cursor)

    async def get(self, log_id: str) -> LogService:
        """
        Return the log service of a group.

        GET /v1/external-logging/{log_id}

        Raises:
            NotFoundError: There is no such log service.
        """
        return await self._transport.call(_GET, LogService, log_id)

    async def create(
        self,
        *,
        group_id: str,
        service: LogServiceChoice,
        config: Mapping[str, object],
        enabled: bool | Unset = UNSET,
        run_setup_tests: bool | Unset = UNSET,
    ) -> LogService:
        """
        Set up a log service for a group.

        POST /v1/external-logging

        Args:
            group_id: The group whose logs are written.
            service: The type, such as `cloudwatch`.
            config: Settings of the service, by the vendor's page of the service.
            enabled: Whether logs are written to it.
            run_setup_tests: True also runs the setup tests, which may take minutes.

        Raises:
            AmbiguousOutcomeError: It may exist now; list the log services to find out.
        """
        return await self._transport.call(
            _CREATE,
            LogService,
            body={
                "group_id": group_id,
                "service": service,
                "config": config,
                "enabled": enabled,
                "run_setup_tests": run_setup_tests,
            },
        )

    async def update(
        self,
        log_id: str,
        *,
        config: Mapping[str, object] | Unset = UNSET,
        enabled: bool | Unset = UNSET,
        run_setup_tests: bool | Unset = UNSET,
    ) -> LogService:
        """
        Change the log service of a group; what is not given stays as it is.

        PATCH /v1/external-logging/{log_id}

        Args:
            log_id: The log service.
            config: Settings of the service.
            enabled: Whether logs are written to it.
            run_setup_tests: True also runs the setup tests, which may take minutes.
        """
        return await self._transport.call(
            _UPDATE,
            LogService,
            log_id,
            body={"config": config, "enabled": enabled, "run_setup_tests": run_setup_tests},
        )

    async def delete(self, log_id: str) -> ActionResult:
        """
        Stop writing logs of a group, and forget the settings.

        DELETE /v1/external-logging/{log_id}
        """
        return await self._transport.call(_DELETE, ActionResult, log_id)

    async def run_setup_tests(self, log_id: str) -> LogServiceTestResult:
        """
        Test the log service of a group and wait for the results, which may take minutes.

        POST /v1/external-logging/{log_id}/test

        Raises:
            AmbiguousOutcomeError: The tests may be running; they were not started twice.
        """
        return await self._transport.call(
            _RUN_SETUP_TESTS,
            LogServiceTestResult,
            log_id,
        )
