"""
Bodies, both ways.

JSON and forms are built to be sent; responses are read whole and bounded, or streamed to a sink.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol, cast

from fivetran_async._http.failures import TooLargeError
from fivetran_async.errors import InvalidArgumentError

if TYPE_CHECKING:
    import aiohttp


_CHUNK: Final = 64 * 1024
_MASK: Final = re.compile(r"\*{3,}")


class Sink(Protocol):
    """Where a streamed body goes; it starts anew when the request is repeated."""

    async def restart(self) -> None:
        """Forget what was written."""
        ...

    async def write(self, chunk: bytes) -> None:
        """Take the next part of the body."""
        ...


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


def refuse_masks(value: object, place: str = "") -> None:
    """Refuse a value that is only asterisks: the API masks secrets so, and would store the mask."""
    if isinstance(value, str):
        if _MASK.fullmatch(value):
            raise InvalidArgumentError(
                f"{place} is only a mask ({value}), as the API returns secrets; "
                "sending it would overwrite the secret. Leave it out or give the real value."
            )
    elif isinstance(value, Mapping):
        for key, entry in cast("Mapping[str, object]", value).items():
            refuse_masks(entry, f"{place}.{key}" if place else key)
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for index, entry in enumerate(cast("Sequence[object]", value)):
            refuse_masks(entry, f"{place}[{index}]")


def json_body(encoded: object) -> bytes:
    """The bytes of a JSON body, with nothing in it that is only a mask."""
    refuse_masks(encoded)
    return json.dumps(encoded, ensure_ascii=False, separators=(",", ":")).encode()


def multipart_body(name: str, filename: str, content: bytes) -> tuple[bytes, str]:
    """The bytes and the Content-Type of a form with one file."""
    boundary = os.urandom(16).hex()
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        "Content-Type: application/zip\r\n\r\n"
    )
    body = b"".join((head.encode(), content, f"\r\n--{boundary}--\r\n".encode()))
    return body, f"multipart/form-data; boundary={boundary}"
