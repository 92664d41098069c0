"""Checks the arguments of every endpoint method against its annotations, before any I/O."""

from __future__ import annotations

import asyncio
import collections.abc
import functools
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias, TypeVar, cast

from fivetran_async._http.operation import RetryClass
from fivetran_async._types import Unset, Verb
from fivetran_async.errors import InvalidArgumentError

LONGEST_TIME: Final = 100 * 365 * 86_400.0
"""Seconds beyond which dates and clocks cannot be computed with."""

LAST_PORT: Final = 65_535

_MOST_ACCEPTED: Final = 16
"""Combinations of types that are kept for a method: callers may make types without end."""

F = TypeVar("F", bound=Callable[..., Any])

Check: TypeAlias = Callable[[object], bool]


class _Argument(typing.NamedTuple):
    accepts: Check
    name: str
    expected: str
    by_type: bool = False
    """True if the type of a value alone decides whether it is accepted."""


class _Arguments(typing.NamedTuple):
    """The arguments of a method."""

    method: str
    positional: tuple[_Argument, ...]
    by_name: Mapping[str, _Argument]

    def check(self, args: Sequence[object], kwargs: Mapping[str, object]) -> None:
        """Refuse values that are not of the annotated types."""
        for argument, value in zip(self.positional, args, strict=False):
            if not argument.accepts(value):
                raise _refusal(self.method, argument, value)
        for key, value in kwargs.items():
            # Python itself refuses unknown names.
            named = self.by_name.get(key)
            if named is not None and not named.accepts(value):
                raise _refusal(self.method, named, value)

    def are_by_type(self, args: Sequence[object]) -> bool:
        """Return True if the types of the values decide whether they are accepted."""
        return all(argument.by_type for argument in self.positional[: len(args)])


def checked(method: F) -> F:
    """
    Make a method refuse arguments that are not of their annotated types.

    A wrong type would otherwise reach the server or, as `None` for an id, another path. The wrapper
    is not a coroutine function, so that it adds no frame to a call: a wrong type is refused when
    the method is called, not when its result is awaited.
    """
    accepted: set[tuple[type, ...]] = set()
    """The types of positional arguments that were accepted once, and therefore always are."""

    @functools.cache
    def arguments() -> _Arguments:
        # Late, because annotations may name models of modules that are still being imported.
        return _arguments_of(method)

    @functools.wraps(method)
    def wrapper(self: object, /, *args: object, **kwargs: object) -> object:
        # Of one argument, as of most methods, the types are known without a `map`.
        types = (type(args[0]),) if len(args) == 1 else tuple(map(type, args))
        if not kwargs and types in accepted:
            return method(self, *args)
        arguments().check(args, kwargs)
        if not kwargs and len(accepted) < _MOST_ACCEPTED and arguments().are_by_type(args):
            accepted.add(types)
        return method(self, *args, **kwargs)

    if inspect.iscoroutinefunction(method):
        _mark_coroutine_function(wrapper)
    return cast("F", wrapper)


def _mark_coroutine_function(function: Callable[..., object]) -> None:
    """Let mocks and frameworks see that the result of the function must be awaited."""
    if sys.version_info >= (3, 12):
        inspect.markcoroutinefunction(function)
    else:
        # Before 3.12 asyncio's own mark, which `unittest.mock` looks for, is the only one.
        vars(function)["_is_coroutine"] = vars(asyncio.coroutines)["_is_coroutine"]


def _refusal(method: str, argument: _Argument, value: object) -> InvalidArgumentError:
    # Without the value itself, which may be a secret.
    given = "None" if value is None else type(value).__name__
    if argument.expected.startswith("one of ") and isinstance(value, str):
        given = "this text"
    return InvalidArgumentError(
        f"{argument.name} must be {argument.expected}, not {given} ({method})."
    )


def check_own_request(
    verb: object, query: object, body: object, retry_class: object, accept_version: object
) -> None:
    """Refuse arguments of `request` and its siblings that are not of their types."""
    values = (verb, query, body, retry_class, accept_version)
    for argument, value in zip(_OWN_REQUEST, values, strict=True):
        if not argument.accepts(value):
            raise _refusal("request", argument, value)


def check_seconds(name: str, value: object, *, at_least: float | None = None) -> None:
    """
    Raise unless a value is a number of seconds that clocks can compute with.

    Args:
        name: The argument.
        value: Its value.
        at_least: The least value that is allowed; None for any positive number.

    Raises:
        InvalidArgumentError: The message names the argument and what is allowed.
    """
    # Compared and not converted: integers may be too large for a float.
    if isinstance(value, int | float) and not isinstance(value, bool):
        bounds = "a positive number of" if at_least is None else f"{at_least:g} or more"
        enough = value > 0 if at_least is None else value >= at_least
        if enough and value <= LONGEST_TIME:
            return
        limit = ", at most 100 years" if enough else ""
    else:
        bounds, limit = "a positive number of" if at_least is None else "a number of", ""
    shown = "a number too long to show" if _is_long(value) else f"{value!r:.100}"
    raise InvalidArgumentError(f"{name} must be {bounds} seconds{limit}, not {shown}.")


def _is_long(value: object) -> bool:
    return isinstance(value, int) and value.bit_length() > 1_000


def check_port(name: str, value: object) -> None:
    """
    Raise unless a value is a port; the socket would raise an `OverflowError`.

    Raises:
        InvalidArgumentError: The message names the argument and the ports.
    """
    check_whole_number(name, value, at_least=0, at_most=LAST_PORT)


