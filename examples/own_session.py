"""
Use the client with your own aiohttp session: its proxy, certificates and pool.

    python examples/own_session.py [--ca FILE] [--connections NUMBER]

With FIVETRAN_API_KEY and FIVETRAN_API_SECRET in the environment, it reads that account, through the
proxy in HTTPS_PROXY if it is set. Without them, it starts an embedded Fivetran and a small proxy.
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
    """Create a session with a company's network settings; the client does not change them."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            # A certificate authority of your own, such as that of a proxy that inspects TLS.
            ssl=ssl.create_default_context(cafile=ca),
            limit=connections,
            keepalive_timeout=30,
        ),
        # The API needs no cookies.
        cookie_jar=aiohttp.DummyCookieJar(),
        proxy=proxy,
        trust_env=trust_env,
    )


async def use(client: AsyncFivetran, session: aiohttp.ClientSession) -> None:
    """Read the account; closing the client does not close the session."""
    async with client as fivetran:
        account = await fivetran.account.get_info()
        groups = await fivetran.groups.list().collect()
    print(f"Account {account.account_id}, {len(groups)} groups.")
    print(f"The client is closed, its session is {'closed' if session.closed else 'open'}.")


@contextlib.asynccontextmanager
async def local_proxy(seen: list[str]) -> AsyncGenerator[str]:
    """Forward plain HTTP during the block and record the requests; yield the URL."""
    async with aiohttp.ClientSession() as client:

        async def forward(request: web.BaseRequest) -> web.Response:
            seen.append(f"{request.method} {request.url}")
            async with client.request(
                request.method, request.url, headers=request.headers, data=await request.read()
            ) as response:
                return web.Response(
                    status=response.status,
                    body=await response.read(),
                    content_type=response.content_type,
                )

        runner = web.ServerRunner(web.Server(forward))
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def demonstrate(ca: Path | None, connections: int) -> None:
    """Reach an embedded Fivetran through a proxy and print what the proxy received."""
    seen: list[str] = []
    async with (
        FakeFivetran.demo() as fake,
        local_proxy(seen) as proxy,
        own_session(proxy=proxy, ca=ca, connections=connections) as session,
    ):
        await use(fake.client(session=session, read_only=True), session)
    print("The proxy received:", *seen, sep="\n  ")


async def main() -> None:
    """Read the account from the environment, or the demo account."""
    parser = argparse.ArgumentParser(description="Use the client with your own session.")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="a PEM file of an authority")
    parser.add_argument("--connections", type=int, default=10, help="size of the connection pool")
    options = parser.parse_args()
    if "FIVETRAN_API_KEY" in os.environ:
        print("Using your Fivetran account: FIVETRAN_API_KEY is set.")
        async with own_session(
            proxy=None, ca=options.ca, connections=options.connections, trust_env=True
        ) as session:
            await use(AsyncFivetran(session=session, read_only=True), session)
    else:
        print("Using an embedded demo account: FIVETRAN_API_KEY is not set.")
        await demonstrate(options.ca, options.connections)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except FivetranError as error:
        sys.exit(f"Could not reach Fivetran: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
