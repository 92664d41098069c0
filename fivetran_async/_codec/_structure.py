"""
Generates the decoding function of each model.

Generated code that checks the type of each field inline is several times as fast as a loop over
field descriptions. It handles values of exactly the declared type; `settle` holds the rules for all
other values.
"""

from __future__ import annotations

import linecache
import typing
from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Any, Final, TypeAlias, cast

import attrs

from fivetran_async._codec._drift import (
    MISSING,
    Finding,
    MisfitError,
    current_findings,
    json_type,
    report_field,
    report_unknown,
)
from fivetran_async._codec._fields import (
    NO_EXTRA,
    default_of,
    factory_of,
    has_identity,
    is_model,
    other_names,
    wire_fields,
)
from fivetran_async._codec._scalars import REFUSED, Real
from fivetran_async._codec._shapes import (
    Anything,
    Elements,
    Entries,
    HookFor,
    Nested,
    Scalar,
    Shape,
    StructureHook,
    read_entries,
    read_items,
    shape_of,
)


@attrs.frozen(kw_only=True, eq=False)
class FieldPlan:
    """The facts about one field of a model that decoding needs."""

    model: str
    name: str
    wire: str
    shape: Shape
    nullable: bool
    attribute: attrs.Attribute[Any]
    shared: object
    """The empty value if objects can share it, else `MISSING`."""

    @property
    def mandatory(self) -> bool:
        """True if the field is required: it has no default."""
        return self.attribute.default is attrs.NOTHING

    def empty(self, value: object) -> object:
        """Return the value of the field if the raw value is null or missing."""
        if value is None and self.nullable:
            return None
        return default_of(self.attribute)


def field_plans(cls: type, hook_for: HookFor) -> tuple[FieldPlan, ...]:
    """
    Plan the fields of a model from its declaration.

    Raises:
        TypeError: The type of a field is unsupported.
    """
    annotations = typing.get_type_hints(cls)
    plans: list[FieldPlan] = []
    for wire, attribute in wire_fields(cls):
        try:
            shape, nullable = shape_of(annotations[attribute.name], hook_for)
        except TypeError as error:
            error.add_note(f"in the declaration of {cls.__name__}.{attribute.name}")
            raise
        plans.append(
            FieldPlan(
                model=cls.__name__,
                name=attribute.name,
                wire=wire,
                shape=shape,
                nullable=nullable,
                attribute=attribute,
                shared=_shared_default(attribute),
            )
        )
    return tuple(plans)


def _shared_default(attribute: attrs.Attribute[Any]) -> object:
    factory = factory_of(attribute)
    if attribute.default is attrs.NOTHING or (factory and not _makes_constants(factory)):
        return MISSING
    return default_of(attribute)


def _makes_constants(factory: Callable[[], object]) -> bool:
    # True for a model if all of its empty values can be shared.
    if not is_model(factory):
        return False
    factories = (factory_of(attribute) for _, attribute in wire_fields(cast("type", factory)))
    return all(inner is None or _makes_constants(inner) for inner in factories)


def settle(plan: FieldPlan, value: object, source: dict[str, object], model: Any) -> object:  # noqa: ANN401
    """
    Return the value of a field if the raw value is not exactly of the declared type.

    Args:
        plan: The field.
        value: The raw value.
        source: The raw object that holds it.
        model: The object that is being decoded; its `extra` keeps a value that does not fit.

    Raises:
        MisfitError: The field is required, and the value is missing or does not fit.
    """
    losses: list[object] = []
    is_absent = value is None or value is MISSING
    read = None if is_absent else plan.shape.read(value, losses)
    if plan.mandatory and (read is None or read is REFUSED):
        raise MisfitError(plan.model, plan.shape.expected, value, container=source, key=plan.wire)
    if read is None:
        return plan.empty(value)
    if read is REFUSED or losses:
        model.extra = {**model.extra, plan.wire: value}
        report_field(
            Finding(
                model=plan.model,
                field=plan.wire,
                expected=plan.shape.expected,
                value_type=json_type(value),
                container=source,
                key=plan.wire,
            )
        )
    return default_of(plan.attribute) if read is REFUSED else read


