"""The lists of groups, destinations, users and webhooks; the account and its quotas."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from fivetran_async._model import Model
from fivetran_async.cli._context import Context
from fivetran_async.cli._documents import document_of
from fivetran_async.cli._filters import check_groups
from fivetran_async.cli._options import CommandOptions, ExitCode
from fivetran_async.cli._specs import GroupOptions
from fivetran_async.cli._table import Cell, OutputTable, Record, Summary
from fivetran_async.limits import BudgetState
from fivetran_async.pagination import Pager
from fivetran_async.resources.destinations import Destination
from fivetran_async.resources.groups import Group
from fivetran_async.resources.users import User
from fivetran_async.resources.webhooks import Webhook

M = TypeVar("M", bound=Model)

_GROUPS: Final = OutputTable(
    "groups", ("id", "name", "created"), example=lambda: document_of(Group(id=""))
)
_DESTINATIONS: Final = OutputTable(
    "destinations",
    ("id", "service", "region", "status"),
    example=lambda: document_of(Destination(id="")),
)
_USERS: Final = OutputTable(
    "users",
    ("id", "email", "name", "role", "type", "last login"),
    example=lambda: document_of(User(id="")),
)
_WEBHOOKS: Final = OutputTable(
    "webhooks",
    ("id", "type", "group", "active", "events", "url"),
    example=lambda: document_of(Webhook(id="")),
)
_LIMITS: Final = OutputTable(
    "limits",
    ("quota", "remaining", "limit", "seconds", "paused for"),
    numbers=(1, 2, 3, 4),
    example=lambda: {"waiting": 0},
)


async def groups(context: Context, options: CommandOptions) -> ExitCode:  # noqa: ARG001 - the signature of all commands
    """List groups."""
    return await _list(
        context,
        _GROUPS,
        [context.fivetran.groups.list()],
        lambda group: (group.id, group.name, group.created_at),
    )


async def destinations(context: Context, options: GroupOptions) -> ExitCode:
    """List destinations; each has the id of its group."""
    return await _list(
        context,
        _DESTINATIONS,
        [context.fivetran.destinations.list()],
        lambda each: (each.id, each.service, each.region, each.setup_status.casefold()),
        wanted=options.group,
        group_of=lambda each: each.group_id or each.id,
    )


async def users(context: Context, options: GroupOptions) -> ExitCode:
    """List the users of the account, or those of groups with their roles there."""
    fivetran = context.fivetran
    if options.group:
        await check_groups(fivetran, options.group)
    pagers = [fivetran.groups.users.list(group) for group in options.group]
    return await _list(
        context,
        _USERS,
        pagers or [fivetran.users.list()],
        lambda user: (
            user.id,
            user.email,
            " ".join(filter(None, (user.given_name, user.family_name))) or None,
            user.role,
            user.user_type,
            user.logged_in_at,
        ),
    )


async def webhooks(context: Context, options: GroupOptions) -> ExitCode:
    """List webhooks; those of the account concern every group."""
    return await _list(
        context,
        _WEBHOOKS,
        [context.fivetran.webhooks.list()],
        lambda each: (
            each.id,
            each.type,
            each.group_id,
            each.active,
            ", ".join(each.events),
            each.url,
        ),
        wanted=options.group,
        group_of=lambda each: each.group_id,
    )


async def _list(
    context: Context,
    table: OutputTable,
    pagers: Sequence[Pager[M]],
    row: Callable[[M], tuple[Cell, ...]],
    *,
    wanted: Sequence[str] = (),
    group_of: Callable[[M], str | None] | None = None,
) -> ExitCode:
    shown = 0
    with context.output.working(f"Reading {table.name}") as progress:
        if group_of is not None and wanted:
            await check_groups(context.fivetran, tuple(wanted))
        for pager in pagers:
            async for page in pager.pages():
                items = [
                    item
                    for item in page.items
                    if group_of is None or not wanted or group_of(item) in wanted
                ]
                context.output.add(
                    table,
                    [Record(row(item), functools.partial(document_of, item)) for item in items],
                )
                shown += len(items)
                progress(f"{shown} {table.name}")
    context.output.end(Summary())
    if not shown:
        context.output.note(f"There are no {table.name}.")
    return ExitCode.DONE


async def account_info(context: Context, options: CommandOptions) -> ExitCode:  # noqa: ARG001 - the signature of all commands
    """Show the account of the credentials."""
    found = await context.fivetran.account.get_info()
    fields = (
        ("account", found.account_id),
        ("name", found.account_name),
        ("user", found.user_id),
        ("system key", found.system_key_id),
    )
    context.output.end(
        Summary(
            [(label, value) for label, value in fields if value],
            functools.partial(document_of, found),
            [label for label, _ in fields],
        )
    )
    return ExitCode.DONE


async def limits(context: Context, options: CommandOptions) -> ExitCode:  # noqa: ARG001 - the signature of all commands
    """List the quotas; one request asks how many requests are left."""
    await context.fivetran.account.get_info()
    found = context.fivetran.limits.snapshot()
    context.output.add(_LIMITS, [_limit_record(name, state) for name, state in found.items()])
    context.output.end(Summary())
    return ExitCode.DONE


def _limit_record(name: str, state: BudgetState) -> Record:
    return Record(
        (name, state.remaining, state.limit, round(state.seconds), round(state.paused_for)),
        lambda: {
            "quota": name,
            "remaining": state.remaining,
            "limit": state.limit,
            "seconds": state.seconds,
            "paused_for": state.paused_for,
            "waiting": state.waiting,
        },
    )
