"""
Read by each of Airflow's processes at its start: the scheduler loads what workers need.

Workers are forks of it, and each task is another one: without this, each visit of a task to a
worker imports for a second. The triggerer is left as it is, since its event loop is measured.
"""

import importlib
import sys

MODULES = (
    "airflow.dag_processing.bundles.manager",
    "airflow.dag_processing.dagbag",
    "airflow.sdk.execution_time.task_runner",
    "fivetran_async.from_thread",
    "fivetran_async.integrations._airflow_operators",
    "fivetran_async.integrations._airflow_waits",
)

if "scheduler" in sys.argv:
    for module in MODULES:
        importlib.import_module(module)
