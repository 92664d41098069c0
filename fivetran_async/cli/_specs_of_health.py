"""The commands about the health of an account, as the parser knows them."""

from __future__ import annotations

import argparse
import math
import re
from typing import Final

import attrs

from fivetran_async.cli._options import (
    UTC_HELP,
    CommandOptions,
    CommandSpec,
    Parser,
    seconds,
    single_id,
    suggestion,
    word,
)
from fivetran_async.cli._specs_of_connections import FilterOptions, add_filters

FINDING_WORDS: Final = (
    "broken",
    "incomplete",
    "never_synced",
    "stale",
    "delayed",
    "schema_not_captured",
    "task",
    "paused",
    "warning",
)
"""The kinds of findings; a constant of its own, because help loads no models."""

_LAST_PORT: Final = 65_535
_UNITS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


@attrs.frozen(kw_only=True)
class HealthOptions(FilterOptions):
    """
    Options of `health`.

    Attributes:
        stale: Seconds after which data is stale; None uses the schedule of each connection.
        fail_on: The kinds of findings that cause exit code 7; all kinds if it is empty.
    """

    stale: float | None = None
    fail_on: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class WhyOptions(CommandOptions):
    """
    Options of `why`.

    Attributes:
        connection_id: The connection.
        run_tests: Run the setup tests.
    """

    connection_id: str
    run_tests: bool = False

    @property
    def changes(self) -> bool:
        """True if it runs the setup tests, which can change the state of the setup."""
        return self.run_tests


@attrs.frozen(kw_only=True)
class ExporterOptions(CommandOptions):
    """
    Options of `exporter`.

    Attributes:
        host: The address to serve on.
        port: The port to serve on; 0 picks a free one.
        interval: Seconds between two lists of the connections.
    """

    host: str = "127.0.0.1"
    port: int = 9400
    interval: float = 300.0


def _health(parser: Parser) -> None:
    add_filters(parser)
    parser.add_argument(
        "--stale",
        type=time_span,
        metavar="TIME",
        help="time after which data is stale, such as 24h or 90m; by default twice the interval of"
        " the connection's schedule",
    )
    parser.add_argument(
        "--fail-on",
        type=_kinds,
        action="extend",
        metavar="KINDS",
        help="kinds of findings that cause exit code 7, with commas between them; by default all:"
        f" {', '.join(FINDING_WORDS)}",
    )


def time_span(text: str) -> float:
    """Parse a time such as `24h`, `90m`, `2d` or a number of seconds."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smhd]?)", text.strip())
    number = float(found[1]) * _UNITS[found[2]] if found else math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"must be a time such as 24h, 90m or 2d, not {text!r}")
    return number


def _kinds(text: str) -> list[str]:
    kinds = [kind.strip().casefold().replace("-", "_") for kind in text.split(",")]
    for kind in kinds:
        if kind not in FINDING_WORDS:
            hint = suggestion(kind, FINDING_WORDS) or ";"
            raise argparse.ArgumentTypeError(
                f"{kind!r} is not a kind of finding{hint} kinds are {', '.join(FINDING_WORDS)}"
            )
    return kinds


def _why(parser: Parser) -> None:
    parser.add_argument("connection_id", type=single_id, metavar="ID", help="id of the connection")
    parser.add_argument(
        "--run-tests",
        action="store_true",
        help="run the setup tests, which can take minutes and change the state of the setup",
    )
    parser.add_argument("--utc", action="store_true", help=UTC_HELP)


def _exporter(parser: Parser) -> None:
    parser.add_argument(
        "--host",
        type=word("host"),
        default="127.0.0.1",
        help="address to listen on (%(default)s)",
    )
    parser.add_argument("--port", type=_port, default=9400, help="0 picks a free one (%(default)s)")
    parser.add_argument(
        "--interval",
        type=seconds,
        default=300.0,
        metavar="SECONDS",
        help="between two lists of the connections, at least 10 (300)",
    )


def _port(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() else -1
    if not 0 <= number <= _LAST_PORT:
        raise argparse.ArgumentTypeError(f"must be a port from 0 to {_LAST_PORT}, not {text!r}")
    return number


HEALTH_COMMANDS: Final = (
    CommandSpec(
        name="health",
        help="list what is wrong with the connections, the worst first",
        run="_health_commands:health",
        options=HealthOptions,
        arguments=_health,
        watch=True,
    ),
    CommandSpec(
        name="why",
        help="show on one page what is wrong with a connection",
        run="_health_commands:why",
        options=WhyOptions,
        arguments=_why,
        output="document",
    ),
    CommandSpec(
        name="exporter",
        help="serve the state of all connections as metrics for Prometheus",
        run="_exporter:exporter",
        options=ExporterOptions,
        arguments=_exporter,
        output="text",
    ),
)
