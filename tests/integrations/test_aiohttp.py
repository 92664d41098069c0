"""aiohttp: the session of an application."""

from __future__ import annotations

import aiohttp
from aiohttp import web

from fivetran_async import AsyncFivetran
from fivetran_async.integrations.aiohttp import FIVETRAN, fivetran_context
from fivetran_async.testing import FakeFivetran
from integrations.servers import aiohttp_server

OTHER = web.AppKey("OTHER", AsyncFivetran)


async def test_applications_have_sessions() -> None:
    """Each account has a session, open for all handlers and closed with the application."""
    sessions: list[AsyncFivetran] = []

    async def names(request: web.Request) -> web.Response:
        sessions[:] = [request.app[FIVETRAN], request.app[OTHER]]
        pages = [await session.groups.list() for session in sessions]
        return web.json_response([page.items[0].name for page in pages])

    async with FakeFivetran() as first, FakeFivetran() as second:
        first.add_group(name="one")
        second.add_group(name="two")
        app = web.Application()
        app.cleanup_ctx.extend(
            [fivetran_context(first.client), fivetran_context(second.client, OTHER)]
        )
        app.router.add_get("/names", names)
        async with aiohttp_server(app) as port, aiohttp.ClientSession() as client:
            answer = await client.get(f"http://127.0.0.1:{port}/names")
            assert await answer.json() == ["one", "two"]
            assert [session.closed for session in sessions] == [False, False]
    assert [session.closed for session in sessions] == [True, True]
