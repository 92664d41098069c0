"""The files behind uploads and downloads of packages: read and written off the event loop."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, ParamSpec, Protocol, TypeVar, cast, runtime_checkable

from fivetran_async.errors import InvalidArgumentError, ResponseFormatError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

P = ParamSpec("P")
T = TypeVar("T")


@runtime_checkable
class BinaryFile(Protocol):
    """A file that was opened for reading in binary mode, or anything that reads like one."""

    def read(self) -> bytes:
        """Return all that is left."""
        ...


async def content_of(file: bytes | str | os.PathLike[str] | BinaryFile) -> bytes:
    """
    Read what is to be uploaded.

    Raises:
        InvalidArgumentError: It cannot be read, or is open in text mode.
    """
    if isinstance(file, bytes):
        return file
    if isinstance(file, str | os.PathLike):
        place = Path(file)
        return await _on_disk(f"file: {place} cannot be read", asyncio.to_thread(place.read_bytes))
    content = cast("object", await _on_disk("file cannot be read", asyncio.to_thread(file.read)))
    if not isinstance(content, bytes):
        raise InvalidArgumentError("file must be open in binary mode.")
    return content


class Download:
    """
    Takes a streamed body into a file beside its target, which it becomes once it is whole.

    So the target is never half a file, and a download that fails leaves nothing behind.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        self._file: BinaryIO | None = None
        self._digest = hashlib.sha256()

    async def __aenter__(self) -> Self:
        try:
            await self._on_disk(self._open)
        except asyncio.CancelledError:
            # The thread may have made the file by then, and `__aexit__` will not be called.
            await in_thread(self._discard)
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await in_thread(self._discard)

    async def restart(self) -> None:
        """Forget what was written."""
        await self._on_disk(self._empty)

    async def write(self, chunk: bytes) -> None:
        """Take the next part of the body."""
        await self._on_disk(self._append, chunk)

    async def keep(self, expected_hash: str | None) -> None:
        """
        Let the file become its target.

        Raises:
            ResponseFormatError: Its SHA-256 is not the one that was expected.
        """
        check_hash(self._digest.digest(), expected_hash)
        await self._on_disk(self._finish)

    async def _on_disk(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        problem = f"to: {self._target} cannot be written"
        return await _on_disk(problem, in_thread(work, *args, **kwargs))

    def _open(self) -> None:
        if self._target.is_dir():
            raise IsADirectoryError(None, "Is a directory")
        self._file = self._part.open("xb")

    def _opened(self) -> BinaryIO:
        assert self._file is not None, "used outside of `async with`"  # noqa: S101
        return self._file

    def _empty(self) -> None:
        self._opened().seek(0)
        self._opened().truncate()
        self._digest = hashlib.sha256()

    def _append(self, chunk: bytes) -> None:
        self._opened().write(chunk)
        self._digest.update(chunk)

    def _finish(self) -> None:
        self._opened().close()
        self._part.replace(self._target)

    def _discard(self) -> None:
        # What led here is what the caller must see, a cancellation above all.
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            with contextlib.suppress(OSError):
                self._part.unlink(missing_ok=True)


async def check_content(content: bytes, expected_hash: str | None) -> None:
    """
    Compare a package with the hash that its record tells, if it tells one.

    Raises:
        ResponseFormatError: It is another one.
    """
    if expected_hash is not None:
        check_hash((await asyncio.to_thread(hashlib.sha256, content)).digest(), expected_hash)


def check_hash(digest: bytes, expected: str | None) -> None:
    """
    Compare a SHA-256 digest with its text; the vendor does not say in which of two usual forms.

    Raises:
        ResponseFormatError: They differ.
    """
    if expected is None or expected.casefold() == digest.hex():
        return
    if expected.rstrip("=") == base64.b64encode(digest).decode().rstrip("="):
        return
    raise ResponseFormatError(
        f"The package's SHA-256 is {digest.hex()}, but its record says {expected}."
    )


async def _on_disk(problem: str, work: Awaitable[T]) -> T:
    """Await what works on a file; an `OSError` of it must not pass for one of the network."""
    try:
        return await work
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except ValueError as error:
        # A closed file, or a path that no system could have.
        reason = str(error)
    raise InvalidArgumentError(f"{problem}: {reason}.")


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Like `asyncio.to_thread`, but never over before the thread is, for cleaning up follows."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.gather(running, return_exceptions=True)
        raise
