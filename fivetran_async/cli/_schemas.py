"""The commands about schemas: show, compare, hash columns."""

from __future__ import annotations

import asyncio

from fivetran_async.cli._context import Context
from fivetran_async.cli._options import ExitCode, UnusableOptionError, suggestion
from fivetran_async.cli._schema_views import (
    DIFFERENCES,
    HASHED,
    TABLES_OF_SCHEMAS,
    ColumnChoice,
    ColumnsByTable,
    choose_columns,
    column_records,
    difference_records,
    digest_of,
    table_records,
    tables_with_columns,
)
from fivetran_async.cli._specs_of_details import SchemaOptions
from fivetran_async.cli._table import Summary
from fivetran_async.resources.connection_schema_models import TableColumns

_LISTED = 20


async def show_schema(context: Context, options: SchemaOptions) -> ExitCode:
    """List the tables of a connection, and a digest of all settings."""
    with context.output.working("Reading the schema"):
        config = await context.fivetran.connections.schemas.get(options.id)
    context.output.add(TABLES_OF_SCHEMAS, table_records(config, enabled=options.enabled))
    digest = digest_of(config)
    handling = config.schema_change_handling
    context.output.end(
        Summary(
            (("new objects", handling), ("digest", digest[:16])),
            lambda: {"schema_change_handling": handling, "digest": digest},
        )
    )
    return ExitCode.DONE


async def diff_schemas(context: Context, options: SchemaOptions) -> ExitCode:
    """Compare the settings of two connections."""
    schemas = context.fivetran.connections.schemas
    with context.output.working("Reading the schemas"):
        first, second = await asyncio.gather(schemas.get(options.id), schemas.get(options.other))
    records = difference_records(first, second)
    context.output.add(DIFFERENCES, records)
    context.output.end(Summary((), lambda: {"first": options.id, "second": options.other}))
    if not records:
        context.output.note(f"The schemas of {options.id} and {options.other} do not differ.")
    return ExitCode.DRIFT if records else ExitCode.DONE


async def hash_in_connection(context: Context, options: SchemaOptions) -> ExitCode:
    """Hash columns in every table, or stop hashing them, with one update."""
    output, hashed = context.output, not options.unhash
    context.expect(HASHED)
    columns = await _columns(context, options.id)
    choice = choose_columns(columns, options.patterns, hashed=hashed)
    _refuse_unmatched(choice, columns)
    already = "already hashed" if hashed else "not hashed"
    done = "hashed" if hashed else "no longer hashed"
    if options.dry_run:
        done = f"would be {done}"
    elif choice.to_change:
        _show(context, choice)
        verb = "Hash" if hashed else "Stop hashing"
        number = len(choice.to_change)
        question = (
            f"{verb} {number} column{'s'[: number != 1]} of {options.id} in {context.account}? A "
            "schema change stops a running sync."
        )
        if not await context.confirm(question, yes=options.yes):
            return ExitCode.REFUSED
        update = choice.update(hashed=hashed)
        await context.fivetran.connections.schemas.update(options.id, schemas=update)
    output.add(HASHED, column_records(choice, done, already))
    output.end(Summary())
    return ExitCode.DONE


async def _columns(context: Context, connection_id: str) -> ColumnsByTable:
    schemas = context.fivetran.connections.schemas
    with context.output.working("Reading columns") as progress:
        tables = tables_with_columns(await schemas.get(connection_id))
        async with context.fivetran.fan_out(
            tables, lambda table: schemas.get_columns(connection_id, *table), ordered=True
        ) as results:
            columns: dict[tuple[str, str], TableColumns] = {}
            async for table, settings in results:
                columns[table] = settings
                progress(f"{len(columns)} of {len(tables)} tables")
    return columns


def _refuse_unmatched(choice: ColumnChoice, columns: ColumnsByTable) -> None:
    if choice.unmatched:
        pattern = choice.unmatched[0]
        names = {name for settings in columns.values() for name in settings.columns}
        hint = suggestion(pattern, names) or "."
        raise UnusableOptionError(
            f"no column of a synced table matches {pattern!r}{hint} Patterns are names of columns "
            "or SCHEMA.TABLE.COLUMN, with * as a wildcard."
        )


def _show(context: Context, choice: ColumnChoice) -> None:
    names = [".".join(path) for path in choice.to_change]
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    context.output.note(f"{', '.join(names[:_LISTED])}{more}")
