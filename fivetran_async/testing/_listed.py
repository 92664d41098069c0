"""The items of lists as JSON, written once for as long as their records do not change."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from fivetran_async.testing._facts import ServedOperation, StoredRecord, facts

_MOST_KEPT: Final = 10_000
"""Items that are kept: larger accounts are walked once rather than often."""


def shaped(operation: ServedOperation, item: StoredRecord) -> StoredRecord:
    """Return only the fields in the table: records also contain the rules' own fields."""
    fields = facts().shapes[operation.shape].types
    return {name: item[name] for name in fields if name in item}


class ListedItems:
    """The JSON of records in lists. Records are replaced and never modified."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], tuple[StoredRecord, str]] = {}

    def text(
        self, operation: ServedOperation, record: StoredRecord, view: Callable[[], StoredRecord]
    ) -> str:
        """Return the JSON of a record; `view` returns what is shown of it."""
        # The record is kept too, so that no other one can have its id.
        key = operation.name, id(record)
        kept = self._kept.get(key)
        if kept is not None:
            return kept[1]
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        text = json.dumps(shaped(operation, view()))
        self._kept[key] = record, text
        return text
