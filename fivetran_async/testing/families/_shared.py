"""Parts of several families: config rendering, setup tests, creation times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from fivetran_async.testing._account import FakeAccount
from fivetran_async.testing._facts import StoredRecord
from fivetran_async.testing._rules import ServedCall

_LABEL = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")


def render_config(config: Mapping[str, Any] | None, version: int) -> StoredRecord:
    """Return a masked config like the API: without empty values, and flattened before version 2."""
    shown: StoredRecord = {}
    for name, value in (config or {}).items():
        if value is None or value == "":
            continue
        shown[name] = _render_value(value, version)
    return shown


def _render_value(value: object, version: int) -> object:
    if isinstance(value, str):
        return _render_text(value, version)
    if isinstance(value, dict):
        return render_config(cast("dict[str, Any]", value), version)
    if isinstance(value, list):
        items = cast("list[object]", value)
        # In version 1 the API returns what its forms show: counts, texts and labels.
        return [_render_value(i, version) for i in items] if version >= 2 else str(len(items))
    if isinstance(value, bool) and version < 2:
        return "true" if value else "false"
    return value


def _render_text(value: str, version: int) -> str:
    label = version < 2 and _LABEL.fullmatch(value)
    return value.replace("_", " ").title() if label else value


def scheme_and_host(url: str) -> tuple[str, str]:
    """Return the scheme and the host of a URL; both are empty if it is not a URL."""
    try:
        parts = urlsplit(url)
        # Reading the port checks it.
        found = parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        return "", ""
    return found[:2]


def setup_tests(account: FakeAccount, item: str, titles: tuple[str, ...]) -> list[StoredRecord]:
    """Return the results of the setup tests: the scripted ones, by default all passed."""
    scripted = account.test_results.get(item)
    if scripted is not None:
        return [dict(result) for result in scripted]
    return [{"title": title, "status": "PASSED", "message": ""} for title in titles]


def tests_failed(results: list[StoredRecord]) -> bool:
    """Return True if a test failed."""
    return any(result["status"] in ("FAILED", "JOB_FAILED") for result in results)


def created_now(call: ServedCall) -> StoredRecord:
    """Return the time of creation, the first field of most new records."""
    return {"created_at": call.account.clock.stamp(digits=3)}


def created_by_owner(call: ServedCall, field: str = "created_by") -> StoredRecord:
    """Return the time of creation, and the user of the API key as the creator."""
    return created_now(call) | {field: call.account.owner_id}
