"""
Dagster: a resource for the account, and assets that are materialized by syncs.

```python
from fivetran_async.integrations.dagster import FivetranResource, fivetran_assets

tables = fivetran_assets({"shop_orders": "speak_inexpensive", "shop_mail": "tidy_cloud"})
definitions = dagster.Definitions(
    assets=[tables],
    resources={
        "fivetran": FivetranResource(
            api_key=dagster.EnvVar("FIVETRAN_API_KEY"),
            api_secret=dagster.EnvVar("FIVETRAN_API_SECRET"),
        )
    },
)
```

All assets of one call are one step: their syncs run at once and share one poller. A subset can
be selected. Each sync that succeeded materializes its asset; if any did not, the step fails after,
with the reasons.

Needs `pip install fivetran_async[dagster]`. Names are imported on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fivetran_async.integrations._dagster_assets import FivetranResource as FivetranResource
    from fivetran_async.integrations._dagster_assets import fivetran_assets as fivetran_assets

_NAMES: Final = ("FivetranResource", "fivetran_assets")

if not TYPE_CHECKING:
    # Hidden from checkers, which would take every name for one that exists.

    def __getattr__(name: str) -> object:
        """Import a name on first use: Dagster takes seconds to import."""
        if name not in _NAMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = importlib.import_module("fivetran_async.integrations._dagster_assets")
        value: object = getattr(module, name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *_NAMES})
