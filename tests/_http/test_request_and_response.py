"""Requests and responses without I/O: paths, queries, bodies, envelopes, Retry-After."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from email.utils import formatdate
from typing import LiteralString, cast
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from fivetran_async import (
    AuthenticationError,
    ConflictError,
    FivetranError,
    InvalidArgumentError,
    InvalidRequestError,
    NotFoundError,
    OperationUnavailableError,
    PermissionDeniedError,
    RateLimitedError,
    RedirectError,
    ResponseFormatError,
    SchemaNotCapturedError,
    ServerError,
)
from fivetran_async._http.body import json_body, multipart_body
from fivetran_async._http.credentials import Credentials
from fivetran_async._http.operation import Operation, class_of_verb
from fivetran_async._http.redaction import Redactor
from fivetran_async._http.request import (
    Expectation,
    QueryValue,
    Request,
    checked_path,
    query_string,
)
from fivetran_async._http.response import (
    error_of,
    parse_retry_after,
    read_response,
    unreadable,
    unwrap,
)
from support.each import for_each

NOW = 1_800_000_000.0
CREDENTIALS = Credentials("test-key", "test-secret")


def error_from(
    status: int,
    body: bytes,
    headers: Mapping[str, str] | None = None,
    *,
    sent: Mapping[str, object] | None = None,
    asked: Operation | None = None,
) -> FivetranError:
    """Return the error of a response, to a request with a JSON body."""
    request = Request(
        operation=Operation("things.create", "POST", "/v1/things"),
        path="/v1/things",
        body=None if sent is None else json.dumps(sent).encode(),
    )
    received = CIMultiDictProxy(CIMultiDict(headers or {}))
    redactor = Redactor(CREDENTIALS, request)
    return error_of(status, body, headers=received, now=NOW, redactor=redactor, operation=asked)


def path(template: LiteralString, *segments: str) -> str:
    """Fill a template as an operation does."""
    return Operation("things.get", "GET", template).path(*segments)


@pytest.mark.parametrize(
    ("segment", "encoded"),
    [
        ("decent_dropsy", "decent_dropsy"),
        ("a/b", "a%2Fb"),
        ("a b", "a%20b"),
        ("100%", "100%25"),
        ("%2e%2e", "%252e%252e"),
        ("a?b#c", "a%3Fb%23c"),
        ("...", "..."),
        ("Straße", "Stra%C3%9Fe"),
        ("表", "%E8%A1%A8"),
        ("x" * 1024, "x" * 1024),
    ],
)
def test_a_segment_is_encoded_with_nothing_safe(segment: str, encoded: str) -> None:
    """Whatever an id holds, it stays one segment of the path."""
    assert path("/v1/groups/{group_id}/users", segment) == f"/v1/groups/{encoded}/users"


@pytest.mark.parametrize(
    "segment", ["", ".", "..", "x" * 1025, "a\nb", "a\x00", "a\x7f", "\x85", "\u2028", "\ud800"]
)
def test_a_segment_that_would_change_the_path_is_refused(segment: str) -> None:
    """Empty, dotted, endless and unprintable ids are refused, by the argument's name."""
    with pytest.raises(InvalidArgumentError, match=r"^group_id "):
        path("/v1/groups/{group_id}", segment)


@pytest.mark.parametrize("segment", [None, 5, b"abc", True])
def test_a_segment_must_be_text(segment: object) -> None:
    """An id of another type is named with its type."""
    with pytest.raises(InvalidArgumentError, match=r"group_id must be a str, not \w+"):
        path("/v1/groups/{group_id}", cast("str", segment))


@given(st.text(min_size=1, max_size=60))
def test_any_accepted_segment_arrives_unchanged(segment: str) -> None:
    """What a URL carries is decoded to the very id that was given, as one segment."""
    try:
        built = path("/v1/tables/{name}/columns", segment)
    except InvalidArgumentError:
        return
    sent = URL(f"https://api.fivetran.com{built}", encoded=True).raw_path
    before, after = sent.removesuffix("/columns").rsplit("/", 1)
    assert before == "/v1/tables"
    assert unquote(after) == segment


