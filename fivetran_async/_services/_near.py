"""Finds the known name that is closest to a misspelled one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_SHORT: Final = 5
"""Names up to this length are close at one edit, longer names at two."""


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """
    Return the candidate closest to a name, or None if no candidate is close.

    A candidate is close at one edit, or at two in names of more than five letters. An edit is an
    extra, missing, wrong or swapped letter. Case, hyphens, underscores and spaces are ignored.
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
    """Count the edits between two texts; two swapped neighbors are one edit."""
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
