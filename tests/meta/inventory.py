"""
The inventory of the API: `operations.tsv`, a row per operation; `shapes.tsv`, a row per field.

Types are words: `text`, `flag`, `integer`, `number`, `time`, `open` (an object with any keys),
`any`, `file`, or the name of a shape; `[T]` is a list and `{T}` a mapping from names to T. A body
field that ends in `!` is required; `=T` is a body that is not an object of fields. Facts that
arguments change read `T; D if force=True`, `source if run_setup_tests!=False`,
`if exclude_mode=INCLUDE|EXCLUDE`.
"""

from __future__ import annotations

import csv
import functools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

import attrs

Arguments: TypeAlias = Mapping[str, object]

_HERE = Path(__file__).parent
_SLOT = re.compile(r"\{(\w+)\}")
_CONDITION = re.compile(r"(\w+)(!?)=([\w|]+)")
_NONE: Final = "-"


@attrs.frozen
class Field:
    """A field of a body, a query or a shape."""

    name: str
    kind: str
    required: bool


@attrs.frozen
class Condition:
    """A condition on the arguments of a call; a missing argument equals no value."""

    name: str
    values: tuple[str, ...]
    negated: bool

    @classmethod
    def of(cls, text: str) -> Condition:
        """Parse `name=value|value` or `name!=value`."""
        match = _CONDITION.fullmatch(text)
        assert match, f"not a condition: {text}"
        return cls(match[1], tuple(match[3].split("|")), bool(match[2]))

    def holds(self, arguments: Arguments) -> bool:
        """Return True if it holds for the arguments of a call."""
        given = str(arguments[self.name]) if self.name in arguments else ""
        return (given in self.values) is not self.negated

    @property
    def candidates(self) -> tuple[object, ...]:
        """Return the values of the argument to test; other values behave like one of them."""
        flags = {"True", "False"}
        return (True, False) if flags.intersection(self.values) else self.values


@attrs.frozen
class Fact:
    """A fact about an operation, always or under a condition."""

    word: str
    condition: Condition | None = None

    @classmethod
    def of(cls, text: str) -> Fact:
        """Parse `word`, `word if condition` or `if condition`."""
        word, _, condition = f" {text}".partition(" if ")
        return cls(word.strip(), Condition.of(condition) if condition else None)

    def holds(self, arguments: Arguments) -> bool:
        """Return True if it holds for the arguments of a call."""
        return self.condition is None or self.condition.holds(arguments)


@attrs.frozen(kw_only=True)
class Operation:
    """One row of the inventory."""

    method: str
    verb: str
    path: str
    retry: tuple[Fact, ...]
    budgets: Fact
    slow: bool
    accept: int
    paginated: bool
    confirm: Fact
    query: tuple[Field, ...]
    body: tuple[Field, ...]
    whole_body: str
    response: str
    shape: str

    def __str__(self) -> str:
        return self.method

    @property
    def slots(self) -> tuple[str, ...]:
        """Return the names of the ids in the path, in order."""
        return tuple(_SLOT.findall(self.path))

    @property
    def is_public(self) -> bool:
        """Return True if it is sent without credentials."""
        return self.path.startswith("/public/")

    @property
    def uploads(self) -> bool:
        """Return True if its body is a form with a file."""
        return any(field.kind == "file" for field in self.body)

    def retry_class(self, arguments: Arguments) -> str:
        """Return the retry class of a call: the last fact that holds."""
        return [fact.word for fact in self.retry if fact.holds(arguments)][-1]

    def budgets_of(self, arguments: Arguments) -> frozenset[str]:
        """Return the quotas that a call uses."""
        held = self.budgets.word if self.budgets.holds(arguments) else _NONE
        return frozenset() if held == _NONE else frozenset(held.split("+"))

    def needs_confirmation(self, arguments: Arguments) -> bool:
        """Return True if a call is refused without `confirm=True`."""
        return self.confirm.word != _NONE and self.confirm.holds(arguments)

    def states(self) -> Iterator[dict[str, object]]:
        """Return every set of optional arguments that can change a fact, the empty one first."""
        yield {}
        facts = (*self.retry, self.budgets, self.confirm)
        conditions = {fact.condition.name: fact.condition for fact in facts if fact.condition}
        for name, condition in conditions.items():
            for value in condition.candidates:
                yield {name: value}

    def matches(self, verb: str, path: str) -> bool:
        """Return True if a request belongs to this operation."""
        return verb == self.verb and _pattern(self.path).fullmatch(path) is not None

    def path_of(self, segments: tuple[str, ...]) -> str:
        """Return the path with encoded segments in its slots."""
        filled = iter(segments)
        return _SLOT.sub(lambda _: next(filled), self.path)


@functools.cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(_SLOT.sub("[^/]+", path))


def _fields(text: str) -> tuple[Field, ...]:
    if text == _NONE or text.startswith("="):
        return ()
    pairs = (entry.partition(":") for entry in text.split(" "))
    return tuple(Field(name, kind.removesuffix("!"), kind.endswith("!")) for name, _, kind in pairs)


def _operation(row: Mapping[str, str]) -> Operation:
    response, _, shape = row["response"].partition(" ")
    return Operation(
        method=row["method"],
        verb=row["verb"],
        path=row["path"],
        retry=tuple(Fact.of(fact) for fact in row["retry"].split("; ")),
        budgets=Fact.of(row["budgets"]),
        slow=row["timeout"] == "slow",
        accept=int(row["accept"]),
        paginated=row["paginated"] == "yes",
        confirm=Fact.of(row["confirm"]),
        query=_fields(row["query"]),
        body=_fields(row["body"]),
        whole_body=row["body"].removeprefix("=") if row["body"].startswith("=") else "",
        response=response,
        shape=shape,
    )


def _rows(name: str) -> list[dict[str, str]]:
    with (_HERE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


OPERATIONS: Final = tuple(_operation(row) for row in _rows("operations.tsv"))
"""Every operation of the API, by the name of its method."""

BY_METHOD: Final = {operation.method: operation for operation in OPERATIONS}

PREVIEWS: Final = frozenset(
    {
        "connections.dismiss_warning",
        "connections.dismiss_warnings",
        "connections.get_move",
        "connections.list_errors",
        "connections.list_sync_history",
        "connections.list_warnings",
        "connections.move",
        "users.api_keys.create",
        "users.api_keys.delete",
        "users.api_keys.get",
        "users.api_keys.rotate",
        "users.list_api_keys",
    }
)
"""Operations that some accounts lack."""


def _shapes() -> dict[str, tuple[Field, ...]]:
    shapes: dict[str, tuple[Field, ...]] = {}
    for row in _rows("shapes.tsv"):
        field = Field(row["field"], row["type"], row["sent"] == "always")
        shapes[row["shape"]] = (*shapes.get(row["shape"], ()), field)
    return shapes


SHAPES: Final = _shapes()
"""The fields of every object in requests and responses, `required` if they are always sent."""


@functools.lru_cache(10_000)
def operation_of(verb: str, path: str) -> Operation | None:
    """Return the operation of a request; fixed paths are preferred to slots."""
    found = [operation for operation in OPERATIONS if operation.matches(verb, path)]
    return min(found, key=lambda operation: len(operation.slots), default=None)


def summary(driven: Counter[str]) -> list[str]:
    """Format how many operations sent requests that are as their rows say."""
    return [f"{len(driven)} of {len(OPERATIONS)} operations driven"]
