"""PURE: rules that look at one object at a time, and what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Self, TypeAlias

import attrs

from fivetran_async._codec._documents import Documented
from fivetran_async._codec._serializable import Serializable
from fivetran_async.as_code._files.snapshot import Snapshot
from fivetran_async.as_code._kinds.addresses import check_kind, kind_in
from fivetran_async.as_code._kinds.rules import KIND_NAMES
from fivetran_async.as_code._objects.objects import ManagedObject
from fivetran_async.as_code.errors import CheckRuleError
from fivetran_async.errors import InvalidArgumentError

RuleFunction: TypeAlias = Callable[[ManagedObject, Snapshot], Iterable[str]]

_UNMARKED: Final = 'mark the function with @as_code.rule("connections")'


@attrs.frozen(kw_only=True)
class CheckRule:
    """
    A rule: a function that `rule` has marked.

    Attributes:
        name: The name of the function; findings have it.
        kinds: The kinds of objects that the rule looks at.
        function: The function.
    """

    name: str
    kinds: tuple[str, ...]
    function: RuleFunction

    def __call__(self, each: ManagedObject, snapshot: Snapshot) -> Iterable[str]:
        """Return what the rule finds about one object."""
        return self.function(each, snapshot)


@attrs.frozen(kw_only=True, str=False)
class Finding(Serializable):
    """
    What a rule found about one object.

    Attributes:
        address: The object.
        rule: The name of the rule.
        message: What it found.
    """

    address: str
    rule: str
    message: str

    @property
    def kind(self) -> str:
        """The kind of the object."""
        return kind_in(self.address)

    def __str__(self) -> str:
        return f"{self.address}: {self.message} ({self.rule})"


@attrs.frozen(kw_only=True)
class FindingsDocument(Serializable):
    """What rules found; see `CheckFindings`."""

    findings: tuple[Finding, ...] = ()
    checked: Mapping[str, int] = attrs.field(factory=dict[str, int])


class CheckFindings(tuple[Finding, ...], Documented[FindingsDocument]):  # noqa: SLOT001 - a tuple has no room for slots
    """
    What rules found, sorted by address; a tuple. JSON has it in `findings`, beside `checked`.

    Attributes:
        checked: The number of objects that each rule looked at, by the name of the rule.
    """

    checked: Mapping[str, int]

    def __new__(cls, findings: Iterable[Finding], checked: Mapping[str, int]) -> Self:
        made = super().__new__(cls, findings)
        made.checked = dict(checked)
        return made

    def __getnewargs__(self) -> tuple[tuple[Finding, ...], Mapping[str, int]]:
        return tuple(self), self.checked

    def __str__(self) -> str:
        return "\n".join(map(str, self)) or "no findings"

    @classmethod
    def _document_class(cls) -> type[FindingsDocument]:
        """Return the class of the documents."""
        return FindingsDocument

    def _to_document(self) -> FindingsDocument:
        """Return an object with the same content, which JSON has fields for."""
        return FindingsDocument(findings=tuple(self), checked=self.checked)

    @classmethod
    def _from_document(cls, document: FindingsDocument) -> Self:
        """Return the findings of a document."""
        return cls(document.findings, document.checked)


def rule(*kinds: str) -> Callable[[RuleFunction], CheckRule]:
    """
    Mark a function as a rule of `check`.

    The function takes an object and the snapshot, and yields a text for each finding:

        @as_code.rule("connections")
        def has_a_prefix(each, snapshot):
            if not each.address.split("/")[2].startswith("raw_"):
                yield "its schema does not begin with raw_"

    Args:
        kinds: The kinds of objects that it looks at; all kinds if none is given.

    Raises:
        InvalidArgumentError: A kind does not exist.
    """
    if any(callable(kind) for kind in kinds):
        raise InvalidArgumentError(f"rule takes kinds of objects: {_UNMARKED}.")
    for kind in kinds:
        check_kind(kind)

    def mark(function: RuleFunction) -> CheckRule:
        name = getattr(function, "__name__", type(function).__name__)
        return CheckRule(name=name, kinds=kinds or KIND_NAMES, function=function)

    return mark


def check(snapshot: Snapshot, rules: Iterable[CheckRule]) -> CheckFindings:
    """
    Look at every object of a snapshot with rules; nothing is sent.

    Args:
        snapshot: A live snapshot, or the files of a folder. Files have no state of the server, such
            as the last sync; of users, the last login is kept from the last export.
        rules: The rules, such as `as_code.rules.READY` and functions that `rule` marked.

    Returns:
        The findings, sorted by address and in the order of the rules.

    Raises:
        CheckRuleError: A rule raised, or did not yield texts.
        InvalidArgumentError: An item of `rules` is not a rule, or two rules have the same name.
    """
    chosen = _checked_rules(rules)
    found: list[Finding] = []
    counts = dict.fromkeys((each.name for each in chosen), 0)
    by_kind = {kind: [each for each in chosen if kind in each.kinds] for kind in KIND_NAMES}
    for address in sorted(snapshot):
        each = snapshot[address]
        for applied in by_kind[each.kind]:
            counts[applied.name] += 1
            texts = _texts_of(applied, each, snapshot)
            found += (Finding(address=address, rule=applied.name, message=text) for text in texts)
    return CheckFindings(found, counts)


def _checked_rules(rules: Iterable[CheckRule]) -> list[CheckRule]:
    chosen = list[CheckRule]()
    for each in [rules] if isinstance(rules, CheckRule) else rules:
        if not isinstance(each, CheckRule):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgumentError(f"{each!r} is not a rule: {_UNMARKED}.")
        if any(other.name == each.name and other != each for other in chosen):
            raise InvalidArgumentError(f"two rules have the name {each.name!r}.")
        if each not in chosen:
            chosen.append(each)
    return chosen


def _texts_of(applied: CheckRule, each: ManagedObject, snapshot: Snapshot) -> list[str]:
    try:
        found = applied(each, snapshot)
        texts = [] if isinstance(found, str) else list(found)
    except (Exception, SystemExit) as error:
        message = (
            f"the rule {applied.name} raised {type(error).__name__} at {each.address}: {error}"
        )
        raise CheckRuleError(message, rule=applied.name, address=each.address) from error
    wrong = [found] if isinstance(found, str) else [t for t in texts if not _is_text(t)]
    if wrong:
        message = f"the rule {applied.name} must yield texts, not {wrong[0]!r}, at {each.address}"
        raise CheckRuleError(message, rule=applied.name, address=each.address)
    return texts


def _is_text(value: object) -> bool:
    return isinstance(value, str)
