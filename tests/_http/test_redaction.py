"""Secrets are taken out of texts in whatever encoding a server echoes them."""

from __future__ import annotations

import base64
import html
import itertools
import json
import quopri
import struct
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from fivetran_async._codec import Drift
from fivetran_async._http.base_url import masked_url
from fivetran_async._http.credentials import Credentials
from fivetran_async._http.operation import Operation
from fivetran_async._http.redaction import Redactor
from fivetran_async._http.request import Request
from support.each import for_each
from support.samples import sample

KEY = "canary+key/0123=="
SECRET = "canary&secret %4567?"
CREDENTIALS = Credentials(KEY, SECRET)
PASSWORD = "päss/w0rd \"quoted\" <&> 'x' \\ %41 + end"


def utf_16(text: str) -> tuple[int, ...]:
    """Return the units of a text that JSON escapes."""
    encoded = text.encode("utf-16-be")
    return struct.unpack(f">{len(encoded) // 2}H", encoded)


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent": lambda text: quote(text, safe=""),
    "percent, slashes kept": quote,
    "form": quote_plus,
    "every byte": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON, slashes too": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON, every character": lambda text: "".join(f"\\u{unit:04x}" for unit in utf_16(text)),
    "HTML": html.escape,
    "HTML, every character": lambda text: "".join(f"&#x{ord(c):x};" for c in text),
    "HTML, decimal": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "repr": repr,
    "repr of bytes": lambda text: repr(text.encode()),
    "upper case": str.upper,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of a header": lambda text: base64.b64encode(f"x: {text}\r\n".encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 twice": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal, spaced": lambda text: text.encode().hex(" ").upper(),
    "hexadecimal of UTF-16": lambda text: text.encode("utf-16-le").hex(),
    "octal": lambda text: "".join(f"\\{byte:03o}" for byte in text.encode()),
    "base64 in lines": lambda text: base64.encodebytes(text.encode() * 3).decode(),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "base32 of a header": lambda text: base64.b32encode(f"x: {text}\r\n".encode()).decode(),
    "base32, small": lambda text: base64.b32encode(text.encode()).decode().rstrip("=").lower(),
    "quoted-printable": lambda text: quopri.encodestring(text.encode()).decode(),
    "quoted-printable, every byte": lambda text: "".join(f"={c:02X}" for c in text.encode()),
    "quoted-printable in lines": lambda text: quopri.encodestring(text.encode() * 3).decode(),
}


def redactor(body: object = None, query: str = "") -> Redactor:
    """Return the redactor of a request."""
    return Redactor(
        CREDENTIALS,
        Request(
            operation=Operation("things.create", "POST", "/v1/things"),
            path="/v1/things",
            query=query,
            body=None if body is None else json.dumps(body).encode(),
        ),
    )


def parts_of(secret: str, length: int = 8) -> set[str]:
    """Return the parts of a secret of some length."""
    return {secret[start : start + length] for start in range(len(secret) - length + 1)}


# The sample has every encoding in both places.
@for_each("inner, outer", list(itertools.product(ENCODINGS, ENCODINGS))[:: sample(4, 1)])
def test_credentials_are_found_in_every_encoding(inner: str, outer: str) -> None:
    """
    Key, secret, pair and header are found, also encoded twice, between other words.

    Siblings: the secret values of the request, below.
    """
    basic = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
    for secret in (KEY, SECRET, f"{KEY}:{SECRET}", basic, f"Basic {basic}"):
        once = ENCODINGS[inner](secret)
        if outer == "upper case" and inner not in {"plain", "percent", "HTML"}:
            # Neither base64 nor `\\u0041` survive it.
            continue
        if depth_of(inner) + depth_of(outer) > 2 or (
            "every" in inner and "every" in outer and inner != "every byte"
        ):
            # Three words of digits, one inside another, are not looked for; 36 characters for each
            # are cut.
            continue
        text = f"<b>before</b> {ENCODINGS[outer](once)}, after"
        cleaned = redactor().clean(text)
        assert "***" in cleaned
        assert ENCODINGS[outer](once) not in cleaned
        for part in parts_of(secret):
            assert part.casefold() not in cleaned.casefold()
        assert cleaned.startswith("<b>before</b>")
        assert cleaned.endswith("after")


