"""Fields that the API adds: reported once per model and field, and never lost."""

from __future__ import annotations

import logging
import typing
from collections import Counter
from collections.abc import Iterable
from typing import Any, cast

import pytest

from fivetran_async import AsyncFivetran, Hooks, Page, UnknownField
from fivetran_async._codec import Drift, DriftLog, decode, decode_page
from fivetran_async._codec._fields import wire_fields
from fivetran_async._model import Model, field, model
from fivetran_async.models import Connection, Group
from meta.calls import build, method_of, perform
from meta.inventory import OPERATIONS, Operation
from meta.samples import NEW_FIELD, NEW_VALUE, data_for
from meta.wiring import DEPRECATED, operation_on, respond_with, wired
from support import faults
from support.faults import FaultServer, WireRequest
from support.sessions import session_at, success

DECODED = [row for row in OPERATIONS if row.response not in {"nothing", "bytes"}]
"""The operations with models in their responses."""


def models_in(hint: Any) -> set[type[Model]]:  # noqa: ANN401
    """Return the models in a declared type, nested ones included."""
    found: set[type[Model]] = set()
    parts: Iterable[object] = typing.get_args(hint)
    if isinstance(hint, type) and issubclass(hint, Model):
        found.add(hint)
        hints = typing.get_type_hints(hint)
        kind: type = hint
        parts = [hints[attribute.name] for _, attribute in wire_fields(kind)]
    return found.union(*map(models_in, parts))


def with_a_new_field(request: WireRequest) -> faults.Fault:
    """Respond like the API, with an undeclared field in every object."""
    operation = operation_on(request)
    return respond_with(operation, data_for(operation, "unknown"))


async def call(fivetran: AsyncFivetran, operation: Operation) -> tuple[object, ...]:
    """Call an operation with its required arguments; return its results, or the first page's."""
    method = method_of(fivetran, operation)
    found = await perform(method, build(operation, method, "required"))
    if isinstance(found, Page):
        return cast("Page[object]", found).items
    return cast("tuple[object, ...]", found) if isinstance(found, tuple) else (found,)


@DEPRECATED
async def test_every_model_reports_a_new_field_once() -> None:
    """
    A server adds a field to every object of every response: one report each, nothing is lost.

    Each operation is called twice in one session. The models are those of all results.
    """
    told: list[UnknownField] = []
    drifts: list[Drift] = []
    models: set[type[Model]] = set()
    hooks = Hooks(on_unknown_field=told.append, on_drift=drifts.append)
    async with wired(with_a_new_field, hooks=hooks) as (fivetran, _):
        for operation in (*DECODED, *DECODED):
            for item in await call(fivetran, operation):
                assert isinstance(item, Model)
                assert item.extra == {NEW_FIELD: NEW_VALUE}
                assert item.to_dict()[NEW_FIELD] == NEW_VALUE
                models |= models_in(type(item))
    counts = Counter((report.model, report.field) for report in told)
    assert set(counts.values()) == {1}
    assert {name for _, name in counts} == {NEW_FIELD}
    assert {name for name, _ in counts} == {model.__name__ for model in models}
    assert {report.value_type for report in told} == {"object"}
    assert drifts == []
    print(f"{len(counts)} models of {len(DECODED)} operations: a new field reported once each")  # noqa: T201


async def test_a_report_has_the_first_place_and_no_value() -> None:
    """The place is that of the first object with the field, in a page and in nested objects."""
    told: list[UnknownField] = []
    items: list[object] = [
        {"id": "a"},
        {"id": "b", "new": "s3cret", "status": {"newer": None}},
        {"id": "c", "new": "s3cret", "newest": 1.5},
    ]
    async with (
        FaultServer(success({"items": items})) as server,
        session_at(server.url, hooks=Hooks(on_unknown_field=told.append)) as fivetran,
    ):
        await fivetran.connections.list()
    assert sorted(told, key=lambda report: report.place) == [
        UnknownField(
            model="Connection", field="new", place="data.items[1].new", value_type="string"
        ),
        UnknownField(
            model="ConnectionStatus",
            field="newer",
            place="data.items[1].status.newer",
            value_type="null",
        ),
        UnknownField(
            model="Connection", field="newest", place="data.items[2].newest", value_type="number"
        ),
    ]
    assert "s3cret" not in repr(told)


