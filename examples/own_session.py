"""
The client on an aiohttp session of your own: its proxy, its certificates, its pool.

    python examples/own_session.py [--ca FILE] [--connections NUMBER]

With FIVETRAN_API_KEY and FIVETRAN_API_SECRET in the environment it asks that account what it is, by
the proxy in HTTPS_PROXY, if there is one. Without, it starts an embedded Fivetran and a small proxy
in front of it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import ssl
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp
from aiohttp import web

from fivetran_async import AsyncFivetran, FivetranError
from fivetran_async.testing import FakeFivetran


def own_session(
    *, proxy: str | None, ca: Path | None, connections: int, trust_env: bool = False
) -> aiohttp.ClientSession:
    """Make a session as a company's network wants it; the client leaves all this as it is."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            # An authority of your own, such as that of a proxy which looks into TLS, goes here.
            ssl=ssl.create_default_context(cafile=ca),
            limit=connections,
            keepalive_timeout=30,
        ),
        # The API sets no cookies that a client needs.
        cookie_jar=aiohttp.DummyCookieJar(),
        proxy=proxy,
        trust_env=trust_env,
    )


async def use(client: AsyncFivetran, session: aiohttp.ClientSession) -> None:
    """Ask what the account is; closing the client does not close its session."""
    async with client as fivetran:
        account = await fivetran.account.get_info()
        groups = await fivetran.groups.list().collect()
    print(f"Account {account.account_id}, {len(groups)} groups.")
    print(f"The client is closed, its session is {'closed' if session.closed else 'open'}.")


@contextlib.asynccontextmanager
async def local_proxy(seen: list[str]) -> AsyncGenerator[str]:
    """Forward plain HTTP for as long as the block lasts, and note what came; give the URL."""
    async with aiohttp.ClientSession() as client:

        async def forward(request: web.BaseRequest) -> web.Response:
            seen.append(f"{request.method} {request.url}")
            async with client.request(
                request.method, request.url, headers=request.headers, data=await request.read()
            ) as answer:
                return web.Response(
                    status=answer.status, body=await answer.read(), content_type=answer.content_type
                )

        runner = web.ServerRunner(web.Server(forward))
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def demonstrate(ca: Path | None, connections: int) -> None:
    """Reach an embedded Fivetran by a proxy, and show that it was on the way."""
    seen: list[str] = []
    async with (
        FakeFivetran.demo() as fake,
        local_proxy(seen) as proxy,
        own_session(proxy=proxy, ca=ca, connections=connections) as session,
    ):
        await use(fake.client(session=session, read_only=True), session)
    print("The proxy saw:", *seen, sep="\n  ")


async def main() -> None:
    """Do as the command line says, on the account of the environment or on the demo."""
    parser = argparse.ArgumentParser(description="The client on a session of your own.")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="a PEM file of an authority")
    parser.add_argument("--connections", type=int, default=10, help="the most sockets at once")
    options = parser.parse_args()
    if "FIVETRAN_API_KEY" in os.environ:
        print("Your Fivetran account: FIVETRAN_API_KEY is set.")
        async with own_session(
            proxy=None, ca=options.ca, connections=options.connections, trust_env=True
        ) as session:
            await use(AsyncFivetran(session=session, read_only=True), session)
    else:
        print("An embedded demo account: FIVETRAN_API_KEY is not set.")
        await demonstrate(options.ca, options.connections)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except FivetranError as error:
        sys.exit(f"Fivetran could not be reached: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
