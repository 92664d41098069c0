"""Decoding from bytes by msgspec: the same models and the same reports as from parsed JSON."""

# ruff: noqa: S311 - nothing is kept secret by these.

from __future__ import annotations

import importlib
import json
import random
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, cast

import attrs
import pytest

from fivetran_async import Hooks, models
from fivetran_async._codec import (
    Drift,
    DriftLog,
    UnknownField,
    decode,
    decode_page,
    parse_unbounded,
)
from fivetran_async._codec._direct import DirectDecoder
from fivetran_async._codec._fields import is_model
from fivetran_async._model import Model, model
from fivetran_async.models import Connection, Group, SchemaConfig, TableColumns
from support.faults import FaultServer
from support.ordinary import UNKNOWN, damaged, envelope_of, object_of
from support.samples import sample
from support.sessions import session_at, success

pytest.importorskip("msgspec", reason="needs msgspec")
structs: Any = importlib.import_module("fivetran_async._codec._structs")

MODELS = [
    cls for name in dir(models) if is_model(cls := cast("type[Model]", getattr(models, name)))
]
PLACES = (*MODELS, structs.ENVELOPE, structs.PAGE)
LEARNED: dict[object, set[str]] = {place: set(UNKNOWN) for place in PLACES}
READERS: dict[tuple[type, bool, bool], Callable[[bytes], Any]] = {}


def reader_of(cls: type[Model], *, is_page: bool, in_parts: bool) -> Callable[[bytes], Any]:
    """Return the reader of a model, which is made once."""
    key = cls, is_page, in_parts
    if key not in READERS:
        make = structs.page_reader_of if is_page else structs.object_reader_of
        READERS[key] = make(cls, LEARNED, in_parts=in_parts)
    return READERS[key]


def by_cattrs(cls: type[Model], body: bytes, *, is_page: bool) -> tuple[Any, list[Drift]]:
    """Decode a body without msgspec; return the result and the reports."""
    reports: list[Drift] = []
    data = cast("Mapping[str, object]", parse_unbounded(body))["data"]
    if is_page:
        return decode_page(data, cls, on_drift=reports.append), reports
    return decode(data, cls, on_drift=reports.append), reports


def shown(value: object) -> object:
    """Return everything about a value that a caller can see: classes, values, and their order."""
    if isinstance(value, Model):
        names = (attribute.name for attribute in attrs.fields(type(value)))
        values = {name: getattr(value, name) for name in names}
        # Unknown fields have an order only in `to_dict`.
        values["extra"] = dict(sorted(values["extra"].items()))
        return type(value), [(name, shown(each)) for name, each in values.items()]
    if isinstance(value, dict):
        members = cast("dict[str, object]", value).items()
        return "object", [(key, shown(member)) for key, member in members]
    kind: type = type(value)
    if isinstance(value, (tuple, list)):
        return kind, [shown(member) for member in cast("list[object]", value)]
    return kind, repr(value)


def written(value: object) -> bytes:
    """Return the bytes of `to_dict` of a model, or of the models of a page."""
    decoded = cast("list[Model]", value[0] if isinstance(value, tuple) else [value])
    return json.dumps([each.to_dict() for each in decoded]).encode()


def check_document(odd: float) -> bool:
    """Decode a random document on both ways, and compare; return True if a struct accepted it."""
    cls, is_page = random.choice(MODELS), random.random() < 0.5
    size = random.choice((0, 1, 3))
    data: object = object_of(cls, odd=odd)
    if is_page:
        items = [object_of(cls, odd=odd) for _ in range(size)]
        data = {"items": items, "next_cursor": random.choice((None, "", "e30"))}
    body = json.dumps(envelope_of(data), ensure_ascii=random.random() < 0.5).encode()
    try:
        found = reader_of(cls, is_page=is_page, in_parts=random.random() < 0.2)(body)
    except (ValueError, RecursionError):
        return False
    expected, reports = by_cattrs(cls, body, is_page=is_page)
    assert shown(found) == shown(expected), body
    assert written(found) == written(expected), body
    # What a struct accepts needs no report.
    assert reports == [], body
    return True


