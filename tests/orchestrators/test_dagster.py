"""Dagster: assets that are materialized by syncs, run by Dagster itself: `nox -s orchestrators`."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from served_fake import ServedFake

from fivetran_async import InvalidArgumentError
from fivetran_async.integrations.dagster import FivetranResource, fivetran_assets
from fivetran_async.syncs import SyncPolicy
from fivetran_async.testing import Fault

BRIEF = SyncPolicy(min_interval=0.1, max_interval=0.2, history=False)


@pytest.fixture
def served() -> Iterator[ServedFake]:
    """An account in which syncs take a fifth of a second."""
    with ServedFake() as served:
        served.fake.sync_duration = 0.2
        yield served


def resource(served: ServedFake) -> FivetranResource:
    """Return the account as a resource."""
    fake = served.fake
    return FivetranResource(api_key=fake.api_key, api_secret=fake.api_secret, base_url=fake.url)


def materialize(
    served: ServedFake, assets: dg.AssetsDefinition, *selected: str
) -> dg.ExecuteInProcessResult:
    """Materialize some assets, or all."""
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            [assets],
            instance=instance,
            resources={"fivetran": resource(served)},
            selection=selected or None,
            raise_on_error=False,
        )


def keys(result: dg.ExecuteInProcessResult) -> set[str]:
    """Return the keys of the assets that were materialized."""
    return {
        event.asset_key.to_user_string()
        for event in result.get_asset_materialization_events()
        if event.asset_key is not None
    }


def test_syncs_materialize_assets(served: ServedFake) -> None:
    """Twenty connections are one step and one poller; each end is a materialization."""
    ids = served.do(lambda fake: [fake.add_connection() for _ in range(20)])
    assets = fivetran_assets({f"raw/t{i}": each for i, each in enumerate(ids)}, policy=BRIEF)
    result = materialize(served, assets)
    assert result.success
    assert keys(result) == {f"raw/t{i}" for i in range(20)}
    assert len(served.fake.requests_for("connections.sync")) == 20
    assert len(served.fake.requests_for("connections.get")) == 0
    (event, *_) = result.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert metadata["fivetran/connection_id"].value in ids


def test_failed_syncs_fail_the_step_after_the_others(served: ServedFake) -> None:
    """What succeeded counts; the failure names the connection and the reason."""
    good, bad, paused = served.do(
        lambda fake: (
            fake.add_connection(),
            fake.add_connection(),
            fake.add_connection(paused=True),
        )
    )
    served.do(lambda fake: fake.plan_sync(bad, "failed"))
    assets = fivetran_assets({"good": good, "bad": bad, "paused": paused}, policy=BRIEF)
    result = materialize(served, assets)
    assert not result.success
    assert keys(result) == {"good"}
    (failure,) = (each for each in result.all_events if each.is_step_failure)
    assert failure.step_failure_data.user_failure_data is not None
    assert "2 of 3 syncs did not succeed" in (failure.message + str(failure.step_failure_data))
    assert set(failure.step_failure_data.user_failure_data.metadata) == {bad, paused}


def test_subset_syncs_what_is_selected(served: ServedFake) -> None:
    """Only the connections of the selected assets are triggered."""
    one, two = served.do(lambda fake: (fake.add_connection(), fake.add_connection()))
    assets = fivetran_assets({"one": one, "two": two}, policy=BRIEF)
    assert keys(materialize(served, assets, "two")) == {"two"}
    (request,) = served.fake.requests_for("connections.sync")
    assert two in request.path


def test_resource_works_inside_a_running_loop(served: ServedFake) -> None:
    """A caller with an event loop of its own, such as a notebook, gets the outcomes too."""
    connection_id = served.do(lambda fake: fake.add_connection())

    async def caller() -> list[str]:
        outcomes = resource(served).sync([connection_id], policy=BRIEF)
        return [outcome.status for outcome in outcomes]

    assert asyncio.run(caller()) == ["succeeded"]


def test_bad_arguments_are_refused(served: ServedFake) -> None:
    """Assets without connections, connections with two assets and unknown choices are errors."""
    with pytest.raises(InvalidArgumentError, match="at least one asset key"):
        fivetran_assets({})
    with pytest.raises(InvalidArgumentError, match="each to another one"):
        fivetran_assets({"one": "speak", "two": "speak"})
    with pytest.raises(InvalidArgumentError, match="on_cancel must be"):
        resource(served).sync(["speak"], on_cancel="stop")  # type: ignore[arg-type]


def test_resource_of_another_kind_is_refused(served: ServedFake) -> None:
    """A resource that is not a `FivetranResource` fails the step before a request."""
    assets = fivetran_assets({"one": "speak"})
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [assets], instance=instance, resources={"fivetran": "key"}, raise_on_error=False
        )
    assert not result.success
    assert not served.fake.requests


@pytest.mark.parametrize("on_cancel", ["leave", "pause"])
def test_interruption_does_what_on_cancel_says(
    served: ServedFake, tmp_path: Path, on_cancel: str
) -> None:
    """SIGTERM ends the run; what syncs is paused, or goes on; what was not begun is left alone."""
    served.fake.sync_duration = 600
    connection_id, other = served.do(lambda fake: [fake.add_connection() for _ in range(2)])
    served.do(lambda fake: fake.fail("connections.sync", fault=Fault.hang(), nth=2))
    program = tmp_path / "interrupted.py"
    program.write_text(
        f"""
import dagster as dg
from fivetran_async.integrations.dagster import FivetranResource, fivetran_assets
from fivetran_async.syncs import SyncPolicy
policy = SyncPolicy(min_interval=0.1, max_interval=0.2, history=False)
assets = fivetran_assets(
    {{"one": {connection_id!r}, "two": {other!r}}},
    policy=policy,
    concurrency=1,
    on_cancel={on_cancel!r},
)
resource = FivetranResource(
    api_key={served.fake.api_key!r},
    api_secret={served.fake.api_secret!r},
    base_url={served.fake.url!r},
)
if __name__ == "__main__":
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([assets], instance=instance, resources={{"fivetran": resource}})
"""
    )
    with subprocess.Popen([sys.executable, str(program)], stderr=subprocess.PIPE) as process:
        end = time.monotonic() + 60
        while len(served.fake.requests_for("connections.sync")) < 2 and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.3)
        os.kill(process.pid, signal.SIGTERM)
        try:
            _, errors = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode != 0
    record = served.do(lambda fake: fake.record("connections", connection_id))
    assert record["paused"] is (on_cancel == "pause"), errors.decode()[-2000:]
    assert served.do(lambda fake: fake.record("connections", other))["paused"] is False
    assert len(served.fake.requests_for("connections.sync")) == 2
