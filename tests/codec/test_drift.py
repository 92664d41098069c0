"""Responses that differ from the documentation: reads continue with correct types."""

from __future__ import annotations

import functools
import types
import typing
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeGuard, cast

import attrs
import pytest

from fivetran_async import AsyncFivetran, Drift, Hooks, Page, Pager, ResponseFormatError
from fivetran_async._model import Model
from fivetran_async.models import (
    Connection,
    ConnectionProblem,
    ConnectionState,
    ConnectionStatus,
    Destination,
    Group,
    GroupPublicKey,
    GroupServiceAccount,
    SyncHistoryEntry,
    User,
)
from support import faults
from support.faults import FaultServer, WireRequest
from support.sessions import ONCE, session_at, success

JUNK: Mapping[str, object] = {
    "null": None,
    "true": True,
    "number": 5,
    "fraction": 2.5,
    "huge number": 10**30,
    "empty text": "",
    "truth as text": "True",
    "number as text": "42",
    "null as text": "null",
    "unknown word": "brand_new_state",
    "empty array": [],
    "empty object": {},
    "array": [1, "two", None],
    "object": {"a": {"b": 1}},
}

IDENTITY = "id"


def fields_of(model: type[Model]) -> dict[str, Any]:
    """Return the declared type of each field of a model."""
    return _fields_of(cast("type", model))


@functools.cache
def _fields_of(model: type) -> dict[str, Any]:
    hints = typing.get_type_hints(model)
    return {each.name: hints[each.name] for each in attrs.fields(model) if each.name != "extra"}


def document(model: type[Model], junk: object, *, deep: bool) -> dict[str, object]:
    """Build an object with junk in every field except its identity, and an undeclared field."""
    found: dict[str, object] = {"brand_new_field": {"kept": [1]}}
    for name, hint in fields_of(model).items():
        found[name] = "x" if name == IDENTITY else filling(hint, junk, deep=deep)
    return found


def filling(hint: Any, junk: object, *, deep: bool) -> object:  # noqa: ANN401
    """Return junk for one field, or an object with junk inside."""
    if deep and is_model(hint):
        return document(hint, junk, deep=True)
    if deep and typing.get_origin(hint) is tuple:
        (member, _) = typing.get_args(hint)
        return [filling(member, junk, deep=True), junk]
    return junk


def is_model(hint: object) -> TypeGuard[type[Model]]:
    """Return True if a declared type is a model."""
    return isinstance(hint, type) and issubclass(hint, Model)


