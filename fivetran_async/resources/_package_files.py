"""Reads and writes the files of uploads and downloads in threads, off the event loop."""

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

from fivetran_async._clock import to_the_end
from fivetran_async.errors import InvalidArgumentError, ResponseFormatError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

P = ParamSpec("P")
T = TypeVar("T")


@runtime_checkable
class BinaryFile(Protocol):
    """A file opened for reading in binary mode, or an object with the same `read` method."""

    def read(self) -> bytes:
        """Return the remaining bytes."""
        ...


async def content_of(file: bytes | str | os.PathLike[str] | BinaryFile) -> bytes:
    """
    Return the bytes to upload.

    Raises:
        InvalidArgumentError: The file cannot be read, or is open in text mode.
    """
    if isinstance(file, bytes):
        return file
    if isinstance(file, str | os.PathLike):
        place = Path(file)
        return await _on_disk(f"file: {place} cannot be read", asyncio.to_thread(place.read_bytes))
    content = cast("object", await _on_disk("file cannot be read", asyncio.to_thread(file.read)))
    if not isinstance(content, bytes):
        raise InvalidArgumentError("file must be opened in binary mode.")
    return content


class Download:
    """
    Writes a streamed body to a temporary file that replaces the target when it is complete.

    The target is never incomplete, and a failed download leaves no file behind.
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
            # The thread may have created the file, and `__aexit__` will not be called.
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
        """Discard the bytes written so far."""
        await self._on_disk(self._empty)

    async def write(self, chunk: bytes) -> None:
        """Write the next chunk of the body."""
        await self._on_disk(self._append, chunk)

    async def keep(self, expected_hash: str | None) -> None:
        """
        Move the complete file to the target.

        Raises:
            ResponseFormatError: Its SHA-256 hash is not the expected one.
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
        # The error or cancellation that led here must reach the caller.
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            with contextlib.suppress(OSError):
                self._part.unlink(missing_ok=True)


async def check_content(content: bytes, expected_hash: str | None) -> None:
    """
    Compare a package with the hash in its metadata, if there is one.

    Raises:
        ResponseFormatError: The hashes differ.
    """
    if expected_hash is not None:
        check_hash((await asyncio.to_thread(hashlib.sha256, content)).digest(), expected_hash)


def check_hash(digest: bytes, expected: str | None) -> None:
    """
    Compare a SHA-256 digest with its text, as hex or base64: the vendor documents neither form.

    Raises:
        ResponseFormatError: The hashes differ.
    """
    if expected is None or expected.casefold() == digest.hex():
        return
    if expected.rstrip("=") == base64.b64encode(digest).decode().rstrip("="):
        return
    raise ResponseFormatError(
        f"The SHA-256 hash of the package is {digest.hex()}, expected {expected}."
    )


async def _on_disk(problem: str, work: Awaitable[T]) -> T:
    """Await file work; an `OSError` from it must not look like a network error."""
    try:
        return await work
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except ValueError as error:
        # A closed file, or a path that is invalid on every system.
        reason = str(error)
    raise InvalidArgumentError(f"{problem}: {reason}.")


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """
    Like `asyncio.to_thread`, but return only after the thread ends, so that cleanup is safe.

    However often the caller is cancelled meanwhile.
    """
    return await to_the_end(asyncio.to_thread(work, *args, **kwargs))
