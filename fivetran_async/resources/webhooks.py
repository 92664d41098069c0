"""
`fivetran.webhooks` - <https://fivetran.com/docs/rest-api/api-reference/webhooks>.

What arrives at a webhook's address is read by `fivetran_async.webhooks`.
"""

from collections.abc import Sequence
from datetime import datetime

from fivetran_async._http.base_url import shown_url
from fivetran_async._http.operation import operation
from fivetran_async._http.result import ActionResult
from fivetran_async._model import Model, field, model
from fivetran_async._types import UNSET, Unset
from fivetran_async.pagination import Pager
from fivetran_async.resources._resource import Resource
from fivetran_async.resources._webhook_ensure import ensure_webhook


@model
class Webhook(Model):
    """
    An address that is told when something happens in the account or in one group.

    Attributes:
        type: `account` or `group`.
        group_id: The group, of a webhook for one.
        events: What it is told of, such as `sync_end`; an open set.
        active: Whether events are sent.
        secret: Masked: the API never shows what deliveries are signed with.
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
        """Whether it is told of every group."""
        return self.type == "account"

    @property
    def is_group_level(self) -> bool:
        """Whether it is told of one group only."""
        return self.type == "group"


@model
class WebhookTestResult(Model):
    """
    How the receiver took a test event.

    Attributes:
        succeed: Whether it took it.
        status: The HTTP status it answered with.
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
    advice="Look for its URL in webhooks.list() before you call again.",
)
_CREATE_GROUP = operation(
    "webhooks.create_group",
    "POST",
    "/v1/webhooks/group/{group_id}",
    advice="Look for its URL in webhooks.list() before you call again.",
)
_UPDATE = operation(
    "webhooks.update",
    "PATCH",
    "/v1/webhooks/{webhook_id}",
    advice="Look for its URL in webhooks.list() before you call again.",
)
_DELETE = operation("webhooks.delete", "DELETE", "/v1/webhooks/{webhook_id}")
_TEST = operation("webhooks.test", "POST", "/v1/webhooks/{webhook_id}/test", retry_class="trigger")


class Webhooks(Resource):
    """
    `fivetran.webhooks`: where events are sent to.

    <https://fivetran.com/docs/rest-api/api-reference/webhooks>
    """

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Pager[Webhook]:
        """
        List the webhooks of the account and of its groups.

        GET /v1/webhooks

        Args:
            limit: Webhooks per page, 1 to 1000.
            cursor: Where to begin: the `next_cursor` of a page.
        """
        return self._transport.pager(_LIST, Webhook, limit=limit, cursor=cursor)

    async def get(self, webhook_id: str) -> Webhook:
        """
        Return one webhook.

        GET /v1/webhooks/{webhook_id}

        Raises:
            NotFoundError: There is no such webhook.
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

        Unless `active=False` is given, the API sends a test event first, so the receiver must be up
        and know the secret.

        Args:
            url: Where events are sent; https.
            events: What to tell of, such as `sync_end`.
            active: False creates it without a test, and sends nothing yet.
            secret: What deliveries are signed with; without it they are not signed.

        Raises:
            InvalidRequestError: The receiver did not take the test event; nothing was created.
            AmbiguousOutcomeError: It may exist now; list the webhooks to find out.
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
        Create a webhook for the events of one group; the rest is as with `create_account`.

        POST /v1/webhooks/group/{group_id}

        Args:
            group_id: The group.
            url: Where events are sent; https.
            events: What to tell of, such as `sync_end`.
            active: False creates it without a test, and sends nothing yet.
            secret: What deliveries are signed with; without it they are not signed.

        Raises:
            InvalidRequestError: The receiver did not take the test event; nothing was created.
            AmbiguousOutcomeError: It may exist now; list the webhooks to find out.
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
        Change a webhook; what is not given stays as it is.

        PATCH /v1/webhooks/{webhook_id}

        Args:
            webhook_id: The webhook.
            url: Where events are sent; https.
            events: What to tell of, all of it: the list is replaced.
            active: True sends a test event first; False stops sending.
            secret: What deliveries are signed with.

        Raises:
            InvalidRequestError: The receiver did not take the test event.
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
        Have one active webhook for an address: created, changed or left alone, as it needs.

        Call it at every start of a service. What the vendor disabled after failed deliveries is
        active again afterwards. The receiver must be up: it gets a test event first.

        GET /v1/webhooks, then POST or PATCH where something differs

        Args:
            url: Where events are sent to; https.
            events: Which ones, such as `sync_end`.
            group_id: Only those of one group; None is the whole account.
            secret: What deliveries are signed with. It is sent every time it is given, because the
                API never shows the one it has.

        Raises:
            InvalidRequestError: The receiver did not take the test event.
        """
        return await ensure_webhook(self, url=url, events=events, group_id=group_id, secret=secret)

    async def delete(self, webhook_id: str) -> ActionResult:
        """
        Delete a webhook.

        DELETE /v1/webhooks/{webhook_id}
        """
        return await self._transport.call(_DELETE, ActionResult, webhook_id)

    async def test(self, webhook_id: str, *, event: str) -> WebhookTestResult:
        """
        Have a made-up event sent, and return how the receiver took it.

        POST /v1/webhooks/{webhook_id}/test

        Args:
            webhook_id: The webhook.
            event: Which one, such as `sync_end`.

        Raises:
            AmbiguousOutcomeError: The event may have been sent; it was not sent twice.
        """
        return await self._transport.call(
            _TEST, WebhookTestResult, webhook_id, body={"event": event}
        )
