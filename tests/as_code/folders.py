"""Edits of folders of files, and plans of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fivetran_async import AsyncFivetran, as_code
from fivetran_async.as_code import Plan
from fivetran_async.as_code._kinds.addresses import file_names
from fivetran_async.as_code._kinds.values import as_object
from fivetran_async.testing import FakeFivetran


def write(folder: Path, address: str, **fields: Any) -> None:  # noqa: ANN401 - JSON
    """Change fields of the file of an object, or write a new one; objects are merged."""
    path = folder / file_names([address])[address]
    content: Any = json.loads(path.read_text()) if path.exists() else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_merged(content, fields)))


def _merged(before: object, change: object) -> object:
    old, new = as_object(before), as_object(change)
    if old is None or new is None or "$secret" in new:
        return change
    return {
        name: _merged(old.get(name), new[name]) if name in new else old[name]
        for name in {**old, **new}
    }


async def plan_of(fivetran: AsyncFivetran, folder: Path, **options: Any) -> Plan:  # noqa: ANN401
    """Export the account and plan the files of a folder."""
    live = await as_code.export(fivetran)
    base = as_code.load_base(folder)
    return as_code.plan(as_code.load(folder), live=live, base=base, **options)


def texts_in(folder: Path) -> list[str]:
    """Return the texts of all files below a folder."""
    return [path.read_text() for path in folder.rglob("*") if path.is_file()]


def remove(folder: Path, *addresses: str) -> None:
    """Remove the files of objects."""
    for address in addresses:
        (folder / f"{address}.json").unlink()


def writes(fake: FakeFivetran) -> list[tuple[str, str, Any]]:
    """Return the requests that were not reads: verb, path and body."""
    return [(each.verb, each.path, each.body) for each in fake.requests if each.verb != "GET"]
