"""
PURE: takes secrets out of what a server sent, before it reaches an error, a log record or a hook.

A server may echo a request in any encoding. So a text is decoded layer by layer, each character
with its place in the original, and a secret that is found in one of the layers is replaced there.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple, cast
from urllib.parse import parse_qsl, unquote_to_bytes

import attrs

from fivetran_async._http.operation import CONTROL
from fivetran_async._services import (
    KINDS,
    ServiceKind,
    is_secret_name,
    known,
    secret_values,
    secrets_in_text,
)

if TYPE_CHECKING:
    from fivetran_async._codec import Drift, UnknownField
    from fivetran_async._http.credentials import Credentials
    from fivetran_async._http.request import Request

REDACTED: Final = "***"

_LONGEST: Final = 500
"""Characters of a server's text that are shown."""
_LONGEST_READ: Final = 2_000
"""Characters of it that are looked at."""
_SHORTEST: Final = 6
"""A shorter value is a word that messages use anyway: it counts as a whole value only."""
_PART: Final = 12
"""This many characters of a secret in a row count as the secret."""
_ASSIGNMENTS: Final = "environment_vars"
"""The field with a list of `NAME=VALUE`."""
_LAYERS: Final = 32
"""More than three encodings, one inside another, make."""
_DEPTH: Final = 2
"""Words of digits, one inside another, that are decoded."""

# Patterns that few processes need are compiled when they do.
_ESCAPES = (
    r"(?:%[0-9A-Fa-f]{2})+",
    r"(?:\\u[0-9A-Fa-f]{4})+|(?:\\x[0-9A-Fa-f]{2})+|(?:\\[0-3][0-7]{2})+|\\[^ux]",
    r"&#[0-9]{1,7};?|&#[xX][0-9A-Fa-f]{1,6};?|&[A-Za-z]{2,8};",
    # The quoted-printable of mail, in which a line can end anywhere.
    r"(?:=[0-9A-Fa-f]{2}|=[ \t]*\r?\n)+",
)
_BASE64 = r"(?:[A-Za-z0-9+/_-]{60,}\r?\n)*[A-Za-z0-9+/_-]{8,}={0,2}"
# Small letters without a digit are words.
_BASE32 = (
    r"(?:[A-Z2-7]{60,}\r?\n)*[A-Z2-7]{10,}={0,6}|"
    r"(?:[a-z2-7]{60,}\r?\n)*(?=[a-z]*[2-7])[a-z2-7]{10,}={0,6}"
)
_HEX = r"[0-9A-Fa-f]{2}(?:[ :,+-]?[0-9A-Fa-f]{2}){5,}"
_WHITE_SPACE: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_ELLIPSIS = r"\.\.\.|\u2026|<"
# Broader than for services of the table: of others, and of a change, the fields are not known.
_TELLING_NAME = (
    r"(?i)pass|secret|token|key|credential|private|cert"
    r"|auth(?!entication_method|_(type|mode|method))"
    r"|(client|app|application|tenant|realm|pool|principal)_id"
)


class _Layer(NamedTuple):
    """A text, and where each of its characters begins and ends in the original."""

    text: str
    starts: list[int]
    ends: list[int]


@attrs.define(eq=False, repr=False)
class Redactor:
    """
    Takes the credentials and the secret values of one request out of texts.

    It is made for a call that failed, and reads the request when the first text comes.
    """

    credentials: Credentials
    request: Request | None = None
    _secrets: _Secrets | None = attrs.field(default=None, init=False)

    def clean(self, text: str) -> str:
        """Return a text that is safe to log: one line, bounded, and without secrets."""
        if not text:
            return text
        text = text[:_LONGEST_READ]
        spans = sorted(self._found().spans_in(text))
        parts: list[str] = []
        shown_to = 0
        for start, end in spans:
            if start > shown_to or not parts:
                parts += text[shown_to:start], REDACTED
            shown_to = max(shown_to, end)
        text = "".join((*parts, text[shown_to:]))
        # Header values can hold half surrogates, which no log can write.
        text = re.sub(CONTROL, " ", text).encode(errors="replace").decode().strip()
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."

    def code(self, code: str) -> str | None:
        """Return a code unchanged, or None if it is a secret or cannot be logged."""
        if not code or len(code) > _LONGEST or re.search(CONTROL, code):
            return None
        return None if self._found().betrayed_by(code) else code

    def drift(self, drift: Drift) -> Drift:
        """Return a report without secrets; its place has keys that the server chose."""
        place = self.clean(drift.place)
        return drift if place == drift.place else attrs.evolve(drift, place=place)

    def unknown_field(self, field: UnknownField) -> UnknownField:
        """Return a report without secrets; its names are keys that the server chose."""
        return attrs.evolve(field, field=self.clean(field.field), place=self.clean(field.place))

    def _found(self) -> _Secrets:
        if self._secrets is None:
            values = [] if self.request is None else list(_secrets_in(self.request))
            self._secrets = _Secrets((*self.credentials.texts(), *values))
        return self._secrets


