"""
The only user of msgspec: from bytes to models, without dicts in between.

A struct accepts only what `_decoding` decodes without a conversion: fields of exactly their
declared types, and unknown fields with the given names. Its values are then moved to the model.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import GenericAlias
from typing import Annotated, Any, Final, TypeAlias, cast

import msgspec

from fivetran_async._codec._decoding import hook_for
from fivetran_async._codec._drift import MISSING
from fivetran_async._codec._fields import NO_EXTRA, factory_of
from fivetran_async._codec._scalars import Real, as_instant
from fivetran_async._codec._shapes import Anything, Elements, Entries, Nested, Scalar, Shape
from fivetran_async._codec._structure import FieldPlan, compiled, field_plans, mutable_twin

Unknown: TypeAlias = Mapping[object, set[str]]
"""Names of unknown fields: by model, and by place for the objects around models."""

ENVELOPE: Final = ""
PAGE: Final = "$.data"
"""The places of the objects around models, as msgspec names them."""

_EXACT: Final[dict[type, Any]] = {
    str: str,
    bool: bool,
    # Of larger numbers `_decoding` knows which are exact.
    int: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)],
    float: Annotated[float, msgspec.Meta(gt=-(2.0**53), lt=2.0**53)],
}
"""The type to read from JSON for each type of scalar: what passes it needs no conversion."""

_Move: TypeAlias = Callable[[Any], Any]
"""Moves the values of a struct to a new model."""

_MOST_SHARED: Final = 256
"""Objects of a model that are kept, to be used instead of equal ones."""

_UNKNOWN_FIELD: Final = re.compile(
    r"Object contains unknown field `(.*?)`(?: - at `(.*)`)?", re.DOTALL
)


def object_reader_of(
    model: type, unknown: Unknown, *, in_parts: bool = False
) -> Callable[[bytes], Any]:
    """
    Return a function that reads a response with one object of a model as its `data`.

    It raises ValueError or RecursionError for a document that only `_decoding` reads.

    Args:
        model: The model.
        unknown: The names of unknown fields that objects may have.
        in_parts: True for a function that other threads can interrupt: msgspec reads the document
            in many calls, because it keeps them from running during each.

    Raises:
        TypeError: The model has a field of a type that only `_decoding` reads.
    """
    struct, move = _Structs(unknown, in_parts=in_parts).of(model)
    decode = _envelope_reader(struct, unknown)
    return lambda body: move(decode(body).data)


def page_reader_of(
    model: type, unknown: Unknown, *, in_parts: bool = False
) -> Callable[[bytes], Any]:
    """Return such a function for pages; it returns the items and the cursor of the next page."""
    struct, move = _Structs(unknown, in_parts=in_parts).of(model)
    items, cursor = ("items", _list_of(struct) | None, None), ("next_cursor", str | None, None)
    decode = _envelope_reader(_around(PAGE, unknown, items, cursor), unknown)

    def read(body: bytes) -> tuple[tuple[Any, ...], str | None]:
        page = decode(body).data
        return tuple([move(item) for item in page.items or ()]), page.next_cursor or None

    return read


def document_reader_of(
    model: type, unknown: Unknown, filled: Mapping[str, str], *, in_parts: bool = False
) -> Callable[[bytes], tuple[Any, int]]:
    """
    Return such a function for documents that are one object; it returns the number of keys, too.

    Keys with null are not counted, nor those in lists and mappings. Of repeated keys, msgspec
    reads the last, and the number is smaller than that of the document.

    Args:
        model: The model.
        unknown: The names of unknown fields that objects may have.
        filled: The fields that take the value of another field if theirs is empty.
        in_parts: As of `object_reader_of`.
    """
    struct, move = _Structs(unknown, in_parts=in_parts).of(model)
    decode, complete = msgspec.json.Decoder(struct).decode, _completer_of(model, filled)

    def read(body: bytes) -> tuple[Any, int]:
        found = decode(body)
        keys = complete(found)
        return move(found), keys

    return read


def _completer_of(model: type, filled: Mapping[str, str]) -> Callable[[Any], int]:
    """Return a function that counts the keys of a struct, and then fills fields from others."""
    values = {plan.name: f"struct.v{n}" for n, plan in enumerate(field_plans(model, hook_for))}
    lines = "".join(
        f"    if {values[other]} is not None and not {values[name]}:\n"
        f"        {values[name]} = {values[other]}\n"
        for name, other in filled.items()
    )
    source = (
        f"def complete(struct):\n    keys = {_keys_of('struct', model)}\n{lines}    return keys\n"
    )
    namespace: dict[str, Any] = {"astuple": msgspec.structs.astuple, "UNSET": msgspec.UNSET}
    name = f"keys of {model.__module__}.{model.__qualname__}"
    return cast("Callable[[Any], int]", compiled(source, name, namespace)["complete"])


def _keys_of(struct: str, model: type) -> str:
    """Return the expression for the number of keys of a struct, and of the structs that it has."""
    plans = field_plans(model, hook_for)
    terms = [f"{len(plans)} - (values := astuple({struct})).count(None)"]
    if any(map(_has_three_states, plans)):
        terms.append("-values.count(UNSET)")
    for n, plan in enumerate(plans):
        if isinstance(plan.shape, Nested):
            inner = f"{struct}.v{n}"
            terms.append(f"(0 if {inner} is None else {_keys_of(inner, plan.shape.model)})")
    return " + ".join(terms)


def unknown_field_in(error: Exception) -> tuple[str, str] | None:
    """Return the place and the name of the unknown field that an error is about, if any."""
    found = _UNKNOWN_FIELD.fullmatch(str(error))
    return None if found is None else (found[2] or ENVELOPE, found[1])


def _envelope_reader(data: Any, unknown: Unknown) -> Callable[[bytes], Any]:  # noqa: ANN401
    others = (("code", Any, None), ("message", Any, None))
    return msgspec.json.Decoder(_around(ENVELOPE, unknown, ("data", data), *others)).decode


def _around(place: str, unknown: Unknown, *fields: tuple[Any, ...]) -> Any:  # noqa: ANN401
    names = unknown.get(place, set()) - {field[0] for field in fields}
    ignored = [
        (f"unknown_{n}", Any, msgspec.field(default=None, name=name))
        for n, name in enumerate(names)
    ]
    return msgspec.defstruct(
        "Around", [*fields, *ignored], kw_only=True, forbid_unknown_fields=True
    )


class _Structs:
    """Makes the structs of a model and of the models in it, each with its function."""

    def __init__(self, unknown: Unknown, *, in_parts: bool) -> None:
        self._unknown = unknown
        self._in_parts = in_parts
        self._made: dict[type, tuple[Any, _Move] | None] = {}

    def of(self, model: type) -> tuple[Any, _Move]:
        """
        Return the struct of a model, and the function that moves its values.

        Raises:
            TypeError: A field has a type that only `_decoding` reads.
        """
        if model not in self._made:
            self._made[model] = None
            self._made[model] = self._make(model)
        made = self._made[model]
        if made is None:
            raise TypeError(f"{model.__name__} contains itself")
        return made

    def _make(self, model: type) -> tuple[Any, _Move]:
        namespace: dict[str, Any] = {
            "Model": model,
            "Twin": mutable_twin(model),
            "present": _present,
            "NO_EXTRA": NO_EXTRA,
            "instant_of": Real.datetime.fromisoformat,
            "UTC": UTC,
            "odd_instant": _odd_instant,
            "UNSET": msgspec.UNSET,
            "shared": {},
        }
        plans = field_plans(model, hook_for)
        unknown = sorted(self._unknown.get(model, ()))
        fields: list[tuple[str, Any, Any]] = []
        lines: list[tuple[str, str, str]] = []
        for n, plan in enumerate(plans):
            hint, expression = self._moved(n, plan.shape, namespace)
            lines.append((plan.name, f"v{n}", _or_empty(n, plan, expression, namespace)))
            if plan.mandatory:
                fields.append((f"v{n}", hint, msgspec.field(name=plan.wire)))
            else:
                default = msgspec.UNSET if _has_three_states(plan) else None
                fields.append(
                    (f"v{n}", hint | None, msgspec.field(default=default, name=plan.wire))
                )
        for n, name in enumerate(unknown):
            fields.append((f"x{n}", Any, msgspec.field(default=msgspec.UNSET, name=name)))
            # A variable: the source has no received data.
            namespace[f"name{n}"] = name
        is_shared = not unknown and all(map(_may_be_shared, plans))
        source = (_SHARING if is_shared else _TEMPLATE).format(
            unknown="".join(f"    x{n} = struct.x{n}\n" for n in range(len(unknown))),
            extra=_extra(len(unknown)),
            fields="".join(itertools.starmap(_assignment, lines)),
        )
        move = compiled(source, f"move to {model.__module__}.{model.__qualname__}", namespace)[
            "move"
        ]
        # Structs never refer to each other in circles, so the garbage collector can ignore them.
        struct = msgspec.defstruct(
            model.__name__,
            fields,
            kw_only=True,
            forbid_unknown_fields=True,
            gc=False,
            # Only these have a hash.
            frozen=is_shared,
        )
        return struct, move

    def _moved(self, n: int, shape: Shape, namespace: dict[str, Any]) -> tuple[Any, str]:
        """Return the type to read for a shape, and the expression that makes the model's value."""
        match shape:
            case Scalar(Real.datetime):
                moved = f"at if (at := instant_of(v{n})).tzinfo is UTC else odd_instant(v{n})"
                return str, moved
            case Nested(model) | Elements(Nested(model)) | Entries(Nested(model)):
                struct, namespace[f"move{n}"] = self.of(model)
            case _:
                return _type_of(shape), f"v{n}"
        if isinstance(shape, Elements):
            return _list_of(struct), f"tuple([move{n}(each) for each in v{n}]) if v{n} else ()"
        if isinstance(shape, Entries):
            part = "each"
            if self._in_parts and _has_entries_of_models(model):
                namespace[f"read{n}"] = msgspec.json.Decoder(struct).decode
                struct, part = msgspec.Raw, f"read{n}(each)"
            return _dict_of(struct), f"{{key: move{n}({part}) for key, each in v{n}.items()}}"
        return struct, f"move{n}(v{n})"


