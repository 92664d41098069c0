"""Run the README's own commands for the shell, word for word, in a copy of the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".*_cache", ".git", ".hypothesis", ".nox", ".venv", "__pycache__")


def commands() -> list[str]:
    """Give every block for the shell, but for the tests': CI begins with that one."""
    blocks = re.findall(
        r"^```shell\n(.+?)^```", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    return [block for block in blocks if "nox" not in block]


def main() -> None:
    """Run them in their order: the first makes the environment that the others are for."""
    bash = shutil.which("bash")
    assert bash is not None, "the commands are for bash"
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder, "checkout")
        shutil.copytree(ROOT, checkout, ignore=LEFT_OUT)
        path = os.pathsep.join([str(checkout / ".venv" / "bin"), os.environ["PATH"]])
        for command in commands():
            sys.stdout.write(f"$ {command}")
            sys.stdout.flush()
            subprocess.run(
                [bash, "-euc", command],
                cwd=checkout,
                env={**os.environ, "PATH": path},
                check=True,
            )


if __name__ == "__main__":
    main()
