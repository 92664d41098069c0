"""Decoding: fields always have their declared types, and reads do not fail on new values."""

import contextlib
import json
import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Literal, cast

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fivetran_async._codec import Drift, DriftLog, converter, decode, decode_page, parse_json
from fivetran_async._codec._fields import wire_fields
from fivetran_async._model import Model, field, model
from fivetran_async.errors import InvalidArgumentError, ResponseFormatError
from support.documents import Documents
from support.each import for_each
from support.samples import sample


@model
class Task(Model):
    """A task without required fields."""

    code: str = ""
    details: object = None


@model
class Status(Model):
    """A nested object."""

    state: str = "unknown"
    is_historical: bool = False
    tasks: tuple[Task, ...] = ()


@model
class Owner(Model):
    """A nested object with an identity."""

    id: str
    name: str | None = None


@model
class Renamed(Model):
    """Fields with other names."""

    began: datetime | None = field(default=None, others=("start_time", "started_at"))
    why: str = field(default="", wire="reason", others=("message",))


@model
class Thing(Model):
    """A field of every kind."""

    id: str
    name: str = ""
    comment: str | None = None
    paused: bool | None = None
    is_open: bool = False
    count: int = 0
    ratio: float | None = None
    created_at: datetime | None = None
    status: Status = field(factory=Status)
    owner: Owner | None = None
    owners: tuple[Owner, ...] = ()
    tags: tuple[str, ...] = ()
    moments: tuple[datetime, ...] = ()
    matrix: tuple[tuple[int, ...], ...] = ()
    labels: Mapping[str, str] = field(factory=dict)
    config: Mapping[str, object] = field(factory=dict, repr=False)
    people: Mapping[str, Owner] = field(factory=dict)
    group_id: str = field(default="", wire="groupId")
    anything: object = None
    things: tuple[object, ...] = ()
    retries: int | None = 3


@model
class BigThing(Thing):
    """A thing with further fields."""

    size: int | None = None
    parts: "tuple[BigThing, ...]" = ()


def thing(reports: list[Drift] | None = None, **fields: object) -> Thing:
    """Decode a thing and collect its drifts."""
    found: list[Drift] = [] if reports is None else reports
    return decode({"id": "t", **fields}, Thing, on_drift=found.append)


def test_missing_fields_take_their_empty_values() -> None:
    """Only the identity is required; other fields have empty values."""
    assert thing() == Thing(id="t")
    assert thing().status.tasks == ()


def test_null_fields_take_their_empty_values() -> None:
    """Null becomes the empty value of a field that is not nullable, without a drift."""
    reports: list[Drift] = []
    nulls = {wire: None for wire, field in wire_fields(Thing) if field.name != "id"}
    assert thing(reports, **nulls) == Thing(id="t", retries=None)
    assert reports == []


@for_each(
    "name, raw, value",
    [
        ("name", 5, "5"),
        ("name", 1.5, "1.5"),
        ("name", True, "true"),
        ("comment", False, "false"),
        ("paused", "TRUE", True),
        ("is_open", "false", False),
        ("is_open", "True", True),
        ("count", "-12", -12),
        ("count", "0", 0),
        ("count", 5.0, 5),
        ("ratio", 3, 3.0),
        ("ratio", "1.5", 1.5),
        ("ratio", "-2e3", -2000.0),
        ("status", [], Status()),
        ("owners", {}, ()),
        ("config", [], {}),
        ("tags", [1, True, "x"], ("1", "true", "x")),
        ("labels", {"a": 1}, {"a": "1"}),
        ("matrix", [["1", 2], []], ((1, 2), ())),
        ("groupId", 7, "7"),
        ("anything", [{"a": None}], [{"a": None}]),
        ("things", [None, 1, {"a": 2}], (None, 1, {"a": 2})),
        ("retries", None, None),
    ],
)
def test_lossless_conversions_are_silent(name: str, raw: object, value: object) -> None:
    """A value of another type is converted if the conversion is lossless."""
    reports: list[Drift] = []
    decoded = thing(reports, **{name: raw})
    found = getattr(decoded, {"groupId": "group_id"}.get(name, name))
    assert found == value
    assert type(found) is type(value)
    assert decoded.extra == {}
    assert reports == []


