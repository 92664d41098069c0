"""The command that serves metrics until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import signal

from fivetran_async.cli._context import Context
from fivetran_async.cli._options import ExitCode
from fivetran_async.cli._specs_of_health import ExporterOptions


async def exporter(context: Context, options: ExporterOptions) -> ExitCode:
    """Serve metrics until interrupted."""
    try:
        # An optional dependency.
        from fivetran_async.integrations.prometheus import serve_account  # noqa: PLC0415
    except ModuleNotFoundError as error:
        context.output.fail(str(error))
        return ExitCode.REFUSED
    host, port = options.host, options.port
    try:
        async with serve_account(
            context.fivetran, host=host, port=port, interval=options.interval
        ) as url:
            context.output.note(
                f"Metrics of the account are served at {url}\nPress Ctrl-C to stop."
            )
            await until_terminated()
    except OSError as error:
        # The system's words are the last or the first of asyncio's.
        reason = (error.strerror or str(error)).rpartition(": ")[2].partition(" (while")[0]
        context.output.fail(
            f"cannot listen on {host}:{port}: {reason}; pass another --host or --port; port 0 "
            "picks a free one"
        )
        return ExitCode.REFUSED
    return ExitCode.DONE


async def until_terminated() -> None:
    """Return on SIGTERM, as service managers send it; Ctrl-C interrupts the command."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Windows has no signal handlers, and only the main thread can set one.
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
        loop.add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
