"""Airflow as it is needed here: its version, and its connections."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Protocol

from fivetran_async.integrations._extras import needs

with needs("airflow", "apache-airflow>=3.1"):
    from airflow import __version__

if TYPE_CHECKING:
    from fivetran_async.errors import MissingCredentialsError
    from fivetran_async.integrations._airflow_sessions import AirflowConnection

OLDEST: Final = (3, 1)
VERSION: Final = tuple(int(part) for part in __version__.split(".")[:2])

if VERSION < OLDEST:
    raise ImportError(
        f"apache-airflow {__version__} is unsupported: fivetran_async.integrations.airflow needs "
        "apache-airflow 3.1 or later.",
        name="airflow",
    )

HAS_ON_KILL: Final = VERSION >= (3, 3)
"""Whether a trigger learns that a user ended its task; before, that looks like a restart."""
_OVER: Final = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
"""The states of a task without another try to come."""

from airflow.sdk import BaseHook  # noqa: E402 - absent from Airflow 2
from airflow.sdk.exceptions import AirflowNotFoundException  # noqa: E402
from airflow.sdk.log import mask_secret  # noqa: E402


def connection_of(conn_id: str) -> AirflowConnection:
    """
    Read a connection of Airflow, on a worker.

    Raises:
        MissingCredentialsError: Airflow has no such connection.
    """
    try:
        connection: AirflowConnection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise _unknown(conn_id) from None
    mask_secret(connection.password)
    return connection


async def aconnection_of(conn_id: str) -> AirflowConnection:
    """
    Read a connection of Airflow, in a triggerer.

    Raises:
        MissingCredentialsError: Airflow has no such connection.
    """
    try:
        connection: AirflowConnection = await BaseHook.aget_connection(conn_id)
    except AirflowNotFoundException:
        raise _unknown(conn_id) from None
    mask_secret(connection.password)
    return connection


class Try(Protocol):
    """One try of a task, as a triggerer knows it."""

    @property
    def dag_id(self) -> str:
        """The DAG."""
        ...

    @property
    def run_id(self) -> str:
        """The run of the DAG."""
        ...

    @property
    def task_id(self) -> str:
        """The task."""
        ...

    @property
    def map_index(self) -> int:
        """The index of a mapped task, or -1."""
        ...


async def is_over(attempt: Try) -> bool:
    """
    Return True if a task has ended as Airflow records it now; False if it has a try to come.

    A task that is cleared has one, also if the try that is given has ended.
    """
    read = getattr(attempt, "get_task_states", None)
    if read is None:
        from airflow.sdk.execution_time.task_runner import (  # noqa: PLC0415 - as late as it is needed
            RuntimeTaskInstance,
        )

        read = RuntimeTaskInstance.get_task_states
    by_run: Mapping[str, Mapping[str, str | None]] = await asyncio.to_thread(
        read,
        dag_id=attempt.dag_id,
        map_index=attempt.map_index,
        task_ids=[attempt.task_id],
        run_ids=[attempt.run_id],
    )
    states = [state for by_task in by_run.values() for state in by_task.values()]
    # A run that was deleted has no states.
    return all(state in _OVER for state in states)


def _unknown(conn_id: str) -> MissingCredentialsError:
    # A late import: the triggerer imports this module inside its event loop.
    from fivetran_async.errors import MissingCredentialsError  # noqa: PLC0415

    return MissingCredentialsError(
        f"Airflow has no connection {conn_id!r}: add one with the API key as its login and the API "
        f"secret as its password, as by the environment variable AIRFLOW_CONN_{conn_id.upper()}."
    )
