"""Errors of the account as code; all of them are FivetranErrors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from fivetran_async.errors import FivetranError, InvalidArgumentError

_SHOWN: Final = 20


class FilesError(InvalidArgumentError):
    """
    Files of a folder cannot be used; the message names each file and key. Nothing was sent.

    Attributes:
        problems: Each problem, as `FILE: KEY: what is wrong`.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems: tuple[str, ...] = tuple(problems)
        more = len(self.problems) - _SHOWN
        lines = [*self.problems[:_SHOWN], *([f"... and {more} more"] if more > 0 else [])]
        super().__init__("\n".join(lines))


class PlanFileError(InvalidArgumentError):
    """A saved plan or a journal cannot be used: it was edited, or it is not one."""


class FolderLockedError(FivetranError):
    """Another run is changing the account from the same folder."""


class PlanStaleError(FivetranError):
    """
    The object was changed since the plan was made, so the plan's change to it was not sent.

    Attributes:
        address: The object.
        leaves: The changed leaves: the path, and the pair of the planned and the current value.
    """

    def __init__(
        self,
        message: str,
        *,
        address: str,
        leaves: Mapping[tuple[str, ...], tuple[object, object]] | None = None,
    ) -> None:
        super().__init__(message)
        self.address = address
        self.leaves: Mapping[tuple[str, ...], tuple[object, object]] = dict(leaves or {})


class CheckRuleError(FivetranError):
    """
    A rule of a check raised, or did not yield texts.

    Attributes:
        rule: The name of the rule.
        address: The object.
    """

    def __init__(self, message: str, *, rule: str, address: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.address = address


class SecretUnavailableError(FivetranError):
    """A secret reference cannot be resolved; the message names the object and the key."""


class SetupTestsFailedError(FivetranError):
    """The setup tests that ran after a secret was sent failed."""


class UnresolvedReferenceError(FivetranError):
    """An object refers to an address that has no id in the account."""