def structure_function(cls: type, hook_for: HookFor) -> StructureHook:
    """Generate and compile the structure hook of a model."""
    plans = field_plans(cls, hook_for)
    namespace: dict[str, Any] = {
        "BLANK": {plan.wire: plan.shared for plan in plans},
        "Model": cls,
        "Twin": mutable_twin(cls),
        "NO_EXTRA": NO_EXTRA,
        "unknown_of": _taker_of_unknown(cls.__name__, plans),
        "MISSING": MISSING,
        "MisfitError": MisfitError,
        "settle": settle,
        "instant_of": Real.datetime.fromisoformat,
        "UTC": UTC,
        "read_items": read_items,
        "read_entries": read_entries,
    }
    # The source consists of field names and constants of this package, never of received data.
    lines = [line for i, plan in enumerate(plans) for line in _statements(i, plan, namespace)]
    source = _TEMPLATE.format(count=len(plans), fields="\n".join(lines), expected=cls.__name__)
    name = f"structure hook of {cls.__module__}.{cls.__qualname__}"
    return cast("StructureHook", compiled(source, name, namespace)["structure"])


def compiled(source: str, name: str, namespace: dict[str, Any]) -> dict[str, Any]:
    """Execute generated code, and return its namespace; tracebacks show its lines."""
    file_name = f"<{name}>"
    linecache.cache[file_name] = (len(source), None, source.splitlines(keepends=True), file_name)
    exec(compile(source, file_name, "exec"), namespace)  # noqa: S102
    return namespace


# Merging the object into a copy of the defaults fills missing fields and puts unknown ones last. An
# object with as many keys as fields usually has exactly these keys, so it is first used unmerged.
_TEMPLATE: Final = """\
def structure(raw, _, merged=None):
    if type(raw) is not dict:
        raise MisfitError({expected!r}, "{expected} object", raw)
    if merged is None:
        if len(raw) == {count}:
            try:
                return structure(raw, None, raw)
            except KeyError:
                pass
        merged = {{**BLANK, **raw}}
    model = Twin()
    if len(merged) == {count}:
        model.extra = NO_EXTRA
    else:
        model.extra = unknown_of(merged, raw)
{fields}
    model.__class__ = Model
    return model
"""


_TakeUnknown: TypeAlias = Callable[[dict[str, object], dict[str, object]], dict[str, object]]


def _taker_of_unknown(model: str, plans: Sequence[FieldPlan]) -> _TakeUnknown:
    """Return the function that moves unknown fields out of an object and reports them."""
    count = len(plans)

    def unknown_of(merged: dict[str, object], raw: dict[str, object]) -> dict[str, object]:
        extra: dict[str, object] = {}
        while len(merged) > count:
            key, value = merged.popitem()
            extra[key] = value
        # Only the first object of a document with these fields does more than look them up.
        findings = current_findings.get()
        seen = None if findings is None else findings.unknown.get(model)
        if seen is None or not extra.keys() <= seen.keys():
            report_unknown(model, extra, raw)
        return extra

    renamed = [
        (plan.wire, names, (None, plan.shared))
        for plan in plans
        if (names := other_names(plan.attribute))
    ]
    return _taker_of_renamed(model, count, renamed) if renamed else unknown_of


def _taker_of_renamed(
    model: str, count: int, renamed: Sequence[tuple[str, tuple[str, ...], tuple[object, object]]]
) -> _TakeUnknown:
    """Return the same for a model with fields that have other names, which are not unknown."""
    others = {name for _, names, _ in renamed for name in names}

    def unknown_of(merged: dict[str, object], raw: dict[str, object]) -> dict[str, object]:
        extra: dict[str, object] = {}
        while len(merged) > count:
            key, value = merged.popitem()
            extra[key] = value
        if not extra.keys() <= others:
            report_unknown(model, extra.keys() - others, raw)
        for wire, names, empty in renamed:
            found = next((name for name in names if extra.get(name) is not None), None)
            # `to_dict` omits an empty value, so an empty value does not count as present here.
            if found is not None and raw.get(wire) in empty:
                merged[wire] = extra.pop(found)
        return extra or NO_EXTRA

    return unknown_of


