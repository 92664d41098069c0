"""Scripted trouble: which requests it meets, and what happens to them."""

from __future__ import annotations

import functools
import json
import random
import zlib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

import attrs

Headers: TypeAlias = "Mapping[str, str] | Sequence[tuple[str, str]]"
When = Literal["before", "after", "mid_body"]
Kind = Literal["reply", "delay", "hang", "drop", "truncated"]

_CODES = {
    400: "InvalidInput",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    429: "TooManyRequests",
}
_HTML = (
    b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
)


@attrs.frozen
class Fault:
    """
    What happens to a request instead of, or besides, its proper answer.

    `applied` says whether the request takes effect all the same, as when an answer is lost on its
    way back.
    """

    kind: Kind
    applied: bool = False
    seconds: float = 0.0
    when: When = "before"
    code: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = attrs.field(default=b"", repr=False)

    @staticmethod
    def status(
        status: int,
        *,
        headers: Headers = (),
        body: object = None,
        applied: bool = False,
    ) -> Fault:
        """Answer with a status; `body` is JSON, or bytes or text as they are; else an envelope."""
        pairs = tuple(headers.items()) if isinstance(headers, Mapping) else tuple(headers)
        if body is None:
            code = _CODES.get(status, "InternalServerError" if status >= 500 else "Error")
            body = {"code": code, "message": f"Scripted status {status}"}
        raw = body.encode() if isinstance(body, str) else body
        if not isinstance(raw, bytes):
            raw = json.dumps(raw).encode()
        if not any(name.lower() == "content-type" for name, _ in pairs):
            pairs = (("Content-Type", "application/json"), *pairs)
        return Fault("reply", applied=applied, code=status, headers=pairs, body=raw)

    @staticmethod
    def delay(seconds: float) -> Fault:
        """Do what was asked, but answer only so many (real) seconds later."""
        return Fault("delay", applied=True, seconds=seconds)

    @staticmethod
    def hang(*, applied: bool = False) -> Fault:
        """Never answer, and keep the connection open."""
        return Fault("hang", applied=applied)

    @staticmethod
    def drop(when: When = "before") -> Fault:
        """Close the connection: before the request takes effect, after, or amid the answer."""
        return Fault("drop", applied=when != "before", when=when)

    @staticmethod
    def truncated() -> Fault:
        """Send half of the answer and end the connection cleanly, as if that was all."""
        return Fault("truncated", applied=True)

    @staticmethod
    def malformed() -> Fault:
        """Answer 200 with text that is not JSON, though it says so."""
        return Fault.status(200, body=b'{"code": "Success", "data": {"items": [', applied=True)

    @staticmethod
    def html(status: int = 502) -> Fault:
        """Answer with a page, as gateways do."""
        return Fault.status(status, headers={"Content-Type": "text/html"}, body=_HTML)

    @staticmethod
    def gzip_bomb(size: int = 64 * 2**20) -> Fault:
        """Answer 200 with a small body that unpacks to so many bytes."""
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        return Fault.status(200, headers=headers, body=_bomb(size))


@functools.cache
def _bomb(size: int) -> bytes:
    packer = zlib.compressobj(wbits=31)
    chunk = b" " * 2**20
    packed = b"".join(
        packer.compress(chunk[: min(2**20, size - at)]) for at in range(0, size, 2**20)
    )
    return packed + packer.flush()


@attrs.define(kw_only=True)
class Script:
    """
    Which requests a fault meets.

    Every condition that is given must hold; then the fault strikes only the `nth` such request
    (from 1), or each with a `probability`, and `times` times at most.
    """

    fault: Fault
    operation: str | None = None
    path: str | None = None
    verb: str | None = None
    times: int | None = None
    nth: int | None = None
    probability: float | None = None
    met: int = 0
    struck: int = 0

    def strikes(self, operation: str | None, verb: str, path: str, rng: random.Random) -> bool:
        """Whether this request gets the fault; counts it."""
        if self.operation is not None and not fnmatchcase(operation or "", self.operation):
            return False
        if self.path is not None and not fnmatchcase(path, self.path):
            return False
        if self.verb is not None and verb != self.verb:
            return False
        self.met += 1
        if self.times is not None and self.struck >= self.times:
            return False
        if self.nth is not None and self.met != self.nth:
            return False
        if self.probability is not None and rng.random() >= self.probability:
            return False
        self.struck += 1
        return True
