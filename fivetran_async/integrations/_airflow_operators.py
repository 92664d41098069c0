"""The operator and the sensor for Airflow: a short call on a worker, then a deferred wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal, Protocol, cast

from fivetran_async.integrations._airflow_door import HAS_ON_KILL, connection_of

# isort: split

from airflow.sdk import BaseOperator, BaseSensorOperator
from airflow.sdk.exceptions import AirflowException

from fivetran_async.errors import FivetranError, InvalidArgumentError
from fivetran_async.integrations._airflow_trigger import FivetranSyncTrigger
from fivetran_async.integrations._plain_outcomes import PlainOutcome, plain, problem

if TYPE_CHECKING:
    from airflow.sdk import Context

    from fivetran_async.client import AsyncFivetran
    from fivetran_async.from_thread import FivetranThread
    from fivetran_async.syncs import SyncPolicy, SyncRun

_KEY: Final = "fivetran_async.token"
"""The key of the task's store that keeps the token from one try of the task to the next."""


class FivetranTaskError(AirflowException):
    """
    The sync of a task did not succeed, or its wait ended without an outcome.

    Attributes:
        outcome: The outcome as plain values; None if the wait ended with an error.
    """

    def __init__(self, message: str, outcome: PlainOutcome | None = None) -> None:
        super().__init__(message)
        self.outcome = outcome


class _Store(Protocol):
    """The store of a task, which survives failed tries: `task_state_store`, from Airflow 3.3."""

    def get(self, key: str) -> object:
        """Return a value, or None."""
        ...

    def set(self, key: str, value: str) -> None:
        """Keep a value."""
        ...

    def delete(self, key: str) -> None:
        """Forget a value."""
        ...


class _XComs(Protocol):
    """The task instance in a context."""

    def xcom_push(self, key: str, value: object) -> None:
        """Keep a value for other tasks."""
        ...


