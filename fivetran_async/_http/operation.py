"""
PURE: one operation of the API as one value, which its family declares and the transport sends.

Verb, path template, retry class, accepted version, quotas and advice are kept together, so that a
method, `AsyncFivetran.request`, hooks, log records and errors all refer to the same operation.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias, TypedDict
from urllib.parse import quote, unquote

import attrs

from fivetran_async.errors import InvalidArgumentError

if TYPE_CHECKING:
    from typing import LiteralString, Unpack

    from fivetran_async._services import ServiceKind
    from fivetran_async._types import Verb

RetryClass: TypeAlias = Literal["read", "set", "delete", "trigger", "dangerous", "secret"]
"""
What a second request does, which decides what is retried.

The second time, `read`, `set` and `delete` change nothing more; `trigger` starts something once
more, `dangerous` creates or costs twice, and `secret` replaces the only copy of a credential.
"""

QuotaName: TypeAlias = Literal["source", "setup_tests", "user_creation", "private_links"]
"""A quota of the account that a call draws from, besides the one for all requests."""

SETUP_BUDGETS: Final[tuple[QuotaName, ...]] = ("setup_tests", "source")
"""The quotas of a call that runs setup tests."""

PLAIN: Final = "application/json"
V2: Final = "application/json;version=2"
"""Requests `config` as typed values; the plain form has the labels of the dashboard."""

Arguments: TypeAlias = Mapping[str, object]
Advice: TypeAlias = str | Callable[[Arguments], str]

CONTROL: Final = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"
_CLASS_OF_VERB: Final[dict[str, RetryClass]] = {
    "GET": "read",
    "DELETE": "delete",
    "PATCH": "set",
    "POST": "dangerous",
}
_MAX_SEGMENT: Final = 1024
_PLAIN_SEGMENT: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{_MAX_SEGMENT}}}", re.ASCII)
_SLOT: Final = re.compile(r"\{(\w+)\}")
_FORMER_WORDS: Final = {"connectors": "connections"}
"""First words of paths that the API still takes under their former name."""


def class_of_verb(verb: Verb) -> RetryClass:
    """Return the retry class of an operation that declares none."""
    return _CLASS_OF_VERB[verb]


@attrs.frozen(eq=False, repr=False)
class Operation:
    """
    One operation of the API.

    Attributes:
        name: The method for it, such as `connections.get`.
        verb: The HTTP verb.
        template: The path, with a slot in braces for each id.
        retry_class: What may be retried; by the verb if not given.
        accept: The media type of the response, which selects its version.
        slow: True for operations that the vendor documents to take minutes.
        budgets: The quotas that it draws from, besides the one for all requests.
        authorized: False for the one operation without credentials.
        paginated: For lists: False if the response is a single page.
        advice: How to find out what an ambiguous failure did: a format of the arguments, or a
            function of them.
        varies: Facts that depend on the body, as a function of it.
        service_kind: For operations on one object with a config: the kind of its service.
        shown_by: For changes: the read that returns the same object, used if a success has no data.
            For a PATCH it is by default the GET with the same path.
        shown_as: The arguments of the change that fill the path of `shown_by`; by default those
            with the names of its slots.
        built: For changes: the data that the response should have had, as a function of the
            arguments, instead of a read or after a declared one that failed.
        preview: True if some accounts lack the operation.
    """

    name: str
    verb: Verb
    template: LiteralString
    retry_class: RetryClass = attrs.field(
        kw_only=True,
        default=attrs.Factory(lambda self: class_of_verb(self.verb), takes_self=True),
    )
    accept: str = attrs.field(kw_only=True, default=PLAIN)
    slow: bool = attrs.field(kw_only=True, default=False)
    budgets: tuple[QuotaName, ...] = attrs.field(kw_only=True, default=())
    authorized: bool = attrs.field(kw_only=True, default=True)
    paginated: bool = attrs.field(kw_only=True, default=True)
    advice: Advice = attrs.field(kw_only=True, default="")
    varies: Callable[[Arguments], Arguments] | None = attrs.field(kw_only=True, default=None)
    service_kind: ServiceKind | None = attrs.field(kw_only=True, default=None)
    shown_by: Operation | None = attrs.field(kw_only=True, default=None)
    shown_as: tuple[str, ...] = attrs.field(kw_only=True, default=())
    built: Callable[[Arguments], Arguments] | None = attrs.field(kw_only=True, default=None)
    preview: bool = attrs.field(kw_only=True, default=False)

    def path(self, *segments: str) -> str:
        """
        Fill the slots of the template, each with one percent-encoded segment.

        yarl folds dot segments even if they are encoded, and an empty segment is another resource;
        so both are refused here, and aiohttp later takes the URL as already encoded.

        Raises:
            InvalidArgumentError: A segment is not a str, cannot be in a path, or makes it the path
                of another operation.
        """
        names, text, rivals, reserved, head, tail = _plans.get(self) or _plan_of(self)
        if reserved is not None and len(segments) == 1 and segments[0].__class__ is str:
            # As nearly all paths are: one slot, and an id of letters, digits and underscores.
            segment = segments[0]
            if (
                segment.isidentifier()
                and segment.isascii()
                and len(segment) <= _MAX_SEGMENT
                and segment not in reserved
            ):
                return head + segment + tail
        if len(names) != len(segments):
            raise ValueError(f"{self.template} has {len(names)} slots, not {len(segments)}")
        encoded = tuple(map(_segment, names, segments))
        for words, rival in rivals:
            if all(encoded[place] == word for place, word in words.items()):
                place, word = next(iter(words.items()))
                raise InvalidArgumentError(
                    f"{names[place]} must not be {word!r}: "
                    f"the path would be that of {rival.name} ({rival.verb} {rival.template})."
                )
        return text % encoded

    def given(self, body: Arguments) -> Operation:
        """Return the operation with the facts that apply to a body."""
        if self.varies is None:
            return self
        changes = self.varies(body)
        return self.but(**changes) if changes else self

    def but(self, **changes: object) -> Operation:
        """Return the operation with other facts."""
        return _changed(self, tuple(changes.items()))

    def advise(self, arguments: Arguments) -> str:
        """Return how to find out what an ambiguous failure did."""
        advice = self.advice
        if isinstance(advice, str):
            return advice.format_map(defaultdict(str, arguments))
        return advice(arguments)

    def arguments(self, path: str, body: Arguments) -> Arguments:
        """Return the arguments of a call by name: the ids in its path, and its body."""
        parts = zip(self.template.split("/"), path.split("/"), strict=False)
        return {**body, **{part[1:-1]: unquote(given) for part, given in parts if _is_slot(part)}}

    def __repr__(self) -> str:
        return f"<Operation {self.name} {self.verb} {self.template}>"


class Facts(TypedDict, total=False):
    """The facts of an operation that have a default: the attributes of `Operation`."""

    retry_class: RetryClass
    accept: str
    slow: bool
    budgets: tuple[QuotaName, ...]
    authorized: bool
    paginated: bool
    advice: Advice
    varies: Callable[[Arguments], Arguments] | None
    service_kind: ServiceKind | None
    shown_by: Operation | None
    shown_as: tuple[str, ...]
    built: Callable[[Arguments], Arguments] | None
    preview: bool


_declared: dict[tuple[str, int, str], dict[str, Operation]] = {}
"""The operations that families declared, by verb, depth, third word (the family's) and template."""


def operation(name: str, verb: Verb, template: LiteralString, **facts: Unpack[Facts]) -> Operation:
    """Declare an operation of the API, so that `operation_at` finds it."""
    declared = Operation(name, verb, template, **facts)
    _declared.setdefault(_place_of(verb, template.split("/")), {})[template] = declared
    return declared


def operation_at(verb: str, path: str) -> Operation | None:
    """Find the operation of a finished path, among the families that were imported."""
    given = words_of(path)
    matching = [
        declared
        for template, declared in _declared.get(_place_of(verb, given), {}).items()
        if all(
            _is_slot(part) or part.casefold() == word
            for part, word in zip(template.split("/"), given, strict=True)
        )
    ]
    # Like the server, prefer a word of the path to a slot.
    return max(matching, key=lambda found: -found.template.count("{"), default=None)


def _place_of(verb: str, words: Sequence[str]) -> tuple[str, int, str]:
    return verb, len(words), words[2].casefold() if len(words) > 2 else ""


def words_of(path: str) -> Sequence[str]:
    """
    Return the segments of a path as a lenient server reads them.

    A path that is written in another way must not be retried more boldly: percent-encoded, in
    capitals, or by the former name of connections.
    """
    words = [unquote(segment).casefold() for segment in path.split("/")]
    return [*words[:2], *(_FORMER_WORDS.get(word, word) for word in words[2:3]), *words[3:]]


def read_after(change: Operation, path: str, arguments: Arguments) -> tuple[Operation, str] | None:
    """Return the read, with its path, that shows what a change did; None if there is none."""
    if change.shown_by is None:
        if change.verb != "PATCH" or change.built is not None:
            return None
        found = operation_at("GET", path)
        return None if found is None else (found, path)
    names = change.shown_as or _SLOT.findall(change.shown_by.template)
    ids = [arguments.get(name) for name in names]
    segments = [each for each in ids if isinstance(each, str)]
    if len(segments) < len(ids):
        return None
    return change.shown_by, change.shown_by.path(*segments)


def _is_slot(part: str) -> bool:
    return part.startswith("{")


class _Plan(NamedTuple):
    """What filling a template needs."""

    names: tuple[str, ...]
    """Of the slots."""
    text: str
    """The template as a format."""
    rivals: tuple[tuple[Mapping[int, str], Operation], ...]
    reserved: AbstractSet[str] | None
    """The words of its rivals, if there is one slot; None otherwise."""
    head: str
    tail: str
    """Around the slots: around one, they are joined faster than a format is filled."""


# A dict, because a cached function costs thrice as much.
_plans: Final[dict[Operation, _Plan]] = {}


def _plan_of(of: Operation) -> _Plan:
    template = of.template
    # Texts and names in turn.
    parts = _SLOT.split(template)
    names = tuple(parts[1::2])
    rivals = tuple(_rivals_of(of))
    plan = _plans[of] = _Plan(
        names=names,
        text=_SLOT.sub("%s", template.replace("%", "%%")),
        rivals=rivals,
        reserved=frozenset(words[0] for words, _ in rivals) if len(names) == 1 else None,
        head=parts[0],
        tail=parts[-1],
    )
    return plan


def _rivals_of(of: Operation) -> list[tuple[Mapping[int, str], Operation]]:
    """Find operations with paths that this template could be filled to, and the words for it."""
    parts = of.template.split("/")
    rivals: list[tuple[Mapping[int, str], Operation]] = []
    for template, other in _declared.get(_place_of(of.verb, parts), {}).items():
        words: dict[int, str] = {}
        slot = 0
        for ours, theirs in zip(parts, template.split("/"), strict=True):
            if _is_slot(ours):
                if not _is_slot(theirs):
                    words[slot] = theirs
                slot += 1
            elif not _is_slot(theirs) and ours != theirs:
                break
        else:
            if words:
                rivals.append((words, other))
    return rivals


@functools.cache
def _changed(of: Operation, changes: tuple[tuple[str, object], ...]) -> Operation:
    return attrs.evolve(of, **dict(changes))  # type: ignore[arg-type]


def _segment(name: str, segment: object) -> str:
    if not isinstance(segment, str):
        raise InvalidArgumentError(f"{name} must be a str, not {type(segment).__name__}.")
    if _PLAIN_SEGMENT.fullmatch(segment):
        return segment
    if segment in {"", ".", ".."}:
        raise InvalidArgumentError(
            f"{name} must not be {segment!r}: the path would name another resource."
        )
    if len(segment) > _MAX_SEGMENT:
        raise InvalidArgumentError(f"{name} must not be longer than {_MAX_SEGMENT} characters.")
    if re.search(CONTROL, segment):
        raise InvalidArgumentError(f"{name} must not contain control characters.")
    try:
        return quote(segment, safe="")
    except UnicodeEncodeError:
        pass
    raise InvalidArgumentError(f"{name} contains characters that UTF-8 cannot encode.")
