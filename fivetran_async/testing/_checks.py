"""Checks of words and durations in set-up code, with suggestions."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import Final

from fivetran_async._services import nearest
from fivetran_async.errors import InvalidArgumentError

YEAR: Final = 365.25 * 86_400.0
MAX_SECONDS: Final = 900 * YEAR
"""The longest duration: a clock that ends in the year 9000 can still render its end."""


def similar(word: str, known: Collection[str]) -> str | None:
    """
    Return the known word that a misspelt one resembles.

    None means that the word is known, or resembles no known word and can be a new one.
    """
    if word in known:
        return None
    near = nearest(word, known)
    if near is not None:
        return near
    return _alike(word, known, cutoff=0.8)


def _alike(word: str, known: Collection[str], *, cutoff: float) -> str | None:
    found = difflib.get_close_matches(word, known, n=1, cutoff=cutoff)
    return found[0] if found else None


def misspelt(name: str, word: str, known: Collection[str]) -> str | None:
    """Return what is wrong with a word of an open set: it resembles a known word."""
    near = similar(word, known)
    return f"{name} {word!r} is unknown; did you mean {near!r}?" if near is not None else None


def check_open(name: str, word: object, known: Collection[str]) -> None:
    """
    Refuse a misspelt word of an open set.

    Raises:
        InvalidArgumentError: The word resembles a known one.
    """
    problem = misspelt(name, word, known) if isinstance(word, str) else None
    if problem is not None:
        raise InvalidArgumentError(problem)


def check_closed(name: str, word: object, known: Collection[str]) -> None:
    """
    Refuse a word that is missing in a closed set.

    Raises:
        InvalidArgumentError: The word is unknown; the message suggests a similar one, or names all.
    """
    near = None
    if isinstance(word, str):
        if word in known:
            return
        near = similar(word, known) or _alike(word, known, cutoff=0.6)
    hint = f"; did you mean {near!r}?" if near is not None else ""
    message = f"{name} must be one of {', '.join(sorted(known))}, not {word!r}{hint}"
    raise InvalidArgumentError(message)


def checked_seconds(name: str, seconds: float) -> float:
    """
    Return a number of seconds unchanged.

    Raises:
        InvalidArgumentError: It is not a number, is negative or not finite, or is too long.
    """
    is_number = type(seconds) in {int, float}
    # Compared and not converted: integers may be too large for a float.
    if not is_number or not 0 <= seconds <= MAX_SECONDS:
        message = (
            f"{name} must be a finite number of seconds, 0 or more, not {seconds!r:.100}: "
            "the fake's clock only moves forward"
        )
        raise InvalidArgumentError(message)
    return seconds
