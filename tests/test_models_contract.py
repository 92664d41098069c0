"""Properties of every model of the package, for any JSON."""

import contextlib
import importlib
import json
import pickle
import pkgutil
from collections.abc import Iterator

import attrs
import pytest

import fivetran_async
from fivetran_async._codec import DriftLog, UnknownField, decode
from fivetran_async._codec._fields import UNKNOWN_FIELDS, wire_fields
from fivetran_async._model import Model
from fivetran_async.errors import ResponseFormatError
from support.documents import Documents
from support.each import for_each
from support.samples import sample

WITHOUT_MODELS = ("fivetran_async.testing", "fivetran_async.integrations", "fivetran_async._codec")
"""Packages that also have modules for optional requirements."""


def _families() -> Iterator[str]:
    for module in pkgutil.walk_packages(fivetran_async.__path__, "fivetran_async."):
        if not module.name.startswith(WITHOUT_MODELS):
            yield importlib.import_module(module.name).__name__


FAMILIES = set(_families())


def _subclasses(cls: type[Model]) -> Iterator[type[Model]]:
    for subclass in cls.__subclasses__():
        # Skip models of tests, and the class without slots that attrs replaces.
        if subclass.__module__ in FAMILIES and "__slots__" in vars(subclass):
            yield subclass
        yield from _subclasses(subclass)


MODELS = sorted(set(_subclasses(Model)), key=lambda cls: cls.__qualname__)

each_model = for_each("cls", MODELS)

JSON = Documents(["id", "name", "enabled", "code"])
EXAMPLES = sample(30, 1_000)


def objects_of(cls: type[Model]) -> Iterator[dict[str, object]]:
    """Generate objects with the names of a model's fields and one undeclared name."""
    names = [*(wire for wire, _ in wire_fields(cls)), "unknown"]
    return (JSON.one_with(names, most=6) for _ in range(EXAMPLES))


def identified(cls: type[Model], raw: dict[str, object]) -> dict[str, object]:
    """Return the object with a value in every required field."""
    mandatory = [wire for wire, field in wire_fields(cls) if field.default is attrs.NOTHING]
    return {**raw, **dict.fromkeys(mandatory, "x")}


@each_model
def test_every_model_reads_any_json(cls: type[Model]) -> None:
    """An object with the identity decodes; any other JSON raises ResponseFormatError."""

    def check(value: object) -> None:
        decoded: Model | None = None
        with contextlib.suppress(ResponseFormatError):
            decoded = decode(value, cls, on_drift=lambda _: None)
        assert decoded is None or type(decoded) is cls

    for raw in objects_of(cls):
        check(raw)
        check(identified(cls, raw))
        check(JSON.value())


@each_model
def test_every_model_survives_to_dict_and_pickle(cls: type[Model]) -> None:
    """The copies from `to_dict` and pickle are equal."""

    def check(raw: dict[str, object]) -> None:
        decoded = decode(raw, cls, on_drift=lambda _: None)
        assert decode(json.loads(json.dumps(decoded.to_dict())), cls) == decoded
        assert pickle.loads(pickle.dumps(decoded)) == decoded  # noqa: S301

    for raw in objects_of(cls):
        check(identified(cls, raw))


@each_model
def test_every_model_is_frozen_slotted_and_keyword_only(cls: type[Model]) -> None:
    """Fields cannot be set or added, and are keyword-only."""
    decoded = decode(identified(cls, {}), cls)
    for field in attrs.fields(cls):
        assert field.kw_only
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(decoded, field.name, None)
    assert not hasattr(decoded, "__dict__")
    with pytest.raises(TypeError):
        hash(decoded)


@each_model
def test_every_model_hides_open_mappings(cls: type[Model]) -> None:
    """The repr omits configs, which can hold secrets, and unknown fields."""
    for field in attrs.fields(cls):
        if field.name in ("config", "auth") or UNKNOWN_FIELDS in field.metadata:
            assert not field.repr, field.name


@each_model
def test_every_model_reports_an_unknown_field_once(cls: type[Model]) -> None:
    """A field that is not declared is reported once, and `to_dict` returns it."""
    told: list[UnknownField] = []
    log = DriftLog(unknown_hook=told.append)
    raw = identified(cls, {"brand_new_field": [1]})
    for _ in range(2):
        decoded = decode(raw, cls, on_drift=log)
        assert decoded.to_dict() == {**decode(identified(cls, {}), cls).to_dict(), **raw}
    name, place = "brand_new_field", "data.brand_new_field"
    assert told == [UnknownField(model=cls.__name__, field=name, place=place, value_type="array")]


def test_there_are_models() -> None:
    """The models of the families are found."""
    assert {"Group", "Connection", "Destination"} <= {cls.__name__ for cls in MODELS}
