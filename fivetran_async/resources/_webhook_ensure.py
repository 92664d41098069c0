"""`fivetran.webhooks.ensure`: one webhook, as wanted, however often it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from fivetran_async._types import UNSET, Unset
from fivetran_async.errors import AmbiguousOutcomeError

if TYPE_CHECKING:
    from fivetran_async.resources.webhooks import Webhook, Webhooks

_LAST: Final = datetime.max.replace(tzinfo=UTC)


async def ensure_webhook(
    webhooks: Webhooks,
    *,
    url: str,
    events: Sequence[str],
    group_id: str | None,
    secret: str | Unset,
) -> Webhook:
    """Create the webhook for an address, or change what differs in the one that is there."""
    found = await _find(webhooks, url, group_id)
    if found is None:
        try:
            return await _create(webhooks, url, events, group_id, secret)
        except AmbiguousOutcomeError:
            found = await _find(webhooks, url, group_id)
            if found is None:
                raise
            # What was just made of these very arguments needs no change.
            return found
    changed_events = events if set(events) != set(found.events) else UNSET
    active = True if found.active is not True else UNSET
    if changed_events is UNSET and active is UNSET and secret is UNSET:
        return found
    return await webhooks.update(found.id, events=changed_events, active=active, secret=secret)


async def _find(webhooks: Webhooks, url: str, group_id: str | None) -> Webhook | None:
    return choose([each async for each in webhooks.list()], url=url, group_id=group_id)


def choose(webhooks: Iterable[Webhook], *, url: str, group_id: str | None) -> Webhook | None:
    """The oldest webhook with this address and scope, so that all who ask agree on one."""
    same = [each for each in webhooks if each.url == url and (each.group_id or None) == group_id]
    return min(same, key=lambda each: (each.created_at or _LAST, each.id), default=None)


async def _create(
    webhooks: Webhooks,
    url: str,
    events: Sequence[str],
    group_id: str | None,
    secret: str | Unset,
) -> Webhook:
    if group_id is None:
        return await webhooks.create_account(url=url, events=events, secret=secret)
    return await webhooks.create_group(group_id, url=url, events=events, secret=secret)
