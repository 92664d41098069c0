"""Every public result: JSON in both forms, equality, pickle, pydantic and FastAPI."""

from __future__ import annotations

import json
import pickle
import re
import sys
import types
import typing
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, TypeVar, cast

import attrs
import pytest
from fastapi import FastAPI
from fastapi.encoders import jsonable_encoder
from fastapi.testclient import TestClient
from pydantic import TypeAdapter

from fivetran_async import (
    UNSET,
    BudgetState,
    FanOutFailure,
    FivetranError,
    JSONValue,
    Model,
    NotFoundError,
    Page,
    RateLimitedError,
    ResponseFormatError,
    Serializable,
)
from fivetran_async._codec._errors import error_facts
from fivetran_async._codec._fields import ALWAYS_SENT, SHOWN, default_of, wire_fields
from fivetran_async.as_code import CheckFindings, Finding, ManagedObject, Snapshot
from fivetran_async.as_code._applying.journal import Journal
from fivetran_async.as_code._kinds.scope import ExportScope, Scope
from fivetran_async.configs import ConfigProblem
from fivetran_async.errors import Fault
from fivetran_async.models import Connection, Group
from fivetran_async.syncs import SyncFailedError, SyncOutcome
from meta.test_docstrings import CLASSES, OBJECTS, members_of
from meta.test_models import MODELS, filled, identity_of, least
from support.each import for_each

NOT_RESULTS: Final[Mapping[str, str]] = {
    "CheckRule": "a function that is marked as a rule",
    "Hooks": "an option that holds functions",
    "KindRules": "a table of rules",
    "LogTables": "an argument of queries, which a caller makes of rows",
    "Options": "options of a view, with a limiter and hooks",
    "Pager": "a list that nothing was read of yet",
    "Patience": "an option that holds functions",
    "Query": "a statement for a database driver, with values that are not JSON",
    "RateLimits": "an option that makes limiters",
    "RetryPolicy": "an option that holds functions",
    "SyncPolicy": "an option",
    "Timeouts": "an option",
    "TransformationRun": "the state of a wait that changes",
}
"""Public attrs classes without `to_dict`, and why."""

NO_DATA: Final[Mapping[str, str]] = {
    "AsyncFivetran": "a session, or a view of one",
    "Delivery": "a block in which an event is handled",
    "NewConnection": "a dict: the arguments of a creation",
    "RateLimiter": "a limiter of a session",
    "SharedLimiter": "a limiter of several processes",
    "SyncRun": "a wait that goes on; JSON has its token",
    "SyncRuns": "a block of waits",
}
"""Other public classes without `to_dict`, and why."""

RESULTS: Final = sorted(
    {
        kind
        for name, kind in CLASSES.items()
        if issubclass(kind, Serializable) and not issubclass(kind, Model) and ".testing" not in name
    }
    - {Serializable},
    key=lambda kind: kind.__name__,
)

Build: TypeAlias = Callable[[type[Serializable]], Serializable]

ERROR: Final = RateLimitedError(
    "later",
    status=429,
    code="TooMany",
    operation="groups.get",
    attempts=2,
    fault=Fault.RATE_LIMITED,
)
ERROR.retry_at = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)

WORDS: Final = {"timed_out": "failed", "DELETE": "GET"}
"""Words of closed sets, and another one of the same set."""

VALUES: Final[Mapping[Any, object]] = {
    bool: True,
    int: 7,
    float: 2.5,
    str: "text",
    datetime: datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC),
    object: {"any": [None, 1]},
    Exception: ERROR,
    FivetranError: ERROR,
    Journal: Journal(Path("runs/nightly.jsonl")),
    JSONValue: {"any": [None, 1]},
}


