"""Reads and writes JSON files: strictly, deterministically, and each as a whole."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import NoReturn, cast

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
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_not_json)
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


def write_text(path: Path, text: str, *, durable: bool = False) -> None:
    """
    Replace a file as a whole; an unchanged file is left alone.

    Raises:
        FilesError: It cannot be written; the message names it.
    """
    try:
        with contextlib.suppress(OSError, ValueError):
            if path.read_text("utf-8") == text:
                return
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except (OSError, ValueError) as error:
        raise FilesError([f"{path}: cannot be written: {reason_of(error)}"]) from None


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
    """List the JSON files below a folder, sorted, with `/` between names; hidden ones excluded."""
    found: list[str] = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        names = [name for name in files if name.endswith(".json") and not name.startswith(".")]
        if names and Path(folder) != root:
            here = Path(folder).relative_to(root).as_posix()
            found.extend(f"{here}/{name}" for name in names)
    return sorted(found)


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


def name_of(value: object) -> str:
    """Return the type of a JSON value for a message, which must not show the value."""
    return "a list" if isinstance(value, list) else type(value).__name__
