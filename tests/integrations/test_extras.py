"""Integrations without their package; `nox -s install` runs them without it."""

import importlib

import pytest

from fivetran_async.integrations._extras import needs


def test_a_missing_package_is_an_error_with_the_command() -> None:
    """The error of an integration without its extra contains the command to install it."""
    with (
        pytest.raises(ModuleNotFoundError, match=r"pip install 'fivetran_async\[x\]'") as caught,
        needs("no_such_package", "fivetran_async[x]"),
    ):
        importlib.import_module("no_such_package.part")
    assert caught.value.name == "no_such_package"
    assert caught.value.__suppress_context__


def test_a_package_without_its_own_requirement_is_another_error() -> None:
    """A broken installation is not reported as a missing package."""
    with (
        pytest.raises(ModuleNotFoundError, match="No module named 'no_such_package'"),
        needs("redis", "fivetran_async[redis]"),
    ):
        importlib.import_module("no_such_package")
