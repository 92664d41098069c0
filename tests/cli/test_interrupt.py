"""Ctrl-C at any moment of the command, the first half second included, prints no traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

SCRIPT = """
import sys, threading, time
sys.argv = ["/usr/bin/fivetran-async", "overview"]

def tell():
    while sys.excepthook is sys.__excepthook__:
        time.sleep(0.0005)
    print("begun", flush=True)

# Before the first line of the package, Python itself would print the traceback.
threading.Thread(target=tell, daemon=True).start()
from fivetran_async.__main__ import main
sys.exit(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("delay", [0.0, 0.05, 0.1, 0.2, 0.3, 0.5])
def test_ctrl_c_is_quiet_while_modules_are_imported(delay: float) -> None:
    """
    The process ends as by the signal, without a traceback.

    Siblings: Ctrl-C while the command runs (`test_terminal`).
    """
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"FIVETRAN_API_KEY": "k", "FIVETRAN_API_SECRET": "s", "FIVETRAN_BASE_URL": UNROUTED},
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
    assert process.returncode in {-signal.SIGINT, 130}


UNROUTED = "https://192.0.2.1"
"""An address that nothing is at, so that the command waits."""


def test_other_processes_keep_their_excepthook() -> None:
    """A program that imports the package shows its own interruptions as before."""
    program = "import sys, fivetran_async; assert sys.excepthook is sys.__excepthook__"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
