"""The API key and secret: where they come from, and how they stay hidden."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from typing import TYPE_CHECKING, NoReturn

from fivetran_async.errors import InvalidArgumentError, MissingCredentialsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMES = ("api_key", "api_secret")
_VARIABLES = ("FIVETRAN_API_KEY", "FIVETRAN_API_SECRET")
_PASS = f"Pass {_NAMES[0]}= and {_NAMES[1]}=, or set {_VARIABLES[0]} and {_VARIABLES[1]}."
WHERE_TO_CREATE = "Create both in the Fivetran dashboard under API Config."
_TERRAFORM_NAMES = {
    "FIVETRAN_APIKEY": "FIVETRAN_API_KEY",
    "FIVETRAN_APISECRET": "FIVETRAN_API_SECRET",
}
"""What Terraform's provider and the vendor's Go client read, and the names here."""


class _HiddenText(str):
    """A header value that prints as a placeholder, for other libraries' locals and reprs."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'**********'"


class Credentials:
    """An API key with its secret; its repr shows neither, and it cannot be pickled."""

    __slots__ = ("_header", "_key", "_secret")

    def __init__(self, key: str, secret: str, *, names: tuple[str, str] = _NAMES) -> None:
        for name, value in zip(names, (key, secret), strict=True):
            if not value.isascii() or not value.isprintable() or not value.strip():
                raise InvalidArgumentError(f"{name} must be non-empty printable ASCII text.")
        if ":" in key:
            raise InvalidArgumentError(
                f"{names[0]} must not contain ':'; give key and secret apart, the secret as "
                f"{names[1]}."
            )
        self._key = _HiddenText(key)
        self._secret = _HiddenText(secret)
        self._header = _HiddenText(f"Basic {self._encoded()}")

    def __repr__(self) -> str:
        return "Credentials(**********)"

    def __reduce__(self) -> NoReturn:
        raise UsageError("Credentials cannot be pickled: secrets do not leave the process.")

    def authorization(self) -> str:
        """Return the value of the Authorization header."""
        return self._header

    def account_key(self) -> str:
        """Return what identifies the API key without revealing it: sessions share quotas by it."""
        return hashlib.sha256(self._key.encode()).hexdigest()

    def texts(self) -> tuple[str, ...]:
        """Return the texts that a server might echo, in whatever encoding."""
        return self._encoded(), self._key, self._secret

    def _encoded(self) -> str:
        return _HiddenText(base64.b64encode(f"{self._key}:{self._secret}".encode()).decode())


def find_credentials(
    api_key: object, api_secret: object, environment: Mapping[str, str] = os.environ
) -> Credentials:
    """
    Take both from the arguments or both from the environment, never one of each.

    A key alone may be the base64 of `key:secret`, as the vendor's command-line tool stores it.

    Raises:
        MissingCredentialsError: The pair is incomplete; the message names what to set.
    """
    for name, value in zip(_NAMES, (api_key, api_secret), strict=True):
        if value is not None and not isinstance(value, str):
            raise InvalidArgumentError(f"{name} must be a str, not {type(value).__name__}.")
    given = api_key is not None or api_secret is not None
    key = api_key if given else environment.get(_VARIABLES[0])
    secret = api_secret if given else environment.get(_VARIABLES[1])
    pair = _pair(str(key or "").strip(), str(secret or "").strip())
    if pair is not None:
        return Credentials(*pair, names=_NAMES if given else _VARIABLES)
    missing = _NAMES[1] if str(key or "").strip() else _NAMES[0]
    where = f"{missing} is missing in the arguments." if given else missing_credentials(environment)
    raise MissingCredentialsError(f"{where} {_PASS} {WHERE_TO_CREATE}")


def missing_credentials(environment: Mapping[str, str] = os.environ) -> str:
    """Return what the environment lacks, and the variables that have Terraform's names instead."""
    has_key = bool(environment.get(_VARIABLES[0], "").strip())
    found = [f"{_VARIABLES[1]} is not set." if has_key else "No API key was found."]
    found += [
        f"{theirs} is set, but this package reads {ours}."
        for theirs, ours in _TERRAFORM_NAMES.items()
        if environment.get(theirs) and not environment.get(ours)
    ]
    return " ".join(found)


def _pair(key: str, secret: str) -> tuple[str, str] | None:
    if key and secret:
        return key, secret
    if not key:
        return None
    try:
        decoded = base64.b64decode(key, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return None
    first, colon, second = decoded.partition(":")
    return (first, second) if first and colon and second else None