@pytest.mark.parametrize(
    "given_path",
    ["/v1/groups", "/v1/groups/a%2Fb", "/public/connector-types", "/v1/a:b/c@d", "/v1/x~y/(z)"],
)
def test_a_callers_path_is_taken_as_it_is(given_path: str) -> None:
    """A percent-encoded path below /v1 or /public is not changed."""
    assert checked_path(given_path) == given_path


@for_each(
    "given_path, said",
    [
        ("groups", "did you mean '/v1/groups'"),
        ("/groups", "did you mean '/v1/groups'"),
        ("v1/groups", "did you mean '/v1/groups'"),
        ("public/connector-types", "did you mean '/public/connector-types'"),
        ("/v2", "did you mean '/v1/v2'"),
        ("v2/connectors/c", "did you mean '/v2/connectors/c'"),
        ("/v0/groups", "must start with /v1/, /v2/ or /public/"),
        ("/version1/groups", "must start with /v1/, /v2/ or /public/"),
        ("https://api.fivetran.com/v1/groups", "not a URL"),
        ("//evil.example/v1/groups", "not a URL"),
        ("/v1/groups?limit=1", "pass query="),
        ("/v1/groups#top", "pass query="),
        ("/v1/my group", "did you mean '/v1/my%20group'"),
        ("/v1/Straße", "did you mean '/v1/Stra%C3%9Fe'"),
        ("/v1/100%", "percent-encoded"),
        ("/v1/a\\b", "percent-encoded"),
        ("/v1/a\r\nHost: x", "percent-encoded"),
        ("/v1/../public", "'..' segments"),
        ("/v1/%2e%2E/x", "'..' segments"),
        ("/v1/./x", "segments"),
        ("/v1//x", "segments"),
        ("/v1/x/", "segments"),
    ],
)
def test_another_path_is_refused_with_the_right_one(given_path: str, said: str) -> None:
    """A path that cannot be sent is named with what to write instead."""
    with pytest.raises(InvalidArgumentError) as caught:
        checked_path(given_path)
    assert said in str(caught.value)


def test_a_path_must_be_text() -> None:
    """A path of another type is refused by its type."""
    with pytest.raises(InvalidArgumentError, match="path must be a str, not bytes"):
        checked_path(b"/v1/groups")


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (None, ""),
        ({}, ""),
        ({"a": None}, ""),
        ({"a": 1, "b": None, "c": "x"}, "a=1&c=x"),
        ({"active": True, "b": False}, "active=true&b=false"),
        ({"q": "a&b=c d/+é"}, "q=a%26b%3Dc%20d%2F%2B%C3%A9"),
        ({"at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)}, "at=2026-01-02T03%3A04%3A05Z"),
        (
            {"at": datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2)))},
            "at=2026-01-02T01%3A00%3A00Z",
        ),
        ({"empty": ""}, "empty="),
    ],
)
def test_a_query_is_encoded(query: dict[str, QueryValue] | None, text: str) -> None:
    """None is not sent, truth is `true` or `false`, times are in UTC, nothing is safe."""
    assert query_string(query) == text


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (datetime(2026, 1, 2), "aware datetime"),  # noqa: DTZ001 - what is refused
        (datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=5))), "years 1 to 9999"),
        (1.5, "not float"),
        (b"x", "not bytes"),
        (["a"], "not list"),
        ("\ud800", "UTF-8"),
    ],
)
def test_another_query_value_is_refused(value: object, said: str) -> None:
    """What a query cannot carry is refused by its name."""
    with pytest.raises(InvalidArgumentError, match=said) as caught:
        query_string({"since": cast("str", value)})
    assert str(caught.value).startswith("since ")


