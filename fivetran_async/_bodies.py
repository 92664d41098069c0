"""How the body of an answer is taken in: whole and bounded, or passed on as it arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fivetran_async._failures import TooLargeError

if TYPE_CHECKING:
    import aiohttp

    from fivetran_async._wire import Sink

_CHUNK: Final = 64 * 1024


async def read_body(response: aiohttp.ClientResponse, cap: int) -> bytes:
    """Read the whole body, but no more than the cap: aiohttp bounds no decompressed size."""
    length = response.content_length
    if length is not None and length <= cap and "Content-Encoding" not in response.headers:
        return await response.read()
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_chunked(_CHUNK):
        size += len(chunk)
        if size > cap:
            raise TooLargeError
        chunks.append(chunk)
    return b"".join(chunks)


async def pour(response: aiohttp.ClientResponse, sink: Sink) -> None:
    """Hand the body on as it arrives, so that its size does not matter."""
    await sink.restart()
    async for chunk in response.content.iter_chunked(_CHUNK):
        await sink.write(chunk)
