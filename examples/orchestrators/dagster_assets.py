"""
Dagster assets that are materialized by syncs: `dagster dev -f dagster_assets.py`.

It needs `pip install 'fivetran_async[dagster]'`, and the variables FIVETRAN_API_KEY and
FIVETRAN_API_SECRET.
"""

from __future__ import annotations

import dagster as dg

from fivetran_async.integrations.dagster import FivetranResource, fivetran_assets

tables = fivetran_assets({"shop/orders": "speak_inexpensive", "shop/mail": "tidy_cloud"})
definitions = dg.Definitions(
    assets=[tables],
    resources={
        "fivetran": FivetranResource(
            api_key=dg.EnvVar("FIVETRAN_API_KEY"), api_secret=dg.EnvVar("FIVETRAN_API_SECRET")
        )
    },
)
