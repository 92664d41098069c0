#!/usr/bin/env bash
# opentelemetry-exporter-prometheus 0.66b2 (SDK 1.45.2), prometheus-client 0.26.0.
# Guess: two libraries may record one instrument, as the semantic conventions want for
# `http.client.request.duration`. Their scopes keep the series apart, and a label
# that only one of them sets is empty in the series of the other.
# Behaviour: metrics of one name, unit and description share a family, and the scope that
# comes first decides the names of its labels. The series of every other scope are filed
# under these names by position: below, an operation "put" is exported as an error, and
# the name of the library as an operation. Names that the second scope alone has are
# gone. Nothing is logged.
# Consequence: errors and latencies of one library are charted under values of the
# other, and alerts by label never fire. Give one of the two another name with a
# `View`, as below, until every scope sets the same attributes.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    opentelemetry-sdk==1.45.2 opentelemetry-exporter-prometheus==0.66b2 prometheus-client==0.26.0
"$dir/venv/bin/python" - <<'PY'
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.view import View
from prometheus_client import REGISTRY


def exported(*views: View) -> dict[str, list[dict[str, str]]]:
    """Record one instrument in two scopes; return the labels of each exported name."""
    reader = PrometheusMetricReader()
    provider = MeterProvider([reader], views=views)
    ours, theirs = provider.get_meter("app", "1.0"), provider.get_meter("library", "2.0")
    calls = ours.create_counter("calls")
    calls.add(1, {"operation": "list", "status": "200"})
    calls.add(1, {"operation": "get", "error": "timeout"})
    theirs.create_counter("calls").add(1, {"operation": "put", "zone": "eu"})
    found: dict[str, list[dict[str, str]]] = {}
    for metric in REGISTRY.collect():
        if metric.name.endswith("calls"):
            rows = [{k: v for k, v in each.labels.items() if v} for each in metric.samples]
            found.setdefault(metric.name, []).extend(rows)
    provider.shutdown()
    return found


mixed = exported()
apart = exported(View(meter_name="library", instrument_name="calls", name="library.calls"))
for title, names in ("one name", mixed), ("two names", apart):
    for name, rows in names.items():
        for row in rows:
            row.pop("otel_scope_version", None)
            print(f"{title}: {name} {row}")

last = mixed["calls"][-1]
assert (last["error"], last["operation"], "zone" in last) == ("put", "library", False), last
assert apart["library_calls"] == [
    {"operation": "put", "zone": "eu", "otel_scope_name": "library"}
], apart
PY
