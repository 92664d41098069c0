"""The commands that change fields of connections, and copy groups, without files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast

from fivetran_async import as_code
from fivetran_async.as_code import ManagedObject, Plan, Snapshot
from fivetran_async.as_code._kinds.addresses import quoted
from fivetran_async.as_code._kinds.rules import KINDS_BY_NAME
from fivetran_async.cli._as_code_runs import (
    NOTHING,
    agreed,
    carry_out_allowed,
    counting,
    end,
    print_plan,
)
from fivetran_async.cli._as_code_views import skipped_notes
from fivetran_async.cli._context import Context
from fivetran_async.cli._file_options import CloneOptions, SetOptions
from fivetran_async.cli._filters import ConnectionFilter, select
from fivetran_async.cli._options import PROGRAM, ExitCode, UnusableOptionError, suggestion
from fivetran_async.configs import check as check_config

_IN_GROUPS: Final = {
    "destinations/": "",
    "connections/": "/*",
    "webhooks/": "/*",
    "log_services/": "",
    "transformation_projects/": "/*",
}
"""The addresses of what a group has, before and after its name."""
_UNPLAIN: Final = re.compile(r"[*?\[\]]")


async def set_fields(context: Context, options: SetOptions) -> ExitCode:
    """Change fields of the selected connections."""
    fields = named_fields(options.fields)
    _check_names(fields)
    chosen, groups = ConnectionFilter(options), set[str]()
    named = set(await select(context, options)) if options.ids else None
    ids: set[str] = set()
    with context.output.working("Reading connections") as progress:
        async for page in chosen.pages(context.fivetran):
            selected = [each for each in page if named is None or each.id in named]
            ids |= {connection.id for connection in selected}
            groups |= {connection.group_id for connection in selected}
            progress(f"{chosen.read} connections read, {len(ids)} selected")
    if named and named != ids:
        missing = ", ".join(map(repr, sorted(named - ids)))
        raise UnusableOptionError(
            f"the account has no connection with the id {missing}; `{PROGRAM} connections` lists "
            "the ids"
        )
    if not ids:
        context.output.note("No connection matches the filters.")
        return end(context, None)
    with counting(context.fivetran, context.output, "Reading their fields") as (fivetran, _):
        account_groups = await fivetran.groups.list().collect()
        _refuse_unknown_group(fields, {group.name: group.id for group in account_groups})
        names = [group.name for group in account_groups if group.id in groups]
        live = await as_code.export(fivetran, only=_globs_of(names), schemas=False)
    for each in live.values():
        if each.kind == "connections" and each.id in ids:
            _refuse_misspelt(each, fields)
    wanted = live.change(lambda each: each.kind == "connections" and each.id in ids, **fields)
    unread = _report_unread(context, live, ids)
    code = await _propose(context, as_code.plan(wanted, live=live, moves=options.moves), options)
    return code or unread


def _report_unread(context: Context, live: Snapshot, ids: set[str]) -> ExitCode:
    """Report the chosen connections that could not be read, and why."""
    unread = ids - {each.id for each in live.values() if each.kind == "connections"}
    for connection_id in sorted(unread):
        context.output.fail(f"{connection_id} cannot be read and is not changed")
    if not unread:
        return ExitCode.DONE
    _report_skipped(context, live, "connections/")
    return ExitCode.REFUSED


async def _propose(context: Context, found: Plan, options: SetOptions) -> ExitCode:
    """Show a plan, and carry it out if it was agreed to."""
    if options.dry_run:
        print_plan(context, found)
        return _refused_whole(context, found) or ExitCode.DONE
    if not await agreed(context, found, yes=options.yes):
        return ExitCode.REFUSED
    return _refused_whole(context, found) or await carry_out_allowed(context, found, options)


def _report_skipped(context: Context, live: Snapshot, *starts: str) -> ExitCode:
    """Report what could not be read: a run without it must not end like one that did everything."""
    skipped = {address: why for address, why in live.skipped.items() if address.startswith(starts)}
    for line in skipped_notes(skipped):
        context.output.fail(line)
    return ExitCode.REFUSED if skipped else ExitCode.DONE


def _check_names(fields: Mapping[str, object]) -> None:
    """
    Refuse what is not a field of connections, before anything is read.

    Raises:
        InvalidArgumentError: No kind has the field, or the server owns it.
        UnusableOptionError: Another kind has it.
    """
    Snapshot({}).change(lambda _: True, **fields)
    accepted = KINDS_BY_NAME["connections"].accepted
    for name in fields:
        if name != "group" and name not in accepted:
            hint = suggestion(name, accepted)
            raise UnusableOptionError(f"{name!r} is not a field of connections{hint}")


def _refuse_misspelt(connection: ManagedObject, fields: Mapping[str, object]) -> None:
    """
    Refuse a field of config that resembles one of the service; the API would do so after others.

    Raises:
        UnusableOptionError: A field is misspelt.
    """
    config, service = fields.get("config"), connection.service
    if not isinstance(service, str) or not isinstance(config, dict):
        return
    for problem in check_config(service, cast("dict[str, object]", config)):
        if problem.nearest is not None:
            raise UnusableOptionError(f"config.{problem}")


def _refuse_unknown_group(fields: Mapping[str, object], groups: Mapping[str, str]) -> None:
    """
    Refuse a group that does not exist, or that is given by its id; `groups` has ids by name.

    Raises:
        UnusableOptionError: No group has the name.
    """
    wanted = fields.get("group", fields.get("group_id"))
    if not isinstance(wanted, str) or wanted in (groups if "group" in fields else ()):
        return
    named = [name for name, group_id in groups.items() if group_id == wanted]
    if named:
        raise UnusableOptionError(
            f"set takes the name of a group, and {wanted!r} is an id: write group={named[0]}"
        )
    if "group" in fields or not wanted.startswith("groups/"):
        raise UnusableOptionError(_no_group(wanted, groups))


def _refused_whole(context: Context, found: Plan) -> ExitCode | None:
    """Report a plan that changes nothing because all that was asked for is refused or ignored."""
    if found.changes or found.may_send or not (found.refused or found.ignored):
        return None
    context.output.fail("Nothing was changed: see the reasons above.")
    return ExitCode.REFUSED


async def clone_group(context: Context, options: CloneOptions) -> ExitCode:
    """Copy the objects of a group to another group; new secrets come from references."""
    names = [_pattern_of(name) for name in (options.group, options.to)]
    only = [f"{kind}{name}{rest}" for kind, rest in _IN_GROUPS.items() for name in names]
    with counting(context.fivetran, context.output, "Reading the groups") as (fivetran, _):
        live = await as_code.export(fivetran, only=["groups/*", *only])
    if not any(each.group == options.group for each in live.values()):
        raise UnusableOptionError(_unknown_group(live, options.group))
    inside = {each.address for each in live.values() if each.group == options.group}
    there = {address for address in inside if _copy_of(address, options.to) in live}
    chosen = {address for address in inside - there if not address.startswith("groups/")}
    for address in sorted(there):
        copy = live[_copy_of(address, options.to)]
        # An interrupted clone leaves it so.
        state = " (paused)" if copy.paused and not live[address].paused else ""
        context.output.note(f"Already there: {copy.address}{state}")
    if not chosen:
        context.output.note(NOTHING)
        return end(context, None) or _skipped_of(context, live, options)
    wanted = live.clone(lambda each: each.address in chosen, group=options.to)
    found = as_code.plan(wanted, live=live)
    if options.dry_run:
        print_plan(context, found)
        return _skipped_of(context, live, options)
    if not await agreed(context, found, yes=options.yes):
        return ExitCode.REFUSED
    code = await carry_out_allowed(context, found, options)
    return code or _skipped_of(context, live, options)


def _skipped_of(context: Context, live: Snapshot, options: CloneOptions) -> ExitCode:
    own = (f"{kind}{quoted(options.group)}" for kind in _IN_GROUPS)
    return _report_skipped(context, live, *own, "connections/*", "destinations/*")


def _unknown_group(live: Snapshot, wanted: str) -> str:
    groups = {each.id: str(each.name) for each in live.values() if each.kind == "groups"}
    if wanted in groups:
        return f"clone takes the name of a group, and {wanted!r} is an id: use {groups[wanted]!r}"
    return _no_group(wanted, groups.values())


def _no_group(wanted: str, names: Iterable[str]) -> str:
    hint = suggestion(wanted, names) or ";"
    return f"there is no group with the name {wanted!r}{hint} `{PROGRAM} groups` lists the names"


def _copy_of(address: str, group: str) -> str:
    """Return the address of the copy of an object in another group."""
    kind, _, *rest = address.split("/")
    return "/".join([kind, quoted(group), *rest])


def _pattern_of(name: str) -> str:
    """Return a pattern that matches at least the part of an address for a name."""
    return _UNPLAIN.sub("?", quoted(name))


def _globs_of(names: Iterable[str]) -> list[str]:
    """Return patterns that match at least the connections of groups with some names."""
    return [f"connections/{_pattern_of(name)}*/*" for name in names]


def named_fields(texts: Sequence[str]) -> dict[str, object]:
    """
    Return the fields that `FIELD=VALUE` texts name; dots reach into objects.

    A value is JSON if it can be, such as 60, true, null or a list, and text otherwise.

    Raises:
        UnusableOptionError: Two of them name the same field.
    """
    found: dict[str, object] = {}
    for text in texts:
        name, _, value = text.partition("=")
        *outer, last = name.split(".")
        place = found
        for step in outer:
            inner = place.setdefault(step, dict[str, object]())
            if not isinstance(inner, dict):
                raise UnusableOptionError(
                    f"{name!r} is given twice, as a value and an object: give it once"
                )
            place = cast("dict[str, object]", inner)
        if last in place:
            raise UnusableOptionError(f"{name!r} is given twice: give it once")
        place[last] = _value_of(value)
    return found


def _value_of(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
