"""Scripted faults: which requests they affect, and what happens."""

from __future__ import annotations

import functools
import json
import random
import zlib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

import attrs

from fivetran_async.testing._checks import checked_seconds

FaultHeaders: TypeAlias = "Mapping[str, str] | Sequence[tuple[str, str]]"
When = Literal["before", "after", "mid_body"]
Kind = Literal["reply", "success", "delay", "hang", "drop", "truncated"]

_CODES = {
    400: "InvalidInput",
    401: "AuthFailed",
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
    What happens to a request instead of, or in addition to, the proper response.

    `applied` is True if the request takes effect nevertheless, as when the response gets lost.
    """

    kind: Kind
    applied: bool = False
    seconds: float = 0.0
    when: When = "before"
    code: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = attrs.field(default=b"", repr=False)
    data: bool = True

    @staticmethod
    def status(
        status: int,
        *,
        headers: FaultHeaders = (),
        body: object = None,
        applied: bool = False,
    ) -> Fault:
        """
        Respond with a status.

        `body` is JSON, or bytes or text that are sent unchanged. Without it, the body is an error
        envelope.
        """
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
    def success(status: int = 200, *, data: bool = True) -> Fault:
        """
        Apply the request, but respond with another success; refusals stay unchanged.

        The API's documents disagree about the status and the data of some changes: an approval is
        a 200 or a 201, and the change of a membership has `data` or not.

        Args:
            status: The status, from 200 to 299.
            data: False leaves `data` out.
        """
        return Fault("success", applied=True, code=status, data=data)

    @staticmethod
    def delay(seconds: float) -> Fault:
        """
        Apply the request, but delay the response by real seconds.

        Raises:
            InvalidArgumentError: `seconds` is negative or not finite.
        """
        return Fault("delay", applied=True, seconds=checked_seconds("seconds", seconds))

    @staticmethod
    def hang(*, applied: bool = False) -> Fault:
        """Never respond, and keep the connection open."""
        return Fault("hang", applied=applied)

    @staticmethod
    def drop(when: When = "before") -> Fault:
        """Close the connection before the request takes effect, after it, or mid-response."""
        return Fault("drop", applied=when != "before", when=when)

    @staticmethod
    def truncated() -> Fault:
        """Send half of the response, then close the connection cleanly."""
        return Fault("truncated", applied=True)

    @staticmethod
    def malformed() -> Fault:
        """Respond with 200 and invalid JSON, declared as JSON."""
        return Fault.status(200, body=b'{"code": "Success", "data": {"items": [', applied=True)

    @staticmethod
    def html(status: int = 502) -> Fault:
        """Respond with an HTML page, like a gateway."""
        return Fault.status(status, headers={"Content-Type": "text/html"}, body=_HTML)

    @staticmethod
    def gzip_bomb(size: int = 64 * 2**20) -> Fault:
        """Respond with 200 and a small body that decompresses to `size` bytes."""
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
    Which requests a fault affects.

    A request must match every given condition. The fault then affects only the `nth` match (from
    1), or each match with a `probability`, and at most `times` requests.
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
        """Count a request, and return True if the fault affects it."""
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
