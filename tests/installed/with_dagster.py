"""Check the wheel with the extra `dagster`: `nox -s install`."""

from __future__ import annotations

import os
import sys

from environment import check_packages, demo_account

os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"

import dagster as dg

from fivetran_async.integrations.dagster import FivetranResource, fivetran_assets


def main() -> None:
    """Materialize an asset of a connection that does not exist: the step fails with the reason."""
    with demo_account() as account, dg.DagsterInstance.ephemeral() as instance:
        fivetran = FivetranResource(
            api_key=account["FIVETRAN_API_KEY"],
            api_secret=account["FIVETRAN_API_SECRET"],
            base_url=account["FIVETRAN_BASE_URL"],
        )
        result = dg.materialize(
            [fivetran_assets({"shop/orders": "no_such_connection"})],
            instance=instance,
            resources={"fivetran": fivetran},
            raise_on_error=False,
        )
    assert not result.success
    assert result.get_asset_materialization_events() == []
    (failure,) = (event for event in result.all_events if event.is_step_failure)
    assert "no_such_connection" in str(failure.step_failure_data), failure
    sys.stdout.write("dagster: a step failed with the reason, as its connection does not exist\n")


check_packages("dagster")
main()
