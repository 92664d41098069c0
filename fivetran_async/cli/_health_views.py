"""From findings and connections to output. Pure."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

import attrs

from fivetran_async._types import JSONValue
from fivetran_async.cli._documents import document_of
from fivetran_async.cli._options import PROGRAM
from fivetran_async.cli._table import Document, OutputTable, Record, Summary, cell_text
from fivetran_async.cli._views import duration_text
from fivetran_async.health import FINDING_KINDS, HealthFinding, problem_text, span_text
from fivetran_async.resources.connection_models import (
    Connection,
    ConnectionProblem,
    SyncHistoryEntry,
)
from fivetran_async.resources.setup_tests import SetupTest

T = TypeVar("T")

FINDINGS: Final = OutputTable(
    "findings",
    ("finding", "connection", "service", "schema", "age", "reason", "link"),
    (4,),
    example=lambda: HealthFinding(kind="paused", reason="", connection_id="").to_dict(
        include_empty=True
    ),
)


class Age(float):
    """Seconds, which a table shows as people read them, and other formats as a number."""

    __slots__ = ()

    def __str__(self) -> str:
        return span_text(self)


def finding_record(finding: HealthFinding) -> Record:
    """Return the record of one finding."""
    row = (
        finding.kind,
        finding.connection_id,
        finding.service,
        finding.schema,
        None if finding.age is None else Age(round(finding.age)),
        finding.reason,
        finding.link,
    )
    return Record(row, lambda: finding.to_dict(include_empty=True))


def findings_summary(connections: int, findings: Iterable[HealthFinding]) -> Summary:
    """Return the number of connections, and of findings by kind."""
    found = collections.Counter(finding.kind for finding in findings)
    counts: dict[str, JSONValue] = {kind: found[kind] for kind in FINDING_KINDS if found[kind]}
    by_kind = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    shown = f"{found.total()}: {by_kind}" if counts else "0"
    return Summary(
        (("connections", connections), ("findings", shown)),
        lambda: {"connections": connections, "counts": counts},
    )


@attrs.frozen
class Section(Generic[T]):
    """A part of a page: what was read, or the reason why it was not."""

    items: Sequence[T]
    problem: str | None = None


@attrs.frozen(kw_only=True)
class ConnectionPage:
    """
    Everything that explains the state of a connection.

    Attributes:
        connection: The connection.
        now: The server's time when it was read.
        findings: What is wrong with it.
        syncs: Its last syncs, the newest first.
        errors: Its current errors, where the account has them.
        tests: The results of its setup tests.
    """

    connection: Connection
    now: datetime
    findings: Sequence[HealthFinding]
    syncs: Section[SyncHistoryEntry]
    errors: Section[ConnectionProblem]
    tests: Section[SetupTest]

    def document(self) -> Document:
        """Return the page for programs; a part that was not read is null."""
        parts: dict[str, Section[Any]] = {
            "syncs": self.syncs,
            "errors": self.errors,
            "setup_tests": self.tests,
        }
        return {
            "connection": document_of(self.connection),
            "findings": [each.to_dict(include_empty=True) for each in self.findings],
            **{
                name: None if part.problem else [document_of(each) for each in part.items]
                for name, part in parts.items()
            },
            "unread": {name: part.problem for name, part in parts.items() if part.problem},
        }

    def text(self, *, utc: bool) -> str:
        """Return the page for people."""
        return "\n".join(self._lines(utc=utc))

    def _lines(self, *, utc: bool) -> Iterator[str]:
        connection, status = self.connection, self.connection.status
        yield f"{connection.id}: {connection.service} to {connection.schema or '(no schema)'}"
        yield f"  {connection.dashboard_url}"
        yield from _part("Findings", [each.reason for each in self._states()], "none: healthy")
        words = {
            "setup": status.setup_state,
            "sync": status.sync_state,
            "schedule": status.update_state,
            "schema": status.schema_status,
            "last success": self._ago(connection.succeeded_at, utc=utc),
            "last failure": self._ago(connection.failed_at, utc=utc),
            "next attempt": self._at(status.rescheduled_for, utc=utc),
            "history": "loading all of it" if status.is_historical_sync else "",
        }
        width = max(map(len, words))
        facts = [f"{label:<{width}}  {value}" for label, value in words.items() if value]
        yield from _part("Status", facts, "not known")
        yield from _part("Tasks", map(problem_text, status.tasks), "none")
        yield from _part("Warnings", map(problem_text, status.warnings), "none")
        syncs = [self._sync_text(each, utc=utc) for each in self.syncs.items]
        yield from _part("Last syncs", syncs, self.syncs.problem or "none in 7 days")
        errors = [self._error_text(each, utc=utc) for each in self.errors.items]
        yield from _part("Errors", errors, self.errors.problem or "none")
        not_run = f"not run; `{PROGRAM} why {connection.id} --run-tests` runs them"
        tests = map(_test_text, self.tests.items)
        yield from _part("Setup tests", tests, self.tests.problem or not_run)

    def _states(self) -> list[HealthFinding]:
        # Tasks and warnings have their own parts.
        return [each for each in self.findings if each.kind not in {"task", "warning"}]

    def _at(self, moment: datetime | None, *, utc: bool) -> str:
        return "" if moment is None else cell_text(moment, utc=utc)

    def _ago(self, moment: datetime | None, *, utc: bool) -> str:
        if moment is None:
            return ""
        ago = span_text(max((self.now - moment).total_seconds(), 0.0))
        return f"{self._at(moment, utc=utc)}, {ago} ago"

    def _sync_text(self, entry: SyncHistoryEntry, *, utc: bool) -> str:
        lasted = ""
        if entry.start and entry.end:
            lasted = duration_text((entry.end - entry.start).total_seconds())
        words = (self._at(entry.start, utc=utc) or "not begun", entry.status, lasted, entry.reason)
        return "  ".join(filter(None, words))

    def _error_text(self, error: ConnectionProblem, *, utc: bool) -> str:
        text = ": ".join(filter(None, (error.title or error.type, error.message or error.reason)))
        return "  ".join(filter(None, (self._at(error.created_at, utc=utc), text)))


def _part(title: str, lines: Iterable[str], otherwise: str) -> Iterator[str]:
    # Texts of the server can have lines of their own.
    shown = [" ".join(line.split("\n")) for line in lines] or [otherwise]
    yield from ("", title, *(f"  {line}" for line in shown))


def _test_text(test: SetupTest) -> str:
    text = f"{test.title}: {test.message}" if test.message else test.title
    return f"{test.status or '?':<7}  {text}"
