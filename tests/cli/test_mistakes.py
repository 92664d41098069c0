"""Deliberate mistakes: each has a message with its value and its remedy, before any request."""

from __future__ import annotations

import pytest

from cli.mistakes import MISTAKES, make_all


async def test_every_mistake_has_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """No mistake ends with code 0; each message names the value and the remedy; none changes."""
    for name in ("FIVETRAN_LOG", "FIVETRAN_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    made = await make_all()
    assert len(MISTAKES) >= 130
    assert [str(mistake) for mistake, found in made.items() if found.code == 0] == []
    assert [
        (str(mistake), found.message)
        for mistake, found in made.items()
        if mistake.value not in found.message or mistake.remedy not in found.message
    ] == []
    assert [str(m) for m, found in made.items() if "Traceback" in found.message] == []
    assert [
        (str(mistake), found.requests)
        for mistake, found in made.items()
        if found.requests and not mistake.reads
    ] == []
