"""PURE: leaves of objects, the values that change, and the body of a request that changes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, cast

from fivetran_async._types import UNSET
from fivetran_async.as_code._comparing.canonical import keyed
from fivetran_async.as_code._kinds.values import FieldPath, as_items, as_object, entries
from fivetran_async.as_code._secrets.fields import SECRET


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
    result: object = dict(values)
    for path, value in leaves.items():
        result = _with_value(result, path, (), value)
    return cast("dict[str, object]", result)


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


def _with_value(values: object, path: FieldPath, above: FieldPath, value: object) -> object:
    if not path:
        return value
    name, rest = path[0], path[1:]
    items = as_items(values)
    if items is not None or (name.startswith("[") and as_object(values) is None):
        return _with_item(items or (), path, above, value)
    result = dict(entries(values))
    if rest or value is not UNSET:
        result[name] = _with_value(result.get(name), rest, (*above, name), value)
    else:
        result.pop(name, None)
    return result


def _with_item(
    items: Sequence[object], path: FieldPath, above: FieldPath, value: object
) -> list[object]:
    found = keyed(above, items) or {}
    name, rest = path[0], path[1:]
    if not rest and value is UNSET:
        return [item for key, item in found.items() if key != name]
    return list({**found, name: _with_value(found.get(name), rest, (*above, name), value)}.values())
