"""`fivetran.transformations` - <https://fivetran.com/docs/rest-api/api-reference/transformation>."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal, TypeAlias

import attrs

from fivetran_async._codec._fields import SHOWN
from fivetran_async._codec._serializable import Serializable
from fivetran_async._http.operation import operation
from fivetran_async._http.result import READ_ACTION, ActionResult, reader_of
from fivetran_async._http.transport import Transport
from fivetran_async._model import Model, field, model
from fivetran_async._types import UNSET, Unset
from fivetran_async.pagination import Pager
from fivetran_async.resources._choices import TransformationScheduleChoice, TransformationTypeChoice
from fivetran_async.resources._resource import Resource
from fivetran_async.syncs._deadline import Deadline
from fivetran_async.syncs._policy import DEFAULT_POLICY, SyncPolicy
from fivetran_async.syncs._polling import poll_until
from fivetran_async.syncs._reads import UNCERTAIN, dated
from fivetran_async.syncs._watch import SECOND, after_seconds, moved, shifted


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
_READ_ACCEPTANCE: Final = dated(READ_ACTION)
_READ_DATED: Final = dated(reader_of(Transformation))
_BUSY: Final = frozenset({"RUNNING", "SCHEDULING", "TERMINATING"})


@attrs.frozen(kw_only=True)
class TransformationOutcome(Serializable):
    """
    The outcome of a run that was waited for.

    Attributes:
        status: The final status in lower case; `not_run` if it never started; `timed_out` if it
            did not end within the timeout.
        joined: True if the run started before the trigger, False if it started after; None if
            that is unknown.
        transformation: The transformation, as returned by the last request.
        reason: Why the run counts as `not_run` or `timed_out`, if that is known.
    """

    status: TransformationEnd
    joined: bool | None
    transformation: Transformation = attrs.field(repr=False, metadata={SHOWN: True})
    reason: str = ""

    def __hash__(self) -> int:
        # Not of all fields: a transformation is not hashable.
        return hash((self.transformation.id, self.status))

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

        POST /v1/transformations/{transformation_id}/run

        If the transformation is already running, the call waits for that run. An end counts only
        if it is after the server accepted the trigger. A failed run does not raise: check `status`
        of the outcome.

        Args:
            transformation_id: The transformation.
            full_refresh: True rebuilds its tables from all data, which can be slow and expensive.
            timeout: Seconds to wait, the first request and the trigger included; defaults to the
                timeout of the policy.
            policy: How often to poll, and how long the run can take to start.

        Raises:
            NotFoundError: The transformation does not exist.
            SessionClosedError: The session was closed.
            FivetranError: The run could not be started.
        """
        policy, core = policy.lasting(timeout), self._transport.core
        clock, deadline = core.clock, Deadline(core.clock, policy.timeout)
        reading = deadline.limit(self._transport).call(_GET, _READ_DATED, transformation_id)
        before, read_at = await core.until_closed(reading)
        read_on, limited = clock.monotonic(), deadline.limit(self._transport)
        run = TransformationRun(before=before, accepted_at=read_at)
        body = {"full_refresh": full_refresh}
        sending = limited.call(_RUN, _READ_ACCEPTANCE, transformation_id, body=body)
        accepted_at: datetime | None = None
        try:
            _, accepted_at = await core.until_closed(sending)
        except UNCERTAIN as error:
            # What it did shows in the record, which also shows runs that ended before it.
            sent_on = clock.monotonic() - error.seconds
            run.sent_at = after_seconds(read_at, sent_on - read_on)
        triggered_at = clock.monotonic()
        run.accepted_at = accepted_at or after_seconds(read_at, triggered_at - read_on)
        end: TransformationEnd | None = None

        def is_done(now: Transformation) -> bool:
            nonlocal end
            end = run.observe(now)
            if end is None and clock.monotonic() - triggered_at >= policy.start_timeout:
                end = run.give_up(now)
            return end is not None

        polled = await poll_until(
            lambda: self.get(transformation_id),
            is_done,
            core=core,
            policy=policy,
            deadline=deadline,
        )
        last = polled.last or before
        return TransformationOutcome(
            status=end or "timed_out",
            joined=run.joined(last),
            transformation=last,
            reason=run.reason(last, end),
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


@attrs.define(kw_only=True)
class TransformationRun:
    """
    PURE: what a wait for a run remembers.

    Attributes:
        before: The record before the trigger.
        accepted_at: The server's time when it accepted the trigger, in whole seconds; where the
            response was lost, the latest possible one.
        sent_at: Where the response was lost, the earliest possible one.
        started: Whether it was seen running after the trigger.
        proved: Whether a record that was read after the trigger showed no new end.
    """

    before: Transformation
    accepted_at: datetime | None = None
    sent_at: datetime | None = None
    started: bool = False
    proved: bool = False

    def observe(self, now: Transformation) -> TransformationEnd | None:
        """Judge a record that was read after the trigger; None if the run has not ended."""
        end = judge_transformation(
            self.before,
            now,
            started=self.started,
            accepted_at=self.accepted_at,
            sent_at=self.sent_at,
            proved=self.proved,
        )
        self.started = self.started or now.status.upper() in _BUSY
        self.proved = self.proved or not moved(self.before.last_ended_at, now.last_ended_at)
        return end

    def give_up(self, now: Transformation) -> TransformationEnd | None:
        """Say what a run comes to that was not seen running in time; None while it runs."""
        if self.started:
            return None
        if self.in_doubt(now):
            # Nothing began since: the trigger met the run that was ending.
            return _ENDS.get(now.status.upper(), "failed")
        return "blocked" if now.status.upper() == "BLOCKED" else "not_run"

    def in_doubt(self, now: Transformation) -> bool:
        """Whether a run ended in the second in which the trigger was or may have been accepted."""
        ended, accepted = now.last_ended_at, self.accepted_at
        if ended is None or accepted is None or not moved(self.before.last_ended_at, ended):
            return False
        return (self.sent_at or accepted) <= ended < shifted(accepted, SECOND)

    def joined(self, now: Transformation) -> bool | None:
        """Whether the run was going on before the trigger; None if that is unknown."""
        was_busy = self.before.status.upper() in _BUSY
        accepted, began = self.sent_at or self.accepted_at, now.last_started_at
        if accepted is None or began is None:
            return was_busy or None
        same = began == self.before.last_started_at
        return (
            was_busy if accepted <= began < shifted(accepted, SECOND) and same else began < accepted
        )

    def reason(self, now: Transformation, end: TransformationEnd | None) -> str:
        """Return what keeps an end that the record shows from being this run's."""
        if end not in {None, "not_run"} or not moved(self.before.last_ended_at, now.last_ended_at):
            return ""
        when = f"{now.last_ended_at.isoformat()}" if now.last_ended_at else "an unknown time"
        return f"A run ended at {when}, before the trigger was surely accepted."


def judge_transformation(
    before: Transformation,
    now: Transformation,
    *,
    started: bool,
    accepted_at: datetime | None = None,
    sent_at: datetime | None = None,
    proved: bool = True,
) -> TransformationEnd | None:
    """
    Say how the run after `before` ended; None if it has not. PURE.

    Args:
        before: The record before the trigger.
        now: The record now.
        started: Whether it was seen running after the trigger.
        accepted_at: The server's time when it accepted the trigger, in whole seconds.
        sent_at: Where the response was lost, the earliest time at which it can have been accepted.
        proved: Whether a record after the trigger showed no new end; this counts where
            `accepted_at` is unknown.
    """
    status, ended, began = now.status.upper(), now.last_ended_at, now.last_started_at
    if status in _BUSY:
        return None
    end = _ENDS.get(status, "failed")
    if started:
        return end
    if ended is None or not moved(before.last_ended_at, ended):
        return None
    if accepted_at is None:
        return end if proved else None
    is_after = ended >= shifted(accepted_at, SECOND)
    return end if is_after or (began is not None and began >= (sent_at or accepted_at)) else None
