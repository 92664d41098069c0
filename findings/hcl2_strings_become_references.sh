#!/usr/bin/env bash
# python-hcl2 8.1.4.
# Guess: `dumps` is to HCL what `json.dumps` is to JSON: a str is written as a quoted
# string, a dict as an object, and a value that was changed after `loads` is written
# like its neighbours.
# Behaviour: the loaded values carry the source's own quotes, also in keys, so that
# expressions survive a round trip. A str made in Python has none and is written as
# an expression: "jira" is a reference, "group-1" a subtraction, "true" a boolean and
# "" nothing at all, and a text of two words makes a file that does not parse. Only
# the two last can be noticed here. `strip_string_quotes`, meant for readers, makes every
# literal of a file a reference when it is written back.
# Consequence: scripts that edit Terraform files write plans that fail later, or that
# name another thing. Pass values through `json.dumps` before they go in, escape `${`
# as `$${`, and parse what was written.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check python-hcl2==8.1.4
"$dir/venv/bin/python" - <<'PY'
import json

import hcl2

SOURCE = '''
resource "fivetran_connector" "one" {
  service  = "jira"
  group_id = fivetran_group.main.id
}
'''

loaded = hcl2.loads(SOURCE)
print("loaded:", loaded["resource"][0])
block = loaded["resource"][0]['"fivetran_connector"']['"one"']
assert block["service"] == '"jira"' and block["group_id"] == "${fivetran_group.main.id}", block
assert hcl2.loads(hcl2.dumps(loaded)) == loaded, "an unchanged file survives"


def line(value: str) -> str:
    """How a value is written that replaces the service."""
    block["service"] = value
    text = hcl2.dumps(loaded)
    return next(row.strip() for row in text.splitlines() if "service" in row)


for value in ("github", "group-1", "true", ""):
    written = line(value)
    print(f"{value!r} is written as: {written}")
    assert written.partition("=")[2].strip() == value, "the value is quoted"
quoted = line(json.dumps("github"))
print("through json.dumps:", quoted)
assert quoted.partition("=")[2].strip() == '"github"'

text = hcl2.dumps({"title": "two words"})
try:
    hcl2.loads(text)
except Exception as error:
    print(f"{text.strip()!r} does not parse: {type(error).__name__}")
else:
    raise SystemExit("text of two words parses")

stripped = hcl2.loads(
    SOURCE, serialization_options=hcl2.SerializationOptions(strip_string_quotes=True)
)
back = hcl2.dumps(stripped)
print("with strip_string_quotes, and back:", " ".join(back.split()))
assert "= jira" in back and '"jira"' not in back, back
PY
