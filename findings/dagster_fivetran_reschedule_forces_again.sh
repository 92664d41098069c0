#!/usr/bin/env bash
# dagster-fivetran 0.29.27 with dagster 1.13.27.
# Guess: when Fivetran reschedules a running sync, `sync_and_poll` waits until the
# given time and goes on polling. A paused connection fails the run, and a response
# like 401 or 409 is not retried.
# Behaviour: a rescheduled sync ends the step, and Dagster repeats the whole of it: each
# time the schedule is set to manual and a new sync is forced, four times in all. The
# time limit of the wait starts over each time. A paused connection gives a warning
# in the log and a run that succeeds, with no output. Each refused request is sent four
# times, and a PATCH that turns the schedule off counts among them.
# Consequence: a quota that is used up is met with further syncs, a limit of an hour may
# last four, and a run is green although nothing was loaded. The schedule stays
# manual when the step fails later. Check `paused` before the run, and pass
# `retry_on_reschedule=False` where the limit on the wait matters.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    dagster-fivetran==0.29.27 dagster==1.13.27 requests==2.34.2
cd "$dir"
DAGSTER_DISABLE_TELEMETRY=1 DAGSTER_HOME="$dir" "$dir/venv/bin/python" -W ignore - 2>log.txt <<'PY'
import datetime as dt
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dagster as dg
from dagster_fivetran import FivetranWorkspace
from dagster_fivetran.resources import FivetranClient

LIMIT = 30.0
requests: list[str] = []
connection: dict[str, object] = {}
refused = False


def at(seconds: float) -> str:
    return (dt.datetime.now(dt.timezone.utc) + dt.timedelta(seconds=seconds)).isoformat()


class Api(BaseHTTPRequestHandler):
    """One connection, with a sync that is running or rescheduled."""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.command != "GET":
            requests.append(f"{self.command} {self.path.removeprefix('/v1/connectors/')}")
        data = {"schemas": {}} if self.path.endswith("/schemas") else connection
        body = json.dumps({"code": "Success", "data": data}).encode()
        self.send_response(409 if refused and self.command != "GET" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = answer

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
threading.Thread(target=server.serve_forever, daemon=True).start()
FivetranClient.api_base_url = property(lambda _: f"http://127.0.0.1:{server.server_port}/v1")
workspace = FivetranWorkspace(
    account_id="a", api_key="k", api_secret="s", request_retry_delay=0.01
)


@dg.op
def sync(workspace: FivetranWorkspace) -> None:
    workspace.get_client().sync_and_poll("c1", poll_interval=0.05, poll_timeout=LIMIT)


@dg.job
def job() -> None:
    sync()


def run(*, paused: bool = False, rescheduled: bool = False) -> tuple[bool, list[str]]:
    """Whether the run succeeds, and the requests that change something."""
    requests.clear()
    connection.update({
        "id": "c1", "group_id": "g1", "service": "postgres", "schema": "sales",
        "paused": paused, "succeeded_at": at(-3600), "failed_at": None,
        "sync_frequency": 60, "schedule_type": "auto",
        "status": {
            "setup_state": "connected",
            "sync_state": "rescheduled" if rescheduled else "syncing",
            "rescheduled_for": at(0.2) if rescheduled else None,
        },
    })  # fmt: skip
    result = job.execute_in_process(resources={"workspace": workspace}, raise_on_error=False)
    return result.success, list(requests)


start = time.monotonic()
rescheduled = run(rescheduled=True)
took = time.monotonic() - start
paused = run(paused=True)
refused = True
conflict = run()
print(f"rescheduled: succeeded {rescheduled[0]}, sent {rescheduled[1]}")
print(f"paused: succeeded {paused[0]}, sent {paused[1]}")
print(f"refused by 409: succeeded {conflict[0]}, sent {conflict[1]}")
server.shutdown()

assert rescheduled == (False, ["PATCH c1", "POST c1/force"] * 4), rescheduled
assert took < LIMIT, "the wait goes on until its limit"
assert paused == (True, []), paused
assert conflict == (False, ["PATCH c1"] * 4), conflict
PY
