#!/usr/bin/env bash
# prometheus-client 0.26.0 in multiprocess mode.
# Guess: `Gauge.set_function` works with several workers, each worker exporting its
# own value, or raises where it cannot. A removed series is gone from the export.
# Behaviour: the function is never called for the collected export. The gauge is there,
# one series for each process, and its value is 0 for good, while the registry of the
# process itself shows the right value. A removed series stays, with its last value,
# although `remove()` only warned and did not raise.
# Consequence: "connections open" or "seconds since the last sync" is right in each test
# and in the development server, and a flat zero behind gunicorn, so that an alert on
# it can never fire. Call `set()` when the value changes, or at the scrape.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check prometheus-client==0.26.0
mkdir "$dir/values"
PROMETHEUS_MULTIPROC_DIR="$dir/values" "$dir/venv/bin/python" -W ignore - <<'PY'
import warnings

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, multiprocess

calls = 0


def age() -> float:
    global calls
    calls += 1
    return 3600.0


Gauge("sync_age_seconds", "Time since the last sync").set_function(age)
Gauge("open_calls", "Calls in flight").set(3)
synced = Counter("synced", "Syncs", ["connection"])
synced.labels("deleted_one").inc(5)
synced.labels("kept_one").inc(5)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    synced.remove("deleted_one")


def values(registry: CollectorRegistry) -> dict[str, float]:
    """The value of each sample, by its name and its label."""
    return {
        f"{sample.name} {sample.labels.get('connection', '')}".strip(): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name in ("sync_age_seconds", "open_calls", "synced_total")
    }


calls = 0
collected = CollectorRegistry()
multiprocess.MultiProcessCollector(collected)
exported = values(collected)
during_export = calls
own = values(REGISTRY)
print("own registry:", own)
print("collected export:", exported, "with", during_export, "calls of the function")
print("warnings of remove():", [str(each.message) for each in caught])

assert own == {"sync_age_seconds": 3600, "open_calls": 3, "synced_total kept_one": 5}, own
assert exported.pop("sync_age_seconds") == 0 and during_export == 0, "the function is used"
assert exported == {
    "open_calls": 3,
    "synced_total deleted_one": 5,
    "synced_total kept_one": 5,
}, exported
PY
