"""PURE: texts that hold a secret: masks, URLs with credentials, connection strings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from fivetran_async._services._secrets import is_secret_name

# Patterns are text until they are needed: compiling them takes longer than importing this module.
_MASK: Final = r"\*{4,}"
_ASSIGNED: Final = r"""(?ix)
    (?:^|[^a-z]) (?:
        [a-z_-]* (?: password | passwd | passphrase | secret | token | api[_-]?key
                   | access[_-]?key | account[_-]?key | signature )
        | pwd | sig | sas | authorization | bearer
    ) ["']? \s* [:=] \s* ["']? (?: (?:bearer|basic) \s+ )? [^\s"'=:;,&] """
"""`password=x` and `"token": "x"`, in queries, connection strings and headers."""
_USER: Final = r"(?i)(?:https?://[^\s/?#@]+@|://[^\s/?#@:]*:[^\s@]+@)"
"""A password in a URL, or a user over HTTPS, which is a token; `ssh://git@host` has neither."""
_SHORT: Final = 12
"""The longest value in a query that is not taken for a token, in characters."""
_QUERY_WORDS: Final = frozenset({"key", "code", "auth", "sig", "hash", "pass", "pw", "pwd", "sas"})


def is_mask(value: object) -> bool:
    """Return True for text in which the server has hidden a secret."""
    return isinstance(value, str) and "****" in value and re.search(_MASK, value) is not None


def holds_secret(text: str) -> bool:
    """
    Return True for text that holds a password or a token.

    It is a URL with a password, a token in place of the user, or a query that looks like one; or it
    assigns a value to such a name, as connection strings do.
    """
    # Nearly all texts are names and words.
    if "://" in text and (re.search(_USER, text) or _has_secret_query(text)):
        return True
    return ("=" in text or ":" in text) and re.search(_ASSIGNED, text) is not None


def public_part(text: str) -> str:
    """Return text without what is secret in it: a URL without credentials and query, or nothing."""
    if not holds_secret(text):
        return text
    scheme, found, rest = text.partition("://")
    user = re.search(_USER, text)
    place = re.split(r"[?#]", text[user.end() :] if user else rest, maxsplit=1)[0]
    return f"{scheme}://{place}" if found and not holds_secret(place) else ""


def secrets_in_text(text: str) -> Iterator[str]:
    """List the passwords and tokens in a text, and other values that are in its query."""
    if not holds_secret(text):
        return
    user = re.search(_USER, text)
    if user:
        yield from text[user.start() : user.end() - 1].rpartition("/")[2].split(":")
    if "://" in text:
        yield from (value for _, value in _pairs_in(text))
    for found in re.finditer(_ASSIGNED, text):
        yield re.split(r"""["';&,\s]""", text[found.end() - 1 :], maxsplit=1)[0]


def _pairs_in(text: str) -> Iterator[tuple[str, str]]:
    query = re.split(r"[?#]", text, maxsplit=1)
    for part in re.split(r"[&;?#]", query[1]) if len(query) > 1 else ():
        name, _, value = part.rpartition("=")
        yield name, value


def _has_secret_query(text: str) -> bool:
    for name, value in _pairs_in(text):
        word = name.casefold()
        if value and (word in _QUERY_WORDS or is_secret_name(word)):
            return True
        if len(value) > _SHORT and not value.isalpha() and " " not in value:
            return True
    return False
