"""
The journal of a batch of syncs: a line before and after each trigger, on disk before it goes on.

It holds no credentials. Between the line before a trigger and the line after it, the journal alone
cannot show whether the trigger was sent: `_resume` reads the record to find out.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast, get_args

import attrs

from fivetran_async._arguments import check_seconds
from fivetran_async._codec import decode
from fivetran_async.errors import FivetranError, InvalidArgumentError
from fivetran_async.syncs._lines import Appender, JsonLine, cut_partial_line, lock_file, whole_lines
from fivetran_async.syncs._order import Order, Resumption
from fivetran_async.syncs._outcome import SyncEnd, SyncOutcome
from fivetran_async.syncs._policy import SyncPolicy
from fivetran_async.syncs._tokens import UNREADABLE, as_json, parse_token

if TYPE_CHECKING:
    from typing import IO

    from fivetran_async.syncs._order import Item
    from fivetran_async.syncs._run import Pursuit

BATCH_FORMAT: Final = 1


class JournalError(FivetranError):
    """The journal of a batch cannot be read or written, or another process uses it."""


@attrs.frozen(kw_only=True)
class _KeptOutcome:
    """What the journal keeps of an outcome: all but the vendor's record."""

    connection_id: str
    status: str
    reason: str = ""
    joined: bool | None = None
    triggers: int = 0
    sync_id: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


