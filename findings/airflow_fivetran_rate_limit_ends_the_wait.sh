#!/usr/bin/env bash
# airflow-provider-fivetran-async 2.4.0 with Airflow 3.3.2.
# Guess: a rate-limited poll (429) is repeated like a 503, and other refusals raise an
# error that names the status. A connection that was never synced can be synced.
# Behaviour: only 5xx is repeated. For each 4xx the trigger's request returns a dict that
# is not the API's, and the next line fails on it: the wait ends at the first 429, and
# the task's error is the text 'data', for 401 and 404 as well. For a connection without a
# finished sync the operator forces the sync, and then raises TypeError about None.
# Consequence: the task fails while the sync goes on, and Airflow's retry forces a
# second one. With many waits in one triggerer a busy minute fails them all.
# The log does not name the reason. The first sync of each new connection has to be
# awaited in another way, or started with `wait_for_completion=False`.
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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pendulum
import structlog
from airflow.exceptions import AirflowException
from fivetran_provider_async.hooks import FivetranHook
from fivetran_provider_async.operators import FivetranOperator
from fivetran_provider_async.triggers import FivetranTrigger

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
OLD, NEW = "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"
statuses: list[int] = []
succeeded_at: str | None = None
requests: list[str] = []


class Api(BaseHTTPRequestHandler):
    """Responds with the given statuses first, and then with the connection."""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        requests.append(f"{self.command} {self.path.removeprefix('/v1/connectors/')}")
        status = statuses.pop() if statuses else 200
        data = {
            "id": "c1", "service": "postgres", "schema": "sales", "paused": False,
            "succeeded_at": succeeded_at, "failed_at": None, "schedule_type": "manual",
            "status": {"setup_state": "connected", "sync_state": "scheduled"},
        }  # fmt: skip
        good = {"code": "Success", "data": data}
        bad = {"code": "Refused", "message": "Too many requests, slow down"}
        body = json.dumps(good if status == 200 else bad).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = answer

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
threading.Thread(target=server.serve_forever, daemon=True).start()
FivetranHook.api_protocol = "http"
FivetranHook.api_host = f"127.0.0.1:{server.server_port}"


def operator(**options: bool) -> FivetranOperator:
    return FivetranOperator(task_id="t", connector_id="c1", **options)


async def event(status: int) -> dict[str, str]:
    """The trigger's event when its first poll gets a status and the next would succeed."""
    statuses[:] = [status]
    trigger = FivetranTrigger(
        task_id="t", connector_id="c1", fivetran_conn_id="fivetran_default",
        previous_completed_at=pendulum.parse(OLD), poke_interval=0.05,
    )  # fmt: skip
    return (await anext(trigger.run())).payload


succeeded_at = NEW
errors = {}
for status in (503, 429, 401, 404):
    payload = asyncio.run(event(status))
    try:
        operator().execute_complete({}, payload)
    except AirflowException as error:
        errors[status] = str(error)
    else:
        errors[status] = "none"
    print(f"{status} at one poll: the task's error is {errors[status]}")

succeeded_at = None
requests.clear()
try:
    operator().execute({})
except TypeError as error:
    first = str(error)
else:
    first = "none"
sent = list(requests)
print("first sync: sent", sent, "and then raised", first)
unawaited = operator(wait_for_completion=False).execute({})
print("first sync without a wait: returned", unawaited)
server.shutdown()

refusal = "error: 'data'"
assert errors == {503: "none", 429: refusal, 401: refusal, 404: refusal}, errors
assert sent[-1] == "POST c1/force" and "None" in first, (sent, first)
assert unawaited is None
PY
