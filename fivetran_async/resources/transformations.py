"""`fivetran.transformations` - <https://fivetran.com/docs/rest-api/api-reference/transformation>."""

import contextlib
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal, TypeAlias

import attrs

from fivetran_async._http.operation import operation
from fivetran_async._http.result import ActionResult
from fivetran_async._http.transport import Transport
from fivetran_async._model import Model, field, model
from fivetran_async._types import UNSET, Unset
from fivetran_async.errors import AmbiguousOutcomeError
from fivetran_async.pagination import Pager
from fivetran_async.resources._choices import TransformationScheduleChoice, TransformationTypeChoice
from fivetran_async.resources._resource import Resource
from fivetran_async.syncs._policy import DEFAULT_POLICY, SyncPolicy
from fivetran_async.syncs._polling import poll_until
from fivetran_async.syncs._verdict import moved


@model
class TransformationSchedule(Model):
    """
    The schedule of a transformation.

    Attributes:
        schedule_type: `INTEGRATED` after its connections, `TIME_OF_DAY`, `INTERVAL` or `CRON`.
        connection_ids: For `INTEGRATED`: run after the syncs of these connections.
        transformation_ids: For `INTEGRATED`: run after these transformations.
        interval: For `INTERVAL`: minutes between runs.
        time_of_day: For `TIME_OF_DAY`: a time such as `11:30`.
        days_of_week: The days to run on, such as `MONDAY`.
        cron: For `CRON`: one or more expressions.
        smart_syncing: True lets the vendor choose the time.
    """

    schedule_type: TransformationScheduleChoice = ""
    connection_ids: tuple[str, ...] = ()
    transformation_ids: tuple[str, ...] = ()
    interval: int | None = None
    time_of_day: str | None = None
    days_of_week: tuple[str, ...] = ()
    cron: tuple[str, ...] = ()
    smart_syncing: bool | None = None


@model
class TransformationStep(Model):
    """One command of a dbt transformation."""

    name: str = ""
    command: str = ""


@model
class TransformationConfig(Model):
    """
    The work of a transformation: steps of a dbt project (`DBT_CORE`) or a package (`QUICKSTART`).

    Attributes:
        project_id: For `DBT_CORE`: the project.
        name: For `DBT_CORE`: the display name.
        steps: For `DBT_CORE`: the commands, in order.
        package_name: For `QUICKSTART`: the package.
        connection_ids: For `QUICKSTART`: the connections that provide the data.
        excluded_models: For `QUICKSTART`: models of the package to exclude.
        configurable_variables: For `QUICKSTART`: the variables of the package.
        upgrade_available: For `QUICKSTART`: True if `transformations.upgrade_package` finds a newer
            version. Only in responses.
    """

    project_id: str | None = None
    name: str | None = None
    steps: tuple[TransformationStep, ...] = ()
    package_name: str | None = None
    connection_ids: tuple[str, ...] = ()
    excluded_models: tuple[str, ...] = ()
    configurable_variables: Mapping[str, object] = field(factory=dict[str, object])
    upgrade_available: bool | None = None


@model
class Transformation(Model):
    """
    A transformation.

    Attributes:
        type: `DBT_CORE` or `QUICKSTART`.
        status: `NEW`, `SCHEDULING`, `RUNNING`, `TERMINATING`, `SUCCEEDED`, `FAILED`, `BLOCKED`,
            `CANCELED` or `PARTIALLY_SUCCEEDED`; an open set.
        created_by_id: The user who created it.
        output_model_names: The tables that it creates.
    """

    id: str
    type: str = ""
    status: str = ""
    paused: bool | None = None
    schedule: TransformationSchedule = field(factory=TransformationSchedule)
    transformation_config: TransformationConfig = field(factory=TransformationConfig)
    output_model_names: tuple[str, ...] = ()
    created_at: datetime | None = None
    created_by_id: str = ""
    last_started_at: datetime | None = None
    last_ended_at: datetime | None = None


@model
class PackageMetadata(Model):
    """
    A package of prebuilt transformations.

    Attributes:
        connector_types: The services that it supports.
        output_model_names: The tables that it can create.
        configurable_variables: The variables, with their defaults.
    """

    id: str
    name: str = ""
    version: str = ""
    connector_types: tuple[str, ...] = ()
    output_model_names: tuple[str, ...] = ()
    configurable_variables: Mapping[str, object] = field(factory=dict[str, object])


