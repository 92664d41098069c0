"""
PURE: addresses of objects, the patterns that match them, and the names of their files.

An address is `KIND/PART/...`. A part holds text of the account, in which only `/` and `%` are
percent-encoded. A file name also encodes whatever some file system does not allow.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable, Mapping
from fnmatch import translate
from typing import Final
from urllib.parse import unquote

from fivetran_async._services import nearest
from fivetran_async.as_code._kinds.rules import KIND_NAMES, KINDS_BY_NAME
from fivetran_async.errors import InvalidArgumentError

ACCOUNT: Final = "account"
"""The part in place of a group, for webhooks and log services of the whole account."""

EXTENSION: Final = ".json"

_UNSAFE: Final = re.compile(r'[<>:"\\|?*%/\x00-\x1f\x7f]|^[. ]|[. ]$')
_RESERVED: Final = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?")
_MOST_BYTES: Final = 180
_HASH_LENGTH: Final = 16


def quoted(text: str) -> str:
    """Return a part of an address for a text of the account."""
    return text.replace("%", "%25").replace("/", "%2F")


def unquoted(part: str) -> str:
    """Return the text of a part of an address."""
    return unquote(part)


def address_of(kind: str, *texts: str) -> str:
    """Return the address of an object of a kind; the texts are encoded."""
    return "/".join((kind, *map(quoted, texts)))


@functools.lru_cache(65_536)
def parts_of(address: str) -> tuple[str, ...]:
    """Return the decoded parts of an address; the first is the kind."""
    return tuple(map(unquote, address.split("/")))


def kind_in(address: str) -> str:
    """Return the kind of an address."""
    return address.partition("/")[0]


def checked_address(address: object) -> str:
    """
    Return an address that has a known kind and no empty part.

    Raises:
        InvalidArgumentError: It has not.
    """
    if not isinstance(address, str) or not all(address.split("/")) or "/" not in address:
        raise InvalidArgumentError(f"an address must read KIND/NAME, not {address!r}.")
    check_kind(kind_in(address))
    return address


def check_kind(kind: str) -> None:
    """
    Refuse an unknown kind.

    Raises:
        InvalidArgumentError: The kind is unknown; the message suggests a similar one.
    """
    if kind not in KINDS_BY_NAME:
        near = nearest(kind, KIND_NAMES) or nearest(f"{kind}s", KIND_NAMES)
        hint = f"did you mean {near!r}?" if near else f"the kinds are {', '.join(KIND_NAMES)}."
        raise InvalidArgumentError(f"unknown kind {kind!r}; {hint}")


def group_in(address: str) -> str | None:
    """Return the part of an address that names a group, still encoded; None if there is none."""
    kind, *rest = address.split("/")
    if kind in _GROUP_FIRST:
        return rest[0]
    if kind in _TRUSTED and len(rest) > 1:
        return rest[1]
    if kind == "memberships" and len(rest) > 3 and rest[2] in {"groups", "connections"}:
        return rest[3]
    return None


def trusting_owner(address: str) -> str | None:
    """Return the connection or destination that trusts a key; None for other addresses."""
    kind, *rest = address.split("/")
    return "/".join(rest[:-1]) if kind in _TRUSTED else None


def membership_sides(address: str) -> tuple[str, str]:
    """Return the addresses of the owner and the member of a membership."""
    parts = address.split("/")
    return "/".join(parts[1:3]), "/".join(parts[3:])


def configured_connection(address: str) -> str:
    """Return the address of the connection that a schema config is of; others are unchanged."""
    kind, _, place = address.partition("/")
    return f"connections/{place}" if kind == "schemas" else address


def owners_of(address: str) -> tuple[str, ...]:
    """Return the addresses of the objects that an address consists of, besides its group."""
    kind = kind_in(address)
    if kind == "memberships":
        return membership_sides(address)
    if kind == "schemas":
        return (configured_connection(address),)
    owner = trusting_owner(address)
    return () if owner is None else (owner,)


def with_group(address: str, group: str) -> str:
    """Return an address with another group, which is encoded already."""
    parts = address.split("/")
    kind = parts[0]
    parts[1 if kind in _GROUP_FIRST else 2 if kind in _TRUSTED else 4] = group
    return "/".join(parts)


_GROUP_FIRST: Final = frozenset(
    {
        "groups",
        "destinations",
        "connections",
        "schemas",
        "webhooks",
        "transformation_projects",
        "log_services",
    }
)
_TRUSTED: Final = frozenset({"certificates", "fingerprints"})


class Globs:
    """
    Patterns of addresses; `*` matches within one part.

    The patterns match the decoded text of each part, and letter case counts.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = tuple(patterns)
        for pattern in self.patterns:
            _check_pattern(pattern)
        self._compiled = tuple(
            tuple(re.compile(translate(unquote(part))) for part in pattern.split("/"))
            for pattern in self.patterns
        )

    def __repr__(self) -> str:
        return f"<Globs {', '.join(self.patterns)}>"

    def match(self, address: str) -> bool:
        """Return True if a pattern matches an address."""
        parts = parts_of(address)
        return any(
            len(pattern) == len(parts)
            and all(each.match(part) for each, part in zip(pattern, parts, strict=True))
            for pattern in self._compiled
        )

    def may_match(self, kind: str) -> bool:
        """Return True if a pattern can match objects of a kind."""
        return any(pattern[0].match(kind) for pattern in self._compiled)


