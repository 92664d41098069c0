"""
PURE: fields that have no meaning unless another field has some value.

The server returns null for `daily_sync_time` unless a connection syncs daily, so that a naive
comparison always finds a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeAlias

import attrs

from fivetran_async.as_code._comparing.canonical import is_empty, same
from fivetran_async.as_code._kinds.rules import KindRules
from fivetran_async.as_code._kinds.values import entries

Values: TypeAlias = Mapping[str, object]


@attrs.frozen
class DependentField:
    """
    A field that depends on others.

    Attributes:
        kinds: The kinds that have it.
        name: The top-level field.
        counts: Returns True if the field has a meaning, for the fields that will be in effect.
        reason: Why it has none otherwise.
    """

    kinds: frozenset[str]
    name: str
    counts: Callable[[KindRules, Values], bool]
    reason: str


def _equals(field: str, value: object) -> Callable[[KindRules, Values], bool]:
    def counts(rules: KindRules, values: Values) -> bool:
        return same(rules, "", (field,), values.get(field), value)

    return counts


def _has(field: str) -> Callable[[KindRules, Values], bool]:
    return lambda _, values: not is_empty(values.get(field))


def _has_no_schedule(_: KindRules, values: Values) -> bool:
    # A schedule that repeats the frequency does not override it.
    schedule = entries(values.get("schedule"))
    return is_empty(schedule) or (
        schedule.get("schedule_type") == "INTERVAL"
        and schedule.get("interval") == values.get("sync_frequency")
    )


_CONNECTIONS: Final = frozenset({"connections"})
_BOTH: Final = frozenset({"connections", "destinations"})

DEPENDENT_FIELDS: Final = (
    DependentField(
        _CONNECTIONS,
        "daily_sync_time",
        _equals("sync_frequency", 1440),
        "it counts only with a sync_frequency of 1440",
    ),
    DependentField(
        _CONNECTIONS, "sync_frequency", _has_no_schedule, "the schedule takes precedence"
    ),
    DependentField(
        _CONNECTIONS, "daily_sync_time", _has_no_schedule, "the schedule takes precedence"
    ),
    DependentField(
        _CONNECTIONS,
        "data_delay_threshold",
        _equals("data_delay_sensitivity", "CUSTOM"),
        "it counts only with a data_delay_sensitivity of CUSTOM",
    ),
    DependentField(
        _BOTH,
        "private_link_id",
        _equals("networking_method", "PrivateLink"),
        "it counts only with the networking_method PrivateLink",
    ),
    DependentField(
        _BOTH,
        "proxy_agent_id",
        _equals("networking_method", "ProxyAgent"),
        "it counts only with the networking_method ProxyAgent",
    ),
    DependentField(
        _BOTH,
        "external_secrets_keys_config",
        _has("external_secrets_manager_id"),
        "it counts only with an external_secrets_manager_id",
    ),
)
"""The rules, in the order in which they apply."""

_NAMES: Final = frozenset(rule.name for rule in DEPENDENT_FIELDS)


def without_meaning(rules: KindRules, values: Values, names: Collection[str]) -> dict[str, str]:
    """
    Return the fields that have no meaning in an object, each with the reason.

    Args:
        rules: The rules of the kind.
        values: The fields that will be in effect.
        names: The top-level fields to judge.
    """
    if rules.name not in _BOTH or _NAMES.isdisjoint(names):
        return {}
    found: dict[str, str] = {}
    for rule in DEPENDENT_FIELDS:
        judged = rule.name in names and rule.name not in found and rules.name in rule.kinds
        if judged and not rule.counts(rules, values):
            found[rule.name] = rule.reason
    return found


def losing_meaning(rules: KindRules, before: Values, after: Values) -> list[str]:
    """
    Return the fields with a value that a change of other fields takes the meaning from.

    The server may forget their values, so a later change back has to send them.

    Args:
        rules: The rules of the kind.
        before: The fields before the change.
        after: The fields after it.
    """
    filled = [name for name in sorted(_NAMES) if not is_empty(before.get(name))]
    had_none = without_meaning(rules, before, filled)
    return [name for name in without_meaning(rules, after, filled) if name not in had_none]