def _list_of(kind: Any) -> Any:  # noqa: ANN401
    return GenericAlias(list, (kind,))


def _dict_of(kind: Any) -> Any:  # noqa: ANN401
    return GenericAlias(dict, (str, kind))


def _type_of(shape: Shape) -> Any:  # noqa: ANN401
    """Return the type to read for a shape that needs no conversion."""
    match shape:
        case Scalar(kind) if kind is not Real.datetime:
            return _EXACT[kind]
        case Anything():
            return Any
        case Elements(Scalar() | Anything() as of):
            return GenericAlias(tuple, (_type_of(of), ...))
        case Entries(Scalar() | Anything() as of):
            return _dict_of(_type_of(of))
        case _:
            raise TypeError(f"{shape.expected}: only cattrs reads it")


_TEMPLATE: Final = """\
def move(struct):
{unknown}\
    model = Twin()
    model.extra = {extra}
{fields}\
    model.__class__ = Model
    return model
"""


_SHARING: Final = (
    _TEMPLATE.replace(
        "{unknown}",
        "    model = shared.get(struct)\n    if model is not None:\n        return model\n",
    ).removesuffix("    return model\n")
    + f"    if len(shared) < {_MOST_SHARED}:\n"
    "        shared[struct] = model\n"
    "    return model\n"
)
"""For small models with few different values: settings of columns, warnings."""


