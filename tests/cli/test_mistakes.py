"""Deliberate mistakes: each has a message with its value and its remedy, before any request."""

from __future__ import annotations

import contextlib
import io
import re

import pytest

from cli.mistakes import MISTAKES, make_all
from fivetran_async.cli._registry import COMMANDS, parser


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
    assert [
        (str(mistake), option)
        for mistake, found in made.items()
        for option in _unknown_options(str(mistake), found.message)
    ] == []


def _unknown_options(words: str, message: str) -> set[str]:
    """Return the options that a message asks for and the command does not have."""
    asked = set(re.findall(r"\b(?:pass|or|add) (--[a-z-]+)", message))
    names = [each for each in COMMANDS if f"{words} ".startswith(f"{each} ")]
    known = _help_of(max(names, key=len)) if asked and names else ""
    return {each for each in asked if names and each not in known}


def _help_of(name: str) -> str:
    with pytest.raises(SystemExit), contextlib.redirect_stdout(io.StringIO()) as printed:
        parser().parse_args([*name.split(), "--help"])
    return printed.getvalue()
