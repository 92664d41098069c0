"""PURE: leaves of objects, the values that change, and the body of a request that changes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, cast

from fivetran_async._types import UNSET
from fivetran_async.as_code._comparing.canonical import keyed
from fivetran_async.as_code._kinds.values import FieldPath, as_items, as_object, entries
from fivetran_async.as_code._secrets.fields import SECRET

_UNCHANGED: Final = object()


class Leaf(NamedTuple):
    """
    A value before and after a change; UNSET where there is none.

    A secret is `{"$secret": REFERENCE}`, never its value.
    """

    before: object
    after: object


def leaves_of(value: object, path: FieldPath = ()) -> Iterator[tuple[FieldPath, object]]:
    """List the values of an object that are no objects, with their paths; secrets are values."""
    inner = as_object(value)
    if inner is None or SECRET in inner:
        yield path, value
        return
    for name, each in inner.items():
        yield from leaves_of(each, (*path, name))


def value_at(values: object, path: FieldPath) -> object:
    """Return the value at a path, UNSET if there is none; `[KEY]` finds an item of a keyed list."""
    found = values
    for index, name in enumerate(path):
        inner, items = as_object(found), as_items(found)
        if inner is not None:
            found = inner.get(name, UNSET)
        elif items is not None:
            found = (keyed(path[:index], items) or {}).get(name, UNSET)
        else:
            return UNSET
    return found


def with_leaves(
    values: Mapping[str, object], leaves: Mapping[FieldPath, object]
) -> dict[str, object]:
    """Return fields with other values at some paths; UNSET removes what is there."""
    root = _ChangedPlace()
    for path, value in leaves.items():
        root.set(path, value)
    # Each object is copied once, however many of its leaves change.
    return cast("dict[str, object]", root.applied_to(values, ()))


def patch_of(
    current: Mapping[str, object], leaves: Mapping[FieldPath, object]
) -> dict[str, object]:
    """
    Return the body of a PATCH that sets some leaves: nothing else, but lists are sent whole.

    Args:
        current: The fields as the server has them; the other items of lists come from there.
        leaves: The new values by path; UNSET clears, and removes an item of a keyed list.
    """
    body: dict[str, object] = {}
    lists: dict[FieldPath, dict[FieldPath, object]] = {}
    for path, value in leaves.items():
        place = next((n for n, name in enumerate(path) if name.startswith("[")), None)
        if place is None:
            _put(body, path, None if value is UNSET else value)
        else:
            lists.setdefault(path[:place], {})[path] = value
    for path, inside in lists.items():
        changed = with_leaves(current, inside)
        _put(body, path, value_at(changed, path))
    return body


def _put(body: dict[str, object], path: FieldPath, value: object) -> None:
    for name in path[:-1]:
        body = cast("dict[str, object]", body.setdefault(name, {}))
    body[path[-1]] = value


class _ChangedPlace:
    """What changes at one place: its own value, and the members that change after that."""

    __slots__ = ("inner", "value")

    def __init__(self) -> None:
        self.value: object = _UNCHANGED
        self.inner: dict[str, _ChangedPlace] = {}

    def set(self, path: FieldPath, value: object) -> None:
        """Set the value at a path below this place."""
        node = self
        for name in path:
            found = node.inner.get(name)
            if found is None:
                found = node.inner[name] = _ChangedPlace()
            node = found
        node.value, node.inner = value, {}

    def removes(self) -> bool:
        """Return True if nothing remains at this place."""
        return self.value is UNSET and not self.inner

    def applied_to(self, values: object, above: FieldPath) -> object:
        """Return the value of this place after the change."""
        if self.value is not _UNCHANGED:
            values = self.value
        if not self.inner:
            return values
        items = as_items(values)
        if items is None and (
            as_object(values) is not None or not next(iter(self.inner)).startswith("[")
        ):
            return self._with_members(dict(entries(values)), above)
        found = dict(keyed(above, items or ()) or {})
        return list(self._with_members(found, above).values())

    def _with_members(self, members: dict[str, object], above: FieldPath) -> dict[str, object]:
        for name, node in self.inner.items():
            if node.removes():
                members.pop(name, None)
            else:
                members[name] = node.applied_to(members.get(name), (*above, name))
        return members
