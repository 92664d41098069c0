"""A lock file, so that two processes do not change a folder or its account at the same time."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import IO

from fivetran_async.as_code._files.json_files import reason_of
from fivetran_async.as_code.errors import FilesError, FolderLockedError

if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[str]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def locked(path: Path) -> Generator[None]:
    """
    Hold a lock file, which names this process, during the block; then it is removed.

    The system releases the lock when the process ends, however it ends.

    Raises:
        FolderLockedError: Another process, or another run of this one, holds the lock.
        FilesError: The file cannot be written.
    """
    try:
        file = _locked_file(path)
    except OSError as error:
        raise FilesError([f"{path}: cannot be written: {reason_of(error)}"]) from None
    with file:
        try:
            yield
        finally:
            # Windows does not remove a file that is open: there it stays, unlocked.
            with contextlib.suppress(OSError):
                path.unlink()


def _locked_file(path: Path) -> IO[str]:
    """Open and lock the file; another process may remove it between the two."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with contextlib.ExitStack() as opened:
            file = opened.enter_context(path.open("a+", encoding="utf-8"))
            try:
                _lock(file)
            except OSError:
                raise _in_use(path, file) from None
            if not _is_at(path, file):
                continue
            file.seek(0)
            file.truncate()
            file.write(f"process {os.getpid()}\n")
            file.flush()
            opened.pop_all()
            return file


def _in_use(path: Path, file: IO[str]) -> FolderLockedError:
    holder = "another process"
    # Windows refuses to read what another process has locked.
    with contextlib.suppress(OSError):
        file.seek(0)
        holder = file.read().strip() or holder
    return FolderLockedError(f"{path.parent.parent} is in use by {holder}; wait until it is done.")


def _is_at(path: Path, file: IO[str]) -> bool:
    """Return True if the path still leads to an open file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
