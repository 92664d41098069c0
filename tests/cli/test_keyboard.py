"""Standard input: text from pipes, replies on terminals, and what is neither."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

import fivetran_async
from fivetran_async.cli._keyboard import Keyboard
from fivetran_async.cli._options import ExitCode, UnusableOptionError
from fivetran_async.testing import FakeFivetran


async def read(data: bytes) -> str:
    """Read what a pipe delivers."""
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    with os.fdopen(reading) as stdin:
        return await Keyboard(stdin, io.StringIO()).read("ids")


async def test_everything_in_a_pipe_is_read() -> None:
    """Text is decoded whatever the locale is, without the mark that Windows puts first."""
    assert await read("\ufeffone\nzwei ü\n".encode()) == "one\nzwei ü\n"
    assert await read(b"") == ""


async def test_a_closed_stdin_is_empty() -> None:
    """A stdin that the shell has closed has no ids and no replies."""
    keyboard = Keyboard(None, io.StringIO())
    assert await keyboard.read("ids") == ""
    assert not keyboard.can_ask


async def test_input_that_is_not_text_is_a_wrong_argument(tmp_path: Path) -> None:
    """Bytes that are not UTF-8, and a folder, get a message instead of a traceback."""
    with pytest.raises(UnusableOptionError, match="stdin is not text in UTF-8"):
        await read(b"\xff\xfe\x00")
    with os.fdopen(os.dup(0)) as stdin:
        folder = os.open(tmp_path, os.O_RDONLY)
        os.dup2(folder, stdin.fileno())
        os.close(folder)
        with pytest.raises(UnusableOptionError, match="stdin cannot be read: Is a directory"):
            await Keyboard(stdin, io.StringIO()).read("ids")


async def test_the_end_of_the_input_ends_the_line_of_the_question() -> None:
    """Ctrl-D in place of a reply types no newline, so that the next message would follow it."""
    writing, reading = pty.openpty()
    errors = io.StringIO()
    os.write(writing, b"\x04")
    with os.fdopen(reading) as stdin:
        assert await Keyboard(stdin, errors).ask("Sure? ") == ""
    os.close(writing)
    assert errors.getvalue() == "Sure? \n"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize(
    ("words", "prompt"),
    [
        (("pause", "--service", "postgres"), b"of the account? [y/N] "),
        (("pause", "-"), b"Reading ids, one per line; Ctrl-D ends the input.\n"),
        (("config", "check", "-"), b"Reading JSON; Ctrl-D ends the input.\n"),
    ],
    ids=["question", "ids", "config"],
)
async def test_ctrl_c_ends_a_read(
    fake: FakeFivetran, words: tuple[str, ...], prompt: bytes
) -> None:
    """One Ctrl-C ends the command while it waits for input: the code is 130, nothing changed."""
    fake.add_connection(service="postgres")
    writing, reading = pty.openpty()
    root = str(Path(fivetran_async.__file__ or "").parents[1])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "fivetran_async", *words),
        stdin=reading,
        stdout=PIPE,
        stderr=PIPE,
        env=os.environ | {"PYTHONPATH": root},
    )
    os.close(reading)
    assert process.stderr is not None
    await process.stderr.readuntil(prompt)
    process.send_signal(signal.SIGINT)
    printed, errors = await process.communicate()
    os.close(writing)
    assert (process.returncode, printed, errors) == (ExitCode.INTERRUPTED, b"", b"")
    assert fake.requests_for("connections.update") == []
