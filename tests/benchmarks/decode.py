"""
The time to parse a response and make its objects, compared with pydantic v2 and msgspec.

The classes of the others have the same fields as ours. msgspec's drop unknown fields; ours and
pydantic's keep them. One process has the extra `speedups`, one only orjson, and one neither. The
figure is processor time until the objects exist. It includes freeing the parsed data, but not the
objects.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

import attrs
from harness import Comparison, Row, arguments_of, command_line, finish, read_rows, turns
from payloads import (
    connections,
    full_connections,
    lean_connections,
    newer_connections,
    page_body,
    schema_config_body,
)
from peers import msgspec_reader, pydantic_reader

from fivetran_async import AsyncFivetran
from fivetran_async._codec import LARGE
from fivetran_async._http.exchange import Exchange
from fivetran_async._http.operation import Operation
from fivetran_async._http.reading import decoded_result, response_of, response_of_long
from fivetran_async._http.request import Request
from fivetran_async._http.response import Response
from fivetran_async._http.result import Reader, page_reader, reader_of
from fivetran_async.limits import request_slots
from fivetran_async.resources.connection_models import Connection
from fivetran_async.resources.connection_schema_models import SchemaConfig

Read: TypeAlias = Callable[[bytes], Any]

Make: TypeAlias = Callable[[int], list[dict[str, object]]]
Targets: TypeAlias = Mapping[tuple[str, str], float]

OURS, AGAIN, PYDANTIC, MSGSPEC = "ours", "ours, again", "pydantic v2", "msgspec structs"
ALL, ORJSON, NONE = "with speedups", "with orjson only", "without extras"
ABSENT: Mapping[str, tuple[str, ...]] = {
    ALL: (),
    ORJSON: ("msgspec",),
    NONE: ("msgspec", "orjson"),
}


@attrs.frozen
class Document:
    """
    A response to read.

    Attributes:
        title: Its description.
        body: Its bytes.
        kind: Its model, or `[model]` for a page.
        repeats: How often a measurement reads it, so that it takes long enough.
        scale: Seconds to `unit`.
        targets: The largest ratios, by installed packages and rival.
    """

    title: str
    body: bytes = attrs.field(repr=False)
    kind: Any
    repeats: int
    scale: float
    unit: str
    targets: Mapping[tuple[str, str], float] = {}


def documents() -> Iterator[Document]:
    """Yield pages of several shapes, because the ratios depend on it, and a large object."""
    usual = {(ALL, PYDANTIC): 0.42, (ALL, MSGSPEC): 1.5, (NONE, PYDANTIC): 0.88}
    pages: Sequence[tuple[str, int, int, Make, Targets]] = (
        ("page of 100", 100, 20, connections, {}),
        ("page of 1,000", 1_000, 2, connections, usual),
        ("page of 1,000, all fields", 1_000, 2, full_connections, {}),
        (
            "page of 1,000, lean with warnings",
            1_000,
            2,
            lean_connections,
            {(ALL, PYDANTIC): 0.60, (ALL, MSGSPEC): 2.6},
        ),
        ("page of 1,000, 13 unknown fields", 1_000, 2, newer_connections, {}),
    )
    for title, size, repeats, make, targets in pages:
        yield Document(
            title,
            page_body(make(size)),
            [Connection],
            repeats,
            1e6 / size,
            "us an item",
            targets,
        )
    yield Document(
        "schema config of 40,000 columns",
        schema_config_body(),
        SchemaConfig,
        1,
        1e3,
        "ms",
        {(ALL, PYDANTIC): 0.20},
    )


def our_reader(kind: Any) -> Read:  # noqa: ANN401
    """Return a function that reads a response's body like a session."""
    transport = AsyncFivetran("key", "secret")._transport
    reader: Reader[Any]
    if isinstance(kind, list):
        reader = page_reader(cast("list[type[Any]]", kind)[0])
    else:
        reader = reader_of(kind)
    request = Request(
        operation=Operation("things.get", "GET", "/v1/things"),
        path="/v1/things",
        reader=reader,
    )

    run = transport._begin(request, {})
    core, runner = transport.core, asyncio.Runner()

    def read(body: bytes) -> object:
        exchange = Exchange(None, status=200, succeeded=True, body=body)
        if len(body) < LARGE:
            response = response_of(core, run, exchange)
        else:
            # In a thread, as in a session; the other figures have no use for an event loop.
            response = runner.run(response_of_long(core, run, exchange, request_slots(None)))
        assert isinstance(response, Response)
        return decoded_result(core, run, response, reader)

    return read