def test_ordinary_documents_decode_alike() -> None:
    """Documents of all models with values of their declared types are read by structs, equally."""
    total = sample(300, 10_000)
    accepted = sum(check_document(0.0) for _ in range(total))
    # A date with nine digits is read by the other way only if it is out of range.
    assert accepted > 0.9 * total


def test_drifted_documents_decode_alike() -> None:
    """A struct never accepts a value that has to be converted or reported."""
    total = sample(300, 10_000)
    accepted = sum(check_document(random.choice((0.02, 0.2))) for _ in range(total))
    assert 0.05 * total < accepted < total


def test_damaged_documents_decode_alike() -> None:
    """A struct accepts no bytes that the parsers of JSON refuse or read differently."""
    accepted = 0
    for _ in range(sample(1_000, 20_000)):
        cls = random.choice((Group, Connection, SchemaConfig))
        body = damaged(json.dumps(envelope_of(object_of(cls)), ensure_ascii=False).encode())
        try:
            found = reader_of(cls, is_page=False, in_parts=False)(body)
        except (ValueError, RecursionError):
            continue
        expected, reports = by_cattrs(cls, body, is_page=False)
        assert (shown(found), reports) == (shown(expected), []), body
        accepted += 1
    assert accepted


class AllReported(DriftLog):
    """A session that has reported every unknown field."""

    def has_reported(self, model: str, fields: AbstractSet[str]) -> bool:  # noqa: ARG002
        """Return True."""
        return True


REPORTED = AllReported()

LARGE_ENOUGH = b" " * 256 * 1024
"""Makes a decoder prepare its structs, which small documents are not worth."""


def connection(**fields: object) -> bytes:
    """Return the body of a response with one connection."""
    return json.dumps({"code": "Success", "data": {"id": "c", **fields}}).encode()


def decoder_of(cls: type[Model], *, is_page: bool = False) -> DirectDecoder:
    """Return a decoder that has its structs."""
    decoder = DirectDecoder(cls, is_page=is_page)
    assert decoder.read(LARGE_ENOUGH, REPORTED) is None
    return decoder


def test_small_documents_do_not_prepare_structs() -> None:
    """Preparing structs takes longer than decoding a few objects."""
    decoder = DirectDecoder(Connection, is_page=False)
    read = [decoder.read(connection(), REPORTED) for _ in range(100)]
    assert read[0] is None
    assert read[-1] == Connection(id="c")


def test_unknown_fields_are_learned() -> None:
    """The first document with an unknown field is left to cattrs; later ones are not."""
    decoder = decoder_of(Connection)
    body = connection(brand_new=[1], status={"newer": None, "tasks": [{"code": "x", "newest": 2}]})
    assert decoder.read(body, REPORTED) is None
    expected, _ = by_cattrs(Connection, body, is_page=False)
    decoder.learn((expected,))
    assert shown(decoder.read(body, REPORTED)) == shown(expected)
    assert decoder.read(connection(), REPORTED).extra == {}


def test_unknown_fields_around_models_are_learned() -> None:
    """Unknown fields of the envelope and of the page are ignored, as without msgspec."""
    decoder = decoder_of(Group, is_page=True)
    page = {"items": [{"id": "g"}], "total": 1, "next_cursor": "e30"}
    body = json.dumps({"code": "Success", "trace": "x", "data": page}).encode()
    for _ in range(2):
        assert decoder.read(body, REPORTED) is None
        decoder.learn((Group(id="g"),))
    assert decoder.read(body, REPORTED) == ((Group(id="g"),), "e30")


@pytest.mark.parametrize("name", ['a"b', "a\\b", "two\nlines", "\x00", ""])
def test_names_that_structs_cannot_have_break_no_read(name: str) -> None:
    """An unknown field of any name, of a model or around one, is left to cattrs."""
    for is_page in (False, True):
        decoder = decoder_of(Group, is_page=is_page)
        group = {"id": "g", name: 1}
        data = {"items": [group], name: 2} if is_page else group
        body = json.dumps({"code": "Success", name: 3, "data": data}).encode()
        for _ in range(4):
            found = decoder.read(body, REPORTED)
            expected, _ = by_cattrs(Group, body, is_page=is_page)
            assert found is None or shown(found) == shown(expected)
            decoder.learn(expected[0] if is_page else (expected,))


