#!/usr/bin/env bash
# temporalio 1.35.0, its default data converter.
# Guess: a result typed as a union of dataclasses comes back as the class that it was.
# Where the JSON fits more than one class, the converter raises, as it does for a
# missing key, and a value that does not have the hinted type raises as well.
# Behaviour: the members are tried from left to right, unknown keys are dropped, and the
# first class that can be built wins. A class in which each field has a default can be
# built from any object, so a failure comes back as an empty success. In `datetime | str`
# a text of eight digits becomes a date. An `int` is cut from 3.5 without an error, and
# None passes as any class at all.
# Consequence: a workflow goes on as if a failed sync had moved no rows. The order of a
# union decides, and adding a default to a field of the first class changes what old
# histories replay to. Give each class a required tag, put the class with the most
# required fields first, or use the pydantic converter with a discriminator.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check temporalio==1.35.0
"$dir/venv/bin/python" - <<'PY'
import dataclasses
import datetime as dt

from temporalio.converter import DataConverter

CONVERTER = DataConverter.default.payload_converter


@dataclasses.dataclass
class Synced:
    rows: int = 0


@dataclasses.dataclass
class Failed:
    reason: str
    rows: int = 0


def trip(value: object, hint: object) -> object:
    """What the receiver gets for a value, with the type hint of the receiver."""
    (back,) = CONVERTER.from_payloads(CONVERTER.to_payloads([value]), [hint])
    print(f"{value!r} as {str(hint).replace('__main__.', '')}: {back!r}")
    return back


failed = Failed("permission denied", rows=7)
assert trip(failed, Synced | Failed) == Synced(rows=7), "the union keeps the class"
assert trip(failed, Failed | Synced) == failed
assert trip(Synced(7), Failed | Synced) == Synced(7)
assert trip("20260101", dt.datetime | str) == dt.datetime(2026, 1, 1), "text stays text"
assert trip(3.5, int) == 3, "an int is checked"
assert trip(None, Failed) is None, "None is checked"

try:
    trip({"rows": 7}, Failed)
except TypeError as error:
    print("missing key:", error)
else:
    raise SystemExit("a missing key is accepted")
PY
