"""A plain HTTP client for the tests of the fake, independent of the library's client."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import aiohttp
import attrs
from multidict import CIMultiDictProxy
from yarl import URL

from fivetran_async.testing import FakeFivetran

V2 = "application/json;version=2"


def basic(api_key: str, api_secret: str) -> str:
    """Return an Authorization header; aiohttp has a function for it only since 3.14."""
    return f"Basic {b64encode(f'{api_key}:{api_secret}'.encode()).decode()}"


@attrs.frozen
class Response:
    """A response."""

    status: int
    headers: CIMultiDictProxy[str]
    json: Any
    raw: bytes

    @property
    def data(self) -> Any:  # noqa: ANN401 - the tests check the shape
        """The data in the envelope."""
        return self.json["data"]

    @property
    def items(self) -> list[dict[str, Any]]:
        """The items of a list."""
        found: list[dict[str, Any]] = self.json["data"]["items"]
        return found


@attrs.define
class Api:
    """Sends requests one by one, by default with the account's credentials."""

    fake: FakeFivetran
    session: aiohttp.ClientSession

    async def __call__(
        self,
        verb: str,
        path: str,
        json: object = None,
        *,
        accept: str = V2,
        headers: dict[str, str] | None = None,
        data: bytes | aiohttp.FormData | None = None,
        auth: bool = True,
    ) -> Response:
        """Send a request and read the whole response; the path must be encoded already."""
        sent = {"Accept": accept, **(headers or {})}
        if auth:
            pair = basic(self.fake.api_key, self.fake.api_secret)
            sent.setdefault("Authorization", pair)
        url = URL(self.fake.url + path, encoded=True)
        async with self.session.request(verb, url, headers=sent, json=json, data=data) as response:
            raw = await response.read()
            is_json = response.content_type == "application/json"
            parsed = await response.json() if is_json else None
            return Response(response.status, response.headers, parsed, raw)

    async def get(
        self,
        path: str,
        *,
        accept: str = V2,
        headers: dict[str, str] | None = None,
        auth: bool = True,
    ) -> Response:
        """Send a GET."""
        return await self("GET", path, accept=accept, headers=headers, auth=auth)

    async def post(
        self,
        path: str,
        json: object = None,
        *,
        headers: dict[str, str] | None = None,
        data: bytes | aiohttp.FormData | None = None,
    ) -> Response:
        """Send a POST."""
        return await self("POST", path, json, headers=headers, data=data)

    async def patch(self, path: str, json: object = None) -> Response:
        """Send a PATCH."""
        return await self("PATCH", path, json)

    async def delete(self, path: str) -> Response:
        """Send a DELETE."""
        return await self("DELETE", path)
