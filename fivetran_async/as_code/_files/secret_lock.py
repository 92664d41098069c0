"""Fingerprints of the secrets that were sent, so that an unchanged secret is not sent twice."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

from fivetran_async.as_code._files.json_files import dumped, read_object, write_text
from fivetran_async.as_code._kinds.values import FieldPath, as_object, dotted
from fivetran_async.as_code.errors import FilesError

_COST: Final = 2**12
_SALT_BYTES: Final = 16
_WRONG: Final = "must hold fingerprints of secrets; remove the file to begin without any"


class SecretLock:
    """
    The file `secrets.lock`: a salted fingerprint for each secret of each object.

    The fingerprint is made by scrypt, so that weak passwords cannot be tried quickly.
    """

    def __init__(self, path: Path | None = None) -> None:
        """
        Read the file, if there is one.

        Raises:
            FilesError: It does not hold fingerprints.
        """
        self._path = path
        self._known: dict[str, dict[str, dict[str, str]]] = {}
        if path is not None and path.exists():
            found = read_object(path)
            wrong = [f"{path}: {key}: {_WRONG}" for key in found if not _is_entry(found[key])]
            if wrong:
                raise FilesError(wrong)
            self._known = cast("dict[str, dict[str, dict[str, str]]]", found)

    def __repr__(self) -> str:
        return f"<SecretLock of {len(self._known)} objects>"

    def knows(self, address: str, path: FieldPath) -> bool:
        """Return True if the secret was sent before."""
        return _entry(self._known, address, path) is not None

    def differs(self, address: str, path: FieldPath, value: object) -> bool:
        """Return True if a secret was sent before with another value."""
        entry = _entry(self._known, address, path)
        if entry is None:
            return False
        made = fingerprint(value, str(entry.get("salt", "")))
        return not hmac.compare_digest(made, str(entry.get("fingerprint", "")))

    def remember(self, address: str, path: FieldPath, value: object) -> None:
        """Note the value of a secret that was sent."""
        salt = secrets.token_hex(_SALT_BYTES)
        entry = {"salt": salt, "fingerprint": fingerprint(value, salt)}
        self._known.setdefault(address, {})[dotted(path)] = entry

    def rename(self, sources: Mapping[str, str]) -> None:
        """Move the entries of objects to their new addresses, and write the file if any moved."""
        moved = {a: source for a, source in sources.items() if a != source}
        taken = {a: self._known[source] for a, source in moved.items() if source in self._known}
        if taken:
            gone = {*moved, *moved.values()}
            kept = {a: entry for a, entry in self._known.items() if a not in gone}
            self._known = {**kept, **taken}
            self.save()

    def save(self) -> None:
        """Write the file, if there is one."""
        if self._path is not None and self._known:
            write_text(self._path, dumped(self._known), durable=True, private=True)


def _is_entry(value: object) -> bool:
    """Return True for the fingerprints of one object."""
    found = as_object(value)
    return found is not None and all(as_object(each) is not None for each in found.values())


def fingerprint(value: object, salt: str) -> str:
    """Return the fingerprint of a value."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    made = hashlib.scrypt(text.encode("utf-8", "replace"), salt=salt.encode(), n=_COST, r=8, p=1)
    return made.hex()


def _entry(
    known: Mapping[str, Mapping[str, Mapping[str, str]]], address: str, path: FieldPath
) -> Mapping[str, str] | None:
    return known.get(address, {}).get(dotted(path))
