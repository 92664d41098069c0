"""What integrations say without their package; `nox -s install` has it missing for real."""

import importlib

import pytest

from fivetran_async.integrations._extras import needs


def test_a_missing_package_is_told_with_what_to_install() -> None:
    """Whoever imports an integration without its extra is told the command."""
    with (
        pytest.raises(ModuleNotFoundError, match=r"pip install 'fivetran_async\[x\]'") as caught,
        needs("no_such_package", "fivetran_async[x]"),
    ):
        importlib.import_module("no_such_package.part")
    assert caught.value.name == "no_such_package"
    assert caught.value.__suppress_context__


def test_what_the_package_itself_misses_is_told_as_it_is() -> None:
    """A broken installation of the package is not mistaken for a missing one."""
    with (
        pytest.raises(ModuleNotFoundError, match="No module named 'no_such_package'"),
        needs("redis", "fivetran_async[redis]"),
    ):
        importlib.import_module("no_such_package")
