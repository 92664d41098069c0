"""One attempt under way: its credentials, how far it got, and what came back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import aiohttp
import attrs
from multidict import CIMultiDict, CIMultiDictProxy, istr

from fivetran_async._http.failures import DroppedError
from fivetran_async._http.response import is_success

if TYPE_CHECKING:
    from fivetran_async._http.credentials import Credentials
    from fivetran_async.errors import FivetranError

# As multidict looks names up; a plain text is converted each time.
_AUTHORIZATION: Final = istr("Authorization")
_NO_HEADERS: Final = CIMultiDictProxy(CIMultiDict[str]())


@attrs.define(eq=False, repr=False)
class Exchange:
    """How far one attempt got; it is also the middleware that sends its request once."""

    credentials: Credentials | None
    sent: bool = False
    status: int | None = None
    succeeded: bool = False
    """True if the status is a success."""
    headers: CIMultiDictProxy[str] = _NO_HEADERS
    body: bytes = b""
    poured: int = 0
    failure: FivetranError | None = None
    started: float = 0.0
    seconds: float = 0.0
    response: aiohttp.ClientResponse | None = None
    """Here, and not in a variable, because its repr shows headers that may echo a secret."""
    _request: aiohttp.ClientRequest | None = None

    @property
    def left(self) -> bool:
        """True unless the request is certainly still here: no connection was made for it."""
        return self._request is not None and self._request.response is not None

    def begin(self, response: aiohttp.ClientResponse) -> None:
        """Take status and headers of a response."""
        self.status, self.headers = response.status, response.headers
        self.succeeded = is_success(response.status)

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send the request, once, with these credentials only."""
        self._request = request
        # Here, and not among the headers: aiohttp refuses credentials of a given session beside
        # ours, and would prefer those of a netrc file.
        if self.credentials is None:
            request.headers.pop("Authorization", None)
        else:
            request.headers[_AUTHORIZATION] = self.credentials.authorization()
        try:
            return await handler(request)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            # aiohttp does not resend these, and they show that nothing was sent.
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            # aiohttp would silently resend GET and DELETE: one call, two requests on the wire.
            pass
        raise DroppedError
