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
from fivetran_async.as_code._kinds.values import FieldPath, dotted

_COST: Final = 2**12
_SALT_BYTES: Final = 16


class SecretLock:
    """
    The file `secrets.lock`: a salted fingerprint for each secret of each object.

    The fingerprint is made by scrypt, so that weak passwords cannot be tried quickly.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._known: dict[str, dict[str, dict[str, str]]] = {}
        if path is not None and path.exists():
            self._known = cast("dict[str, dict[str, dict[str, str]]]", read_object(path))

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

    def save(self) -> None:
        """Write the file, if there is one."""
        if self._path is not None and self._known:
            write_text(self._path, dumped(self._known), durable=True)


def fingerprint(value: object, salt: str) -> str:
    """Return the fingerprint of a value."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    made = hashlib.scrypt(text.encode("utf-8", "replace"), salt=salt.encode(), n=_COST, r=8, p=1)
    return made.hex()


def _entry(
    known: Mapping[str, Mapping[str, Mapping[str, str]]], address: str, path: FieldPath
) -> Mapping[str, str] | None:
    return known.get(address, {}).get(dotted(path))
