#!/usr/bin/env bash
# hypothesis 6.170.15 with attrs 26.1.0.
# Guess: `from_type(Model)` and `builds(Model)` make the same objects for an attrs
# class, as the first is documented to fall back to the second.
# Behaviour: `builds` looks at attrs' own fields and draws from what `in_` allows, but
# leaves every field with a default alone. `from_type` passes the annotated fields
# along as types, which switches that look off: it varies the defaults, but draws
# values that `in_` refuses, so that for a `str` field nearly every example raises.
# Without the annotation `from_type` respects the validator, too.
# Consequence: adding a type hint to a model can break its property tests, and moving
# to `builds` mends them by testing optional fields at their default only. A nested
# model is always made in the `from_type` way. Register a strategy per class.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    hypothesis==6.170.15 attrs==26.1.0
cd "$dir"
"$dir/venv/bin/python" -W ignore - <<'PY'
import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

STATES = ("paused", "scheduled")


@attrs.define
class Hinted:
    state: str = attrs.field(validator=attrs.validators.in_(STATES))


@attrs.define
class Bare:
    state = attrs.field(validator=attrs.validators.in_(STATES))


@attrs.define
class Optional:
    delay: int = 5


@attrs.define
class Outer:
    inner: Hinted


def draw(strategy: st.SearchStrategy[object]) -> tuple[int, int, int]:
    """Examples made, examples refused by a validator, and different objects."""
    refused = 0
    made: list[str] = []

    @settings(max_examples=100, database=None, derandomize=True,
              suppress_health_check=list(HealthCheck))
    @given(st.data())
    def collect(data: st.DataObject) -> None:
        nonlocal refused
        try:
            made.append(repr(data.draw(strategy)))
        except ValueError:
            refused += 1

    collect()
    return len(made), refused, len(set(made))


seen = {}
for model in (Hinted, Bare, Optional, Outer):
    for how in (st.builds, st.from_type):
        seen[model, how] = draw(how(model))
        print(f"{how.__name__}({model.__name__}): made, refused, different: {seen[model, how]}")

made, refused, _ = seen[Hinted, st.builds]
assert made and not refused, "builds respects in_"
made, refused, _ = seen[Hinted, st.from_type]
assert refused > 10 * made, "from_type respects in_ on a hinted field"
assert not seen[Bare, st.from_type][1] and seen[Bare, st.from_type][0]
assert seen[Optional, st.builds][2] == 1, "builds varies fields that have a default"
assert seen[Optional, st.from_type][2] > 10
assert seen[Outer, st.builds][1] > 10 * seen[Outer, st.builds][0], "a nested model is valid"
PY
