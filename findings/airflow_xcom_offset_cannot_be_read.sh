#!/usr/bin/env bash
# apache-airflow-task-sdk 1.3.2 (Airflow 3.3.2), pendulum 3.3.0.
# Guess: an aware `datetime` crosses an XCom, whatever its zone. If Airflow cannot hold
# one, the task that returns it fails.
# Behaviour: UTC, a zone with a name and pendulum's own offsets come back. An offset of
# the standard library, which is what `datetime.fromisoformat("...+02:00")` and
# drivers of databases produce, is written without its zone and without an error. The
# task that reads the XCom gets a ValueError about ZoneInfo keys.
# Consequence: the task that made the value is green and its result is lost; each
# retry of the reader fails alike. Call `.astimezone(timezone.utc)` before returning.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    apache-airflow==3.3.2 apache-airflow-task-sdk==1.3.2 pendulum==3.3.0
export AIRFLOW_HOME="$dir/airflow"
"$dir/venv/bin/python" -W ignore - <<'PY'
import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pendulum
from airflow.sdk.serde import deserialize, serialize

TEXT = "2026-03-29T02:30:00+02:00"


def through_xcom(value: datetime) -> str:
    """Return what the next task gets, or its error."""
    stored = json.dumps(serialize(value))
    try:
        same = deserialize(json.loads(stored)).timestamp() == value.timestamp()
    except ValueError as error:
        return f"{type(error).__name__}: {error}"
    return "the same moment" if same else "another moment"


seen = {
    "offset by fromisoformat": through_xcom(datetime.fromisoformat(TEXT)),
    "the same in UTC": through_xcom(datetime.fromisoformat(TEXT).astimezone(UTC)),
    "ZoneInfo": through_xcom(datetime(2026, 3, 29, 4, 30, tzinfo=ZoneInfo("Europe/Berlin"))),
    "offset by pendulum": through_xcom(pendulum.parse(TEXT)),
}
for kind, outcome in seen.items():
    print(f"{kind}: {outcome}")
assert seen.pop("offset by fromisoformat").startswith("ValueError: ZoneInfo keys")
assert set(seen.values()) == {"the same moment"}, seen
PY
