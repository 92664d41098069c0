"""
Measure how fast a page of 1,000 connections is parsed and made into objects; prints Markdown.

Run it as `python tests/benchmarks/decode.py [rounds]`. pydantic, msgspec and orjson are measured
where they are installed; their classes have the fields of ours, and keep no unknown fields. Only
the ratios mean something, and only within one run: the variants are shuffled in every round, and a
ratio is the median over the rounds. `ours again` is the same code twice, and shows the noise.
"""

from __future__ import annotations

import gc
import importlib
import json
import random
import statistics
import sys
import time
import types
import typing
import warnings
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias, cast

import attrs

from fivetran_async._codec import decode_page
from fivetran_async._codec._fields import is_model, wire_fields
from fivetran_async._codec._json import parse_with, stdlib_loads
from fivetran_async.resources.connection_models import Connection

Variant: TypeAlias = Callable[[], object]
Fields: TypeAlias = dict[str, tuple[Any, Any]]
"""Name to type and default: a constant, a class that makes it, or `REQUIRED`."""
Make: TypeAlias = Callable[[str, Fields], type]

REQUIRED = attrs.NOTHING

PAGE_SIZE = 1_000


def _word(chance: random.Random, length: int) -> str:
    return "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=length))


def _instant(chance: random.Random) -> str:
    moment = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(microseconds=chance.randrange(10**14))
    return moment.isoformat().replace("+00:00", "Z")


def _status(chance: random.Random) -> dict[str, object]:
    warning = {"code": "resync_table_warning", "message": "A table is synced again"}
    return {
        "setup_state": "connected",
        "schema_status": "ready",
        "sync_state": chance.choice(["scheduled", "scheduled", "syncing", "paused"]),
        "update_state": "on_schedule",
        "is_historical_sync": False,
        "tasks": [],
        "warnings": [warning] if chance.random() < 0.1 else [],
    }


def _connection(chance: random.Random) -> dict[str, object]:
    return {
        "id": f"{_word(chance, 7)}_{_word(chance, 8)}",
        "group_id": f"{_word(chance, 7)}_{_word(chance, 8)}",
        "service": chance.choice(["postgres", "salesforce", "google_sheets", "mysql"]),
        "service_version": chance.randint(0, 4),
        "schema": f"{_word(chance, 8)}.{_word(chance, 6)}",
        "connected_by": f"{_word(chance, 7)}_{_word(chance, 8)}",
        "created_at": _instant(chance),
        "succeeded_at": _instant(chance),
        "failed_at": chance.choice([None, _instant(chance)]),
        "paused": chance.random() < 0.2,
        "pause_after_trial": False,
        "sync_frequency": chance.choice([5, 60, 360, 1440]),
        "data_delay_threshold": 0,
        "data_delay_sensitivity": "NORMAL",
        "private_link_id": None,
        "networking_method": "Directly",
        "proxy_agent_id": None,
        "daily_sync_time": chance.choice([None, "14:00"]),
        "schedule_type": "auto",
        "hybrid_deployment_agent_id": None,
        "destination_schema_names": "FIVETRAN_NAMING",
        "external_secrets_manager_id": None,
        "status": _status(chance),
        "setup_tests": [],
        "source_sync_details": {"accounts": [_word(chance, 6)]},
        "config": {
            "host": f"{_word(chance, 10)}.example.com",
            "port": 5432,
            "user": _word(chance, 8),
            "password": "******",
            "database": _word(chance, 9),
            "update_method": "XMIN",
            "connection_type": "Directly",
            "is_secure": True,
            "always_encrypted": True,
            "tables": [_word(chance, 5)],
        },
        "external_secrets_keys_config": {},
        "run_setup_tests": True,
    }


def page_body(size: int = PAGE_SIZE) -> bytes:
    """One page as the API sends it; the same bytes in every run."""
    chance = random.Random(7)  # noqa: S311 - test data
    items = [_connection(chance) for _ in range(size)]
    return json.dumps({"code": "Success", "data": {"items": items, "next_cursor": "e30"}}).encode()


def envelope_of(make: Make) -> Any:  # noqa: ANN401
    """The class of a whole answer, with every class in it made by a peer's own means."""
    items = types.GenericAlias(list, (_peer_of(Connection, make),))
    data = make("Data", {"items": (items, REQUIRED), "next_cursor": (str | None, None)})
    return make("Envelope", {"code": (str, ""), "data": (data, REQUIRED)})


def _peer_of(kind: Any, make: Make) -> Any:  # noqa: ANN401
    if is_model(kind):
        hints = typing.get_type_hints(kind)
        fields = {
            name: (_peer_of(hints[name], make), _default_of(attribute))
            for name, attribute in wire_fields(kind)
        }
        return make(kind.__name__, fields)
    match typing.get_origin(kind):
        case origin if origin is tuple:
            # What the peers are fastest at.
            return types.GenericAlias(list, (_peer_of(typing.get_args(kind)[0], make),))
        case origin if origin is Mapping:
            return dict[str, Any]
        case _:
            return kind


