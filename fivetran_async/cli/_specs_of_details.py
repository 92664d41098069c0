"""The commands about single connections and their schemas, as the parser knows them."""

from __future__ import annotations

import argparse
from typing import Final

import attrs

from fivetran_async.cli._options import (
    CommandOptions,
    CommandSpec,
    Parser,
    seconds,
    single_id,
    word,
)
from fivetran_async.cli._specs_of_connections import (
    FilterOptions,
    add_change_options,
    add_filters,
    problem_of_ids,
)


@attrs.frozen(kw_only=True)
class IdsOptions(CommandOptions):
    """
    Options of commands that read connections.

    Attributes:
        ids: The ids of the connections.
    """

    ids: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class SetupTestOptions(IdsOptions):
    """
    Options of `test`.

    Attributes:
        destination: The ids of destinations, in place of connections.
        trust: Approve the certificates and fingerprints that the tests find.
    """

    destination: tuple[str, ...] = ()
    trust: bool = False

    @property
    def changes(self) -> bool:
        """True: the tests can change the setup state."""
        return True

    def problem(self) -> str | None:
        """Return the reason why options do not fit together: nothing to test, or two kinds."""
        if self.ids and self.destination:
            return "pass ids of connections or --destination ID, not both"
        if not self.ids and not self.destination:
            return "nothing is selected: pass ids of connections, or --destination ID"
        return problem_of_ids(self.ids)


@attrs.frozen(kw_only=True)
class WaitOptions(IdsOptions):
    """
    Options of `wait`.

    Attributes:
        timeout: Seconds to wait; None uses the client's default.
    """

    timeout: float | None = None


@attrs.frozen(kw_only=True)
class HistoryOptions(IdsOptions):
    """
    Options of `history`.

    Attributes:
        since: Hours to look back, at most 168.
        follow: Go on until Ctrl-C, and print new syncs.
        interval: Seconds between two requests of `follow`; None is 30.
    """

    since: float = 24.0
    follow: bool = False
    interval: float | None = None

    def problem(self) -> str | None:
        """Return the reason why options do not fit together: some need the end, some have none."""
        if not self.follow:
            return None if self.interval is None else "--interval requires --follow"
        if self.sort:
            return "--sort needs all rows, but --follow never ends: pass one of them"
        if self.output_format == "json":
            return "--json prints one document at the end, but --follow never ends: pass --jsonl"
        return None


@attrs.frozen(kw_only=True)
class ErrorsOptions(FilterOptions):
    """
    Options of `errors`.

    Attributes:
        ids: The ids of the connections; none reads all that the filters select.
    """

    ids: tuple[str, ...] = ()

    def problem(self) -> str | None:
        """Return the reason why options do not fit together: two ways to select."""
        if self.ids and self.has_filters:
            return "pass ids or the filters --group, --service and --state, not both"
        return problem_of_ids(self.ids) or super().problem()


@attrs.frozen(kw_only=True)
class SchemaOptions(CommandOptions):
    """
    Options of the commands about schemas.

    Attributes:
        id: The id of the connection.
        other: The id of the connection to compare with.
        patterns: Names of columns with `*` as a wildcard, or `schema.table.column`.
        unhash: Stop hashing instead.
        enabled: Show only what is synced.
        yes: Do not ask.
        dry_run: Change nothing; report what would change.
    """

    id: str = ""
    other: str = ""
    patterns: tuple[str, ...] = ()
    unhash: bool = False
    enabled: bool = False
    yes: bool = False
    dry_run: bool = False

    @property
    def changes(self) -> bool:
        """True if columns are hashed."""
        return bool(self.patterns) and not self.dry_run

    def problem(self) -> str | None:
        """Return the reason why nothing can be compared: it is one connection."""
        if self.id == self.other:
            return f"{self.id!r} is given twice: pass the ids of two connections"
        return None


def _id(parser: Parser) -> None:
    parser.add_argument("id", type=single_id, metavar="ID", help="id of the connection")