@for_each(
    "name, raw, value_type, expected",
    [
        ("name", ["x"], "array", "str"),
        ("is_open", [], "array", "bool"),
        ("comment", {}, "object", "str"),
        ("paused", 1, "number", "bool"),
        ("paused", "yes", "string", "bool"),
        ("is_open", 0, "number", "bool"),
        ("count", True, "boolean", "int"),
        ("count", "007", "string", "int"),
        ("count", "1.5", "string", "int"),
        ("count", " 1", "string", "int"),
        ("count", "1" * 5000, "string", "int"),
        ("count", 5.5, "number", "int"),
        ("count", 1e300, "number", "int"),
        ("ratio", False, "boolean", "float"),
        ("ratio", "nan", "string", "float"),
        ("ratio", "1e999", "string", "float"),
        ("ratio", "1_000", "string", "float"),
        ("ratio", 2**63 - 1, "number", "float"),
        ("created_at", "yesterday", "string", "datetime"),
        ("created_at", 1700000000, "number", "datetime"),
        ("created_at", "0001-01-01T00:00:00+14:00", "string", "datetime"),
        ("status", "connected", "string", "Status object"),
        ("owner", {"name": "no id"}, "object", "Owner object"),
        ("owners", "x", "string", "array of Owner object"),
        ("config", "{}", "string", "object of any value"),
        ("groupId", [1], "array", "str"),
    ],
)
def test_unconvertible_values_are_kept_in_extra(
    name: str, raw: object, value_type: str, expected: str
) -> None:
    """An unconvertible value is in `extra`, the field is empty, and the drift is reported."""
    reports: list[Drift] = []
    decoded = thing(reports, **{name: raw})
    assert decoded == Thing(id="t", extra={name: raw})
    assert reports == [
        Drift(
            model="Thing",
            field=name,
            place=f"data.{name}",
            value_type=value_type,
            expected=expected,
        )
    ]


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("tags", ["a", None, ["x"], "b"], ("a", "b")),
        ("moments", ["2026-01-02", "never"], (datetime(2026, 1, 2, tzinfo=UTC),)),
        ("matrix", [[1, "x"], 5], ((1,),)),
        ("labels", {"a": "x", "b": ["y"]}, {"a": "x"}),
    ],
)
def test_parts_that_do_not_fit_are_skipped(name: str, raw: object, value: object) -> None:
    """The usable part of a value is decoded, and `extra` keeps the whole value."""
    reports: list[Drift] = []
    decoded = thing(reports, **{name: raw})
    assert getattr(decoded, name) == value
    assert decoded.extra == {name: raw}
    assert [report.place for report in reports] == [f"data.{name}"]


def test_an_integer_too_long_for_text_drifts() -> None:
    """Python does not convert thousands of digits to text, so the value drifts."""
    decoded = thing(name=10**5000)
    assert decoded.name == ""
    assert decoded.extra["name"] == 10**5000


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05.1Z", datetime(2026, 1, 2, 3, 4, 5, 100_000, tzinfo=UTC)),
        ("2026-01-02T03:04:05.123Z", datetime(2026, 1, 2, 3, 4, 5, 123_000, tzinfo=UTC)),
        ("2026-01-02T03:04:05.123456789Z", datetime(2026, 1, 2, 3, 4, 5, 123_456, tzinfo=UTC)),
        ("2026-01-02T03:04:05+02:00", datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
        ("null", None),
        ("", None),
    ],
)
def test_times_are_aware_and_in_utc(text: str, moment: datetime | None) -> None:
    """All ISO 8601 forms of the API are decoded; the text `null` becomes None."""
    decoded = thing(created_at=text)
    assert decoded.created_at == moment
    assert decoded.created_at is None or decoded.created_at.tzinfo is UTC
    assert decoded.extra == {}


def test_unknown_fields_are_kept() -> None:
    """Undeclared fields are in `extra`, including one with the name `extra`."""
    assert thing(new=[1], extra={"a": 1}).extra == {"new": [1], "extra": {"a": 1}}


def test_as_many_unknown_as_absent_fields() -> None:
    """An object with the expected number of keys but other names is decoded correctly."""
    raw = {"code": "x", "unknown": 1}
    assert decode(raw, Task) == Task(code="x", extra={"unknown": 1})
    assert raw == {"code": "x", "unknown": 1}


@pytest.mark.parametrize("value", [None, 1, "x", True, 1.5, [], [{}]])
def test_a_value_of_another_type_is_an_error(value: object) -> None:
    """A response of another type raises an error with its place."""
    with pytest.raises(ResponseFormatError, match="data: expected Thing object") as caught:
        decode(value, Thing)
    assert caught.value.place == "data"
    assert caught.value.__context__ is None


