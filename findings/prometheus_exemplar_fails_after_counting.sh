#!/usr/bin/env bash
# prometheus-client 0.26.0.
# Guess: a metric call either counts or raises, and instrumentation cannot break the
# call that it measures. Decorators for timing work on coroutine functions too.
# Behaviour: an exemplar above 128 characters (a trace id and two long labels will do)
# raises ValueError, and a label value that is not a str raises TypeError, after the
# value was added. NaN is accepted by a counter and stays for the life of the process.
# In a histogram it spoils the sum while the count stays as it was. `time()` on an
# `async def` measures how long the coroutine object takes to make.
# Consequence: a long connection name turns a finished call into an error, and a retry
# around it counts twice. A mean of latencies is NaN after one bad reading, or near
# zero without any. Cut exemplar labels, check `math.isfinite`, and use `with h.time()`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check prometheus-client==0.26.0
"$dir/venv/bin/python" - <<'PY'
import asyncio

from prometheus_client import CollectorRegistry, Counter, Histogram

registry = CollectorRegistry()
calls = Counter("calls", "Calls.", registry=registry)
seconds = Histogram("seconds", "Durations.", registry=registry)
awaited = Histogram("awaited", "Durations.", registry=registry)


def value(name: str) -> float:
    return registry.get_sample_value(name)


def count(exemplar: dict[str, object]) -> str:
    try:
        calls.inc(exemplar=exemplar)
    except (TypeError, ValueError) as error:
        return f"{type(error).__name__}, counted {value('calls_total'):.0f}"
    return f"fine, counted {value('calls_total'):.0f}"


long = count({"trace_id": "a" * 32, "connection": "b" * 60, "destination": "c" * 60})
number = count({"attempt": 2})
print("too long an exemplar:", long)
print("an exemplar with a number:", number)

calls.inc(float("nan"))
calls.inc()
seconds.observe(1)
seconds.observe(float("nan"))
after = value("calls_total"), value("seconds_count"), value("seconds_sum")
print("after NaN: counter, count of the histogram, its sum:", after)


@awaited.time()
async def call() -> None:
    await asyncio.sleep(0.2)


asyncio.run(call())
print("0.2 s awaited, measured:", value("awaited_sum"))

assert long == "ValueError, counted 1", long
assert number == "TypeError, counted 2", number
assert after[0] != after[0] and after[1] == 1 and after[2] != after[2], after
assert value("awaited_count") == 1 and value("awaited_sum") < 0.05
PY
