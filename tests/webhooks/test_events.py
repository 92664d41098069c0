"""`WebhookEvent`: old and new names, typed data, tolerance of unexpected fields."""

from __future__ import annotations

import json
import pickle
import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivetran_async import ResponseFormatError
from fivetran_async.webhooks import WebhookEvent, WebhookEventData, parse_event
from support.samples import sample
from webhooks.deliveries import PROBE, SYNC_END

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda member: st.lists(member, max_size=4) | st.dictionaries(st.text(), member, max_size=4),
    max_leaves=8,
)
FIELDS = ("event", "created", "connector_id", "connection_id", "sync_id", "group_id", "status")
DATA_FIELDS = ("status", "reason", "taskType", "dbtJobId", "startTime", "endTime", "result")


def event(**fields: object) -> WebhookEvent:
    """Parse a body with these fields."""
    return parse_event(json.dumps(fields).encode())


def test_reads_what_the_vendor_sends_today() -> None:
    """A live body: `connector_*` fills `connection_*`."""
    found = parse_event(SYNC_END)
    assert found == WebhookEvent(
        event="sync_end",
        created=datetime(2026, 5, 21, 8, 15, 30, 123000, tzinfo=UTC),
        connection_id="iodize_impressive",
        connection_name="shop",
        connection_type="postgres",
        group_id="decent_dropsy",
        sync_id="b4703f73-6315-4e22-8d7a-3bfb18b2fed2",
        data=WebhookEventData(status="SUCCESSFUL"),
        connector_id="iodize_impressive",
        connector_name="shop",
        connector_type="postgres",
        destination_group_id="decent_dropsy",
    )
    assert (found.is_sync_end, found.is_sync_start, found.is_test) == (True, False, False)
    assert (found.succeeded, found.failed, found.status) == (True, False, "SUCCESSFUL")


def test_reads_the_test_that_creates_a_webhook() -> None:
    """It has no sync_id and no data, and its `created` is not a time."""
    found = parse_event(PROBE)
    assert found.is_test
    assert (found.created, found.sync_id, found.data) == (None, None, WebhookEventData())
    assert (found.connection_id, found.group_id) == ("_connector_1", "_destination_1")
    assert found.extra == {"created": "timestamp"}


@pytest.mark.parametrize(
    ("status", "succeeded", "failed"),
    [
        ("SUCCESSFUL", True, False),
        ("successful", True, False),
        ("FAILURE", False, True),
        ("FAILURE_WITH_TASK", False, True),
        ("FAILED", False, True),
        ("RESCHEDULED", False, False),
        ("CANCELED", False, False),
        ("SOMETHING_NEW", False, False),
        (None, False, False),
    ],
)
def test_status_of_a_sync(status: str | None, succeeded: bool, failed: bool) -> None:  # noqa: FBT001
    """Rescheduled, canceled and unknown results are neither a success nor a failure."""
    found = event(event="sync_end", connector_id="c", data={"status": status})
    assert (found.succeeded, found.failed) == (succeeded, failed)


def test_reads_a_status_beside_the_data() -> None:
    """Older deliveries have the status at the top level; it is read from there."""
    found = event(event="sync_end", status="FAILED")
    assert (found.status, found.failed) == ("FAILED", True)
    assert found.to_dict() == {"event": "sync_end", "status": "FAILED"}
    assert event(event="sync_end", status={"not": "text"}).status == ""


def test_reason_of_a_failure() -> None:
    """The reason and the task are typed."""
    data = {"status": "FAILURE_WITH_TASK", "reason": "bad password", "taskType": "reconnect"}
    found = event(event="sync_end", data=data)
    assert (found.reason, found.data.task_type) == ("bad password", "reconnect")
    assert event(event="sync_start").reason == ""


@pytest.mark.parametrize(
    ("name", "succeeded", "failed"),
    [
        ("dbt_run_start", False, False),
        ("dbt_run_succeeded", True, False),
        ("dbt_run_failed", False, True),
        ("transformation_run_succeeded", True, False),
        ("transformation_failed", False, True),
        ("connection_successful", True, False),
        ("connection_failure", False, True),
        ("pause_connector", False, False),
    ],
)
def test_results_of_other_events(name: str, succeeded: bool, failed: bool) -> None:  # noqa: FBT001
    """The name of the event contains the result of transformations and setup tests."""
    found = event(event=name)
    assert (found.succeeded, found.failed, found.is_sync_end) == (succeeded, failed, False)