class _Secrets:
    """Secret values in the form in which texts are searched for them."""

    def __init__(self, values: Iterable[str]) -> None:
        self.values = frozenset(filter(None, values))
        long = [value for value in self.values if len(value) >= _SHORTEST]
        folded = {_fold(layer.text) for value in long for layer in _layers(value)}
        self.forms = [form for form in folded if len(form) >= _SHORTEST]
        self.parts = {
            form[start : start + _PART]
            for form in self.forms
            for start in range(len(form) - _PART + 1)
        }
        # What a server leaves of a secret that it cuts off; longer parts are found anywhere.
        lengths = range(_SHORTEST, _PART)
        self.heads = {form[:length] for form in self.forms for length in lengths}
        self.tails = {form[-length:] for form in self.forms for length in lengths}
        self.short = [_whole(value) for value in self.values if len(value) < _SHORTEST]

    def spans_in(self, text: str) -> Iterator[tuple[int, int]]:
        """Find the secrets in a text: where each begins and ends."""
        for layer in _layers(text):
            for start, end in (*self._in_plain(layer.text), *self._in_tokens(layer.text)):
                yield layer.starts[start], layer.ends[end - 1]

    def betrayed_by(self, code: str) -> bool:
        """Return True if a code is a secret, or has one as a word or in a long part."""
        words = re.split(r"[^A-Za-z0-9]+", code)
        long_words = {word for word in words if len(word) >= _SHORTEST}
        if code in self.values or not self.values.isdisjoint(long_words):
            return True
        is_word = re.fullmatch(r"[A-Za-z0-9_.:-]+", code)
        spans = list(self.spans_in(code))
        return any(not is_word or end - start >= _PART for start, end in spans)

    def _in_plain(self, text: str) -> Iterator[tuple[int, int]]:
        for pattern in self.short:
            yield from (found.span() for found in re.finditer(pattern, text))
        spans = list(self._in_folded(_fold(text)))
        places = _places(text) if spans else []
        for start, end in spans:
            yield places[start], places[end - 1] + 1

    def _in_folded(self, text: str) -> Iterator[tuple[int, int]]:
        for start in range(len(text) - _PART + 1) if self.parts else ():
            if text[start : start + _PART] in self.parts:
                yield start, start + _PART
        for form in self.forms:
            yield from (found.span() for found in re.finditer(re.escape(form), text))
        cuts = ((found.start(), found.end()) for found in re.finditer(_ELLIPSIS, text))
        for before, after in ((len(text), 0), *cuts):
            for length in range(_SHORTEST, _PART):
                if text[max(0, before - length) : before] in self.heads:
                    yield max(0, before - length), before
                if text[after : after + length] in self.tails:
                    yield after, min(after + length, len(text))

    def _in_tokens(self, text: str, depth: int = _DEPTH) -> Iterator[tuple[int, int]]:
        """Find the words of base64 or hexadecimal digits that a secret is in."""
        for pattern, decode, digits in _TOKENS:
            for found in re.finditer(pattern, text):
                # What stands before the token may look like a part of it.
                decoded = {decode(found[0][start:]) for start in range(digits)}
                if any(self._is_in(text, depth - 1) for text in decoded if text):
                    yield found.span()

    def _is_in(self, decoded: str, depth: int) -> bool:
        return any(
            any(self._in_folded(_fold(layer.text)))
            or (depth > 0 and any(self._in_tokens(layer.text, depth)))
            for layer in _layers(decoded)
        )


def _whole(value: str) -> str:
    """Return the pattern of a short value where it is a whole JSON or query value."""
    text = re.escape(value)
    return (
        rf"""(?<=["'`]){text}(?=["'`\\])|(?<==){text}(?=[&;,\s"'<)]|$)|\A{text}\Z"""
        rf"""|(?<=":){text}(?=\s*[,}}\]])|(?<=":\s){text}(?=\s*[,}}\]])"""
    )


def _plain(text: str) -> _Layer:
    return _Layer(text, list(range(len(text))), list(range(1, len(text) + 1)))


def _layers(text: str) -> Iterator[_Layer]:
    """Decode a text in each way, and what comes out of that, until nothing is left to decode."""
    layers = [_plain(text)]
    known = {text}
    for layer in layers:
        yield layer
        for pattern in _ESCAPES:
            escapes = list(re.finditer(pattern, layer.text))
            decoded = _decoded(layer, escapes) if escapes else layer
            if decoded.text not in known and len(layers) < _LAYERS:
                known.add(decoded.text)
                layers.append(decoded)


def _decoded(layer: _Layer, escapes: Iterable[re.Match[str]]) -> _Layer:
    text, starts, ends = list[str](), list[int](), list[int]()
    at = 0
    for escape in escapes:
        start, end = escape.span()
        meant = _meaning(escape[0])
        text += layer.text[at:start], meant
        starts += (*layer.starts[at:start], *[layer.starts[start]] * len(meant))
        ends += (*layer.ends[at:start], *[layer.ends[end - 1]] * len(meant))
        at = end
    text.append(layer.text[at:])
    return _Layer("".join(text), [*starts, *layer.starts[at:]], [*ends, *layer.ends[at:]])


