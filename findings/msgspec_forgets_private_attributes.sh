#!/usr/bin/env bash
# msgspec 0.22.0 and adaptix 3.0.0b12 with attrs 26.1.0 (cattrs 26.2.1 to compare).
# Guess: a library that supports attrs classes writes each field under one name and
# reads it under the same name, at least for its own output.
# Behaviour: an attribute with a leading underscore is left out of msgspec's output
# without an error, yet its decoder demands it, under the underscored name. adaptix
# leaves it out as well. An explicit `alias`, the name that `__init__` has, is ignored
# in both directions. A default that depends on `self` encodes but never decodes.
# Consequence: a cursor or token that is kept in a private attribute is gone after one
# trip through a cache, and only the reader finds out. Where the private attribute has
# a default, even the reader does not: it gets a fresh object that looks right.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    msgspec==0.22.0 adaptix==3.0.0b12 attrs==26.1.0 cattrs==26.2.1
"$dir/venv/bin/python" - <<'PY'
import adaptix
import attrs
import cattrs
import msgspec


@attrs.define
class Page:
    items: list[int]
    _cursor: str


@attrs.define
class Lenient:
    items: list[int]
    _cursor: str | None = None


@attrs.define
class Renamed:
    kind: str = attrs.field(alias="type")


@attrs.define
class Window:
    start: int
    end: int = attrs.Factory(lambda self: self.start + 60, takes_self=True)


page = Page(items=[1], cursor="c2")
text = msgspec.json.encode(page)
print("msgspec writes", text.decode())
assert text == b'{"items":[1]}', text
try:
    msgspec.json.decode(text, type=Page)
except msgspec.ValidationError as error:
    print("msgspec reads its own text:", error)
    assert "`_cursor`" in str(error)
else:
    raise SystemExit("msgspec reads its own text")

lost = msgspec.json.decode(msgspec.json.encode(Lenient([1], cursor="c2")), type=Lenient)
print("with a default:", lost)
assert lost == Lenient([1], cursor=None), lost

dumped = adaptix.Retort().dump(page)
print("adaptix writes", dumped)
assert dumped == {"items": [1]}, dumped

kept = cattrs.unstructure(page)
print("cattrs writes", kept, "and reads", cattrs.structure(kept, Page))
assert cattrs.structure(kept, Page) == page

print("alias:", msgspec.json.encode(Renamed(type="pg")).decode())
assert msgspec.json.encode(Renamed(type="pg")) == b'{"kind":"pg"}'

print("default from self:", msgspec.json.encode(Window(5)).decode())
try:
    msgspec.json.decode(b'{"start": 5}', type=Window)
except NotImplementedError as error:
    print("  and back:", type(error).__name__)
else:
    raise SystemExit("msgspec reads a default that depends on self")
PY
