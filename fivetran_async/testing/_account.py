"""One account, on which the families' rules operate: its collections, clock, ids and settings."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping

import attrs

from fivetran_async.testing._facts import StoredRecord
from fivetran_async.testing._listed import ListedItems
from fivetran_async.testing._store import Collection
from fivetran_async.testing._words import Words
from fivetran_async.testing.clock import FakeClock
from fivetran_async.testing.normalization import Normalization

SEPARATOR = "\x1f"
"""Joins the ids of a nested record to one key; ids cannot contain it."""

INDEXED: Mapping[str, tuple[str, ...]] = {
    "connections": ("group_id",),
    "connections.certificates": ("connection_id",),
    "connections.fingerprints": ("connection_id",),
    "destinations.certificates": ("destination_id",),
    "destinations.fingerprints": ("destination_id",),
    "sync_history": ("connection_id",),
    "teams.connections": ("team_id", "id"),
    "teams.groups": ("team_id", "id"),
    "teams.users": ("team_id", "user_id"),
    "users.connections": ("user_id", "id"),
    "users.groups": ("user_id", "id"),
}
"""The indexed fields of each collection; searches by other fields scan it."""


@attrs.frozen
class SyncPlan:
    """The course of one sync; `outcome` is one of `OUTCOMES` in the connections' rules."""

    outcome: str = "succeeded"
    start_after: float = 0.0
    duration: float | None = None
    reason: str | None = None
    rescheduled_after: float = 900.0


@attrs.define
class Delivery:
    """A webhook event: the webhook that receives it, and the body to sign and send."""

    webhook_id: str
    body: StoredRecord
    attempts: int = 0
    statuses: list[int | None] = attrs.field(factory=list[int | None])


Post = Callable[[StoredRecord, StoredRecord], Awaitable[int | None]]
"""Posts a body to a webhook. It returns the status of the response, or None without a response."""


async def _no_receivers(_: StoredRecord, __: StoredRecord) -> int | None:
    return 200


def _no_wake() -> None:
    return None


PastSyncs = Callable[[str, float, float], "list[StoredRecord]"]
"""Returns the syncs of a connection between two times that are not stored."""


def _no_past_syncs(_: str, __: float, ___: float) -> list[StoredRecord]:
    return []


@attrs.define(eq=False)
class FakeAccount:
    """
    The state of the account. Durations are seconds on the account's clock.

    While it is `silent`, syncs emit no webhook events.
    """

    clock: FakeClock
    seed: int = 0
    account_id: str = "perpetual_account"
    account_name: str = "Fake Account"
    owner_id: str = ""
    sync_duration: float = 60.0
    run_duration: float = 60.0
    private_link_duration: float = 300.0
    any_service: bool = False
    any_field: bool = False
    is_twin: bool = False
    reserved: set[str] = attrs.field(factory=set[str])
    normalizations: dict[str, list[Normalization]] = attrs.field(
        factory=dict[str, "list[Normalization]"]
    )
    collections: dict[str, Collection] = attrs.field(factory=dict[str, Collection])
    plans: dict[str, deque[SyncPlan]] = attrs.field(factory=dict[str, "deque[SyncPlan]"])
    test_results: dict[str, list[StoredRecord]] = attrs.field(factory=dict[str, list[StoredRecord]])
    outbox: deque[Delivery] = attrs.field(factory=deque[Delivery])
    post: Post = _no_receivers
    wake: Callable[[], None] = _no_wake
    past_syncs: PastSyncs = _no_past_syncs
    silent: bool = False
    listed: ListedItems = attrs.field(factory=ListedItems, init=False, repr=False)
    words: Words = attrs.field(init=False)
    rng: random.Random = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.words = Words(self.seed)
        self.rng = random.Random(self.seed)  # noqa: S311 - test data, not keys

    def collection(self, name: str) -> Collection:
        """Return a family's collection; the first use creates it."""
        found = self.collections.get(name)
        if found is None:
            found = self.collections[name] = Collection(INDEXED.get(name, ()))
        return found

    def plan(self, connection_id: str, plan: SyncPlan) -> None:
        """Queue a plan for a future sync."""
        self.plans.setdefault(connection_id, deque()).append(plan)

    def new_id(self) -> str:
        """Return an unused id, such as `decent_dropsy`."""
        while (id := self.words.next()) in self.reserved:
            pass
        return id

    def token(self, length: int = 32) -> str:
        """Return a realistic secret; the same seed gives the same secrets."""
        return "".join(
            self.rng.choices(
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=length
            )
        )
