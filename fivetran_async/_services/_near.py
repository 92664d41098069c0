"""Finds the known name that a misspelt one is near to; a name that is far from all may be new."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_SHORT: Final = 5
"""Names up to this many letters are near at one slip; longer ones at two."""


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """
    Return the candidate that a name was meant to be; None if all are too far.

    Near means one slip, or two in names of more than five letters: an extra, a missing or a wrong
    letter, or two exchanged ones. Case, hyphens and underscores do not count.
    """
    wanted = _plain(name)
    allowed = 1 if len(wanted) <= _SHORT else 2
    best: tuple[int, str] | None = None
    for candidate in candidates:
        plain = _plain(candidate)
        if candidate == name or abs(len(plain) - len(wanted)) > allowed:
            continue
        slips = _slips(wanted, plain)
        if slips <= allowed and slips < len(plain) and (best is None or (slips, candidate) < best):
            best = slips, candidate
    return best[1] if best else None


def _plain(name: str) -> str:
    return name.casefold().replace("-", "").replace("_", "").replace(" ", "")


def _slips(one: str, other: str) -> int:
    """Count the edits from one text to the other; two exchanged neighbours count once."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        earlier, before, row = before, row, [i]
        for j, wanted in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
    return row[-1]
