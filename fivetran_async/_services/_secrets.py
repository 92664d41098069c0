"""Finds the secrets in the config of a service, nested and in lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, cast

from fivetran_async._services._table import (
    ConfigField,
    ConfigFields,
    ServiceKind,
    fields,
    secret_names,
)

_SECRET_WORDS: Final = (
    "password",
    "passphrase",
    "secret",
    "token",
    "private_key",
    "access_key",
    "api_key",
    "apikey",
    "credential",
    "credentials",
)
_ENDINGS: Final = tuple(f"_{word}" for word in _SECRET_WORDS)


def is_secret_name(name: str) -> bool:
    """Return True if the name looks like a secret; for fields that the table lacks."""
    word = name.casefold()
    return word in secret_names() or word in _SECRET_WORDS or word.endswith(_ENDINGS)


def replace_secrets(
    value: object,
    service: str,
    kind: ServiceKind = "source",
    part: str = "config",
    *,
    by: Callable[[object], object],
) -> object:
    """
    Return a copy of a config with each secret replaced, nested and in lists.

    The table decides for the fields that it has; for other fields, and for services that the table
    lacks, the name decides. All of `auth` is secret.

    Args:
        value: The value of `part`.
        service: The service.
        kind: The kind of service.
        part: `config` or `auth`.
        by: Returns the replacement of one value; nulls and empty strings are not replaced.
    """
    if part == "auth":
        return _replaced_all(value, by)
    return _replaced(value, fields(service, kind, part), by)


def secret_values(
    value: object, service: str, kind: ServiceKind = "source", part: str = "config"
) -> tuple[object, ...]:
    """Return the secret values in a config; see `replace_secrets`."""
    found: list[object] = []
    replace_secrets(value, service, kind, part, by=found.append)
    return tuple(found)


def _replaced(
    value: object, members: ConfigFields | None, by: Callable[[object], object]
) -> object:
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, object]", value)
        return {name: _member(name, each, members, by) for name, each in entries.items()}
    if isinstance(value, (list, tuple)):
        return [_replaced(each, members, by) for each in cast("list[object]", value)]
    return value


def _member(
    name: str, value: object, members: ConfigFields | None, by: Callable[[object], object]
) -> object:
    field: ConfigField | None = members.get(name) if members is not None else None
    if field.secret if field is not None else is_secret_name(name):
        return _replaced_all(value, by)
    return _replaced(value, field.fields if field is not None else None, by)


def _replaced_all(value: object, by: Callable[[object], object]) -> object:
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, object]", value)
        return {name: _replaced_all(each, by) for name, each in entries.items()}
    if isinstance(value, (list, tuple)):
        return [_replaced_all(each, by) for each in cast("list[object]", value)]
    return value if value is None or value == "" else by(value)