def _meaning(escape: str) -> str:
    if escape[0] == "%":
        return unquote_to_bytes(escape).decode(errors="replace")
    if escape[0] == "=":
        # It ignores white space.
        return bytes.fromhex(escape.replace("=", "")).decode(errors="replace")
    if escape[0] == "&":
        return html.unescape(escape)
    if escape[1] == "u":
        return str(json.loads(f'"{escape}"'))
    if escape[1] == "x" or len(escape) > 2:
        # As `repr` writes bytes, or C; of a text, `repr` writes no more than Latin-1 so.
        base = 16 if escape[1] == "x" else 8
        raw = bytes(int(part, base) for part in escape.replace("x", "").split("\\")[1:])
        with contextlib.suppress(UnicodeDecodeError):
            return raw.decode()
        return raw.decode("latin-1")
    return _WHITE_SPACE.get(escape[1], escape[1])


def _is_searched(character: str) -> bool:
    # A plus is a space in a query, and one of the digits of base64.
    return character != "+" and character.isprintable() and not character.isspace()


_IGNORED: Final = {code: None for code in range(128) if not _is_searched(chr(code))}


def _fold(text: str) -> str:
    """Return a text as it is searched: without case and white space."""
    if text.isascii():
        return text.lower().translate(_IGNORED)
    return "".join(character.casefold() for character in text if _is_searched(character))


def _places(text: str) -> list[int]:
    """Return where each character of the folded text is in the text."""
    return [
        place
        for place, character in enumerate(text)
        if _is_searched(character)
        for _ in character.casefold()
    ]


def _from_base64(token: str) -> str:
    digits = re.sub(r"[\r\n=]", "", token).replace("-", "+").replace("_", "/")
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    try:
        decoded = base64.b64decode(digits + "=" * (-len(digits) % 4)).decode(errors="replace")
    except binascii.Error:
        return ""
    # Of other words, a good part of the bytes is not UTF-8.
    return "" if 4 * decoded.count("\ufffd") > len(decoded) else decoded


def _from_base32(token: str) -> str:
    digits = re.sub(r"[\r\n=]", "", token).upper()
    # These lengths leave no whole byte in the last digit.
    digits = digits[: len(digits) - (len(digits) % 8 in {1, 3, 6})]
    return base64.b32decode(digits + "=" * (-len(digits) % 8)).decode(errors="replace")


def _from_hex(token: str) -> str:
    digits = re.sub(r"[^0-9A-Fa-f]", "", token)
    raw = bytes.fromhex(digits[: len(digits) // 2 * 2])
    # Every other byte of UTF-16.
    return raw.replace(b"\0", b"").decode(errors="replace")


_TOKENS: Final = ((_BASE64, _from_base64, 4), (_BASE32, _from_base32, 8), (_HEX, _from_hex, 4))
"""Words of digits: their pattern, their decoder, and how many digits make whole bytes."""


def _secrets_in(request: Request) -> Iterator[str]:
    """Find the secret values of a request: in its JSON body and in its query."""
    for name, value in parse_qsl(request.query):
        if re.search(_TELLING_NAME, name):
            yield value
    body = request.body
    if body and body[:1] == b"{":
        yield from _texts(_secrets_of_body(cast("dict[str, object]", json.loads(body))))


def _secrets_of_body(body: dict[str, object]) -> Iterator[object]:
    service = body.get("service")
    for part, value in body.items():
        if not isinstance(service, str):
            yield from _by_name({part: value})
            continue
        kinds: list[ServiceKind] = [kind for kind in KINDS if known(service, kind)]
        if part == "config" and kinds:
            for kind in kinds:
                yield from secret_values(value, service, kind, part)
            yield from _in_texts(value)
        else:
            yield from _by_name({part: value})


def _by_name(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for name, member in cast("dict[str, object]", value).items():
            if name == _ASSIGNMENTS and isinstance(member, list):
                texts = (str(each) for each in cast("list[object]", member))
                yield from (text.partition("=")[2] for text in texts)
            elif is_secret_name(name) or re.search(_TELLING_NAME, name):
                yield member
            else:
                yield from _by_name(member)
    elif isinstance(value, list):
        for member in cast("list[object]", value):
            yield from _by_name(member)
    elif isinstance(value, str):
        yield from secrets_in_text(value)


def _in_texts(value: object) -> Iterator[str]:
    """Find the secrets in the texts of a value, such as URLs, whatever their names are."""
    for text in _texts([value]):
        yield from secrets_in_text(text)


def _texts(values: Iterable[object]) -> Iterator[str]:
    """Return the texts and numbers in values, nested and in lists."""
    for value in values:
        if isinstance(value, dict):
            yield from _texts(cast("dict[str, object]", value).values())
        elif isinstance(value, list):
            yield from _texts(cast("list[object]", value))
        elif isinstance(value, str):
            yield value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield json.dumps(value)
