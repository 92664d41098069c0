"""PURE: what to know before a plan is applied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from fivetran_async.as_code._comparing.leaves import Leaf
from fivetran_async.as_code._kinds.addresses import configured_connection
from fivetran_async.as_code._kinds.rules import KINDS_BY_NAME
from fivetran_async.as_code._kinds.values import FieldPath, dotted, text_in
from fivetran_async.as_code._objects.objects import ManagedObject
from fivetran_async.as_code._planning.changes import Change, Hazard, SyncBehavior
from fivetran_async.as_code._secrets.fields import KEPT, references_in

STOPS_SYNC = "stops_sync"
"""The topic of changes that stop a running sync."""

_TRUSTED = frozenset({"certificates", "fingerprints"})
_STOPPING = frozenset({"connections", "schemas"})


def hazards_of(
    changes: Sequence[Change],
    live: Mapping[str, ManagedObject],
    *,
    moves: SyncBehavior | None,
    resumed: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Hazard, ...]:
    """
    Return the hazards of changes.

    Args:
        changes: The changes.
        live: The live objects.
        moves: How connections are moved.
        resumed: What to say of connections that unfinished runs have left paused, by address.
    """
    found: list[Hazard] = []
    for change in changes:
        if change.action == "create":
            found.extend(_of_creation(change))
        elif change.action == "delete":
            found.append(Hazard(change.address, "deletes", "is deleted, and cannot be taken back"))
        else:
            found.extend(_of_update(change, moves))
            if change.address in resumed:
                text = f"is resumed: {resumed[change.address]}"
                found.append(Hazard(change.address, "resumes", text))
        if change.kind in _STOPPING and change.action != "create" and _is_syncing(change, live):
            found.append(Hazard(change.address, STOPS_SYNC, "stops the running sync"))
    return tuple(found)


def _is_syncing(change: Change, live: Mapping[str, ManagedObject]) -> bool:
    each = live.get(configured_connection(change.address))
    status = None if each is None else each.raw_observed.get("status")
    return text_in(status, "sync_state").casefold() == "syncing"


def _of_creation(change: Change) -> Iterator[Hazard]:
    address = change.address
    for path, leaf in change.leaves.items():
        for place, reference in references_in(leaf.after, path):
            if reference == KEPT:
                text = f"needs a reference for the secret {dotted(place)}, or it is not created"
                yield Hazard(address, "secret_needed", text)
    if change.kind == "users":
        yield Hazard(address, "invites", "gets an invitation by e-mail")
    if change.kind == "webhooks" and _is_active(change):
        yield Hazard(address, "test_event", "gets a test event")
    if change.kind in _TRUSTED:
        yield Hazard(address, "trusts", "is trusted from then on: compare it with the server's own")
    yield from _unknown_keys(change)


def _is_active(change: Change) -> bool:
    active = change.leaves.get(("active",))
    return active is None or active.after is not False


def _of_update(change: Change, moves: SyncBehavior | None) -> Iterator[Hazard]:
    address = change.address
    if any(any(references_in(leaf.after)) for leaf in change.leaves.values()):
        yield Hazard(address, "sends_secrets", "gets secrets, which cannot be taken back")
    if change.action == "move" and moves == "BACKFILL":
        text = "loads its whole history into the new destination, which cannot be taken back"
        yield Hazard(address, "backfills", text)
    if change.kind == "webhooks" and not {("active",), ("url",)}.isdisjoint(change.leaves):
        yield Hazard(address, "test_event", "gets a test event")
    if change.kind == "schemas":
        yield from _of_schemas(change)
    yield from _unknown_keys(change)


def _of_schemas(change: Change) -> Iterator[Hazard]:
    topics = dict(_schema_topic(path, leaf) for path, leaf in change.leaves.items())
    for topic, text in topics.items():
        if topic:
            yield Hazard(change.address, topic, text)


def _schema_topic(path: FieldPath, leaf: Leaf) -> tuple[str, str]:
    if path == ("schema_change_handling",) and leaf.after == "BLOCK_ALL":
        return "blocks_new", "blocks new schemas and tables, too, not only new columns"
    if path[-1] == "sync_mode":
        return "changes_mode", "changes the sync mode of tables, which can reload them"
    if path[-1] == "hashed" and leaf.after is True:
        return "hashes", "hashes columns from now on; rows that are loaded already stay readable"
    if path[-1] == "enabled" and leaf.after is False:
        return "stops_loading", "stops loading schemas, tables or columns"
    if path[-1] == "is_primary_key":
        return "changes_key", "changes primary keys, which can reload tables"
    return "", ""


def _unknown_keys(change: Change) -> Iterable[Hazard]:
    accepted = KINDS_BY_NAME[change.kind].accepted
    for name in {path[0]: None for path in change.leaves}:
        if name not in accepted:
            text = f"has the unknown key {name!r}, which is sent unchecked"
            yield Hazard(change.address, "unknown_key", text)