def mutable_twin(cls: type) -> type:
    """
    Return a subclass with assignable slots, for new objects only.

    Assigning `__class__` at the end turns them into instances of the frozen class, which has the
    same layout. A frozen `__init__` takes twice as long.
    """
    return type(cls)(
        cls.__name__,
        # As a subclass without slots of its own it needs no comparison of slots.
        (cls,),
        {
            "__init__": object.__init__,
            "__slots__": (),
            # Only with both of them does the interpreter write slots without a lookup.
            "__setattr__": object.__setattr__,
            "__delattr__": object.__delattr__,
        },
    )


def _statements(index: int, plan: FieldPlan, namespace: dict[str, Any]) -> list[str]:
    namespace[f"PLAN{index}"] = plan
    fetch = f"    value = merged[{plan.wire!r}]"
    settled = f"settle(PLAN{index}, value, raw, model)"
    if plan.shape == Scalar(Real.datetime) and plan.nullable and plan.shared is None:
        return [
            fetch,
            "    try:",
            f"        model.{plan.name} = (",
            "            None if value is None",
            "            else instant if (instant := instant_of(value)).tzinfo is UTC",
            f"            else {settled}",
            "        )",
            "    except (TypeError, ValueError):",
            f"        model.{plan.name} = {settled}",
        ]
    return [fetch, f"    model.{plan.name} = {_expression(index, plan, settled, namespace)}"]


def _expression(index: int, plan: FieldPlan, settled: str, namespace: dict[str, Any]) -> str:
    factory = factory_of(plan.attribute)
    if plan.shared is not MISSING:
        namespace[f"shared{index}"] = plan.shared
        settled = f"value if value is shared{index} else {settled}"
    elif factory is not None:
        namespace[f"factory{index}"] = factory
        settled = f"factory{index}() if value is MISSING else {settled}"
    simple = _simple_case(index, plan.shape, namespace)
    if simple is None:
        return settled
    test, result = simple
    if not plan.nullable:
        return f"{result} if {test} else {settled}"
    if result == "value":
        return f"value if value is None or {test} else {settled}"
    return f"None if value is None else {result} if {test} else {settled}"


def _simple_case(index: int, shape: Shape, namespace: dict[str, Any]) -> tuple[str, str] | None:
    """Return the code that tests a raw value for exactly its type, and the code of the result."""
    match shape:
        case Anything():
            return "value is not None and value is not MISSING", "value"
        case Entries(Anything()):
            return "type(value) is dict", "value"
        case Scalar(kind) if kind is not Real.datetime:
            return f"type(value) is {kind.__name__}", "value"
        case Elements(Scalar(kind)) | Entries(Scalar(kind)) if kind is not Real.datetime:
            return _case_of_scalars(index, shape, kind, namespace)
        case Nested(model, hook) | Elements(Nested(model, hook)) | Entries(Nested(model, hook)):
            namespace |= {f"Model{index}": model, f"hook{index}": hook}
            return _case_of_models(index, shape)
        case _:
            return None


def _case_of_scalars(
    index: int, shape: Elements | Entries, kind: type, namespace: dict[str, Any]
) -> tuple[str, str]:
    namespace[f"alike{index}"] = frozenset({kind}).issuperset
    if isinstance(shape, Elements):
        return f"type(value) is list and alike{index}(map(type, value))", "tuple(value)"
    return f"type(value) is dict and alike{index}(map(type, value.values()))", "value"


def _case_of_models(index: int, shape: Nested | Elements | Entries) -> tuple[str, str] | None:
    arguments = f"(value, hook{index}, Model{index})"
    match shape:
        case Elements():
            return "type(value) is list", f"(read_items{arguments} if value else ())"
        case Entries():
            return "type(value) is dict", f"read_entries{arguments}"
        case Nested(model) if has_identity(model):
            # The object can lack its identity, a case that only `settle` handles.
            return None
        case Nested():
            return "type(value) is dict", f"hook{index}(value, Model{index})"