def depth_of(name: str) -> int:
    """Return how many words of digits an encoding puts around a text."""
    return 2 if "twice" in name else int(name.startswith(("base", "hexadecimal")))


@for_each("encoding", ENCODINGS)
def test_secrets_of_a_request_are_found_in_every_encoding(encoding: str) -> None:
    """Fields that the vendor marks as secret, and all of `auth`, are found like credentials."""
    body = {
        "service": "postgres",
        "config": {"password": PASSWORD, "host": "db.example.com", "user": "reader"},
        "auth": {"client_access": {"client_id": "an-identifier"}, "numbers": [12345678]},
    }
    for secret in (PASSWORD, "an-identifier", "12345678"):
        echoed = ENCODINGS[encoding](secret)
        cleaned = redactor(body).clean(f"host db.example.com, user reader: {echoed} is wrong")
        assert cleaned == "host db.example.com, user reader: *** is wrong" or encoding in {
            # The quotes of a repr remain; so may the padding of base64.
            "repr",
            "repr of bytes",
            "base64 in lines",
        }
        assert echoed not in cleaned


@settings(max_examples=sample(60, 2_000))
@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=6, max_size=60),
    st.lists(
        st.sampled_from(
            [name for name in ENCODINGS if not depth_of(name) and name != "upper case"]
        ),
        max_size=3,
    ),
)
@example("%%%%%%", ["percent", "percent"])
@example("\u0800\U00010000" * 5, ["quoted-printable"])
@example('"\\"\\"\\', ["JSON", "HTML"])
def test_any_secret_is_found(secret: str, encodings: list[str]) -> None:
    """Whatever its characters are, up to three encodings deep."""
    echoed = secret
    for name in encodings:
        echoed = ENCODINGS[name](echoed)
    if len("".join(secret.replace("+", "").split())) < 6:
        # A short value, which is replaced as a whole JSON value only.
        return
    assume(len(echoed) < 1_500)
    cleaned = redactor({"password": secret}).clean(f"before [{echoed}] after")
    assert "***" in cleaned
    assert f"[{echoed}]" not in cleaned


@for_each("kept", range(6, 20))
@pytest.mark.parametrize("mark", ["", "...", "\u2026"])
def test_a_part_of_a_secret_is_found_where_a_server_cut_it_off(kept: int, mark: str) -> None:
    """Both ends of a text, and both sides of an ellipsis, may hold a part of a secret."""
    secret = "correct-horse-battery"
    start, end, clean = secret[:kept], secret[-kept:], redactor({"password": secret}).clean
    assert clean(f"value {start}{mark}") == f"value ***{mark}"
    assert clean(f"{mark}{end} is wrong") == f"{mark}*** is wrong"
    if mark:
        cleaned = clean(f"from {start}{mark} to {mark}{end}.")
        assert cleaned == f"from ***{mark} to {mark}***."


def test_a_long_part_of_a_secret_is_found_anywhere() -> None:
    """Twelve characters in a row are enough: a line of a private key, for one."""
    key = "".join(f"{number:04x}" for number in range(400))
    cleaned = redactor({"private_key": key}).clean(f"line 7 ({key[640:704]}) is not base64")
    assert cleaned == "line 7 (***) is not base64"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ('the pin "4711" is wrong', 'the pin "***" is wrong'),
        ("the pin '4711' is wrong", "the pin '***' is wrong"),
        ('{"pin": "4711", "n": 4711}', '{"pin": "***", "n": ***}'),
        ('{"n":4711}', '{"n":***}'),
        ("GET /x?pin=4711&a=1", "GET /x?pin=***&a=1"),
        ("pin=4711", "pin=***"),
        ("4711", "***"),
        ("after 4711 s", "after 4711 s"),
        ("job-4711 failed", "job-4711 failed"),
        ("x=47112", "x=47112"),
    ],
)
def test_a_short_secret_is_found_as_a_whole_value_only(text: str, cleaned: str) -> None:
    """Under six characters a secret is a word that messages use: only values are replaced."""
    assert redactor({"password": "4711"}).clean(text) == cleaned


