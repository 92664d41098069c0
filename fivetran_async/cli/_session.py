"""Runs a command, in a session unless it is about configs, and reports its errors."""

from __future__ import annotations

import asyncio
import os
import sys

from fivetran_async._interrupt import interruptible
from fivetran_async.cli._commands import COMMANDS
from fivetran_async.cli._config_commands import CONFIG_COMMANDS
from fivetran_async.cli._log import warnings_on_stderr
from fivetran_async.cli._options import CommandOptions, ExitCode
from fivetran_async.cli._output import Output, choose_output
from fivetran_async.client import AsyncFivetran
from fivetran_async.errors import FivetranError, InvalidArgumentError, MissingCredentialsError


def run(options: CommandOptions) -> ExitCode:
    """Run a command on the streams and with the environment of this process."""
    output = choose_output(sys.stdout, sys.stderr, os.environ, as_json=options.as_json)
    with warnings_on_stderr():
        return interruptible(lambda: asyncio.run(_run(options, output)))


async def _run(options: CommandOptions, output: Output) -> ExitCode:
    offline = CONFIG_COMMANDS.get(options.command)
    try:
        if offline is not None:
            return await offline(options, output)
        async with AsyncFivetran(read_only=not options.changes) as fivetran:
            return await COMMANDS[options.command](fivetran, options, output)
    except FivetranError as error:
        output.fail(str(error))
        return _code_of(error)


def _code_of(error: FivetranError) -> ExitCode:
    if isinstance(error, MissingCredentialsError):
        return ExitCode.NO_CREDENTIALS
    return ExitCode.USAGE if isinstance(error, InvalidArgumentError) else ExitCode.REFUSED
