"""Models serialize where a library meets them without their type being declared."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, cast

import pydantic
import pydantic_core
import pytest
from fastapi.encoders import jsonable_encoder

from fivetran_async.models import Connection, Group

CONNECTION = Connection.from_dict(
    {
        "id": "speak_inexpensive",
        "service": "postgres",
        "created_at": "2026-01-02T03:04:05Z",
        "status": {"setup_state": "connected", "tasks": [{"code": "resync", "message": "m"}]},
        "config": {"password": "hunter2"},
        "a_new_field": "hunter2",
    }
)


class Anything(pydantic.BaseModel):
    """A response of a service, which declares nothing."""

    value: Any


class TemporalEncoder(json.JSONEncoder):
    """Chooses as Temporal's converter does: `dict()` first, then iterables as lists."""

    def default(self, o: Any) -> Any:  # noqa: ANN401
        """Return what JSON can write."""
        if callable(getattr(o, "dict", None)):
            return o.dict()
        if isinstance(o, Iterable):
            return list(cast("Iterable[object]", o))
        return o.isoformat() if hasattr(o, "isoformat") else super().default(o)


WRITERS: dict[str, Callable[[object], Any]] = {
    "field of type Any": lambda value: json.loads(Anything(value=value).model_dump_json())["value"],
    "dump": lambda value: Anything(value=value).model_dump(mode="json")["value"],
    "pydantic_core": pydantic_core.to_jsonable_python,
    "pydantic_core JSON": lambda value: json.loads(pydantic_core.to_json(value)),
    "jsonable_encoder": jsonable_encoder,
    "Temporal": lambda value: json.loads(json.dumps(value, cls=TemporalEncoder)),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_models_serialize_unannounced(writer: str) -> None:
    """
    Alone, in a list and in a dict, with nested models, and with what `repr` shows only.

    Siblings: return annotations of FastAPI, which declare the type (`tests/integrations`).
    """
    for value in (CONNECTION, [CONNECTION], {"x": CONNECTION}):
        written: Any = WRITERS[writer](value)
        if isinstance(value, list):
            written = written[0]
        elif isinstance(value, dict):
            written = written["x"]
        assert written["id"] == "speak_inexpensive"
        assert written["created_at"].startswith("2026-01-02T03:04:05")
        assert written["status"]["tasks"][0]["code"] == "resync"
        assert "hunter2" not in json.dumps(written)


def test_a_subclass_has_its_own_serializer() -> None:
    """What pydantic keeps for a class is not used for a class that adds to it."""
    assert pydantic_core.to_jsonable_python(Group(id="g"))["id"] == "g"

    class Named(pydantic.BaseModel):
        group: Any

    assert Named(group=Group(id="h")).model_dump(mode="json")["group"]["id"] == "h"
    assert Group.__pydantic_serializer__ is not Connection.__pydantic_serializer__
