"""PURE: the rules of policies, and what they want of the schema config of a connection."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final, Literal, TypeAlias

import attrs

from fivetran_async._codec._serializable import Serializable
from fivetran_async.as_code._kinds.values import FieldPath, as_items, entries
from fivetran_async.as_code._objects.objects import ManagedObject
from fivetran_async.as_code._objects.records import PLACE_SEPARATOR
from fivetran_async.errors import InvalidArgumentError
from fivetran_async.resources._choices import SyncModeChoice

NewColumns: TypeAlias = Literal["block", "allow", "allow_columns"]
TableColumnsByPlace: TypeAlias = Mapping[tuple[str, str], Mapping[str, Mapping[str, object]]]

_HANDLINGS: Final[Mapping[str, str]] = {
    "block": "BLOCK_ALL",
    "allow": "ALLOW_ALL",
    "allow_columns": "ALLOW_COLUMNS",
}


@attrs.frozen(kw_only=True)
class PolicyRule(Serializable):
    """
    One rule of a policy; `hash_columns`, `block_columns`, `new_columns` and `sync_mode` make them.

    Attributes:
        name: What it does: the name of the function.
        pattern: A regular expression that is searched in the names of columns, ignoring case.
        except_for: Patterns of `connection.schema.table.column`.
        tables: The pattern of `connection.schema.table`.
        value: The value that it sets.
    """

    name: str
    pattern: str = ""
    except_for: tuple[str, ...] = ()
    tables: str = "*"
    value: str = ""

    def matches_column(self, place: str, column: str) -> bool:
        """Return True if the rule is about a column, which is at a place."""
        if not re.search(self.pattern, column, re.IGNORECASE):
            return False
        return not any(fnmatchcase(place, each) for each in self.except_for)


@attrs.frozen(kw_only=True)
class Wish:
    """
    A setting that a rule wants.

    Attributes:
        place: `connection.schema.table.column`, or a part of it.
        path: The place of the setting in the schema config.
        value: The wanted value.
        rule: The name of the rule.
        obstacle: Why the setting cannot be changed; empty if it can.
    """

    place: str
    path: FieldPath
    value: object
    rule: str
    obstacle: str = ""


def hash_columns(pattern: str, *, except_for: str | Iterable[str] = ()) -> PolicyRule:
    """
    Return a rule: columns with such names are hashed before they are loaded.

    Args:
        pattern: A regular expression, searched in the names of columns; letter case is ignored.
        except_for: Patterns of columns to leave alone: `connection.schema.table.column`, in which
            `*` matches any text.

    Raises:
        InvalidArgumentError: The pattern is not a regular expression.
    """
    return PolicyRule(
        name="hash_columns", pattern=_checked(pattern), except_for=_patterns(except_for)
    )


def block_columns(pattern: str, *, except_for: str | Iterable[str] = ()) -> PolicyRule:
    """
    Return a rule: columns with such names are not loaded. Blocking wins over hashing.

    Args:
        pattern: A regular expression, searched in the names of columns; letter case is ignored.
        except_for: Patterns of columns to leave alone: `connection.schema.table.column`.

    Raises:
        InvalidArgumentError: The pattern is not a regular expression.
    """
    return PolicyRule(
        name="block_columns", pattern=_checked(pattern), except_for=_patterns(except_for)
    )


def new_columns(handling: NewColumns) -> PolicyRule:
    """
    Return a rule: what happens to columns that appear in the source.

    Args:
        handling: `block` holds back new columns, and new tables and schemas, too; `allow_columns`
            loads new columns of chosen tables; `allow` loads everything that is new.

    Raises:
        InvalidArgumentError: Another word was given.
    """
    if handling not in _HANDLINGS:
        raise InvalidArgumentError(
            f"handling must be one of {', '.join(_HANDLINGS)}, not {handling!r}."
        )
    return PolicyRule(name="new_columns", value=_HANDLINGS[handling])


def sync_mode(mode: SyncModeChoice, *, tables: str = "*") -> PolicyRule:
    """
    Return a rule: how changed rows of tables are loaded.

    Args:
        mode: `SOFT_DELETE`, `HISTORY` or `LIVE`.
        tables: The pattern of `connection.schema.table`, in which `*` matches any text.
    """
    return PolicyRule(name="sync_mode", tables=tables, value=mode)


def wishes_of(
    rules: Sequence[PolicyRule], each: ManagedObject, name: str, live: TableColumnsByPlace
) -> Iterator[Wish]:
    """
    List the settings that rules want of a schema config, also those that it has.

    Args:
        rules: The rules.
        each: The schema config.
        name: The name of its connection.
        live: The columns that were read from the source, by schema and table.
    """
    for rule in rules:
        if rule.name == "new_columns":
            path = ("schema_change_handling",)
            yield Wish(place=name, path=path, value=rule.value, rule=rule.name)
    for schema, tables in _enabled(each.raw_fields.get("schemas")):
        for table, settings in _enabled(tables.get("tables")):
            yield from _of_table(rules, each, f"{name}.{schema}.{table}", (schema, table), settings)
            columns = {n: dict(entries(v)) for n, v in entries(settings.get("columns")).items()}
            for column, found in live.get((schema, table), {}).items():
                columns[column] = {**found, **columns.get(column, {})}
            for column, known in columns.items():
                place = f"{name}.{schema}.{table}.{column}"
                yield from _of_column(rules, each, place, (schema, table, column), known)


def _of_table(
    rules: Sequence[PolicyRule],
    each: ManagedObject,
    place: str,
    names: tuple[str, str],
    settings: Mapping[str, object],
) -> Iterator[Wish]:
    for rule in rules:
        if rule.name == "sync_mode" and fnmatchcase(place, rule.tables):
            path = ("schemas", names[0], "tables", names[1], "sync_mode")
            obstacle = ""
            if rule.value == "HISTORY" and "history" in unsupported_in(each, names):
                obstacle = "the table does not support the history mode"
            elif settings.get("sync_mode") is None:
                obstacle = "the sync mode of the table cannot be changed"
            yield Wish(place=place, path=path, value=rule.value, rule=rule.name, obstacle=obstacle)


def _of_column(
    rules: Sequence[PolicyRule],
    each: ManagedObject,
    place: str,
    names: tuple[str, str, str],
    settings: Mapping[str, object],
) -> Iterator[Wish]:
    matching = [
        rule
        for rule in rules
        if rule.name in {"hash_columns", "block_columns"} and rule.matches_column(place, names[2])
    ]
    if not matching:
        return
    # Blocking wins over hashing.
    rule = min(matching, key=lambda found: found.name)
    blocks = rule.name == "block_columns"
    if not blocks and settings.get("enabled") is False:
        return
    path = ("schemas", names[0], "tables", names[1], "columns", names[2])
    setting, value = ("enabled", False) if blocks else ("hashed", True)
    yield Wish(
        place=place,
        path=(*path, setting),
        value=value,
        rule=rule.name,
        obstacle=_obstacle(each, names, settings),
    )


def _obstacle(
    each: ManagedObject, names: tuple[str, str, str], settings: Mapping[str, object]
) -> str:
    if settings.get("is_primary_key") is True:
        return "it is a key column"
    if "columns" in unsupported_in(each, names[:2]):
        return "the columns of its table cannot be configured"
    locked = entries(each.raw_observed.get("locked")).get(PLACE_SEPARATOR.join(names))
    allowed = entries(settings.get("enabled_patch_settings"))
    if locked is None and allowed.get("allowed") is False:
        locked = allowed.get("reason") or allowed.get("reason_code")
    return "" if locked is None else f"it cannot be changed: {locked}"


def unsupported_in(each: ManagedObject, names: tuple[str, ...]) -> Sequence[object]:
    """Return what a table does not support: `columns`, `history`."""
    found = entries(each.raw_observed.get("unsupported")).get(PLACE_SEPARATOR.join(names))
    return as_items(found) or ()


def enabled_tables(each: ManagedObject) -> Iterator[tuple[str, str]]:
    """List the tables that are loaded, and that have columns that can be configured."""
    for schema, tables in _enabled(each.raw_fields.get("schemas")):
        for table, _ in _enabled(tables.get("tables")):
            if "columns" not in unsupported_in(each, (schema, table)):
                yield schema, table


def _enabled(members: object) -> Iterator[tuple[str, Mapping[str, object]]]:
    for name, each in entries(members).items():
        settings = entries(each)
        if settings.get("enabled") is not False:
            yield name, settings


def _checked(pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, TypeError) as error:
        raise InvalidArgumentError(f"pattern must be a regular expression: {error}") from None
    return pattern


def _patterns(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)
