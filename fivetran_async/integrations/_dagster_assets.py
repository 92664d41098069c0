"""The resource and the assets for Dagster: plain functions, which an interruption can cancel."""

# Without `annotations` from `__future__`: pydantic reads those of the resource.

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final

from fivetran_async.client import AsyncFivetran
from fivetran_async.errors import FivetranError, InvalidArgumentError
from fivetran_async.from_thread import FivetranThread
from fivetran_async.integrations._extras import needs
from fivetran_async.integrations._plain_outcomes import plain, problem
from fivetran_async.options import logger
from fivetran_async.syncs import MANY_POLICY, OnCancel, SyncOutcome, SyncPolicy

with needs("dagster", "fivetran_async[dagster]"):
    import dagster as dg

_CONNECTION: Final = "fivetran/connection_id"


class FivetranResource(dg.ConfigurableResource):
    """
    A Fivetran account as a resource.

    Args:
        api_key: The API key, best as `dagster.EnvVar`.
        api_secret: Its secret, best as `dagster.EnvVar`.
        base_url: The root of the host, if it is not the vendor's.
    """

    api_key: str
    api_secret: str
    base_url: str | None = None

    def session(self) -> AsyncFivetran:
        """Make a session: `async with resource.session() as fivetran`."""
        return AsyncFivetran(self.api_key, self.api_secret, base_url=self.base_url)

    def sync(
        self,
        connection_ids: Iterable[str],
        *,
        policy: SyncPolicy = MANY_POLICY,
        concurrency: int = 20,
        on_cancel: OnCancel = "leave",
        on_outcome: Callable[[SyncOutcome], None] | None = None,
    ) -> list[SyncOutcome]:
        """
        Sync connections, wait for all of them, and return the outcomes in the order of their ends.

        It works in ops and assets, also while an event loop runs in their thread. When Dagster
        interrupts the run, its wait ends at once.

        Args:
            connection_ids: The connections.
            policy: How each is awaited; by default for a day, without reading the sync history.
            concurrency: The number of triggers at the same time.
            on_cancel: `pause` pauses the connections that still sync when the run is interrupted,
                and no other ones; `leave` lets the syncs go on.
            on_outcome: Called with each outcome as it comes.

        Raises:
            InvalidArgumentError: An argument cannot be used.
        """
        if on_cancel not in ("leave", "pause"):
            raise InvalidArgumentError(f'on_cancel must be "leave" or "pause", not {on_cancel!r}.')
        ids = tuple(dict.fromkeys(connection_ids))
        outcomes: list[SyncOutcome] = []
        begun: set[str] = set()
        # In a thread of its own: in the thread of an event loop, Dagster's interruption can hit a
        # callback of the loop, which swallows it.
        with FivetranThread(self.session()) as thread:
            syncing = thread.fivetran.syncs.run_all(
                ids,
                concurrency=concurrency,
                policy=policy,
                on_started=lambda started: begun.add(started.connection_id),
            )
            try:
                with thread.enter(syncing) as runs:
                    for outcome in thread.iterate(runs):
                        outcomes.append(outcome)
                        if on_outcome is not None:
                            on_outcome(outcome)
            except Exception:
                raise
            except BaseException:
                if on_cancel == "pause":
                    ended = {outcome.connection_id for outcome in outcomes}
                    left = [each for each in ids if each not in ended]
                    thread.call(_pause_all(thread.fivetran, left, begun))
                raise
        return outcomes


async def _pause_all(
    fivetran: AsyncFivetran, connection_ids: Iterable[str], begun: Collection[str]
) -> None:
    await asyncio.gather(*(_pause(fivetran, each, begun) for each in connection_ids))


async def _pause(fivetran: AsyncFivetran, connection_id: str, begun: Collection[str]) -> None:
    """Pause a connection, unless nothing was triggered and nothing runs."""
    connections = fivetran.connections
    try:
        if connection_id in begun or (await connections.get(connection_id)).is_syncing:
            await connections.pause(connection_id)
    except FivetranError as error:
        logger.warning("Could not pause %s on cancellation: %s", connection_id, error)


def fivetran_assets(
    connections: Mapping[str, str],
    *,
    name: str = "fivetran_syncs",
    resource_key: str = "fivetran",
    group_name: str | None = None,
    policy: SyncPolicy = MANY_POLICY,
    concurrency: int = 20,
    on_cancel: OnCancel = "leave",
) -> dg.AssetsDefinition:
    """
    Make one asset for each connection; they are materialized together, or a subset of them.

    Args:
        connections: The keys of the assets, with `/` between their parts, and the ids of the
            connections.
        name: The name of the step.
        resource_key: The key of the `FivetranResource`.
        group_name: Dagster's group of the assets.
        policy: How each sync is awaited.
        concurrency: The number of triggers at the same time.
        on_cancel: What an interruption of the run does to the syncs; see `FivetranResource.sync`.

    Raises:
        InvalidArgumentError: Two assets have the same connection, or there are none.
    """
    ids = {dg.AssetKey(key.split("/")): each for key, each in connections.items()}
    if not ids or len(set(ids.values())) < len(ids):
        raise InvalidArgumentError(
            "connections must map at least one asset key to a connection, each to another one."
        )
    key_of = {connection_id: key for key, connection_id in ids.items()}
    specs = [
        dg.AssetSpec(
            key,
            skippable=True,
            group_name=group_name,
            kinds={"fivetran"},
            metadata={_CONNECTION: connection_id},
        )
        for key, connection_id in ids.items()
    ]

    @dg.multi_asset(specs=specs, name=name, can_subset=True, required_resource_keys={resource_key})
    def syncs(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        resource = getattr(context.resources, resource_key)
        if not isinstance(resource, FivetranResource):
            raise InvalidArgumentError(
                f"The resource {resource_key!r} must be a FivetranResource, not {resource!r:.80}."
            )
        wanted = [ids[key] for key in ids if key in context.selected_asset_keys]

        def report(outcome: SyncOutcome) -> None:
            context.log.info(f"{outcome.connection_id}: {outcome.status} {outcome.reason}".strip())

        outcomes = resource.sync(
            wanted,
            policy=policy,
            concurrency=concurrency,
            on_cancel=on_cancel,
            on_outcome=report,
        )
        for outcome in outcomes:
            if outcome.succeeded:
                yield dg.MaterializeResult(
                    asset_key=key_of[outcome.connection_id], metadata=_metadata(outcome)
                )
        failed = [outcome for outcome in outcomes if not outcome.succeeded]
        if failed:
            raise dg.Failure(
                f"{len(failed)} of {len(outcomes)} syncs did not succeed: "
                + " ".join(problem(plain(outcome)) for outcome in failed[:10]),
                metadata={outcome.connection_id: outcome.status for outcome in failed},
            )

    return syncs


def _metadata(outcome: SyncOutcome) -> dict[str, str]:
    """Return what is known of a sync, without what is not."""
    shown = plain(outcome)
    names = ("connection_id", "sync_id", "started_at", "finished_at", "dashboard_url")
    return {f"fivetran/{name}": str(shown[name]) for name in names if shown[name] is not None}
