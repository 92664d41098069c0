"""PURE: the signature of a delivery, and the errors that refuse one."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Final

from fivetran_async.errors import FivetranError, InvalidArgumentError

SIGNATURE_HEADER: Final = "X-Fivetran-Signature-256"
"""The header with the signature; present if the webhook has a secret."""


class WebhookRefusedError(FivetranError):
    """
    A delivery was refused; the message may be shown to its sender.

    Attributes:
        http_status: Status of the response.
        retry_after: Seconds for the header Retry-After of a 503.
    """

    http_status: ClassVar[int] = 400


class MissingSignatureError(WebhookRefusedError):
    """400: the signature is missing."""

    http_status = 400


class InvalidSignatureError(WebhookRefusedError):
    """401: the signature does not match the body under any secret, or is malformed."""

    http_status = 401


def compute_signature(body: bytes, secret: str) -> str:
    """
    Sign a body as Fivetran does: HMAC-SHA256 in upper-case hex, without a prefix.

    Args:
        body: The raw bytes: JSON that is parsed and written once more has another signature.
        secret: The webhook's secret.

    Raises:
        InvalidArgumentError: The secret is empty or a mask, or the body is not bytes.
    """
    (key,) = signing_keys(secret)
    return _digest(body, key).hex().upper()


def verify_signature(body: bytes, signature: str | None, secret: str | Sequence[str]) -> None:
    """
    Verify that a delivery was signed with the secret, or with one of several.

    Args:
        body: The raw bytes of the request.
        signature: Value of the header `SIGNATURE_HEADER`, in any letter case; None if it is
            missing.
        secret: The webhook's secret; during a rotation, the old and the new one.

    Raises:
        MissingSignatureError: The signature is missing.
        InvalidSignatureError: The signature does not match the body.
        InvalidArgumentError: A secret is empty or a mask, or the body is not bytes.
    """
    keys = signing_keys(secret)
    check_signature(body, parse_signature(signature), keys)


def signing_keys(secret: str | Sequence[str]) -> tuple[hmac.HMAC, ...]:
    """
    Return the keys of some secrets; refuse secrets that are public knowledge.

    Each is the beginning of all signatures under its secret: copies go on with the bodies.
    """
    if not _is_series(secret):
        # A function that returns the secret may find none.
        raise InvalidArgumentError(
            f"secret must be a str or a sequence of them, not {type(secret).__name__}."
        )
    secrets = (secret,) if isinstance(secret, str) else tuple(secret)
    if not secrets:
        raise InvalidArgumentError("secret must contain at least one secret.")
    return tuple(_key_of(each) for each in secrets)


def _is_series(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, Mapping)


def _key_of(secret: object) -> hmac.HMAC:
    if not isinstance(secret, str) or not secret.strip():
        raise InvalidArgumentError("secret must be a non-empty str.")
    if not secret.strip("*"):
        raise InvalidArgumentError(
            "secret is a mask, as the API returns it: pass the secret of the webhook itself."
        )
    return hmac.new(secret.encode(), digestmod=hashlib.sha256)


def parse_signature(signature: str | None) -> bytes:
    """Return the 32 bytes of a header; text that is not hex cannot be compared in constant time."""
    if not signature:
        raise MissingSignatureError(f"The header {SIGNATURE_HEADER} is missing.")
    try:
        found = bytes.fromhex(signature)
    except ValueError:
        found = b""
    # `fromhex` ignores spaces.
    if len(found) != 32 or len(signature) != 64:
        raise InvalidSignatureError("The signature is not 64 hexadecimal digits.")
    return found


def check_signature(body: bytes, claimed: bytes, keys: Sequence[hmac.HMAC]) -> None:
    """Compare with the signatures under all keys, in constant time."""
    matches = [hmac.compare_digest(_digest(body, key), claimed) for key in keys]
    if not any(matches):
        raise InvalidSignatureError("The signature does not match the body.")


def _digest(body: object, key: hmac.HMAC) -> bytes:
    if not isinstance(body, (bytes, bytearray)):
        raise InvalidArgumentError(
            "body must be the raw bytes of the request, not text or parsed JSON."
        )
    signing = key.copy()
    signing.update(body)
    return signing.digest()
