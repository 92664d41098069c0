"""Completion in shells, by argcomplete: the shell starts the command, which prints the words."""

from __future__ import annotations

import os
import sys

from fivetran_async.cli._context import Context
from fivetran_async.cli._options import PROGRAM, ExitCode
from fivetran_async.cli._specs import CompletionOptions

_HINT = (
    "Completion needs argcomplete, which is not installed: pip install argcomplete (or "
    "fivetran_async with the extra 'cli')."
)


async def print_script(context: Context, options: CompletionOptions) -> ExitCode:
    """Print the script that a shell reads at its start."""
    try:
        # An optional dependency.
        from argcomplete.shell_integration import shellcode  # noqa: PLC0415
    except ImportError:
        context.output.fail(_HINT)
        return ExitCode.REFUSED
    sys.stdout.write(shellcode([PROGRAM], shell=options.shell))
    return ExitCode.DONE


def complete_words() -> None:
    """Print the words for the line that the shell passed in the environment, and exit."""
    try:
        import argcomplete  # noqa: PLC0415 - an optional dependency
    except ImportError:
        # Whatever is printed here would be put into the user's line.
        os._exit(1)

    from fivetran_async.cli._registry import parser  # noqa: PLC0415 - only for a completion

    # Options that were not begun would hide the commands.
    argcomplete.autocomplete(parser(), always_complete_options=False)
