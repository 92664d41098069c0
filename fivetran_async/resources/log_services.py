"""
Models and operations of log services, which receive the logs of Fivetran.

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
    The setup status of a log service.

    Attributes:
        setup_state: The state, such as `connected`.
        tasks: Problems to solve before it works.
    """

    setup_state: str | None = None
    tasks: tuple[ConnectionTask, ...] = ()


@model
class LogService(Model):
    """
    A service that receives the logs of a group or of the account.

    Attributes:
        service: The type, such as `cloudwatch` or `datadog_log`; the vendor adds new ones.
        config: The settings of the service, with masks in place of secrets. Empty in lists.
        setup_tests: The results, in responses to calls that ran the setup tests.
    """

    id: str
    service: str = ""
    enabled: bool = False
    status: LogServiceStatus = field(factory=LogServiceStatus)
    config: Mapping[str, object] = field(factory=dict[str, object], repr=False)
    setup_tests: tuple[SetupTest, ...] = ()


@model
class LogServiceTestResult(Model):
    """The results of the setup tests of a log service."""

    setup_tests: tuple[SetupTest, ...] = ()


_GET = operation("log_services.get", "GET", "/v1/external-logging/{log_id}", service_kind="log")
_UPDATE = operation(
    "log_services.update", "PATCH", "/v1/external-logging/{log_id}", slow=True, service_kind="log"
)
_DELETE = operation("log_services.delete", "DELETE", "/v1/external-logging/{log_id}")
_RUN_SETUP_TESTS = operation(
    "log_services.run_setup_tests",
    "POST",
    "/v1/external-logging/{log_id}/test",
    retry_class="trigger",
    slow=True,
)
_ACCOUNT_GET = operation(
    "log_services.account.get", "GET", "/v1/external-logging/account", service_kind="log"
)
_ACCOUNT_CREATE = operation(
    "log_services.account.create",
    "POST",
    "/v1/external-logging/account",
    slow=True,
    service_kind="log",
    shown_by=_ACCOUNT_GET,
)
_ACCOUNT_UPDATE = operation(
    "log_services.account.update",
    "PATCH",
    "/v1/external-logging/account",
    slow=True,
    service_kind="log",
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
_CREATE = operation(
    "log_services.create",
    "POST",
    "/v1/external-logging",
    slow=True,
    shown_by=_GET,
    shown_as=("group_id",),
    service_kind="log",
)


class AccountLogService(Resource):
    """`fivetran.log_services.account`: manage the log service of the whole account."""

    async def get(self) -> LogService:
        """
        Return the log service of the account.

        GET /v1/external-logging/account

        Raises:
            NotFoundError: The account has no log service.
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
        Create the log service of the account.

        POST /v1/external-logging/account

        Args:
            service: The type, such as `cloudwatch`.
            config: Settings of the service; the vendor documents them per service.
            enabled: True to write logs to it.
            run_setup_tests: True also runs the setup tests, which can take minutes.

        Raises:
            AmbiguousOutcomeError: It may have been created; `get` it to check.
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
        Update the log service of the account; fields that are not given keep their values.

        PATCH /v1/external-logging/account

        Args:
            config: Settings of the service.
            enabled: True to write logs to it.
            run_setup_tests: True also runs the setup tests, which can take minutes.
        """
        return await self._transport.call(
            _ACCOUNT_UPDATE,
            LogService,
            body={"config": config, "enabled": enabled, "run_setup_tests": run_setup_tests},
        )

    async def delete(self) -> ActionResult:
        """
        Delete the log service of the account; its logs are no longer written.

        DELETE /v1/external-logging/account
        """
        return await self._transport.call(_ACCOUNT_DELETE, ActionResult)

    async def run_setup_tests(self) -> LogServiceTestResult:
        """
        Run the setup tests of the log service of the account, which can take minutes.

        POST /v1/external-logging/account/test

        Raises:
            AmbiguousOutcomeError: The tests may have started; the request was not retried.
        """
        return await self._transport.call(_ACCOUNT_RUN_SETUP_TESTS, LogServiceTestResult)


class LogServices(Resource):
    """
    `fivetran.log_services`: manage the log services of groups, at most one per group.

    <https://fivetran.com/docs/rest-api/api-reference/log-service-management>
    """

    account: AccountLogService
    """The log service of the whole account."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.account = AccountLogService(transport)

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Pager[LogService]:
        """
        List the log services, without their `config`.

        GET /v1/external-logging

        Args:
            limit: Log services per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(_LIST, LogService, limit=limit, cursor=cursor)

    async def get(self, log_id: str) -> LogService:
        """
        Return the log service of a group.

        GET /v1/external-logging/{log_id}

        Raises:
            NotFoundError: The log service does not exist.
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
        Create the log service of a group.

        POST /v1/external-logging

        Args:
            group_id: The group; its logs are written to the service.
            service: The type, such as `cloudwatch`.
            config: Settings of the service; the vendor documents them per service.
            enabled: True to write logs to it.
            run_setup_tests: True also runs the setup tests, which can take minutes.

        Raises:
            AmbiguousOutcomeError: It may have been created; list the log services to check.
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
        Update the log service of a group; fields that are not given keep their values.

        PATCH /v1/external-logging/{log_id}

        Args:
            log_id: The log service.
            config: Settings of the service.
            enabled: True to write logs to it.
            run_setup_tests: True also runs the setup tests, which can take minutes.
        """
        return await self._transport.call(
            _UPDATE,
            LogService,
            log_id,
            body={"config": config, "enabled": enabled, "run_setup_tests": run_setup_tests},
        )

    async def delete(self, log_id: str) -> ActionResult:
        """
        Delete the log service of a group; its logs are no longer written.

        DELETE /v1/external-logging/{log_id}
        """
        return await self._transport.call(_DELETE, ActionResult, log_id)

    async def run_setup_tests(self, log_id: str) -> LogServiceTestResult:
        """
        Run the setup tests of the log service of a group, which can take minutes.

        POST /v1/external-logging/{log_id}/test

        Raises:
            AmbiguousOutcomeError: The tests may have started; the request was not retried.
        """
        return await self._transport.call(
            _RUN_SETUP_TESTS,
            LogServiceTestResult,
            log_id,
        )
