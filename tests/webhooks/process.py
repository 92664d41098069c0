"""
A process that receives webhooks: `python process.py REDIS_PORT LEDGER SEED`; it prints its port.

Its handler appends `event pid begin end` to the ledger when it succeeds; now and then it fails.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import sys
import time

from aiohttp import web
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from fivetran_async.integrations.aiohttp import webhook_handler
from fivetran_async.integrations.redis import RedisSeenStore
from fivetran_async.webhooks import WebhookEvent, WebhookReceiver
from webhooks.deliveries import SECRET

LEASE = 8.0
"""Seconds of a claim: those of killed processes are waited for."""


async def main(redis_port: int, ledger: int, chance: random.Random) -> None:
    """Serve until killed."""
    client = Redis(port=redis_port, retry=Retry(NoBackoff(), 0))
    receiver = WebhookReceiver(SECRET, deduplicate=RedisSeenStore(client), lease=LEASE)

    @receiver.on()
    async def handle(event: WebhookEvent) -> None:
        begin = time.monotonic()
        await asyncio.sleep(chance.random() / 10)
        if chance.random() < 0.03:
            raise RuntimeError("the handler failed")
        line = f"{event.sync_id} {os.getpid()} {begin} {time.monotonic()}\n"
        os.write(ledger, line.encode())

    app = web.Application()
    app.router.add_post("/hook", webhook_handler(receiver))
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    logging.disable()
    descriptor = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    seeded = random.Random(sys.argv[3])  # noqa: S311 - to repeat it, not to hide it
    asyncio.run(main(int(sys.argv[1]), descriptor, seeded))