@pytest.mark.parametrize("raw", [{}, {"id": None}, {"id": []}, {"id": {}, "name": "x"}])
def test_an_object_without_identity_is_an_error(raw: dict[str, object]) -> None:
    """A single object without its identity raises an error with the place of the field."""
    with pytest.raises(ResponseFormatError, match=r"answer\.id: expected str") as caught:
        decode(raw, Thing, place="answer")
    assert caught.value.place == "answer.id"


def test_items_without_identity_are_skipped(caplog: pytest.LogCaptureFixture) -> None:
    """An item without its identity is skipped, reported and logged with its place, at any depth."""
    reports: list[Drift] = []
    log = DriftLog(reports.append)
    decoded = decode(
        {
            "id": "t",
            "owners": [{"id": "a"}, {"name": "b"}, 3, None, {"id": "c"}],
            "people": {"ok": {"id": "d"}, "a b": {}, "none": None},
            "status": {"tasks": [1, {"code": "x"}, 1]},
        },
        Thing,
        on_drift=log,
    )
    assert [owner.id for owner in decoded.owners] == ["a", "c"]
    assert list(decoded.people) == ["ok"]
    assert decoded.status.tasks == (Task(code="x"),)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "Skipped data.status.tasks[0]",
        "Skipped data.status.tasks[2]",
        "Skipped data.owners[1].id",
        "Skipped data.owners[2]",
        "Skipped data.owners[3]",
        'Skipped data.people["a b"].id',
        "Skipped data.people.none",
    ]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert [(drift.model, drift.field) for drift in reports] == [
        ("Task", ""),
        ("Owner", "id"),
        ("Owner", ""),
    ]
    assert all(drift.skipped for drift in reports)


def test_skipped_items_are_reported_once_when_decoded_twice() -> None:
    """An object that is decoded a second time for missing fields reports its items once."""
    reports: list[Drift] = []
    raw: dict[str, object] = {"tasks": [1], "unknown": 1, "state": "x"}
    assert decode(raw, Status, on_drift=reports.append).state == "x"
    assert [report.place for report in reports] == ["data.tasks[0]"]


def test_a_field_drifts_once_per_response() -> None:
    """A thousand items with the same drift produce one report, for the first item."""
    reports: list[Drift] = []
    page = {"items": [{"id": "x"}, *({"id": str(n), "count": "many"} for n in range(1000))]}
    items, _ = decode_page(page, Thing, on_drift=reports.append)
    assert len(items) == 1001
    assert items[1000].extra == {"count": "many"}
    assert [report.place for report in reports] == ["data.items[1].count"]


def test_raw_items_are_released_while_decoding() -> None:
    """Raw items are released as their objects exist, unless places must be looked up."""
    clean: dict[str, object] = {"items": [{"id": "a"}, {"id": "b"}]}
    decode_page(clean, Thing)
    assert clean["items"] == [None, None]
    reports: list[Drift] = []
    drifted = {"items": [{"id": "a"}, {"id": "b", "count": "many"}, {}, {"id": "c"}]}
    decode_page(drifted, Thing, on_drift=reports.append)
    assert drifted["items"] == [None, {"id": "b", "count": "many"}, {}, {"id": "c"}]
    assert [report.place for report in reports] == ["data.items[1].count", "data.items[2].id"]


def test_nested_decoding_keeps_reports_separate() -> None:
    """A cattrs hook of the caller can decode; each document reports its own drifts."""
    outer: list[Drift] = []
    inner: list[Drift] = []

    class Wrapped:
        """A class of the caller."""

    def structure(_: object, __: object) -> Wrapped:
        decode({"id": "x", "count": "many"}, Thing, on_drift=inner.append, place="inner")
        return Wrapped()

    converter.register_structure_hook(Wrapped, structure)
    page: dict[str, object] = {"items": [{}, {}]}
    decode_page(page, Wrapped, on_drift=outer.append)
    assert outer == []
    assert [report.place for report in inner] == ["inner.count", "inner.count"]


def test_a_session_reports_a_drift_once(caplog: pytest.LogCaptureFixture) -> None:
    """A session logs each drifted field once, without its value."""
    reports: list[Drift] = []
    log = DriftLog(reports.append)
    for _ in range(3):
        decode({"id": "t", "count": "s3cret", "name": ["s3cret"]}, Thing, on_drift=log)
    assert [report.field for report in reports] == ["name", "count"]
    assert len(caplog.records) == 2
    assert "s3cret" not in caplog.text + repr(reports)