def test_types_the_run_of_a_transformation() -> None:
    """The job, the times and the result have types; the form of the result is dbt's."""
    result = {"stepResults": [{"success": True}], "description": "Steps: successful 1, failed 0"}
    found = event(
        event="dbt_run_succeeded",
        data={
            "startTime": "2022-09-10T07:14:17.900Z",
            "endTime": "2022-09-10T07:14:41.614Z",
            "dbtJobId": "lyre_stolen",
            "dbtJobName": "TEST_MODELS:sunshine",
            "result": result,
            "startupDetails": {"type": "integrated_scheduler"},
        },
    )
    assert found.data.start_time == datetime(2022, 9, 10, 7, 14, 17, 900000, tzinfo=UTC)
    assert (found.data.dbt_job_id, found.data.result) == ("lyre_stolen", result)
    assert found.data.extra == {"startupDetails": {"type": "integrated_scheduler"}}


def test_newer_names_win_and_conflicts_are_flagged() -> None:
    """If an old and a new name differ, both are kept and the event is flagged."""
    found = event(event="sync_end", connection_id="new", connector_id="old")
    assert (found.connection_id, found.connector_id) == ("new", "old")
    assert found.has_conflicting_names
    assert not parse_event(SYNC_END).has_conflicting_names
    assert not event(event="x", connection_id="only").has_conflicting_names
    assert event(event="x", group_id="g", destination_group_id="d").has_conflicting_names


def test_an_unknown_event_is_kept_whole() -> None:
    """Unknown events and fields are kept as data."""
    body = {"event": "brand_new", "subject": {"id": 1}, "data": {"fresh": [1, 2]}}
    found = event(**body)
    assert found.event == "brand_new"
    assert found.extra == {"subject": {"id": 1}}
    assert found.data.extra == {"fresh": [1, 2]}
    assert found.to_dict() == body


def test_survives_json_and_pickle() -> None:
    """`from_dict` restores an equal event from `to_dict`, and pickle from its bytes."""
    found = parse_event(SYNC_END)
    assert WebhookEvent.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    assert WebhookEvent.from_dict(json.loads(SYNC_END)) == found
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - what was just pickled


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"null", b"[]", b'"text"', b"\xff\xfe", b'{"a":NaN}', b'{"a":1,"a":2}'),
        *(b'{"event":"x","data":{"a":1,"a":1}}', b"[" * 5_000, b'{"a":' * 5_000),
    ],
)
def test_an_invalid_body_is_one_kind_of_error(body: bytes) -> None:
    """Invalid JSON, another type than an object, a repeated key, deep nesting."""
    with pytest.raises(ResponseFormatError):
        parse_event(body)


GAPS = ("", "", " ", "\t", "\r\n", " \n ")
TEXTS = ("", "a", "b", 'a":', "a :", "10:11:12", "\\", '\\" :"')


def random_json(chance: random.Random, depth: int = 3) -> str:
    """Write a random JSON value, with spaces around colons and perhaps with a repeated key."""
    kind = chance.choice(("text", "object", "object", "array")) if depth else "text"
    if kind == "text":
        return json.dumps(chance.choice(TEXTS))
    members = [random_json(chance, depth - 1) for _ in range(chance.randrange(4))]
    if kind == "array":
        return f"[{','.join(members)}]"
    pairs = (
        f"{json.dumps(chance.choice(TEXTS))}{chance.choice(GAPS)}:{chance.choice(GAPS)}{member}"
        for member in members
    )
    return f"{{{','.join(pairs)}}}"


def has_repeated_key(body: bytes) -> bool:
    """Look at the keys of every object."""
    found: list[bool] = []

    def note(pairs: list[tuple[str, object]]) -> None:
        found.append(len(pairs) != len(dict(pairs)))

    json.loads(body, object_pairs_hook=note)
    return any(found)


def test_every_repeated_key_is_refused_and_no_other() -> None:
    """Random events, with keys and texts that contain quotes and colons, and odd spaces."""
    chance = random.Random(17)  # noqa: S311 - test data
    refused = 0
    total = sample(500, 20_000)
    for _ in range(total):
        body = f'{{"event" : "x","extra":{random_json(chance)}}}'.encode()
        if has_repeated_key(body):
            refused += 1
            with pytest.raises(ResponseFormatError, match="repeats a key"):
                parse_event(body)
        else:
            parse_event(body)
    assert 0.1 * total < refused < 0.9 * total


@given(
    fields=st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(FIELDS, JSON)
        | {"data": JSON | st.dictionaries(st.sampled_from(DATA_FIELDS), JSON)},
    )
)
def test_any_object_is_an_event(fields: dict[str, object]) -> None:
    """Fields of any value parse, and every property of the event works."""
    found = event(**fields)
    assert found.succeeded in {True, False}
    assert found.failed in {True, False}
    assert found.is_test in {True, False}
    assert found.has_conflicting_names in {True, False}
    assert isinstance(found.status, str)
    assert WebhookEvent.from_dict(found.to_dict()) == found
