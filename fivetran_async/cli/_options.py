"""What the command line says: its words, its help, its exit codes."""

from __future__ import annotations

import argparse
import enum
import math
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias, cast

import attrs

from fivetran_async._version import __version__

PROGRAM: Final = "fivetran-async"

CommandName: TypeAlias = Literal["overview", "connections", "sync", "pause", "resume"]

_EPILOG: Final = """\
environment:
  FIVETRAN_API_KEY, FIVETRAN_API_SECRET   the account; never given as arguments
  FIVETRAN_BASE_URL                       another host, such as that of `fake`
  NO_COLOR                                plain text on a terminal, too

exit codes:
  0    done
  1    the API or the network said no; the message is on stderr
  2    wrong usage
  3    no credentials
  4    sync --wait: the sync ended, and did not succeed
  5    sync --wait: the time was over before the sync was
  130  interrupted by Ctrl-C
  141  whoever read the output has left
"""


class ExitCode(enum.IntEnum):
    """What the command line returns to the shell."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    NO_CREDENTIALS = 3
    NOT_SUCCEEDED = 4
    TIMED_OUT = 5
    INTERRUPTED = 130
    NOBODY_READS = 141


@attrs.frozen(kw_only=True)
class Options:
    """
    What was asked for.

    Attributes:
        command: Which command.
        as_json: Print one JSON document, and nothing else, on stdout.
        ids: The connections that are meant.
        group: Only connections of the group of this id.
        service: Only connections of this service.
        state: Only connections in this state, in any letter case.
        wait: Wait for the end of the sync.
        timeout: Seconds to wait; None leaves it to the client.
        dry_run: Change nothing, and tell what would change.
    """

    command: CommandName
    as_json: bool = False
    ids: tuple[str, ...] = ()
    group: str | None = None
    service: str | None = None
    state: str | None = None
    wait: bool = False
    timeout: float | None = None
    dry_run: bool = False

    @property
    def changes(self) -> bool:
        """Whether anything in the account may change."""
        return self.command in ("sync", "pause", "resume") and not self.dry_run


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line; `fake` is in it for its help only."""
    top = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Look at a Fivetran account, sync, pause and resume its connections.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    def command(name: CommandName, help: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help, description=help, allow_abbrev=False)
        added.add_argument(
            "--json", action="store_true", dest="as_json", help="print one JSON document"
        )
        return added

    command("overview", "show every group and how many of its connections are in which state")

    connections = command("connections", "list connections")
    connections.add_argument("--group", type=_id, metavar="ID", help="only those of one group")
    connections.add_argument("--service", help="only those of one service, such as postgres")
    connections.add_argument(
        "--state",
        help="only those in one state: paused, broken, incomplete, syncing, scheduled, rescheduled",
    )

    sync = command("sync", "trigger a sync")
    sync.add_argument("ids", type=_id, nargs=1, metavar="ID", help="the connection")
    sync.add_argument("--wait", action="store_true", help="wait for its end; a running one counts")
    sync.add_argument(
        "--timeout", type=_seconds, metavar="SECONDS", help="with --wait: how long (a day)"
    )

    for name, help in (
        ("pause", "stop connections from syncing"),
        ("resume", "let paused connections sync again"),
    ):
        switch = command(cast("CommandName", name), help)
        switch.add_argument("ids", type=_id, nargs="+", metavar="ID", help="the connections")
        switch.add_argument(
            "--dry-run", action="store_true", help="change nothing, tell what would change"
        )

    commands.add_parser(
        "fake", help="serve a fake account on this machine, to try things on", add_help=False
    )
    return top


def parse(argv: Sequence[str]) -> Options:
    """
    Read the arguments.

    Raises:
        SystemExit: They are wrong (2), or asked for help or the version (0); argparse has told.
    """
    top = parser()
    found = top.parse_args(argv)
    if found.command is None:
        top.exit(ExitCode.USAGE, top.format_help())
    given: dict[str, Any] = vars(found)
    given["ids"] = tuple(given.get("ids", ()))
    if given.get("timeout") is not None and not found.wait:
        top.error("--timeout needs --wait")
    return Options(**given)


def _id(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("an id must not be empty")
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds
