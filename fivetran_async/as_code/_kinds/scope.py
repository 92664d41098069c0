"""PURE: the part of an account that an export reads, and that a plan works on."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast

import attrs

from fivetran_async.as_code._kinds.addresses import (
    Globs,
    check_kind,
    configured_connection,
    kind_in,
)
from fivetran_async.as_code._kinds.rules import KINDS_BY_NAME
from fivetran_async.errors import InvalidArgumentError


@attrs.frozen
class ExportScope:
    """
    What one export reads.

    Attributes:
        only: Patterns of addresses; None for all.
        kinds: The kinds; None for all that cost no request per object.
        schemas: True to read the schema configs of connections.
    """

    only: tuple[str, ...] | None = None
    kinds: tuple[str, ...] | None = None
    schemas: bool = True

    @classmethod
    def of(
        cls, only: str | Iterable[str] | None, kinds: str | Iterable[str] | None, *, schemas: bool
    ) -> ExportScope:
        """
        Check the arguments of an export.

        Raises:
            InvalidArgumentError: A pattern or a kind is not valid.
        """
        made = cls(_words(only), _words(kinds), bool(schemas))
        for kind in made.kinds or ():
            check_kind(kind)
        Globs(made.only or ())
        return made

    @functools.cached_property
    def globs(self) -> Globs | None:
        """The compiled patterns."""
        return None if self.only is None else Globs(self.only)

    def has_kind(self, kind: str) -> bool:
        """Return True if objects of a kind can be in the scope."""
        if kind == "schemas":
            if not self.schemas:
                return False
            chosen = self.kinds is None or not {"schemas", "connections"}.isdisjoint(self.kinds)
            globs = self.globs
            matched = globs is None or globs.may_match(kind) or globs.may_match("connections")
            return chosen and matched
        asked = KINDS_BY_NAME[kind].asked_for
        chosen = not asked if self.kinds is None else kind in self.kinds
        return chosen and (self.globs is None or self.globs.may_match(kind))

    def covers(self, address: str) -> bool:
        """Return True if the object at an address is in the scope."""
        if not self.has_kind(kind_in(address)):
            return False
        if self.globs is None or self.globs.match(address):
            return True
        # The schemas of chosen connections come along.
        is_schema = kind_in(address) == "schemas"
        return is_schema and self.globs.match(configured_connection(address))


@attrs.frozen
class Scope:
    """The scope of a snapshot or folder: what any of its exports read."""

    parts: tuple[ExportScope, ...] = (ExportScope(),)

    def covers(self, address: str) -> bool:
        """Return True if the object at an address is in the scope."""
        return any(part.covers(address) for part in self.parts)

    @property
    def has_patterns(self) -> bool:
        """True if an export read only what its patterns match."""
        return any(part.only is not None for part in self.parts)

    def as_one_export(self) -> ExportScope:
        """Return the scope of one export that reads at least what this one covers."""
        parts = self.parts
        only = {glob: None for part in parts for glob in part.only or ()}
        kinds = {kind: None for part in parts for kind in part.kinds or ()}
        if any(part.kinds is None for part in parts):
            # All that are read without being named, and those that are.
            named = [kind for kind in kinds if KINDS_BY_NAME[kind].asked_for]
            kinds = dict.fromkeys(
                [kind for kind, rules in KINDS_BY_NAME.items() if not rules.asked_for] + named
            )
            kinds = kinds if named else {}
        return ExportScope(
            only=None if any(part.only is None for part in parts) else tuple(only),
            kinds=tuple(kinds) or None,
            schemas=any(part.schemas for part in parts),
        )

    def joined(self, other: Scope) -> Scope:
        """Return a scope that covers what either covers."""
        return Scope((*self.parts, *(part for part in other.parts if part not in self.parts)))

    def to_json(self) -> list[dict[str, object]]:
        """Return JSON values, for `from_json`."""
        return [
            {
                "only": None if part.only is None else list(part.only),
                "kinds": None if part.kinds is None else list(part.kinds),
                "schemas": part.schemas,
            }
            for part in self.parts
        ]

    @classmethod
    def from_json(cls, values: object) -> Scope:
        """
        Return the scope of JSON values.

        Raises:
            InvalidArgumentError: They do not describe a scope.
        """
        if not isinstance(values, Sequence) or isinstance(values, str):
            raise InvalidArgumentError("a scope must be a list of exports")
        parts = cast("Sequence[Mapping[str, object]]", values)
        if not all(isinstance(part, Mapping) for part in cast("Sequence[object]", parts)):
            raise InvalidArgumentError("a scope must be a list of exports")
        return cls(tuple(_part_of(part) for part in parts))


WHOLE_ACCOUNT: Final = Scope()
"""The scope of an export without arguments."""


def _part_of(part: Mapping[str, object]) -> ExportScope:
    only, kinds = part.get("only"), part.get("kinds")
    return ExportScope.of(
        cast("list[str] | None", only),
        cast("list[str] | None", kinds),
        schemas=part.get("schemas", True) is not False,
    )


def _words(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, Iterable):
        raise InvalidArgumentError(
            f"`only` and `kinds` must be text or lists of it, not {value!r}."
        )
    words = tuple(cast("Iterable[object]", value))
    if not all(isinstance(word, str) for word in words):
        raise InvalidArgumentError(
            f"`only` and `kinds` must be text or lists of it, not {value!r}."
        )
    return cast("tuple[str, ...]", words)
