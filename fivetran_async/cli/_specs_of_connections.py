"""The commands about connections, as the parser knows them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Final

import attrs

from fivetran_async.cli._options import (
    CommandOptions,
    CommandSpec,
    Parser,
    seconds,
    suggestion,
    word,
)

STATES: Final = ("paused", "broken", "incomplete", "syncing", "scheduled", "rescheduled")
"""The states of connections, in the order of tables; the API may return others."""


@attrs.frozen(kw_only=True)
class FilterOptions(CommandOptions):
    """
    Options that select connections; several values of one option mean any of them.

    Attributes:
        group: Only connections of the groups with these ids.
        service: Only connections of these services; letter case does not matter.
        state: Only connections in these states; letter case does not matter.
    """

    group: tuple[str, ...] = ()
    service: tuple[str, ...] = ()
    state: tuple[str, ...] = ()

    @property
    def has_filters(self) -> bool:
        """True if at least one filter is given."""
        return bool(self.group or self.service or self.state)

    def problem(self) -> str | None:
        """Return the reason why options do not fit together: a misspelt state."""
        for state in self.state:
            hint = "" if state.casefold() in STATES else suggestion(state, STATES)
            if hint:
                return f"--state: {state!r} is not a state{hint} States are {', '.join(STATES)}."
        return None


def problem_of_ids(ids: Sequence[str]) -> str | None:
    """Return a message if ids are given both as arguments and from stdin."""
    if "-" in ids and len(set(ids)) > 1:
        return "pass ids or - to read them from stdin, not both"
    return None


@attrs.frozen(kw_only=True)
class SelectionOptions(FilterOptions):
    """
    Options of commands that change connections.

    Attributes:
        ids: The ids of the connections; `-` reads them from stdin.
        yes: Do not ask.
        dry_run: Change nothing; report what would change.
    """

    ids: tuple[str, ...] = ()
    yes: bool = False
    dry_run: bool = False

    @property
    def changes(self) -> bool:
        """True unless it is a dry run."""
        return not self.dry_run

    @property
    def reads_stdin(self) -> bool:
        """True if the ids come from stdin."""
        return "-" in self.ids

    def problem(self) -> str | None:
        """Return the reason why options do not fit together: none, or two ways to select."""
        if self.ids and self.has_filters:
            return "pass ids or the filters --group, --service and --state, not both"
        if not self.ids and not self.has_filters:
            return (
                "no connection is selected; required: ID, - to read ids from stdin, or at least one"
                " of --group, --service and --state"
            )
        return problem_of_ids(self.ids) or super().problem()


@attrs.frozen(kw_only=True)
class SyncOptions(SelectionOptions):
    """
    Options of `sync`.

    Attributes:
        wait: Wait for the end of the syncs.
        timeout: Seconds to wait; None uses the client's default.
    """

    wait: bool = False
    timeout: float | None = None

    def problem(self) -> str | None:
        """Return the reason why options do not fit together, such as a timeout without a wait."""
        if self.timeout is not None and not self.wait:
            return "--timeout requires --wait"
        return super().problem()


def add_filters(parser: Parser) -> None:
    """Add the options that select connections."""
    group = parser.add_argument_group("filters", "An option that is repeated adds a value.")
    group.add_argument(
        "--group",
        type=word("ID"),
        action="append",
        metavar="ID",
        help="only connections of this group",
    )
    service = group.add_argument(
        "--service",
        type=word("service"),
        action="append",
        help="only connections of this service, such as postgres",
    )
    state = group.add_argument(
        "--state", type=word("state"), action="append", help=f"only this state: {_listed(STATES)}"
    )
    complete(service, _services)
    complete(state, lambda: STATES)


def complete(action: argparse.Action, words: Callable[[], Sequence[str]]) -> None:
    """Declare the words that the shell completes an argument with."""

    def completer(**_: object) -> Sequence[str]:
        return words()

    setattr(action, "completer", completer)  # noqa: B010 - an attribute of argcomplete


def _services() -> tuple[str, ...]:
    # A lazy import: it reads the table of services.
    from fivetran_async._services import names  # noqa: PLC0415

    return names("source")


def _listed(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def add_change(parser: Parser) -> None:
    """Add ids, filters, `--yes` and `--dry-run`."""
    parser.add_argument(
        "ids", type=word("ID"), nargs="*", metavar="ID", help="ids of connections; - reads stdin"
    )
    add_filters(parser)
    add_change_options(parser)


def add_change_options(parser: Parser) -> None:
    """Add `--yes` and `--dry-run`, which exclude each other."""
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--dry-run", action="store_true", help="change nothing, report what would change"
    )
    either.add_argument("--yes", action="store_true", help="do not ask")


def _sync(parser: Parser) -> None:
    add_change(parser)
    parser.add_argument(
        "--wait", action="store_true", help="wait for its end; joins a running sync"
    )
    parser.add_argument(
        "--timeout",
        type=seconds,
        metavar="SECONDS",
        help="maximum time for --wait (default: one day)",
    )


CONNECTION_COMMANDS: Final = (
    CommandSpec(
        name="connections",
        help="list connections",
        run="_overview:connections",
        options=FilterOptions,
        arguments=add_filters,
        watch=True,
    ),
    CommandSpec(
        name="sync",
        help="trigger syncs; asks first if filters or stdin select the connections",
        run="_switching:sync",
        options=SyncOptions,
        arguments=_sync,
        words="ids",
    ),
    CommandSpec(
        name="pause",
        help="pause connections; asks first if filters or stdin select them",
        run="_switching:pause",
        options=SelectionOptions,
        arguments=add_change,
        words="ids",
    ),
    CommandSpec(
        name="resume",
        help="resume paused connections; asks first if filters or stdin select them",
        run="_switching:resume",
        options=SelectionOptions,
        arguments=add_change,
        words="ids",
    ),
)
