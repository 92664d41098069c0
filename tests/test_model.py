"""What every model is."""

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
    """A model whose value is hidden."""

    token: str = field(default="", repr=False)


@model
class Vault(Model):
    """A model with all that `field` can say."""

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


def test_models_do_not_change() -> None:
    """A field, `extra` included, can be neither assigned nor deleted, decoded or constructed."""
    for vault in (Vault(id="v", parent="p"), Vault.from_dict(FULL)):
        for name in ("id", "extra", "new"):
            with pytest.raises(AttributeError):
                setattr(vault, name, "x")
        with pytest.raises(AttributeError):
            delattr(vault, "id")


@pytest.mark.parametrize("method", ["__setitem__", "setdefault", "update", "__ior__"])
def test_the_empty_extra_that_objects_share_does_not_change(method: str) -> None:
    """Nobody can put an unknown field into all objects at once."""
    arguments = [{"a": 1}] if method in ("update", "__ior__") else ["a", 1]
    with pytest.raises(TypeError, match="read-only"):
        getattr(Vault(id="v", parent="p").extra, method)(*arguments)
    assert Secret().extra == {}


def test_models_are_built_by_keyword() -> None:
    """Positions mean nothing, and an identity must be given."""
    with pytest.raises(TypeError):
        Vault({}, id="v", parent="p")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    with pytest.raises(TypeError):
        Vault(parent="p")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def test_equality_leaves_unknown_fields_out() -> None:
    """Two objects with the same fields are equal; of different classes they never are."""
    assert Vault.from_dict(FULL) == Vault.from_dict({**FULL, "unknown": 1, "more": 2})
    assert Vault.from_dict(FULL) != Vault.from_dict({**FULL, "parentId": "q"})
    assert Secret() != Model()


def test_models_are_not_hashable() -> None:
    """Open mappings are plain dicts, so no model can be a key."""
    for unhashable in (Model(), Secret(), Vault.from_dict(FULL)):
        with pytest.raises(TypeError, match="unhashable"):
            hash(unhashable)


def test_repr_hides_what_may_be_secret() -> None:
    """Neither hidden fields nor unknown ones are printed."""
    vault = Vault.from_dict(FULL)
    assert "s3cret" not in repr(vault)
    assert repr(vault).startswith("Vault(id='v', opened_at=datetime")


def test_models_pickle_and_copy() -> None:
    """An object decoded here is the same object elsewhere, unknown fields included."""
    for vault in (Vault.from_dict(FULL), Vault(id="v", parent="p")):
        for again in (pickle.loads(pickle.dumps(vault)), copy.deepcopy(vault), copy.copy(vault)):  # noqa: S301
            assert again == vault
            assert again.extra == vault.extra
            assert again.secret.extra is vault.secret.extra


def test_decoded_objects_are_of_their_class() -> None:
    """An object made by decoding is no other than one made by its constructor."""
    decoded = decode({"id": "v", "parentId": "p"}, Vault)
    assert type(decoded) is Vault
    assert decoded == Vault(id="v", parent="p")


def test_to_dict_speaks_the_apis_names() -> None:
    """What was decoded comes back, under the API's names, without empty values."""
    assert Vault.from_dict(FULL).to_dict() == FULL
    assert Vault(id="v", parent="").to_dict() == {"id": "v", "parentId": ""}


def test_to_dict_shares_nothing() -> None:
    """Changing what to_dict gave leaves the object alone."""
    vault = Vault.from_dict(FULL)
    config = vault.to_dict()["config"]
    assert isinstance(config, dict)
    config["password"] = "changed"
    assert vault.config == {"password": "s3cret"}


def test_from_dict_shares_nothing() -> None:
    """Changing what from_dict was given leaves the object alone."""
    config = {"list": [1]}
    vault = Vault.from_dict({"id": "v", "parentId": "p", "config": config})
    config["list"].append(2)
    assert vault.config == {"list": [1]}


def test_unknown_fields_of_an_empty_object_come_back() -> None:
    """A nested object that is equal to the empty one is kept if it has unknown fields."""
    raw = {"id": "v", "parentId": "p", "secret": {"new": 1}}
    assert Vault.from_dict(raw).to_dict() == raw


def test_a_changed_field_wins_over_its_drifted_value() -> None:
    """The raw value comes back only as long as the field is empty."""
    drifted = Vault.from_dict({"id": "v", "parentId": "p", "groupId": ["odd"]})
    changed = Vault(id="v", parent="p", group_id="g", extra=drifted.extra)
    assert drifted.to_dict()["groupId"] == ["odd"]
    assert changed.to_dict()["groupId"] == "g"


def test_from_dict_takes_python_values() -> None:
    """Times and tuples are as good as their JSON."""
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
    """A mapping that is no such object is an error that names the place."""
    with pytest.raises(ResponseFormatError, match=message) as caught:
        Vault.from_dict(mapping)
    assert caught.value.__context__ is None


def test_a_class_that_converts_is_refused() -> None:
    """Decoding runs no converters, validators or post-init hooks, so a model has none."""

    class Converted(Model):
        """Has a converter."""

        count: int = attrs.field(default=0, converter=int)

    class Initialised(Model):
        """Has a hook."""

        def __attrs_post_init__(self) -> None:
            """Do nothing."""

    for cls in (Converted, Initialised):
        with pytest.raises(TypeError, match="decoding"):
            model(cls)


@pytest.mark.parametrize(
    "declared", [int | str, list[int], tuple[int, str], set[str], tuple[str | None, ...], bytes]
)
def test_a_field_of_an_unknown_kind_is_refused(declared: object) -> None:
    """A type that cannot be decoded is told at first use, with the field's name."""
    namespace = {"__annotations__": {"odd": declared}, "odd": None, "__doc__": "Odd."}
    cls = model(type("Odd", (Model,), namespace))
    with pytest.raises(TypeError) as caught:
        decode({}, cls)
    assert caught.value.__notes__ == ["in the declaration of Odd.odd"]
