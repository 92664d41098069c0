"""PURE: the parts of a plan, and their JSON form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

import attrs

from fivetran_async._types import UNSET
from fivetran_async.as_code._comparing.leaves import Leaf
from fivetran_async.as_code._comparing.three_way import ConflictLeaf
from fivetran_async.as_code._kinds.values import FieldPath, as_items, as_object
from fivetran_async.as_code._secrets.fields import SECRET, kept_secret, with_kept

ChangeAction: TypeAlias = Literal["create", "update", "delete", "move"]
SyncBehavior: TypeAlias = Literal["CONTINUE", "BACKFILL"]

_ACTIONS: Final = ("create", "update", "delete", "move")


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
class Change:
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
    leaves: Mapping[FieldPath, Leaf]
    id: str | None = None
    service: str = ""

    @property
    def kind(self) -> str:
        """The kind of the object."""
        return self.address.partition("/")[0]

    def to_json(self) -> dict[str, object]:
        """Return JSON values, for `from_json`."""
        return {
            "address": self.address,
            "action": self.action,
            "id": self.id,
            "service": self.service,
            "leaves": [leaf_json(path, leaf) for path, leaf in self.leaves.items()],
        }

    @classmethod
    def from_json(cls, value: object) -> Change:
        """
        Return the change of JSON values.

        Raises:
            ValueError: They do not describe a change.
        """
        found = _object(value)
        action, address = found.get("action"), found.get("address")
        if action not in _ACTIONS or not isinstance(address, str):
            raise ValueError(f"not a change: {action!r} of {address!r}")
        id = found.get("id")
        return cls(
            address,
            action,
            dict(map(leaf_of, _items(found.get("leaves")))),
            id if isinstance(id, str) else None,
            str(found.get("service") or ""),
        )


@attrs.frozen
class Conflict:
    """
    An object that changed in its file and on the server, in the same places.

    Attributes:
        address: The object.
        leaves: The values by path: in the base, in the file, and on the server.
    """

    address: str
    leaves: Mapping[FieldPath, ConflictLeaf]

    @property
    def kind(self) -> str:
        """The kind of the object."""
        return self.address.partition("/")[0]

    def to_json(self) -> dict[str, object]:
        """Return JSON values, for `from_json`."""
        return {
            "address": self.address,
            "leaves": [
                {"path": list(path), **_given(leaf._asdict())} for path, leaf in self.leaves.items()
            ],
        }

    @classmethod
    def from_json(cls, value: object) -> Conflict:
        """
        Return the conflict of JSON values.

        Raises:
            ValueError: They do not describe a conflict.
        """
        found = _object(value)
        leaves: dict[FieldPath, ConflictLeaf] = {}
        for item in _items(found.get("leaves")):
            each = _object(item)
            parts = (each.get(name, UNSET) for name in ConflictLeaf._fields)
            leaves[_path(each.get("path"))] = ConflictLeaf(*parts)
        return cls(str(found.get("address")), leaves)


@attrs.frozen
class Hazard:
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
class PlanCost:
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


def leaf_json(path: FieldPath, leaf: Leaf) -> dict[str, object]:
    """Return the JSON values of a leaf; a value that is UNSET is left out."""
    return {"path": list(path), **_given(leaf._asdict())}


def leaf_of(value: object) -> tuple[FieldPath, Leaf]:
    """
    Return the path and the leaf of JSON values.

    Raises:
        ValueError: They do not describe a leaf.
    """
    found = _object(value)
    leaf = Leaf(found.get("before", UNSET), found.get("after", UNSET))
    return _path(found.get("path")), leaf


def by_path_json(values: Mapping[FieldPath, object]) -> list[dict[str, object]]:
    """Return the JSON values of a mapping from paths to values."""
    return [{"path": list(path), "value": value} for path, value in values.items()]


def by_path_of(value: object) -> dict[FieldPath, object]:
    """
    Return the mapping from paths of JSON values.

    Raises:
        ValueError: They do not describe one.
    """
    pairs = (_object(item) for item in _items(value))
    return {_path(each.get("path")): each.get("value") for each in pairs}


def _given(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not UNSET}


def _object(value: object) -> Mapping[str, object]:
    found = as_object(value)
    if found is None:
        raise ValueError(f"expected an object, not {type(value).__name__}")
    return found


def _items(value: object) -> Sequence[object]:
    found = as_items(value)
    if found is None:
        raise ValueError(f"expected a list, not {type(value).__name__}")
    return found


def _path(value: object) -> FieldPath:
    names = _items(value)
    if not names or not all(isinstance(name, str) for name in names):
        raise ValueError("expected a path of names")
    return tuple(map(str, names))
