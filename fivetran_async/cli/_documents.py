"""Models as complete JSON documents: null, `[]` and false are values, too. Pure."""

from __future__ import annotations

from fivetran_async._model import Model
from fivetran_async._types import JSONValue
from fivetran_async.errors import InvalidArgumentError


def document_of(model: Model) -> dict[str, JSONValue]:
    """Return all fields of a model, those with their empty value included."""
    try:
        return model.to_dict(include_empty=True)
    except InvalidArgumentError as error:
        # A value that JSON cannot express must not hide what the command has done.
        identity = getattr(model, "id", None)
        return {"id": str(identity) if identity else None, "error": error.message}