def _check_pattern(pattern: object) -> None:
    if not isinstance(pattern, str) or not pattern or "/" not in pattern:
        raise InvalidArgumentError(
            f"`only` must be patterns of addresses such as 'connections/prod_*/*', not {pattern!r}."
        )
    first = pattern.partition("/")[0]
    if not any(re.match(translate(first), kind) for kind in KIND_NAMES):
        check_kind(first)


def distinguished(found: Iterable[tuple[str, str]]) -> dict[str, str]:
    """
    Return an address for each id, where names are not unique.

    Args:
        found: Pairs of id and address. Of addresses that occur twice, each gets `~ID`.
    """
    pairs = list(found)
    counts: dict[str, int] = {}
    for _, address in pairs:
        counts[address] = counts.get(address, 0) + 1
    return {
        id: f"{address}~{quoted(id)}" if counts[address] > 1 or _is_ambiguous(address) else address
        for id, address in pairs
    }


def _is_ambiguous(address: str) -> bool:
    # A group named `account` would be taken for the account in addresses of webhooks.
    return address == f"groups/{ACCOUNT}"


def file_names(addresses: Iterable[str]) -> Mapping[str, str]:
    """
    Return the path of each object's file in its folder, with `/` between parts.

    Of names that differ in letter case only, those with capital letters have them encoded, because
    some file systems ignore case. Whether a name is encoded depends only on the set of addresses.
    """
    plain = {address: _file_name(address, capitals=False) for address in addresses}
    folded: dict[str, set[str]] = {}
    for name in plain.values():
        steps = name.split("/")
        for end in range(1, len(steps) + 1):
            prefix = "/".join(steps[:end])
            folded.setdefault(prefix.casefold(), set()).add(prefix)
    clashing = {prefix for prefixes in folded.values() if len(prefixes) > 1 for prefix in prefixes}
    if not clashing:
        return plain
    return {
        address: _file_name(address, capitals=True) if _clashes(name, clashing) else name
        for address, name in plain.items()
    }


def _clashes(name: str, clashing: set[str]) -> bool:
    steps = name.split("/")
    return any("/".join(steps[:end]) in clashing for end in range(1, len(steps) + 1))


def address_in(file_name: str) -> str:
    """Return the address that a file's path encodes; see `is_shortened`."""
    return "/".join(quoted(unquote(step)) for step in file_name.removesuffix(EXTENSION).split("/"))


def is_shortened(file_name: str) -> bool:
    """Return True if a file's path is too short to hold the address, which is in the file then."""
    return any(_SHORTENED.search(step) for step in file_name.removesuffix(EXTENSION).split("/"))


_SHORTENED: Final = re.compile(rf"%~[0-9a-f]{{{_HASH_LENGTH}}}$")


def _file_name(address: str, *, capitals: bool) -> str:
    kind, *parts = parts_of(address)
    return "/".join((kind, *(_file_part(part, capitals=capitals) for part in parts))) + EXTENSION


def _file_part(text: str, *, capitals: bool) -> str:
    name = _UNSAFE.sub(lambda found: _escaped(found[0]), text)
    if _RESERVED.fullmatch(name):
        name = _escaped(name[0]) + name[1:]
    if capitals:
        # Escapes keep their letters: decoding ignores the case of `%2F`.
        pieces = re.split("(%[0-9A-F]{2})", name)
        name = "".join(p if p.startswith("%") else _without_capitals(p) for p in pieces)
    encoded = name.encode("utf-8", "replace")
    if len(encoded) <= _MOST_BYTES:
        return name
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:_HASH_LENGTH]
    kept = encoded[: _MOST_BYTES - 20].decode("utf-8", "ignore")
    # `%~` is not a valid escape, so a shortened name cannot be taken for a whole one.
    return f"{re.sub('%[0-9A-F]?$', '', kept)}%~{digest}"


def _without_capitals(text: str) -> str:
    return "".join(_escaped(letter) if letter != letter.casefold() else letter for letter in text)


def _escaped(letter: str) -> str:
    return "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "replace"))
