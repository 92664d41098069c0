#!/usr/bin/env bash
# freezegun 1.5.5 with orjson 3.13.0, msgspec 0.22.0, cattrs 26.2.1, pydantic 2.14.4;
# time-machine 3.6.0 to compare.
# Guess: a test under `freeze_time` uses the same types as production, or all JSON
# libraries treat its datetimes alike, as they are a subclass.
# Behaviour: it depends on how a library asks. cattrs with json takes the subclass, and
# pydantic writes it. orjson and msgspec compare the exact class and raise TypeError
# when they write it. Reading depends on where the model was made: looked up inside the
# freeze, `datetime` is the fake class, for which msgspec and pydantic have no decoder.
# A model made before the freeze reads.
# Consequence: changing a converter to a faster one breaks only the tests that freeze
# time, with errors that name a class which production never sees, and importing a
# module of models lazily breaks its reading. time-machine keeps the class.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check freezegun==1.5.5 \
    time-machine==3.6.0 orjson==3.13.0 msgspec==0.22.0 cattrs==26.2.1 pydantic==2.14.4
"$dir/venv/bin/python" - <<'PY'
import datetime as dt
from collections.abc import Callable

import cattrs.preconf.json
import cattrs.preconf.orjson
import freezegun
import msgspec
import pydantic
import time_machine


TEXT = "2026-01-02T03:04:05Z"


class Before(msgspec.Struct):
    at: dt.datetime


BEFORE = pydantic.TypeAdapter(dt.datetime)


def reads_new_model() -> object:
    class After(msgspec.Struct):
        at: dt.datetime

    return msgspec.convert({"at": TEXT}, After)


def reads_old_model() -> object:
    return msgspec.convert({"at": TEXT}, Before)


CASES: dict[str, Callable[[], object]] = {
    "cattrs with json writes": lambda: cattrs.preconf.json.make_converter().dumps(now()),
    "pydantic writes": lambda: BEFORE.dump_json(now()),
    "cattrs with orjson writes": lambda: cattrs.preconf.orjson.make_converter().dumps(now()),
    "msgspec writes": lambda: msgspec.json.encode(now()),
    "msgspec reads, model made before": reads_old_model,
    "msgspec reads, model made inside": reads_new_model,
    "pydantic reads, model made before": lambda: BEFORE.validate_python(TEXT),
    "pydantic reads, model made inside": lambda: pydantic.TypeAdapter(
        dt.datetime
    ).validate_python(TEXT),
}


def now() -> dt.datetime:
    return dt.datetime.now(dt.timezone.utc)


def look() -> dict[str, str]:
    seen = {}
    for name, case in CASES.items():
        try:
            case()
        except (TypeError, msgspec.ValidationError, pydantic.errors.PydanticUserError) as error:
            seen[name] = f"{type(error).__name__}: {str(error)[:70]}"
        else:
            seen[name] = "works"
    return seen


plain = look()
with time_machine.travel(dt.datetime(2026, 1, 2, tzinfo=dt.timezone.utc)):
    travelled = look()
with freezegun.freeze_time("2026-01-02"):
    frozen = look()
for name in CASES:
    print(f"{name}: {frozen[name]}")

assert set(plain.values()) == set(travelled.values()) == {"works"}, (plain, travelled)
assert [result == "works" for result in frozen.values()] == [
    True, True, False, False, True, False, True, False,
]
PY
