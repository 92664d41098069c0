"""Ctrl-C at any moment of the command, the first half second included, prints no traceback."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fivetran_async import _interrupt

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")

SCRIPT = """
import signal, sys, threading, time
sys.argv = ["/usr/bin/fivetran-async", "overview"]

def tell():
    while signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        time.sleep(0.0002)
    print("begun", flush=True)

# Before the first line of the package, Python itself would print the traceback.
threading.Thread(target=tell, daemon=True).start()
from fivetran_async.__main__ import main
sys.exit(main())
"""

CREDENTIALS = {"FIVETRAN_API_KEY": "k", "FIVETRAN_API_SECRET": "s"}


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5])
def test_ctrl_c_is_quiet_while_modules_are_imported(delay: float) -> None:
    """
    The process ends as by the signal, and prints nothing.

    Siblings: Ctrl-C while the command runs (`test_terminal`), and after it.
    """
    with (
        # It accepts connections and never responds, so that the command waits.
        socket.create_server(("127.0.0.1", 0)) as silent,
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={
                **CREDENTIALS,
                "FIVETRAN_BASE_URL": f"http://127.0.0.1:{silent.getsockname()[1]}",
            },
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=60)
    assert (printed, errors) == ("", "")
    assert process.returncode in {-signal.SIGINT, 130}


INTERRUPTED_BY_ITSELF = """
import os, signal, sys
sys.argv = ["fivetran-async"]
from fivetran_async import _interrupt

def interrupt(_=None):
    os.kill(os.getpid(), signal.SIGINT)

class Weak:
    pass

match sys.stdin.read():
    case "callback":
        # Python prints what a callback raises, and goes on.
        import weakref
        held = Weak()
        watched = weakref.ref(held, interrupt)
        del held
    case "end":
        import atexit
        atexit.register(interrupt)
        _interrupt.interruptible(lambda: None)
        sys.exit(0)
    case "work":
        try:
            _interrupt.interruptible(interrupt)
        except KeyboardInterrupt:
            sys.exit(130)
print("still here")
"""


@pytest.mark.parametrize(
    ("moment", "code"), [("callback", -signal.SIGINT), ("end", -signal.SIGINT), ("work", 130)]
)
def test_ctrl_c_ends_the_command_at_once(moment: str, code: int) -> None:
    """Python would lose it in a callback and print it at the end; only the work is interrupted."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_BY_ITSELF],
        input=moment,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


PROCESSES = """
import json, signal, sys
path, cases = json.loads(sys.stdin.read())
source = open(path).read()
for argv, orig_argv, ignored in cases:
    signal.signal(signal.SIGINT, signal.SIG_IGN if ignored else signal.default_int_handler)
    sys.argv, sys.orig_argv = argv, ["/usr/bin/python3", *orig_argv]
    exec(compile(source, path, "exec"), {})
    sys.excepthook = sys.__excepthook__
    print(getattr(signal.getsignal(signal.SIGINT), "name", "unchanged"))
"""


def test_only_processes_of_the_command_are_changed() -> None:
    """A program that imports the package, or has its name as an argument, keeps its Ctrl-C."""
    cases: dict[str, tuple[list[str], list[str], bool]] = {
        "the script": (["/usr/bin/fivetran-async", "groups"], ["/usr/bin/fivetran-async"], False),
        "Windows": (["C:\\x\\fivetran-async.exe"], ["x"], False),
        "python -m": (["-m", "groups"], ["-X", "dev", "-m", "fivetran_async", "groups"], False),
        "python -mNAME": (["-m", "g"], ["-Imfivetran_async", "g"], False),
        "the fake": (["-m"], ["-m", "fivetran_async.testing"], False),
        "pytest -m": (["/bin/pytest", "-m", "fivetran_async"], ["-m", "fivetran_async"], False),
        "another module": (["-m", "fivetran_async"], ["-m", "other", "fivetran_async"], False),
        "a similar module": (["-m"], ["-m", "fivetran_async_tools"], False),
        "a program": (["/app/main.py"], ["/app/main.py"], False),
        "python -c": (["-c"], ["-c", "import fivetran_async"], False),
        "no arguments": ([], [], False),
        "in the background": (["/usr/bin/fivetran-async"], ["/usr/bin/fivetran-async"], True),
    }
    path = str(Path(_interrupt.__file__))
    done = subprocess.run(
        [sys.executable, "-c", PROCESSES],
        input=json.dumps([path, list(cases.values())]),
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    found = dict(zip(cases, done.stdout.split(), strict=True))
    quiet = {"the script", "Windows", "python -m", "python -mNAME", "the fake"}
    assert {name for name, handler in found.items() if handler == "SIG_DFL"} == quiet
    assert found["in the background"] == "SIG_IGN"
