"""Pieces that several families need: config rendering, setup tests, created messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from fivetran_async.testing._account import Account
from fivetran_async.testing._facts import Record
from fivetran_async.testing._rules import Call

_LABEL = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")


def render_config(config: Mapping[str, Any] | None, version: int) -> Record:
    """Return a masked config as the API shows it: no empty values; flattened without version 2."""
    shown: Record = {}
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
        # Without version 2 the API answers what its forms show: counts, texts and labels.
        return [_render_value(i, version) for i in items] if version >= 2 else str(len(items))
    if isinstance(value, bool) and version < 2:
        return "true" if value else "false"
    return value


def _render_text(value: str, version: int) -> str:
    label = version < 2 and _LABEL.fullmatch(value)
    return value.replace("_", " ").title() if label else value


def setup_tests(account: Account, item: str, titles: tuple[str, ...]) -> list[Record]:
    """The results of one run of the setup tests: as a test script left them, else all passed."""
    scripted = account.test_results.get(item)
    if scripted is not None:
        return [dict(result) for result in scripted]
    return [{"title": title, "status": "PASSED", "message": ""} for title in titles]


def tests_failed(results: list[Record]) -> bool:
    """Whether one of the tests failed."""
    return any(result["status"] in ("FAILED", "JOB_FAILED") for result in results)


def created_now(call: Call) -> Record:
    """The field that almost every new record starts with."""
    return {"created_at": call.account.clock.stamp(digits=3)}


def created_by_owner(call: Call, field: str = "created_by") -> Record:
    """When, and by whom: the user that the API key belongs to."""
    return created_now(call) | {field: call.account.owner_id}
