"""
PURE: secrets in the fields of objects, and the references that stand for them.

A secret is never kept: an export writes `{"$secret": "keep"}`, and files refer to the value, as in
`{"$secret": "env:CRM_PASSWORD"}`. The table of services decides which fields are secrets; for other
services and fields the name decides. A run of asterisks is a mask of the server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from fivetran_async._services import ConfigFields, fields, is_secret_name
from fivetran_async.as_code._kinds.rules import KindRules
from fivetran_async.as_code._kinds.values import FieldPath, as_items, as_object, entries

Replace: TypeAlias = Callable[[FieldPath, object], object]

SECRET: Final = "$secret"  # noqa: S105 - the key that marks a reference
KEPT: Final = "keep"
SCHEMES: Final = ("env", "file", "cmd")

_MASK: Final = re.compile(r"\*{4,}")
_PLAIN: Final = ConfigFields()
"""Fields without secrets, other than those that the server masks."""


def kept_secret() -> dict[str, object]:
    """Return the stand-in for a secret that the server has."""
    return {SECRET: KEPT}


def secret_in(value: object) -> str | None:
    """Return the reference if a value stands for a secret; `keep` refers to the server's value."""
    inner = as_object(value)
    return str(inner[SECRET]) if inner is not None and SECRET in inner else None


def is_reference(value: object) -> bool:
    """Return True if a value refers to a secret that can be sent."""
    reference = secret_in(value)
    return reference is not None and reference != KEPT


def is_mask(value: object) -> bool:
    """Return True for text in which the server has hidden a secret."""
    return isinstance(value, str) and "****" in value and _MASK.search(value) is not None


def without_secrets(rules: KindRules, values: Mapping[str, object]) -> dict[str, object]:
    """Return fields, as the server returned them, with each secret replaced by `keep`."""
    return replace_secret_values(
        rules, values, lambda _, value: value if secret_in(value) else kept_secret()
    )


def replace_secret_values(
    rules: KindRules, values: Mapping[str, object], replace: Replace
) -> dict[str, object]:
    """
    Return a copy of fields with each secret replaced.

    Nulls and empty values are not replaced: they clear a secret.
    """
    service = str(values.get("service") or "")
    shown: dict[str, object] = {}
    for name, value in values.items():
        members, secret = _members(rules, name, service)
        shown[name] = _replaced(value, members, replace, (name,), secret=secret)
    return shown


def plain_secrets(rules: KindRules, values: Mapping[str, object]) -> list[FieldPath]:
    """Return the places of secrets that are written out, where a reference must be."""
    found: list[FieldPath] = []

    def note(path: FieldPath, value: object) -> object:
        if secret_in(value) is None:
            found.append(path)
        return value

    replace_secret_values(rules, values, note)
    return found


def references_in(value: object, path: FieldPath = ()) -> Iterator[tuple[FieldPath, str]]:
    """List the secrets of a value that have a reference, or `keep`, with their places."""
    reference = secret_in(value)
    if reference is not None:
        yield path, reference
        return
    for name, each in entries(value).items():
        yield from references_in(each, (*path, name))
    for index, each in enumerate(as_items(value) or ()):
        yield from references_in(each, (*path, f"[{index}]"))


def _members(rules: KindRules, name: str, service: str) -> tuple[ConfigFields | None, bool]:
    """Return the known fields of a top-level field, and True if all of it is secret."""
    if name == "auth" or (name == "secret" and rules.name == "webhooks"):
        return None, True
    if name == "config":
        kind = rules.config_kind
        return (fields(service, kind) if kind is not None else None), False
    return _PLAIN, False


def _replaced(
    value: object, members: ConfigFields | None, replace: Replace, path: FieldPath, *, secret: bool
) -> object:
    """Replace secrets; where `members` is None or lacks a name, the name decides."""
    known, items = as_object(value), as_items(value)
    if known is not None and SECRET not in known:
        shown: dict[str, object] = {}
        for name, each in known.items():
            inner, hidden = _member(name, members)
            shown[name] = _replaced(each, inner, replace, (*path, name), secret=secret or hidden)
        return shown
    if items is not None:
        return [
            _replaced(each, members, replace, (*path, f"[{index}]"), secret=secret)
            for index, each in enumerate(items)
        ]
    if value is None or value == "":
        return value
    return replace(path, value) if secret or is_mask(value) else value


def _member(name: str, members: ConfigFields | None) -> tuple[ConfigFields | None, bool]:
    if members is _PLAIN:
        return _PLAIN, False
    field = members.get(name) if members is not None else None
    return (None, is_secret_name(name)) if field is None else (field.fields, field.secret)
