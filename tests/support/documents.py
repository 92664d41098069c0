"""
Random JSON, by the thousand: for what has to hold of any document at all.

Ten times as fast as a search for the smallest example, which few values do not need. The
dice are those of `random`, so that the seed that pytest-randomly prints brings a failure back.
"""

# ruff: noqa: S311 - nothing is kept secret by these.

from __future__ import annotations

import math
import random
import struct
from collections.abc import Sequence
from typing import Final

_EDGES: Final[Sequence[object]] = (
    *(None, True, False, [], {}),
    *(0, 1, -1, 7, 2**31, 2**53 + 1, 2**63, -(2**63), 2**64 - 1),
    *(0.0, -0.0, 0.5, 5e-324, 1e16, 1.7976931348623157e308, -2.5),
    *("", " ", "true", "False", "null", "5", "1.5", "-0", "1e999", "9007199254740993", "9" * 40),
    *("\0", "\x7f", "\u2028", "é", "🙂"),
    *("2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05Z", "2026-01-02", "2026-13-45T99:00:00Z"),
    *("2026-01-02T03:04:05", "0001-01-01T00:00:00+05:00"),
)
"""What programs stumble over: the ends of ranges, and texts that look like something else."""

_SURROGATES: Final = range(0xD800, 0xE000)


class Documents:
    """
    Makes values with objects that have some of the given names as keys.

    Args:
        names: The keys of the objects inside.
        depth: How deep they nest.
    """

    def __init__(self, names: Sequence[str], *, depth: int = 3) -> None:
        self._names = names
        self._depth = depth

    def value(self) -> object:
        """Make any JSON value."""
        return self._value(self._depth)

    def one_with(self, names: Sequence[str], *, most: int) -> dict[str, object]:
        """Make an object with at most `most` of some other names."""
        return self._object(names, most, self._depth)

    def _value(self, depth: int) -> object:
        shape = random.random()
        if depth == 0 or shape < 0.6:
            return _scalar()
        if shape < 0.8:
            return [self._value(depth - 1) for _ in range(random.randint(0, 3))]
        return self._object(self._names, 3, depth - 1)

    def _object(self, names: Sequence[str], most: int, depth: int) -> dict[str, object]:
        chosen = random.sample(names, random.randint(0, min(most, len(names))))
        return {name: self._value(depth) for name in chosen}


def _scalar() -> object:
    kind = random.random()
    if kind < 0.7:
        return random.choice(_EDGES)
    if kind < 0.8:
        return random.randint(-(2**63), 2**64 - 1)
    return _float() if kind < 0.9 else _text()


def _float() -> float:
    """Any finite one: the bits are drawn, so that the tiny and the huge come as often as others."""
    number: float = struct.unpack("d", random.randbytes(8))[0]
    return number if math.isfinite(number) else 0.25


def _text() -> str:
    points = (random.choice((random.randrange(128), random.randrange(0x110000))) for _ in range(5))
    return "".join(chr(point) for point in points if point not in _SURROGATES)
