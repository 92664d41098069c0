"""
`fivetran.webhooks` - <https://fivetran.com/docs/rest-api/api-reference/webhooks>.

`fivetran_async.webhooks` receives what webhooks deliver.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

import attrs

from fivetran_async._http.base_url import shown_url
from fivetran_async._http.operation import operation
from fivetran_async._http.result import ActionResult
from fivetran_async._model import Model, field, model
from fivetran_async._types import UNSET, Unset
from fivetran_async.errors import (
    AmbiguousOutcomeError,
    ConflictError,
    NotFoundError,
    ResultMissingError,
)
from fivetran_async.pagination import Pager
from fivetran_async.resources._resource import Resource

if TYPE_CHECKING:
    from fivetran_async._clock import Clock

logger: logging.Logger = logging.getLogger("fivetran_async")


@model
class Webhook(Model):
    """
    A URL that receives events of the account or of one group.

    Attributes:
        type: `account` or `group`.
        group_id: The group; None for a webhook of the account.
        events: The events that it receives, such as `sync_end`; an open set.
        active: True if events are sent; Fivetran disables a webhook after repeated failures.
        secret: A mask: the API never returns the secret that signs deliveries.
    """

    id: str
    type: str = ""
    group_id: str | None = None
    url: str = field(default="", repr=shown_url)
    events: tuple[str, ...] = ()
    active: bool | None = None
    secret: str | None = field(default=None, repr=False)
    created_at: datetime | None = None
    created_by: str | None = None

    @property
    def is_account_level(self) -> bool:
        """True if it receives the events of every group."""
        return self.type == "account"

    @property
    def is_group_level(self) -> bool:
        """True if it receives the events of one group only."""
        return self.type == "group"


@model
class WebhookTestResult(Model):
    """
    The receiver's response to a test event.

    Attributes:
        succeed: True if the response was 2xx.
        status: HTTP status of the response.
    """

    succeed: bool = False
    status: int | None = None
    message: str | None = None


_LIST = operation("webhooks.list", "GET", "/v1/webhooks")
_GET = operation("webhooks.get", "GET", "/v1/webhooks/{webhook_id}")
_CREATE_ACCOUNT = operation(
    "webhooks.create_account",
    "POST",
    "/v1/webhooks/account",
    advice="Look for its URL in webhooks.list() before you retry.",
)
_CREATE_GROUP = operation(
    "webhooks.create_group",
    "POST",
    "/v1/webhooks/group/{group_id}",
    advice="Look for its URL in webhooks.list() before you retry.",
)
_UPDATE = operation(
    "webhooks.update",
    "PATCH",
    "/v1/webhooks/{webhook_id}",
    advice="Look for its URL in webhooks.list() before you retry.",
)
_DELETE = operation("webhooks.delete", "DELETE", "/v1/webhooks/{webhook_id}")
_TEST = operation("webhooks.test", "POST", "/v1/webhooks/{webhook_id}/test", retry_class="trigger")


class Webhooks(Resource):
    """
    `fivetran.webhooks`: the URLs that receive events.

    <https://fivetran.com/docs/rest-api/api-reference/webhooks>
    """

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Pager[Webhook]:
        """
        List the webhooks of the account and of its groups.

        GET /v1/webhooks

        Args:
            limit: Webhooks per page, 1 to 1000.
            cursor: The `next_cursor` of a page, to begin after it.
        """
        return self._transport.pager(_LIST, Webhook, limit=limit, cursor=cursor)

    async def get(self, webhook_id: str) -> Webhook:
        """
        Return one webhook.

        GET /v1/webhooks/{webhook_id}

        Raises:
            NotFoundError: The webhook does not exist.
        """
        return await self._transport.call(_GET, Webhook, webhook_id)

    async def create_account(
        self,
        *,
        url: str,
        events: Sequence[str],
        active: bool | Unset = UNSET,
        secret: str | Unset = UNSET,
    ) -> Webhook:
        """
        Create a webhook for the events of the whole account.

        POST /v1/webhooks/account

        Unless `active` is False, the API sends a test event first, so the receiver must be up and
        know the secret.

        Args:
            url: URL that receives the events; https.
            events: Events to receive, such as `sync_end`.
            active: False creates the webhook without a test event and sends nothing yet.
            secret: Secret that signs deliveries; without it they are not signed.

        Raises:
            InvalidRequestError: The receiver refused the test event; nothing was created.
            AmbiguousOutcomeError: The webhook may exist; list the webhooks to find out.
        """
        return await self._transport.call(
            _CREATE_ACCOUNT,
            Webhook,
            body={"url": url, "events": events, "active": active, "secret": secret},
        )

    async def create_group(
        self,
        group_id: str,
        *,
        url: str,
        events: Sequence[str],
        active: bool | Unset = UNSET,
        secret: str | Unset = UNSET,
    ) -> Webhook:
        """
        Create a webhook for the events of one group; see `create_account`.

        POST /v1/webhooks/group/{group_id}

        Args:
            group_id: The group.
            url: URL that receives the events; https.
            events: Events to receive, such as `sync_end`.
            active: False creates the webhook without a test event and sends nothing yet.
            secret: Secret that signs deliveries; without it they are not signed.

        Raises:
            InvalidRequestError: The receiver refused the test event; nothing was created.
            AmbiguousOutcomeError: The webhook may exist; list the webhooks to find out.
        """
        return await self._transport.call(
            _CREATE_GROUP,
            Webhook,
            group_id,
            body={"url": url, "events": events, "active": active, "secret": secret},
        )

    async def update(
        self,
        webhook_id: str,
        *,
        url: str | Unset = UNSET,
        events: Sequence[str] | Unset = UNSET,
        active: bool | Unset = UNSET,
        secret: str | Unset = UNSET,
    ) -> Webhook:
        """
        Change a webhook; arguments that are not given stay unchanged.

        PATCH /v1/webhooks/{webhook_id}

        Args:
            webhook_id: The webhook.
            url: URL that receives the events; https.
            events: All events to receive: the list is replaced.
            active: True sends a test event first; False stops sending.
            secret: Secret that signs deliveries.

        Raises:
            InvalidRequestError: The receiver refused the test event.
        """
        return await self._transport.call(
            _UPDATE,
            Webhook,
            webhook_id,
            body={"url": url, "events": events, "active": active, "secret": secret},
        )

    async def ensure(
        self,
        *,
        url: str,
        events: Sequence[str],
        group_id: str | None = None,
        secret: str | Unset = UNSET,
    ) -> Webhook:
        """
        Make sure that a URL has one active webhook: create it, change it or leave it unchanged.

        GET /v1/webhooks, then POST or PATCH if something differs

        Call it whenever a service starts, in any number of processes: they agree on the oldest
        webhook of the URL, and each deletes the surplus one that it has created itself, after up to
        10 seconds. A webhook that Fivetran disabled is activated. The receiver must be up, as it
        gets a test event first. A process that dies just after its creation may leave a second
        webhook; so may a creation with an ambiguous outcome, which logs a warning.

        Args:
            url: URL that receives the events; https.
            events: Events to receive, such as `sync_end`.
            group_id: The group; None for the events of the whole account.
            secret: Secret that signs deliveries. If given, it is sent at each call, because the API
                never returns the current one.

        Raises:
            InvalidRequestError: The receiver refused the test event.
            AmbiguousOutcomeError: A creation may have been applied, but is not in the list yet.
        """
        wanted = _Wanted(url=url, events=events, group_id=group_id, secret=secret)
        core = self._transport.core
        locks = core.part(_Locks, _Locks)
        lock = locks.setdefault((url, group_id), asyncio.Lock())
        async with lock:
            return await _Agreement(self, wanted, core.clock).reach()

    async def delete(self, webhook_id: str) -> ActionResult:
        """
        Delete a webhook.

        DELETE /v1/webhooks/{webhook_id}
        """
        return await self._transport.call(_DELETE, ActionResult, webhook_id)

    async def test(self, webhook_id: str, *, event: str) -> WebhookTestResult:
        """
        Send a made-up event, and return the receiver's response.

        POST /v1/webhooks/{webhook_id}/test

        Args:
            webhook_id: The webhook.
            event: Name of the event, such as `sync_end`.

        Raises:
            AmbiguousOutcomeError: The event may have been sent; it was not sent twice.
        """
        return await self._transport.call(
            _TEST, WebhookTestResult, webhook_id, body={"event": event}
        )


_LAST: Final = datetime.max.replace(tzinfo=UTC)
_PAUSES: Final = (0.5, 1.0, 2.0)
"""Seconds between looks at what other processes do, each made 75 to 125 % at random."""
_LONGER: Final = (*_PAUSES, 4.0)
"""The same for calls that created nothing: those that did are done earlier."""
_CREATIONS: Final = 5
_RIVALRY: Final = timedelta(minutes=1)
"""Webhooks of one URL that were created within this time come from calls at the same time."""


class _Locks(WeakValueDictionary[tuple[str, str | None], asyncio.Lock]):
    """The locks of a session, by URL and group; each lives as long as an `ensure` uses it."""


@attrs.frozen(kw_only=True)
class _Wanted:
    """The arguments of `ensure`."""

    url: str
    events: Sequence[str]
    group_id: str | None
    secret: str | Unset = attrs.field(repr=False)

    def matches(self, webhook: Webhook) -> bool:
        """True if a webhook has this URL and scope."""
        return webhook.url == self.url and (webhook.group_id or None) == self.group_id


@attrs.define(eq=False)
class _Agreement:
    """
    One call of `ensure`, which agrees with calls in other processes on one webhook.

    The oldest webhook wins. It may become visible only after a younger one was settled on, since
    the API dates a webhook before it tests the receiver. So a call that created the oldest gives
    the others time to delete theirs, and deletes its own if they do not.
    """

    _webhooks: Webhooks
    _wanted: _Wanted
    _clock: Clock
    _created: Webhook | None = None
    _deleted: set[str] = attrs.field(factory=set[str])

    async def reach(self) -> Webhook:
        """Return the webhook that all agree on."""
        creations, pauses = 0, iter(_LONGER)
        while True:
            found = await self._find()
            if not found:
                creations, pauses = creations + 1, iter(_PAUSES)
                await self._create()
            elif self._created is not None and found[0].id != self._created.id:
                await self._delete(self._created)
                pauses = iter(_LONGER)
            elif _are_rivals(found) and (pause := next(pauses, None)) is not None:
                await self._clock.sleep(pause * (0.75 + self._clock.random() / 2))
            elif self._created is None:
                if (settled := await self._adjust(found[0])) is not None:
                    return settled
            elif len(found) == 1 or creations >= _CREATIONS:
                return self._created
            else:
                await self._delete(self._created)
                pauses = iter(_LONGER)

    async def _find(self) -> list[Webhook]:
        """Return the webhooks of the URL, the oldest first, as all processes see them."""
        found = {
            each.id: each
            async for each in self._webhooks.list()
            if self._wanted.matches(each) and each.id not in self._deleted
        }
        if self._created is not None:
            # The list may lag behind a creation.
            found.setdefault(self._created.id, self._created)
        return sorted(found.values(), key=lambda each: (each.created_at or _LAST, each.id))

    async def _create(self) -> None:
        wanted, webhooks = self._wanted, self._webhooks
        try:
            if wanted.group_id is None:
                self._created = await webhooks.create_account(
                    url=wanted.url, events=wanted.events, secret=wanted.secret
                )
            else:
                self._created = await webhooks.create_group(
                    wanted.group_id, url=wanted.url, events=wanted.events, secret=wanted.secret
                )
        except (AmbiguousOutcomeError, ConflictError, ResultMissingError) as error:
            await self._look_for(error)

    async def _look_for(
        self, error: AmbiguousOutcomeError | ConflictError | ResultMissingError
    ) -> None:
        """Return if a webhook is there that this call or another one has created; else raise."""
        for pause in (*_PAUSES, None):
            found = await self._find()
            if found:
                if len(found) > 1:
                    logger.warning(
                        "webhooks.ensure left more than one webhook for its URL: %s",
                        ", ".join(each.id for each in found),
                    )
                return
            if pause is not None and not isinstance(error, ConflictError):
                await self._clock.sleep(pause)
        raise error

    async def _adjust(self, webhook: Webhook) -> Webhook | None:
        """Change what differs; return None if another process deleted the webhook meanwhile."""
        wanted = self._wanted
        events = wanted.events if set(wanted.events) != set(webhook.events) else UNSET
        active = True if webhook.active is not True else UNSET
        if events is UNSET and active is UNSET and wanted.secret is UNSET:
            return webhook
        try:
            return await self._webhooks.update(
                webhook.id, events=events, active=active, secret=wanted.secret
            )
        except NotFoundError:
            self._deleted.add(webhook.id)
            return None

    async def _delete(self, webhook: Webhook) -> None:
        """Delete the surplus webhook that this call has created."""
        self._deleted.add(webhook.id)
        self._created = None
        with contextlib.suppress(NotFoundError):
            await self._webhooks.delete(webhook.id)


def _are_rivals(found: Sequence[Webhook]) -> bool:
    """True if webhooks of one URL are as old as another, so that calls in progress made them."""
    dates = [each.created_at for each in found if each.created_at is not None]
    return any(later - earlier < _RIVALRY for earlier, later in itertools.pairwise(dates))
