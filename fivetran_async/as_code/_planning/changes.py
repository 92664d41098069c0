"""PURE: the parts of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

import attrs

from fivetran_async._codec._serializable import Serializable
from fivetran_async.as_code._comparing.leaves import Leaf
from fivetran_async.as_code._comparing.three_way import ConflictLeaf
from fivetran_async.as_code._kinds.addresses import configured_connection, owners_of
from fivetran_async.as_code._kinds.values import FieldPath, as_items, entries
from fivetran_async.as_code._planning.json_forms import CONFLICT_LEAVES, LEAVES
from fivetran_async.as_code._secrets.fields import SECRET, kept_secret, with_kept

ChangeAction: TypeAlias = Literal["create", "update", "delete", "move"]
SyncBehavior: TypeAlias = Literal["CONTINUE", "BACKFILL"]


def sending_leaves(
    references: Mapping[FieldPath, str], lists: Mapping[FieldPath, object]
) -> dict[FieldPath, Leaf]:
    """
    Return the leaves that send secrets behind unchanged references.

    Args:
        references: The references by path.
        lists: The lists that the server takes only as a whole, with all of their secrets.
    """
    leaves: dict[FieldPath, Leaf] = {}
    for path, reference in references.items():
        place = next((each for each in lists if path[: len(each)] == each), None)
        if place is None:
            leaves[path] = Leaf(kept_secret(), {SECRET: reference})
        else:
            leaves[place] = Leaf(with_kept(lists[place]), lists[place])
    return leaves


@attrs.frozen
class Change(Serializable):
    """
    A change of one object, or its drift.

    Attributes:
        address: The object.
        action: `create`, `update`, `delete` or `move`; a move can change other leaves, too.
        leaves: The values by path: those before and after.
        id: The id of the object; None if it does not exist yet.
        service: The service of the object, if it has one.
    """

    address: str
    action: ChangeAction
    leaves: Mapping[FieldPath, Leaf] = attrs.field(metadata=LEAVES)
    id: str | None = None
    service: str = ""

    @property
    def kind(self) -> str:
        """The kind of the object."""
        return self.address.partition("/")[0]


@attrs.frozen
class Conflict(Serializable):
    """
    An object that changed in its file and on the server, in the same places.

    Attributes:
        address: The object.
        leaves: The values by path: in the base, in the file, and on the server.
    """

    address: str
    leaves: Mapping[FieldPath, ConflictLeaf] = attrs.field(metadata=CONFLICT_LEAVES)

    @property
    def kind(self) -> str:
        """The kind of the object."""
        return self.address.partition("/")[0]


@attrs.frozen
class Hazard(Serializable):
    """
    Something to know before a plan is applied.

    Attributes:
        address: The object.
        topic: What it is about, as one word such as `stops_sync`.
        text: What happens.
    """

    address: str
    topic: str
    text: str


@attrs.frozen
class PlanCost(Serializable):
    """
    What applying a plan costs.

    Attributes:
        requests: The most requests that are sent.
        quotas: The requests of each quota with a limit of its own, such as `setup_tests`.
        minutes: How long it takes, in minutes, by the quotas of a paid plan.
        stopped_syncs: The connections with a running sync that would be stopped.
    """

    requests: int = 0
    quotas: Mapping[str, int] = attrs.field(factory=dict[str, int])
    minutes: float = 0.0
    stopped_syncs: int = 0


def used_ids(
    changes: Iterable[Change], others: Iterable[str], ids: Mapping[str, str]
) -> dict[str, str]:
    """
    Return the ids of the addresses that occur in changes.

    Args:
        changes: The changes.
        others: Other addresses.
        ids: The known ids.
    """
    used = {address: ids[address] for address in others if address in ids}
    for change in changes:
        if change.id is not None:
            used[change.address] = change.id
            if change.kind == "schemas":
                used[configured_connection(change.address)] = change.id
        texts = (text for leaf in change.leaves.values() for text in _addresses_in(leaf))
        for address in (*owners_of(change.address), *texts):
            id = ids.get(address)
            if id is not None:
                used[address] = id
    return dict(sorted(used.items()))


def _addresses_in(leaf: Leaf) -> Iterable[str]:
    """List the texts of a leaf, which may be addresses."""
    for value in leaf:
        yield from _texts_in(value)


def _texts_in(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
        return
    for each in (*entries(value).values(), *(as_items(value) or ())):
        yield from _texts_in(each)