class FivetranSyncOperator(BaseOperator):
    """
    Triggers the sync of a connection, or joins the one that runs; waits without a worker.

    POST /v1/connections/{connection_id}/sync

    Its result is the outcome, a dict of plain values; see the module. If the sync does not
    succeed, the outcome is in XCom under the key `outcome`, and the task fails. From Airflow 3.3
    the token is kept from one try to the next: a try after a failure between the trigger and the
    end of the sync resumes the wait, and triggers nothing. That includes a worker that ends while
    it sends the trigger: what is needed to find out is kept before.

    Args:
        connection_id: The Fivetran connection; a template.
        fivetran_conn_id: The Airflow connection with the credentials; a template.
        policy: How the sync is awaited, as a `SyncPolicy` or the mapping of its fields; by default
            `MANY_POLICY`, for a day at most.
        on_cancel: What happens when a user marks the deferred task as failed or as a success:
            `leave` lets the sync go on, `pause` pauses the connection, if the sync has not ended.
            A task that is cleared waits for the sync that runs, in its next try; if the connection
            is paused, that resumes it. `pause` needs Airflow 3.3.
        raise_for_status: Fail the task if the sync does not succeed; otherwise its outcome is the
            result, whatever it is.
        kwargs: The arguments of Airflow's `BaseOperator`.

    Raises:
        InvalidArgumentError: An argument cannot be used, or `pause` needs a later Airflow.
    """

    template_fields: Sequence[str] = ("connection_id", "fivetran_conn_id")
    ui_color = "#d8e9ff"

    def __init__(
        self,
        *,
        connection_id: str,
        fivetran_conn_id: str = "fivetran_default",
        policy: SyncPolicy | Mapping[str, object] | None = None,
        on_cancel: Literal["leave", "pause"] = "leave",
        raise_for_status: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        _check_on_cancel(on_cancel)
        self.connection_id = connection_id
        self.fivetran_conn_id = fivetran_conn_id
        self.policy = policy
        self.on_cancel: Literal["leave", "pause"] = on_cancel
        self.raise_for_status = raise_for_status

    def execute(self, context: Context) -> PlainOutcome:  # noqa: RET503
        """Trigger the sync and defer; return at once if there is nothing to wait for."""
        store = _store_of(context)
        stored = None if store is None else store.get(_KEY)
        with _thread_of(self.fivetran_conn_id) as thread:
            begun = thread.call(self._begin(thread.fivetran, store, stored))
        if not isinstance(begun, str):
            return self._conclude(context, begun)
        self.defer(
            trigger=FivetranSyncTrigger(
                token=begun,
                fivetran_conn_id=self.fivetran_conn_id,
                on_cancel=self.on_cancel,
                follows=self.on_cancel == "pause" and stored is not None,
            ),
            method_name="execute_complete",
            timeout=self.execution_timeout,
        )

    def execute_complete(self, context: Context, event: Mapping[str, object]) -> PlainOutcome:
        """Return the outcome that the trigger saw."""
        if "outcome" not in event:
            raise FivetranTaskError(str(event.get("error", event)))
        return self._conclude(context, cast("PlainOutcome", event["outcome"]))

    async def _begin(
        self, fivetran: AsyncFivetran, store: _Store | None, stored: object
    ) -> str | PlainOutcome:
        """Return the token of the sync that runs, or the outcome if it has ended."""
        run = await self._start_or_resume(fivetran, _policy_of(self.policy), store, stored)
        return plain(await run.wait()) if run.ended else run.to_token()

    async def _start_or_resume(
        self, fivetran: AsyncFivetran, policy: SyncPolicy, store: _Store | None, stored: object
    ) -> SyncRun:
        if isinstance(stored, str):
            run = await self._resumed(fivetran, stored)
            if run is not None:
                return run
            if self.on_cancel == "pause":
                # The connection may be paused because a user ended an earlier try.
                policy = _evolved(policy, if_paused="resume")
        return await self._start(fivetran, policy, store)

    async def _start(
        self, fivetran: AsyncFivetran, policy: SyncPolicy, store: _Store | None
    ) -> SyncRun:
        """Trigger the sync; each token is in the store before a crash can lose it."""
        from fivetran_async.syncs._sync_run import start_noted  # noqa: PLC0415

        def note(token: str | None) -> None:
            if store is not None and token is not None:
                store.set(_KEY, token)
            elif store is not None:
                store.delete(_KEY)

        transport = fivetran._transport  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        try:
            run = await start_noted(transport, self.connection_id, policy, note)
        except FivetranError as error:
            # Without a token, nothing was triggered.
            note(error.token)
            raise
        if not run.ended:
            note(run.to_token())
        return run

    async def _resumed(self, fivetran: AsyncFivetran, token: str) -> SyncRun | None:
        """Return the sync of an earlier try, if it runs or has succeeded."""
        try:
            run = await fivetran.syncs.resume(token)
            if run.connection_id != self.connection_id:
                return None
            if run.ended and not (await run.wait()).succeeded:
                return None
        except FivetranError as error:
            self.log.warning("The sync of an earlier try cannot be resumed: %s", error)
            return None
        self.log.info("Resumed the sync that an earlier try triggered: %s", self.connection_id)
        return run

    def _conclude(self, context: Context, outcome: PlainOutcome) -> PlainOutcome:
        store = _store_of(context)
        if store is not None:
            # Otherwise a task that is cleared later would return this outcome.
            store.delete(_KEY)
        return _checked(context, outcome, raise_for_status=self.raise_for_status)


class FivetranSyncSensor(BaseSensorOperator):
    """
    Waits, without a worker, for the end of the sync that runs, or else of the next one.

    It triggers nothing. Its result is the outcome, a dict of plain values; see the module.

    Args:
        connection_id: The Fivetran connection; a template.
        fivetran_conn_id: The Airflow connection with the credentials; a template.
        policy: How the sync is awaited; its timeout is that of the sensor.
        raise_for_status: Fail the task if the sync does not succeed; otherwise its outcome is the
            result, whatever it is.
        kwargs: The arguments of Airflow's `BaseSensorOperator`, such as `timeout` in seconds and
            `soft_fail`.
    """

    template_fields: Sequence[str] = ("connection_id", "fivetran_conn_id")
    ui_color = "#d8e9ff"

    def __init__(
        self,
        *,
        connection_id: str,
        fivetran_conn_id: str = "fivetran_default",
        policy: SyncPolicy | Mapping[str, object] | None = None,
        raise_for_status: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.connection_id = connection_id
        self.fivetran_conn_id = fivetran_conn_id
        self.policy = policy
        self.raise_for_status = raise_for_status

    def execute(self, context: Context) -> PlainOutcome:  # noqa: RET503 - `defer` raises
        """Read the connection and defer; return at once if there is nothing to wait for."""
        with _thread_of(self.fivetran_conn_id) as thread:
            begun = thread.call(self._begin(thread.fivetran))
        if not isinstance(begun, str):
            return _checked(context, begun, raise_for_status=self.raise_for_status)
        self.defer(
            trigger=FivetranSyncTrigger(token=begun, fivetran_conn_id=self.fivetran_conn_id),
            method_name="execute_complete",
            # The wait itself ends first, with an outcome.
            timeout=timedelta(seconds=self.timeout + 60),
        )

    def execute_complete(self, context: Context, event: Mapping[str, object]) -> PlainOutcome:
        """Return the outcome that the trigger saw."""
        if "outcome" not in event:
            raise FivetranTaskError(str(event.get("error", event)))
        outcome = cast("PlainOutcome", event["outcome"])
        return _checked(context, outcome, raise_for_status=self.raise_for_status)

    async def _begin(self, fivetran: AsyncFivetran) -> str | PlainOutcome:
        from fivetran_async.syncs._sync_run import find_sync  # noqa: PLC0415

        policy = _evolved(_policy_of(self.policy), timeout=float(self.timeout))
        transport = fivetran._transport  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        run = await find_sync(transport, self.connection_id, policy, None)
        return plain(await run.wait()) if run.ended else run.to_token()


def _check_on_cancel(on_cancel: object) -> None:
    if on_cancel not in ("leave", "pause"):
        raise InvalidArgumentError(f'on_cancel must be "leave" or "pause", not {on_cancel!r}.')
    if on_cancel == "pause" and not HAS_ON_KILL:
        raise InvalidArgumentError(
            'on_cancel="pause" needs apache-airflow 3.3: earlier releases do not report to a '
            "trigger that a user ended its task."
        )


# Late imports below: DAG files are parsed every few seconds, without the HTTP client.


def _thread_of(conn_id: str) -> FivetranThread:
    """Make a session in a thread: an event loop of this one could swallow a task's timeout."""
    from fivetran_async.from_thread import FivetranThread  # noqa: PLC0415
    from fivetran_async.integrations._airflow_sessions import airflow_session  # noqa: PLC0415

    return FivetranThread(airflow_session(connection_of(conn_id), conn_id))


def _policy_of(policy: SyncPolicy | Mapping[str, object] | None) -> SyncPolicy:
    from fivetran_async.syncs import MANY_POLICY  # noqa: PLC0415

    if policy is None:
        return MANY_POLICY
    return _evolved(MANY_POLICY, **policy) if isinstance(policy, Mapping) else policy


def _evolved(policy: SyncPolicy, **changes: object) -> SyncPolicy:
    import attrs  # noqa: PLC0415

    known = attrs.asdict(policy)
    if changes.keys() <= known.keys():
        return cast("Callable[..., SyncPolicy]", type(policy))(**{**known, **changes})
    unknown = ", ".join(changes.keys() - known.keys())
    raise InvalidArgumentError(
        f"policy has unknown fields: {unknown}; a SyncPolicy has {', '.join(known)}."
    )


def _store_of(context: Context) -> _Store | None:
    return cast("_Store | None", context.get("task_state_store"))


def _checked(context: Context, outcome: PlainOutcome, *, raise_for_status: bool) -> PlainOutcome:
    if raise_for_status and outcome["status"] != "succeeded":
        cast("_XComs", context["ti"]).xcom_push(key="outcome", value=outcome)
        raise FivetranTaskError(problem(outcome), outcome)
    return outcome
