"""
PURE: secrets in the fields of objects, and the references that stand for them.

A secret is never kept: an export writes `{"$secret": "keep"}`, and files refer to the value, as in
`{"$secret": "env:CRM_PASSWORD"}`. The table of services decides which fields of configs are
secrets; for other services and fields the name decides. A run of asterisks is a mask of the server.
In any field, texts that hold a password or a token are secrets: URLs with credentials or a
signature, connection strings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from fivetran_async._services import (
    ConfigFields,
    fields,
    holds_secret,
    is_mask,
    is_secret_name,
)
from fivetran_async.as_code._kinds.rules import KindRules
from fivetran_async.as_code._kinds.values import FieldPath, as_items, as_object, entries

SECRET: Final = "$secret"  # noqa: S105 - the key that marks a reference
NAME: Final = "name"
"""The key of a reference that names the variable of an assignment."""
KEPT: Final = "keep"
SCHEMES: Final = ("env", "file", "cmd")

_PLAIN: Final = ConfigFields()
"""Fields without secrets, other than those that their texts show."""

Replace: TypeAlias = Callable[[FieldPath, object, str], object]
"""Takes the place of a secret, its value, and the name of its variable, if it has one."""


def kept_secret(name: str = "") -> dict[str, object]:
    """Return the stand-in for a secret that the server has."""
    return {NAME: name, SECRET: KEPT} if name else {SECRET: KEPT}


def secret_in(value: object) -> str | None:
    """Return the reference if a value stands for a secret; `keep` refers to the server's value."""
    inner = as_object(value)
    return str(inner[SECRET]) if inner is not None and SECRET in inner else None


def is_reference(value: object) -> bool:
    """Return True if a value refers to a secret that can be sent."""
    reference = secret_in(value)
    return reference is not None and reference != KEPT


def variable_in(value: object) -> str:
    """Return the name of the variable that a reference is the value of; empty if it is of none."""
    inner = as_object(value)
    return str(inner.get(NAME) or "") if inner is not None and SECRET in inner else ""


def with_kept(value: object) -> object:
    """Return a value with `keep` in place of each reference."""
    if secret_in(value) is not None:
        return kept_secret(variable_in(value))
    inner, items = as_object(value), as_items(value)
    if inner is not None:
        return {name: with_kept(each) for name, each in inner.items()}
    return value if items is None else [with_kept(each) for each in items]


def with_values(value: object, secrets: Mapping[str, object]) -> object:
    """
    Return a value with secrets in place of references.

    Args:
        value: The value; it has no reference without a secret, and no `keep`.
        secrets: The secrets by reference.
    """
    reference = secret_in(value)
    if reference is not None:
        name = variable_in(value)
        return f"{name}={secrets[reference]}" if name else secrets[reference]
    inner, items = as_object(value), as_items(value)
    if inner is not None:
        return {name: with_values(each, secrets) for name, each in inner.items()}
    return value if items is None else [with_values(each, secrets) for each in items]


def without_secrets(rules: KindRules, values: Mapping[str, object]) -> dict[str, object]:
    """Return fields, as the server returned them, with each secret replaced by `keep`."""

    def replace(_: FieldPath, value: object, name: str) -> object:
        return value if secret_in(value) else kept_secret(name)

    return replace_secret_values(rules, values, replace)


def replace_secret_values(
    rules: KindRules, values: Mapping[str, object], replace: Replace
) -> dict[str, object]:
    """
    Return a copy of fields with each secret replaced.

    Nulls and empty values are not replaced: they clear a secret.
    """
    service = str(values.get("service") or "")
    return {
        name: _replaced(value, _top(rules, name, service), replace, (name,))
        for name, value in values.items()
    }


def plain_secrets(rules: KindRules, values: Mapping[str, object]) -> list[FieldPath]:
    """Return the places of secrets that are written out, where a reference must be."""
    found: list[FieldPath] = []

    def note(path: FieldPath, value: object, _: str) -> object:
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
        yield from references_in(each, (*path, f"[{variable_in(each) or index}]"))


class _KnownPlace(NamedTuple):
    """What is known of a place: its fields, and whether all of it is secret."""

    rules: KindRules
    members: ConfigFields | None
    """The known fields; where it is None or lacks a name, the name decides."""
    secret: bool = False
    assigns: bool = False


def _top(rules: KindRules, name: str, service: str) -> _KnownPlace:
    """Return what is known of a top-level field."""
    if name == "config":
        kind = rules.config_kind
        return _KnownPlace(rules, fields(service, kind) if kind is not None else None)
    if name == "auth" and name in rules.secrets:
        # All of it, except settings with choices.
        return _KnownPlace(rules, fields(service, rules.config_kind or "source", name), secret=True)
    if name in rules.secrets or name not in rules.shown:
        return _KnownPlace(rules, None, secret=name in rules.secrets or is_secret_name(name))
    return _KnownPlace(rules, None if name in rules.named else _PLAIN)


def _replaced(value: object, place: _KnownPlace, replace: Replace, path: FieldPath) -> object:
    known, items = as_object(value), as_items(value)
    if known is not None and SECRET not in known:
        return {
            name: _replaced(each, _inner(place, name, path), replace, (*path, name))
            for name, each in known.items()
        }
    if items is not None:
        return [
            _replaced(each, place, replace, (*path, f"[{index}]"))
            for index, each in enumerate(items)
        ]
    if value is None or value == "":
        return value
    if place.secret or (isinstance(value, str) and (is_mask(value) or holds_secret(value))):
        name, assigned, _ = value.partition("=") if isinstance(value, str) else ("", "", "")
        return replace(path, value, name if place.assigns and assigned else "")
    return value


def _inner(place: _KnownPlace, name: str, path: FieldPath) -> _KnownPlace:
    rules, members = place.rules, place.members
    if len(path) == 1 and (rules.secrets or rules.assignments or rules.named):
        dotted = f"{path[0]}.{name}"
        assigns = dotted in rules.assignments
        if assigns or dotted in rules.secrets:
            return _KnownPlace(rules, None, secret=True, assigns=assigns)
        if dotted in rules.named:
            return _KnownPlace(rules, None, secret=place.secret)
    if members is _PLAIN:
        return place
    field = members.get(name) if members is not None else None
    if field is None:
        return _KnownPlace(rules, None, secret=place.secret or is_secret_name(name))
    is_setting = bool(field.choices) or field.type == "flag"
    secret = not is_setting if place.secret else field.secret
    return _KnownPlace(rules, field.fields, secret=secret)
