"""Runs a command, in a session unless it needs none, and reports its errors."""

from __future__ import annotations

import asyncio
import functools
import os
import sys
from datetime import datetime

import attrs

from fivetran_async._clock import SYSTEM_CLOCK, Clock
from fivetran_async._http.credentials import WHERE_TO_CREATE, missing_credentials
from fivetran_async._interrupt import interruptible
from fivetran_async.cli._context import Context
from fivetran_async.cli._hints import with_hint
from fivetran_async.cli._keyboard import Keyboard
from fivetran_async.cli._log import warnings_on_stderr
from fivetran_async.cli._options import CommandOptions, ExitCode, UnusableOptionError
from fivetran_async.cli._output import Output, choose_output
from fivetran_async.cli._registry import COMMANDS, function_of
from fivetran_async.cli._table import Arrangement
from fivetran_async.client import AsyncFivetran
from fivetran_async.errors import (
    FivetranError,
    InvalidArgumentError,
    MissingCredentialsError,
)

_CLEAR = "\x1b[H\x1b[2J"
_HOW = (
    "Either set FIVETRAN_API_KEY and FIVETRAN_API_SECRET, or name a profile with --profile. "
    f"{WHERE_TO_CREATE}"
)
_LASTING = frozenset({ExitCode.USAGE, ExitCode.NO_CREDENTIALS})
"""The failures that a second run would have, too."""


def run(options: CommandOptions) -> ExitCode:
    """Run a command on the streams and with the environment of this process."""
    with warnings_on_stderr():
        return interruptible(lambda: asyncio.run(run_command(options)))


async def run_command(options: CommandOptions, *, clock: Clock = SYSTEM_CLOCK) -> ExitCode:
    """Run a command once, or with `--watch` until Ctrl-C or a lasting failure."""
    if options.watch is None:
        return await _run_once(options, clock)
    while True:
        if sys.stdout.isatty() and options.output_format == "table":
            sys.stdout.write(_CLEAR)
        if options.output_format == "table":
            sys.stdout.write(f"Every {options.watch:g} s, at {_time_of(clock)}\n")
        code = await _run_once(options, clock)
        if code in _LASTING:
            return code
        await clock.sleep(options.watch)


def _time_of(clock: Clock) -> str:
    return f"{datetime.fromtimestamp(clock.time()).astimezone():%Y-%m-%d %H:%M:%S %Z}"


async def _run_once(options: CommandOptions, clock: Clock) -> ExitCode:
    output = choose_output(sys.stdout, sys.stderr, os.environ, options)
    context = Context(
        output=output,
        keyboard=Keyboard(sys.stdin, sys.stderr),
        open_account=functools.partial(open_account, options, read_only=True),
        account=_named(options),
        arrangement=Arrangement(options.columns, options.sort),
        clock=clock,
    )
    command = function_of(options.command)
    try:
        if not COMMANDS[options.command].session:
            return await command(context, options)
        async with open_account(options, read_only=not options.changes) as fivetran:
            return await command(attrs.evolve(context, session=fivetran), options)
    except UnusableOptionError as error:
        output.fail(str(error))
        return ExitCode.USAGE
    except FivetranError as error:
        return report(error, output)


def open_account(options: CommandOptions, *, read_only: bool) -> AsyncFivetran:
    """
    Open a session with the account that the options name.

    Raises:
        MissingCredentialsError: The environment or the profile has no credentials.
        InvalidArgumentError: The environment or the profile is wrong; the message names which.
    """
    name = profile_of(options)
    if name is None:
        try:
            return AsyncFivetran(read_only=read_only)
        except MissingCredentialsError:
            raise MissingCredentialsError(f"{missing_credentials()} {_HOW}") from None
    try:
        if read_only:
            return AsyncFivetran.from_profile(name, read_only=True)
        # The profile itself may be read-only.
        return AsyncFivetran.from_profile(name)
    except InvalidArgumentError as error:
        source = "--profile" if options.profile else "FIVETRAN_PROFILE"
        raise InvalidArgumentError(f"{source}: {error.message}") from None


def profile_of(options: CommandOptions) -> str | None:
    """Return the profile that `--profile` or `FIVETRAN_PROFILE` names, if one does."""
    return options.profile or os.environ.get("FIVETRAN_PROFILE") or None


def _named(options: CommandOptions) -> str:
    name = profile_of(options)
    return "the account" if name is None else f"the account of the profile {name!r}"


def report(error: FivetranError, output: Output) -> ExitCode:
    """Print an error with its remedy, and return its exit code."""
    output.fail(with_hint(error))
    if isinstance(error, MissingCredentialsError):
        return ExitCode.NO_CREDENTIALS
    return ExitCode.USAGE if isinstance(error, InvalidArgumentError) else ExitCode.REFUSED
