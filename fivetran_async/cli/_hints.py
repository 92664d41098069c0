"""Messages of the library for people at a terminal: options instead of arguments, and a remedy."""

from __future__ import annotations

import re
from typing import Final

from fivetran_async.cli._options import PROGRAM
from fivetran_async.cli._registry import COMMANDS
from fivetran_async.errors import (
    AuthenticationError,
    NotFoundError,
    SchemaNotCapturedError,
)

PHRASES: Final = {
    "pass force=True to replace it": "pass --force to replace it",
    "pass the addresses of all deleted objects as deletions": "pass --delete ADDRESS for each",
    "choose moves='CONTINUE' or 'BACKFILL'": "pass --moves CONTINUE or --moves BACKFILL",
    "which needs references(commands=True)": "which needs --run-commands",
    "detached() leaves": "--detached leaves",
    ", or pass allow_insecure=True": "",
    "The session was made with read_only=True": "The profile has read_only = true",
    ": add it, or pass read_only=True": "; add it",
}
"""What the library names in Python, and what it is at a terminal."""

_SEE: Final = re.compile(r" \((?:logged once; )?see \w+=\)")
"""Arguments of a session, which no option of the command sets."""


def for_terminal(text: str) -> str:
    """Return a text of the library with options in place of Python arguments."""
    for ours, theirs in PHRASES.items():
        text = text.replace(ours, theirs)
    return _SEE.sub("", text)


def with_hint(error: Exception) -> str:
    """Return the message of an error, with what helps if the command knows it."""
    text, hint = for_terminal(str(error)), _hint(error)
    return f"{text.rstrip('.')}. {hint}" if hint else text


def _hint(error: Exception) -> str:
    if isinstance(error, SchemaNotCapturedError):
        return f"Sync the connection first: `{PROGRAM} sync ID --wait`."
    if isinstance(error, AuthenticationError):
        return (
            "Check FIVETRAN_API_KEY and FIVETRAN_API_SECRET, or the profile that --profile or "
            "FIVETRAN_PROFILE names."
        )
    if type(error) is NotFoundError and error.path:
        if not error.template:
            return "The API has no such path, or the key may not read it."
        word = error.path.split("/")[2:3]
        return f"`{PROGRAM} {word[0]}` lists the ids." if word and word[0] in COMMANDS else ""
    return ""
