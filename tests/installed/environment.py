"""Helpers of the programs in this folder: the installed packages, and the command line."""

from __future__ import annotations

import contextlib
import importlib.metadata
import itertools
import json
import os
import pty
import subprocess
import sys
import sysconfig
from collections.abc import Generator
from pathlib import Path

# pip is always installed, and it contains the library that parses requirements.
from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name

import fivetran_async

PACKAGE = "fivetran-async"
SCRIPT = str(Path(sysconfig.get_path("scripts"), "fivetran-async"))


def check_packages(extra: str = "") -> int:
    """
    Assert that pip, this package and its requirements are installed, and nothing else.

    The requirements, with those of the extra, are read from the installed metadata. Return their
    number.
    """
    assert fivetran_async.__file__ is not None
    assert Path(fivetran_async.__file__).is_relative_to(sys.prefix), "this is not the wheel"
    needed = _needs(PACKAGE, extra)
    listed = json.loads(output_of(sys.executable, "-m", "pip", "list", "--format=json"))
    found = {canonicalize_name(each["name"]) for each in listed}
    assert found == needed | {"pip", PACKAGE}, found ^ (needed | {"pip", PACKAGE})
    return len(needed)


def _needs(package: str, extra: str) -> set[str]:
    """Return the names of the requirements of a package, indirect ones included."""
    found: set[tuple[str, str]] = set()
    left = {(package, extra)}
    while left:
        found |= left
        left = {need for each in left for need in needs_itself(*each)} - found
    return {name for name, _ in found} - {package}


def needs_itself(package: str, extra: str = "") -> set[tuple[str, str]]:
    """Return the direct requirements of an installed package on this Python, with their extras."""
    requirements = map(Requirement, importlib.metadata.requires(package) or ())
    return {
        (canonicalize_name(needed.name), name)
        for needed in requirements
        if needed.marker is None or needed.marker.evaluate({"extra": extra})
        for name in {"", *needed.extras}
    }


def output_of(*command: str, **environment: str) -> str:
    """Run a command, which has to succeed; return its stdout."""
    finished = subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    return finished.stdout


def shown_by(*command: str, **environment: str) -> tuple[str, str]:
    """Run a command, which has to succeed, on a terminal; return the shown text and stderr."""
    reading, writing = pty.openpty()
    with subprocess.Popen(
        command,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TERM": "xterm", **environment},
    ) as process:
        os.close(writing)
        shown = b""
        # On Linux, reading past the end is an error.
        with contextlib.suppress(OSError):
            while chunk := os.read(reading, 65_536):
                shown += chunk
        os.close(reading)
        _, errors = process.communicate()
    assert process.returncode == 0, errors
    return shown.decode(), errors


@contextlib.contextmanager
def demo_account() -> Generator[dict[str, str]]:
    """Serve the demo account with its command; yield the environment that it prints."""
    command = (sys.executable, "-m", "fivetran_async.testing", "--port=0")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = itertools.takewhile(lambda line: "Ctrl-C" not in line, process.stdout)
            exports = [line.split() for line in lines if "export" in line]
            yield dict(assignment.split("=", 1) for _, assignment in exports)
        finally:
            process.terminate()
    assert process.returncode == 0
