"""The API key and secret: where they are found, and that nothing shows them."""

from __future__ import annotations

import base64
import copy
import pickle
from typing import TYPE_CHECKING

import pytest

from fivetran_async import (
    AsyncFivetran,
    InvalidArgumentError,
    MissingCredentialsError,
    UsageError,
)
from fivetran_async._http.credentials import Credentials, find_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

BOTH = {"FIVETRAN_API_KEY": "env-key", "FIVETRAN_API_SECRET": "env-secret"}


def encoded(pair: str) -> str:
    """The form of a pair that the vendor's command-line tool keeps, and that is sent."""
    return base64.b64encode(pair.encode()).decode()


@pytest.mark.parametrize(
    ("key", "secret", "environment", "pair"),
    [
        ("k", "s", {}, "k:s"),
        ("k", "s", BOTH, "k:s"),
        (None, None, BOTH, "env-key:env-secret"),
        (" k ", "s\n", {}, "k:s"),
        (encoded("k:s"), None, {}, "k:s"),
        (encoded("k:s:t"), None, {}, "k:s:t"),
        (encoded("k:s"), None, BOTH, "k:s"),
        (None, None, {"FIVETRAN_API_KEY": encoded("k:s")}, "k:s"),
        (None, None, {"FIVETRAN_API_KEY": encoded("k:s"), "FIVETRAN_API_SECRET": " "}, "k:s"),
    ],
)
def test_a_pair_is_found(
    key: str | None, secret: str | None, environment: Mapping[str, str], pair: str
) -> None:
    """Arguments win over the environment, and a key alone may be both in base64."""
    credentials = find_credentials(key, secret, environment)
    assert credentials.authorization() == f"Basic {encoded(pair)}"


@pytest.mark.parametrize(
    ("key", "secret", "environment", "said"),
    [
        (None, None, {}, "No API key was found"),
        (None, None, {"FIVETRAN_API_SECRET": "s"}, "No API key was found"),
        (None, None, {"FIVETRAN_API_KEY": "k"}, "FIVETRAN_API_SECRET is not set"),
        (None, None, {"FIVETRAN_API_KEY": "a2V5"}, "FIVETRAN_API_SECRET is not set"),
        ("k", None, BOTH, "api_secret is missing in the arguments"),
        (None, "s", BOTH, "api_key is missing in the arguments"),
        ("", "", BOTH, "api_key is missing in the arguments"),
        ("k", "", BOTH, "api_secret is missing in the arguments"),
        (encoded("no colon"), None, {}, "api_secret is missing"),
        (encoded(":s"), None, {}, "api_secret is missing"),
        (base64.b64encode(b"\xff:\xfe").decode(), None, {}, "api_secret is missing"),
    ],
)
def test_half_a_pair_is_not_completed_from_elsewhere(
    key: str | None, secret: str | None, environment: Mapping[str, str], said: str
) -> None:
    """A key of one source never meets the secret of another; the error names what to set."""
    with pytest.raises(MissingCredentialsError, match=said) as caught:
        find_credentials(key, secret, environment)
    assert "set FIVETRAN_API_KEY and FIVETRAN_API_SECRET" in str(caught.value)


@pytest.mark.parametrize(
    ("key", "secret", "said"),
    [
        (5, "s", "api_key must be a str, not int"),
        ("k", b"s", "api_secret must be a str, not bytes"),
        ("k:y", "s", "must not contain ':'"),
        ("kéy", "s", "api_key must be non-empty printable ASCII"),
        ("k", "s\r\nX-Evil: 1", "api_secret must be non-empty printable ASCII"),
        ("k", "\x00", "api_secret must be non-empty printable ASCII"),
    ],
)
def test_what_no_header_can_carry_is_refused(key: object, secret: object, said: str) -> None:
    """A key or secret that is not plain text is refused, and not quoted."""
    with pytest.raises(InvalidArgumentError, match=said) as caught:
        find_credentials(key, secret, {})
    assert "Evil" not in str(caught.value)


def test_the_session_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`AsyncFivetran()` needs no arguments where the environment has all."""
    monkeypatch.setenv("FIVETRAN_API_KEY", "env-key")
    monkeypatch.setenv("FIVETRAN_API_SECRET", "env-secret")
    monkeypatch.setenv("FIVETRAN_BASE_URL", "http://127.0.0.1:9")
    assert repr(AsyncFivetran()) == "<AsyncFivetran http://127.0.0.1:9 open>"


def test_a_session_without_credentials_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials anywhere is an error when the session is made, before any I/O."""
    monkeypatch.delenv("FIVETRAN_API_KEY", raising=False)
    monkeypatch.delenv("FIVETRAN_API_SECRET", raising=False)
    with pytest.raises(MissingCredentialsError, match="set FIVETRAN_API_KEY"):
        AsyncFivetran()


@pytest.mark.parametrize(
    ("environment", "hints"),
    [
        ({"FIVETRAN_APIKEY": "k"}, ["FIVETRAN_APIKEY is set, but this package reads"]),
        (
            {"FIVETRAN_APIKEY": "k", "FIVETRAN_APISECRET": "s"},
            ["reads FIVETRAN_API_KEY. ", "reads FIVETRAN_API_SECRET. "],
        ),
        (
            {"FIVETRAN_API_KEY": "k", "FIVETRAN_APISECRET": "s"},
            ["FIVETRAN_API_SECRET is not set", "FIVETRAN_APISECRET is set"],
        ),
    ],
    ids=["key", "both", "secret"],
)
def test_names_of_terraform_are_recognized(environment: dict[str, str], hints: list[str]) -> None:
    """Variables under Terraform's names are not read, and the error names the right ones."""
    with pytest.raises(MissingCredentialsError) as caught:
        find_credentials(None, None, environment)
    for hint in hints:
        assert hint in str(caught.value)
    assert "FIVETRAN_API_KEY and FIVETRAN_API_SECRET" in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        ((None, None), {"FIVETRAN_API_KEY": "k"}),
        ((None, None), {}),
        (("k", None), {"FIVETRAN_APIKEY": "k"}),
    ],
    ids=["right name", "nothing", "arguments"],
)
def test_no_hint_without_such_a_variable(
    arguments: tuple[str | None, str | None], environment: dict[str, str]
) -> None:
    """Arguments and variables under the right names get no hint about others."""
    with pytest.raises(MissingCredentialsError) as caught:
        find_credentials(*arguments, environment)
    assert "FIVETRAN_APIKEY" not in str(caught.value)


def test_nothing_shows_them() -> None:
    """`repr`, `str` and `format` of credentials and of what is made of them hide the text."""
    credentials = Credentials("canary-key", "canary-secret")
    shown = [
        f"{credentials!r} {credentials!s} {credentials}",
        repr(credentials.authorization()),
        repr(credentials.texts()),
        repr([credentials.authorization()]),
        credentials.account_key(),
    ]
    for text in shown:
        assert "canary" not in text
        assert encoded("canary-key:canary-secret") not in text


def test_they_do_not_leave_the_process() -> None:
    """Neither pickling nor copying takes credentials along."""
    credentials = Credentials("canary-key", "canary-secret")
    with pytest.raises(UsageError, match="secrets do not leave the process"):
        pickle.dumps(credentials)
    with pytest.raises(UsageError, match="secrets do not leave the process"):
        copy.copy(credentials)


def test_an_account_is_told_apart_by_a_digest() -> None:
    """Equal keys share budgets, other keys do not, whatever their secrets."""
    same = Credentials("key", "one").account_key()
    assert same == Credentials("key", "two").account_key()
    assert same != Credentials("other", "one").account_key()
