"""Sixty deliberate mistakes: each has a message with its value and its remedy."""

from __future__ import annotations

import pytest

from cli.mistakes import MISTAKES, make_all


async def test_every_mistake_has_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """No mistake ends with code 0, and each message names the wrong value and what to do."""
    for name in ("FIVETRAN_LOG", "FIVETRAN_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    made = await make_all()
    assert len(MISTAKES) >= 60
    assert [str(mistake) for mistake, (code, _) in made.items() if code == 0] == []
    assert [
        (str(mistake), message)
        for mistake, (_, message) in made.items()
        if mistake.value not in message or mistake.remedy not in message
    ] == []
