"""A lock file, so that two runs do not change an account from one folder at the same time."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import IO

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
    Hold a lock file, which names this process, during the block.

    The system releases the lock when the process ends, however it ends.

    Raises:
        FolderLockedError: Another process, or another run of this one, holds the lock.
        FilesError: The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise FilesError([f"{path}: cannot be written: {error.strerror}"]) from None
    with file:
        try:
            _lock(file)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "another process"
        else:
            file.seek(0)
            file.truncate()
            file.write(f"process {os.getpid()}\n")
            file.flush()
            yield
            return
    raise FolderLockedError(f"{path.parent.parent} is in use by {holder}; wait until it is done.")
