"""
PURE: whether two values mean the same to the server.

The server keeps `5432` as `"5432"`, `Directly` as `DIRECTLY`, and leaves out what is empty, or
returns its default instead. Lists that are sets have no order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from fivetran_async._services import ConfigField, ConfigFields
from fivetran_async._services import fields as config_fields
from fivetran_async._types import UNSET
from fivetran_async.as_code._kinds.rules import KindRules, key_fields
from fivetran_async.as_code._kinds.values import (
    EMPTY,
    SCALARS,
    FieldPath,
    as_items,
    as_object,
    dotted,
    entries,
)
from fivetran_async.as_code._secrets.fields import secret_in

_SEPARATORS: Final = re.compile(r"[^a-z0-9]")


def same(rules: KindRules, service: str, path: FieldPath, one: object, other: object) -> bool:
    """
    Return True if two values of a field mean the same to the server.

    Args:
        rules: The rules of the kind.
        service: The service of the object, which decides which settings are enumerations.
        path: The place of the field.
        one: A value; UNSET if there is none.
        other: Another value.
    """
    if one is other or (one == other and type(one) is type(other)):
        return True
    if is_empty(one) or is_empty(other):
        if is_empty(one) and is_empty(other):
            return True
        default = rules.defaults.get(dotted(path)) if rules.defaults else None
        return default is not None and default in (one, other)
    if type(one) in SCALARS and type(other) in SCALARS:
        both_text = isinstance(one, str) and isinstance(other, str)
        return _same_scalars(one, other, is_word=both_text and is_enumeration(rules, service, path))
    secrets = secret_in(one), secret_in(other)
    if secrets != (None, None):
        return secrets[0] == secrets[1]
    left, right = as_object(one), as_object(other)
    if left is not None and right is not None:
        return all(
            same(rules, service, (*path, name), left.get(name), right.get(name))
            for name in {**left, **right}
        )
    items, others = as_items(one), as_items(other)
    if items is not None and others is not None:
        return _same_lists(rules, service, path, items, others)
    return False


def is_empty(value: object) -> bool:
    """Return True for values that the server treats as missing; False and 0 are values."""
    if value is UNSET or value is None:
        return True
    if type(value) in SCALARS:
        return value == ""
    if value in EMPTY:
        return True
    inner = as_object(value)
    return inner is not None and all(is_empty(each) for each in inner.values())


def is_set(rules: KindRules, path: FieldPath, items: Sequence[object]) -> bool:
    """Return True if the order of a list has no meaning."""
    if dotted(path) in rules.sets:
        return True
    return path[0] == "config" and not any(as_object(item) or as_items(item) for item in items)


def is_enumeration(rules: KindRules, service: str, path: FieldPath) -> bool:
    """Return True if the values of a field are words of the API."""
    names = tuple(name for name in path if not name.startswith("["))
    if dotted(names) in rules.enums:
        return True
    if rules.name == "schemas":
        return names[-1] == "sync_mode"
    if names[0] != "config" or rules.config_kind is None:
        return False
    members, field = config_fields(service, rules.config_kind), None
    for name in names[1:]:
        field = members.get(name)
        if field is None:
            return False
        members = field.fields
    return _has_choices(field)


def keyed(path: FieldPath, items: Sequence[object]) -> dict[str, object] | None:
    """
    Return the items of a list by `[KEY]`, or None if the list is compared whole.

    Only lists of objects that all have a key, each a different one, are keyed.
    """
    for name in key_fields(path):
        found = {f"[{entries(item)[name]}]": item for item in items if name in entries(item)}
        if found and len(found) == len(items):
            return found
    return None


def service_of(values: object) -> str:
    """Return the service that the fields of an object name."""
    return str(entries(values).get("service") or "")


def members_of(service: str, rules: KindRules) -> ConfigFields:
    """Return the known fields of the config of a service."""
    return config_fields(service, rules.config_kind) if rules.config_kind else ConfigFields()


def _has_choices(field: ConfigField | None) -> bool:
    return field is not None and bool(field.choices)


def _same_lists(
    rules: KindRules,
    service: str,
    path: FieldPath,
    items: Sequence[object],
    others: Sequence[object],
) -> bool:
    one, other = keyed(path, items), keyed(path, others)
    if one is not None and other is not None:
        return same(rules, service, path, one, other)
    if len(items) != len(others):
        return False
    if is_set(rules, path, items) and is_set(rules, path, others):
        return _same_sets(rules, service, path, items, others)
    return all(
        same(rules, service, (*path, f"[{index}]"), left, right)
        for index, (left, right) in enumerate(zip(items, others, strict=True))
    )


def _same_sets(
    rules: KindRules,
    service: str,
    path: FieldPath,
    items: Sequence[object],
    others: Sequence[object],
) -> bool:
    left = list(others)
    for item in items:
        place = (*path, "[]")
        equal = (n for n, each in enumerate(left) if same(rules, service, place, item, each))
        found = next(equal, None)
        if found is None:
            return False
        del left[found]
    return True


def _same_scalars(one: object, other: object, *, is_word: bool) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return is_word and _folded(one) == _folded(other)
    text = one if isinstance(one, str) else other
    value = other if isinstance(one, str) else one
    if not isinstance(text, str):
        # Of two that are no text, Python's own comparison: True is not 1 here.
        return one == other and isinstance(one, bool) is isinstance(other, bool)
    if isinstance(value, bool):
        return text.casefold() == str(value).casefold()
    if isinstance(value, (int, float)):
        try:
            return float(text) == value
        except ValueError:
            return False
    return False


def _folded(word: str) -> str:
    # `SshTunnel` comes back as `SSH_TUNNEL`.
    return _SEPARATORS.sub("", word.casefold())