def test_a_failing_hook_breaks_no_read(caplog: pytest.LogCaptureFixture) -> None:
    """An error in the hook is logged, and the object is decoded."""

    def hook(_: Drift) -> None:
        raise LookupError("hook")

    decoded = decode({"id": "t", "count": "x"}, Thing, on_drift=DriftLog(hook))
    assert decoded.id == "t"
    assert caplog.records[-1].exc_info is not None


def test_without_a_session_drifts_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Without a session each field is logged once per process."""

    @model
    class Lonely(Model):
        """A class that is decoded in this test only."""

        count: int = 0

    for _ in range(2):
        Lonely.from_dict({"count": "x"})
    assert [record.name for record in caplog.records] == ["fivetran_async"]


@pytest.mark.parametrize(
    ("page", "ids", "cursor"),
    [
        ({"items": [{"id": "a"}], "next_cursor": "c"}, ["a"], "c"),
        ({"items": [{"id": "a"}], "next_cursor": ""}, ["a"], None),
        ({"items": [], "next_cursor": None}, [], None),
        ({"items": None}, [], None),
        ({}, [], None),
    ],
)
def test_pages(page: dict[str, object], ids: list[str], cursor: str | None) -> None:
    """Missing items are an empty page; missing, null and empty cursors end the iteration."""
    items, next_cursor = decode_page(page, Owner)
    assert [item.id for item in items] == ids
    assert next_cursor == cursor


@pytest.mark.parametrize(
    ("page", "place"),
    [
        (None, "data"),
        ([], "data"),
        ("x", "data"),
        ({"items": {}}, "data.items"),
        ({"items": "x"}, "data.items"),
        ({"items": [], "next_cursor": 5}, "data.next_cursor"),
    ],
)
def test_a_value_that_is_not_a_page_is_an_error(page: object, place: str) -> None:
    """The error names the place that does not fit."""
    with pytest.raises(ResponseFormatError) as caught:
        decode_page(page, Owner)
    assert caught.value.place == place


def test_subclasses_decode_to_themselves() -> None:
    """A model can extend another one and can contain itself."""
    raw = {"id": "a", "size": "3", "parts": [{"id": "b", "parts": [{"id": "c"}, {}]}]}
    reports: list[Drift] = []
    decoded = decode(raw, BigThing, on_drift=reports.append)
    assert decoded == BigThing(id="a", size=3, parts=(BigThing(id="b", parts=(BigThing(id="c"),)),))
    assert reports[0].place == "data.parts[0].parts[1].id"


def test_a_model_that_nests_without_end_is_an_error() -> None:
    """Values that are nested too deeply raise an error instead of an overflow."""
    raw: dict[str, object] = {"id": "x"}
    for _ in range(5000):
        raw = {"id": "x", "parts": [raw]}
    with pytest.raises(ResponseFormatError, match="too deep"):
        decode(raw, BigThing)


def test_a_place_is_found_beside_a_cycle() -> None:
    """The search for a place ends in values that contain themselves."""
    cycle: dict[str, object] = {}
    cycle["self"] = cycle
    reports: list[Drift] = []
    thing(reports, owners=[{"name": "no id"}], config=cycle)
    assert [report.place for report in reports] == ["data.owners[0].id"]


def test_the_converter_serves_models_by_itself() -> None:
    """The cattrs converter returns the same objects, without reports."""
    thing = Thing(id="5", extra={"count": "x"})
    assert converter.structure({"id": 5, "count": "x"}, Thing) == thing


@attrs.frozen
class Point:
    """A class of the caller."""

    x: int
    at: datetime | None = None
    owner: Owner | None = None


@pytest.mark.parametrize(
    ("value", "result", "decoded"),
    [
        ([1, {"a": None}], object, [1, {"a": None}]),
        (None, object, None),
        ("5", int, 5),
        ([{"id": 1}], tuple[Owner, ...], (Owner(id="1"),)),
        ({"a": {"id": "x"}}, dict[str, Owner], {"a": Owner(id="x")}),
        ({"a": 1}, dict, {"a": 1}),
        (["1"], list[int], [1]),
        (
            {"x": 1, "at": "2026-01-02", "owner": {"id": "o"}},
            Point,
            Point(1, datetime(2026, 1, 2, tzinfo=UTC), Owner(id="o")),
        ),
    ],
    ids=repr,
)
def test_any_class_can_be_decoded(value: object, result: type[Any], decoded: object) -> None:
    """Scalars, collections of models and all classes that cattrs can structure are decoded."""
    assert decode(value, result) == decoded


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (None, int),
        (["x"], tuple[int, ...]),
        ("x", tuple[Owner, ...]),
        ({}, Point),
        ({"x": 1, "at": "s3cret"}, Point),
        ({"x": 1, "owner": {}}, Point),
        ([1], Point),
        ({"a": "s3cret"}, dict[str, Point]),
    ],
)
def test_a_value_that_does_not_fit_a_class_is_an_error(value: object, result: type[Any]) -> None:
    """Decoding returns the requested class or raises an error without the value."""
    with pytest.raises(ResponseFormatError, match="data: expected") as caught:
        decode(value, result)
    assert "s3cret" not in str(caught.value)


def test_a_class_that_cattrs_cannot_structure_is_refused() -> None:
    """A class that cattrs cannot structure is an invalid argument."""
    with pytest.raises(InvalidArgumentError, match="cattrs cannot structure a lock"):
        decode({}, type(threading.Lock()))


def test_items_of_a_class_of_the_caller_are_skipped() -> None:
    """A page of a class of the caller skips only the items that do not fit."""
    reports: list[Drift] = []
    page = {"items": [{"x": 1}, {}, {"x": 2}]}
    items, _ = decode_page(page, Point, on_drift=reports.append)
    assert [item.x for item in items] == [1, 2]
    assert [report.place for report in reports] == ["data.items[1]"]


def test_many_threads_may_decode_at_first_use() -> None:
    """Many threads can request the decoder of a class at the same time."""

    @model
    class Fresh(Model):
        """A class without a decoder yet."""

        id: str
        inner: "tuple[Task, ...]" = ()

    results: list[object] = []
    start = threading.Barrier(8)

    def run() -> None:
        start.wait()
        results.append(decode({"id": 1, "inner": [{"code": 2}]}, Fresh))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [Fresh(id="1", inner=(Task(code="2"),))] * 8


JSON = Documents(["id", "code", "state", "tasks", "x"])
FIELDS = ["id", "extra", "groupId", "new", *(f.name for f in attrs.fields(BigThing))]


def an_object() -> dict[str, object]:
    """Generate an object with some of the fields."""
    return JSON.one_with(FIELDS, most=8)


def test_any_json_is_an_object_or_an_error() -> None:
    """Any JSON becomes an object of the declared types or raises ResponseFormatError."""
    for _ in range(sample(200, 10_000)):
        check_decoding(JSON.value())
        check_decoding(an_object())
        check_decoding({**an_object(), "id": "x"})


@pytest.mark.parametrize("number", ["123456789012345678901234", "-9223372036854775809"])
def test_an_id_beyond_64_bits_is_exact(number: str) -> None:
    """An id that is sent as a number keeps every digit, by orjson too."""
    body = f'{{"id": {number}}}'.encode()
    assert decode(parse_json(body), BigThing).id == number


@pytest.mark.parametrize(
    "number", ["1.2345678901234567890123e23", "9007199254740993.0", "-9007199254740993.0"]
)
def test_an_id_is_never_a_rounded_float(number: str) -> None:
    """A number that cannot be read exactly is not an id: the object is refused, not mixed up."""
    with pytest.raises(ResponseFormatError, match=r"data\.id: expected str, found number"):
        decode(parse_json(f'{{"id": {number}}}'.encode()), BigThing)


def check_decoding(value: object) -> None:
    """Decode a value; it must succeed exactly if the identity fits."""
    decoded = None
    with contextlib.suppress(ResponseFormatError):
        decoded = decode(value, BigThing, on_drift=lambda _: None)
    raw = cast("dict[str, object]", value if isinstance(value, dict) else {})
    identity = raw.get("id")
    has_identity = isinstance(identity, (str, int)) or (
        # A longer number was rounded when it was read.
        isinstance(identity, float) and abs(identity) < 2**53
    )
    assert (decoded is not None) == has_identity
    if decoded is not None:
        assert_types_hold(decoded)


def test_every_object_survives_to_dict() -> None:
    """`to_dict` returns JSON that decodes to an equal object and keeps all raw values."""
    for _ in range(sample(200, 10_000)):
        check_survival({**an_object(), "id": "x"})


def check_survival(raw: dict[str, object]) -> None:
    """Convert an object to JSON and back."""
    decoded = decode(raw, BigThing, on_drift=lambda _: None)
    again = json.loads(json.dumps(decoded.to_dict()))
    assert BigThing.from_dict(again) == decoded
    assert {name: again[name] for name in decoded.extra} == decoded.extra


@settings(max_examples=sample(50, 1_000))
@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5))])))
def test_every_time_survives_to_dict(moment: datetime) -> None:
    """Datetimes in any time zone keep their instant."""
    try:
        moment.astimezone(UTC)
    except OverflowError:
        return
    assert Thing.from_dict(Thing(id="x", created_at=moment).to_dict()).created_at == moment


def assert_types_hold(decoded: BigThing) -> None:
    """Check every field of an object against its declaration."""
    checks = {
        "id": str,
        "name": str,
        "comment": str | None,
        "paused": bool | None,
        "is_open": bool,
        "ratio": float | None,
        "created_at": datetime | None,
        "status": Status,
        "owner": Owner | None,
        "config": dict,
        "group_id": str,
    }
    for name, kind in checks.items():
        assert isinstance(getattr(decoded, name), kind), name
    assert type(decoded.count) is int
    assert type(decoded.size) in (int, type(None))
    assert all(type(tag) is str for tag in decoded.tags)
    assert all(moment.tzinfo is UTC for moment in decoded.moments)
    assert all(type(number) is int for row in decoded.matrix for number in row)
    assert all(type(label) is str for label in decoded.labels.values())
    assert all(type(owner.id) is str for owner in (*decoded.owners, *decoded.people.values()))
    assert all(isinstance(task, Task) for task in decoded.status.tasks)
    for part in decoded.parts:
        assert_types_hold(part)


@pytest.mark.parametrize(
    ("raw", "began", "why", "extra"),
    [
        ({"began": "2026-01-02T00:00:00Z", "reason": "full"}, 2, "full", {}),
        ({"start_time": "2026-01-03T00:00:00Z", "message": "full"}, 3, "full", {}),
        ({"started_at": "2026-01-04T00:00:00Z"}, 4, "", {}),
        ({"began": None, "start_time": "2026-01-03T00:00:00Z", "more": 1}, 3, "", {"more": 1}),
        (
            {"start_time": None, "started_at": "2026-01-04T00:00:00Z"},
            4,
            "",
            {"start_time": None},
        ),
        (
            {"began": "2026-01-02T00:00:00Z", "start_time": "2026-01-03T00:00:00Z"},
            2,
            "",
            {"start_time": "2026-01-03T00:00:00Z"},
        ),
        ({"reason": "", "message": "full"}, None, "full", {}),
    ],
    ids=["own", "other", "third", "null", "null other", "both", "empty"],
)
def test_other_names_are_read_and_never_written(
    raw: dict[str, object], began: int | None, why: str, extra: dict[str, object]
) -> None:
    """The own name of a field has priority over other names; unused values stay in `extra`."""
    found = Renamed.from_dict(raw)
    assert found.began == (datetime(2026, 1, began, tzinfo=UTC) if began else None)
    assert (found.why, found.extra) == (why, extra)
    written = found.to_dict()
    assert written.keys() - extra.keys() <= {"began", "reason"}
    assert Renamed.from_dict(written) == found


def test_other_name_that_does_not_fit_is_reported_under_the_own() -> None:
    """A value of another type under another name is reported under the field's name."""
    told: list[Drift] = []
    found = decode({"start_time": 7}, Renamed, on_drift=told.append)
    assert (found.began, found.extra) == (None, {"began": 7})
    assert [(drift.model, drift.field) for drift in told] == [("Renamed", "began")]


@model
class Chosen(Model):
    """A text field with a list of known words."""

    word: Literal["one", "two"] | str | None = None  # noqa: PYI051


def test_a_literal_beside_text_does_not_limit_the_text() -> None:
    """Any word decodes without a drift, and other types convert as for text."""
    reports: list[Drift] = []
    decoded = [decode({"word": raw}, Chosen, on_drift=reports.append) for raw in ("new", 7, None)]
    assert [chosen.word for chosen in decoded] == ["new", "7", None]
    assert reports == []


def test_a_literal_alone_is_refused() -> None:
    """A field must not be limited to known words, because the API adds new ones."""

    @model
    class Limited(Model):
        """A field with nothing but known words."""

        word: Literal["one"] | None = None

    with pytest.raises(TypeError, match="unsupported"):
        decode({}, Limited)
