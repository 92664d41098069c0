#!/usr/bin/env bash
# fivetran-cli 1.1.0, run against a small server here that answers as the API does.
# Guess: `--output-file` is for the output of a command that succeeds, as its help says, so
# after a refused request the file of the last good run is still there. A rate limit is
# waited for. A filter on a field that does not exist finds nothing, or is refused as such
# a name in `--fields` is.
# Behaviour: each failure after the first page, a 429 included, replaces the file by the
# pages that were read. The exit code is 1, and in the file only a `code` is missing. A
# failure at the first page leaves it alone. Fields that are missing count as null, so a
# misspelt name with `!=` is true for each row: `status.setup_stat!=connected` lists all.
# Consequence: a nightly inventory shrinks to one page on a busy morning, and a script that
# compares or pauses by that file takes the other connections for deleted. The broken ones
# to be paused may be all of them. Write to a new file, look at the exit code before it
# is moved, and try a filter with `=` first.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check fivetran-cli==1.1.0
cd "$dir"
HOME="$dir" DO_NOT_TRACK=1 "$dir/venv/bin/python" - <<'PY'
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import fivetran_cli
from fivetran_cli.http import config

PAGES = [["one", "two"], ["three", "four"], ["five"]]
BROKEN = {"four"}
FILE = Path("connections.json")
refused: set[int] = set()  # pages that are answered with 429
asked: list[int] = []


class Api(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        page = int(query.get("cursor", ["0"])[0])
        asked.append(page)
        if page in refused:
            self.answer(429, {"code": "TooManyRequests", "message": "Try again later"})
            return
        items = [
            {"id": id, "status": {"setup_state": "broken" if id in BROKEN else "connected"}}
            for id in PAGES[page]
        ]
        data: dict[str, object] = {"items": items}
        if page + 1 < len(PAGES):
            data["next_cursor"] = str(page + 1)
        self.answer(200, {"code": "Success", "data": data})

    def answer(self, status: int, body: dict[str, object]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


def listed(*options: str) -> tuple[int, list[str]]:
    """The exit code of a listing, and the ids that are in the file afterwards."""
    command = ["beta", "connection", "list", "--api-key", "a2V5OnNlY3JldA=="]
    command += ["--output", "json", "--output-file", str(FILE), *options]
    asked.clear()
    code = fivetran_cli.run(command, stdout=io.StringIO(), stderr=io.StringIO())
    return code, [item["id"] for item in json.loads(FILE.read_text())["data"]["items"]]


server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
threading.Thread(target=server.serve_forever, daemon=True).start()
config.DEFAULT_BASE_URL = f"http://127.0.0.1:{server.server_port}"

every = [id for page in PAGES for id in page]
good = listed()
print("all pages answer:", good)
assert good == (0, every)
refused.add(0)
first = listed()
print("429 for the first page:", first)
assert first == (1, every)
refused.clear()
refused.add(1)
second = listed()
print("429 for the second page:", second, "pages asked for:", asked)
print("what the file says beside the rows:", [*json.loads(FILE.read_text())])
assert second == (1, PAGES[0]) and asked == [0, 1], "the request is repeated"
refused.clear()

right = listed("--filter", "status.setup_state!=connected")
wrong = listed("--filter", "status.setup_stat!=connected")
equal = listed("--filter", "status.setup_stat=broken")
fields, _ = listed("--fields", "id,setup_stat")
print("exit code for a misspelt name in --fields:", fields)
print("filter that is right:", right)
print("filter that is misspelt:", wrong, "and with an equals sign:", equal)
assert right == (0, ["four"]) and wrong == (0, every) and equal == (0, [])
assert fields == 1
server.shutdown()
PY