def assert_typed(value: object, hint: Any, place: str) -> None:  # noqa: ANN401
    """Check that a value has its declared type at every level."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        # A `Literal` beside `str` is for completion only.
        kinds = (each for each in arguments if typing.get_origin(each) is not typing.Literal)
        (declared,) = (each for each in kinds if (each is types.NoneType) == (value is None))
        assert_typed(value, declared, place)
    elif is_model(hint):
        assert_fields_typed(value, hint, place)
    elif origin in {tuple, Mapping}:
        assert_members_typed(value, origin, arguments, place)
    elif hint is not object:
        # The exact type, because bool is a subclass of int.
        assert type(value) is hint, f"{place}: {value!r}"
        assert getattr(value, "tzinfo", UTC) is UTC, place


def assert_members_typed(value: object, origin: object, arguments: Any, place: str) -> None:  # noqa: ANN401
    """Check that an array is a tuple and a mapping a dict, with members of the declared type."""
    assert type(value) is (tuple if origin is tuple else dict), place
    if isinstance(value, dict):
        value, arguments = tuple(cast("dict[str, object]", value).values()), arguments[1:]
    for member in cast("tuple[object, ...]", value):
        assert_typed(member, arguments[0], place)


def assert_fields_typed(value: object, model: type[Model], place: str) -> None:
    """Check that an object and its fields have the declared types."""
    assert type(value) is model, place
    for name, declared in fields_of(model).items():
        assert_typed(getattr(value, name), declared, f"{place}.{name}")


SINGLE: Mapping[str, type[Model]] = {
    "/v1/groups/x": Group,
    "/v1/groups/x/public-key": GroupPublicKey,
    "/v1/groups/x/service-account": GroupServiceAccount,
    "/v1/connections/x": Connection,
    "/v1/connections/x/state": ConnectionState,
    "/v1/destinations/x": Destination,
}

LISTED: Mapping[str, type[Model]] = {
    "/v1/groups": Group,
    "/v1/groups/x/users": User,
    "/v1/groups/x/connections": Connection,
    "/v1/connections": Connection,
    "/v1/connections/x/sync-history": SyncHistoryEntry,
    "/v1/connections/x/errors": ConnectionProblem,
    "/v1/destinations": Destination,
}

READS: tuple[Callable[[AsyncFivetran], Awaitable[Model]], ...] = (
    lambda f: f.groups.get("x"),
    lambda f: f.groups.get_public_key("x"),
    lambda f: f.groups.get_service_account("x"),
    lambda f: f.connections.get("x"),
    lambda f: f.connections.get_state("x"),
    lambda f: f.connections.get_sync_status("x"),
    lambda f: f.destinations.get("x"),
)

LISTS: tuple[Callable[[AsyncFivetran], Pager[Model]], ...] = (
    lambda f: f.groups.list(),
    lambda f: f.groups.users.list("x"),
    lambda f: f.groups.list_connections("x"),
    lambda f: f.connections.list(),
    lambda f: f.connections.list_sync_history("x"),
    lambda f: f.connections.list_errors("x"),
    lambda f: f.destinations.list(),
)


def drifting(junk: object, *, deep: bool) -> Callable[[WireRequest], faults.Fault]:
    """A server that puts the same junk into every response."""

    def answer(request: WireRequest) -> faults.Fault:
        path = request.target.partition("?")[0]
        if path in SINGLE:
            return success(document(SINGLE[path], junk, deep=deep))
        good = document(LISTED[path], junk, deep=deep)
        without_identity = {name: value for name, value in good.items() if name != IDENTITY}
        items: list[object] = [good, without_identity, 7, "text", (), good]
        return success({"items": items, "more": junk})

    return answer


@pytest.mark.parametrize("deep", [False, True], ids=["flat", "deep"])
@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
async def test_every_read_survives_and_every_field_keeps_its_type(
    junk: object, *, deep: bool
) -> None:
    """Each field has its declared type or its empty value, for any junk in its place."""
    told: list[Drift] = []
    async with (
        FaultServer(answer=drifting(junk, deep=deep)) as server,
        session_at(server.url, hooks=Hooks(on_drift=told.append)) as fivetran,
    ):
        for _ in range(2):
            for read in READS:
                value = await read(fivetran)
                assert_typed(value, type(value), type(value).__name__)
            for list_ in LISTS:
                page = await list_(fivetran).page()
                assert isinstance(page, Page)
                for item in page.items:
                    assert_typed(item, type(item), type(item).__name__)
                has_identity = IDENTITY in fields_of(type(page.items[0]))
                assert len(page.items) == (2 if has_identity else 3)
    counts = Counter((drift.model, drift.field, drift.skipped) for drift in told)
    assert set(counts.values()) == {1}
    assert {("Group", "id", True), ("Connection", "id", True)} <= set(counts)


async def test_lossless_conversions_are_applied() -> None:
    """Booleans and numbers in text are converted, and so are numbers in place of text."""
    raw: dict[str, object] = {
        "id": 12,
        "paused": "true",
        "pause_after_trial": "FALSE",
        "sync_frequency": "360",
        "data_delay_threshold": 5.0,
        "service_version": 1,
        "succeeded_at": "2026-01-02T03:04:05.123456789Z",
        "failed_at": "null",
        "created_at": "2026-01-02",
        "schedule_type": 5,
        "status": {"setup_state": "INVENTED", "is_historical_sync": "true", "tasks": None},
        "config": [],
        "connect_card": [],
    }
    told: list[Drift] = []
    async with (
        FaultServer(success(raw)) as server,
        session_at(server.url, hooks=Hooks(on_drift=told.append)) as fivetran,
    ):
        connection = await fivetran.connections.get("x")
    assert connection == Connection(
        id="12",
        paused=True,
        pause_after_trial=False,
        sync_frequency=360,
        data_delay_threshold=5,
        service_version=1,
        succeeded_at=datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC),
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
        schedule_type="5",
        status=ConnectionStatus(setup_state="INVENTED", is_historical_sync=True),
    )
    assert told == []
    assert connection.extra == {}


async def test_unconvertible_values_are_kept_in_extra() -> None:
    """A drifted field is empty, `extra` has the raw value, and the hook receives the place."""
    raw = {
        "id": "x",
        "sync_frequency": "hourly",
        "status": {"sync_state": {"now": "syncing"}, "tasks": "none"},
        "brand_new": [1],
    }
    told: list[Drift] = []
    async with (
        FaultServer(success({"items": [{"id": "fine"}, raw]})) as server,
        session_at(server.url, hooks=Hooks(on_drift=told.append)) as fivetran,
    ):
        (_, connection) = (await fivetran.connections.list()).items
    assert connection.sync_frequency is None
    assert (connection.status.sync_state, connection.status.tasks) == ("", ())
    assert connection.extra == {"sync_frequency": "hourly", "brand_new": [1]}
    assert connection.status.extra == {"sync_state": {"now": "syncing"}, "tasks": "none"}
    assert connection.to_dict() == raw
    assert {(drift.model, drift.place, drift.value_type) for drift in told} == {
        ("Connection", "data.items[1].sync_frequency", "string"),
        ("ConnectionStatus", "data.items[1].status.sync_state", "object"),
        ("ConnectionStatus", "data.items[1].status.tasks", "string"),
    }
    assert "hourly" not in repr(told)


async def test_an_item_without_identity_is_skipped_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A broken item is logged and skipped, and the iteration continues."""
    first = success({"items": [{"id": "a"}, {"name": "nobody"}], "next_cursor": "2"})
    second = success({"items": [{"id": None}, {"id": "b"}]})
    async with FaultServer(first, second) as server, session_at(server.url) as fivetran:
        groups = [group.id async for group in fivetran.groups.list()]
    assert groups == ["a", "b"]
    warned = [text for text in caplog.messages if "Skipped" in text]
    assert [text.split(":")[0] for text in warned] == [
        "Skipped data.items[1].id",
        "Skipped data.items[0].id",
    ]


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"name": "nobody"}, "data.id"),
        ({"id": None}, "data.id"),
        ({"id": {"nested": 1}}, "data.id"),
        ([], "data"),
        ("text", "data"),
        (None, "data"),
    ],
)
async def test_a_single_object_without_identity_is_an_error(data: object, place: str) -> None:
    """A single object without its identity raises `ResponseFormatError` with its place."""
    answer = faults.reply(200, {"code": "Success", "data": data})
    async with FaultServer(answer) as server, session_at(server.url, retry=ONCE) as fivetran:
        with pytest.raises(ResponseFormatError) as caught:
            await fivetran.groups.get("x")
    error = caught.value
    assert (error.place, error.status, error.fate) == (place, 200, "responded")
    assert (error.verb, error.path) == ("GET", "/v1/groups/x")
    assert place in str(error)


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"items": {"a": 1}}, "data.items"),
        ({"items": [], "next_cursor": 5}, "data.next_cursor"),
    ],
)
async def test_a_response_without_a_page_is_an_error(data: object, place: str) -> None:
    """A response that is not a page raises an error with its place, and does not end the list."""
    async with FaultServer(success(data)) as server, session_at(server.url) as fivetran:
        with pytest.raises(ResponseFormatError) as caught:
            await fivetran.groups.list().collect()
    assert caught.value.place == place


async def test_drift_is_reported_once_per_session() -> None:
    """A session and its views report a drift once; another session reports it as well."""
    told: list[str] = []
    hooks = Hooks(on_drift=lambda drift: told.append(drift.field))
    bad = success({"id": "x", "created_at": "soon"})
    async with FaultServer(*[bad] * 4) as server:
        for _ in range(2):
            async with session_at(server.url) as fivetran:
                view = fivetran.with_options(hooks=hooks)
                await view.groups.get("x")
                await view.groups.get("x")
    assert told == ["created_at", "created_at"]
