"""
Hash a column in every connection of a group, with at most one request per connection.

    python examples/schema_hash.py email --group GROUP_ID        # dry run
    python examples/schema_hash.py email --group GROUP_ID --yes  # changes; stops running syncs

With FIVETRAN_API_KEY and FIVETRAN_API_SECRET in the environment, it changes that account, but only
with `--yes`. Without them, it starts an embedded Fivetran with a demo account and changes it,
except with `--dry-run`. The exit code is 1 if a connection could not be read or changed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Iterable
from typing import TypeAlias

from fivetran_async import AsyncFivetran, FanOutFailure, FivetranError, SchemaNotCapturedError
from fivetran_async.models import ColumnUpdate, Connection, SchemaUpdate, TableUpdate
from fivetran_async.testing import FakeFivetran

Place: TypeAlias = tuple[str, str, str]
"""The names of schema, table and column in the source."""


async def find(fivetran: AsyncFivetran, connection_id: str, name: str) -> list[Place]:
    """Find the columns with this name, in any letter case, that are synced without hashing."""
    schemas = fivetran.connections.schemas
    config = await schemas.get(connection_id)
    return [
        (schema_name, table_name, column_name)
        for schema_name, schema in config.enabled_schemas.items()
        for table_name, table in schema.enabled_tables.items()
        if table.supports_columns_config
        # The schema config lists only changed columns; the source lists all of them.
        for column_name, column in (
            await schemas.get_columns(connection_id, schema_name, table_name)
        ).columns.items()
        if column_name.casefold() == name.casefold() and column.enabled and not column.hashed
    ]


def hashing(places: Iterable[Place]) -> dict[str, SchemaUpdate]:
    """Build an update that hashes these columns and changes nothing else."""
    schemas: dict[str, dict[str, dict[str, ColumnUpdate]]] = {}
    for schema, table, column in places:
        schemas.setdefault(schema, {}).setdefault(table, {})[column] = ColumnUpdate(hashed=True)
    return {
        schema: SchemaUpdate(
            tables={table: TableUpdate(columns=columns) for table, columns in tables.items()}
        )
        for schema, tables in schemas.items()
    }


async def hash_everywhere(
    fivetran: AsyncFivetran, group_id: str, name: str, *, dry_run: bool
) -> list[FanOutFailure[Connection]]:
    """Hash the column in all connections of a group, ten at a time; return the failures."""

    async def hash_in(connection: Connection) -> list[Place]:
        found = await find(fivetran, connection.id, name)
        if found and not dry_run:
            await fivetran.connections.schemas.update(connection.id, schemas=hashing(found))
        return found

    failures: list[FanOutFailure[Connection]] = []
    count = 0
    async with fivetran.fan_out(
        fivetran.connections.list(group_id=group_id), hash_in, concurrency=10, on_error="yield"
    ) as results:
        async for connection, outcome in results:
            if not isinstance(outcome, FanOutFailure):
                count += len(outcome)
                print(f"  {connection.id}  {', '.join(map('.'.join, outcome)) or 'nothing to do'}")
            elif isinstance(outcome.error, SchemaNotCapturedError):
                print(f"  {connection.id}  has no schema yet; retry after its first sync")
            else:
                failures.append(outcome)
                print(f"  {connection.id}  failed: {outcome.error}")
    print(f"{'Would hash' if dry_run else 'Hashed'} {count} columns; failures: {len(failures)}.")
    return failures


async def main() -> int:
    """Hash the column in the account from the environment, or in the demo account."""
    parser = argparse.ArgumentParser(description="Hash a column in every connection of a group.")
    parser.add_argument("column", nargs="?", default="email", help="column name; default: email")
    parser.add_argument("--group", metavar="GROUP_ID", help="required, except for the demo account")
    parser.add_argument("--dry-run", action="store_true", help="only print what would change")
    parser.add_argument("--yes", action="store_true", help="change the account of FIVETRAN_API_KEY")
    options = parser.parse_args()
    if "FIVETRAN_API_KEY" in os.environ:
        if options.group is None:
            parser.error("--group is required for your account")
        print("Using your Fivetran account: FIVETRAN_API_KEY is set.")
        dry_run = options.dry_run or not options.yes
        async with AsyncFivetran(read_only=dry_run) as fivetran:
            failures = await hash_everywhere(
                fivetran, options.group, options.column, dry_run=dry_run
            )
        return int(bool(failures))
    print("Using an embedded demo account: FIVETRAN_API_KEY is not set.")
    async with FakeFivetran.demo() as fake, fake.client(read_only=options.dry_run) as fivetran:
        group_id = options.group or (await fivetran.groups.list().take(1))[0].id
        await hash_everywhere(fivetran, group_id, options.column, dry_run=options.dry_run)
    # Some connections of the demo account fail on purpose.
    return 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except FivetranError as error:
        sys.exit(f"Could not list the connections: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