def check_host(name: str, value: object) -> None:
    """
    Raise unless a value is an address to listen on; an empty one would mean all of them.

    Raises:
        InvalidArgumentError: The message names the argument.
    """
    if not isinstance(value, str) or not value.strip():
        raise InvalidArgumentError(
            f"{name} must be an address such as 127.0.0.1, or 0.0.0.0 for all, not {value!r:.100}."
        )


def distinct_texts(name: str, texts: Iterable[str]) -> tuple[str, ...]:
    """
    Return some texts, each once, in the order in which they are given.

    Raises:
        InvalidArgumentError: It is one text, or holds something else.
    """
    if isinstance(texts, str):
        raise InvalidArgumentError(f"{name} must be an iterable of texts, not one text.")
    found = tuple(dict.fromkeys(texts))
    if not all(isinstance(each, str) for each in cast("tuple[object, ...]", found)):
        raise InvalidArgumentError(f"{name} must be texts, such as `connection.id`.")
    return found


def check_whole_number(
    name: str, value: object, *, at_least: int, at_most: int | None = None
) -> None:
    """
    Raise unless a value is a whole number within its bounds; True and False are not.

    Raises:
        InvalidArgumentError: The message names the argument and its bounds.
    """
    if (
        isinstance(value, int)
        and not isinstance(value, bool)
        and value >= at_least
        and (at_most is None or value <= at_most)
    ):
        return
    bounds = f"of at least {at_least}" if at_most is None else f"from {at_least} to {at_most}"
    raise InvalidArgumentError(f"`{name}` must be a whole number {bounds}, not {value!r:.100}.")


def _arguments_of(method: Callable[..., Any]) -> _Arguments:
    hints = typing.get_type_hints(method)
    positional: list[_Argument] = []
    by_name: dict[str, _Argument] = {}
    for parameter in list(inspect.signature(method).parameters.values())[1:]:
        hint = hints.get(parameter.name, object)
        argument = _Argument(accepts(hint), parameter.name, describe(hint), _is_by_type(hint))
        if parameter.kind is not parameter.KEYWORD_ONLY:
            positional.append(argument)
        if parameter.kind is not parameter.POSITIONAL_ONLY:
            by_name[parameter.name] = argument
    return _Arguments(method.__qualname__, tuple(positional), by_name)


def _is_by_type(hint: object) -> bool:
    """Return True if `accepts` only looks at the type of a value."""
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        return all(map(_is_by_type, typing.get_args(hint)))
    return typing.get_origin(hint) is None


def accepts(hint: object) -> Check:
    """Return the test for values of a type; a type that cannot be tested accepts any value."""
    origin = typing.get_origin(hint)
    if origin in {typing.Union, types.UnionType}:
        checks = [accepts(member) for member in typing.get_args(hint)]
        return lambda value: any(check(value) for check in checks)
    if origin is typing.Literal:
        values = typing.get_args(hint)
        return lambda value: value in values
    if origin in {collections.abc.Sequence, tuple}:
        return _sequence_check(typing.get_args(hint))
    if origin is collections.abc.Mapping:
        return _mapping_check(typing.get_args(hint))
    return _plain_check(hint if origin is None else origin)


def _plain_check(hint: object) -> Check:
    if hint is int:
        return lambda value: isinstance(value, int) and not isinstance(value, bool)
    if hint is float:
        return lambda value: isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(hint, type) and hint is not object:
        kind = cast("type[object]", hint)
        return lambda value: isinstance(value, kind)
    return lambda _: True


def _sequence_check(arguments: Sequence[Any]) -> Check:
    member = accepts(arguments[0]) if arguments else _plain_check(object)

    def check(value: object) -> bool:
        # A text is a sequence of texts, but never meant as one.
        if isinstance(value, str | bytes) or not isinstance(value, Sequence):
            return False
        return all(member(entry) for entry in cast("Sequence[object]", value))

    return check


def _mapping_check(arguments: Sequence[Any]) -> Check:
    member = accepts(arguments[1]) if arguments else _plain_check(object)

    def check(value: object) -> bool:
        if not isinstance(value, Mapping):
            return False
        entries = cast("Mapping[object, object]", value)
        return all(isinstance(key, str) and member(entry) for key, entry in entries.items())

    return check


_WORDS: Final[Mapping[Any, str]] = {
    str: "a str",
    int: "an int",
    float: "a number",
    bool: "True or False",
    type(None): "None",
}


def describe(hint: object) -> str:
    """Return in words what an annotation accepts."""
    if hint is Unset:
        return ""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        if str in arguments:
            # Beside `str`, a `Literal` is there for completion only.
            arguments = tuple(a for a in arguments if typing.get_origin(a) is not Literal)
        return " or ".join(filter(None, map(describe, arguments)))
    if origin is typing.Literal:
        return "one of " + ", ".join(map(repr, arguments))
    if origin in {collections.abc.Sequence, tuple}:
        return f"a sequence, each {describe(arguments[0])}" if arguments else "a sequence"
    if origin is collections.abc.Mapping:
        return "a mapping"
    word = _WORDS.get(hint)
    if word is not None:
        return word
    name: object = getattr(hint, "__name__", hint)
    return f"a {name}"


_OWN_REQUEST: Final = tuple(
    _Argument(accepts(hint), name, describe(hint))
    for name, hint in {
        "verb": Verb,
        "query": Mapping[str, object] | None,
        "body": Mapping[str, object] | Unset,
        "retry_class": RetryClass | None,
        "accept_version": Literal[1, 2],
    }.items()
)
