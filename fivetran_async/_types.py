"""Types that every module shares: the sentinel for "not given", verbs, JSON."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, TypeAlias


class Unset(enum.Enum):
    """The type of `UNSET`: an enum, so that checkers narrow `is UNSET` and it survives pickle."""

    UNSET = "UNSET"

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"

    __str__ = __repr__


UNSET: Final = Unset.UNSET
"""An argument that was not given: the field is not sent, whereas `None` is sent as null."""

if TYPE_CHECKING:
    JSONValue: TypeAlias = (
        str | int | float | bool | Sequence["JSONValue"] | Mapping[str, "JSONValue"] | None
    )
    """A value that JSON can express: text, a number, a boolean, a list, a dict or None."""
else:
    # pydantic cannot resolve the recursive name in the modules of others.
    JSONValue = object

Verb: TypeAlias = Literal["GET", "POST", "PATCH", "DELETE"]
