"""Connections by filters, by ids in arguments or from stdin; checks filters without a match."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Sequence
from typing import Final, cast

import attrs

from fivetran_async._services import names
from fivetran_async.cli._context import Context
from fivetran_async.cli._options import UnusableOptionError, suggestion
from fivetran_async.cli._specs_of_connections import STATES, FilterOptions, SelectionOptions
from fivetran_async.cli._text import cut
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
    Return the ids in a text: the first word or CSV value of each line, or those of JSON documents.

    The first line can be the heading of a table. Lines that begin with `#` are comments. The text
    may be the output of a list, plain or with `--csv`, `--jsonl` or `--json`.

    Raises:
        UnusableOptionError: A document has no id, the ids are not in the first column, a line has
            several ids, or there are no ids.
    """
    found = _ids_of_json(text) if text.lstrip()[:1] in {"{", "["} else _ids_of_lines(text)
    if not found:
        raise UnusableOptionError("stdin has no ids: pass one id per line")
    return tuple(dict.fromkeys(found))


_ID_HEADINGS: Final = ("id", "connection")
_ID_KEYS: Final = ("id", "connection_id")
_SEVERAL: Final = re.compile(r"[^\s,]+(\s*,|\s*\t| (?! ))\s*[^\s,]")
"""A word and another one; in a table, more than one space follows the word of the first column."""
_WIDEST: Final = 60


def _ids_of_lines(text: str) -> list[str]:
    lines = [line.replace(",", " , ").split() for line in text.splitlines()]
    rows = [[cell.strip('"') for cell in line if cell != ","] for line in lines]
    rows = [row for row in rows if row and not row[0].startswith("#")]
    if rows and len(rows[0]) > 1 and rows[0][0] not in _ID_HEADINGS:
        for heading in _ID_HEADINGS:
            if heading in rows[0]:
                raise UnusableOptionError(
                    f"stdin is a table with {rows[0][0]!r} as its first column: pass the ids "
                    f"first, with --columns {heading}"
                )
    found = [row[0] for row in rows]
    if found[:1] and found[0] in _ID_HEADINGS:
        return found[1:]
    for line in text.splitlines():
        _refuse_several(line)
    return found


def _refuse_several(line: str) -> None:
    """
    Refuse a line with several words, such as ids with spaces or commas between them.

    A line of a table has more than one space between its columns, and its first word is the id.
    """
    given = line.partition("#")[0].strip()
    if _SEVERAL.match(given):
        raise UnusableOptionError(
            f"stdin has a line with several words, {cut(given, _WIDEST)!r}: pass one id per line, "
            "or a table with its line of headings"
        )


def _ids_of_json(text: str) -> list[str]:
    try:
        documents: list[object] = [json.loads(text)]
    except (ValueError, RecursionError):
        documents = _json_lines(text)
    found: list[str] = []
    for document in documents:
        for row in _rows_of(document):
            values = cast("dict[str, object]", row) if isinstance(row, dict) else {}
            identity = next((values[key] for key in _ID_KEYS if key in values), None)
            if not isinstance(identity, str):
                raise UnusableOptionError(f"stdin has JSON without an id: {json.dumps(row)[:80]}")
            found.append(identity)
    return found


def _rows_of(document: object) -> list[object]:
    """Return the rows of a list, or of the document that a command prints with `--json`."""
    if isinstance(document, list):
        return cast("list[object]", document)
    if isinstance(document, dict):
        values = cast("dict[str, object]", document)
        lists = [
            cast("list[object]", value) for value in values.values() if isinstance(value, list)
        ]
        if not any(key in values for key in _ID_KEYS) and len(lists) == 1:
            return lists[0]
    return [document]


def _json_lines(text: str) -> list[object]:
    documents: list[object] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                documents.append(json.loads(line))
            except (ValueError, RecursionError) as error:
                raise UnusableOptionError(f"line {number} of stdin is not JSON: {error}") from None
    return documents


async def typed_ids(context: Context, ids: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of arguments, once each; `-` stands for those from stdin."""
    if "-" in ids:
        return ids_of(await context.keyboard.read("ids, one per line"))
    return tuple(dict.fromkeys(ids))


async def select(context: Context, options: SelectionOptions) -> tuple[str, ...]:
    """Return the ids that the arguments, stdin or the filters select."""
    if options.ids:
        return await typed_ids(context, options.ids)
    chosen = ConnectionFilter(options)
    found: list[str] = []
    with context.output.working("Reading connections") as progress:
        async for page in chosen.pages(context.fivetran):
            found += [connection.id for connection in page]
            progress(f"{chosen.read} connections read, {len(found)} selected")
    return tuple(dict.fromkeys(found))