def test_decoder_gives_up() -> None:
    """A decoder that reads fewer documents than it leaves is not asked further."""
    decoder = decoder_of(Connection)
    drifted = connection(paused="yes")
    for _ in range(40):
        assert decoder.read(drifted, REPORTED) is None
    assert decoder.read(connection(), REPORTED) is None


def test_objects_with_ids_as_keys_are_not_learned() -> None:
    """A field name for each object would make a struct for each response."""
    decoder = decoder_of(Connection)
    body = connection(**{f"key_{number}": number for number in range(100)})
    assert decoder.read(body, REPORTED) is None
    decoder.learn((by_cattrs(Connection, body, is_page=False)[0],))
    assert decoder.read(connection(), REPORTED) is None


@model
class Matrix(Model):
    """A model with a field that structs do not read."""

    rows: tuple[tuple[int, ...], ...] = ()


@model
class Tree(Model):
    """A model that contains itself."""

    trees: tuple[Tree, ...] = ()


@pytest.mark.parametrize("cls", [Matrix, Tree])
def test_other_models_are_left_to_cattrs(cls: type[Model]) -> None:
    """Models of callers can have fields of other types."""
    assert decoder_of(cls).read(b'{"data": {}}', REPORTED) is None


def test_equal_settings_are_one_object() -> None:
    """Most columns of a schema config have equal settings, which are kept once."""
    columns = {name: {"enabled_patch_settings": {"allowed": True}} for name in "ab"}
    body = json.dumps({"data": {"columns": columns}}).encode()
    found = decoder_of(TableColumns).read(body, REPORTED).columns
    assert found["a"].enabled_patch_settings is found["b"].enabled_patch_settings


def test_secrets_are_not_shared() -> None:
    """Objects with a hidden field are not kept."""
    decoder, body = decoder_of(Connection), connection(connect_card={"token": "t"})
    one, other = decoder.read(body, REPORTED), decoder.read(body, REPORTED)
    assert one == other
    assert one.connect_card is not other.connect_card


async def test_reports_of_a_session_are_unchanged() -> None:
    """A drifted item on a page is reported, with its place, between pages that structs read."""
    reports: list[Drift] = []
    hooks = Hooks(on_drift=reports.append)
    padding = {"padding": "x" * 200_000}
    pages: list[dict[str, Any]] = [
        {"items": [{"id": f"c{number}", "config": padding}], "next_cursor": str(number)}
        for number in range(6)
    ]
    pages[3]["items"].append({"id": "odd", "paused": "yes"})
    del pages[-1]["next_cursor"]
    async with (
        FaultServer(*map(success, pages)) as server,
        session_at(server.url, hooks=hooks) as fivetran,
    ):
        found = [each async for each in fivetran.connections.list()]
    assert [each.id for each in found] == ["c0", "c1", "c2", "c3", "odd", "c4", "c5"]
    assert [(drift.place, drift.field) for drift in reports] == [("data.items[1].paused", "paused")]


async def test_each_session_reports_the_unknown_fields_it_meets() -> None:
    """A field that another session has taught the decoders is reported all the same, in place."""
    padding = {"padding": "x" * 200_000}

    def body(**fields: object) -> dict[str, object]:
        return {"items": [{"id": "c", "config": padding}, {"id": "d", **fields}]}

    for _ in range(2):
        reports: list[UnknownField] = []
        hooks = Hooks(on_unknown_field=reports.append)
        pages = [body(), body(seen_first=1), body(), body(seen_later=None), body(seen_first=2)]
        async with (
            FaultServer(*map(success, pages)) as server,
            session_at(server.url, hooks=hooks) as fivetran,
        ):
            found = [await fivetran.connections.list() for _ in pages]
        extras = [page.items[1].extra for page in found]
        assert extras == [{}, {"seen_first": 1}, {}, {"seen_later": None}, {"seen_first": 2}]
        assert [(report.place, report.value_type) for report in reports] == [
            ("data.items[1].seen_first", "number"),
            ("data.items[1].seen_later", "null"),
        ]
