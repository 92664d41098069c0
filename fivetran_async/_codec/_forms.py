"""Fields of results that have a JSON form of their own, or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import attrs

FORM: Final = "fivetran_async.form"
"""Metadata of a field: its `JsonForm`, if JSON has no values of its type."""


@attrs.frozen(kw_only=True)
class JsonForm:
    """
    How the values of a field are written in JSON.

    Attributes:
        write: Returns the JSON values of a value.
        read: Returns the value of JSON values; raises ValueError if they are of another form.
        hint: The type of the JSON values, for schemas.
    """

    write: Callable[[Any], object]
    read: Callable[[object], object]
    hint: object


def form_of(attribute: attrs.Attribute[Any]) -> JsonForm | None:
    """Return the form of a field, if it has its own."""
    return cast("JsonForm | None", attribute.metadata.get(FORM))
