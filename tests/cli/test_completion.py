"""Completion in real shells: commands, options and values, without an import of aiohttp."""

from __future__ import annotations

import os
import pty
import select
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import fivetran_async
from fivetran_async.cli import ExitCode, main

pytest.importorskip("argcomplete", reason="needs argcomplete")

SHELLS = {
    "bash": ("bash", "--norc", "--noprofile", "-i"),
    "zsh": ("zsh", "-f", "-i"),
    "fish": ("fish", "--no-config", "--interactive"),
}
PREPARE = {
    "bash": "bind 'set enable-bracketed-paste off'",
    "zsh": "unset zle_bracketed_paste; autoload -Uz compinit; compinit -u -D",
    "fish": "true",
}
SCRIPTS = {
    "bash": 'eval "$(fivetran-async completion bash)"',
    "zsh": 'eval "$(fivetran-async completion zsh)"',
    "fish": "fivetran-async completion fish | source",
}
LONGEST = 60.0


class Shell:
    """An interactive shell on a pseudo-terminal, with the command on its PATH."""

    def __init__(self, words: tuple[str, ...], folder: Path) -> None:
        command = folder / "fivetran-async"
        root = Path(fivetran_async.__file__ or "").parents[1]
        paths = os.pathsep.join([str(root), *filter(None, sys.path)])
        command.write_text(
            f'#!/bin/sh\nPYTHONPATH="{paths}" exec "{sys.executable}" -m fivetran_async "$@"\n'
        )
        command.chmod(0o755)
        environment = {
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "TERM": "dumb",
            "PS1": "> ",
        }
        self._seen = ""
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(words[0], words, environment)  # noqa: S606 - a shell is what is tested

    def type(self, text: str) -> None:
        """Type keys."""
        os.write(self._terminal, text.encode())

    def read_until(self, expected: str) -> str:
        """Return what was printed since the last call, once it contains a text."""
        give_up_at = time.monotonic() + LONGEST
        while expected not in self._seen:
            ready, _, _ = select.select([self._terminal], [], [], give_up_at - time.monotonic())
            assert ready, f"{expected!r} is not in {self._seen!r}"
            self._seen += os.read(self._terminal, 65_536).decode("utf-8", "replace")
        found, self._seen = self._seen, ""
        return found

    def close(self) -> None:
        """End the shell."""
        os.close(self._terminal)
        os.waitpid(self.pid, 0)


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shell]:
    """A shell that has read the script of the command."""
    name: str = request.param
    if shutil.which(name) is None:
        pytest.skip(f"needs {name}")
    shell = Shell(SHELLS[name], tmp_path)
    try:
        shell.type(f"{PREPARE[name]}; {SCRIPTS[name]}; echo rea''dy\n")
        shell.read_until("\nready" if name == "bash" else "ready\r\n")
        yield shell
    finally:
        shell.close()


@pytest.mark.slow
def test_shells_complete_a_state_and_a_command(shell: Shell) -> None:
    """Tab completes the state of connections, and a command."""
    shell.type("fivetran-async connections --state br\t")
    shell.read_until("--state broken")
    shell.type("\x15fivetran-async overv\t")
    shell.read_until("overview")


def test_scripts_name_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Each of the three shells has a script; other shells are wrong arguments."""
    for name in ("bash", "zsh", "fish"):
        assert main(["completion", name]) == ExitCode.DONE
        assert "fivetran-async" in capsys.readouterr().out
    assert main(["completion", "tcsh"]) == ExitCode.USAGE