def _assignment(name: str, value: str, expression: str) -> str:
    """Return the lines that set a field of the model to a value of the struct."""
    # The attributes of a struct are read faster than a tuple of all is made and unpacked.
    if expression == value:
        return f"    model.{name} = struct.{value}\n"
    return f"    {value} = struct.{value}\n    model.{name} = {expression}\n"


def _may_be_shared(plan: FieldPlan) -> bool:
    """Return True for a field with immutable values that compare exactly and are not secret."""
    has_exact_values = plan.shape in {Scalar(str), Scalar(bool), Scalar(int)}
    return has_exact_values and not plan.mandatory and plan.attribute.repr is True


def _has_entries_of_models(model: type) -> bool:
    shapes = (plan.shape for plan in field_plans(model, hook_for))
    return any(isinstance(shape, Entries) and isinstance(shape.of, Nested) for shape in shapes)


def _has_three_states(plan: FieldPlan) -> bool:
    """Return True for a field with different values for null and for missing."""
    return not plan.mandatory and plan.nullable and plan.shared is not None


def _or_empty(n: int, plan: FieldPlan, moved: str, namespace: dict[str, Any]) -> str:
    """Complete the expression for a field that can be missing or null."""
    if plan.mandatory:
        return moved
    or_null = moved if moved == f"v{n}" else f"None if v{n} is None else {moved}"
    if plan.shared is None:
        return or_null
    if plan.shared is MISSING:
        namespace[f"empty{n}"] = factory_of(plan.attribute)
        empty = f"empty{n}()"
    else:
        namespace[f"empty{n}"] = plan.shared
        empty = f"empty{n}"
    if _has_three_states(plan):
        return f"{empty} if v{n} is UNSET else {or_null}"
    return f"{empty} if v{n} is None else {moved}"


def _extra(count: int) -> str:
    """Return the expression for `extra` with this many known names."""
    if not count:
        return "NO_EXTRA"
    entries = ", ".join(f"name{n}: x{n}" for n in range(count))
    # `UNSET in (...)` would compare values, and some are large.
    has_all = " and ".join(f"x{n} is not UNSET" for n in range(count))
    return (
        f"{{{entries}}} if {has_all} else {'NO_EXTRA' if count == 1 else f'present({{{entries}}})'}"
    )


def _present(extra: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in extra.items() if value is not msgspec.UNSET} or NO_EXTRA


def _odd_instant(text: str) -> datetime:
    """Convert a time without a zone, or in another zone than UTC."""
    instant = as_instant(text)
    if isinstance(instant, datetime):
        return instant
    raise ValueError("the time is outside of the calendar")
