"""PURE: URLs that a session is given: checked before any I/O, and masked before they are shown."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from fivetran_async.errors import InvalidArgumentError

VENDOR = "https://api.fivetran.com"
_VARIABLE: Final = "FIVETRAN_BASE_URL"

_HOST = r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]"
_LONGEST_SHOWN: Final = 200
_LONGEST_WORD: Final = 20
_SHORTEST_TOKEN: Final = 8
_MASK: Final = "***"


def chosen_base_url(
    given: object, environment: Mapping[str, str], *, allow_insecure: object
) -> str:
    """
    Return the root of the argument, else of `FIVETRAN_BASE_URL`, else of the vendor.

    Raises:
        InvalidArgumentError: It cannot be used; the message names the argument or the variable.
    """
    variable = environment.get(_VARIABLE)
    if given or not variable:
        return checked_base_url(given or VENDOR, allow_insecure=allow_insecure)
    return checked_base_url(variable, allow_insecure=allow_insecure, name=_VARIABLE)


def checked_base_url(base_url: object, *, allow_insecure: object, name: str = "base_url") -> str:
    """
    Return the root that paths are appended to, without a trailing slash or `/v1`.

    Raises:
        InvalidArgumentError: It is not the root of a host; the message names the problem.
    """
    if not isinstance(base_url, str):
        raise InvalidArgumentError(f"base_url must be a str, not {type(base_url).__name__}.")
    if not isinstance(allow_insecure, bool):
        given = type(allow_insecure).__name__
        raise InvalidArgumentError(f"allow_insecure must be True or False, not {given}.")
    parts, port = _split(base_url.strip())
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    problems = (
        (
            parts.scheme not in {"https", "http"} or not host,
            "must be a URL such as https://api.fivetran.com",
        ),
        ("?" in base_url or "#" in base_url, "must not have a query or fragment"),
        (port == 0, "must have a port from 1 to 65535"),
        (
            not re.fullmatch(_HOST, host),
            "has a host that is not plain ASCII; use its punycode form",
        ),
        (parts.path.rstrip("/") not in {"", "/v1"}, "must be the root of a host, without a path"),
        (
            parts.scheme == "http" and not (allow_insecure or _is_loopback(parts.hostname or "")),
            "would send the API key unencrypted; use https, or pass allow_insecure=True",
        ),
    )
    for wrong, what in problems:
        if wrong:
            raise InvalidArgumentError(f"{name} {what}: {_shown(base_url)}.")
    return f"{parts.scheme}://{host}{'' if port is None else f':{port}'}"


def checked_proxy(proxy: object) -> str | None:
    """
    Return the URL of a proxy that requests can be sent through.

    Raises:
        InvalidArgumentError: aiohttp could not use it; the message names the problem, without the
            user info of the URL.
    """
    if proxy is None:
        return None
    if not isinstance(proxy, str):
        raise InvalidArgumentError(f"proxy must be a str or None, not {type(proxy).__name__}.")
    try:
        parts = urlsplit(proxy)
        port, scheme, host = parts.port, parts.scheme, parts.hostname
    except ValueError:
        port, scheme, host = -1, "", None
    if scheme not in {"http", "https"} and scheme:
        raise InvalidArgumentError(
            f"proxy has the unsupported scheme {scheme!r}: {_shown(proxy)}. Use http:// or "
            "https://; for SOCKS pass session= with a connector that supports it."
        )
    if not host or port in {-1, 0}:
        raise InvalidArgumentError(
            "proxy must be a URL such as http://proxy.example.com:3128, with a port from 1 to "
            f"65535, not {_shown(proxy)}."
        )
    return proxy


def masked_url(url: str) -> str:
    """
    Return a URL for a repr: without user info, query, and the parts of its path that look random.

    URLs of webhooks and proxies carry tokens in any of these.
    """
    scheme, slashes, rest = url.partition("://")
    if not slashes:
        scheme, rest = "", url
    # Of a password with "/", "?" or "#" in it, too: the last "@" is what ends it.
    _, at, rest = rest.rpartition("@")
    rest, _, fragment = rest.partition("#")
    rest, mark, query = rest.partition("?")
    host, *segments = rest.split("/")
    path = ["", *(_MASK if _looks_random(segment) else segment for segment in segments)]
    masked = f"{scheme}{slashes}{_MASK + at if at else ''}{host}{'/'.join(path)}"
    return f"{masked}{mark}{_MASK if query else ''}{'#' + _MASK if fragment else ''}"


def _looks_random(segment: str) -> bool:
    text = unquote(segment)
    words = re.findall(r"[A-Za-z0-9]+", text)
    if max(map(len, words), default=0) >= _LONGEST_WORD:
        return True
    is_mixed = re.search(r"[0-9]", text) and re.search(r"[A-Za-z]", text)
    return bool(is_mixed) and len(text) >= _SHORTEST_TOKEN


def shown_url(url: object) -> str:
    """Return the repr of a URL, masked; of any other value, its repr."""
    return repr(masked_url(url) if isinstance(url, str) else url)


def _shown(url: str) -> str:
    return shown_url(url)[:_LONGEST_SHOWN]


def _split(text: str) -> tuple[SplitResult, int | None]:
    if "@" in text or "\\" in text:
        # Not quoted in the message: user info may be a secret.
        raise InvalidArgumentError("base_url must not contain '@' or a backslash.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        pass
    else:
        return parts, port
    raise InvalidArgumentError(
        f"base_url is not a URL, or its port is not from 1 to 65535: {_shown(text)}."
    )


def _is_loopback(hostname: str) -> bool:
    if hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(hostname).is_loopback
    except ValueError:
        return False