def variants(document: Document, floor: tuple[str, Read]) -> dict[str, Read]:
    """Return all available readers of a document, by name."""
    ours = our_reader(document.kind)
    found = {OURS: ours, AGAIN: ours, floor[0]: floor[1]}
    for name, reader in ((PYDANTIC, pydantic_reader), (MSGSPEC, msgspec_reader)):
        try:
            found[name] = reader(document.kind)
        except ImportError as error:
            print(f"{name} is not measured: {error}", file=sys.stderr)
    return found


def check(document: Document, found: dict[str, Read]) -> None:
    """Check that all readers return the same, typed values, so that they do the same work."""
    read = {name: run(document.body) for name, run in found.items() if "only" not in name}
    if isinstance(document.kind, list):
        items = read[OURS].items
        assert all(item.extra.keys() >= {"run_setup_tests"} for item in items)
        for name in read.keys() & {PYDANTIC, MSGSPEC}:
            theirs = read[name].data.items
            assert [one.created_at for one in theirs] == [item.created_at for item in items]
            assert [one.status.sync_state for one in theirs] == [
                item.status.sync_state for item in items
            ]
        return
    for name, config in read.items():
        schemas = (config if name in {OURS, AGAIN} else config.data).schemas.values()
        tables = [table for schema in schemas for table in schema.tables.values()]
        assert sum(len(table.columns) for table in tables) == 40_000


def seconds_of(run: Read, document: Document) -> float:
    """Return the processor seconds for reading a document once."""
    gc.collect()
    taken = 0.0
    for _ in range(document.repeats):
        start = time.process_time()
        kept = run(document.body)
        taken += time.process_time() - start
        del kept
    return taken / document.repeats


def measure(document: Document, installed: str, floor: tuple[str, Read], rounds: int) -> list[Row]:
    """Compare all readers of a document."""
    found = variants(document, floor)
    check(document, found)
    costs: dict[str, list[float]] = {name: [] for name in found}
    for name in turns(found, rounds):
        costs[name].append(seconds_of(found[name], document))
    comparison = Comparison(
        costs=costs, scale=document.scale, unit=document.unit, control=(OURS, AGAIN)
    )
    print(f"\n### {document.title}, {installed}: {rounds} rounds\n")
    print(comparison.details(PYDANTIC if PYDANTIC in found else OURS), flush=True)
    return [
        comparison.row(
            f"decode, {document.title}, {installed}",
            OURS,
            rival,
            document.targets.get((installed, rival)),
        )
        for rival in (PYDANTIC, MSGSPEC, floor[0])
        if rival in found
    ]


def measure_all(installed: str, rounds: int) -> list[Row]:
    """Compare all documents, with these packages."""
    floor = ("only json.loads", cast("Read", json.loads))
    if installed != NONE:
        floor = "only orjson.loads", importlib.import_module("orjson").loads
    return [row for document in documents() for row in measure(document, installed, floor, rounds)]


def measure_elsewhere(installed: str, rounds: int) -> list[Row]:
    """Measure with these packages, in another process."""
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.json"
        command = [sys.executable, __file__, str(rounds), "--installed", installed]
        subprocess.run([*command, "--rows", str(rows)], check=True)
        return read_rows(rows)


def rows_of(arguments: argparse.Namespace) -> list[Row]:
    """Measure as the command line requests."""
    if arguments.installed is None:
        return [row for each in ABSENT for row in measure_elsewhere(each, arguments.rounds)]
    for name in ABSENT[arguments.installed]:
        # None makes the import fail, as if the package were not installed.
        sys.modules[name] = cast("Any", None)
    return measure_all(arguments.installed, arguments.rounds)


def main() -> None:
    """Measure and print."""
    parser = command_line(__doc__, rounds=25, quick=3)
    parser.add_argument("--installed", choices=ABSENT, help="measure only with these packages")
    arguments = arguments_of(parser)
    finish(arguments, rows_of(arguments))


if __name__ == "__main__":
    main()
