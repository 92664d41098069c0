"""The behavior of models."""

import copy
import pickle
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from fivetran_async._codec import decode
from fivetran_async._model import Model, field, model
from fivetran_async.errors import ResponseFormatError


@model
class Secret(Model):
    """A model with a hidden value."""

    token: str = field(default="", repr=False)


@model
class Vault(Model):
    """A model with every option of `field`."""

    id: str
    opened_at: datetime | None = None
    secret: Secret = field(factory=Secret)
    config: Mapping[str, object] = field(factory=dict, repr=False)
    group_id: str = field(default="", wire="groupId")
    parent: str = field(wire="parentId")


FULL = {
    "id": "v",
    "parentId": "p",
    "opened_at": "2026-01-02T03:04:05Z",
    "secret": {"token": "s3cret"},
    "config": {"password": "s3cret"},
    "unknown": "s3cret",
}


def test_models_are_immutable() -> None:
    """Fields, including `extra`, can be neither assigned nor deleted."""
    for vault in (Vault(id="v", parent="p"), Vault.from_dict(FULL)):
        for name in ("id", "extra", "new"):
            with pytest.raises(AttributeError):
                setattr(vault, name, "x")
        with pytest.raises(AttributeError):
            delattr(vault, "id")


@pytest.mark.parametrize("method", ["__setitem__", "setdefault", "update", "__ior__"])
def test_the_shared_empty_extra_is_immutable(method: str) -> None:
    """Adding an unknown field to the shared `extra` raises an error."""
    arguments = [{"a": 1}] if method in ("update", "__ior__") else ["a", 1]
    with pytest.raises(TypeError, match="read-only"):
        getattr(Vault(id="v", parent="p").extra, method)(*arguments)
    assert Secret().extra == {}


def test_models_are_built_by_keyword() -> None:
    """All arguments are keywords, and the identity is required."""
    with pytest.raises(TypeError):
        Vault({}, id="v", parent="p")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    with pytest.raises(TypeError):
        Vault(parent="p")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def test_equality_includes_unknown_fields() -> None:
    """Objects of one class are equal if all of their fields are, with those in `extra`."""
    assert Vault.from_dict({**FULL, "x": 1, "y": 2}) == Vault.from_dict({"y": 2, "x": 1, **FULL})
    assert Vault.from_dict({**FULL, "unknown": 1}) != Vault.from_dict({**FULL, "unknown": 2})
    assert Vault.from_dict({**FULL, "unknown": 1}) != Vault.from_dict(FULL)
    assert Vault.from_dict({**FULL, "config": 5}) != Vault.from_dict({**FULL, "config": 6})
    assert Vault.from_dict(FULL) != Vault.from_dict({**FULL, "parentId": "q"})
    assert Secret() != Model()


def test_models_are_not_hashable() -> None:
    """Models hold plain dicts, so they cannot be dict keys."""
    for unhashable in (Model(), Secret(), Vault.from_dict(FULL)):
        with pytest.raises(TypeError, match="unhashable"):
            hash(unhashable)


def test_repr_hides_what_may_be_secret() -> None:
    """The repr omits hidden and unknown fields."""
    vault = Vault.from_dict(FULL)
    assert "s3cret" not in repr(vault)
    assert repr(vault).startswith("Vault(id='v', opened_at=datetime")


def test_models_pickle_and_copy() -> None:
    """Copies and unpickled objects are equal, including unknown fields."""
    for vault in (Vault.from_dict(FULL), Vault(id="v", parent="p")):
        for again in (pickle.loads(pickle.dumps(vault)), copy.deepcopy(vault), copy.copy(vault)):  # noqa: S301
            assert again == vault
            assert again.extra == vault.extra
            assert again.secret.extra is vault.secret.extra


def test_decoded_objects_are_of_their_class() -> None:
    """A decoded object has the same class as a constructed one."""
    decoded = decode({"id": "v", "parentId": "p"}, Vault)
    assert type(decoded) is Vault
    assert decoded == Vault(id="v", parent="p")