def test_a_body_is_compact_utf_8() -> None:
    """A body has no spaces, and text as itself."""
    assert (
        json_body({"name": "Straße", "paused": None}) == '{"name":"Straße","paused":null}'.encode()
    )


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"secret": "******"}, "secret"),
        ({"config": {"password": "***"}}, r"config\.password"),
        ({"config": {"keys": ["fine", "********"]}}, r"config\.keys\[1\]"),
    ],
)
def test_a_mask_is_never_sent(body: Mapping[str, object], place: str) -> None:
    """A value that is only asterisks is refused with its place: it would overwrite the secret."""
    with pytest.raises(InvalidArgumentError, match=f"^{place} is only a mask"):
        json_body(body)


@pytest.mark.parametrize("text", ["", "*", "**", "a***", "arn:********", "*** "])
def test_what_is_not_only_a_mask_is_sent(text: str) -> None:
    """Text that merely holds asterisks is text."""
    assert json.loads(json_body({"pattern": text})) == {"pattern": text}


def test_a_file_is_one_part_of_a_form() -> None:
    """An upload is a form with one file and a boundary that cannot be guessed."""
    body, content_type = multipart_body("file", "package.zip", b"PK\x03\x04")
    boundary = content_type.removeprefix("multipart/form-data; boundary=").encode()
    assert body.startswith(b"--" + boundary + b"\r\nContent-Disposition: form-data; name=")
    assert body.endswith(b"\r\n\r\nPK\x03\x04\r\n--" + boundary + b"--\r\n")
    assert boundary not in multipart_body("file", "package.zip", b"")[0]


@pytest.mark.parametrize(
    ("payload", "parts"),
    [
        ({"code": "Success", "data": {"id": 1}}, ({"id": 1}, "", "Success")),
        ({"code": "Success", "message": "Done"}, (None, "Done", "Success")),
        ({"code": "Success", "data": None}, (None, "", "Success")),
        ({"data": [1]}, ([1], "", "")),
        ({"id": 1, "name": "bare"}, ({"id": 1, "name": "bare"}, "", "")),
        ({"code": 7, "name": "bare"}, ({"code": 7, "name": "bare"}, "", "")),
        ({"code": "X", "message": 5}, (None, "", "X")),
        ([1, 2], ([1, 2], "", "")),
        (None, (None, "", "")),
    ],
)
def test_an_envelope_is_opened(payload: object, parts: tuple[object, str, str]) -> None:
    """`data` is taken out of an envelope; without an envelope all is data."""
    assert unwrap(payload) == parts


@pytest.mark.parametrize(
    ("body", "expects", "data"),
    [
        (b'{"code": "Success", "data": {"id": "x"}}', "object", {"id": "x"}),
        (b'{"code": "Success"}', "nothing", None),
        (b"", "nothing", None),
        (b" \n", "anything", None),
        (b'{"data": [1]}', "anything", [1]),
        (b"PK\x03", "bytes", b"PK\x03"),
    ],
)
def test_a_success_is_read(body: bytes, expects: Expectation, data: object) -> None:
    """The body of a success is parsed as the operation expects it."""
    assert read_response(200, {}, body, expects, 1).data == data


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "data is missing"),
        (b'{"code": "Success"}', "data is missing"),
        (b'{"data": [1]}', "a list instead of an object"),
        (b'{"data": "x"}', "text instead"),
        (b'{"data": 5}', "a number instead"),
        (b'{"data": true}', "a boolean instead"),
        (b"{", "not usable JSON"),
        (b"<html>", "web page"),
    ],
)
def test_a_success_without_its_object_is_an_error(body: bytes, said: str) -> None:
    """The error names the value in place of an object, the status and the place."""
    with pytest.raises(ResponseFormatError) as caught:
        read_response(200, {}, body, "object", 1)
    error = unreadable(caught.value, 200, body, Redactor(CREDENTIALS))
    assert said in str(error)
    assert (error.status, error.fate) == (200, "responded")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (301, "", RedirectError),
        (400, "InvalidInput", InvalidRequestError),
        (401, "", AuthenticationError),
        (403, "Forbidden", PermissionDeniedError),
        (404, "NotFound_Group", NotFoundError),
        (404, "NotFound_SchemaConfig", SchemaNotCapturedError),
        (400, "NotFound_SchemaConfig", InvalidRequestError),
        (409, "Conflict", ConflictError),
        (422, "x", InvalidRequestError),
        (429, "TooManyRequests", RateLimitedError),
        (500, "", ServerError),
        (599, "", ServerError),
    ],
)
def test_the_status_decides_the_class_of_an_error(
    status: int, code: str, kind: type[FivetranError]
) -> None:
    """The class is that of the status; the vendor's code can only narrow it."""
    body = json.dumps({"code": code, "message": "Why"}).encode()
    error = error_from(status, body)
    assert type(error) is kind
    assert (error.status, error.code, error.message) == (status, code or None, "Why")


