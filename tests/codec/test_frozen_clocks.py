"""A frozen clock does not change what is decoded, though freezegun replaces `datetime`."""

from __future__ import annotations

import subprocess
import sys

import pytest

from support.samples import sample

PROGRAM = """
import datetime, json, sys
import freezegun

class Real:
    datetime = datetime.datetime

def check():
    from fivetran_async._codec import decode
    from fivetran_async._http.request import query_string
    from fivetran_async.models import Connection, Group, Webhook
    from collections.abc import Mapping
    raw = {"id": "i", "created_at": "2026-01-02T03:04:05Z"}
    raw["succeeded_at"] = "2026-01-02T05:04:05+02:00"
    instant = Real.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    for kind in (Connection, Group, Webhook):
        made = kind.from_dict(raw)
        assert type(made.created_at) is Real.datetime, (kind, type(made.created_at))
        assert made.created_at == instant
        assert kind.from_dict(made.to_dict()) == made
    assert type(Connection.from_dict(raw).succeeded_at) is Real.datetime
    drifts = []
    assert decode({**raw, "created_at": "junk"}, Group, on_drift=drifts.append).created_at is None
    assert [drift.expected for drift in drifts] == ["datetime"]
    times = decode({"a": raw["created_at"]}, Mapping[str, datetime.datetime])
    assert times == {"a": instant}
    assert query_string({"since": datetime.datetime.now(datetime.timezone.utc)})

first = sys.argv[1]
if first == "used":
    check()
elif first == "imported":
    import fivetran_async.models
with freezegun.freeze_time("2026-01-01"):
    check()
check()
"""


@pytest.mark.parametrize("first", ["used", "imported", "new"][: sample(1, 3)])
def test_models_decode_inside_and_after_a_freeze(first: str) -> None:
    """
    Times are plain `datetime`s whether the package was used, imported or new when time froze.

    Siblings: queries and bodies with times, drift reports that name the type, and
    `Mapping[str, datetime]`, which all look at the type of a value.
    """
    pytest.importorskip("freezegun")
    subprocess.run([sys.executable, "-c", PROGRAM, first], check=True, timeout=60)
