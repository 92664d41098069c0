"""
PURE: the three-way difference of one object: what files want, what was exported, what is live.

Wanted differs from the base: a change. Live differs from the base while wanted does not: drift.
Both differ: a conflict. What is not in a file is not managed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import attrs

from fivetran_async._types import UNSET
from fivetran_async.as_code._comparing.canonical import is_empty, keyed, same
from fivetran_async.as_code._comparing.leaves import Leaf
from fivetran_async.as_code._kinds.rules import KindRules
from fivetran_async.as_code._kinds.values import SCALARS, FieldPath, as_items, as_object
from fivetran_async.as_code._secrets.fields import (
    KEPT,
    SECRET,
    references_in,
    secret_in,
    with_kept,
)

_NO_MEMBERS: Final[Mapping[str, object]] = {}
_BLOCK: Final = "BLOCK_ALL"
_ALLOW: Final = "ALLOW_ALL"
_ROW_FILTER: Final = "row_filter"
"""A filter is sent as a whole; null deletes it."""
_NEVER_DEFAULT: Final = frozenset({_ROW_FILTER, "target_data_type"})


class ConflictLeaf(NamedTuple):
    """A value that changed in the file and on the server, to different values."""

    base: object
    wanted: object
    live: object


@attrs.define
class Difference:
    """
    The three-way difference of one object.

    Attributes:
        changes: What the files change, by path.
        drift: What changed on the server, by path: the value in the base, and the live one.
        conflicts: What changed in both places.
        unchanged_secrets: References to secrets that did not change; the values may have.
        secret_lists: The lists that hold them, where the server takes a list only as a whole.
        refused: Why the object cannot be changed as wanted.
    """

    changes: dict[FieldPath, Leaf] = attrs.field(factory=dict[FieldPath, Leaf])
    drift: dict[FieldPath, Leaf] = attrs.field(factory=dict[FieldPath, Leaf])
    conflicts: dict[FieldPath, ConflictLeaf] = attrs.field(factory=dict[FieldPath, ConflictLeaf])
    unchanged_secrets: dict[FieldPath, str] = attrs.field(factory=dict[FieldPath, str])
    secret_lists: dict[FieldPath, object] = attrs.field(factory=dict[FieldPath, object])
    refused: list[str] = attrs.field(factory=list[str])

    def names(self) -> set[str]:
        """Return the top-level fields that differ."""
        return {path[0] for path in (*self.changes, *self.drift, *self.conflicts)}

    def drop(self, name: str) -> set[FieldPath]:
        """Take out a top-level field, and return the paths in it that differ."""
        found = {p for p in (*self.changes, *self.drift, *self.conflicts) if p[0] == name}
        for path in found:
            self.changes.pop(path, None)
            self.drift.pop(path, None)
            self.conflicts.pop(path, None)
        return found


def difference(
    rules: KindRules,
    service: str,
    *,
    wanted: Mapping[str, object],
    base: Mapping[str, object],
    live: Mapping[str, object],
) -> Difference:
    """Return the difference of the fields of one object."""
    walk = _Walk(rules, service, str(live.get("schema_change_handling") or ""))
    for name in {**wanted, **base, **live}:
        value = wanted.get(name, UNSET)
        if name in rules.readable:
            current = live.get(name, UNSET)
            if value != current or type(value) is not type(current):
                walk.visit((name,), value, base.get(name, UNSET), current)
        elif value is not UNSET:
            # What is never returned compares with what was sent last.
            walk.visit((name,), value, base.get(name, UNSET), base.get(name, UNSET))
    for name in rules.whole:
        _send_whole(walk.found, (name,), wanted, live)
    return walk.found


def _send_whole(
    found: Difference, path: FieldPath, wanted: Mapping[str, object], live: Mapping[str, object]
) -> None:
    """Replace the changed leaves of an object that the server takes only as a whole."""
    inside = [each for each in found.changes if each[: len(path)] == path]
    if inside:
        for each in inside:
            del found.changes[each]
        found.changes[path] = Leaf(live.get(path[0], UNSET), wanted.get(path[0], UNSET))


@attrs.define
class _Walk:
    """Visits the values of one object at all three places."""

    rules: KindRules
    service: str
    handling: str
    found: Difference = attrs.field(factory=Difference)

    def visit(self, path: FieldPath, wanted: object, base: object, live: object) -> None:
        if wanted == live and type(wanted) is type(live) and path[0] in self.rules.readable:
            return
        if wanted is UNSET and base is not UNSET:
            # The key was removed from the file: it is not managed any more.
            return
        values = [value for value in (wanted, base, live) if value is not UNSET]
        if path[-1] != _ROW_FILTER and all(_is_plain_object(value) for value in values):
            self._visit_members(path, wanted, base, live)
        elif self._are_keyed(path, values):
            by_key = [_by_key(path, value) for value in (wanted, base, live)]
            self._visit_items(path, *by_key)
        else:
            self._judge(path, wanted, base, live)

    def _visit_members(self, path: FieldPath, wanted: object, base: object, live: object) -> None:
        # A key of an object that is not managed, or was not there, has no value.
        wants, had, has = (as_object(value) or _NO_MEMBERS for value in (wanted, base, live))
        is_sent = path[0] not in self.rules.readable
        for name in {**wants, **had, **has}:
            value, current = wants.get(name, UNSET), has.get(name, UNSET)
            # Nearly all members are equal; most of the time of a plan is spent here.
            if is_sent or value != current or type(value) is not type(current):
                self.visit((*path, name), value, had.get(name, UNSET), current)

    def _are_keyed(self, path: FieldPath, values: list[object]) -> bool:
        for value in values:
            items = as_items(value)
            if items is None or keyed(path, items) is None:
                return False
            # A list with secrets is sent whole, with all of them.
            if any(references_in(items)):
                return False
        return True

    def _visit_items(
        self,
        path: FieldPath,
        wanted: Mapping[str, object] | None,
        base: Mapping[str, object] | None,
        live: Mapping[str, object] | None,
    ) -> None:
        if wanted is None:
            self._visit_members(path, UNSET, base or UNSET, live or UNSET)
            return
        for name in {**wanted, **(base or {}), **(live or {})}:
            place = (*path, name)
            values = [UNSET if each is None else each.get(name, UNSET) for each in (base, live)]
            if name in wanted:
                self.visit(place, wanted[name], *values)
            elif values[1] is not UNSET:
                self._judge_removed(place, *values)

    def _judge_removed(self, path: FieldPath, base: object, live: object) -> None:
        """Judge an item that the file's list lacks: removed there, or added on the server."""
        if base is UNSET:
            self.found.drift[path] = Leaf(UNSET, live)
        elif same(self.rules, self.service, path, base, live):
            self.found.changes[path] = Leaf(live, UNSET)
        else:
            self.found.conflicts[path] = ConflictLeaf(base, UNSET, live)

    def _judge(self, path: FieldPath, wanted: object, base: object, live: object) -> None:
        if wanted is UNSET:
            if not self._same(path, UNSET, live) and not self._is_default(path, live):
                self.found.drift[path] = Leaf(base, live)
            return
        if type(wanted) not in SCALARS and any(references_in(wanted)):
            self._judge_secret(path, wanted, base, live)
            return
        if secret_in(live) is not None and not is_empty(wanted):
            self.found.refused.append(
                f"{'.'.join(path)} is masked by the server, so its value must be a reference"
            )
            return
        if self._same(path, wanted, live) or (live is UNSET and self._is_untouched(path, wanted)):
            return
        if self._same(path, base, live):
            self.found.changes[path] = Leaf(live, wanted)
        elif self._same(path, wanted, base):
            self.found.drift[path] = Leaf(base, live)
        else:
            self.found.conflicts[path] = ConflictLeaf(base, wanted, live)

    def _judge_secret(self, path: FieldPath, wanted: object, base: object, live: object) -> None:
        references = dict(references_in(wanted, path))
        to_send = {place: each for place, each in references.items() if each != KEPT}
        is_list = secret_in(wanted) is None
        if (
            is_list
            and self._same(path, wanted, base)
            and not self._same(path, with_kept(base), live)
        ):
            # The values are not known, but the server has other names or other settings.
            self.found.drift[path] = Leaf(base, live)
            return
        if not to_send:
            if is_list and not self._same(path, wanted, live):
                self.found.refused.append(
                    f"{'.'.join(path)} holds secrets that the server takes only together with the"
                    " list: refer to each of them"
                )
            return
        if is_list and len(to_send) < len(references):
            self.found.refused.append(
                f"{'.'.join(path)} is sent whole, so each of its secrets needs a reference"
            )
        elif self._same(path, wanted, base):
            self.found.unchanged_secrets.update(to_send)
            if is_list:
                self.found.secret_lists[path] = wanted
        else:
            self.found.changes[path] = Leaf(live, wanted)

    def _same(self, path: FieldPath, one: object, other: object) -> bool:
        return same(self.rules, self.service, path, one, other)

    def _is_untouched(self, path: FieldPath, wanted: object) -> bool:
        return is_untouched_setting(self.rules, path, self.handling, wanted)

    def _is_default(self, path: FieldPath, live: object) -> bool:
        """Return True if something new in a schema is as the change policy makes it."""
        if self.rules.name != "schemas" or path[0] != "schemas":
            return False
        if path[-1] == "enabled":
            is_column = is_column_setting(self.rules, path)
            return live is (self.handling != _BLOCK if is_column else self.handling == _ALLOW)
        if path[-1] == "hashed":
            return live is False
        return path[-1] not in _NEVER_DEFAULT


def is_column_setting(rules: KindRules, path: FieldPath) -> bool:
    """Return True for a path to a setting of a column."""
    return rules.name == "schemas" and len(path) == 7 and path[4] == "columns"


def is_untouched_setting(rules: KindRules, path: FieldPath, handling: str, value: object) -> bool:
    """
    Return True if a column that the server does not list has this setting.

    Args:
        rules: The rules of the kind.
        path: The place of the setting.
        handling: The change policy of the schema config.
        value: The setting.
    """
    if not is_column_setting(rules, path):
        return False
    if path[-1] == "hashed":
        return value is False
    if path[-1] == "enabled":
        # Under BLOCK_ALL a column can be either, so a wanted setting is sent.
        return value is True and handling != _BLOCK
    return path[-1] == "is_primary_key"


def _is_plain_object(value: object) -> bool:
    inner = as_object(value)
    return inner is not None and SECRET not in inner


def _by_key(path: FieldPath, value: object) -> Mapping[str, object] | None:
    items = as_items(value)
    return None if items is None else keyed(path, items)