class SyncJournal:
    """
    The file of one batch, locked from `create` or `load` until `close`.

    Attributes:
        policy: How the syncs are awaited.
        max_age: The `max_age` of `ensure_fresh`; None if every connection is to be synced.
    """

    def __init__(self, path: Path, policy: SyncPolicy, max_age: float | None = None) -> None:
        self.policy: SyncPolicy = policy
        self.max_age: float | None = max_age
        self._path = path
        self._appender = Appender(path)
        self._lock: IO[bytes] | None = None

    async def create(self, orders: Sequence[Order]) -> None:
        """
        Begin the journal of a new batch.

        Raises:
            JournalError: The file holds a batch already, or cannot be written.
        """
        with self._translated("written"):
            self._open()
            if whole_lines(self._path):
                raise JournalError(
                    f"{self._path} holds a batch already: syncs.resume_all(path) resumes it. "
                    "Name another file, or delete this one."
                )
        header: JsonLine = {
            "event": "batch",
            "format": BATCH_FORMAT,
            "policy": attrs.asdict(self.policy),
            "max_age": self.max_age,
            "connection_ids": [order.connection_id for order in orders],
        }
        try:
            await self._add(header)
        except BaseException:
            # The block is not entered, so no one else gives the lock back.
            self.close()
            raise

    def load(self) -> Sequence[Item]:
        """
        Read the journal of a batch, and return what is left to do and the outcomes that are known.

        Raises:
            JournalError: The file is missing, cannot be read, or does not hold a batch.
        """
        with self._translated("read"):
            if not self._path.exists():
                raise JournalError(f"{self._path} is not found: it is not a journal of run_all().")
            self._open()
            lines = whole_lines(self._path)
        entries = [self._entry(number, line) for number, line in enumerate(lines, 1)]
        if not entries:
            self.close()
            raise JournalError(
                f"{self._path} is empty: the process ended before it triggered a sync. Delete the "
                "file, and call run_all()."
            )
        return self._items(entries)

    def _open(self) -> None:
        self._lock = lock_file(self._path)
        if self._lock is None:
            raise JournalError(f"{self._path} is in use: another process runs this batch.")
        cut_partial_line(self._path)

    @contextlib.contextmanager
    def _translated(self, verb: str) -> Generator[None]:
        problem = ""
        try:
            yield
        except OSError as error:
            problem = error.strerror or type(error).__name__
        except BaseException:
            self.close()
            raise
        if problem:
            self.close()
            raise JournalError(f"{self._path} cannot be {verb}: {problem}.")

    def _entry(self, number: int, line: bytes) -> JsonLine:
        try:
            entry: object = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        if not isinstance(entry, dict) or (number == 1) != (
            cast("JsonLine", entry).get("event") == "batch"
        ):
            self.close()
            raise JournalError(f"{self._path}: line {number} is not of a journal of run_all().")
        return cast("JsonLine", entry)

    def _items(self, entries: Sequence[JsonLine]) -> Sequence[Item]:
        number = 1
        header = entries[0]
        try:
            if header["format"] != BATCH_FORMAT:
                raise InvalidArgumentError(
                    f"its format is {header['format']!r:.20}, not {BATCH_FORMAT}"
                )
            self.policy = SyncPolicy(**cast("dict[str, Any]", header["policy"]))
            self.max_age = _max_age_of(header)
            ids = cast("Sequence[object]", header["connection_ids"])
            items: dict[str, Item] = {str(each): self._order(str(each)) for each in ids}
            for entry in entries[1:]:
                number += 1
                item = self._item_of(entry)
                if item is not None and item.connection_id in items:
                    items[item.connection_id] = item
        except UNREADABLE as error:
            self.close()
            raise JournalError(
                f"{self._path}: line {number} cannot be read: {error!r:.200}."
            ) from None
        return tuple(items.values())

    def _order(self, connection_id: str) -> Order:
        return Order(connection_id=connection_id, joins=True, max_age=self.max_age)

    def _item_of(self, entry: JsonLine) -> Item | None:
        """Return what a line leaves to be done; None for an event of a later release."""
        connection_id = str(entry["connection_id"])
        match entry["event"]:
            case "starting" | "started":
                token = str(entry["token"])
                parse_token(token)
                return Resumption(connection_id, token, is_sent=entry["event"] == "started")
            case "not_started":
                return self._order(connection_id)
            case "ended":
                return _outcome_of(entry)
            case _:
                return None

    async def starting(self, pursuit: Pursuit) -> None:
        """Note that a sync is about to be triggered."""
        await self._add(_token_line("starting", pursuit))

    async def started(self, pursuit: Pursuit) -> None:
        """Note that a sync was triggered, or that a running one was joined."""
        await self._add(_token_line("started", pursuit))

    async def not_started(self, connection_id: str) -> None:
        """Note that the server did not accept a trigger."""
        await self._add({"event": "not_started", "connection_id": connection_id})

    async def ended(self, outcome: SyncOutcome) -> None:
        """Note an outcome, unless the wait for it can be resumed or retried."""
        if outcome.error is None and outcome.status != "timed_out":
            names = [field.name for field in attrs.fields(_KeptOutcome)]
            known = _KeptOutcome(**{name: getattr(outcome, name) for name in names})
            await self._add({"event": "ended", **attrs.asdict(known, value_serializer=as_json)})

    async def _add(self, line: JsonLine) -> None:
        problem = ""
        try:
            await self._appender.add(line)
        except OSError as error:
            problem = error.strerror or type(error).__name__
        if problem:
            raise JournalError(f"{self._path} cannot be written: {problem}.")

    def close(self) -> None:
        """Let other processes use the journal; harmless a second time."""
        file, self._lock = self._lock, None
        if file is not None:
            file.close()


def _token_line(event: str, pursuit: Pursuit) -> JsonLine:
    return {
        "event": event,
        "connection_id": pursuit.watch.connection_id,
        "token": pursuit.to_token(),
    }


def _max_age_of(header: JsonLine) -> float | None:
    max_age = header["max_age"]
    if max_age is not None:
        check_seconds("max_age", max_age, at_least=0)
    return cast("float | None", max_age)


def _outcome_of(entry: JsonLine) -> SyncOutcome:
    known = {name: value for name, value in entry.items() if name != "event"}
    ended = decode(known, _KeptOutcome, place="outcome")
    if ended.status not in get_args(SyncEnd):
        raise InvalidArgumentError(f"its status cannot be {ended.status!r:.20}")
    return SyncOutcome(**attrs.asdict(ended))
