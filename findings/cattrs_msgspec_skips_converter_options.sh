#!/usr/bin/env bash
# cattrs 26.2.1 with msgspec 0.22.0 and attrs 26.1.0.
# Guess: cattrs' converter for msgspec is its JSON converter with a faster encoder.
# Options such as `omit_if_default` apply to every class, and a class has one form.
# Behaviour: classes that look simple enough are handed to msgspec as they are, and
# then none of cattrs' rules apply. `omit_if_default=True` omits nothing, an attribute
# with `init=False` is written (and `forbid_extra_keys=True` then refuses the
# converter's own output), and an instance of a subclass is written with the
# attributes of the subclass. One private attribute, one set or one timedelta makes
# the class "not simple", and the other form appears.
# Consequence: the wire format of a field depends on unrelated fields, and changing
# from `preconf.json` for speed changes documents. Pin the form with a test per model,
# or give the class an explicit hook, which switches the shortcut off.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    cattrs==26.2.1 msgspec==0.22.0 attrs==26.1.0
"$dir/venv/bin/python" - <<'PY'
import json

import attrs
from cattrs.errors import ClassValidationError
from cattrs.gen import make_dict_unstructure_fn
from cattrs.preconf.json import make_converter as make_plain
from cattrs.preconf.msgspec import make_converter as make_fast


@attrs.define
class Simple:
    delay: int = 5
    tags: list[str] = attrs.Factory(list)
    seen: int = attrs.field(init=False, default=0)


@attrs.define
class Private(Simple):
    _token: int = 0


@attrs.define
class Secretive(Simple):
    note: str = "internal"


@attrs.define
class Holder:
    simple: Simple


def forms(value: object, **options: bool) -> tuple[object, object]:
    """The documents that the two converters write."""
    plain = json.loads(make_plain(**options).dumps(value))
    fast = json.loads(make_fast(**options).dumps(value))
    print(f"{value} {options or ''}\n  json    {plain}\n  msgspec {fast}")
    return plain, fast


full = {"delay": 5, "tags": [], "seen": 0}
assert forms(Simple()) == ({"delay": 5, "tags": []}, full)
assert forms(Private()) == ({"delay": 5, "tags": [], "_token": 0},) * 2
assert forms(Simple(), omit_if_default=True) == ({}, full)
assert forms(Private(), omit_if_default=True) == ({}, {})
assert forms(Holder(Secretive())) == (
    {"simple": {"delay": 5, "tags": []}},
    {"simple": full | {"note": "internal"}},
)

strict = make_fast(forbid_extra_keys=True)
try:
    strict.loads(strict.dumps(Simple()), Simple)
except ClassValidationError as error:
    print("strict reader of its own text:", error.exceptions[0])
else:
    raise SystemExit("the strict converter reads its own text")

hooked = make_fast()
hooked.register_unstructure_hook(
    Simple, make_dict_unstructure_fn(Simple, hooked, _cattrs_omit_if_default=True)
)
print("with a hook:", hooked.dumps(Simple()).decode())
assert hooked.dumps(Simple()) == b"{}"
PY
