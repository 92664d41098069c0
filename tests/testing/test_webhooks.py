"""Webhooks: tested at creation, delivered with a signature, retried after a failure."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator

import attrs
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fivetran_async import UsageError
from fivetran_async.testing import FakeFivetran
from testing.wire import Api


@attrs.define
class Receiver:
    """A receiver on this machine that records deliveries."""

    url: str = ""
    status: int = 200
    got: list[tuple[dict[str, str], bytes]] = attrs.field(
        factory=list[tuple[dict[str, str], bytes]]
    )

    async def handle(self, request: web.Request) -> web.Response:
        """Record the delivery, and respond with the configured status."""
        self.got.append((dict(request.headers), await request.read()))
        return web.Response(status=self.status)

    @property
    def events(self) -> list[str]:
        """The names of the received events, in order."""
        return [json.loads(body)["event"] for _, body in self.got]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that responds with success."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    async with TestServer(app) as server:
        receiver.url = str(server.make_url("/hook"))
        yield receiver


def body(receiver: Receiver, *events: str) -> dict[str, object]:
    """Return the body that registers the receiver for events."""
    return {"url": receiver.url, "events": list(events or ("sync_end",)), "secret": "s3cret"}


async def test_creation_posts_a_test_event(api: Api, receiver: Receiver) -> None:
    """Creation posts a signed test event without `sync_id` and without a time in `created`."""
    response = await api.post("/v1/webhooks/account", body(receiver))
    assert (response.status, response.data["secret"]) == (200, "******")
    [(headers, raw)] = receiver.got
    sent = json.loads(raw)
    assert (sent["event"], sent["created"], "sync_id" in sent) == ("test_event", "timestamp", False)
    expected = hmac.new(b"s3cret", raw, hashlib.sha256).hexdigest().upper()
    assert headers["X-Fivetran-Signature-256"] == expected


async def test_rejected_test_events_create_nothing(api: Api, receiver: Receiver) -> None:
    """If the receiver rejects the test event, creation gives 400, except for inactive webhooks."""
    receiver.status = 500
    assert (await api.post("/v1/webhooks/account", body(receiver))).status == 400
    assert (await api.get("/v1/webhooks")).items == []
    quiet = body(receiver) | {"active": False}
    created = await api.post("/v1/webhooks/account", quiet)
    assert created.status == 200
    path = f"/v1/webhooks/{created.data['id']}"
    assert (await api.patch(path, {"active": True})).status == 400
    assert (await api.get(path)).data["active"] is False


@pytest.mark.parametrize("url", ["http://example.com/hook", "ftp://127.0.0.1/", "https"])
async def test_url_must_be_https_or_local(api: Api, url: str) -> None:
    """Only receivers on this machine are allowed without TLS."""
    response = await api.post("/v1/webhooks/account", {"url": url, "events": ["sync_end"]})
    assert response.status == 400


async def test_unreachable_receivers_give_400(api: Api, receiver: Receiver) -> None:
    """If the connection is refused, the test event fails."""
    dead = body(receiver) | {"url": "http://127.0.0.1:1/hook"}
    assert (await api.post("/v1/webhooks/account", dead)).status == 400


async def test_sync_events_are_signed(api: Api, fake: FakeFivetran, receiver: Receiver) -> None:
    """The receiver gets both the start and the end of a sync, in the form of live deliveries."""
    connection_id = fake.add_connection(schema="pg")
    await api.post("/v1/webhooks/account", body(receiver, "sync_start", "sync_end"))
    receiver.got.clear()
    fake.plan_sync(connection_id, "failed", reason="disk full")
    await api.post(f"/v1/connections/{connection_id}/sync", {})
    fake.advance(60)
    await fake.settle()
    assert receiver.events == ["sync_start", "sync_end"]
    headers, raw = receiver.got[1]
    sent = json.loads(raw)
    history = (await api.get(f"/v1/connections/{connection_id}/sync-history")).items
    assert sent["sync_id"] == history[0]["sync_id"]
    assert sent["data"] == {"status": "FAILURE", "reason": "disk full"}
    assert sent["destination_group_id"] == fake.record("connections", connection_id)["group_id"]
    assert (sent["connector_id"], sent["connector_name"]) == (connection_id, "pg")
    expected = hmac.new(b"s3cret", raw, hashlib.sha256).hexdigest().upper()
    assert headers["X-Fivetran-Signature-256"] == expected


async def test_only_subscribed_events(api: Api, fake: FakeFivetran, receiver: Receiver) -> None:
    """A group's webhook receives only events of its group, and only the subscribed ones."""
    mine, other = fake.add_group(name="mine"), fake.add_group(name="other")
    await api.post(f"/v1/webhooks/group/{mine}", body(receiver, "pause_connector"))
    receiver.got.clear()
    for group_id in (mine, other):
        connection_id = fake.add_connection(group_id=group_id)
        for paused in (True, False):
            await api.patch(f"/v1/connections/{connection_id}", {"paused": paused})
    await fake.settle()
    assert receiver.events == ["pause_connector"]


