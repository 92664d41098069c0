#!/usr/bin/env bash
# apache-airflow-task-sdk 1.3.2 (Airflow 3.3.2) with attrs 26.1.0.
# Guess: Airflow supports attrs classes in XComs, so an instance of an allowed class
# comes back equal, and one that cannot fails the task that returns it.
# Behaviour: fields are written under their names and given to the constructor under the
# same names. A private field or one with an alias has another name there, so reading
# raises TypeError, in the next task only. A field with `init=False` is left out, and
# the reader gets its default: a counter or a state is reset without an error.
# Keys of a dict become text.
# Consequence: a result with a private field is written by a green task and cannot be
# read by any. A result that was changed after it was made arrives as it was made.
# Return a dict of `attrs.asdict` or of cattrs, and structure it in the reader.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    apache-airflow==3.3.2 apache-airflow-task-sdk==1.3.2 attrs==26.1.0
export AIRFLOW_HOME="$dir/airflow" AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES='results.*'
cd "$dir"
cat > results.py <<'PY'
import attrs


@attrs.define
class Plain:
    connection_id: str
    tables: tuple[str, ...] = ("orders", "users")


@attrs.define
class Private:
    connection_id: str
    _token: str = "t1"


@attrs.define
class Renamed:
    since: str = attrs.field(alias="from_")


@attrs.define
class Counted:
    connection_id: str
    attempts: int = attrs.field(default=0, init=False)
PY
PYTHONPATH=. "$dir/venv/bin/python" -W ignore - <<'PY'
import json

from airflow.sdk.serde import deserialize, serialize
from results import Counted, Plain, Private, Renamed


def through_xcom(value: object) -> str:
    """Return what the next task gets, or its error."""
    stored = json.dumps(serialize(value))
    try:
        found = deserialize(json.loads(stored))
    except TypeError as error:
        return f"TypeError: {error}"
    return "equal" if found == value else f"not equal: {found!r}"


counted = Counted("c1")
counted.attempts = 3
seen = {
    each.__class__.__name__: through_xcom(each)
    for each in (Plain("c1"), Private("c1"), Renamed(from_="2026"), counted)
}
for name, outcome in seen.items():
    print(f"{name}: {outcome}")
assert seen["Plain"] == "equal", seen
assert seen["Private"].startswith("TypeError"), seen
assert seen["Renamed"].startswith("TypeError"), seen
assert seen["Counted"] == "not equal: Counted(connection_id='c1', attempts=0)", seen
PY