def _default_of(attribute: attrs.Attribute[Any]) -> object:
    """A constant, or the class that makes an empty value."""
    default = attribute.default
    return list if default == () else getattr(default, "factory", default)


def _is_factory(kind: object, default: object) -> bool:
    return isinstance(default, type) and not isinstance(kind, types.UnionType)


def _class_of(kind: object) -> object:
    origin: object = typing.get_origin(kind)
    return kind if origin is None else origin


def _pydantic_variant(body: bytes) -> Variant:
    pydantic: Any = importlib.import_module("pydantic")

    def make(name: str, fields: Fields) -> type:
        declared: dict[str, Any] = {}
        for key, (kind, default) in fields.items():
            if default is REQUIRED:
                declared[key] = (kind, ...)
            elif _is_factory(kind, default):
                declared[key] = (kind, pydantic.Field(default_factory=_class_of(kind)))
            else:
                declared[key] = (kind, default)
        with warnings.catch_warnings():
            # A field called `schema` hides a method that pydantic deprecated.
            warnings.simplefilter("ignore")
            return cast("type", pydantic.create_model(name, **declared))

    envelope = envelope_of(make)
    return lambda: envelope.model_validate_json(body)


def _msgspec_variant(body: bytes) -> Variant:
    msgspec: Any = importlib.import_module("msgspec")

    def make(name: str, fields: Fields) -> type:
        declared: list[tuple[Any, ...]] = []
        for key, (kind, default) in fields.items():
            if default is REQUIRED:
                declared.append((key, kind))
            elif _is_factory(kind, default):
                declared.append((key, kind, msgspec.field(default_factory=_class_of(kind))))
            else:
                declared.append((key, kind, default))
        return cast("type", msgspec.defstruct(name, declared, kw_only=True))

    decoder = msgspec.json.Decoder(envelope_of(make))
    return lambda: decoder.decode(body)


def _our_variant(body: bytes, loads: Callable[[bytes], object]) -> Variant:
    def run() -> object:
        envelope: Any = parse_with(loads, body)
        return decode_page(envelope["data"], Connection)

    return run


def variants(body: bytes) -> dict[str, Variant]:
    """The variants that can be measured here, by name."""
    found: dict[str, Variant] = {
        "ours, json": _our_variant(body, stdlib_loads),
        "only json.loads": lambda: json.loads(body),
    }
    makers: dict[str, tuple[str, Callable[[Any], Variant]]] = {
        "ours, orjson": ("orjson", lambda orjson: _our_variant(body, orjson.loads)),
        "ours, orjson, again": ("orjson", lambda orjson: _our_variant(body, orjson.loads)),
        "only orjson.loads": ("orjson", lambda orjson: lambda: orjson.loads(body)),
        "pydantic v2": ("pydantic", lambda _: _pydantic_variant(body)),
        "msgspec structs": ("msgspec", lambda _: _msgspec_variant(body)),
    }
    for name, (package, make) in makers.items():
        try:
            found[name] = make(importlib.import_module(package))
        except ImportError:
            print(f"{name}: {package} is not installed", file=sys.stderr)
    return found


def measure(runs: Mapping[str, Variant], rounds: int) -> dict[str, list[float]]:
    """Seconds of CPU per run, every variant once in each round."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    order = list(runs)
    for run in runs.values():
        run()
    for _ in range(rounds):
        random.shuffle(order)
        for name in order:
            gc.collect()
            start = time.process_time()
            kept = runs[name]()
            seconds[name].append(time.process_time() - start)
            del kept
    return seconds


def table(seconds: Mapping[str, list[float]]) -> str:
    """The figures as Markdown, the fastest first."""
    references = [name for name in ("pydantic v2", "msgspec structs") if name in seconds]
    header = ["variant", "µs per connection", "at best", *(f"/ {name}" for name in references)]
    lines = [header, ["---"] * len(header)]
    for name in sorted(seconds, key=lambda name: statistics.median(seconds[name])):
        scale = 1e6 / PAGE_SIZE
        figures = [statistics.median(seconds[name]) * scale, min(seconds[name]) * scale]
        figures += [_ratio(seconds[name], seconds[reference]) for reference in references]
        lines.append([name, *(f"{figure:.2f}" for figure in figures)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _ratio(these: list[float], those: list[float]) -> float:
    return statistics.median(this / that for this, that in zip(these, those, strict=True))


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    body = page_body()
    print(f"{PAGE_SIZE} connections, {len(body) / PAGE_SIZE:.0f} bytes each, {rounds} rounds\n")
    print(table(measure(variants(body), rounds)))


if __name__ == "__main__":
    main()
