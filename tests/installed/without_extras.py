"""Check the wheel without extras: `nox -s install`."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import pkgutil
import sys

from environment import (
    PACKAGE,
    SCRIPT,
    check_packages,
    demo_account,
    needs_itself,
    output_of,
    shown_by,
)

import fivetran_async
from fivetran_async import models
from fivetran_async._codec._json import fastest_loads, stdlib_loads

MISSING = {
    "fivetran_async.integrations.fastapi": "pip install 'fastapi'",
    "fivetran_async.integrations.opentelemetry": "'fivetran_async[opentelemetry]'",
    "fivetran_async.integrations.prometheus": "'fivetran_async[prometheus]'",
    "fivetran_async.integrations.redis": "pip install 'redis'",
    "fivetran_async.integrations.starlette": "pip install 'starlette'",
    "fivetran_async.testing.plugin": "'pytest'",
}
"""The modules that require more, and the end of the error that they raise without it."""


def public_modules() -> list[str]:
    """Return the names of the public modules."""
    found = pkgutil.walk_packages(fivetran_async.__path__, "fivetran_async.")
    return [module.name for module in found if "._" not in module.name]


def check_files() -> None:
    """Assert that the wheel installed the package and its metadata only, without tests."""
    files = importlib.metadata.files(PACKAGE) or []
    # The script is in another folder.
    inside = [file for file in files if file.parts[0] != ".."]
    version = fivetran_async.__version__
    tops = {"fivetran_async", f"fivetran_async-{version}.dist-info"}
    assert {file.parts[0] for file in inside} == tops
    assert {"py.typed", "facts.json", "LICENSE"} <= {file.name for file in inside}
    assert importlib.metadata.version(PACKAGE) == version


def complaint_of(module: str) -> str:
    """Import a module; return the text of the error, if any."""
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        return str(error)
    return ""


def check_modules() -> int:
    """Import and count every public module; those that require more have to name it."""
    complaints = {module: complaint_of(module) for module in public_modules()}
    found = {module for module, complaint in complaints.items() if complaint}
    assert found == set(MISSING), found ^ set(MISSING)
    for module, ending in MISSING.items():
        assert complaints[module].endswith(ending), complaints[module]
    for name in dir(models):
        getattr(models, name)
    return len(complaints)


def check_command() -> str:
    """Use both forms of the command on the demo account; return a summary of the account."""
    module = (sys.executable, "-m", "fivetran_async")
    version = f"fivetran-async {fivetran_async.__version__}\n"
    assert output_of(*module, "--version") == output_of(SCRIPT, "--version") == version
    assert "list groups" in output_of(SCRIPT, "--help")
    with demo_account() as environment:
        totals = json.loads(output_of(*module, "overview", "--json", **environment))["totals"]
        assert (totals["groups"], totals["connections"]) == (12, 216), totals
        shown, errors = shown_by(SCRIPT, "overview", **environment)
    assert "\x1b" not in shown
    assert "pip install rich" in errors
    return f"{totals['groups']} groups, {totals['connections']} connections"


direct = {name for name, _ in needs_itself(PACKAGE)}
assert direct == {"aiohttp", "attrs", "backoff", "cattrs"}, direct
assert fastest_loads() is stdlib_loads
count = check_packages()
check_files()
imported = check_modules()
account = check_command()
sys.stdout.write(
    f"no extra: {count} packages, with the four required; {imported} modules; read {account}\n"
)