def test_secrets_in_a_query_are_found() -> None:
    """A caller's own request may carry a token in its query; other parameters are shown."""
    cleaned = redactor(query="token=abc%2Bdef%2Fghi&name=visible").clean("abc+def/ghi, visible")
    assert cleaned == "***, visible"


@pytest.mark.parametrize(
    ("body", "secret", "plain"),
    [
        ({"config": {"api_key": "zzzzzz-9"}}, "zzzzzz-9", None),
        ({"config": {"nested": [{"client_secret": "zzzzzz-9"}]}}, "zzzzzz-9", None),
        ({"service": "unknown_yet", "config": {"app_token": "zzzzzz-9"}}, "zzzzzz-9", None),
        ({"service": "postgres", "config": {"password": "zzzzzz-9"}}, "zzzzzz-9", None),
        ({"auth": {"client": {"id": "zzzzzz-9"}}}, "zzzzzz-9", None),
        ({"external_secrets_keys_config": {"token": ["zzzzzz-9"]}}, "zzzzzz-9", None),
        ({"name": "visible!", "schema": "visible?"}, None, "visible!"),
        ({"service": "postgres", "config": {"host": "visible.example"}}, None, "visible.example"),
        ({"config": {"auth_type": "PASSWORD"}}, None, "PASSWORD"),
    ],
    ids=repr,
)
def test_secrets_are_known_by_table_and_by_name(
    body: object, secret: str | None, plain: str | None
) -> None:
    """The vendor's list decides for a service that is known, else the name of the field."""
    cleaned = redactor(body).clean(f"[{secret}] [{plain}]")
    assert secret is None or secret not in cleaned
    assert plain is None or plain in cleaned


def test_a_drift_report_is_cleaned() -> None:
    """Its place has keys of the response, which a server can choose."""
    drift = Drift(
        model="Group",
        field="name",
        place=f'data["{SECRET}"].name',
        value_type="array",
        expected="str",
    )
    assert redactor().drift(drift).place == 'data["***"].name'
    clean = Drift(model="Group", field="x", place="data.x", value_type="array", expected="str")
    assert redactor().drift(clean) is clean


def test_a_text_without_secrets_is_unchanged() -> None:
    """Escapes and long words are not decoded in what is shown."""
    text = "100% of \\u0041 &amp; %41%42 dGhpcyBpcyBub3QgYSBzZWNyZXQ= remain"
    assert redactor({"password": "hunter2"}).clean(text) == text
    assert redactor().clean("") == ""


@settings(max_examples=sample(50, 1_000))
@given(st.text(max_size=200))
def test_cleaning_never_fails(text: str) -> None:
    """Any text of a server becomes one line that any log can write."""
    cleaned = redactor({"password": "hunter2", "token": 'a"b\\c%d&e'}).clean(text)
    cleaned.encode()
    assert "\n" not in cleaned


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("https://hooks.example.com/fivetran", "https://hooks.example.com/fivetran"),
        ("https://user:pass@hooks.example.com/x", "https://***@hooks.example.com/x"),
        ("https://hooks.example.com/x?token=abc", "https://hooks.example.com/x?***"),
        ("https://hooks.example.com/x#token", "https://hooks.example.com/x#***"),
        (
            "https://hooks.slack.com/services/T0123ABCD/B0123ABCD/abcdefghijklmnopqrstuvwx",
            "https://hooks.slack.com/services/***/***/***",
        ),
        ("http://user:p@ss@proxy:3128", "http://***@proxy:3128"),
        ("user:pass@proxy", "***@proxy"),
        ("http://user:p/a?s#s@proxy:3128/x", "http://***@proxy:3128/x"),
        ("", ""),
    ],
)
def test_urls_are_masked_for_reprs(url: str, masked: str) -> None:
    """User info, query, fragment and random parts of the path may be tokens; the host is shown."""
    assert masked_url(url) == masked
