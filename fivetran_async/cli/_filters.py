"""Connections by filters, by ids in arguments or from stdin; checks filters without a match."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import cast

import attrs

from fivetran_async._services import names
from fivetran_async.cli._context import Context
from fivetran_async.cli._options import UnusableOptionError, suggestion
from fivetran_async.cli._specs_of_connections import STATES, FilterOptions, SelectionOptions
from fivetran_async.cli._views import state_of
from fivetran_async.client import AsyncFivetran
from fivetran_async.errors import NotFoundError
from fivetran_async.resources.connection_models import Connection


@attrs.define
class ConnectionFilter:
    """Reads the connections that options select, and remembers what it has met."""

    options: FilterOptions
    read: int = 0
    states: set[str] = attrs.field(factory=set[str])
    services: set[str] = attrs.field(factory=set[str])

    def wants(self, connection: Connection) -> bool:
        """Return True if a connection matches the filters that the API lacks."""
        self.read += 1
        state, service = state_of(connection), connection.service.casefold()
        self.states.add(state)
        self.services.add(service)
        options = self.options
        return (
            not options.service or service in {each.casefold() for each in options.service}
        ) and (not options.state or state in {each.casefold() for each in options.state})

    async def pages(self, fivetran: AsyncFivetran) -> AsyncIterator[list[Connection]]:
        """
        Yield the selected connections page by page.

        Raises:
            UnusableOptionError: A value of a filter exists neither in the account nor in the API.
        """
        for group in self.options.group or (None,):
            before = self.read
            try:
                async for page in fivetran.connections.list(group_id=group).pages():
                    yield [each for each in page.items if self.wants(each)]
            except NotFoundError:
                if group is None:
                    raise
            if group is not None and self.read == before:
                await check_groups(fivetran, (group,))
        if problem := self.unknown_value():
            raise UnusableOptionError(problem)

    def unknown_value(self) -> str | None:
        """Return a message about a state or service that is unknown and was not met."""
        for state in self.options.state:
            if state.casefold() not in {*STATES, *self.states}:
                known = ", ".join(dict.fromkeys((*STATES, *sorted(self.states))))
                return f"--state: {state!r} is not a state. States are {known}."
        for service in self.options.service:
            if service.casefold() not in self.services and service.casefold() not in _sources():
                hint = suggestion(service, {*self.services, *_sources()}) or "."
                return (
                    f"--service: {service!r} is neither a known service nor that of a connection"
                    f"{hint} `connections --columns service` lists them."
                )
        return None


def _sources() -> frozenset[str]:
    return frozenset(names("source"))


async def check_groups(fivetran: AsyncFivetran, ids: tuple[str, ...]) -> None:
    """
    Refuse a group that does not exist, with the id of the group that has this name.

    Raises:
        UnusableOptionError: A group does not exist.
    """
    groups = await fivetran.groups.list().collect()
    known = {group.id for group in groups}
    for wanted in ids:
        if wanted in known:
            continue
        named = [group.id for group in groups if group.name.casefold() == wanted.casefold()]
        if named:
            raise UnusableOptionError(
                f"--group takes the id of a group, and {wanted!r} is a name: use --group {named[0]}"
            )
        by_name = {group.name: group.id for group in groups}
        hint = suggestion(wanted, {*known, *by_name}) or "."
        raise UnusableOptionError(
            f"--group: there is no group {wanted!r}{hint} `fivetran-async groups` lists the ids."
        )


def ids_of(text: str) -> tuple[str, ...]:
    """
    Return the ids in a text: the first word or CSV value of each line, or the `id` of JSON lines.

    A first line that begins with `id` is the heading of a table. The text may be the output of
    `connections`, plain or with `--csv`, `--jsonl` or `--json`.

    Raises:
        UnusableOptionError: A line of JSON has no id, or there are no ids.
    """
    if text.lstrip().startswith("{"):
        found = _ids_of_json(text)
    else:
        words = [line.split(",")[0].split() for line in text.splitlines()]
        found = [each[0].strip('"') for each in words if each]
        if found[:1] == ["id"]:
            del found[0]
    if not found:
        raise UnusableOptionError("stdin has no ids: pass one id per line")
    return tuple(dict.fromkeys(found))


def _ids_of_json(text: str) -> list[str]:
    try:
        documents: list[object] = [json.loads(text)]
    except ValueError:
        documents = _json_lines(text)
    found: list[str] = []
    for document in documents:
        rows = document
        if isinstance(document, dict):
            rows = cast("dict[str, object]", document).get("connections", rows)
        for row in cast("list[object]", rows) if isinstance(rows, list) else [rows]:
            identity = cast("dict[str, object]", row).get("id") if isinstance(row, dict) else None
            if not isinstance(identity, str):
                raise UnusableOptionError(f"stdin has JSON without an id: {json.dumps(row)[:80]}")
            found.append(identity)
    return found


def _json_lines(text: str) -> list[object]:
    documents: list[object] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                documents.append(json.loads(line))
            except ValueError as error:
                raise UnusableOptionError(f"line {number} of stdin is not JSON: {error}") from None
    return documents


async def select(context: Context, options: SelectionOptions) -> tuple[str, ...]:
    """Return the ids that the arguments, stdin or the filters select."""
    if options.ids == ("-",):
        return ids_of(context.keyboard.read())
    if options.ids:
        return tuple(dict.fromkeys(options.ids))
    chosen = ConnectionFilter(options)
    found: list[str] = []
    with context.output.working("Reading connections") as progress:
        async for page in chosen.pages(context.fivetran):
            found += [connection.id for connection in page]
            progress(f"{chosen.read} connections read, {len(found)} selected")
    return tuple(dict.fromkeys(found))
