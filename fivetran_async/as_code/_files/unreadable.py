"""PURE: what no export can read, so that files keep it: secret references, fields that are sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from fivetran_async.as_code._kinds.addresses import kind_in
from fivetran_async.as_code._kinds.rules import KINDS_BY_NAME, key_fields
from fivetran_async.as_code._kinds.values import FieldPath, as_items, as_object, entries
from fivetran_async.as_code._secrets.fields import (
    KEPT,
    is_reference,
    secret_in,
    variable_in,
    with_kept,
)


def sent_fields(address: str, fields: Mapping[str, object]) -> dict[str, object]:
    """Return the fields that no export reads: those that are only sent, or newer than this."""
    rules = KINDS_BY_NAME.get(kind_in(address))
    if rules is None:
        return {}
    names = sorted(fields.keys() - rules.readable)
    return {name: fields[name] for name in names if not name.startswith("$")}


def with_references(fields: object, edited: object) -> dict[str, object]:
    """Return fields with the references to secrets that an edited file has in place of `keep`."""
    return cast("dict[str, object]", _merged(fields, edited, ()))


def _merged(value: object, edited: object, path: FieldPath) -> object:
    if secret_in(value) == KEPT and is_reference(edited):
        return edited
    inner, other = as_object(value), as_object(edited)
    if inner is not None and other is not None:
        return {name: _merged(each, other.get(name), (*path, name)) for name, each in inner.items()}
    items, others = as_items(value), as_items(edited)
    if items is None or others is None:
        return value
    return [
        _merged(each, _same_item(each, index, others, path), (*path, f"[{index}]"))
        for index, each in enumerate(items)
    ]


def _same_item(item: object, index: int, others: Sequence[object], path: FieldPath) -> object:
    """
    Return the item of an edited list that is about the same as one that was read, or None.

    The server may return a list in another order, and a secret must not reach another item.
    """
    name = _name_of(item, path)
    if name is not None:
        return next((each for each in others if _name_of(each, path) == name), None)
    at_place = others[index] if index < len(others) else None
    if at_place is not None and with_kept(at_place) == item:
        return at_place
    equal = [each for each in others if with_kept(each) == item]
    return equal[0] if len(equal) == 1 else None


def _name_of(item: object, path: FieldPath) -> object:
    """Return what identifies an item: the name of its variable, or the value of its key."""
    if secret_in(item) is not None:
        return variable_in(item) or None
    found = entries(item)
    return next((found[key] for key in key_fields(path) if key in found), None)
