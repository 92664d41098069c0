"""What to install, told by the modules that need more than the client does."""

from __future__ import annotations

import contextlib
from collections.abc import Generator


@contextlib.contextmanager
def needs(package: str, install: str) -> Generator[None]:
    """
    Import in the block what a package brings; where it is missing, tell what to install.

    Raises:
        ModuleNotFoundError: The package is not there; or, in its own words, one that it needs.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise ModuleNotFoundError(
            f"{package} is not installed: pip install '{install}'", name=package
        ) from None
