"""Messages of the library name options at a terminal, in place of Python arguments."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import fivetran_async
from fivetran_async import NotFoundError
from fivetran_async.cli._hints import PHRASES, for_terminal, with_hint

PACKAGE = Path(fivetran_async.__file__ or "").parent


@pytest.mark.parametrize("phrase", PHRASES)
def test_phrases_are_those_of_the_library(phrase: str) -> None:
    """A message that is reworded in the library is reworded here, too."""
    sources = [path.read_text("utf-8") for path in PACKAGE.rglob("*.py") if "cli" not in path.parts]
    # Long texts are written in several literals.
    assert any(phrase in re.sub(r'"\s*\n\s*f?"', "", source) for source in sources)


def test_arguments_of_a_session_are_left_out() -> None:
    """No option sets the timeouts, so the message does not lead to them."""
    text = "Timed out after 90 s waiting for the response (see timeouts=) (after 3 attempts)"
    assert for_terminal(text) == "Timed out after 90 s waiting for the response (after 3 attempts)"


def test_a_404_has_a_remedy() -> None:
    """Ids are listed by a command, and paths without an operation are the vendor's to list."""
    path = "/v1/groups/x"
    known = NotFoundError("no", path=path, template="/v1/groups/{group_id}")
    assert with_hint(known).endswith("`fivetran-async groups` lists the ids.")
    assert "has no such path" in with_hint(NotFoundError("no", path=path))
