"""Builds calls of the client's methods from the inventory and their signatures."""

from __future__ import annotations

import functools
import inspect
import operator
import re
import typing
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, cast

import attrs

from fivetran_async import AsyncFivetran
from fivetran_async._types import UNSET
from fivetran_async.pagination import Pager
from meta.inventory import Field, Operation
from meta.samples import argument

Extent: TypeAlias = Literal["required", "all"]

LIMIT: Final = 250
CURSOR: Final = "eyJza2lwIjoxfQ/+ ü"

NEVER_WITHOUT: Final[Mapping[str, tuple[str, object]]] = {
    "connections.update": ("paused", True),
    "users.create": ("email", "ada@example.com"),
}
"""Operations that the client refuses without an optional field, each with the field and a value."""

LOCAL: Final[Mapping[tuple[str, str], str]] = {
    ("connector_sdk_packages.download", "to"): "where the archive is written",
    ("connector_sdk_packages.download", "verify"): "whether its hash is compared",
}
"""Parameters that are not sent, and their purpose."""

_UNRESERVED: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
)


def encoded(segment: str) -> str:
    """Percent-encode one segment of a path, except the unreserved characters of RFC 3986."""
    return "".join(
        chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in segment.encode()
    )


def method_of(fivetran: AsyncFivetran, operation: Operation) -> Callable[..., Any]:
    """Find the method of a row: `teams.users.add` on the session."""
    return cast("Callable[..., Any]", operator.attrgetter(operation.method)(fivetran))


def parameters_of(method: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a method, without `self`."""
    return _parameters_of(cast("Any", method).__func__)


def hints_of(method: Callable[..., Any]) -> Mapping[str, Any]:
    """Return the resolved annotations of a method."""
    return _hints_of(cast("Any", method).__func__)


# Thousands of tests ask for those of 200 functions.
@functools.cache
def _parameters_of(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    _, *parameters = inspect.signature(function).parameters.items()
    return MappingProxyType(dict(parameters))


@functools.cache
def _hints_of(function: Callable[..., Any]) -> Mapping[str, Any]:
    return MappingProxyType(typing.get_type_hints(inspect.unwrap(function)))


def python_name(name: str) -> str:
    """Return the keyword argument of a query parameter, in snake case."""
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


@attrs.frozen
class Call:
    """The arguments of one call, and the request that they must produce."""

    args: tuple[object, ...]
    kwargs: Mapping[str, object]
    path: str
    query: Mapping[str, str]
    body: object

    def replacing(self, name: str, position: int | None, value: object) -> Call:
        """Return the call with one argument changed."""
        if position is None:
            return attrs.evolve(self, kwargs={**self.kwargs, name: value})
        args = (*self.args[:position], value, *self.args[position + 1 :])
        return attrs.evolve(self, args=args)

    def without(self, name: str, position: int | None) -> Call:
        """Return the call without one argument and the positional ones after it."""
        if position is None:
            kept = {key: value for key, value in self.kwargs.items() if key != name}
            return attrs.evolve(self, kwargs=kept)
        return attrs.evolve(self, args=self.args[:position])

    def omitting(self, *names: str) -> Call:
        """Return the call without some keywords, also in the expected request."""
        return attrs.evolve(
            self,
            kwargs={key: value for key, value in self.kwargs.items() if key not in names},
            query={key: value for key, value in self.query.items() if key not in names},
        )


async def perform(method: Callable[..., Any], call: Call) -> object:
    """Await the call; a list returns its first page."""
    made = method(*call.args, **call.kwargs)
    return await cast("Pager[object] | Awaitable[object]", made)


def positional_names(method: Callable[..., Any]) -> tuple[str, ...]:
    """Return the parameters that are not keyword-only, in order."""
    parameters = parameters_of(method).values()
    return tuple(p.name for p in parameters if p.kind is not p.KEYWORD_ONLY)


def positional_fields(operation: Operation, method: Callable[..., Any]) -> tuple[Field, ...]:
    """Return the fields of the body that are positional arguments after the ids."""
    count = len(positional_names(method)) - len(operation.slots)
    if operation.whole_body:
        return (Field("", operation.whole_body, required=True),)
    names = parameters_of(method)
    unnamed = [field for field in operation.body if field.name not in names and field.required]
    by_position = [f for f in operation.body if f.name in positional_names(method)]
    return tuple([*by_position, *unnamed][:count])


def build(
    operation: Operation,
    method: Callable[..., Any],
    extent: Extent,
    given: Mapping[str, object] | None = None,
) -> Call:
    """
    Build the arguments of a call.

    Args:
        operation: The row.
        method: Its method.
        extent: Only required arguments, or all.
        given: Arguments to include in any case.
    """
    wanted = dict(given or {})
    if operation.method in NEVER_WITHOUT:
        name, value = NEVER_WITHOUT[operation.method]
        wanted[name] = value
    parameters, hints = parameters_of(method), hints_of(method)
    ids = tuple(f"{slot} /+=ü%2F?#{operation.method}" for slot in operation.slots)
    placed = positional_fields(operation, method)
    values = tuple(_argument(field, hints) for field in placed)
    sent = {field.name: value for field, value in zip(placed, values, strict=True)}
    kwargs: dict[str, object] = {}
    for field in operation.body:
        if field.name in sent:
            continue
        if field.required or extent == "all" or field.name in wanted:
            kwargs[field.name] = sent[field.name] = wanted.get(field.name, _argument(field, hints))
        elif field.name in parameters and parameters[field.name].default is not UNSET:
            sent[field.name] = parameters[field.name].default
    query = _query_arguments(operation, hints, extent, wanted)
    kwargs |= {python_name(name): value for name, value in query.items()}
    kwargs |= {name: value for name, value in wanted.items() if (operation.method, name) in LOCAL}
    if operation.needs_confirmation(kwargs):
        kwargs["confirm"] = True
    return Call(
        args=(*ids, *values),
        kwargs=kwargs,
        path=operation.path_of(tuple(map(encoded, ids))),
        query={name: _query_text(value) for name, value in query.items()},
        body=_body(operation, sent),
    )


def _argument(field: Field, hints: Mapping[str, Any]) -> object:
    choices = list(choices_of(hints.get(python_name(field.name))))
    return choices[0] if choices else argument(field.kind, field.name)


def choices_of(hint: object) -> Iterable[object]:
    """List the values of the `Literal` in an annotation, if there is one."""
    if typing.get_origin(hint) is Literal:
        yield from typing.get_args(hint)
    elif typing.get_origin(hint) is not None:
        for member in typing.get_args(hint):
            if typing.get_origin(member) is Literal:
                yield from choices_of(member)


def _query_arguments(
    operation: Operation, hints: Mapping[str, Any], extent: Extent, wanted: Mapping[str, object]
) -> dict[str, object]:
    query = {
        field.name: wanted.get(field.name, _argument(field, hints))
        for field in operation.query
        if field.required or extent == "all" or field.name in wanted
    }
    if operation.paginated and extent == "all":
        query |= {"cursor": CURSOR, "limit": LIMIT}
    return query


def _query_text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case _:
            return str(value)


def _body(operation: Operation, sent: Mapping[str, object]) -> object:
    """Return the expected body, or None for operations without one."""
    if operation.whole_body:
        return sent[""]
    return dict(sent) if operation.body else None
