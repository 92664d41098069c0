"""
Rules for `as_code.check` that are ready to use.

Each function returns a rule, so that limits and names can be your own; `READY` has all of them with
their defaults.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final

from fivetran_async._clock import SYSTEM_CLOCK
from fivetran_async.as_code._checks.checks import CheckRule, rule
from fivetran_async.as_code._files.snapshot import Snapshot
from fivetran_async.as_code._kinds.values import entries
from fivetran_async.as_code._objects.objects import ManagedObject
from fivetran_async.errors import InvalidArgumentError

__all__ = [
    "READY",
    "allowed_new_columns",
    "frequent_syncs",
    "idle_owners",
    "unhashed_columns",
    "unsigned_webhooks",
]

PRODUCTION: Final = "*prod*"
"""The pattern of the names of groups in production, without regard to letter case."""

EMAIL: Final = r"(?<!is_)(?<!has_)e[-_]?mail([-_]?addr(ess)?)?[-_]?\d*$|^mail$"
"""The pattern of the names of columns that look like an email address."""

OWNERS: Final = ("Account Administrator", "Account Owner", "Owner")
"""The account roles that can change everything."""


def frequent_syncs(*, minutes: int = 5, groups: str = PRODUCTION) -> CheckRule:
    """
    Return a rule: connections in production that sync every few minutes, and are not paused.

    Args:
        minutes: The longest interval that is a finding, in minutes.
        groups: The pattern of the names of groups, without regard to letter case.
    """

    def frequent_syncs(each: ManagedObject, _: Snapshot) -> Iterator[str]:
        interval = _interval_of(each)
        if interval is None or interval > minutes or each.raw_fields.get("paused") is True:
            return
        if _is_in(each, groups):
            yield f"syncs every {interval} minutes in the group {each.group}"

    return rule("connections")(frequent_syncs)


def unhashed_columns(*, pattern: str = EMAIL) -> CheckRule:
    """
    Return a rule: enabled columns with names that look like an email address, and are not hashed.

    A schema config lists only columns that were changed once, and those of the last reload.

    Args:
        pattern: A regular expression; it is searched in the names of columns, ignoring case.

    Raises:
        InvalidArgumentError: The pattern is not a regular expression.
    """
    try:
        looks_like = re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise InvalidArgumentError(f"pattern must be a regular expression: {error}") from None

    def unhashed_columns(each: ManagedObject, _: Snapshot) -> Iterator[str]:
        for schema, tables in _enabled(each.raw_fields.get("schemas")):
            for table, columns in _enabled(tables.get("tables")):
                for column, settings in _enabled(columns.get("columns")):
                    if settings.get("hashed") is not True and looks_like.search(column):
                        yield f"{schema}.{table}.{column} is not hashed"

    return rule("schemas")(unhashed_columns)


def idle_owners(
    *, days: int = 90, roles: Iterable[str] = OWNERS, now: datetime | None = None
) -> CheckRule:
    """
    Return a rule: users with an owner's role who have not logged in for a long time.

    Args:
        days: The days without a login, or since the creation of a user who never logged in.
        roles: The account roles of owners.
        now: The time to count from; by default the current one.

    Raises:
        InvalidArgumentError: `now` has no time zone.
    """
    if now is not None and now.tzinfo is None:
        raise InvalidArgumentError(f"now must have a time zone, not {now.isoformat()!r}.")
    owners = frozenset(roles)

    def idle_owners(each: ManagedObject, _: Snapshot) -> Iterator[str]:
        if each.raw_fields.get("role") not in owners:
            return
        latest = (now or datetime.fromtimestamp(SYSTEM_CLOCK.time(), UTC)) - timedelta(days=days)
        login, created = _time_in(each, "logged_in_at"), _time_in(each, "created_at")
        if login is not None and login < latest:
            yield f"has the role {each.role}, and last logged in on {login:%Y-%m-%d}"
        elif login is None and created is not None and created < latest:
            yield f"has the role {each.role}, and never logged in since {created:%Y-%m-%d}"

    return rule("users")(idle_owners)


def unsigned_webhooks() -> CheckRule:
    """Return a rule: active webhooks without a secret, so that receivers cannot verify them."""

    def unsigned_webhooks(each: ManagedObject, _: Snapshot) -> Iterator[str]:
        if each.raw_fields.get("active") is not False and not each.raw_fields.get("secret"):
            yield "has no secret, so receivers cannot verify its signature"

    return rule("webhooks")(unsigned_webhooks)


def allowed_new_columns(*, groups: str = PRODUCTION) -> CheckRule:
    """
    Return a rule: connections in production that load new columns without a review.

    Args:
        groups: The pattern of the names of groups, without regard to letter case.
    """

    def allowed_new_columns(each: ManagedObject, _: Snapshot) -> Iterator[str]:
        handling = each.raw_fields.get("schema_change_handling")
        if handling in {"ALLOW_ALL", "ALLOW_COLUMNS"} and _is_in(each, groups):
            yield f"loads new columns without a review: {handling}"

    return rule("schemas")(allowed_new_columns)


READY: Final = (
    frequent_syncs(),
    unhashed_columns(),
    idle_owners(),
    unsigned_webhooks(),
)
"""Rules that suit most accounts, with their defaults."""


def _is_in(each: ManagedObject, groups: str) -> bool:
    return each.group is not None and fnmatchcase(each.group.casefold(), groups.casefold())


def _interval_of(each: ManagedObject) -> int | None:
    """Return the minutes between syncs; None for cron lists and times of the day."""
    schedule = entries(each.raw_fields.get("schedule"))
    value = schedule.get("interval") if schedule else each.raw_fields.get("sync_frequency")
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _enabled(members: object) -> Iterator[tuple[str, Mapping[str, object]]]:
    for name, each in entries(members).items():
        settings = entries(each)
        if settings.get("enabled") is not False:
            yield name, settings


def _time_in(each: ManagedObject, name: str) -> datetime | None:
    value = each.raw_observed.get(name)
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)