def _one(parser: Parser) -> None:
    parser.add_argument("ids", type=single_id, nargs=1, metavar="ID", help="id of the connection")


def _errors(parser: Parser) -> None:
    parser.add_argument(
        "ids", type=word("ID"), nargs="*", metavar="ID", help="ids of connections; - reads stdin"
    )
    add_filters(parser)


def _history(parser: Parser) -> None:
    _one(parser)
    parser.add_argument(
        "--since",
        type=_hours,
        metavar="HOURS",
        help="hours to look back, 168 at most (default: 24)",
    )
    parser.add_argument("--follow", action="store_true", help="print new syncs until Ctrl-C")
    parser.add_argument(
        "--interval",
        type=seconds,
        metavar="SECONDS",
        help="time between two requests of --follow (default: 30)",
    )


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = 0
    if not 0 < hours <= 168:
        raise argparse.ArgumentTypeError(f"must be a number of hours, 168 at most, not {text!r}")
    return hours


def _test(parser: Parser) -> None:
    parser.add_argument(
        "ids", type=word("ID"), nargs="*", metavar="ID", help="ids of connections; - reads stdin"
    )
    parser.add_argument(
        "--destination",
        type=word("ID"),
        action="append",
        metavar="ID",
        help="test this destination instead; repeat it for several",
    )
    parser.add_argument(
        "--trust", action="store_true", help="approve the certificates and fingerprints found"
    )


def _wait(parser: Parser) -> None:
    _one(parser)
    parser.add_argument(
        "--timeout", type=seconds, metavar="SECONDS", help="maximum time (default: one day)"
    )


def _schema_show(parser: Parser) -> None:
    _id(parser)
    parser.add_argument("--enabled", action="store_true", help="only what is synced")


def _schema_diff(parser: Parser) -> None:
    _id(parser)
    parser.add_argument("other", type=single_id, metavar="OTHER", help="id of another connection")


def _schema_hash(parser: Parser) -> None:
    _id(parser)
    parser.add_argument(
        "patterns",
        type=word("column"),
        nargs="+",
        metavar="COLUMN",
        help="names of columns, or SCHEMA.TABLE.COLUMN; * is a wildcard",
    )
    parser.add_argument("--unhash", action="store_true", help="stop hashing them instead")
    add_change_options(parser)


DETAIL_COMMANDS: Final = (
    CommandSpec(
        name="show",
        help="show one connection: state, times, schedule, tasks and warnings",
        run="_details:show",
        options=IdsOptions,
        arguments=_one,
        output="values",
        watch=True,
    ),
    CommandSpec(
        name="errors",
        help="list tasks, warnings and errors of connections",
        run="_details:errors",
        options=ErrorsOptions,
        arguments=_errors,
        words="ids",
        watch=True,
    ),
    CommandSpec(
        name="history",
        help="list the past syncs of a connection; --follow adds new ones as they end",
        run="_details:history",
        options=HistoryOptions,
        arguments=_history,
    ),
    CommandSpec(
        name="wait",
        help="wait for the running sync, or else for the next one; triggers nothing",
        run="_details:wait",
        options=WaitOptions,
        arguments=_wait,
        output="values",
    ),
    CommandSpec(
        name="test",
        help="run the setup tests of connections, or of destinations",
        run="_details:test",
        options=SetupTestOptions,
        arguments=_test,
        words="ids",
    ),
    CommandSpec(
        name="schema show",
        help="list the schemas and tables of a connection",
        run="_schemas:show_schema",
        options=SchemaOptions,
        arguments=_schema_show,
    ),
    CommandSpec(
        name="schema diff",
        help="compare the schemas of two connections; exit code 6 if they differ",
        run="_schemas:diff_schemas",
        options=SchemaOptions,
        arguments=_schema_diff,
    ),
    CommandSpec(
        name="schema hash",
        help="hash columns in every table of a connection; shows them and asks first",
        run="_schemas:hash_in_connection",
        options=SchemaOptions,
        arguments=_schema_hash,
        words="patterns",
    ),
)
