"""`FIVETRAN_LOG=debug|info`: shows the package's log on standard error, without any code."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Mapping
from typing import Final

VARIABLE: Final = "FIVETRAN_LOG"

_LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO}
_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class EnvironmentHandler(logging.StreamHandler):  # type: ignore[type-arg]  # generic for checkers only
    """The handler that the variable asks for."""


def log_as_environment_says(environment: Mapping[str, str] = os.environ) -> None:
    """
    Show the package's log on standard error if `FIVETRAN_LOG` asks for it; done once per process.

    Requests are logged at DEBUG, retries and refusals at WARNING; bodies, queries and credentials
    are not. Handlers that the application gave the logger stay.
    """
    asked = environment.get(VARIABLE, "").strip()
    if not asked:
        return
    level = _LEVELS.get(asked.lower())
    if level is None:
        warnings.warn(
            f"{VARIABLE} must be debug or info, not {asked!r:.40}; the log level is unchanged.",
            stacklevel=2,
        )
        return
    logger = logging.getLogger("fivetran_async")
    if not any(isinstance(handler, EnvironmentHandler) for handler in logger.handlers):
        handler = EnvironmentHandler()
        handler.setFormatter(logging.Formatter(_FORMAT))
        logger.addHandler(handler)
        logger.setLevel(level)