def test_to_dict_uses_the_names_of_the_api() -> None:
    """`to_dict` returns the decoded fields under the names of the API, without empty values."""
    assert Vault.from_dict(FULL).to_dict() == FULL
    assert Vault(id="v", parent="").to_dict() == {"id": "v", "parentId": ""}


def test_to_dict_shares_nothing() -> None:
    """Changing the result of `to_dict` does not change the object."""
    vault = Vault.from_dict(FULL)
    config = vault.to_dict()["config"]
    assert isinstance(config, dict)
    config["password"] = "changed"
    assert vault.config == {"password": "s3cret"}


def test_from_dict_shares_nothing() -> None:
    """Changing the argument of `from_dict` does not change the object."""
    config = {"list": [1]}
    vault = Vault.from_dict({"id": "v", "parentId": "p", "config": config})
    config["list"].append(2)
    assert vault.config == {"list": [1]}


def test_unknown_fields_of_an_empty_object_are_kept() -> None:
    """`to_dict` keeps an empty nested object that has unknown fields."""
    raw = {"id": "v", "parentId": "p", "secret": {"new": 1}}
    assert Vault.from_dict(raw).to_dict() == raw


def test_a_changed_field_wins_over_its_drifted_value() -> None:
    """`to_dict` returns the raw value only while the field is empty."""
    drifted = Vault.from_dict({"id": "v", "parentId": "p", "groupId": ["odd"]})
    changed = Vault(id="v", parent="p", group_id="g", extra=drifted.extra)
    assert drifted.to_dict()["groupId"] == ["odd"]
    assert changed.to_dict()["groupId"] == "g"


def test_from_dict_takes_python_values() -> None:
    """Datetimes and tuples are accepted like their JSON."""
    now = datetime(2026, 1, 2, tzinfo=UTC)
    vault = Vault.from_dict({"id": "v", "parentId": "p", "opened_at": now, "config": {"a": (1,)}})
    assert vault.opened_at == now
    assert vault.config == {"a": [1]}


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({}, r"Vault\.id: expected str, found nothing"),
        ({"id": "v"}, r"Vault\.parentId: expected str"),
        ({"id": b"v"}, r"Vault\.id is a bytes"),
        ({"id": "v", "config": {"x": {1}}}, r"Vault\.config\.x is a set"),
        ({"id": "v", "opened_at": timedelta(1)}, r"Vault\.opened_at is a timedelta"),
    ],
)
def test_from_dict_refuses_nonsense(mapping: dict[str, object], message: str) -> None:
    """A mapping of another shape raises an error that names the place."""
    with pytest.raises(ResponseFormatError, match=message) as caught:
        Vault.from_dict(mapping)
    assert caught.value.__context__ is None


def test_a_class_that_converts_is_refused() -> None:
    """Models with converters or post-init hooks are refused, because decoding would skip them."""

    class Converted(Model):
        """A model with a converter."""

        count: int = attrs.field(default=0, converter=int)

    class Initialised(Model):
        """A model with a post-init hook."""

        def __attrs_post_init__(self) -> None:
            """Do nothing."""

    for cls in (Converted, Initialised):
        with pytest.raises(TypeError, match="decoding"):
            model(cls)


@pytest.mark.parametrize(
    "declared", [int | str, list[int], tuple[int, str], set[str], tuple[str | None, ...], bytes]
)
def test_a_field_of_an_unknown_kind_is_refused(declared: object) -> None:
    """An unsupported type raises an error with the name of the field on first use."""
    namespace = {"__annotations__": {"odd": declared}, "odd": None, "__doc__": "Odd."}
    cls = model(type("Odd", (Model,), namespace))
    with pytest.raises(TypeError) as caught:
        decode({}, cls)
    assert caught.value.__notes__ == ["in the declaration of Odd.odd"]
