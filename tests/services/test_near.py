"""A misspelt name is told from a newer one by how near it is to a known one."""

from __future__ import annotations

import pytest

from fivetran_async._services import fields, names, nearest


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("hots", "host"),
        ("hosts", "host"),
        ("Host", "host"),
        ("pasword", "password"),
        ("tunnelHost", "tunnel_host"),
        ("update-method", "update_method"),
        ("databsae", "database"),
        ("prt", "port"),
        ("brand_new_toggle", None),
        ("database_endpoint", None),
        ("x", None),
        ("", None),
        ("é" * 300, None),
    ],
)
def test_nearest_field(word: str, near: str | None) -> None:
    """One slip in a short name, two in a longer one, are near; more is a new name."""
    assert nearest(word, fields("postgres")) == near


def test_nearest_service() -> None:
    """Services are found among all names; of two that are as near, the first."""
    assert nearest("postgresql", names("source")) == "postgres"
    assert nearest("snowflak", names("destination")) == "snowflake"
    assert nearest("service_of_2031", names("source")) is None
    assert nearest("ab", ["aa", "ac"]) == "aa"
