"""
An Airflow DAG that syncs many connections without workers that wait, and reports the outcomes.

Copy it to the folder of your DAGs. It needs Airflow 3.1 or later, `pip install fivetran_async`, and
the Airflow connection `fivetran_default`, with the API key as login and the API secret as password.
"""

from __future__ import annotations

from collections.abc import Iterable

from airflow.sdk import DAG, task

from fivetran_async.integrations.airflow import FivetranSyncOperator

with DAG(
    "fivetran_syncs",
    schedule=None,
    params={"connection_ids": ["speak_inexpensive"]},
    description="Sync connections of Fivetran and report how each sync ended.",
):

    @task
    def chosen(params: dict[str, list[str]]) -> list[str]:
        """Return the connections to sync: the parameter of the run."""
        return params["connection_ids"]

    syncs = FivetranSyncOperator.partial(
        task_id="sync",
        # How often to poll, in seconds; all of these tasks share their polls.
        policy={"min_interval": 2, "max_interval": 30},
        # The outcome is the result, whatever it is: one failed sync does not fail the run.
        raise_for_status=False,
    ).expand(connection_id=chosen())

    @task
    def report(outcomes: Iterable[dict[str, str]]) -> dict[str, int]:
        """Count the outcomes by their status."""
        counts: dict[str, int] = {}
        for outcome in outcomes:
            counts[outcome["status"]] = counts.get(outcome["status"], 0) + 1
        return counts

    report(syncs.output)
