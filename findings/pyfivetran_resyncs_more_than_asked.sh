#!/usr/bin/env bash
# pyfivetran 2024.4.26.1 with httpx 0.25.2.
# Guess: `connector.resync(scope={"sales": ["orders"]})` resyncs that table, and
# `list_groups()`, which walks through pages, returns each group.
# Behaviour: the scope is accepted and not sent. The request has no body, which the API
# reads as a historical resync of the whole connection. The walk looks for the cursor
# beside the page, where the API never puts it, so a listing ends after its first page
# without a sign, and `limit` changes only how early.
# Consequence: a repair of one small table loads every table of the connection
# from its beginning, and a script that compares or cleans up an account sees its first
# hundred objects. Send a resync with a scope by one's own request, and compare the
# length of a listing with the limit that was asked for.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    pyfivetran==2024.4.26.1 httpx==0.25.2
"$dir/venv/bin/python" - <<'PY'
import json

import httpx
from pyfivetran.client import FivetranClient

requests: list[str] = []
GROUPS = 250
NOW = "2026-01-01T00:00:00.000000Z"
CONNECTOR = {
    "id": "c1", "service": "postgres", "schema": "sales", "paused": False,
    "sync_frequency": 60, "pause_after_trial": False, "group_id": "g1",
    "connected_by": "u1", "service_version": 0, "created_at": NOW, "schedule_type": "auto",
}  # fmt: skip


def answer(request: httpx.Request) -> httpx.Response:
    """Respond as the API documents it: the cursor lies in `data`, beside `items`."""
    requests.append(f"{request.method} {request.url.path} {request.content.decode()}".strip())
    if request.url.path.endswith("/groups"):
        start = int(request.url.params.get("cursor", 0))
        end = start + int(request.url.params.get("limit", 100))
        items = [{"id": f"g{n}", "name": f"n{n}", "created_at": NOW} for n in range(GROUPS)]
        data: dict[str, object] = {"items": items[start:end]}
        if end < GROUPS:
            data["next_cursor"] = str(end)
        return httpx.Response(200, json={"code": "Success", "data": data})
    return httpx.Response(200, json={"code": "Success", "data": CONNECTOR})


client = FivetranClient("key", "secret", transport=httpx.MockTransport(answer))
connector = client.connector_endpoint.get_connector("c1")
requests.clear()
connector.resync(scope={"sales": ["orders"]})
print("resync of one table:", requests)
assert requests == ["POST /v1/connectors/c1/resync"], "the scope is sent"

connector.run_setup_tests(trust_certificates=True)
assert json.loads(requests[-1].split(" ", 2)[2]) == {"trust_certificates": True}, requests

requests.clear()
groups = client.group_endpoint.list_groups()
few = client.group_endpoint.list_groups(limit=10)
print(f"groups in the account: {GROUPS}, listed: {len(groups)}, with limit=10: {len(few)}")
print("requests for them:", len(requests))
assert (len(groups), len(few), len(requests)) == (100, 10, 2), "the listing goes on"
PY
