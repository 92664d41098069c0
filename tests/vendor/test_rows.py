"""Runs the table: a check for every row of the facts of November 2026."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncGenerator

from fivetran_async.testing import FakeFivetran
from support.each import for_each
from syncs.account_clock import AccountClock
from vendor import connections, live, operations, people, reports, schemas
from vendor.rows import TABLE, Account, Check

MODULES = (operations, connections, schemas, people, live, reports)


@contextlib.asynccontextmanager
async def empty_account() -> AsyncGenerator[Account]:
    """An account with a connection and a clock that stands still, and a session with it."""
    async with (
        FakeFivetran(running=False) as fake,
        fake.client(rate_limits=None, _clock=AccountClock(fake)) as fivetran,
    ):
        group_id = fake.add_group()
        yield Account(fake, fivetran, group_id, fake.add_connection(group_id=group_id))


@for_each("row, check", TABLE.items())
async def test_row(row: tuple[str, str], check: Check) -> None:
    """What each row states holds for the client and for the fake."""
    async with empty_account() as account:
        await check(account)


def test_every_section_is_in_the_table() -> None:
    """Section 10.9 repeats the others, so it has no rows of its own."""
    sections = Counter(section for section, _ in TABLE)
    assert set(sections) == {f"10.{number}" for number in range(1, 9)}
    names = {module.__name__.rpartition(".")[2] for module in MODULES}
    assert {check.__module__.rpartition(".")[2] for check in TABLE.values()} == names
