"""The commands about the health of an account, as the parser knows them."""

from __future__ import annotations

import argparse
from typing import Final

import attrs

from fivetran_async.cli._options import CommandOptions, CommandSpec, Parser, seconds

_LAST_PORT: Final = 65_535


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


def _exporter(parser: Parser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
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
        name="exporter",
        help="serve the state of all connections as metrics for Prometheus",
        run="_exporter:exporter",
        options=ExporterOptions,
        arguments=_exporter,
        output="text",
    ),
)
