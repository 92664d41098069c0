"""
Bodies, both ways.

JSON and forms are built for requests; responses are read whole and bounded, or streamed to a sink.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from fivetran_async._codec import encode, write_json, write_plain
from fivetran_async._http.failures import BadEncodingError, TooLargeError
from fivetran_async._http.response import ENCODING_HEADER
from fivetran_async._types import UNSET
from fivetran_async.errors import InvalidArgumentError

if TYPE_CHECKING:
    import aiohttp


_CHUNK: Final = 64 * 1024
_MASK: Final = re.compile(r"\*{3,}")
_PARTLY_MASKED: Final = re.compile(r"[^*]*\*{6,}")
"""As `arn:********`."""


ENCODINGS: Final = "gzip, deflate"
"""What is accepted for a session that leaves decompression to its user."""


class Sink(Protocol):
    """Where a streamed body goes; it starts over when the request is retried."""

    async def restart(self) -> None:
        """Discard what was written."""
        ...

    async def write(self, chunk: bytes) -> None:
        """Write the next part of the body."""
        ...


def read_body(
    response: aiohttp.ClientResponse, cap: int, *, decoded: bool
) -> Coroutine[Any, Any, bytes]:
    """
    Read a whole body, when awaited.

    Args:
        response: The response.
        cap: The most bytes, after decompression, which aiohttp does not limit.
        decoded: True if aiohttp decompresses the body.

    Raises:
        TooLargeError: The body is larger than the cap.
        BadEncodingError: The body is compressed in a way that was not asked for.
    """
    length = response.content_length
    if length is not None and length <= cap and ENCODING_HEADER not in response.headers:
        return response.read()
    return _read_at_most(cap, _chunks(response, decoded=decoded))


def body_at_hand(response: aiohttp.ClientResponse, cap: int) -> bytes | None:
    """
    Return a body that arrived with its headers, as most do; None if it has to be awaited.

    Awaiting it would cost a fiftieth of a whole call.

    Raises:
        TooLargeError: The body is larger than the cap.
    """
    content = response.content
    if not content.is_eof():
        return None
    body = content.read_nowait()
    if len(body) > cap:
        raise TooLargeError
    return body


async def _read_at_most(cap: int, chunks: AsyncIterator[bytes]) -> bytes:
    read: list[bytes] = []
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > cap:
            raise TooLargeError
        read.append(chunk)
    return b"".join(read)


async def pour(response: aiohttp.ClientResponse, sink: Sink, *, decoded: bool) -> int:
    """Write a body to a sink as it arrives, and return its size, which does not matter."""
    await sink.restart()
    size = 0
    async for chunk in _chunks(response, decoded=decoded):
        size += len(chunk)
        await sink.write(chunk)
    return size


def _chunks(response: aiohttp.ClientResponse, *, decoded: bool) -> AsyncIterator[bytes]:
    encoding = response.headers.get(ENCODING_HEADER, "identity").strip().lower()
    chunks = response.content.iter_chunked(_CHUNK)
    if decoded or encoding == "identity":
        return aiter(chunks)
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise BadEncodingError
    return _decompressed(chunks)


async def _decompressed(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Decompress gzip and deflate, in parts no larger than a chunk."""
    # Recognizes both headers. Some servers send deflate without its header; the first byte shows
    # that, as in aiohttp.
    stream: Any = None
    async for chunk in chunks:
        if stream is None:
            bare = chunk[0] & 0x0F != zlib.DEFLATED and chunk[:1] != b"\x1f"
            stream = zlib.decompressobj(-zlib.MAX_WBITS if bare else zlib.MAX_WBITS | 32)
        rest = chunk
        while rest:
            try:
                yield stream.decompress(rest, _CHUNK)
            except zlib.error as error:
                raise BadEncodingError from error
            rest = stream.unconsumed_tail
    if stream is not None and not stream.eof:
        raise BadEncodingError


def refuse_masks(value: object, place: str = "") -> None:
    """Refuse a value of asterisks only: the API masks secrets so, and would store the mask."""
    if isinstance(value, str):
        if _MASK.fullmatch(value):
            raise InvalidArgumentError(
                f"{place} is only a mask ({value}), which the API returns instead of a secret; "
                "sending it would overwrite the secret. Leave it out, or pass the real value."
            )
    elif isinstance(value, Mapping):
        for key, entry in cast("Mapping[str, object]", value).items():
            refuse_masks(entry, f"{place}.{key}" if place else key)
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for index, entry in enumerate(cast("Sequence[object]", value)):
            refuse_masks(entry, f"{place}[{index}]")


def without_masks(config: Mapping[str, object]) -> dict[str, object]:
    """
    Return a copy of a config without the masks that the API returns instead of secrets.

    A config that was read can be sent so: to another connection, or back after a change. Masks are
    left out at every depth; the secrets themselves have to be added.

    Args:
        config: The `config` of a connection, a destination, a log service or another object.

    Raises:
        InvalidArgumentError: It is not a mapping, such as the connection itself.
    """
    if not isinstance(cast("object", config), Mapping):
        raise InvalidArgumentError(
            f"config must be a mapping, such as connection.config, not {type(config).__name__}."
        )
    return {name: _without_masks(value) for name, value in config.items() if not _is_masked(value)}


def _without_masks(value: object) -> object:
    if isinstance(value, Mapping):
        return without_masks(cast("Mapping[str, object]", value))
    if isinstance(value, list | tuple):
        members = cast("Sequence[object]", value)
        return [_without_masks(member) for member in members if not _is_masked(member)]
    return value


def _is_masked(value: object) -> bool:
    is_mask = isinstance(value, str) and (_MASK.fullmatch(value) or _PARTLY_MASKED.fullmatch(value))
    return bool(is_mask)


def json_body(values: Mapping[str, object]) -> bytes:
    """
    Return the bytes of a JSON body; `UNSET` is left out.

    Raises:
        InvalidArgumentError: JSON cannot represent a value, or a value is a mask.
    """
    given = {name: value for name, value in values.items() if value is not UNSET}
    body = write_plain(given)
    encoded: object = given
    if body is None:
        encoded = encode(given)
        body = write_json(encoded)
    if b'"***' in body:
        refuse_masks(encoded)
    return body


def multipart_body(name: str, filename: str, content: bytes) -> tuple[bytes, str]:
    """Return the bytes and the Content-Type of a form with one file."""
    boundary = os.urandom(16).hex()
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        "Content-Type: application/zip\r\n\r\n"
    )
    body = b"".join((head.encode(), content, f"\r\n--{boundary}--\r\n".encode()))
    return body, f"multipart/form-data; boundary={boundary}"
