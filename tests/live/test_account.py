"""Where the live tests find their account, and that its credentials are not shown."""

from __future__ import annotations

from pathlib import Path

from live.account import Settings, find_settings, parse_env_file

TEXT = """
# of the sandbox
FIVETRAN_API_KEY=key
export FIVETRAN_API_SECRET = "se=cret"
#FIVETRAN_BASE_URL=https://example.com
FIVETRAN_BASE_URL='http://127.0.0.1:8080'
no assignment
"""


def test_env_file_is_parsed() -> None:
    """Comments and `export` are skipped, the first `=` splits, and quotes are removed."""
    assert parse_env_file(TEXT) == {
        "FIVETRAN_API_KEY": "key",
        "FIVETRAN_API_SECRET": "se=cret",
        "FIVETRAN_BASE_URL": "http://127.0.0.1:8080",
    }


def test_environment_and_file_are_never_mixed(tmp_path: Path) -> None:
    """The environment takes precedence as a whole; the result is None without a key in either."""
    file = tmp_path / ".env"
    assert find_settings({}, file) is None
    file.write_text(TEXT, encoding="utf-8")
    assert find_settings({}, file) == Settings("key", "se=cret", "http://127.0.0.1:8080")
    assert find_settings({"FIVETRAN_API_KEY": "other"}, file) == Settings("other", None, None)


def test_credentials_are_not_shown() -> None:
    """The `repr` of the settings, which pytest prints, contains no values."""
    assert "cret" not in repr(Settings("key", "se=cret", None))
