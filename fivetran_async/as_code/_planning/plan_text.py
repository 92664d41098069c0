"""PURE: a plan as text for people: grouped, so that one edit of many objects is one entry."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from fivetran_async._types import UNSET
from fivetran_async.as_code._comparing.leaves import Leaf
from fivetran_async.as_code._kinds.rules import rules_of
from fivetran_async.as_code._kinds.values import FieldPath, as_items, as_object, dotted
from fivetran_async.as_code._planning.changes import Change, Conflict, Hazard, PlanCost
from fivetran_async.as_code._secrets.fields import secret_in, variable_in

_NAMED: Final = 3
"""The addresses that an entry names."""
_GROUPS: Final = 12
"""The entries of a section."""
_FIELDS: Final = 6
"""The leaves that an entry shows."""
_WIDTH: Final = 60


def plan_text(
    *,
    account: str,
    changes: Sequence[Change],
    drift: Sequence[Change],
    conflicts: Sequence[Conflict],
    refused: Mapping[str, str],
    ignored: Mapping[str, Mapping[FieldPath, str]],
    may_send: Mapping[str, Mapping[FieldPath, str]],
    hazards: Sequence[Hazard],
    cost: PlanCost,
    undoes: str,
) -> str:
    """Return the text of a plan."""
    what = f"Undo of {undoes}" if undoes else "Plan"
    lines = [f"{what}{f' for {account}' if account else ''}: {_summary(changes)}"]
    lines += _section("", _change_groups(changes))
    lines += _section("Changed on the server, and kept:", _change_groups(drift))
    lines += _section("In conflict, and not applied:", _conflict_groups(conflicts))
    lines += _section("Refused:", _reason_groups(refused))
    reasons = {
        f"{address}: {dotted(path)}": reason
        for address, each in ignored.items()
        for path, reason in each.items()
    }
    lines += _section("Ignored:", _ignored_groups(reasons))
    secrets = [f"{a}: {dotted(path)}" for a, each in may_send.items() for path in each]
    if secrets:
        lines += ["", f"Secrets that may be sent, if their values changed: {_named(secrets)}"]
    lines += _section("Hazards:", _hazard_groups(hazards))
    if changes:
        lines += ["", _cost_line(cost)]
    return printable_text("\n".join(lines))


def printable_text(text: str) -> str:
    """Replace control characters: a name must not be able to control the terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)


def shown_value(value: object) -> str:
    """Return a value as it is shown: short, and secrets by their references."""
    if value is UNSET:
        return "nothing"
    readable = _with_readable_secrets(value)
    if secret_in(value) is not None:
        return str(readable)
    text = json.dumps(readable, ensure_ascii=False, default=str)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def _with_readable_secrets(value: object) -> object:
    reference = secret_in(value)
    if reference is not None:
        name = variable_in(value)
        return f"secret {name}={reference}" if name else f"secret {reference}"
    inner, items = as_object(value), as_items(value)
    if inner is not None:
        return {name: _with_readable_secrets(each) for name, each in inner.items()}
    return value if items is None else [_with_readable_secrets(each) for each in items]


def _summary(changes: Sequence[Change]) -> str:
    if not changes:
        return "no changes"
    counts: dict[str, int] = {}
    for change in changes:
        counts[change.action] = counts.get(change.action, 0) + 1
    parts = (f"{count} to {action}" for action, count in counts.items())
    return ", ".join(parts)


def _section(title: str, groups: Iterable[str]) -> list[str]:
    entries = list(groups)
    if not entries:
        return []
    shown = entries[:_GROUPS]
    more = len(entries) - len(shown)
    lines = ["", title] if title else [""]
    lines += [f"  {line}" for entry in shown for line in entry.split("\n")]
    return [*lines, f"  ... and {more} more"] if more else lines


def _change_groups(changes: Sequence[Change]) -> Iterator[str]:
    """Join changes that set the same leaves to the same values, whatever they were before."""
    groups: dict[tuple[object, ...], list[Change]] = {}
    for change in changes:
        is_update = change.action in {"update", "move"}
        afters = tuple((p, shown_value(leaf.after)) for p, leaf in change.leaves.items())
        key = (change.kind, change.action, afters if is_update else ())
        groups.setdefault(key, []).append(change)
    for group in groups.values():
        yield _change_group(group)


def _change_group(group: Sequence[Change]) -> str:
    first = group[0]
    title = f"{first.action} {_count(len(group), first.kind)}: {_named([c.address for c in group])}"
    if first.action == "delete":
        return title
    if first.action == "create" and len(group) > 1:
        return title
    lines = [
        f"    {dotted(path)}: {_before(group, path)}{shown_value(leaf.after)}"
        for path, leaf in list(first.leaves.items())[:_FIELDS]
    ]
    more = len(first.leaves) - len(lines)
    if more > 0:
        lines.append(f"    ... and {more} more fields")
    return "\n".join([title, *lines])


def _before(group: Sequence[Change], path: FieldPath) -> str:
    if group[0].action == "create":
        return ""
    nothing = Leaf(UNSET, UNSET)
    values = {shown_value(change.leaves.get(path, nothing).before): None for change in group}
    found = sorted(values)
    text = " or ".join(found[:_NAMED])
    return f"{text}{' or others' if len(found) > _NAMED else ''} -> "


def _conflict_groups(conflicts: Sequence[Conflict]) -> Iterator[str]:
    for conflict in conflicts:
        lines = [
            f"    {dotted(path)}: {shown_value(leaf.wanted)} in the file,"
            f" {shown_value(leaf.live)} on the server, {shown_value(leaf.base)} before"
            for path, leaf in list(conflict.leaves.items())[:_FIELDS]
        ]
        yield "\n".join([conflict.address, *lines])


def _reason_groups(reasons: Mapping[str, str]) -> Iterator[str]:
    yield from _joined(reasons.items(), lambda where, reason: f"{where}: {reason}")


def _ignored_groups(reasons: Mapping[str, str]) -> Iterator[str]:
    # Of one field in many objects, the reason is the same.
    pairs = ((where, f"{where.rpartition(': ')[2]}: {reason}") for where, reason in reasons.items())
    found = ((where.rpartition(": ")[0], reason) for where, reason in pairs)
    yield from _joined(found, lambda where, reason: f"{reason} ({where})")


def _hazard_groups(hazards: Sequence[Hazard]) -> Iterator[str]:
    pairs = ((hazard.address, hazard.text) for hazard in hazards)
    yield from _joined(pairs, lambda where, text: f"{text}: {where}")


def _joined(pairs: Iterable[tuple[str, str]], shown: Callable[[str, str], str]) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for where, reason in pairs:
        groups.setdefault(reason, []).append(where)
    for reason, places in groups.items():
        yield shown(_named(places), reason)


def _named(places: Sequence[str]) -> str:
    shown = ", ".join(places[:_NAMED])
    more = len(places) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def _count(number: int, kind: str) -> str:
    if number == 1:
        return rules_of(kind).noun
    return f"{number} {kind.replace('_', ' ')}"


def _cost_line(cost: PlanCost) -> str:
    quotas = "".join(f", {count} of the quota {name}" for name, count in cost.quotas.items())
    stopped = cost.stopped_syncs
    syncs = f"; {stopped} running sync{'s stop' if stopped > 1 else ' stops'}" if stopped else ""
    minutes = "less than a minute" if cost.minutes < 1 else f"about {cost.minutes:.0f} min"
    return f"Costs at most {cost.requests} requests{quotas}, {minutes}{syncs}."
