#!/usr/bin/env bash
# cattrs 26.2.1 with attrs 26.1.0, orjson 3.13.0, PyYAML 6.0.4, msgpack 1.2.4, cbor2 6.3.0,
# msgspec 0.22.0 and the bson of pymongo 4.20.1.
# Guess: the converters in `cattrs.preconf` are made for their formats, so each of them gives
# back an equal object, or raises when it writes what the format has no place for. A key of
# a dict survives JSON by its annotation, as an int or a date does.
# Behaviour: `dict[bool, int]` is written with keys "true" and "false", or "True" and "False",
# and each of them is read as True: two counts become one with json, orjson and bson.
# msgspec and msgpack raise, YAML and CBOR have such keys. A None key is the text "null" in
# json and "None" in bson. An Enum key is written by its value in json, as "State.PAUSED" in
# orjson and bson, which cannot read it. bson gives an aware datetime back without its
# zone and its microseconds, msgpack and cbor2 a naive one with a zone.
# Consequence: which values survive is decided by the store behind a cache, and a test of
# the models with JSON does not show it. "Paused: 3, active: 40" is "paused: 40" after a
# restart, and a cursor from bson cannot be compared with any other. Use keys of text and
# datetimes in UTC, add hooks for both, and test with False and with microseconds.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    cattrs==26.2.1 attrs==26.1.0 orjson==3.13.0 pyyaml==6.0.4 msgpack==1.2.4 cbor2==6.3.0 \
    msgspec==0.22.0 pymongo==4.20.1
"$dir/venv/bin/python" - <<'PY'
from datetime import date, datetime, timezone
from enum import Enum
from importlib import import_module

import attrs

FORMATS = ("json", "orjson", "bson", "pyyaml", "cbor2", "msgpack", "msgspec")


class State(Enum):
    PAUSED = "paused"


@attrs.frozen
class Plain:
    by_number: dict[int, int]
    by_day: dict[date, int]


@attrs.frozen
class States:
    counts: dict[State, int]


@attrs.frozen
class Paused:
    counts: dict[bool, int]


@attrs.frozen
class Owners:
    counts: dict[str | None, int]


@attrs.frozen
class Cursor:
    at: datetime


def through(name: str, value: object) -> object:
    """What comes back, or the class of the error."""
    converter = import_module(f"cattrs.preconf.{name}").make_converter()
    try:
        return converter.loads(converter.dumps(value), type(value))
    except Exception as error:
        return type(error).__name__


states = States({State.PAUSED: 4})
plain = Plain({1: 2}, {date(2026, 1, 1): 3})
paused = Paused({True: 3, False: 40})
owners = Owners({None: 5})
aware = Cursor(datetime(2026, 1, 1, 10, 0, 0, 123456, timezone.utc))
naive = Cursor(datetime(2026, 1, 1, 10))
seen: dict[str, list[object]] = {}
for value in (states, paused, owners, aware, naive):
    print(value)
    for name in FORMATS:
        back = through(name, value)
        seen.setdefault(name, []).append(back)
        print(f"  {name}: {'the same' if back == value else back}")

for name in {*FORMATS} - {"msgpack"}:
    assert through(name, plain) == plain, name
assert seen["json"][0] == states
for name in ("orjson", "bson"):
    assert seen[name][0] == "ClassValidationError", name
for name in ("json", "orjson", "bson"):
    assert seen[name][1] == Paused({True: 40}), name
assert (seen["msgspec"][1], seen["msgpack"][1]) == ("TypeError", "ValueError")
assert seen["pyyaml"][1] == seen["cbor2"][1] == paused
assert seen["json"][2] == Owners({"null": 5}) and seen["bson"][2] == Owners({"None": 5})
assert seen["bson"][3] == Cursor(datetime(2026, 1, 1, 10, 0, 0, 123000))
for name in {*FORMATS} - {"bson"}:
    assert seen[name][3] == aware, name
for name in FORMATS:
    zoned = Cursor(datetime(2026, 1, 1, 10, tzinfo=timezone.utc))
    assert seen[name][4] == (zoned if name in ("msgpack", "cbor2") else naive), name
PY