def value_of(hint: Any) -> Any:  # noqa: ANN401
    """Return a value of a declared type that is not empty."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, TypeVar):
        return ERROR if hint.__bound__ is Exception else Group(id="g", name="Group")
    if hint in VALUES:
        return VALUES[hint]
    if origin is Literal:
        return arguments[-1]
    if origin in {typing.Union, types.UnionType}:
        return value_of(next(kind for kind in arguments if kind is not types.NoneType))
    if origin is tuple:
        return tuple(value_of(kind) for kind in arguments if kind is not Ellipsis)
    if hasattr(hint, "_make"):
        return hint._make(map(value_of, typing.get_type_hints(hint).values()))
    if origin is Mapping:
        return {value_of(arguments[0]): value_of(arguments[1])}
    return filled(hint) if issubclass(hint, Model) else made(hint)


def fields_of(kind: type[Serializable]) -> list[tuple[str, attrs.Attribute[Any]]]:
    """List the fields of a class by the names of their arguments."""
    plain: type = kind
    return [(str(field.alias), field) for _, field in wire_fields(plain)]


def wire_fields_of(kind: type[Serializable]) -> tuple[tuple[str, attrs.Attribute[Any]], ...]:
    """List the fields of a class by their names in JSON."""
    plain: type = kind
    return wire_fields(plain)


def but(value: Serializable, /, **changes: object) -> Serializable:
    """Return a result with other values."""
    instance: Any = value
    return cast("Serializable", attrs.evolve(instance, **changes))


def made(kind: type[Serializable]) -> Serializable:
    """Build a result without empty fields."""
    hints = typing.get_type_hints(kind)
    return kind(**{alias: value_of(hints[field.name]) for alias, field in fields_of(kind)})


def bare(kind: type[Serializable]) -> Serializable:
    """Build a result with its required fields only."""
    hints = typing.get_type_hints(kind)
    required = {alias: field for alias, field in fields_of(kind) if field.default is attrs.NOTHING}
    return kind(**{alias: value_of(hints[field.name]) for alias, field in required.items()})


def annotation_of(kind: type[Serializable]) -> Any:  # noqa: ANN401
    """Return the type that a caller annotates: with the model of its items, if it is generic."""
    generic: Any = kind
    return generic[Group] if getattr(kind, "__parameters__", ()) else kind


def reread(value: Serializable, **options: bool) -> Serializable:
    """Return what `from_dict` makes of the JSON text of `to_dict`."""
    document = json.loads(json.dumps(value.to_dict(**options)))
    if isinstance(value, Page):
        return Page.from_dict(document, item=Group)
    if isinstance(value, FanOutFailure):
        return FanOutFailure.from_dict(document, source=Group)
    return type(value).from_dict(document)


def returned_names() -> set[str]:
    """List the attrs classes in the annotated results of public functions and methods."""
    found: set[str] = set()
    known = attrs_classes()
    for name, value in OBJECTS.items():
        functions = dict(members_of(value)) if isinstance(value, type) else {name: value}
        for function in functions.values():
            plain: Any = function.fget if isinstance(function, property) else function
            hint = str(plain.__annotations__.get("return"))
            words = re.findall(r"\w+", re.sub(r"\bweb\.\w+", "", hint))
            found |= {
                word
                for word in words
                # A word can be another class in the module of the function.
                if word in known and plain.__globals__.get(word, known[word]) is known[word]
            }
    return found


def returned_classes() -> set[str]:
    """List the other public classes in the annotated results of public functions and methods."""
    public = {kind.__name__: kind for kind in CLASSES.values()}
    found: set[str] = set()
    for name, value in OBJECTS.items():
        functions = dict(members_of(value)) if isinstance(value, type) else {name: value}
        for function in functions.values():
            plain: Any = function.fget if isinstance(function, property) else function
            words = re.findall(r"\w+", str(plain.__annotations__.get("return")))
            found |= {word for word in words if plain.__globals__.get(word) is public.get(word)}
    return found & public.keys()


def attrs_classes() -> dict[str, type]:
    """List the attrs classes of the package by name, private ones too."""
    return {
        name: value
        for module in [*sys.modules.values()]
        if module.__name__.startswith("fivetran_async") and ".testing" not in module.__name__
        for name, value in vars(module).items()
        if isinstance(value, type) and attrs.has(value)
    }


def test_every_other_result_is_listed() -> None:
    """Public classes of other kinds that functions return have `to_dict`, or a reason."""
    public = {kind.__name__: kind for kind in CLASSES.values()}
    found = {name for name in returned_classes() if not attrs.has(public[name])}
    assert {type(value).__name__ for value in CONTAINERS} <= found
    without = {name for name in found if not hasattr(public[name], "to_dict")}
    assert without == set(NO_DATA)


each_result: Final = for_each("kind", RESULTS)


def test_every_result_is_listed() -> None:
    """Public attrs classes, and those that public methods return, have `to_dict`, or a reason."""
    assert {"ActionResult", "BudgetState", "Page", "SyncOutcome", "SyncProgress"} <= {
        kind.__name__ for kind in RESULTS
    }
    known = attrs_classes()
    public = {kind.__name__ for kind in CLASSES.values() if kind in known.values()}
    returned = returned_names()
    assert "SyncOutcome" in returned
    without = {name for name in public | returned if not issubclass(known[name], Serializable)}
    assert without == set(NOT_RESULTS)


@each_result
@pytest.mark.parametrize("build", [made, bare])
@pytest.mark.parametrize("include_empty", [False, True])
def test_survives_json(kind: type[Serializable], build: Build, include_empty: bool) -> None:  # noqa: FBT001 - a column
    """A result equals what `from_dict` makes of its JSON, in both forms; pickle keeps it, too."""
    value = build(kind)
    assert reread(value, include_empty=include_empty) == value
    assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301 - what was just pickled


@each_result
def test_forms_differ_by_empty_values(kind: type[Serializable]) -> None:
    """With `include_empty` every field is there, without it only those that have a value."""
    names = [name for name, _ in wire_fields_of(kind)]
    given = [name for name, field in wire_fields_of(kind) if field.default is not UNSET]
    assert list(bare(kind).to_dict(include_empty=True)) == given
    assert list(made(kind).to_dict()) == names
    required = [name for name, field in wire_fields_of(kind) if field.default is attrs.NOTHING]
    assert list(bare(kind).to_dict()) == required


@each_result
def test_equality(kind: type[Serializable]) -> None:
    """Two results are equal if all of their values are, errors included."""
    assert made(kind) == made(kind)
    for alias, field in fields_of(kind):
        other = but(made(kind), **{alias: _changed(getattr(made(kind), field.name))})
        assert other != made(kind), alias


def _changed(value: object) -> object:
    match value:
        case bool():
            return not value
        case FivetranError():
            return NotFoundError("gone")
        case str():
            return WORDS.get(value, f"{value} changed")
        case int() | float():
            return value + 1
        case Mapping():
            return {}
        case _:
            return None


@each_result
@pytest.mark.parametrize("build", [made, bare])
def test_pydantic_reads_what_it_writes(kind: type[Serializable], build: Build) -> None:
    """A validated copy equals the result, and the schemas describe both directions."""
    adapter = TypeAdapter[Serializable](annotation_of(kind))
    value = build(kind)
    assert adapter.validate_json(adapter.dump_json(value)) == shown(value)
    assert adapter.validate_json(adapter.dump_json(value, exclude_unset=True)) == shown(value)
    for mode in ("serialization", "validation"):
        assert adapter.json_schema(mode=mode)["title"] == kind.__name__


def shown(value: Serializable) -> Serializable:
    """Return a result without what responses of a service leave out: configs and secrets."""
    changes: dict[str, object] = {}
    for alias, field in fields_of(type(value)):
        member: object = getattr(value, field.name)
        if not field.repr and SHOWN not in field.metadata:
            changes[alias] = default_of(field)
        elif isinstance(member, Serializable):
            changes[alias] = shown(member)
    return but(value, **changes)


def test_fastapi_takes_every_result() -> None:
    """Each is a response model, also with `response_model_exclude_unset`, and needs no model."""
    app = FastAPI()

    def serve(path: str, annotation: object, value: object, **options: Any) -> None:  # noqa: ANN401
        async def endpoint() -> object:
            return value

        endpoint.__annotations__["return"] = annotation
        app.get(path, **options)(endpoint)

    for kind in RESULTS:
        value = made(kind)
        serve(f"/{kind.__name__}", annotation_of(kind), value)
        serve(
            f"/{kind.__name__}/set", annotation_of(kind), value, response_model_exclude_unset=True
        )
        serve(f"/{kind.__name__}/any", None, value, response_model=None)
    with TestClient(app) as client:
        for kind in RESULTS:
            whole = client.get(f"/{kind.__name__}").json()
            given = client.get(f"/{kind.__name__}/set").json()
            assert whole.keys() == made(kind).to_dict(include_empty=True).keys(), kind
            for found in (whole, given):
                adapter = TypeAdapter[Serializable](annotation_of(kind))
                assert adapter.validate_python(found) == shown(made(kind))
            # Without a model, every field is there, too.
            assert client.get(f"/{kind.__name__}/any").json().keys() == whole.keys()
        assert client.get("/openapi.json").status_code == 200


@for_each("model", MODELS)
def test_unset_fields_of_models_can_be_left_out(model: type[Model]) -> None:
    """`exclude_unset` and `exclude_defaults` leave out empty fields, as `to_dict` does."""
    adapter = TypeAdapter[Model](model)
    value = least(model)
    for written in (
        adapter.dump_json(value, exclude_unset=True),
        adapter.dump_json(value, exclude_defaults=True),
    ):
        assert set(json.loads(written)) == {
            wire
            for wire, field in wire_fields(cast("type", model))
            if field.name in identity_of(model) or ALWAYS_SENT in field.metadata
        }


@pytest.mark.parametrize("annotation", [Group | Connection, Connection | Group, Connection | None])
@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, {"id", "service", "paused", "connected_by"}),
        ({"exclude_unset": True}, {"id", "service"}),
        ({"exclude": {"id"}}, {"service", "paused", "connected_by"}),
        ({"include": {"service"}}, {"service"}),
    ],
)
def test_unions_are_written_without_warnings(
    annotation: Any,  # noqa: ANN401 - a union
    options: dict[str, Any],
    names: set[str],
) -> None:
    """A member of a union has its own fields, whatever is left out; pytest raises warnings."""
    connection = Connection.from_dict({"id": "c", "service": "s3"})
    written = TypeAdapter[Any](annotation).dump_python(connection, mode="json", **options)
    assert written.keys() >= names
    assert (written.keys() == names) == (options.keys() in ({"exclude_unset"}, {"include"}))


@for_each("model", MODELS)
@pytest.mark.parametrize("build", [least, filled])
def test_models_have_a_form_with_empty_values(model: type[Model], build: Any) -> None:  # noqa: ANN401
    """It has every field that is not UNSET, and makes an equal object."""
    value: Model = build(model)
    whole = value.to_dict(include_empty=True)
    assert model.from_dict(json.loads(json.dumps(whole))) == value
    fields = wire_fields(cast("type", model))
    assert list(whole) == [
        wire for wire, field in fields if getattr(value, field.name) is not UNSET
    ]


def test_empty_values_are_kept_at_every_depth() -> None:
    """Null, `[]`, `""` and false of nested objects are in the form with empty values only."""
    outcome = SyncOutcome(connection_id="c", status="failed", connection=Connection(id="c"))
    status = cast("Any", outcome.to_dict(include_empty=True))["connection"]["status"]
    assert status["tasks"] == []
    assert status["is_historical_sync"] is False
    assert status["rescheduled_for"] is None
    assert outcome.to_dict()["connection"] == {"id": "c"}


def test_unknown_and_drifted_values_are_in_both_forms() -> None:
    """The raw value of a drifted field takes the place of its empty value."""
    raw = {"id": "c", "sync_frequency": ["odd"], "brand_new": 1}
    for include_empty in (False, True):
        written = Connection.from_dict(raw).to_dict(include_empty=include_empty)
        assert {name: written[name] for name in raw} == raw


CONTAINERS: Final[tuple[Any, ...]] = (
    ConfigProblem("hots", "is not a field of postgres", "host", ("host",)),
    ConfigProblem("schema", "is required"),
    CheckFindings([Finding(address="users/a", rule="r", message="m")], {"r": 2}),
    CheckFindings([], {}),
    Snapshot(
        {"groups/blue": ManagedObject("groups/blue", "groups", "g", {"name": "blue"}, {"x": [1]})},
        account_id="account",
        account_name="Account",
        ids={"groups/blue": "g"},
        skipped={"users/*": "refused"},
        scope=Scope((ExportScope(("groups/*",), ("groups",), schemas=False),)),
        is_live=True,
    ),
    Snapshot({}),
)
"""Results of other kinds, with and without empty fields."""

each_container: Final = pytest.mark.parametrize(
    "value", CONTAINERS, ids=lambda value: type(value).__name__
)


def facts_of(value: Any) -> tuple[object, ...]:  # noqa: ANN401
    """Return what must survive: a tuple's or a mapping's own equality does not compare it all."""
    names = ("checked", "account_name", "ids", "skipped", "scope", "is_live")
    return (value, *(getattr(value, name, None) for name in names))


@each_container
def test_containers_survive_json(value: Any) -> None:  # noqa: ANN401
    """A mapping or a tuple with facts of its own has JSON too, in both forms, and pydantic."""
    kind = cast("Any", type(value))
    for include_empty in (False, True):
        document = json.loads(json.dumps(value.to_dict(include_empty=include_empty)))
        assert facts_of(kind.from_dict(document)) == facts_of(value)
    adapter = TypeAdapter[Any](kind)
    names = adapter.json_schema(mode="serialization")["properties"].keys()
    assert value.to_dict(include_empty=True).keys() == names
    assert value.to_dict().keys() <= names
    for unset in (False, True):
        written = adapter.dump_json(value, exclude_unset=unset)
        assert facts_of(adapter.validate_json(written)) == facts_of(value)
        assert json.loads(written) == value.to_dict(include_empty=not unset)
    assert adapter.validate_python(value) is value
    for mode in ("serialization", "validation"):
        assert adapter.json_schema(mode=mode)["title"] == kind.__name__
    with pytest.raises(ValueError, match=f"expected {kind.__name__} or its JSON object"):
        adapter.validate_python(7)
    with pytest.raises(ValueError, match="Document"):
        adapter.validate_python(dict.fromkeys(names, 7))


def test_fastapi_takes_containers() -> None:
    """Each is a response model, and can be returned without one."""
    app = FastAPI()

    def serve(path: str, value: object, **options: Any) -> None:  # noqa: ANN401
        async def endpoint() -> object:
            return value

        endpoint.__annotations__["return"] = type(value)
        app.get(path, **options)(endpoint)

    for number, value in enumerate(CONTAINERS):
        serve(f"/{number}", value)
        serve(f"/{number}/set", value, response_model_exclude_unset=True)
        serve(f"/{number}/any", value, response_model=None)
    with TestClient(app) as client:
        for number, value in enumerate(CONTAINERS):
            assert client.get(f"/{number}").json() == value.to_dict(include_empty=True)
            assert client.get(f"/{number}/set").json() == value.to_dict()
            assert client.get(f"/{number}/any").status_code == 200
        assert client.get("/openapi.json").status_code == 200


def test_from_dict_names_the_place() -> None:
    """Missing values and values of another type are refused; unknown names are ignored."""
    with pytest.raises(ResponseFormatError, match=r"BudgetState\.seconds: expected a value"):
        BudgetState.from_dict({"limit": 1})
    with pytest.raises(
        ResponseFormatError, match=r"BudgetState\.limit: expected int, found string"
    ):
        BudgetState.from_dict({"limit": "1", "seconds": 1, "remaining": 0})
    with pytest.raises(ResponseFormatError, match=r"Page\.items: expected array, found object"):
        Page.from_dict({"items": {}})
    with pytest.raises(ResponseFormatError, match=r"SyncOutcome\.connection\.id"):
        SyncOutcome.from_dict({"connection_id": "c", "status": "failed", "connection": {}})
    found = BudgetState.from_dict({"limit": 1, "seconds": 1, "remaining": 0, "new": 2})
    assert found == BudgetState(limit=1, seconds=1.0, remaining=0)


def test_pages_know_their_items() -> None:
    """`item` is the model of the items; without it they stay JSON."""
    page = Page((Group(id="g", name="n"),), "next")
    assert Page.from_dict(page.to_dict(), item=Group) == page
    untyped: Page[object] = Page.from_dict(page.to_dict())
    assert untyped.items == ({"id": "g", "name": "n"},)
    assert jsonable_encoder(page)["items"][0]["id"] == "g"
    assert jsonable_encoder([page])[0]["next_cursor"] == "next"


def test_errors_have_json() -> None:
    """An error has its class and its facts, and no object that it refers to."""
    error = NotFoundError("gone", status=404, code="NotFound_Group", path="/v1/groups/g")
    error.fan_out_source = Group(id="g")
    error.collected = (Group(id="g"),)
    assert error.to_dict() == {
        "type": "NotFoundError",
        "message": "gone",
        "status": 404,
        "code": "NotFound_Group",
        "path": "/v1/groups/g",
    }
    assert error.to_dict(include_empty=True)["retry_after"] is None
    assert "fan_out_source" not in error.to_dict(include_empty=True)
    outcome = SyncOutcome(connection_id="c", status="failed", error=error)
    assert SyncFailedError(outcome).to_dict()["type"] == "SyncFailedError"
    assert error_facts(ValueError("odd")) == {"type": "ValueError", "message": "odd"}


def test_errors_come_back_as_their_class() -> None:
    """`from_dict` restores the class, the status and the time to retry; unknown ones are plain."""
    failure = FanOutFailure("source", ERROR)
    restored = FanOutFailure.from_dict(json.loads(json.dumps(failure.to_dict()))).error
    assert isinstance(restored, RateLimitedError)
    assert (restored.retry_at, restored.fault) == (ERROR.retry_at, ERROR.fault)
    assert str(restored) == str(ERROR)
    odd = {"source": "s", "error": {"type": "Odd", "message": "m"}}
    unknown: FanOutFailure[object] = FanOutFailure.from_dict(odd)
    assert type(unknown.error) is FivetranError


def test_outcomes_are_hashable() -> None:
    """Equal outcomes have one hash, although connections have none."""
    outcomes = {SyncOutcome(connection_id=c, status="paused", connection=CONNECTION) for c in "aab"}
    assert {outcome.connection_id for outcome in outcomes} == {"a", "b"}
    assert len(outcomes) == 2


CONNECTION: Final = Connection(id="c", config={"password": "hunter2"})


def test_configs_stay_out_of_responses() -> None:
    """A service that returns an outcome shows the connection, but not its config."""
    outcome = SyncOutcome(connection_id="c", status="succeeded", connection=CONNECTION)
    written = TypeAdapter(SyncOutcome).dump_json(outcome)
    assert b'"connection":{"id":"c"' in written
    assert b"hunter2" not in written
    assert "hunter2" not in json.dumps(jsonable_encoder(outcome))


def test_json_values_are_a_response_type() -> None:
    """`dict[str, JSONValue]`, as `to_dict` is annotated, is a return annotation of FastAPI."""
    app = FastAPI()

    @app.get("/")
    async def outcome() -> dict[str, JSONValue]:
        return CONNECTION.to_dict()

    with TestClient(app) as client:
        assert client.get("/").json() == {"id": "c", "config": {"password": "hunter2"}}
