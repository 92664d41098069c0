"""Run the shell commands of the README and the guides, word for word, in a copy of the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from support.pages import ROOT, commands

LEFT_OUT = shutil.ignore_patterns(".*_cache", ".git", ".hypothesis", ".nox", ".venv", "__pycache__")


def main() -> None:
    """Run the commands in the order of the pages: the README's first creates the environment."""
    bash = shutil.which("bash")
    if bash is None:
        sys.exit("The commands need bash, which was not found on the PATH.")
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder, "checkout")
        shutil.copytree(ROOT, checkout, ignore=LEFT_OUT)
        path = os.pathsep.join([str(checkout / ".venv" / "bin"), os.environ["PATH"]])
        for command in commands():
            sys.stdout.write(f"{command}$ {command.text}")
            sys.stdout.flush()
            subprocess.run(
                [bash, "-euc", command.text],
                cwd=checkout,
                env={**os.environ, "PATH": path},
                check=True,
            )


if __name__ == "__main__":
    main()
