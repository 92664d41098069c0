"""Secrets in configs are found by the table, or by name if the table lacks the field."""

from __future__ import annotations

import pytest

from fivetran_async._services import is_secret_name, replace_secrets, secret_values


def masked(value: object, service: str, part: str = "config") -> object:
    """Replace the secrets in the config of a source with a mark."""
    return replace_secrets(value, service, part=part, by=lambda _: "MASK")


@pytest.mark.parametrize(
    ("service", "config", "shown"),
    [
        (
            "postgres",
            {"host": "db", "password": "p", "user": "token"},
            {"host": "db", "password": "MASK", "user": "token"},
        ),
        (
            "connector_sdk",
            {"secrets_list": [{"key": "a", "value": "b"}, {"key": "c", "value": "d"}]},
            {"secrets_list": [{"key": "a", "value": "MASK"}, {"key": "c", "value": "MASK"}]},
        ),
        (
            "github",
            {"pats": ["a", "b"], "repositories": ["r"]},
            {"pats": ["MASK", "MASK"], "repositories": ["r"]},
        ),
        ("github", {"pats": "a"}, {"pats": "MASK"}),
        (
            "postgres",
            {"password": None, "client_private_key": ""},
            {"password": None, "client_private_key": ""},
        ),
        ("postgres", {"password": {"a": ["x", 7]}}, {"password": {"a": ["MASK", "MASK"]}}),
        (
            "postgres",
            {"brand_new_secret": "s", "brand_new": "s"},
            {"brand_new_secret": "MASK", "brand_new": "s"},
        ),
        (
            "of_2031",
            {"deep": [{"api_key": "s", "host": "h"}]},
            {"deep": [{"api_key": "MASK", "host": "h"}]},
        ),
        ("postgres", "no object", "no object"),
    ],
    ids=[
        "flat",
        "objects in lists",
        "lists",
        "not the declared list",
        "empty",
        "inside",
        "new field",
        "new service",
        "junk",
    ],
)
def test_secrets_are_replaced_wherever_they_are(
    service: str, config: object, shown: object
) -> None:
    """Known fields are replaced by the table, others by name; empty values stay empty."""
    assert masked(config, service) == shown


def test_all_of_auth_is_replaced() -> None:
    """Fields of `auth` are replaced even if they are unmarked or unknown."""
    auth = {"client_access": {"client_id": "a", "new": 1}, "refresh_token": "b", "none": None}
    shown = {"client_access": {"client_id": "MASK", "new": "MASK"}, "refresh_token": "MASK"}
    assert masked(auth, "google_ads", "auth") == {**shown, "none": None}
    assert set(map(str, secret_values(auth, "google_ads", part="auth"))) == {"a", "1", "b"}


def test_config_itself_is_not_changed() -> None:
    """A copy is returned, and the config stays unchanged."""
    config = {"secrets_list": [{"key": "a", "value": "b"}]}
    masked(config, "connector_sdk")
    assert config == {"secrets_list": [{"key": "a", "value": "b"}]}


@pytest.mark.parametrize(
    "name", ["password", "my_password", "api_key", "apikey", "pats", "new_token"]
)
def test_telling_names(name: str) -> None:
    """Names that are secret in other services, or end like a secret, are replaced."""
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["host", "password_policy", "user", "keys", "tokenizer"])
def test_other_names(name: str) -> None:
    """A name that contains such a word elsewhere is not replaced."""
    assert not is_secret_name(name)
