"""The databases, started once for all tests in this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sync_logs.databases import Database, DuckDB, Postgres, fill, fill_compared, postgres_server


@pytest.fixture(scope="session")
def embedded() -> Iterator[DuckDB]:
    """A DuckDB that contains the log."""
    database = DuckDB()
    fill(database)
    fill_compared(database)
    yield database
    database.connection.close()


@pytest.fixture(scope="session")
def served() -> Iterator[Postgres]:
    """A PostgreSQL that contains the log."""
    with postgres_server() as address:
        database = Postgres(address)
        fill(database)
        fill_compared(database)
        yield database
        database.connection.close()


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.slow)])
def database(request: pytest.FixtureRequest) -> Database:
    """Each of the two databases."""
    found: Database = request.getfixturevalue(
        {"duckdb": "embedded", "postgres": "served"}[request.param]
    )
    return found