PREVIEW = Operation("a.get", "GET", "/v1/a/{id}", preview=True)
LIST = Operation("a.list", "GET", "/v1/a", preview=True)
GENERAL = Operation("b.get", "GET", "/v1/b/{id}")


@pytest.mark.parametrize(
    ("status", "code", "message", "asked", "kind"),
    [
        (404, "NotFound", "HTTP 404 Not Found", PREVIEW, OperationUnavailableError),
        (404, "NotFound", "404 not found", PREVIEW, OperationUnavailableError),
        (404, "NotFound", "Not Found.", PREVIEW, OperationUnavailableError),
        (404, "NotFound", "", PREVIEW, OperationUnavailableError),
        (404, "NotFound", "No handler for this path", LIST, OperationUnavailableError),
        (404, "NotFound", "Proxy Agent not found.", PREVIEW, NotFoundError),
        (404, "NotFound", "Cannot find user with id 'x'", PREVIEW, NotFoundError),
        (404, "NotFound_User", "HTTP 404 Not Found", PREVIEW, NotFoundError),
        (404, "NotFound_Connection", "HTTP 404 Not Found", LIST, NotFoundError),
        (404, "NotFound_SchemaConfig", "Why", PREVIEW, SchemaNotCapturedError),
        (404, "", "", PREVIEW, NotFoundError),
        (404, "NotFound", "HTTP 404 Not Found", GENERAL, NotFoundError),
        (404, "NotFound", "HTTP 404 Not Found", None, NotFoundError),
        (400, "NotFound", "HTTP 404 Not Found", PREVIEW, InvalidRequestError),
    ],
)
def test_missing_operation_is_apart_from_a_missing_object(
    status: int, code: str, message: str, asked: Operation | None, kind: type[FivetranError]
) -> None:
    """Only the general 404 of a preview operation is about the operation itself."""
    body = json.dumps({"code": code, "message": message}).encode() if code else b"Not Found"
    assert type(error_from(status, body, asked=asked)) is kind


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'"text"', b"{", b'{"message": 5}'])
def test_a_refusal_without_reason_says_so(body: bytes) -> None:
    """An error without an envelope has the status, and quotes nothing."""
    assert str(error_from(500, body)) == "500: The response has no message."


def test_a_servers_message_is_made_safe_to_log() -> None:
    """Control characters become spaces, secrets asterisks, and the text has an end."""
    message = "bad\r\nINFO forged \x1b[31m hunter2 " + "x" * 2_000
    body = json.dumps({"code": "InvalidInput", "message": message}).encode()
    error = error_from(400, body, sent={"config": {"password": "hunter2"}})
    text = str(error)
    assert text.startswith("400 InvalidInput: bad  INFO forged  [31m *** x")
    assert len(text) < 600
    assert text.isprintable()


@pytest.mark.parametrize("code", ["Invalid\nInput", "", "x" * 600, "test-key", "Bad test-secret!"])
def test_a_code_is_withheld_rather_than_rewritten(code: str) -> None:
    """A code that cannot be logged, or that reveals a secret, is None."""
    assert error_from(400, json.dumps({"code": code, "message": "x"}).encode()).code is None


