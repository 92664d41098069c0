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
from fivetran_async.resources._choices import TransformationTypeChoice
from fivetran_async.resources._resource import Resource
from fivetran_async.syncs._policy import DEFAULT_POLICY, SyncPolicy
from fivetran_async.syncs._polling import poll_until
from fivetran_async.syncs._verdict import moved


@model
class TransformationSchedule(Model):
    """
    When a transformation runs.

    Attributes:
        schedule_type: `INTEGRATED` after its connections, `TIME_OF_DAY`, `INTERVAL` or `CRON`.
        connection_ids: With `INTEGRATED`: after the syncs of which connections.
        transformation_ids: With `INTEGRATED`: after the runs of which other transformations.
        interval: With `INTERVAL`: minutes.
        time_of_day: With `TIME_OF_DAY`: such as `11:30`.
        days_of_week: On which days, such as `MONDAY`.
        cron: With `CRON`: one or more expressions.
        smart_syncing: Let the vendor choose when to run.
    """

    schedule_type: str = ""
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
    What a transformation does: its own steps (`DBT_CORE`), or a ready-made package (`QUICKSTART`).

    Attributes:
        project_id: Of `DBT_CORE`: the project it belongs to.
        name: Of `DBT_CORE`: what people call it.
        steps: Of `DBT_CORE`: the commands, in order.
        package_name: Of `QUICKSTART`: the package.
        connection_ids: Of `QUICKSTART`: whose data it works on.
        excluded_models: Of `QUICKSTART`: which models of the package to leave out.
        configurable_variables: Of `QUICKSTART`: the variables of the package.
        upgrade_available: Of `QUICKSTART`: whether `transformations.upgrade_package` has anything
            to do. Only in answers.
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
        created_by_id: The user who made it.
        output_model_names: The tables it makes.
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
    A ready-made package of transformations.

    Attributes:
        connector_types: The services whose data it works on.
        output_model_names: The tables it can make.
        configurable_variables: What can be set, with the defaults.
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
    """`fivetran.transformations.package_metadata`: the packages of ready-made transformations."""

    def list(
        self,
        *,
        service: str | None = None,
        name: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Pager[PackageMetadata]:
        """
        List the packages.

        GET /v1/transformations/package-metadata

        Args:
            service: Only those for connections of this type.
            name: Only those of this name.
            limit: Packages per page, 1 to 1000.
            cursor: Where to begin: the `next_cursor` of a page.
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
        Return one package.

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
    How an awaited run of a transformation ended.

    Attributes:
        status: As the vendor calls it, in small letters; `not_run` if it never began; `timed_out`
            if its end was not seen in time.
        joined: Whether it was running already when it was asked for.
        transformation: As it was last read.
    """

    status: TransformationEnd
    joined: bool
    transformation: Transformation = attrs.field(repr=False)

    @property
    def succeeded(self) -> bool:
        """Whether all of it succeeded."""
        return self.status == "succeeded"


class Transformations(Resource):
    """
    `fivetran.transformations`: what is made of the data once it is loaded.

    <https://fivetran.com/docs/rest-api/api-reference/transformation>
    """

    package_metadata: TransformationPackageMetadata

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
            group_id: Only those of one group.
            project_id: Only those of one project.
            type: Only `DBT_CORE`, or only `QUICKSTART`.
            limit: Transformations per page, 1 to 1000.
            cursor: Where to begin: the `next_cursor` of a page.
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
            transformation_config: What it does.
            schedule: When it runs.
            paused: Whether it waits until it is told to run.

        Raises:
            AmbiguousOutcomeError: It may exist now; list the transformations to find out.
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
        Change a transformation; what is not given stays as it is.

        PATCH /v1/transformations/{transformation_id}

        Args:
            transformation_id: The transformation.
            type: What it is already.
            transformation_config: What it does. A model leaves out what is empty: to empty a list,
                give a mapping.
            schedule: When it runs; the same holds.
            paused: Whether it waits until it is told to run.
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
        Delete a transformation; the tables it made stay.

        DELETE /v1/transformations/{transformation_id}
        """
        return await self._transport.call(_DELETE, ActionResult, transformation_id)

    async def run(
        self, transformation_id: str, *, full_refresh: bool | Unset = UNSET
    ) -> ActionResult:
        """
        Start a transformation now, without waiting for it.

        POST /v1/transformations/{transformation_id}/run

        Args:
            transformation_id: The transformation.
            full_refresh: Make its tables anew from all data, which can take long and cost much.

        Raises:
            AmbiguousOutcomeError: It may have started; it was not started twice.
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
        Start a transformation and wait for its end, within a day unless told otherwise.

        One that runs already is joined. The outcome is a value: look at its `status`.

        Args:
            transformation_id: The transformation.
            full_refresh: Make its tables anew from all data, which can take long and cost much.
            timeout: Seconds to wait; the policy's unless given.
            policy: How often to look, and how long it may take to begin.
        """
        policy, clock = policy.lasting(timeout), self._transport.core.clock
        before = await self.get(transformation_id)
        joined = started = before.status.upper() in _BUSY
        # What a trigger without an answer did shows in the record.
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
        Stop a transformation that is running.

        POST /v1/transformations/{transformation_id}/cancel
        """
        return await self._transport.call(_CANCEL, ActionResult, transformation_id)

    async def upgrade_package(self, transformation_id: str) -> ActionResult:
        """
        Bring a `QUICKSTART` transformation to the newest version of its package.

        POST /v1/transformations/{transformation_id}/upgrade

        Raises:
            AmbiguousOutcomeError: It may have been upgraded; get it to find out.
        """
        return await self._transport.call(_UPGRADE_PACKAGE, ActionResult, transformation_id)


def judge_transformation(
    before: Transformation, now: Transformation, *, started: bool
) -> TransformationEnd | None:
    """Say how the run after `before` ended; None if it has not. PURE."""
    status = now.status.upper()
    if status in _BUSY:
        return None
    if started or moved(before.last_ended_at, now.last_ended_at):
        return _ENDS.get(status, "failed")
    return None
