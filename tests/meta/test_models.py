"""Properties of every public model."""

from __future__ import annotations

import json
import pickle
import re
import types
import typing
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

import attrs
import pytest

from fivetran_async import ResponseFormatError, models
from fivetran_async._codec._fields import ALWAYS_SENT, wire_fields
from fivetran_async._model import Model
from fivetran_async._types import Unset
from support.each import for_each

EXPORTED = [cast("object", getattr(models, name)) for name in dir(models) if name[0].isupper()]
MODELS: Final = [kind for kind in EXPORTED if isinstance(kind, type) and issubclass(kind, Model)]

IDENTITIES: Final = {"id", "name", "user_id", "hash", "account_id", "agent_id", "connection_id"}
"""What the API identifies things by."""

HIDDEN = re.compile(r"secret|token|password|private_key|^config$|^auth$|_json$")
SHOWN = re.compile(r"_id$|^secret_manager")
"""Names of secret managers, not secrets."""

each_model: Final = for_each("model", MODELS)


def fields_of(model: type[Model]) -> dict[str, attrs.Attribute[Any]]:
    """Return the API fields of a model, by their Python names."""
    kind: type = model
    return {attribute.name: attribute for _, attribute in wire_fields(kind)}


def identity_of(model: type[Model]) -> list[str]:
    """Return the names of the required fields."""
    fields = fields_of(model).values()
    return [field.name for field in fields if field.default is attrs.NOTHING]


def least(model: type[Model]) -> Model:
    """Decode an object that has only its identity."""
    return model.from_dict(dict.fromkeys(identity_of(model), "the identity"))


def filled(model: type[Model]) -> Model:
    """Build an object without empty fields."""
    hints = typing.get_type_hints(model)
    values: dict[str, Any] = {name: _value_of(hints[name], name) for name in fields_of(model)}
    return model(**values)


def _value_of(hint: Any, name: str) -> object:  # noqa: ANN401
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        return _value_of(next(kind for kind in arguments if kind is not types.NoneType), name)
    if origin is tuple:
        return (_value_of(arguments[0], name),)
    if origin is Mapping:
        return {"a key": _value_of(arguments[1], name)}
    if _is_model(hint):
        return filled(hint)
    return _SCALARS.get(hint, f"value of {name}")


_SCALARS: Final[dict[Any, object]] = {
    bool: True,
    int: 7,
    float: 2.5,
    datetime: datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC),
}


@each_model
def test_only_the_identity_is_mandatory(model: type[Model]) -> None:
    """An object without its other fields decodes; an object without its identity does not."""
    identity = identity_of(model)
    assert len(identity) <= 1
    assert set(identity) <= IDENTITIES
    if identity:
        with pytest.raises(ResponseFormatError, match=rf"{model.__name__}\.{identity[0]}\b"):
            model.from_dict({})


@each_model
def test_nested_parts_are_never_none(model: type[Model]) -> None:
    """A field with a model, a list or a mapping is never None."""
    found = least(model)
    hints = typing.get_type_hints(model)
    for name in fields_of(model):
        if typing.get_origin(hints[name]) in {tuple, Mapping} or _is_model(hints[name]):
            assert getattr(found, name) is not None, name
        members = typing.get_args(hints[name])
        if Unset in members:
            # A change to send: None removes what is there.
            continue
        # Models and collections have an empty value.
        assert not (types.NoneType in members and any(map(_is_model, members))), name


def _is_model(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, Model)


@each_model
@pytest.mark.parametrize("make", [least, filled])
def test_survives_json_and_pickle(model: type[Model], make: Any) -> None:  # noqa: ANN401
    """An object equals its copy from `to_dict` and JSON, and its copy from pickle."""
    made: Model = make(model)
    assert model.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301 - what was just pickled


@each_model
def test_empty_values_are_left_out(model: type[Model]) -> None:
    """`to_dict` of an object has its identity, what the API requires always, and nothing else."""
    sent = {name for name, field in fields_of(model).items() if ALWAYS_SENT in field.metadata}
    assert set(least(model).to_dict()) == {*identity_of(model), *sent}


@each_model
def test_repr_shows_no_secret(model: type[Model]) -> None:
    """The repr omits configs, tokens and other one-time values."""
    text = repr(filled(model))
    for name in fields_of(model):
        if HIDDEN.search(name) and not SHOWN.search(name):
            assert not re.search(rf"\b{name}=", text), name


@each_model
def test_cannot_be_hashed(model: type[Model]) -> None:
    """Objects hold plain dicts, so they cannot be dict keys; use their ids."""
    with pytest.raises(TypeError):
        hash(least(model))


@each_model
def test_keeps_what_it_does_not_know(model: type[Model]) -> None:
    """An undeclared field is in `extra`, in `to_dict` and in comparisons."""
    identity = dict.fromkeys(identity_of(model), "the identity")
    found = model.from_dict({**identity, "brand_new_field": [1]})
    assert found.extra == {"brand_new_field": [1]}
    assert found != least(model)
    assert found == model(**identity, extra={"brand_new_field": [1]})
    assert found.to_dict()["brand_new_field"] == [1]