@pytest.mark.parametrize("password", ["invalid", "Input", "5"])
def test_a_code_is_kept_though_a_secret_is_a_part_of_it(password: str) -> None:
    """Callers compare codes: a word of one that happens to be a password does not hide it."""
    body = json.dumps({"code": "InvalidInput5", "message": "x"}).encode()
    assert error_from(400, body, sent={"password": password}).code == "InvalidInput5"


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("https://evil.example/v1/x?token=abc", "redirects to evil.example;"),
        ("http://user:pass@evil.example:81/", "redirects to evil.example:81;"),
        ("/v1/elsewhere?token=abc", "redirects;"),
        ("//evil.example/x", "redirects;"),
        ("https://h\udcffst/", "redirects to h?st;"),
        ("", "redirects;"),
    ],
)
def test_a_redirect_names_the_host_alone(location: str, said: str) -> None:
    """Of a redirect's target only the host is shown."""
    error = error_from(302, b"", {"Location": location})
    assert said in str(error)
    assert "abc" not in str(error)
    assert "pass" not in str(error)
    assert str(error).encode()


@for_each(
    "values, wait",
    [
        ([], None),
        (["0"], None),
        (["1"], 1),
        (["  120 "], 120),
        (["9999999999"], 9_999_999_999),
        (["10000000000"], None),
        (["-1"], None),
        (["+1"], None),
        (["1.5"], None),
        (["1e3"], None),
        (["1_000"], None),
        (["٣"], None),
        (["nan"], None),
        (["inf"], None),
        ([""], None),
        (["tomorrow"], None),
        (["5", "9"], 9),
        (["5", "junk"], 5),
        ([formatdate(NOW + 60, usegmt=True)], 60),
        ([formatdate(NOW - 60, usegmt=True)], None),
        (["Friday, 15-Jan-27 08:01:00 GMT"], 60),
        (["Fri Jan 15 08:01:00 2027"], 60),
        (["Fri, 15 Jan 2027 99:99:99 GMT"], None),
        (["Mon, 99 Foo 2027 00:00:00 GMT"], None),
    ],
)
def test_retry_after_forms(values: list[str], wait: float | None) -> None:
    """Whole seconds and the three forms of an HTTP date are understood, and nothing else."""
    assert parse_retry_after(values, date=None, now=NOW) == wait


def test_retry_after_is_measured_by_the_servers_clock() -> None:
    """A date is compared with the response's own `Date`, so a wrong local clock does not matter."""
    an_hour_off = NOW + 3600
    asked = [formatdate(an_hour_off + 30, usegmt=True)]
    date = formatdate(an_hour_off, usegmt=True)
    assert parse_retry_after(asked, date=date, now=NOW) == 30
    assert parse_retry_after(asked, date="junk", now=NOW) == 3630


@given(st.lists(st.text(max_size=40), max_size=3), st.none() | st.text(max_size=40))
def test_retry_after_never_fails(values: list[str], date: str | None) -> None:
    """Whatever a server sends, the result is a positive wait or none."""
    wait = parse_retry_after(values, date=date, now=NOW)
    assert wait is None or wait > 0


@given(st.integers(300, 599), st.binary(max_size=200), st.text(max_size=80))
def test_reading_an_error_never_fails(status: int, body: bytes, location: str) -> None:
    """Any error response becomes an error with a text that can be written anywhere."""
    error = error_from(status, body, {"Location": location})
    assert error.status == status
    assert str(error).encode()


def test_the_verb_decides_unless_told() -> None:
    """GET reads, DELETE deletes, PATCH sets, and POST is dangerous."""
    assert [class_of_verb(verb) for verb in ("GET", "DELETE", "PATCH", "POST")] == [
        "read",
        "delete",
        "set",
        "dangerous",
    ]
