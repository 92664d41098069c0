#!/usr/bin/env bash
# prefect 3.9.1 with attrs 26.1.0.
# Guess: `cache_policy=INPUTS` runs a task once for equal inputs, in each later run too, as
# long as the results are kept. How an object was made does not matter, nor does the kind
# of class, or else a class that cannot be hashed raises.
# Behaviour: a dataclass is hashed by its values, an attrs object by its pickle. A pickle
# writes a text once and then refers to it, so it tells one text that two fields share
# from two equal ones. An object made from constants and the same object made from JSON
# have different keys, and the task runs for both. A class of the script itself is pickled
# with its code under a random number: its keys hold for that process only.
# Consequence: a task that starts a sync, guarded by its inputs, starts it again when the
# order comes from a webhook or a retry in a new process, while the test with one object is
# green. Pass `attrs.asdict(...)` or plain values, or give a `cache_key_fn`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    prefect==3.9.1 attrs==26.1.0
cd "$dir"
cat >orders.py <<'PY'
from dataclasses import dataclass

import attrs


@attrs.frozen
class AttrsOrder:
    service: str
    schema: str


@dataclass(frozen=True)
class DataOrder:
    service: str
    schema: str
PY
cat >start.py <<'PY'
import json
from dataclasses import asdict, is_dataclass

import attrs
from orders import AttrsOrder, DataOrder
from prefect import flow, task
from prefect.cache_policies import INPUTS


@attrs.frozen
class OwnOrder:
    service: str
    schema: str


started: list[object] = []


@task(cache_policy=INPUTS, persist_result=True)
def start(order: object) -> str:
    started.append(order)
    return "started"


@flow
def starts() -> list[int]:
    """How often the task runs for equal orders, by class."""
    counts = []
    for order_class in (AttrsOrder, DataOrder, OwnOrder):
        made = order_class("jira", "jira")
        text = json.dumps(asdict(made) if is_dataclass(made) else attrs.asdict(made))
        read = order_class(**json.loads(text))
        assert made == read and hash(made) == hash(read)
        started.clear()
        for order in (made, made, read, read):
            start(order)
        counts.append(len(started))
    return counts


print(json.dumps(starts()))
PY
export PREFECT_HOME="$dir/home" PREFECT_SERVER_ANALYTICS_ENABLED=false DO_NOT_TRACK=1
export PREFECT_LOGGING_LEVEL=ERROR PREFECT_SERVER_LOGGING_LEVEL=CRITICAL
for expected in "[2, 1, 2]" "[0, 0, 2]"; do
    runs=$("$dir/venv/bin/python" -W ignore start.py 2>log.txt) || cat log.txt
    echo "runs for four equal orders (attrs, dataclass, attrs of the script): $runs"
    [[ "$runs" == "$expected" ]]
done
