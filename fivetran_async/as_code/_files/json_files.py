"""Reads and writes JSON files: strictly, deterministically, and each as a whole."""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
import shutil
from pathlib import Path
from typing import NoReturn, TextIO, cast

from fivetran_async.as_code.errors import FilesError


def dumped(value: object) -> str:
    """Return the text of a file: sorted keys, two spaces, a final newline."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def read_json(path: Path) -> object:
    """
    Read one JSON file.

    Raises:
        FilesError: It is not JSON, has a key twice, or cannot be read; the message names it.
    """
    try:
        text = path.read_text("utf-8-sig")
        return json.loads(
            text, object_pairs_hook=_unique, parse_constant=_not_json, parse_float=_finite
        )
    except RecursionError:
        problem = "nested too deep"
    except OSError as error:
        problem = f"cannot be read: {reason_of(error)}"
    except UnicodeDecodeError:
        problem = "is not text in UTF-8"
    except ValueError as error:
        problem = f"is not JSON: {error}"
    raise FilesError([f"{path}: {problem}"])


def reason_of(error: OSError | ValueError) -> str:
    """Return the reason in the system's words, without number and path: messages name the path."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def read_object(path: Path) -> dict[str, object]:
    """
    Read one JSON file that holds an object.

    Raises:
        FilesError: It does not.
    """
    value = read_json(path)
    if not isinstance(value, dict):
        raise FilesError([f"{path}: must hold a JSON object, not {name_of(value)}"])
    return cast("dict[str, object]", value)


def write_text(path: Path, text: str, *, durable: bool = False, private: bool = False) -> None:
    """
    Replace a file as a whole; an unchanged file is left alone.

    Args:
        path: The file; of a link, the target is replaced.
        text: Its content.
        durable: True to return when it is on disk.
        private: True for a new file that only its owner may read.

    Raises:
        FilesError: It cannot be written; the message names it.
    """
    try:
        with contextlib.suppress(OSError, ValueError):
            if path.read_text("utf-8") == text:
                return
        place = path.resolve() if path.is_symlink() else path
        place.parent.mkdir(parents=True, exist_ok=True)
        other = place.with_name(f".{secrets.token_hex(8)}.tmp")
        try:
            with _opened(other, 0o600 if private else 0o666) as file:
                file.write(text)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            with contextlib.suppress(FileNotFoundError):
                shutil.copymode(place, other)
            other.replace(place)
        except BaseException:
            other.unlink(missing_ok=True)
            raise
    except (OSError, ValueError) as error:
        raise FilesError([f"{path}: cannot be written: {reason_of(error)}"]) from None


def _opened(path: Path, mode: int) -> TextIO:
    """Create a file with permissions that the process's mask allows."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags, mode)

    return open(path, "x", encoding="utf-8", newline="\n", opener=opener)  # Path.open has no opener


def remove_file(path: Path, root: Path) -> None:
    """
    Remove a file, and its folders below `root` that are empty then.

    Raises:
        FilesError: It cannot be removed; the message names it.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise FilesError([f"{path}: cannot be removed: {reason_of(error)}"]) from None
    for folder in path.parents:
        if folder == root or root not in folder.parents:
            return
        try:
            folder.rmdir()
        except OSError:
            return


def json_files(root: Path) -> list[str]:
    """
    List the JSON files below a folder, sorted, with `/` between names; hidden ones excluded.

    Links to folders are followed, except those that lead back to a folder that holds them.

    Raises:
        FilesError: A folder cannot be read, so that its files would be missing.
    """
    found: list[str] = []
    for folder, folders, files in os.walk(root, onerror=_raise_unreadable, followlinks=True):
        folders[:] = [
            name for name in folders if name[0] != "." and not _is_loop(root, Path(folder), name)
        ]
        names = [name for name in files if name.endswith(".json") and not name.startswith(".")]
        if names and Path(folder) != root:
            here = Path(folder).relative_to(root).as_posix()
            found.extend(f"{here}/{name}" for name in names)
    return sorted(found)


def _raise_unreadable(error: OSError) -> NoReturn:
    raise FilesError([f"{error.filename}: cannot be read: {reason_of(error)}"]) from None


def _is_loop(root: Path, folder: Path, name: str) -> bool:
    """Return True for a link that leads to a folder on the way to it."""
    path = folder / name
    if not path.is_symlink():
        return False
    way = (folder, *(each for each in folder.parents if each.is_relative_to(root)))
    return path.resolve() in {each.resolve() for each in way}


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise ValueError(f"the key {name!r} occurs twice in one object")
            seen.add(name)
    return found


def _not_json(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:40]} is too large")
    return number


def name_of(value: object) -> str:
    """Return the type of a JSON value for a message, which must not show the value."""
    return "a list" if isinstance(value, list) else type(value).__name__
