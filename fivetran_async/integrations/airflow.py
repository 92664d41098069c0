"""
Airflow 3.1 and later: sync a connection, or wait for one, without a worker that waits.

```python
from fivetran_async.integrations.airflow import FivetranSyncOperator, FivetranSyncSensor

sync = FivetranSyncOperator(task_id="sync", connection_id="speak_inexpensive")
report = FivetranSyncOperator.partial(task_id="sync_all").expand(connection_id=[...])
```

`FivetranSyncOperator` triggers the sync on a worker and defers. What Airflow stores is the token of
the wait, `SyncRun.to_token()`, and the id of the Airflow connection; no secret. In the triggerer,
all waits with the same Airflow connection share one session and one poller, so that 400 deferred
tasks cost the requests of one. A triggerer that restarts resumes the waits and triggers nothing.
`FivetranSyncSensor` waits for the sync that runs, or else for the next one.

Results are dicts of plain JSON values, in XCom and in `execute_complete`: `connection_id`,
`status`, `reason`, `joined`, `triggers`, `sync_id`, `started_at`, `finished_at`, `token`,
`dashboard_url`; see `SyncOutcome`.

The Airflow connection, `fivetran_default` unless `fivetran_conn_id` names another one, has the API
key as its login and the API secret as its password; the extra field `base_url` is optional.

Needs `apache-airflow` 3.1 or later. The extra `airflow` does not install it: Airflow is installed
with its own constraints. Names are imported on first use, so that DAG files and the triggerer load
the HTTP client only when it is needed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fivetran_async.integrations._airflow_operators import (
        FivetranSyncOperator as FivetranSyncOperator,
    )
    from fivetran_async.integrations._airflow_operators import (
        FivetranSyncSensor as FivetranSyncSensor,
    )
    from fivetran_async.integrations._airflow_operators import (
        FivetranTaskError as FivetranTaskError,
    )
    from fivetran_async.integrations._airflow_trigger import (
        FivetranSyncTrigger as FivetranSyncTrigger,
    )

_MODULE_OF: Final = {
    "FivetranSyncOperator": "_airflow_operators",
    "FivetranSyncSensor": "_airflow_operators",
    "FivetranSyncTrigger": "_airflow_trigger",
    "FivetranTaskError": "_airflow_operators",
}

if not TYPE_CHECKING:
    # Hidden from checkers, which would take every name for one that exists.

    def __getattr__(name: str) -> object:
        """Import a class on first use: the triggerer loads triggers inside its event loop."""
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = importlib.import_module(f"fivetran_async.integrations.{_MODULE_OF[name]}")
        value: object = getattr(module, name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *_MODULE_OF})
