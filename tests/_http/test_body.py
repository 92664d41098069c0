"""Bodies that aiohttp does not decompress, because a given session is set not to."""

from __future__ import annotations

import gzip
import json
import zlib

import aiohttp
import pytest

from fivetran_async import AmbiguousOutcomeError
from fivetran_async._http.operation import Operation
from fivetran_async._http.result import READ_BYTES
from fivetran_async.errors import Fault
from support import faults
from support.faults import FaultServer
from support.sessions import ONCE, failure_of, session_at


class KeepingSink:
    """A sink that keeps what it is given."""

    content = b""

    async def restart(self) -> None:
        self.content = b""

    async def write(self, chunk: bytes) -> None:
        self.content += chunk


DOWNLOAD = Operation("things.download", "GET", "/v1/things")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "bare deflate"])
@pytest.mark.parametrize("own", ["decompresses", "does not"])
async def test_a_session_that_does_not_decompress_works(encoding: str, own: str) -> None:
    """With `auto_decompress=False`, bodies of calls and of downloads are decompressed here."""
    plain = json.dumps({"data": {"id": "x" * 200_000}}).encode()
    packed = {
        "gzip": gzip.compress(plain, mtime=0),
        "deflate": zlib.compress(plain),
        "bare deflate": zlib.compress(plain)[2:-4],
    }[encoding]
    name = encoding.removeprefix("bare ")
    response = faults.reply(headers={"Content-Encoding": name}, body=packed)
    async with (
        FaultServer(response, response) as server,
        aiohttp.ClientSession(auto_decompress=own == "decompresses") as session,
        session_at(server.url, session=session, retry=ONCE) as fivetran,
    ):
        assert await fivetran.request("GET", "/v1/x") == {"id": "x" * 200_000}
        sink = KeepingSink()
        await fivetran._transport.call(DOWNLOAD, READ_BYTES, sink=sink)
    assert sink.content == plain
    if own == "does not":
        assert server.requests[0].headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("br", b"x"), ("gzip", b"x"), ("gzip", gzip.compress(b'{"data": {}}', mtime=0)[:-12])],
)
async def test_a_body_that_cannot_be_decompressed_is_a_lost_connection(
    encoding: str, body: bytes
) -> None:
    """Unsupported, broken and cut off: for a create, the outcome is ambiguous."""
    response = faults.reply(headers={"Content-Encoding": encoding}, body=body)
    async with (
        FaultServer(response) as server,
        aiohttp.ClientSession(auto_decompress=False) as session,
        session_at(server.url, session=session, retry=ONCE) as fivetran,
    ):
        error = await failure_of(fivetran, "POST", retry_class="dangerous")
    assert type(error) is AmbiguousOutcomeError
    assert error.fault is Fault.TRUNCATED
