"""Outputs, with what they printed; a terminal of the system's own."""

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
from fivetran_async.cli._output import Output

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
        """What it printed on stdout."""
        return self.stdout.getvalue().splitlines()

    @property
    def errors(self) -> list[str]:
        """What it printed on stderr."""
        return self.stderr.getvalue().splitlines()

    @property
    def document(self) -> Any:  # noqa: ANN401 - JSON of the test's own making
        """What it printed on stdout, which is JSON."""
        return json.loads(self.stdout.getvalue())


class Terminal:
    """A pseudo-terminal: what is written to `stream` comes back as text from `shown()`."""

    def __init__(self) -> None:
        self._reading, writing = pty.openpty()
        self.stream: TextIO = os.fdopen(writing, "w", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()
        os.close(self._reading)

    def shown(self) -> str:
        """Close the stream, and return all that was written to it."""
        self.stream.close()
        found = b""
        # Linux tells the end by an error.
        with contextlib.suppress(OSError):
            while chunk := os.read(self._reading, 65_536):
                found += chunk
        return found.decode()


def without_steering(text: str) -> str:
    """Take out the colours and cursor moves, those that rich makes."""
    return _STEERING.sub("", text)


async def start(
    *words: str, program: str | None = None, stdout: int = PIPE, **environment: str
) -> Process:
    """Start the command line in a process of its own, or a program that calls it."""
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
