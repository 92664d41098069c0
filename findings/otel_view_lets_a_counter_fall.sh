#!/usr/bin/env bash
# opentelemetry-sdk 1.45.2 and opentelemetry-exporter-prometheus 0.66b2.
# Guess: an observable counter cannot fall. If the callback leaves a series out once, as
# its poll failed, nothing is added for it, and the next poll adds what it missed. If the
# source starts over, as monthly totals do, that is a reset: the new value is the difference.
# Behaviour: the first holds for each series by itself, not for a view that leaves out an
# attribute. What is summed there is what was observed this time, so a missing connection
# takes its whole total away, and brings it back with the next poll. With differences, a
# counter that is marked as monotonic reports -9980 and then 10020. As a total it falls
# and rises, which `rate()` takes for a restart, and counts every row once more. A source
# that starts over gives a negative difference in any case.
# Consequence: one failed poll in a thousand is a peak as high as the total of all time, in
# the dashboard by group and not in the one by connection. Keep the last value of each
# series in the callback and report it again, or sum in the query instead of the view.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    opentelemetry-sdk==1.45.2 opentelemetry-exporter-prometheus==0.66b2 prometheus-client==0.26.0
"$dir/venv/bin/python" - <<'PY'
from collections.abc import Iterable

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import View
from prometheus_client import REGISTRY

# Rows of all time, by connection, as four polls find them.
POLLS = [
    {"orders": 9990, "people": 500},
    {"people": 510},  # the poll of orders failed
    {"orders": 10010, "people": 520},
    {"orders": 10020, "people": 4},  # people starts over
]
totals: dict[str, int] = {}


def rows(options: CallbackOptions) -> Iterable[Observation]:
    for connection, total in totals.items():
        yield Observation(total, {"group": "sales", "connection": connection})


def polled(*views: View) -> tuple[list[dict[str, int]], list[dict[str, float]]]:
    """The differences that a reader reports for each poll, and the totals for Prometheus."""
    reader = InMemoryMetricReader({ObservableCounter: AggregationTemporality.DELTA})
    scraped = PrometheusMetricReader()
    provider = MeterProvider([reader, scraped], views=views)
    provider.get_meter("example").create_observable_counter("rows", [rows])
    differences, sums = [], []
    for poll in POLLS:
        totals.clear()
        totals.update(poll)
        (resource,) = reader.get_metrics_data().resource_metrics
        (metric,) = resource.scope_metrics[0].metrics
        assert metric.data.is_monotonic
        label = "group" if views else "connection"
        differences.append({p.attributes[label]: p.value for p in metric.data.data_points})
        samples = [s for family in REGISTRY.collect() for s in family.samples]
        sums.append({s.labels[label]: s.value for s in samples if s.name == "rows_total"})
    provider.shutdown()
    return differences, sums


differences, sums = polled()
print("by connection:", differences, sums, sep="\n  ")
assert differences[1:] == [
    {"people": 10}, {"orders": 20, "people": 10}, {"orders": 10, "people": -516}
]  # fmt: skip
assert [poll.get("orders") for poll in sums] == [9990, None, 10010, 10020]
differences, sums = polled(View(instrument_name="rows", attribute_keys={"group"}))
print("by group:", differences, sums, sep="\n  ")
assert [poll["sales"] for poll in differences] == [10490, -9980, 10020, -506]
assert [poll["sales"] for poll in sums] == [10490, 510, 10530, 10024]
increase = sum(
    now["sales"] - before["sales"] if now["sales"] >= before["sales"] else now["sales"]
    for before, now in zip(sums[:2], sums[1:3])
)
print("rows between the first poll and the third, as rate() counts them:", increase)
assert increase == 10530
PY
