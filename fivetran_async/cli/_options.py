"""The arguments of the command line, its help and its exit codes."""

from __future__ import annotations

import argparse
import enum
import math
from collections.abc import Sequence
from typing import Any, Final, Literal, Protocol, TypeAlias, cast

import attrs

from fivetran_async._version import __version__

PROGRAM: Final = "fivetran-async"

CommandName: TypeAlias = Literal[
    "overview",
    "connections",
    "sync",
    "pause",
    "resume",
    "exporter",
    "config show",
    "config check",
    "config template",
]


class _Commands(Protocol):
    """What `add_subparsers` returns; argparse has no public name for it."""

    def add_parser(
        self, name: str, *, help: str, description: str, allow_abbrev: bool
    ) -> argparse.ArgumentParser: ...


_EPILOG: Final = """\
environment:
  FIVETRAN_API_KEY, FIVETRAN_API_SECRET   the credentials; not accepted as arguments
  FIVETRAN_BASE_URL                       another server, such as that of `fake`
  NO_COLOR                                plain text, even on a terminal

exit codes:
  0    done
  1    the API or the network reported an error, printed on stderr
  2    wrong arguments
  3    missing credentials
  4    sync --wait: the sync ended without success
  5    sync --wait: timed out before the sync ended
  7    config check: problems were found
  130  interrupted by Ctrl-C
  141  the reader of the output closed the pipe
"""


class ExitCode(enum.IntEnum):
    """The exit codes of the command line."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    NO_CREDENTIALS = 3
    NOT_SUCCEEDED = 4
    TIMED_OUT = 5
    FINDINGS = 7
    INTERRUPTED = 130
    BROKEN_PIPE = 141


@attrs.frozen(kw_only=True)
class CommandOptions:
    """
    The parsed arguments.

    Attributes:
        command: The command.
        as_json: Print only one JSON document on stdout.
        ids: The ids of the connections.
        group: Only connections of the group with this id.
        service: Only connections of this service; for configs, the service.
        state: Only connections in this state; letter case does not matter.
        wait: Wait for the end of the sync.
        timeout: Seconds to wait; None uses the client's default.
        dry_run: Change nothing; report what would change.
        files: The files with the configs to check.
        creating: Also report missing fields that a creation requires.
        live: Check by live metadata.
        host: The address to serve on.
        port: The port to serve on.
        interval: Seconds between two lists of the connections.
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
    files: tuple[str, ...] = ()
    creating: bool = False
    live: bool = False
    host: str = "127.0.0.1"
    port: int = 9400
    interval: float = 300.0

    @property
    def changes(self) -> bool:
        """True if the command may change the account."""
        return self.command in ("sync", "pause", "resume") and not self.dry_run


def parser() -> argparse.ArgumentParser:
    """Return the parser; it knows `fake` only to list it in the help."""
    top = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Inspect a Fivetran account; sync, pause and resume its connections; check "
        "configs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    def command(name: CommandName, help: str) -> argparse.ArgumentParser:
        return _add_command(commands, name, help)

    command("overview", "list groups with the number of connections in each state")

    connections = command("connections", "list connections")
    connections.add_argument(
        "--group", type=_id, metavar="ID", help="only connections of this group"
    )
    connections.add_argument("--service", help="only connections of this service, such as postgres")
    connections.add_argument(
        "--state",
        help="only this state: paused, broken, incomplete, syncing, scheduled or rescheduled",
    )

    sync = command("sync", "trigger a sync")
    sync.add_argument("ids", type=_id, nargs=1, metavar="ID", help="id of the connection")
    sync.add_argument("--wait", action="store_true", help="wait for its end; joins a running sync")
    sync.add_argument(
        "--timeout", type=_seconds, metavar="SECONDS", help="maximum time for --wait (one day)"
    )

    exporter = command("exporter", "serve the state of all connections as metrics for Prometheus")
    exporter.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    exporter.add_argument("--port", type=int, default=9400, help="0 picks a free one (%(default)s)")
    exporter.add_argument(
        "--interval",
        type=_seconds,
        default=300.0,
        metavar="SECONDS",
        help="between two lists of the connections, at least 10 (300)",
    )

    for name, help in (
        ("pause", "pause connections, so that they do not sync"),
        ("resume", "resume paused connections"),
    ):
        switch = command(cast("CommandName", name), help)
        switch.add_argument("ids", type=_id, nargs="+", metavar="ID", help="ids of the connections")
        switch.add_argument(
            "--dry-run", action="store_true", help="change nothing, report what would change"
        )

    _add_config_commands(commands)
    commands.add_parser(
        "fake", help="serve a fake account on this machine, to experiment with", add_help=False
    )
    return top


def _add_command(commands: _Commands, name: str, help: str) -> argparse.ArgumentParser:
    added = commands.add_parser(name, help=help, description=help, allow_abbrev=False)
    added.add_argument(
        "--json", action="store_true", dest="as_json", help="print one JSON document"
    )
    return added


def _add_config_commands(commands: _Commands) -> None:
    help = "show and check the fields of config, without an account"
    config = commands.add_parser("config", help=help, description=help, allow_abbrev=False)
    actions = config.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)

    show = _add_command(actions, "show", "list the fields of a service; help if there are keys")
    show.add_argument("service", type=_service, help="the service, such as postgres")

    check = _add_command(actions, "check", "check the configs in JSON files; - reads stdin")
    check.add_argument("files", nargs="+", metavar="FILE", help="one config, or a list of them")
    check.add_argument("--service", type=_service, help="the service, if the file names none")
    check.add_argument(
        "--creating", action="store_true", help="also require what a creation requires"
    )
    check.add_argument("--live", action="store_true", help="check by the metadata of the API")

    template = _add_command(actions, "template", "print a config with every field, as JSON")
    template.add_argument("service", type=_service, help="the service, such as postgres")


def parse(argv: Sequence[str]) -> CommandOptions:
    """
    Parse the arguments.

    Raises:
        SystemExit: 2 for wrong arguments, 0 after the help or the version. argparse has printed
            the message.
    """
    top = parser()
    found = top.parse_args(argv)
    if found.command is None:
        top.exit(ExitCode.USAGE, top.format_help())
    given: dict[str, Any] = vars(found)
    if action := given.pop("action", None):
        given["command"] = f"{found.command} {action}"
    for several in ("ids", "files"):
        given[several] = tuple(given.get(several, ()))
    if given.get("timeout") is not None and not found.wait:
        top.error("--timeout requires --wait")
    return CommandOptions(**given)


def _service(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("a service must not be empty")
    return text


def _id(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("an ID must not be empty")
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"must be a positive number of seconds, not {text!r}")
    return seconds
