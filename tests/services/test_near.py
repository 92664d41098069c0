"""Misspelled names are found by their distance to known names."""

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
    """One edit in a short name or two in a longer one are close; more edits are a new name."""
    assert nearest(word, fields("postgres")) == near


def test_nearest_service() -> None:
    """The closest service is found; of two equally close names, the first."""
    assert nearest("postgresql", names("source")) == "postgres"
    assert nearest("snowflak", names("destination")) == "snowflake"
    assert nearest("service_of_2031", names("source")) is None
    assert nearest("ab", ["aa", "ac"]) == "aa"
