"""PURE: what signs a webhook delivery, and whether it did; the errors that refuse one."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import ClassVar, Final

from fivetran_async.errors import FivetranError, InvalidArgumentError

SIGNATURE_HEADER: Final = "X-Fivetran-Signature-256"
"""The header that carries the signature; present if the webhook has a secret."""

_SIGNATURE = re.compile(r"[0-9A-Fa-f]{64}")


class WebhookRefusedError(FivetranError):
    """
    A delivery that is not handed on; its message may be shown to the sender.

    Attributes:
        http_status: What to answer it with.
    """

    http_status: ClassVar[int] = 400


class MissingSignatureError(WebhookRefusedError):
    """400: the delivery is not signed."""

    http_status = 400


class InvalidSignatureError(WebhookRefusedError):
    """401: the signature is not that of these bytes under any of the secrets."""

    http_status = 401


def compute_signature(body: bytes, secret: str) -> str:
    """
    Sign a body as Fivetran does: HMAC-SHA256 in upper-case hex, without a prefix.

    Args:
        body: The exact bytes; the same JSON written anew has another signature.
        secret: What the webhook was created with.

    Raises:
        InvalidArgumentError: The secret is empty or a mask, or the body is not bytes.
    """
    (key,) = signing_keys(secret)
    return _digest(body, key).hex().upper()


def verify_signature(body: bytes, signature: str | None, secret: str | Sequence[str]) -> None:
    """
    Return if a delivery was signed with the secret, or with one of several; else raise.

    Args:
        body: The exact bytes that arrived, before anything parses them.
        signature: The value of the header `SIGNATURE_HEADER`, in any letter case; None if there
            was no such header.
        secret: The webhook's secret; while it is being replaced, the old and the new one.

    Raises:
        MissingSignatureError: There is no signature.
        InvalidSignatureError: It is not the signature of this body.
        InvalidArgumentError: A secret is empty or a mask, or the body is not bytes.
    """
    keys = signing_keys(secret)
    check_signature(body, parse_signature(signature), keys)


def signing_keys(secret: str | Sequence[str]) -> tuple[bytes, ...]:
    """The keys to verify with; refuses secrets that anybody could know."""
    secrets = (secret,) if isinstance(secret, str) else tuple(secret)
    if not secrets:
        raise InvalidArgumentError("secret must name at least one secret.")
    return tuple(_key_of(each) for each in secrets)


def _key_of(secret: object) -> bytes:
    if not isinstance(secret, str) or not secret.strip():
        raise InvalidArgumentError("secret must be text that is not empty.")
    if not secret.strip("*"):
        raise InvalidArgumentError(
            "secret is only a mask, as the API returns it: give the one the webhook was made with."
        )
    return secret.encode()


def parse_signature(signature: str | None) -> bytes:
    """The 32 bytes that a header says; only hex may be compared, since other text cannot be."""
    if not signature:
        raise MissingSignatureError(f"The header {SIGNATURE_HEADER} is missing.")
    if not _SIGNATURE.fullmatch(signature):
        raise InvalidSignatureError("The signature is not 64 hexadecimal digits.")
    return bytes.fromhex(signature)


def check_signature(body: bytes, claimed: bytes, keys: Sequence[bytes]) -> None:
    """Compare with the signature under every key, so that the time taken tells nothing."""
    matches = [hmac.compare_digest(_digest(body, key), claimed) for key in keys]
    if not any(matches):
        raise InvalidSignatureError("The signature is not that of this body.")


def _digest(body: object, key: bytes) -> bytes:
    if not isinstance(body, bytes | bytearray):
        raise InvalidArgumentError(
            "body must be the bytes that arrived, not text or parsed JSON: only those are signed."
        )
    return hmac.digest(key, body, hashlib.sha256)
