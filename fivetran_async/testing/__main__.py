"""`python -m fivetran_async.testing`: serves the fake to clients in any language, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence

from fivetran_async._arguments import LAST_PORT
from fivetran_async._interrupt import interruptible
from fivetran_async.testing._checks import checked_seconds
from fivetran_async.testing.budgets import PLANS
from fivetran_async.testing.fake import FakeFivetran
from fivetran_async.testing.faults import Fault


def _arguments(argv: Sequence[str] | None, prog: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Serve a fake Fivetran account on this machine.",
    )
    parser.add_argument(
        "--host", type=_host, default="127.0.0.1", help="address to listen on (%(default)s)"
    )
    parser.add_argument("--port", type=_port, default=8080, help="0 picks a free one (%(default)s)")
    parser.add_argument("--empty", action="store_true", help="start without the demo's groups")
    parser.add_argument(
        "--groups", type=_count, default=12, help="groups in the demo (%(default)s)"
    )
    parser.add_argument(
        "--connections-per-group",
        type=_count,
        default=18,
        metavar="N",
        help="average in the demo (%(default)s)",
    )
    parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same account")
    parser.add_argument(
        "--sync-duration",
        type=_seconds,
        default=60.0,
        metavar="SECONDS",
        help="seconds that a sync runs (%(default)s)",
    )
    parser.add_argument(
        "--schedules", action="store_true", help="let connections sync by their own schedules"
    )
    parser.add_argument(
        "--latency",
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="seconds that every response takes (%(default)s)",
    )
    parser.add_argument(
        "--fail",
        type=_failure,
        action="append",
        default=[],
        metavar="STATUS[:SHARE]",
        help="respond with this status to a share of the requests: 429:0.1; can be repeated",
    )
    parser.add_argument("--plan", choices=sorted(PLANS), help="apply this plan's rate limits")
    parser.add_argument(
        "--accept-unknown-fields", action="store_true", help="ignore unknown body fields"
    )
    parser.add_argument(
        "--accept-unknown-services", action="store_true", help="accept unknown services"
    )
    return parser.parse_args(argv)


def _seconds(text: str) -> float:
    """Parse a duration; argparse reports a `ValueError` as an invalid value."""
    try:
        seconds = float(text)
        checked_seconds("it", seconds)
    except ValueError:
        message = f"must be a number of seconds, 0 or more, not {text!r}"
        raise argparse.ArgumentTypeError(message) from None
    return seconds


def _count(text: str) -> int:
    """Parse a number of objects; `int` alone would take `-1`, and `1_0` for 10."""
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"must be a whole number, 0 or more, not {text!r}")
    return int(text)


def _port(text: str) -> int:
    """Parse a port."""
    if not (text.isascii() and text.isdecimal() and int(text) <= LAST_PORT):
        raise argparse.ArgumentTypeError(f"must be a port from 0 to {LAST_PORT}, not {text!r}")
    return int(text)


def _host(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError(f"must be an address, or 0.0.0.0 for all, not {text!r}")
    return text


def _failure(text: str) -> tuple[int, float]:
    """Parse a status and the share of requests that get it, by default all."""
    status, _, share = text.partition(":")
    try:
        found = int(status), float(share or 1)
    except ValueError:
        found = 0, 0.0
    if not (400 <= found[0] <= 599 and 0 <= found[1] <= 1):
        message = f"must be a status from 400 to 599 and a share from 0 to 1, not {text!r}"
        raise argparse.ArgumentTypeError(message)
    return found


def account(
    argv: Sequence[str] | None = None, *, prog: str = "python -m fivetran_async.testing"
) -> FakeFivetran:
    """Return the account that the arguments describe."""
    arguments = _arguments(argv, prog)
    fake = FakeFivetran.demo(
        groups=0 if arguments.empty else arguments.groups,
        connections_per_group=arguments.connections_per_group,
        seed=arguments.seed,
        host=arguments.host,
        port=arguments.port,
        latency=arguments.latency,
        schedules=arguments.schedules,
        unknown_fields="accept" if arguments.accept_unknown_fields else "reject",
        unknown_services="accept" if arguments.accept_unknown_services else "reject",
    )
    fake.sync_duration = arguments.sync_duration
    fake.rate_limit(arguments.plan)
    for status, share in arguments.fail:
        fake.fail(fault=Fault.status(status), times=None, probability=share)
    return fake


async def _serve(fake: FakeFivetran) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Windows lacks signal handlers; Ctrl-C ends `asyncio.run` there.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    async with fake:
        sys.stdout.write(
            f"A fake Fivetran account is served at {fake.url}\n"
            f"  export FIVETRAN_BASE_URL={fake.url}\n"
            f"  export FIVETRAN_API_KEY={fake.api_key}\n"
            f"  export FIVETRAN_API_SECRET={fake.api_secret}\n"
            "Press Ctrl-C to stop.\n"
        )
        sys.stdout.flush()
        await stop.wait()


def main(
    argv: Sequence[str] | None = None, *, prog: str = "python -m fivetran_async.testing"
) -> int:
    """Serve until interrupted, and return the exit code: 1 if the port is not available."""
    try:
        fake = account(argv, prog=prog)
        interruptible(lambda: asyncio.run(_serve(fake)))
    except KeyboardInterrupt:
        pass
    except OSError as error:
        given = _arguments(argv, prog)
        # The system's words are the last or the first of asyncio's.
        reason = (error.strerror or str(error)).rpartition(": ")[2].partition(" (while")[0]
        sys.stderr.write(
            f"Cannot listen: {given.host}:{given.port}: {reason}. Pass another --host or --port; "
            "port 0 picks a free one.\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
