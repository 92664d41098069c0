"""
`fivetran.webhooks` - <https://fivetran.com/docs/rest-api/api-reference/webhooks>.

`fivetran_async.webhooks` receives what webhooks deliver.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs

from fivetran_async._http.base_url import shown_url
from fivetran_async._http.operation import operation
from fivetran_async._http.result import ActionResult
from fivetran_async._http.shared_work import SharedWork
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
    from fivetran_async._http.session import Core


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
        webhook of the URL within 10 seconds. A second webhook that has the same events is deleted:
        it comes from a call in another process, one that died or one with an ambiguous outcome.
        A webhook that Fivetran disabled is activated. The receiver must be up, as it gets a test
        event first. Calls of one session with the same arguments share one result.

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
        core = self._transport.core
        wanted = _Wanted(url=url, events=events, group_id=group_id, secret=secret)
        agreement = _Agreement(self, wanted, core)
        shared = core.part(_Ensuring, _Ensuring)
        return await shared.do(core, (url, group_id), wanted.order, agreement.reach)

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


class _Ensuring(SharedWork[Webhook]):
    """The calls of `ensure` in progress in a session, by URL and group."""


@attrs.frozen(kw_only=True)
class _Wanted:
    """The arguments of `ensure`."""

    url: str
    events: Sequence[str]
    group_id: str | None
    secret: str | Unset = attrs.field(repr=False)

    @property
    def order(self) -> object:
        """What calls must have in common to share a result."""
        return frozenset(self.events), self.secret

    def matches(self, webhook: Webhook) -> bool:
        """True if a webhook has this URL and scope."""
        return webhook.url == self.url and (webhook.group_id or None) == self.group_id


@attrs.define(eq=False)
class _Agreement:
    """
    One call of `ensure`, which agrees with calls in other processes on one webhook.

    The oldest webhook wins. It may become visible only after a younger one was settled on, since
    the API dates a webhook before it tests the receiver. So a call that created the oldest gives
    the others time to delete theirs, and deletes its own if they do not. A call that created none
    gives them more time, and then deletes what is left: the processes that made it have died.
    """

    _webhooks: Webhooks
    _wanted: _Wanted
    _core: Core
    _created: Webhook | None = None
    _settled: Webhook | None = None
    _creations: int = 0
    _pauses: Iterator[float] = attrs.field(factory=lambda: iter(_LONGER))
    _deleted: set[str] = attrs.field(factory=set[str])

    async def reach(self) -> Webhook:
        """Return the webhook that all agree on."""
        while True:
            found = await self._find()
            pause = self._next_pause(found)
            if not found:
                await self._create()
            elif pause is not None:
                await self._sleep(pause * (0.75 + self._core.clock.random() / 2))
            elif self._created is not None and self._gives_way(found, self._created):
                await self._delete(self._created)
            elif (settled := await self._adjust(found[0])) is not None:
                surplus = self._surplus(found)
                if not surplus:
                    return settled
                for each in surplus:
                    await self._delete(each)

    def _next_pause(self, found: Sequence[Webhook]) -> float | None:
        """Return how long to wait for other calls to delete what they have created."""
        created = self._created
        is_ours_younger = created is not None and found[0].id != created.id
        if not self._has_company(found) or is_ours_younger:
            return None
        return next(self._pauses, None)

    def _gives_way(self, found: Sequence[Webhook], created: Webhook) -> bool:
        """True if the webhook that this call has created is the one to delete."""
        if found[0].id != created.id:
            return True
        return self._has_company(found) and self._creations < _CREATIONS

    def _has_company(self, found: Sequence[Webhook]) -> bool:
        """True if some of these may be of calls in progress, or of processes that died."""
        return _are_rivals(found) or bool(self._surplus(found))

    def _surplus(self, found: Sequence[Webhook]) -> Sequence[Webhook]:
        """Return the webhooks that do the same as the oldest one."""
        alike = {frozenset(self._wanted.events), *(frozenset(each.events) for each in found[:1])}
        return [each for each in found[1:] if frozenset(each.events) in alike]

    async def _find(self) -> Sequence[Webhook]:
        """Return the webhooks of the URL, the oldest first, as all processes see them."""
        found = {
            each.id: each
            async for each in self._webhooks.list()
            if self._wanted.matches(each) and each.id not in self._deleted
        }
        created = self._created
        if created is not None and created.id not in found:
            # The list may lag behind a creation, or another process has deleted it.
            with contextlib.suppress(NotFoundError):
                found[created.id] = await self._webhooks.get(created.id)
            if created.id not in found:
                self._created = None
        return sorted(found.values(), key=lambda each: (each.created_at or _LAST, each.id))

    async def _sleep(self, seconds: float) -> None:
        await self._core.until_closed(self._core.clock.sleep(seconds))

    async def _create(self) -> None:
        self._creations, self._pauses = self._creations + 1, iter(_PAUSES)
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
            if await self._find():
                return
            if pause is not None and not isinstance(error, ConflictError):
                await self._sleep(pause)
        raise error

    async def _adjust(self, webhook: Webhook) -> Webhook | None:
        """Change what differs; return None if another process deleted the webhook meanwhile."""
        if self._created is not None and webhook.id == self._created.id:
            return webhook
        if self._settled is not None and webhook.id == self._settled.id:
            return self._settled
        wanted = self._wanted
        events = wanted.events if set(wanted.events) != set(webhook.events) else UNSET
        active = True if webhook.active is not True else UNSET
        if events is UNSET and active is UNSET and wanted.secret is UNSET:
            return webhook
        try:
            self._settled = await self._webhooks.update(
                webhook.id, events=events, active=active, secret=wanted.secret
            )
        except NotFoundError:
            self._deleted.add(webhook.id)
            return None
        return self._settled

    async def _delete(self, webhook: Webhook) -> None:
        """Delete a surplus webhook."""
        self._deleted.add(webhook.id)
        self._pauses = iter(_LONGER)
        if self._created is not None and webhook.id == self._created.id:
            self._created = None
        with contextlib.suppress(NotFoundError):
            await self._webhooks.delete(webhook.id)


def _are_rivals(found: Sequence[Webhook]) -> bool:
    """True if webhooks of one URL are as old as another, so that calls in progress made them."""
    dates = [each.created_at for each in found if each.created_at is not None]
    return any(later - earlier < _RIVALRY for earlier, later in itertools.pairwise(dates))
