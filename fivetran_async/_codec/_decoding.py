"""Decodes JSON values to models; the only module that configures cattrs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final, TypeVar, cast

import cattrs

from fivetran_async._codec._drift import (
    DriftLog,
    MisfitError,
    OnDrift,
    as_response_error,
    begin_findings,
    current_findings,
    end_findings,
    json_type,
)
from fivetran_async._codec._fields import is_model
from fivetran_async._codec._scalars import REFUSED, Real, as_instant
from fivetran_async._codec._shapes import Anything, Shape, StructureHook, read_items, shape_of
from fivetran_async._codec._structure import structure_function
from fivetran_async.errors import Fault, FivetranError, InvalidArgumentError, ResponseFormatError

T = TypeVar("T")

converter: Final = cattrs.Converter()
"""Decodes models with generated hooks, and classes of callers with the defaults of cattrs."""

_report_by_log: Final = DriftLog()
"""Logs the findings in values that are decoded without a session."""


def decode(
    value: object,
    result: type[T],
    *,
    on_drift: OnDrift | None = None,
    place: str = "data",
) -> T:
    """
    Decode a JSON value.

    Args:
        value: A result of `parse_json`, or a part of it.
        result: A model, `object` for the unchanged value, `tuple[Group, ...]`,
            `Mapping[str, Table]`, a scalar, or any class that cattrs can structure.
        on_drift: Receives values of another type than declared, and skipped items; a `Reports`
            receives unknown fields, too. By default each field is logged once per process.
        place: The name of the value, for messages.

    Raises:
        ResponseFormatError: The value has another type or lacks its identity; the message names
            the place, such as `data.id`.
    """
    wanted: Any = result
    return cast("T", _report(value, _reader(wanted), (value, wanted), on_drift, place))


def decode_page(
    value: object,
    item: type[T],
    *,
    on_drift: OnDrift | None = None,
    place: str = "data",
) -> tuple[tuple[T, ...], str | None]:
    """
    Decode the items of one page, and return them with the cursor of the next page, or None.

    Items of another type, and items without their identity, are skipped and reported. Decoding
    consumes the page: its raw items are replaced by None.

    Raises:
        ResponseFormatError: The value is not a page: it is not an object, its items are not an
            array, or its cursor is not text.
    """
    if not isinstance(value, dict):
        raise _not_a_page(place, "object", value)
    page = cast("dict[str, object]", value)
    raw_items, cursor = page.get("items"), page.get("next_cursor")
    if raw_items is None:
        raw_items = []
    if not isinstance(raw_items, list):
        raise _not_a_page(f"{place}.items", "array", raw_items)
    if cursor is not None and not isinstance(cursor, str):
        raise _not_a_page(f"{place}.next_cursor", "str", cursor)
    wanted: Any = item
    arguments = (cast("list[object]", raw_items), _reader(wanted), wanted)
    items = _report(page, _read_page, arguments, on_drift, place)
    return cast("tuple[T, ...]", items), cursor or None


def decode_each(
    values: Iterable[object], item: type[T], *, on_drift: OnDrift | None = None, place: str
) -> list[T]:
    """
    Decode many values one by one, each as `decode` does, and faster.

    Raises:
        ResponseFormatError: One of them has another type or lacks its identity.
    """
    wanted: Any = item
    read, decoded = _reader(wanted), list[object]()
    outer = begin_findings()
    try:
        for value in values:
            try:
                decoded.append(read(value, wanted))
            except (MisfitError, RecursionError):
                # For its error.
                decoded.append(decode(value, wanted, on_drift=on_drift, place=place))
            findings = current_findings.get()
            if findings is not None and findings.take_need_of_raw():
                findings.report_to(on_drift or _report_by_log, value, place)
                findings.forget_drifts()
    finally:
        end_findings(outer)
    return cast("list[T]", decoded)


_read_page: Final = functools.partial(read_items, use_up=True)


def _report(
    document: object,
    read: Callable[..., object],
    arguments: tuple[object, ...],
    on_drift: OnDrift | None,
    place: str,
) -> object:
    """Decode a document, then report the findings."""
    failure: FivetranError | None = None
    decoded: object = None
    # A cattrs hook of the caller can decode a part of the same document.
    outer = begin_findings()
    try:
        decoded = read(*arguments)
    except MisfitError as misfit:
        failure = as_response_error(misfit, document, place)
    except RecursionError:
        failure = ResponseFormatError(
            f"{place}: nested too deeply", place=place, fault=Fault.TOO_LARGE
        )
    finally:
        findings = end_findings(outer)
    if findings is not None:
        findings.report_to(on_drift or _report_by_log, document, place)
    if failure is not None:
        raise failure
    return decoded


def _not_a_page(place: str, expected: str, value: object) -> ResponseFormatError:
    return ResponseFormatError(
        f"{place}: expected {expected}, found {json_type(value)}", place=place
    )


@functools.cache
def _reader(result: object) -> StructureHook:
    """Return the function that decodes a raw value to `result`, or raises `MisfitError`."""
    if isinstance(result, type) and is_model(result):
        return hook_for(result)
    try:
        shape, nullable = shape_of(result, hook_for)
    except TypeError:
        return functools.partial(_read_foreign, result)
    return functools.partial(_read_shape, shape, nullable or isinstance(shape, Anything))


def _read_shape(shape: Shape, nullable: bool, value: object, _: object) -> object:  # noqa: FBT001
    if value is None and nullable:
        return None
    losses: list[object] = []
    read = None if value is None else shape.read(value, losses)
    if losses or read is None or read is REFUSED:
        raise MisfitError(shape.expected, shape.expected, value)
    return read


def _read_foreign(result: Any, value: object, _: object) -> object:  # noqa: ANN401
    name = getattr(result, "__name__", str(result))
    try:
        return converter.structure(value, result)
    except cattrs.StructureHandlerNotFoundError as error:
        raise InvalidArgumentError(f"result: cattrs cannot structure a {name}") from error
    except Exception as error:  # noqa: BLE001 - hooks of callers can raise anything
        problem = "; ".join(cattrs.transform_error(error, name))
    raise MisfitError(name, f"{name} ({problem})", value)


_being_written: set[type] = set()


def hook_for(cls: type) -> StructureHook:
    """Return the hook of a model, which is written on first use."""
    if cls not in _being_written:
        return converter.get_structure_hook(cls)

    def look_up(value: object, declared: object) -> object:
        return converter.get_structure_hook(cls)(value, declared)

    # A model that contains itself looks up its own hook when it decodes.
    return look_up


@converter.register_structure_hook_factory(is_model)
def _write_hook(cls: type) -> StructureHook:
    _being_written.add(cls)
    try:
        return structure_function(cls, hook_for)
    finally:
        _being_written.discard(cls)


def _structure_instant(value: object, _: object) -> datetime:
    instant = as_instant(value)
    if isinstance(instant, datetime):
        return instant
    raise ValueError("not an ISO 8601 time")


converter.register_structure_hook(Real.datetime, _structure_instant)
