"""PURE: the JSON forms of what plans and runs hold: values by path, and errors by address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import GenericAlias
from typing import Any, Final, NamedTuple, cast

from fivetran_async._codec._errors import error_facts, error_from
from fivetran_async._codec._forms import FORM, JsonForm
from fivetran_async._types import UNSET
from fivetran_async.as_code._comparing.leaves import Leaf
from fivetran_async.as_code._comparing.three_way import ConflictLeaf
from fivetran_async.as_code._kinds.values import FieldPath, as_items, as_object
from fivetran_async.errors import FivetranError


class KeptValue(NamedTuple):
    """The value that was wanted, and the one that the server keeps."""

    wanted: object
    kept: object


def leaf_json(path: FieldPath, leaf: Leaf) -> dict[str, object]:
    """Return the JSON values of a leaf; a value that is UNSET is left out."""
    return _entry(path, leaf._asdict())


def leaf_of(value: object) -> tuple[FieldPath, Leaf]:
    """
    Return the path and the leaf of JSON values.

    Raises:
        ValueError: They do not describe a leaf.
    """
    found = _object(value)
    leaf = Leaf(found.get("before", UNSET), found.get("after", UNSET))
    return _path(found.get("path")), leaf


def _tuples_by_path(kind: Any) -> JsonForm:  # noqa: ANN401 - the class of a named tuple
    names = cast("tuple[str, ...]", kind._fields)

    def write(values: Mapping[FieldPath, Sequence[object]]) -> list[dict[str, object]]:
        return [_entry(path, dict(zip(names, each, strict=True))) for path, each in values.items()]

    def read(value: object) -> dict[FieldPath, object]:
        entries = map(_object, _items(value))
        return {
            _path(each.get("path")): kind(*(each.get(name, UNSET) for name in names))
            for each in entries
        }

    return JsonForm(write=write, read=read, hint=list[dict[str, Any]])


def _values_by_path(values: Mapping[FieldPath, object]) -> list[dict[str, object]]:
    return [_entry(path, {"value": value}) for path, value in values.items()]


def _read_values(value: object) -> dict[FieldPath, object]:
    entries = map(_object, _items(value))
    return {_path(each.get("path")): each.get("value") for each in entries}


def _read_texts(value: object) -> dict[FieldPath, str]:
    return {path: str(each) for path, each in _read_values(value).items()}


def _by_address(form: JsonForm) -> JsonForm:
    def write(values: Mapping[str, object]) -> dict[str, object]:
        return {address: form.write(each) for address, each in values.items()}

    def read(value: object) -> dict[str, object]:
        return {address: form.read(each) for address, each in _object(value).items()}

    return JsonForm(write=write, read=read, hint=GenericAlias(dict, (str, form.hint)))


_VALUES: Final = JsonForm(write=_values_by_path, read=_read_values, hint=list[dict[str, Any]])
_TEXTS: Final = JsonForm(write=_values_by_path, read=_read_texts, hint=list[dict[str, Any]])
_ERROR: Final = JsonForm(
    write=error_facts, read=lambda value: error_from(_object(value)), hint=dict[str, Any]
)

LEAVES: Final = {FORM: _tuples_by_path(Leaf)}
"""Metadata of fields: the values before and after a change, by path."""
CONFLICT_LEAVES: Final = {FORM: _tuples_by_path(ConflictLeaf)}
"""The three values of a conflict, by path."""
KEPT_VALUES: Final = {FORM: _by_address(_tuples_by_path(KeptValue))}
"""The wanted and the kept value, by address and path."""
VALUES: Final = {FORM: _by_address(_VALUES)}
"""Values by address and path."""
TEXTS: Final = {FORM: _by_address(_TEXTS)}
"""Texts by address and path."""
ERRORS: Final = {FORM: _by_address(_ERROR)}
"""Errors by address."""


def compared_errors(errors: Mapping[str, FivetranError]) -> object:
    """Return what errors by address must have in common to be equal: attrs' `eq=` of a field."""
    return {address: error_facts(error) for address, error in errors.items()}


def _entry(path: FieldPath, values: Mapping[str, object]) -> dict[str, object]:
    given = {name: value for name, value in values.items() if value is not UNSET}
    return {"path": list(path), **given}


def _object(value: object) -> Mapping[str, object]:
    found = as_object(value)
    if found is None:
        raise ValueError(f"expected an object, not {type(value).__name__}")
    return found


def _items(value: object) -> Sequence[object]:
    found = as_items(value)
    if found is None:
        raise ValueError(f"expected a list, not {type(value).__name__}")
    return found


def _path(value: object) -> FieldPath:
    names = _items(value)
    if not names or not all(isinstance(name, str) for name in names):
        raise ValueError("expected a path of names")
    return tuple(map(str, names))