async def test_fields_are_logged_for_debugging(caplog: pytest.LogCaptureFixture) -> None:
    """Each session logs a field once, at the level DEBUG, with its model and place."""
    caplog.set_level(logging.DEBUG, "fivetran_async")
    response = success({"id": "x", "brand_new": 1})
    async with FaultServer(*[response] * 4) as server:
        for _ in range(2):
            async with session_at(server.url) as fivetran:
                await fivetran.groups.get("x")
                await fivetran.groups.get("x")
    records = [record for record in caplog.records if "unknown field" in record.getMessage()]
    expected = "Group has an unknown field: data.brand_new is number; it is kept in extra"
    assert [record.getMessage() for record in records] == [expected] * 2
    assert {record.levelname for record in records} == {"DEBUG"}


async def test_a_view_with_a_hook_receives_earlier_reports() -> None:
    """A report waits for a view of the session that has a hook; drifts do not pass it by."""
    told: list[object] = []
    response = success({"id": "x", "created_at": "soon", "brand_new": 1})
    async with FaultServer(*[response] * 3) as server, session_at(server.url) as fivetran:
        await fivetran.groups.get("x")
        await fivetran.with_options(hooks=Hooks(on_drift=told.append)).groups.get("x")
        assert [type(report) for report in told] == [Drift]
        await fivetran.with_options(hooks=Hooks(on_unknown_field=told.append)).groups.get("x")
    assert [type(report) for report in told] == [Drift, UnknownField]


async def test_an_async_hook_is_awaited_and_its_error_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The hook can be a coroutine function; its error does not fail the call."""

    async def hook(_: UnknownField) -> None:
        raise LookupError("the hook's")

    async with (
        FaultServer(success({"id": "x", "brand_new": 1})) as server,
        session_at(server.url, hooks=Hooks(on_unknown_field=hook)) as fivetran,
    ):
        assert (await fivetran.groups.get("x")).id == "x"
    assert "A UnknownField hook failed" in caplog.text


def test_known_fields_create_no_findings() -> None:
    """Raw items are released unless a report needs them: the first with each unknown field."""
    page: dict[str, object] = {
        "items": [
            {"id": "a"},
            {"id": "b", "x": 1},
            {"id": "c", "x": 2},
            {"id": "d", "x": 1, "y": 1},
            {"id": "e", "y": 1},
        ]
    }
    told: list[UnknownField] = []
    decode_page(page, Group, on_drift=DriftLog(unknown_hook=told.append))
    kept = [{"id": "b", "x": 1}, {"id": "d", "x": 1, "y": 1}]
    assert page["items"] == [None, kept[0], None, kept[1], None]
    assert [report.place for report in told] == ["data.items[1].x", "data.items[3].y"]


def test_other_names_of_a_field_are_known() -> None:
    """A field's other names are not reported, whether they are used or not."""

    @model
    class Renamed(Model):
        """A model with a field that has two names."""

        began: str | None = field(default=None, others=("started", "start_time"))

    told: list[UnknownField] = []
    log = DriftLog(unknown_hook=told.append)
    decode({"started": "a", "start_time": "b"}, Renamed, on_drift=log)
    decode({"began": "a", "started": "b", "new": 1}, Renamed, on_drift=log)
    assert [report.field for report in told] == ["new"]


def test_objects_keyed_by_ids_end_the_reports() -> None:
    """A model is reported with at most 200 fields, so that memory is bounded."""
    told: list[UnknownField] = []
    log = DriftLog(unknown_hook=told.append)
    for first in (0, 150, 300):
        decode({"id": "x", **{f"f{first + n}": n for n in range(150)}}, Group, on_drift=log)
    assert len(told) == 200
    many = {"id": "x", **dict.fromkeys(map(str, range(1_000)))}
    found = decode(many, Connection, on_drift=log)
    assert found.to_dict() == many
    assert len(told) == 400


def test_a_partly_readable_value_is_not_lost() -> None:
    """`to_dict` returns the raw value of a field that was read in part, until it is changed."""

    @model
    class Tagged(Model):
        """A model with a list."""

        tags: tuple[str, ...] = ()

    raw = {"tags": ["a", None, {"b": 1}], "new": [1]}
    found = decode(raw, Tagged, on_drift=lambda _: None)
    assert found.tags == ("a",)
    assert found.to_dict() == raw
    changed = Tagged(tags=("c",), extra=found.extra)
    assert changed.to_dict() == {"tags": ["c"], "new": [1]}
