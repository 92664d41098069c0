"""The language of docstrings, comments, messages and test sentences: plain modern English."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from meta.language import faults_of, texts_of

ROOT: Final = Path(__file__).parents[2]
CONTRIBUTING: Final = ROOT / ".github" / "CONTRIBUTING.md"

PENDING: Final = (
    "fivetran_async/_arguments.py",
    "fivetran_async/_clock.py",
    "fivetran_async/_fan_out/",
    "fivetran_async/_http/",
    "fivetran_async/_model.py",
    "fivetran_async/_quota/",
    "fivetran_async/cli/",
    "fivetran_async/client.py",
    "fivetran_async/errors.py",
    "fivetran_async/integrations/",
    "fivetran_async/limits.py",
    "fivetran_async/options.py",
    "fivetran_async/pagination.py",
    "fivetran_async/resources/webhooks.py",
    "fivetran_async/retries.py",
    "fivetran_async/sync_logs/",
    "fivetran_async/syncs/",
    "fivetran_async/testing/",
    "fivetran_async/webhooks/",
    "examples/",
    "tests/benchmarks/",
    "tests/cli/",
    "tests/conftest.py",
    "tests/installed/",
    "tests/integrations/",
    "tests/live/",
    "tests/matrix/",
    "tests/other_clients/",
    "tests/parity/",
    "tests/resources/test_webhooks.py",
    "tests/support/",
    "tests/sync_logs/",
    "tests/syncs/",
    "tests/test_bad_input.py",
    "tests/test_budgets.py",
    "tests/test_client.py",
    "tests/test_credentials.py",
    "tests/test_examples.py",
    "tests/test_fan_out.py",
    "tests/test_limits.py",
    "tests/test_logging.py",
    "tests/test_pagination.py",
    "tests/test_rate_limits.py",
    "tests/test_readme.py",
    "tests/test_redis.py",
    "tests/test_retries.py",
    "tests/test_secrets.py",
    "tests/test_transport.py",
    "tests/test_transport_faults.py",
    "tests/test_walk_faults.py",
    "tests/test_wire.py",
    "tests/testing/",
    "tests/typing/",
    "tests/webhooks/",
)
"""Files and folders that are not rewritten yet; remove each one with its rewrite."""


def modules() -> Iterator[str]:
    """List the modules of the package, the examples and the tests, as paths from the root."""
    for folder in ("fivetran_async", "examples", "tests"):
        yield from (path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*.py"))


def faults_in(module: str) -> list[str]:
    """List the words of a module that are ruled out, each with its line."""
    source = (ROOT / module).read_text("utf-8")
    texts = texts_of(source, strings=not module.startswith("tests/"))
    return [f"{module}:{line}: {fault}" for line, text in texts for fault in faults_of(text)]


MODULES: Final = sorted(modules())


@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith(PENDING)])
def test_texts_are_plain_english(module: str) -> None:
    """Docstrings, comments, messages and test sentences use no word that HOUSE rules out."""
    assert faults_in(module) == []


def test_pending_modules_exist() -> None:
    """The list of pending files names only files and folders that exist."""
    assert [prefix for prefix in PENDING if not any(m.startswith(prefix) for m in MODULES)] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The error tells what to do.", "tells"),
        ("What the API said.", "said"),
        ("The server answered.", "answered"),
        ("A key whose secret is lost.", "whose"),
        ("Nobody waits.", "Nobody"),
        ("It stays as it was.", "as it was"),
        ("This is no number.", "is no"),
        ("Unless there is none or it is none.", "is none"),
        ("Call it again.", "again"),
        ("Try again; then stop", "again"),
    ],
)
def test_words_are_found(text: str, found: str) -> None:
    """Each kind of word is found, in any letter case."""
    [fault] = faults_of(text)
    assert fault.startswith(repr(found))


@pytest.mark.parametrize(
    "text",
    [
        "There is no connection.",
        "The key is no longer valid.",
        "Call `tell_retry`, then `again`.",
        "See <https://example.com/answers>.",
        "The parser checks again whether the value fits",
    ],
)
def test_plain_texts_pass(text: str) -> None:
    """Code, links and ordinary sentences are not reported."""
    assert faults_of(text) == []


def test_comments_strings_and_docstrings_are_read() -> None:
    """Every kind of text is found; short strings and, on request, all other strings are not."""
    source = '"""One."""\nx = 1  # Two\n# three.\ny = "four five six"\nz = "seven"\n'
    assert sorted(text for _, text in texts_of(source, strings=True)) == [
        "One.",
        "Two three.",
        "four five six",
    ]
    assert len(list(texts_of(source, strings=False))) == 2


def test_contributor_guide_has_the_same_words() -> None:
    """Every quoted word of the table in the contributor guide is found by this test."""
    rows = re.findall(r"^\| (\".*?) \|", CONTRIBUTING.read_text("utf-8"), re.MULTILINE)
    quoted = [word for row in rows for word in re.findall(r'"([^"]+)"', row)]
    assert len(quoted) > 10
    assert [word for word in quoted if not faults_of(f"It {word} road")] == []
