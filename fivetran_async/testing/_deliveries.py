"""Takes webhook events from the outbox, signs them and posts them to receivers on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import threading

import aiohttp
import attrs

from fivetran_async._clock import finished
from fivetran_async.errors import UsageError
from fivetran_async.testing._account import Delivery, FakeAccount
from fivetran_async.testing._facts import StoredRecord
from fivetran_async.testing.families.webhooks import is_loopback

SIGNATURE_HEADER = "X-Fivetran-Signature-256"

RETRY_DELAYS = (360.0, 1_260.0, 4_680.0, 16_800.0, 60_480.0)
"""Seconds between the attempts: the vendor's pattern within the first 24 hours."""

_TIMEOUT = 10.0
_HELD = "webhooks"


@attrs.define(eq=False)
class Deliveries:
    """
    Sends webhook events.

    It also runs planned events of the account's clock between requests, so that a sync ends even
    without requests.
    """

    account: FakeAccount
    log: list[Delivery] = attrs.field(factory=list[Delivery])
    _session: aiohttp.ClientSession | None = attrs.field(default=None, init=False, repr=False)
    _task: asyncio.Task[None] | None = attrs.field(default=None, init=False, repr=False)
    _wake: asyncio.Event = attrs.field(factory=asyncio.Event, init=False, repr=False)
    _idle: asyncio.Event = attrs.field(factory=asyncio.Event, init=False, repr=False)
    _loop: asyncio.AbstractEventLoop | None = attrs.field(default=None, init=False, repr=False)
    _thread: int = attrs.field(default=0, init=False, repr=False)

    def start(self) -> None:
        """Start the delivery task on the running loop."""
        self._wake, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self.account.post, self.account.wake = self.post, self.wake_up
        self._task = asyncio.create_task(self._work(), name="FakeFivetran deliveries")

    async def stop(self) -> None:
        """Stop the task and close the connections to receivers."""
        task, self._task = self._task, None
        session, self._session = self._session, None
        self.account.clock.waits.set_held(_HELD, held=False)
        try:
            if task is not None:
                task.cancel()
                await finished(task)
        finally:
            if session is not None:
                await session.close()
        if task is not None and not task.cancelled():
            task.result()

    def forget(self) -> None:
        """Give up the task of a closed loop."""
        self._task = self._session = self._loop = None
        self.account.clock.waits.set_held(_HELD, held=False)

    def wake_up(self) -> None:
        """Wake the task, from any thread: an event is planned or waiting."""
        if self.account.outbox and self._task is not None:
            self.account.clock.waits.set_held(_HELD, held=True)
        if threading.get_ident() == self._thread:
            self._wake_now()
        elif self._loop is not None:
            # The loop can close at any time.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._wake_now)

    def _wake_now(self) -> None:
        if self._loop is None or self._loop.is_closed():
            return
        if self.account.outbox:
            self._idle.clear()
        self._wake.set()

    async def settle(self) -> None:
        """Wait until every event that is due has been delivered."""
        if self._task is None:
            message = "FakeFivetran is not started: use `async with FakeFivetran() as fake`"
            raise UsageError(message)
        self.wake_up()
        idle = asyncio.create_task(self._idle.wait())
        try:
            await asyncio.wait([idle, self._task], return_when=asyncio.FIRST_COMPLETED)
        finally:
            idle.cancel()
        if self._task.done():
            self._task.result()

    async def _work(self) -> None:
        clock = self.account.clock
        while True:
            self._wake.clear()
            clock.run_due()
            while self.account.outbox:
                await self._deliver(self.account.outbox.popleft())
            self._idle.set()
            clock.waits.set_held(_HELD, held=False)
            due = clock.next_due() if clock.running else None
            try:
                async with asyncio.timeout(due):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _deliver(self, delivery: Delivery) -> None:
        webhook = self.account.collection("webhooks").get(delivery.webhook_id)
        if webhook is None or not webhook["active"]:
            return
        if not delivery.attempts:
            self.log.append(delivery)
        delivery.attempts += 1
        status = await self.post(webhook, delivery.body)
        delivery.statuses.append(status)
        if status is not None and 200 <= status < 300:
            return
        if delivery.attempts <= len(RETRY_DELAYS):
            self.account.clock.call_later(
                RETRY_DELAYS[delivery.attempts - 1], lambda: self._requeue(delivery)
            )
        elif delivery.webhook_id in self.account.collection("webhooks"):
            self.account.collection("webhooks").change(delivery.webhook_id, active=False)

    def _requeue(self, delivery: Delivery) -> None:
        self.account.outbox.append(delivery)
        self.wake_up()

    async def post(self, webhook: StoredRecord, body: StoredRecord) -> int | None:
        """Post a body to a webhook; return the status, or None if it failed or timed out."""
        if self.account.is_twin or not is_loopback(webhook["url"]):
            # The fake contacts only this machine; other receivers count as reached.
            return 200
        raw = json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if webhook.get("secret"):
            headers[SIGNATURE_HEADER] = sign(webhook["secret"], raw)
        if self._session is None:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=_TIMEOUT)
            )
        try:
            async with self._session.post(
                webhook["url"], data=raw, headers=headers, allow_redirects=False
            ) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None


def sign(secret: str, body: bytes) -> str:
    """Return the signature of a delivery: HMAC-SHA256 of the exact bytes in upper-case hex."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().upper()