async def test_failed_deliveries_are_retried(
    api: Api, fake: FakeFivetran, receiver: Receiver
) -> None:
    """The same bytes are retried; after the last attempt the webhook is disabled."""
    created = await api.post("/v1/webhooks/account", body(receiver, "pause_connector"))
    receiver.got.clear()
    receiver.status = 503
    connection_id = fake.add_connection()
    await api.patch(f"/v1/connections/{connection_id}", {"paused": True})
    await fake.settle()
    assert len(receiver.got) == 1
    for seconds in (359, 1):
        fake.advance(seconds)
        await fake.settle()
    assert len(receiver.got) == 2
    assert receiver.got[0][1] == receiver.got[1][1]
    for _ in range(4):
        fake.advance(86_400)
        await fake.settle()
    assert [delivery.statuses for delivery in fake.deliveries] == [[503] * 6]
    assert (await api.get(f"/v1/webhooks/{created.data['id']}")).data["active"] is False


async def test_test_call_returns_the_status(api: Api, receiver: Receiver) -> None:
    """The test call posts a dummy event and returns the receiver's status."""
    created = await api.post("/v1/webhooks/account", body(receiver))
    path = f"/v1/webhooks/{created.data['id']}/test"
    assert (await api.post(path, {})).status == 400
    good = await api.post(path, {"event": "sync_end"})
    assert (good.data["succeed"], good.data["status"]) == (True, 200)
    assert json.loads(receiver.got[-1][1])["connector_id"] == "_connection_1"
    receiver.status = 418
    bad = await api.post(path, {"event": "sync_end"})
    assert (bad.status, bad.data["succeed"], bad.data["status"]) == (200, False, 418)


async def test_settle_needs_a_running_server() -> None:
    """Before the start, waiting for deliveries raises an error and does not hang."""
    with pytest.raises(UsageError, match="async with"):
        await FakeFivetran().settle()


async def test_other_machines_are_never_contacted(api: Api, fake: FakeFivetran) -> None:
    """Receivers elsewhere count as successful, but are never contacted."""
    hook = {"url": "https://hooks.invalid/x", "events": ["pause_connector"]}
    assert (await api.post("/v1/webhooks/account", hook)).status == 200
    await api.patch(f"/v1/connections/{fake.add_connection()}", {"paused": True})
    await fake.settle()
    assert [delivery.statuses for delivery in fake.deliveries] == [[200]]


async def test_webhooks_name_their_events(api: Api, receiver: Receiver) -> None:
    """A webhook without events would never receive any, so it is rejected."""
    silent = body(receiver)
    silent["events"] = []
    assert (await api.post("/v1/webhooks/account", silent)).status == 400


async def test_localhost_is_this_machine(api: Api, receiver: Receiver) -> None:
    """`localhost` works like the address."""
    url = receiver.url.replace("127.0.0.1", "localhost")
    response = await api.post("/v1/webhooks/account", body(receiver) | {"url": url})
    assert response.status == 200
    assert receiver.events == ["test_event"]


async def test_deleted_webhooks_get_nothing(
    api: Api, fake: FakeFivetran, receiver: Receiver
) -> None:
    """Pending retries are dropped with their webhook."""
    created = await api.post("/v1/webhooks/account", body(receiver, "pause_connector"))
    receiver.status = 503
    await api.patch(f"/v1/connections/{fake.add_connection()}", {"paused": True})
    await fake.settle()
    count = len(receiver.got)
    await api.delete(f"/v1/webhooks/{created.data['id']}")
    fake.advance(86_400)
    await fake.settle()
    assert len(receiver.got) == count