_PACKAGES_LIST = operation(
    "transformations.package_metadata.list", "GET", "/v1/transformations/package-metadata"
)
_PACKAGES_GET = operation(
    "transformations.package_metadata.get",
    "GET",
    "/v1/transformations/package-metadata/{package_definition_id}",
)
_LIST = operation("transformations.list", "GET", "/v1/transformations")
_GET = operation("transformations.get", "GET", "/v1/transformations/{transformation_id}")
_CREATE = operation("transformations.create", "POST", "/v1/transformations")
_UPDATE = operation("transformations.update", "PATCH", "/v1/transformations/{transformation_id}")
_DELETE = operation("transformations.delete", "DELETE", "/v1/transformations/{transformation_id}")
_RUN = operation("transformations.run", "POST", "/v1/transformations/{transformation_id}/run")
_CANCEL = operation(
    "transformations.cancel",
    "POST",
    "/v1/transformations/{transformation_id}/cancel",
    retry_class="set",
)
_UPGRADE_PACKAGE = operation(
    "transformations.upgrade_package",
    "POST",
    "/v1/transformations/{transformation_id}/upgrade",
    retry_class="trigger",
)


class TransformationPackageMetadata(Resource):
    """`fivetran.transformations.package_metadata`: list packages of prebuilt transformations."""

    def list(
        self,
        *,
        service: str | None = None,
        name: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Pager[PackageMetadata]:
        """
        List the packages of prebuilt transformations.

        GET /v1/transformations/package-metadata

        Args:
            service: Only packages for this type of connection.
            name: Only packages with this name.
            limit: Packages per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(
            _PACKAGES_LIST,
            PackageMetadata,
            query={"service": service, "name": name},
            limit=limit,
            cursor=cursor,
        )

    async def get(self, package_definition_id: str) -> PackageMetadata:
        """
        Return one package of prebuilt transformations.

        GET /v1/transformations/package-metadata/{package_definition_id}
        """
        return await self._transport.call(_PACKAGES_GET, PackageMetadata, package_definition_id)


TransformationEnd: TypeAlias = Literal[
    "succeeded", "partially_succeeded", "failed", "canceled", "blocked", "not_run", "timed_out"
]

_ENDS: Final[dict[str, TransformationEnd]] = {
    "SUCCEEDED": "succeeded",
    "PARTIALLY_SUCCEEDED": "partially_succeeded",
    "FAILED": "failed",
    "CANCELED": "canceled",
    "BLOCKED": "blocked",
}
_BUSY: Final = frozenset({"RUNNING", "SCHEDULING", "TERMINATING"})


@attrs.frozen(kw_only=True, eq=False)
class TransformationOutcome:
    """
    The outcome of a run that was waited for.

    Attributes:
        status: The final status in lower case; `not_run` if it never started; `timed_out` if it
            did not end within the timeout.
        joined: True if the transformation was already running.
        transformation: The transformation, as returned by the last request.
    """

    status: TransformationEnd
    joined: bool
    transformation: Transformation = attrs.field(repr=False)

    @property
    def succeeded(self) -> bool:
        """True if the whole run succeeded."""
        return self.status == "succeeded"


class Transformations(Resource):
    """
    `fivetran.transformations`: manage and run transformations of loaded data.

    <https://fivetran.com/docs/rest-api/api-reference/transformation>
    """

    package_metadata: TransformationPackageMetadata
    """The packages of prebuilt transformations."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.package_metadata = TransformationPackageMetadata(transport)

    def list(
        self,
        *,
        group_id: str | None = None,
        project_id: str | None = None,
        type: TransformationTypeChoice | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Pager[Transformation]:
        """
        List the transformations of the account.

        GET /v1/transformations

        Args:
            group_id: Only those in this group.
            project_id: Only those in this project.
            type: Only `DBT_CORE`, or only `QUICKSTART`.
            limit: Transformations per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(
            _LIST,
            Transformation,
            query={"group_id": group_id, "project_id": project_id, "type": type},
            limit=limit,
            cursor=cursor,
        )

    async def get(self, transformation_id: str) -> Transformation:
        """
        Return one transformation.

        GET /v1/transformations/{transformation_id}
        """
        return await self._transport.call(_GET, Transformation, transformation_id)

    async def create(
        self,
        *,
        type: TransformationTypeChoice,
        transformation_config: TransformationConfig | Mapping[str, object],
        schedule: TransformationSchedule | Mapping[str, object] | Unset = UNSET,
        paused: bool | Unset = UNSET,
    ) -> Transformation:
        """
        Create a transformation.

        POST /v1/transformations

        Args:
            type: `DBT_CORE` for steps of your own, `QUICKSTART` for a package.
            transformation_config: The steps or the package.
            schedule: The schedule.
            paused: True stops scheduled runs.

        Raises:
            AmbiguousOutcomeError: It may have been created; list the transformations to check.
        """
        return await self._transport.call(
            _CREATE,
            Transformation,
            body={
                "type": type,
                "transformation_config": transformation_config,
                "schedule": schedule,
                "paused": paused,
            },
        )

    async def update(
        self,
        transformation_id: str,
        *,
        type: TransformationTypeChoice | Unset = UNSET,
        transformation_config: TransformationConfig | Mapping[str, object] | Unset = UNSET,
        schedule: TransformationSchedule | Mapping[str, object] | Unset = UNSET,
        paused: bool | Unset = UNSET,
    ) -> Transformation:
        """
        Update a transformation; fields that are not given keep their values.

        PATCH /v1/transformations/{transformation_id}

        Args:
            transformation_id: The transformation.
            type: The current type, which cannot change.
            transformation_config: The steps or the package. Models omit empty fields; to clear a
                list, pass a mapping.
            schedule: The schedule; to clear a list, pass a mapping.
            paused: True stops scheduled runs.
        """
        return await self._transport.call(
            _UPDATE,
            Transformation,
            transformation_id,
            body={
                "type": type,
                "transformation_config": transformation_config,
                "schedule": schedule,
                "paused": paused,
            },
        )

    async def delete(self, transformation_id: str) -> ActionResult:
        """
        Delete a transformation; the tables that it created stay.

        DELETE /v1/transformations/{transformation_id}
        """
        return await self._transport.call(_DELETE, ActionResult, transformation_id)

    async def run(
        self, transformation_id: str, *, full_refresh: bool | Unset = UNSET
    ) -> ActionResult:
        """
        Start a run of a transformation, without waiting for it.

        POST /v1/transformations/{transformation_id}/run

        Args:
            transformation_id: The transformation.
            full_refresh: True rebuilds its tables from all data, which can be slow and expensive.

        Raises:
            AmbiguousOutcomeError: The run may have started; the request was not retried.
        """
        return await self._transport.call(
            _RUN, ActionResult, transformation_id, body={"full_refresh": full_refresh}
        )

    async def run_and_wait(
        self,
        transformation_id: str,
        *,
        full_refresh: bool | Unset = UNSET,
        timeout: float | None = None,  # noqa: ASYNC109 - on the session's clock
        policy: SyncPolicy = DEFAULT_POLICY,
    ) -> TransformationOutcome:
        """
        Start a run of a transformation and wait until it ends, by default for up to a day.

        If the transformation is already running, the call waits for that run. A failed run does not
        raise: check `status` of the outcome.

        Args:
            transformation_id: The transformation.
            full_refresh: True rebuilds its tables from all data, which can be slow and expensive.
            timeout: Seconds to wait; defaults to the timeout of the policy.
            policy: How often to poll, and how long the run can take to start.
        """
        policy, clock = policy.lasting(timeout), self._transport.core.clock
        before = await self.get(transformation_id)
        joined = started = before.status.upper() in _BUSY
        # After a lost response, the polled status shows whether the run started.
        with contextlib.suppress(AmbiguousOutcomeError):
            await self.run(transformation_id, full_refresh=full_refresh)
        triggered_at = clock.monotonic()
        end: TransformationEnd | None = None

        def is_done(now: Transformation) -> bool:
            nonlocal started, end
            started = started or now.status.upper() in _BUSY
            end = judge_transformation(before, now, started=started)
            if end is None and not started:
                late = clock.monotonic() - triggered_at >= policy.start_timeout
                end = (
                    ("blocked" if now.status.upper() == "BLOCKED" else "not_run") if late else None
                )
            return end is not None

        polled = await poll_until(
            lambda: self.get(transformation_id), is_done, clock=clock, policy=policy
        )
        return TransformationOutcome(
            status=end or "timed_out", joined=joined, transformation=polled.last or before
        )

    async def cancel(self, transformation_id: str) -> ActionResult:
        """
        Cancel the running run of a transformation.

        POST /v1/transformations/{transformation_id}/cancel
        """
        return await self._transport.call(_CANCEL, ActionResult, transformation_id)

    async def upgrade_package(self, transformation_id: str) -> ActionResult:
        """
        Upgrade a `QUICKSTART` transformation to the newest version of its package.

        POST /v1/transformations/{transformation_id}/upgrade

        Raises:
            AmbiguousOutcomeError: It may have been upgraded; `get` it to check.
        """
        return await self._transport.call(_UPGRADE_PACKAGE, ActionResult, transformation_id)


def judge_transformation(
    before: Transformation, now: Transformation, *, started: bool
) -> TransformationEnd | None:
    """Return how the run after `before` ended, or None if it is still running. PURE."""
    status = now.status.upper()
    if status in _BUSY:
        return None
    if started or moved(before.last_ended_at, now.last_ended_at):
        return _ENDS.get(status, "failed")
    return None
