"""
Try the README as a new user does, with a clock: `python tests/installed/first_hour.py WHEEL`.

In an empty folder, the blocks of the README are carried out in their order, with the wheel in place
of the checkout. The first useful output must come within a minute, the first test of one's own
within five. The blocks that start nox are left out.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Final

from support.pages import README, ROOT, Block, blocks_of

FIRST_OUTPUT: Final = 60.0
FIRST_TEST: Final = 300.0

ACCOUNT: Final = """
import asyncio, sys
from fivetran_async.testing import FakeFivetran

async def main():
    async with FakeFivetran() as fake:
        fake.sync_duration = 0.1
        fake.add_group(id="decent_dropsy", name="Warehouse")
        fake.add_connection(
            id="speak_inexpensive", group_id="decent_dropsy", service="postgres", schema="shop"
        )
        print(fake.url, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
FRAGMENT: Final = """
import ast, asyncio, inspect, sys
from fivetran_async import AsyncFivetran

async def main():
    code = compile(sys.stdin.read(), "README.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    async with AsyncFivetran() as fivetran:
        outcome = eval(code, {"fivetran": fivetran, "__name__": "snippet"})
        if inspect.isawaitable(outcome):
            await outcome

asyncio.run(main())
"""
"""A fragment has an open session; a program or an application may stand alone."""


class NewUser:
    """
    Carries blocks out in an empty folder, and notes when each has ended.

    Args:
        folder: The folder.
        wheel: The wheel.
    """

    def __init__(self, folder: Path, wheel: Path) -> None:
        self._folder = folder
        self._wheel = wheel
        self._bin = folder / ".venv" / "bin"
        self._began = time.monotonic()
        self.times: dict[str, float] = {}
        self.environment = {key: value for key, value in os.environ.items() if "PYTHON" not in key}
        self.environment["PATH"] = os.pathsep.join([str(self._bin), os.environ["PATH"]])

    def run(self, *command: str, text: str | None = None) -> str:
        """Run a command, which has to succeed; return its output."""
        finished = subprocess.run(
            command,
            cwd=self._folder,
            env=self.environment,
            input=text,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return finished.stdout

    def install(self, what: str) -> None:
        """Install the wheel with extras such as `[cli]`, or other packages."""
        wanted = f"{self._wheel}{what}" if what.startswith("[") else what
        self.run(str(self._bin / "pip"), "install", "--quiet", *wanted.split())

    def do(self, block: Block) -> None:
        """Carry a block out."""
        match block.language:
            case "shell":
                self._shell(block)
            case "console":
                self._console(block)
            case _:
                self._python(block)
        self.times[f"{block}  {block.text.strip().splitlines()[0][:60]}"] = self.seconds

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def _shell(self, block: Block) -> None:
        text = block.text.replace("pip install .", f"pip install '{self._wheel}'")
        text = text.replace("pip install '.", f"pip install '{self._wheel}")
        assert self.run("bash", "-euc", text)

    def _console(self, block: Block) -> None:
        """Type the commands of a session, with the server of its first line in the background."""
        typed = re.findall(r"(?m)^\$ (.*)", block.text)
        ready = "until curl -s http://127.0.0.1:8080 > /dev/null; do sleep 0.1; done"
        if shutil.which("curl") is None:
            ready = "sleep 3"
        script = "\n".join([typed[0], "trap 'kill %1' EXIT", ready, *typed[1:]])
        printed = self.run("bash", "-euc", script)
        assert printed.splitlines()[-1] == block.text.splitlines()[-1], printed

    def _python(self, block: Block) -> None:
        python = str(self._bin / "python")
        if "FastAPI(" in block.text:
            self.install("[fastapi]")
        if "def test_" in block.text:
            self.install("pytest pytest-asyncio")
            (self._folder / "test_mine.py").write_text(block.text)
            (self._folder / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
            assert " passed" in self.run(python, "-m", "pytest", "-q")
        elif "asyncio.run(" in block.text:
            assert self.run(python, "-W", "error", "-", text=block.text)
        else:
            self.run(python, "-W", "error", "-c", FRAGMENT, text=block.text)


@contextlib.contextmanager
def account(user: NewUser) -> Generator[None]:
    """Serve the account that the snippets name, once the package is installed."""
    python = str(Path(user.environment["PATH"].partition(os.pathsep)[0], "python"))
    with subprocess.Popen([python, "-c", ACCOUNT], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            user.environment |= {
                "FIVETRAN_BASE_URL": server.stdout.readline().strip(),
                "FIVETRAN_API_KEY": "fake_key",
                "FIVETRAN_API_SECRET": "fake_secret",
            }
            yield
        finally:
            server.terminate()


def main(wheel: Path) -> int:
    """Carry the README out, print the times, and return 1 if a limit is exceeded."""
    found = [
        block
        for block in blocks_of(README)
        if block.language != "text" and not block.is_output and "/nox " not in block.text
    ]
    first, *others = found
    test = next(block for block in found if "def test_" in block.text)
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as opened:
        folder = Path(name)
        shutil.copytree(ROOT / "examples", folder / "examples")
        user = NewUser(folder, wheel)
        user.do(first)
        output_after = user.seconds
        opened.enter_context(account(user))
        test_after = 0.0
        for block in others:
            user.do(block)
            if block is test:
                test_after = user.seconds
    for what, seconds in user.times.items():
        sys.stdout.write(f"{seconds:6.1f} s  {what}\n")
    sys.stdout.write(
        f"First useful output after {output_after:.1f} s (at most {FIRST_OUTPUT:g}), "
        f"first own test after {test_after:.1f} s (at most {FIRST_TEST:g}).\n"
    )
    return int(output_after > FIRST_OUTPUT or test_after > FIRST_TEST)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
