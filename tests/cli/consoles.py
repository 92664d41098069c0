"""Outputs with captured streams, and a pseudo-terminal."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import pty
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, Self, TextIO, TypeVar

import attrs

import fivetran_async
from fivetran_async import AsyncFivetran
from fivetran_async.cli._context import Context
from fivetran_async.cli._keyboard import Keyboard
from fivetran_async.cli._options import CommandOptions, ExitCode
from fivetran_async.cli._output import Output
from fivetran_async.cli._registry import function_of

O_co = TypeVar("O_co", bound=Output, covariant=True)

_STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@attrs.frozen
class Console(Generic[O_co]):
    """An output and its two streams."""

    output: O_co
    stdout: io.StringIO
    stderr: io.StringIO

    @property
    def lines(self) -> list[str]:
        """The lines on stdout."""
        return self.stdout.getvalue().splitlines()

    @property
    def errors(self) -> list[str]:
        """The lines on stderr."""
        return self.stderr.getvalue().splitlines()

    @property
    def document(self) -> Any:  # noqa: ANN401 - JSON that the test knows
        """The JSON document on stdout."""
        return json.loads(self.stdout.getvalue())


class Terminal:
    """A pseudo-terminal: `shown()` returns what was written to `stream`."""

    def __init__(self) -> None:
        self._reading, writing = pty.openpty()
        self.stream: TextIO = os.fdopen(writing, "w", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()
        os.close(self._reading)

    def shown(self) -> str:
        """Close the stream and return everything that was written to it."""
        self.stream.close()
        found = b""
        # Linux reports the end as an error.
        with contextlib.suppress(OSError):
            while chunk := os.read(self._reading, 65_536):
                found += chunk
        return found.decode()


def without_escapes(text: str) -> str:
    """Remove the colours and cursor movements that rich writes."""
    return _STEERING.sub("", text)


async def perform(
    fivetran: AsyncFivetran,
    options: CommandOptions,
    output: Output,
    *,
    stdin: str = "",
    keyboard: Keyboard | None = None,
) -> ExitCode:
    """Run the function of a command with a session and an output."""
    typed = keyboard or Keyboard(io.StringIO(stdin), io.StringIO())
    context = Context(output=output, keyboard=typed, session=fivetran)
    return await function_of(options.command)(context, options)


async def start(
    *words: str, program: str | None = None, stdout: int = PIPE, **environment: str
) -> Process:
    """Start the command line, or a program that calls it, in its own process."""
    assert fivetran_async.__file__ is not None
    code = ("-m", "fivetran_async") if program is None else ("-c", program)
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", *code, *words),
        stdout=stdout,
        stderr=PIPE,
        env=_environment(environment, str(Path(fivetran_async.__file__).parents[1])),
    )


def _environment(changes: Mapping[str, str], folder: str) -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    return inherited | {"PYTHONPATH": folder, "TERM": "xterm"} | dict(changes)
