"""The account's storage: records in order of creation, found by key or by indexed fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Protocol

from fivetran_async.errors import InvalidArgumentError
from fivetran_async.testing._facts import StoredRecord

_ALL = ("", "")


class UnknownRecordError(InvalidArgumentError, KeyError):
    """The account has no such record; also a `KeyError`."""


class Observer(Protocol):
    """Keeps records up to date that change as time passes."""

    def current(self, record: StoredRecord) -> StoredRecord:
        """Return the record as it is now."""
        ...

    def noticed(self, before: StoredRecord | None, record: StoredRecord | None) -> None:
        """Take note of a record that was added, replaced or removed."""
        ...


class Collection:
    """
    Records by key, listed in the order of creation.

    Records are replaced and never modified, so a rendered response does not change later. With an
    observer, `get`, `page` and `change` see records as they are now; the other methods are for
    fields that do not change by themselves.
    """

    observer: Observer | None = None

    def __init__(self, indexed: Iterable[str] = ()) -> None:
        self._records: dict[str, StoredRecord] = {}
        self._indexed = tuple(indexed)
        self._buckets: dict[tuple[str, str], dict[str, None]] = {}
        self._orders: dict[tuple[str, str], list[str]] = {}

    def __repr__(self) -> str:
        return f"<Collection of {len(self._records)}>"

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, key: object) -> bool:
        return key in self._records

    def __iter__(self) -> Iterator[StoredRecord]:
        return iter(self._records.values())

    @property
    def indexed(self) -> tuple[str, ...]:
        """The indexed fields."""
        return self._indexed

    def __getitem__(self, key: str) -> StoredRecord:
        record = self.get(key)
        if record is None:
            raise KeyError(key)
        return record

    def get(self, key: str) -> StoredRecord | None:
        """Return the record with this key, or None."""
        record = self._records.get(key)
        if record is None or self.observer is None:
            return record
        return self.observer.current(record)

    def stored(self, key: str) -> StoredRecord | None:
        """Return the stored record with this key without bringing it up to date, or None."""
        return self._records.get(key)

    def put(self, key: str, record: StoredRecord) -> None:
        """Add a record at the end, or replace the record with this key in place."""
        before = self._records.get(key)
        self._records[key] = record
        if before is None:
            self._orders.pop(_ALL, None)
            for field in self._indexed:
                self._index(key, field, record)
        else:
            for field in self._indexed:
                if before.get(field) != record.get(field):
                    self._unindex(key, field, before)
                    self._index(key, field, record)
        if self.observer is not None:
            self.observer.noticed(before, record)

    def change(self, key: str, **changes: object) -> StoredRecord:
        """Replace a record by a copy with changed fields, and return the copy."""
        before = self._records[key]
        if self.observer is not None:
            before = self.observer.current(before)
        record = before | changes
        self.put(key, record)
        return record

    def remove(self, key: str) -> None:
        """Remove a record."""
        record = self._records.pop(key)
        self._orders.pop(_ALL, None)
        for field in self._indexed:
            self._unindex(key, field, record)
        if self.observer is not None:
            self.observer.noticed(record, None)

    def where(self, field: str, value: object) -> list[StoredRecord]:
        """Return all records with this value in an indexed field."""
        return [self._records[key] for key in self._buckets.get((field, str(value)), ())]

    def page(
        self,
        skip: int,
        limit: int,
        *,
        index: tuple[str, str] | None = None,
        keep: Callable[[StoredRecord], bool] | None = None,
    ) -> tuple[list[StoredRecord], bool]:
        """Return up to `limit` matching records after the first `skip`, and True if more follow."""
        order = self._order(index)
        records = self._records
        if keep is None:
            found = [records[key] for key in order[skip : skip + limit]]
            return self._current(found), len(order) > skip + limit
        matching = (record for key in order if keep(record := records[key]))
        found = list(islice(matching, skip, skip + limit + 1))
        return self._current(found[:limit]), len(found) > limit

    def _current(self, found: list[StoredRecord]) -> list[StoredRecord]:
        return found if self.observer is None else list(map(self.observer.current, found))

    def _order(self, index: tuple[str, str] | None) -> list[str]:
        # Slicing a list makes the last page of 200,000 records as fast as the first.
        where = index or _ALL
        if where not in self._orders:
            self._orders[where] = list(self._buckets.get(index, ()) if index else self._records)
        return self._orders[where]

    def _index(self, key: str, field: str, record: StoredRecord) -> None:
        bucket = (field, str(record.get(field)))
        members = self._buckets.get(bucket)
        if members is None:
            self._buckets[bucket] = {key: None}
        else:
            members[key] = None
        # A bucket that is new may have been listed while it was empty.
        self._orders.pop(bucket, None)

    def _unindex(self, key: str, field: str, record: StoredRecord) -> None:
        bucket = (field, str(record.get(field)))
        members = self._buckets[bucket]
        del members[key]
        if not members:
            del self._buckets[bucket]
        self._orders.pop(bucket, None)
