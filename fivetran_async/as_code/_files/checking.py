"""PURE: checks of the files of objects, before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final

from fivetran_async._services import ConfigFields, nearest
from fivetran_async._services import fields as config_fields
from fivetran_async.as_code._files.json_files import name_of
from fivetran_async.as_code._kinds.addresses import kind_in, parts_of
from fivetran_async.as_code._kinds.rules import KIND_NAMES, KINDS_BY_NAME, KindRules
from fivetran_async.as_code._kinds.values import as_items, as_object, dotted, entries
from fivetran_async.as_code._objects.records import references_of, schema_named
from fivetran_async.as_code._secrets.fields import (
    KEPT,
    SCHEMES,
    SECRET,
    plain_secrets,
    references_in,
)

_PARTS: Final[Mapping[str, tuple[int, ...]]] = {
    "connections": (2,),
    "schemas": (2,),
    "webhooks": (2,),
    "transformation_projects": (2,),
    "memberships": (4, 5),
    "certificates": (3, 4),
    "fingerprints": (3, 4),
}
"""The number of parts of an address after its kind, where it is not one."""

_PLACES: Final = {
    "memberships": (
        "(users|teams)/[^/]+/groups/[^/]+",
        "(users|teams)/[^/]+/connections/[^/]+/[^/]+",
        "teams/[^/]+/users/[^/]+",
    ),
    **dict.fromkeys(
        ("certificates", "fingerprints"),
        ("connections/[^/]+/[^/]+/[^/]+", "destinations/[^/]+/[^/]+"),
    ),
}
"""What follows the kind in addresses that hold the address of another object."""
_EXAMPLES: Final = {
    "memberships": "teams/NAME/users/EMAIL",
    "certificates": "connections/GROUP/SCHEMA/HASH",
    "fingerprints": "connections/GROUP/SCHEMA/HASH",
}

_OBJECTS: Final = frozenset(
    {
        "config",
        "auth",
        "schedule",
        "schemas",
        "destination_configuration",
        "external_secrets_keys_config",
        "transformation_config",
        "project_config",
    }
)
_LEVELS: Final = (
    ("schemas", frozenset({"enabled"})),
    ("tables", frozenset({"enabled", "sync_mode", "row_filter"})),
    ("columns", frozenset({"enabled", "hashed", "is_primary_key", "target_data_type"})),
)


def problems_in(
    address: str, values: Mapping[str, object], base: Mapping[str, object] | None
) -> Iterator[str]:
    """
    List what is wrong with the file of one object, each as `KEY: problem`.

    Args:
        address: The address that the file's name encodes.
        values: The content of the file.
        base: The fields that the last export wrote; its keys are always accepted.
    """
    kind = kind_in(address)
    rules = KINDS_BY_NAME.get(kind)
    if rules is None:
        near = nearest(kind, KIND_NAMES)
        hint = f"did you mean {near!r}?" if near else f"the kinds are {', '.join(KIND_NAMES)}"
        yield f"unknown kind {kind!r}; {hint}"
        return
    problem = _address_problem(rules, address)
    if problem is not None:
        yield problem
        return
    yield from _key_problems(rules, values, base or {})
    yield from _secret_problems(rules, values)
    yield from _reference_problems(rules, values)
    if kind == "connections":
        yield from _name_problems(address, values, base or {})


def _address_problem(rules: KindRules, address: str) -> str | None:
    """Return why an address cannot be one of an object, or None."""
    kind, *parts = parts_of(address)
    counts = _PARTS.get(kind, (1,))
    if len(parts) not in counts or not all(parts):
        plural = "" if counts[0] == 1 else "s"
        return f"an address of a {rules.noun} has {counts[0]} part{plural} after {kind!r}"
    places = _PLACES.get(kind, ())
    if places and not any(
        re.fullmatch(place, "/".join(address.split("/")[1:])) for place in places
    ):
        return f"an address of a {rules.noun} is like {kind}/{_EXAMPLES[kind]}"
    return None


def unknown_references(
    rules: KindRules, values: Mapping[str, object], is_known: Callable[[str], bool]
) -> Iterator[str]:
    """List the references to addresses that exist nowhere, each as `KEY: problem`."""
    for path, reference in references_of(rules, values):
        if not is_known(reference):
            yield f"{path}: refers to {reference!r}, which does not exist"


def unknown_keys(rules: KindRules, values: Collection[str]) -> list[str]:
    """Return the keys that no version of the API is known to have."""
    return [key for key in values if key not in rules.accepted]


def _key_problems(
    rules: KindRules, values: Mapping[str, object], base: Mapping[str, object]
) -> Iterator[str]:
    for key, value in values.items():
        if key in rules.accepted:
            if key in _OBJECTS and value is not None and not isinstance(value, Mapping):
                yield f"{key}: must be an object, not {name_of(value)}"
        elif key not in base:
            yield from _key_problem(rules, key)
    if rules.name == "schemas":
        yield from _level_problems(values.get("schemas"), base.get("schemas"), 0, "schemas")
    elif rules.config_kind is not None:
        members = config_fields(str(values.get("service") or ""), rules.config_kind)
        yield from _config_problems(entries(values.get("config")), members, base)


def _config_problems(
    config: Mapping[str, object], members: ConfigFields, base: Mapping[str, object]
) -> Iterator[str]:
    for key in config.keys() - members.keys() - entries(base.get("config")).keys():
        near = nearest(key, members)
        if near and near not in config:
            yield f"config.{key}: unknown key; did you mean {near!r}?"


def _key_problem(rules: KindRules, key: str) -> Iterator[str]:
    if key in rules.actions:
        yield f"{key}: starts an action, so it cannot be in a file"
    elif key in rules.owned:
        yield f"{key}: is set by the server, so it cannot be in a file"
    elif near := nearest(key, rules.shown | rules.actions):
        yield f"{key}: unknown key; did you mean {near!r}?"


def _level_problems(value: object, base: object, level: int, place: str) -> Iterator[str]:
    """List misspelt keys of schemas, tables and columns."""
    for name, each in entries(value).items():
        here = f"{place}.{name}"
        settings = as_object(each)
        if settings is None:
            yield f"{here}: must be an object, not {name_of(each)}"
            continue
        known = entries(entries(base).get(name))
        inner = _LEVELS[level + 1][0] if level + 1 < len(_LEVELS) else None
        allowed = {*_LEVELS[level][1], *([inner] if inner else [])}
        for key in settings:
            if key not in allowed and key not in known:
                near = nearest(key, allowed)
                hint = f"; did you mean {near!r}?" if near else ""
                yield f"{here}.{key}: unknown key{hint}"
        if inner is not None:
            yield from _level_problems(
                settings.get(inner), known.get(inner), level + 1, f"{here}.{inner}"
            )


def _secret_problems(rules: KindRules, values: Mapping[str, object]) -> Iterator[str]:
    if SECRET in values:
        yield f"{SECRET}: belongs into the value of a key, as in {{{SECRET!r}: 'env:NAME'}}"
    for path in plain_secrets(rules, values):
        yield (
            f"{dotted(path)}: is a secret, so the file must refer to it, "
            'as in {"$secret": "env:NAME"}'
        )
    for path, reference in references_in(values):
        scheme, colon, rest = reference.partition(":")
        if reference != KEPT and (not colon or not rest):
            hint = ", ".join(f"{scheme}:..." for scheme in SCHEMES)
            yield f"{dotted(path)}: a secret must be 'keep' or {hint}, not {reference!r}"
        elif reference != KEPT and scheme not in SCHEMES and (near := nearest(scheme, SCHEMES)):
            yield f"{dotted(path)}: unknown scheme {scheme!r}; did you mean {near!r}?"


def _reference_problems(rules: KindRules, values: Mapping[str, object]) -> Iterator[str]:
    for path, kinds in rules.references.items():
        top, _, rest = path.partition(".")
        value = entries(values.get(top)).get(rest) if rest else values.get(top)
        if value is None:
            continue
        items = as_items(value) if path.endswith("_ids") else (value,)
        if items is None:
            yield f"{path}: must be a list of addresses, not {name_of(value)}"
        for each in items or ():
            if not isinstance(each, str) or kind_in(each) not in kinds or "/" not in each:
                shown = repr(each) if isinstance(each, str) else name_of(each)
                yield f"{path}: must be an address such as '{kinds[0]}/NAME', not {shown}"


def _name_problems(
    address: str, values: Mapping[str, object], base: Mapping[str, object]
) -> Iterator[str]:
    named = schema_named(entries(values.get("config")))
    if named == schema_named(entries(base.get("config"))):
        # However the server made the address of this name.
        return
    expected = parts_of(address)[2]
    accepted = {expected.casefold(), expected.rpartition("~")[0].casefold()}
    if named is not None and named.casefold() not in accepted:
        yield f"config: names the schema {named!r}, but the address names {expected!r}"
