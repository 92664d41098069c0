"""Where requests go: a host that cannot be mistaken, over TLS unless it is this machine."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from fivetran_async.errors import InvalidArgumentError

VENDOR = "https://api.fivetran.com"

_HOST = r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]"


def checked_base_url(base_url: object, *, allow_insecure: object) -> str:
    """
    Return the root that paths are appended to, without a trailing slash or `/v1`.

    Raises:
        InvalidArgumentError: It is no such root; the message says what is wrong with it.
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
            raise InvalidArgumentError(f"base_url {what}: {base_url[:200]!r}.")
    return f"{parts.scheme}://{host}{'' if port is None else f':{port}'}"


def _split(text: str) -> tuple[SplitResult, int | None]:
    if "@" in text or "\\" in text:
        # Not quoted back: what stands before the @ may be a secret.
        raise InvalidArgumentError("base_url must not contain '@' or a backslash.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        pass
    else:
        return parts, port
    raise InvalidArgumentError(f"base_url is not a URL: {text[:200]!r}.")


def _is_loopback(hostname: str) -> bool:
    if hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(hostname).is_loopback
    except ValueError:
        return False
