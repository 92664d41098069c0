"""`set`: change fields of connections, one or many."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import attrs

from fivetran_async._fan_out.api import FanOutFailure
from fivetran_async._types import JSONValue
from fivetran_async.cli._context import Context
from fivetran_async.cli._filters import select
from fivetran_async.cli._options import ExitCode
from fivetran_async.cli._specs_of_details import SetOptions
from fivetran_async.cli._table import Cell, Document, OutputTable, Record, Summary
from fivetran_async.resources.connection_models import Connection

_SET: Final = OutputTable(
    "changes", ("id", "schema", "field", "from", "to", "result"), whole=("id", "field")
)
_LISTED: Final = 20


@attrs.frozen
class FieldChange:
    """One field of a connection, before and after."""

    connection: Connection
    field: str
    before: JSONValue
    after: JSONValue

    @property
    def is_needed(self) -> bool:
        """True if the field has another value."""
        return self.before != self.after


def parsed_changes(texts: Sequence[str]) -> dict[str, JSONValue]:
    """Return values by field: JSON where the text is JSON, else the text itself."""
    found: dict[str, JSONValue] = {}
    for text in texts:
        field, _, value = text.partition("=")
        try:
            found[field] = json.loads(value)
        except ValueError:
            found[field] = value
    return found


def changes_of(connection: Connection, values: Mapping[str, JSONValue]) -> list[FieldChange]:
    """Compare the current values of a connection with wanted ones."""
    changes: list[FieldChange] = []
    for field, after in values.items():
        name = field.removeprefix("config.")
        now = connection.config.get(name) if name != field else getattr(connection, field)
        changes.append(FieldChange(connection, field, cast("JSONValue", now), after))
    return changes


def update_of(changes: Sequence[FieldChange]) -> dict[str, Any]:
    """Return the arguments of an update, with the fields that need a change only."""
    body: dict[str, Any] = {}
    for change in changes:
        name = change.field.removeprefix("config.")
        if not change.is_needed:
            continue
        if name == change.field:
            body[name] = change.after
        else:
            # The server would run the setup tests, which can take minutes.
            body["run_setup_tests"] = False
            body.setdefault("config", {})[name] = change.after
    return body


async def set_fields(context: Context, options: SetOptions) -> ExitCode:
    """Show the changes, ask, and send one update per connection."""
    values = parsed_changes(options.changes_to)
    ids = await select(context, options)
    if not ids:
        context.output.note("No connection matches the filters.")
        return ExitCode.DONE
    read, failures = await _read(context, ids)
    planned = {each.id: changes_of(each, values) for each in read}
    changes = [change for each in planned.values() for change in each if change.is_needed]
    if not options.dry_run and changes:
        _show(context, changes)
        number = len({change.connection.id for change in changes})
        question = (
            f"Set {', '.join(values)} of {number} connection{'s'[: number != 1]} of "
            f"{context.account}?"
        )
        if not await context.confirm(question, yes=options.yes):
            return ExitCode.REFUSED
        failures += await _send(context, planned)
    failed = {connection_id for connection_id, _ in failures}
    for each in planned.values():
        context.output.add(
            _SET, [_record(change, failed, dry_run=options.dry_run) for change in each]
        )
    context.output.end(Summary())
    for connection_id, error in failures:
        context.output.fail(f"{connection_id}: {error}")
    return ExitCode.REFUSED if failures else ExitCode.DONE


async def _read(
    context: Context, ids: Sequence[str]
) -> tuple[list[Connection], list[tuple[str, Exception]]]:
    found: list[Connection] = []
    failures: list[tuple[str, Exception]] = []
    with context.output.working("Reading connections") as progress:
        async with context.fivetran.fan_out(
            ids, context.fivetran.connections.get, ordered=True, on_error="yield"
        ) as results:
            async for connection_id, connection in results:
                if isinstance(connection, FanOutFailure):
                    failures.append((connection_id, connection.error))
                else:
                    found.append(connection)
                progress(f"{len(found)} of {len(ids)} connections")
    return found, failures


async def _send(
    context: Context, planned: Mapping[str, Sequence[FieldChange]]
) -> list[tuple[str, Exception]]:
    bodies = {key: body for key, changes in planned.items() if (body := update_of(changes))}
    failures: list[tuple[str, Exception]] = []
    with context.output.working("Changing connections") as progress:
        async with context.fivetran.fan_out(
            bodies,
            lambda key: context.fivetran.connections.update(key, **bodies[key]),
            ordered=True,
            on_error="yield",
        ) as results:
            number = 0
            async for connection_id, changed in results:
                number += 1
                if isinstance(changed, FanOutFailure):
                    failures.append((connection_id, changed.error))
                progress(f"{number} of {len(bodies)} connections")
    return failures


def _show(context: Context, changes: Sequence[FieldChange]) -> None:
    for change in changes[:_LISTED]:
        context.output.note(
            f"{change.connection.id} ({change.connection.schema}): {change.field} from "
            f"{_text(change.before)} to {_text(change.after)}"
        )
    if len(changes) > _LISTED:
        context.output.note(f"and {len(changes) - _LISTED} more changes")


def _record(change: FieldChange, failed: set[str], *, dry_run: bool) -> Record:
    result = "unchanged"
    if change.is_needed:
        result = "would be set" if dry_run else "set"
        if change.connection.id in failed:
            result = "failed"
    row = (
        change.connection.id,
        change.connection.schema,
        change.field,
        _text(change.before),
        _text(change.after),
        result,
    )
    return Record(row, functools.partial(_document, change, result))


def _document(change: FieldChange, result: str) -> Document:
    return {
        "id": change.connection.id,
        "schema": change.connection.schema,
        "field": change.field,
        "from": change.before,
        "to": change.after,
        "result": result,
    }


def _text(value: JSONValue) -> Cell:
    return value if isinstance(value, str) else json.dumps(value)
