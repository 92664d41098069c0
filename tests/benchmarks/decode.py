"""
The time to parse a response and make its objects, compared with pydantic v2 and msgspec.

The classes of the others have the same fields as ours. msgspec's drop unknown fields; ours and
pydantic's keep them. A second process repeats the measurement without orjson, which is optional.
The figure is processor time until the objects exist. It includes freeing the parsed data, but not
the objects.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias, cast

import attrs
from harness import Comparison, Row, arguments_of, command_line, finish, read_rows, turns
from payloads import connections, page_body, schema_config_body
from peers import msgspec_reader, pydantic_reader

from fivetran_async import AsyncFivetran
from fivetran_async._http.operation import Operation
from fivetran_async._http.reading import result_of
from fivetran_async._http.request import Request
from fivetran_async._http.response import Response, read_response
from fivetran_async._http.result import Reader, page_reader, reader_of
from fivetran_async.resources.connection_models import Connection
from fivetran_async.resources.connection_schema_models import SchemaConfig

Read: TypeAlias = Callable[[bytes], Any]

OURS, AGAIN, PYDANTIC, MSGSPEC = "ours", "ours, again", "pydantic v2", "msgspec structs"


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
        has_targets: True if targets apply to it.
    """

    title: str
    body: bytes = attrs.field(repr=False)
    kind: Any
    repeats: int
    scale: float
    unit: str
    has_targets: bool = False


def documents() -> Iterator[Document]:
    """Yield two pages and a large single object."""
    for size, repeats in ((100, 20), (1_000, 2)):
        yield Document(
            f"page of {size:,}",
            page_body(connections(size)),
            [Connection],
            repeats,
            1e6 / size,
            "us an item",
            has_targets=size == 1_000,
        )
    yield Document(
        "schema config of 40,000 columns", schema_config_body(), SchemaConfig, 1, 1e3, "ms"
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

    def read(body: bytes) -> object:
        response = read_response(200, {}, body, reader.expects, attempts=1, direct=reader.direct)
        assert isinstance(response, Response)
        return result_of(transport.core, run, response, reader)

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
        assert all(item.extra == {"run_setup_tests": True} for item in items)
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


def measure(document: Document, parser: str, floor: tuple[str, Read], rounds: int) -> list[Row]:
    """Compare all readers of a document."""
    found = variants(document, floor)
    check(document, found)
    costs: dict[str, list[float]] = {name: [] for name in found}
    for name in turns(found, rounds):
        costs[name].append(seconds_of(found[name], document))
    comparison = Comparison(
        costs=costs, scale=document.scale, unit=document.unit, control=(OURS, AGAIN)
    )
    print(f"\n### {document.title}, {parser}: {rounds} rounds\n")
    print(comparison.details(PYDANTIC if PYDANTIC in found else OURS), flush=True)
    targets = {
        ("orjson", PYDANTIC): 0.75,
        ("orjson", MSGSPEC): 1.8,
        ("json", PYDANTIC): 0.95,
    }
    return [
        comparison.row(
            f"decode, {document.title}, {parser}",
            OURS,
            rival,
            targets.get((parser, rival)) if document.has_targets else None,
        )
        for rival in (PYDANTIC, MSGSPEC, floor[0])
        if rival in found
    ]


def measure_all(*, with_orjson: bool, rounds: int) -> list[Row]:
    """Compare all documents, with one of the two parsers."""
    parser, floor = "json", ("only json.loads", cast("Read", json.loads))
    if with_orjson:
        parser, floor = "orjson", ("only orjson.loads", importlib.import_module("orjson").loads)
    return [row for document in documents() for row in measure(document, parser, floor, rounds)]


def measure_elsewhere(rounds: int) -> list[Row]:
    """Repeat the measurement without orjson, in another process."""
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.json"
        command = [sys.executable, __file__, str(rounds), "--without-orjson", "--rows", str(rows)]
        subprocess.run(command, check=True)
        return read_rows(rows)


def rows_of(arguments: argparse.Namespace) -> list[Row]:
    """Measure as the command line requests."""
    if arguments.without_orjson:
        # None makes the import fail, as if orjson were not installed.
        sys.modules["orjson"] = cast("Any", None)
        return measure_all(with_orjson=False, rounds=arguments.rounds)
    if find_spec("orjson") is None:
        return measure_all(with_orjson=False, rounds=arguments.rounds)
    rows = measure_all(with_orjson=True, rounds=arguments.rounds)
    return rows + measure_elsewhere(arguments.rounds)


def main() -> None:
    """Measure and print."""
    parser = command_line(__doc__, rounds=25, quick=3)
    parser.add_argument(
        "--without-orjson", action="store_true", help="as if orjson were not installed"
    )
    arguments = arguments_of(parser)
    finish(arguments, rows_of(arguments))


if __name__ == "__main__":
    main()
