"""Signatures, checked against vectors from OpenSSL."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from fivetran_async import FivetranError, InvalidArgumentError
from fivetran_async.webhooks import (
    SIGNATURE_HEADER,
    InvalidSignatureError,
    MissingSignatureError,
    WebhookRefusedError,
    compute_signature,
    verify_signature,
)
from webhooks.deliveries import PROBE, SECRET, SYNC_END

OPENSSL = shutil.which("openssl")

# Each by `printf ... | openssl dgst -sha256 -hmac KEY`.
VECTORS = [
    (SYNC_END, SECRET, "0b9c078fb87d989894a8a50fa1260a7956293bf24b4783461ee7b0d20f0e9889"),
    (PROBE, SECRET, "16f47e0187cc3bec7038cf4e430d12e84dda5d447fe233a6ab5e5827202905db"),
    (b"", "k", "8bb990c40a7d61cb97597a942125025be50ac8beb74436e3735b98893a7f6620"),
    (
        b'{"a": 1,  "b":"\\u00e9"}\n',
        "sécret",
        "ed1a67f830b0275dd98e1a06ca0026796ed4edc1be1df4f6303d635496b04277",
    ),
    (
        b"\x00\xff\xfe",
        "long secret with spaces and more than sixty-four bytes of text in it, really",
        "a4b638a40d224fa9ec1e4e3d51f2d84d2ab2dc89ce724e69279b4cedd55d2b3a",
    ),
]


@pytest.mark.parametrize(("body", "secret", "expected"), VECTORS)
def test_signs_as_openssl_does(body: bytes, secret: str, expected: str) -> None:
    """The signature is the HMAC-SHA256 of the bytes under the secret's UTF-8, in upper case."""
    assert compute_signature(body, secret) == expected.upper()


@pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
def test_signs_as_this_openssl_does() -> None:
    """The installed OpenSSL computes the same signature."""
    assert OPENSSL is not None
    body = bytes(range(256)) * 40
    printed = subprocess.run(
        [OPENSSL, "dgst", "-sha256", "-hmac", SECRET], input=body, capture_output=True, check=True
    ).stdout
    assert compute_signature(body, SECRET) == printed.split()[-1].decode().upper()


@pytest.mark.parametrize("case", [str.upper, str.lower, str.title])
def test_any_letter_case_verifies(case: type[str]) -> None:
    """Hex digits may be upper or lower case."""
    verify_signature(SYNC_END, case(VECTORS[0][2]), SECRET)


def test_several_secrets_verify_while_one_replaces_another() -> None:
    """The old and the new secret verify, a third does not."""
    for secret in ("old", "new"):
        verify_signature(SYNC_END, compute_signature(SYNC_END, secret), ["old", "new"])
    with pytest.raises(InvalidSignatureError):
        verify_signature(SYNC_END, compute_signature(SYNC_END, "third"), ["old", "new"])


@pytest.mark.parametrize("signature", [None, ""])
def test_a_missing_signature_has_its_own_error(signature: str | None) -> None:
    """A missing signature gets 400, since the setup may be wrong."""
    with pytest.raises(MissingSignatureError, match=SIGNATURE_HEADER) as caught:
        verify_signature(SYNC_END, signature, SECRET)
    assert caught.value.http_status == 400


@pytest.mark.parametrize(
    "signature",
    [
        "0" * 64,
        "0" * 63,
        "0" * 65,
        "é" * 64,
        "\N{ARABIC-INDIC DIGIT ZERO}" * 64,
        " " + "0" * 63,
        "0x" + "0" * 62,
        "\x00",
    ],
)
def test_a_wrong_signature_is_refused(signature: str) -> None:
    """Any other value of the header gets 401."""
    with pytest.raises(InvalidSignatureError) as caught:
        verify_signature(SYNC_END, signature, SECRET)
    assert caught.value.http_status == 401


def test_a_refusal_discloses_nothing() -> None:
    """The error contains neither the expected signature, nor the secret, nor the body."""
    with pytest.raises(WebhookRefusedError) as caught:
        verify_signature(SYNC_END, "0" * 64, SECRET)
    shown = f"{caught.value!r} {caught.value} {vars(caught.value)}"
    assert VECTORS[0][2] not in shown.lower()
    assert SECRET not in shown
    assert "sync_end" not in shown
    assert isinstance(caught.value, FivetranError)


@pytest.mark.parametrize("secret", ["", "   ", "******", [], ["good", ""], ["good", "***"]])
def test_a_public_secret_is_refused(secret: str | list[str]) -> None:
    """With an empty secret, or the API's mask, anyone could sign."""
    with pytest.raises(InvalidArgumentError, match="secret"):
        verify_signature(SYNC_END, "0" * 64, secret)


@pytest.mark.slow
def test_only_bytes_are_signed() -> None:
    """Text and parsed JSON are refused, as writing them once more changes the bytes."""
    wrong: bytes = SYNC_END.decode()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    with pytest.raises(InvalidArgumentError, match="raw bytes"):
        compute_signature(wrong, SECRET)
