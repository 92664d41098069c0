"""
Receive webhooks with aiohttp.web and print a line for each sync that ends.

    python examples/webhook_receiver.py

With the webhook's secret in FIVETRAN_WEBHOOK_SECRET, it listens on port 8080 until interrupted. Put
an HTTPS proxy in front of it; the path for the webhook is /webhooks/fivetran. Without the secret,
it starts an embedded Fivetran that delivers a few events, then exits.
"""

from __future__ import annotations

import asyncio
import os
import sys

from aiohttp import web

from fivetran_async.integrations.aiohttp import webhook_handler
from fivetran_async.testing import FakeFivetran
from fivetran_async.webhooks import WebhookEvent, WebhookReceiver

DEMO_SECRET = "of the demo only"  # noqa: S105 - signs deliveries of the embedded Fivetran
PATH = "/webhooks/fivetran"


def create_app(receiver: WebhookReceiver) -> web.Application:
    """Build the service: the handler of events and the route."""
    receiver.on()(report)
    app = web.Application()
    app.router.add_post(PATH, webhook_handler(receiver))
    app.on_cleanup.append(receiver.drain)
    return app


async def report(event: WebhookEvent) -> None:
    """
    Print what happened.

    Fivetran waits 10 seconds for the response, so put slow work into a queue.
    """
    if event.is_test:
        print("Fivetran tested this receiver, as it does when a webhook is created.")
    elif not event.is_sync_end:
        print(f"{event.connection_name}: {event.event}")
    elif event.succeeded:
        print(f"{event.connection_name}: succeeded, sync {event.sync_id}")
    elif event.failed:
        print(f"{event.connection_name}: failed, {event.reason or 'without a reason'}")
    else:
        print(f"{event.connection_name}: {event.status.lower()}")


async def demonstrate() -> None:
    """Receive the deliveries of an embedded Fivetran: a test event and three ended syncs."""
    runner = web.AppRunner(create_app(WebhookReceiver(DEMO_SECRET)))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}"
        async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
            await fivetran.webhooks.create_account(url=url, events=["sync_end"], secret=DEMO_SECRET)
            ends = {"shop": "succeeded", "crm": "failed", "ads": "rescheduled"}
            for schema, end in ends.items():
                connection_id = fake.add_connection(schema=schema)
                reason = "the password was changed" if end == "failed" else None
                fake.plan_sync(connection_id, end, duration=60, reason=reason)
                await fivetran.connections.sync(connection_id)
            fake.advance(60)
            await fake.settle()
    finally:
        await runner.cleanup()


def main() -> None:
    """Listen with the secret from the environment, or run the demonstration."""
    if "FIVETRAN_WEBHOOK_SECRET" in os.environ:
        receiver = WebhookReceiver(secret_env="FIVETRAN_WEBHOOK_SECRET")  # noqa: S106 - its name
        web.run_app(create_app(receiver), host="127.0.0.1", port=8080)
    else:
        print("Receiving from an embedded Fivetran: FIVETRAN_WEBHOOK_SECRET is not set.")
        asyncio.run(demonstrate())


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
