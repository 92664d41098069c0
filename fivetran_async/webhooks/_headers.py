"""PURE: what a receiver needs of the headers of a request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias, cast

from fivetran_async.webhooks.signature import (
    SIGNATURE_HEADER,
    InvalidSignatureError,
    parse_signature,
)

Headers: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]

_SIGNATURE: Final = SIGNATURE_HEADER.lower()
_LENGTH: Final = "content-length"
_ENCODING: Final = "content-encoding"
_RAW_SIGNATURE: Final = _SIGNATURE.encode()
_RAW_LENGTH: Final = _LENGTH.encode()
_RAW_ENCODING: Final = _ENCODING.encode()


class CheckedHeaders(NamedTuple):
    """What a receiver needs of the headers of a request."""

    signature: bytes
    lengths: Sequence[str]

    @classmethod
    def of(cls, headers: Headers | CheckedHeaders) -> CheckedHeaders:
        """
        Look at the headers once.

        Raises:
            WebhookRefusedError: The signature is missing or malformed, or cannot be checked.
        """
        if isinstance(headers, CheckedHeaders):
            return headers
        # `items()` of a web framework's multi-dict repeats a name for each of its values.
        if isinstance(headers, Mapping):
            headers = cast("Mapping[str, str]", headers).items()
        return cls.of_pairs(headers)

    @classmethod
    def of_pairs(cls, pairs: Iterable[tuple[str, str]]) -> CheckedHeaders:
        """Do the same with pairs of names and values."""
        signatures: list[str] = []
        lengths: list[str] = []
        encodings: list[str] = []
        found = {_SIGNATURE: signatures, _LENGTH: lengths, _ENCODING: encodings}
        for name, value in pairs:
            values = found.get(name.lower())
            if values is not None:
                values.append(value)
        if len(signatures) > 1:
            raise InvalidSignatureError(f"The request has more than one header {SIGNATURE_HEADER}.")
        signature = parse_signature(signatures[0] if signatures else None)
        if encodings and any(each.strip().lower() != "identity" for each in encodings):
            # The signature is that of the compressed bytes, and some servers decompress.
            raise InvalidSignatureError(
                "The body is compressed, so its signature cannot be checked."
            )
        return cls(signature, lengths)

    @classmethod
    def of_asgi(cls, headers: Sequence[tuple[bytes, bytes]]) -> CheckedHeaders:
        """Do the same with the headers of ASGI, which have names in lower case."""
        by_name = dict(headers)
        signature, length = by_name.get(_RAW_SIGNATURE), by_name.get(_RAW_LENGTH)
        if len(by_name) < len(headers) or signature is None or _RAW_ENCODING in by_name:
            # A name may be repeated, or be in another case.
            return cls.of_pairs(
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in headers
            )
        lengths = () if length is None else (length.decode("latin-1"),)
        return cls(parse_signature(signature.decode("latin-1")), lengths)
