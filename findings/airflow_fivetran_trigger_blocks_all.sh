#!/usr/bin/env bash
# airflow-provider-fivetran-async 2.4.0 with Airflow 3.3.2.
# Guess: the trigger of a deferred FivetranOperator waits by `asyncio.sleep`, so that one
# triggerer serves a thousand of them. A sync that Fivetran reschedules is
# restarted at the time that Fivetran recommends, as `reschedule_wait_time` is optional.
# Behaviour: for a rescheduled connection the trigger sleeps and sends its requests by
# blocking calls in the event loop: no other trigger of the process runs meanwhile. With
# None it waits for the recommended time in that way, which can be hours. The
# operator's own default is not None but 0: it restarts the sync at once and at each
# poll, as long as Fivetran keeps rescheduling it.
# Consequence: one connection at its quota stops the sensors and waits of all other
# DAGs, which time out, or is hammered with forced syncs every few seconds. Give the
# operator a small `reschedule_wait_time` above zero, or a triggerer of its own.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    airflow-provider-fivetran-async==2.4.0 apache-airflow==3.3.2 \
    aiohttp==3.14.5 requests==2.34.2 pendulum==3.3.0
cd "$dir"
export AIRFLOW_HOME="$dir" AIRFLOW_CONN_FIVETRAN_DEFAULT="fivetran://apikey:apisecret@"
"$dir/venv/bin/python" -W ignore - 2>log.txt <<'PY'
import asyncio
import json
import logging
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pendulum
import structlog
from fivetran_provider_async.hooks import FivetranHook
from fivetran_provider_async.operators import FivetranOperator
from fivetran_provider_async.triggers import FivetranTrigger

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
OLD = pendulum.datetime(2026, 1, 1)
SOON = 3
connection: dict[str, object] = {}
forced = 0


class Api(BaseHTTPRequestHandler):
    """The API of one connection, which Fivetran has rescheduled."""

    def answer(self) -> None:
        global forced
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        forced += self.path.endswith("/force")
        body = json.dumps({"code": "Success", "data": connection}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
threading.Thread(target=server.serve_forever, daemon=True).start()
FivetranHook.api_protocol = "http"
FivetranHook.api_host = f"127.0.0.1:{server.server_port}"


async def look(wait: int | None) -> tuple[float, int]:
    """The longest pause of the loop in 2.5 s beside the trigger, and the forced syncs."""
    global forced
    forced = 0
    # The provider adds a minute to the recommended time.
    recommended = pendulum.now("UTC").add(seconds=SOON - 60)
    connection.update({
        "id": "c1", "service": "postgres", "schema": "sales", "paused": False,
        "succeeded_at": OLD.to_iso8601_string(), "failed_at": None, "schedule_type": "manual",
        "status": {"sync_state": "rescheduled", "rescheduled_for": str(recommended)},
    })  # fmt: skip
    trigger = FivetranTrigger(
        task_id="t", connector_id="c1", fivetran_conn_id="fivetran_default",
        previous_completed_at=OLD, poke_interval=0.5, reschedule_wait_time=wait,
    )  # fmt: skip
    pauses: list[float] = []

    async def another_trigger() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.05)
            pauses.append(time.monotonic() - before)

    async def watch() -> None:
        async for event in trigger.run():
            print("unexpected event:", event.payload)

    tasks = [asyncio.create_task(another_trigger()), asyncio.create_task(watch())]
    await asyncio.sleep(2.5)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return max(pauses), forced


default = FivetranOperator(task_id="t", connector_id="c1").reschedule_wait_time
asyncio.run(look(0))  # imports and connections are made now
by_default = asyncio.run(look(default))
recommended = asyncio.run(look(None))
server.shutdown()
print("the operator's default:", default)
print(f"by default: longest pause {by_default[0]:.1f} s, forced syncs {by_default[1]}")
print(f"as recommended: longest pause {recommended[0]:.1f} s, forced syncs {recommended[1]}")
assert default == 0, default
assert by_default[1] >= 3, "the sync is restarted once"
assert recommended[0] > SOON - 1.2, "the event loop goes on"
PY
