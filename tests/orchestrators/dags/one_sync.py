"""DAGs of the tests: one sync, one sensor, and the probe of the triggerer's event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import DAG, BaseOperator

from fivetran_async.integrations.airflow import FivetranSyncOperator, FivetranSyncSensor

if TYPE_CHECKING:
    from airflow.sdk import Context

PARAMS = {"connection_id": "speak", "conn_id": "fivetran_default", "until": ""}
POLICY = {"min_interval": 0.5, "max_interval": 0.5}

with DAG("one_sync", schedule=None, params=PARAMS):
    FivetranSyncOperator(
        task_id="sync",
        connection_id="{{ params.connection_id }}",
        fivetran_conn_id="{{ params.conn_id }}",
        policy=POLICY,
        on_cancel="pause",
    )

with DAG("one_sensor", schedule=None, params=PARAMS):
    FivetranSyncSensor(
        task_id="sense",
        connection_id="{{ params.connection_id }}",
        policy=POLICY,
        timeout=600,
    )


class ProbeOperator(BaseOperator):
    """Measures the event loop of the triggerer."""

    template_fields = ("until",)

    def __init__(self, *, until: str, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.until = until

    def execute(self, context: Context) -> None:  # noqa: ARG002 - Airflow's signature
        """Defer at once."""
        from loop_probe import LoopProbe

        self.defer(trigger=LoopProbe(until=self.until), method_name="done")

    def done(self, context: Context, event: object) -> object:  # noqa: ARG002
        """Return what was measured."""
        return event


with DAG("probe", schedule=None, params=PARAMS):
    ProbeOperator(task_id="probe", until="{{ params.until }}")
