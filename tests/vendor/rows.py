"""The table: each row of the facts of November 2026, and the check that holds for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import attrs

from fivetran_async import AsyncFivetran
from fivetran_async.testing import FakeFivetran


@attrs.frozen
class Account:
    """A fake account with one connection, and a session with it."""

    fake: FakeFivetran
    fivetran: AsyncFivetran
    group_id: str
    connection_id: str

    def service_account(self) -> str:
        """Add a service account and return its id."""
        return self.fake.add(
            "users", given_name="Robo", family_name="T", user_type="SERVICE_ACCOUNT"
        )


Check: TypeAlias = Callable[[Account], Awaitable[None]]

TABLE: Final[dict[tuple[str, str], Check]] = {}
"""The checks, by section and row."""


def row(section: str, name: str) -> Callable[[Check], Check]:
    """Add a check to the table, as the one of a row."""

    def add(check: Check) -> Check:
        assert (section, name) not in TABLE
        TABLE[section, name] = check
        return check

    return add
