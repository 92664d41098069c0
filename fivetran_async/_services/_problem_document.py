"""The JSON of what is wrong with a config; a check of a config does not need it."""

from __future__ import annotations

import attrs

from fivetran_async._codec._serializable import Serializable


@attrs.frozen
class ProblemDocument(Serializable):
    """Something in a config that its service does not take; see `ConfigProblem`."""

    path: str
    reason: str
    nearest: str | None = None
    choices: tuple[str, ...] = ()
