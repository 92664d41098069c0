"""PURE: edits of objects in memory, checked like edits of files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

from fivetran_async._services import nearest
from fivetran_async._types import UNSET
from fivetran_async.as_code._kinds.addresses import quoted
from fivetran_async.as_code._kinds.rules import KINDS_BY_NAME, KindRules
from fivetran_async.as_code._kinds.values import as_items, as_object, dotted, entries
from fivetran_async.as_code._secrets.fields import SECRET, plain_secrets
from fivetran_async.errors import InvalidArgumentError


def checked_changes(changes: Mapping[str, object]) -> dict[str, object]:
    """
    Return the fields to change, `group` as `group_id`.

    Raises:
        InvalidArgumentError: A field exists in no kind, or a value cannot be written to a file.
    """
    if not changes:
        raise InvalidArgumentError("change requires at least one field, such as sync_frequency=60.")
    found: dict[str, object] = {}
    for name, value in changes.items():
        top = name.partition(".")[0]
        if top == "group" and isinstance(value, str):
            found["group_id"] = f"groups/{quoted(value)}"
        elif any(top in rules.accepted for rules in KINDS_BY_NAME.values()):
            found[name] = value if value is UNSET else json_value(value, name)
        else:
            raise InvalidArgumentError(_unknown_field(name, top))
    return found


def takes(rules: KindRules, changes: Mapping[str, object]) -> bool:
    """Return True if objects of a kind have all of the fields."""
    return all(name.partition(".")[0] in rules.accepted for name in changes)


def edited_fields(
    rules: KindRules, values: Mapping[str, object], changes: Mapping[str, object]
) -> dict[str, object]:
    """
    Return the fields of an object after a change.

    Objects are merged, other values replaced, and UNSET removes a field from the file.

    Raises:
        InvalidArgumentError: A secret is written out instead of referred to.
    """
    edited = dict(values)
    for name, value in changes.items():
        edited = cast("dict[str, object]", _with_value(edited, name.split("."), value))
    for path in plain_secrets(rules, edited):
        raise InvalidArgumentError(
            f"{dotted(path)} is a secret: give a reference such as "
            '{"$secret": "env:NAME"} instead of its value.'
        )
    return edited


def merged(before: object, change: object) -> object:
    """Return a value after a change: objects are merged, other values replaced."""
    old, new = as_object(before), as_object(change)
    if old is None or new is None or SECRET in old or SECRET in new:
        return change
    result = dict(old)
    for name, value in new.items():
        result[name] = merged(result[name], value) if name in result else value
    return result


def json_value(value: object, name: str) -> object:
    """
    Return a copy of a value that JSON can express.

    Raises:
        InvalidArgumentError: It cannot.
    """
    inner, items = as_object(value), as_items(value)
    if inner is not None:
        keys = cast("Mapping[object, object]", inner)
        if all(isinstance(key, str) for key in keys):
            return {key: json_value(each, name) for key, each in inner.items()}
    elif items is not None:
        return [json_value(each, name) for each in items]
    elif value is None or isinstance(value, (str, bool, int)) or _is_finite(value):
        return value
    raise InvalidArgumentError(f"{name} must be a JSON value, not {type(value).__name__}.")


def _is_finite(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _with_value(values: object, path: list[str], value: object) -> object:
    result = dict(entries(values))
    name, *rest = path
    if rest:
        result[name] = _with_value(result.get(name), rest, value)
    elif value is UNSET:
        result.pop(name, None)
    else:
        result[name] = merged(result.get(name), value)
    return result


def _unknown_field(name: str, top: str) -> str:
    for rules in KINDS_BY_NAME.values():
        if top in rules.actions:
            return f"{name} starts an action, so it cannot be set as a field of a {rules.noun}."
        if top in rules.owned:
            return f"{name} is set by the server, so it cannot be changed."
    near = nearest(top, {field for rules in KINDS_BY_NAME.values() for field in rules.accepted})
    hint = f"; did you mean {near!r}?" if near else ""
    return f"unknown field {name!r}{hint}"
