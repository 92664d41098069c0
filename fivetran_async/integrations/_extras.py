"""Errors of integrations without their package."""

from __future__ import annotations

import contextlib
from collections.abc import Generator


@contextlib.contextmanager
def needs(package: str, install: str) -> Generator[None]:
    """
    Import a package in the block; if it is missing, raise an error with the command.

    Raises:
        ModuleNotFoundError: The package is missing, or a requirement of the package.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise ModuleNotFoundError(
            f"{package} is not installed: pip install '{install}'", name=package
        ) from None
