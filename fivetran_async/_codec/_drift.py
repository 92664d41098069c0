"""
Collects what differs from the models while decoding, then locates and reports it.

A drift is a value of another type than declared. An unknown field is one that a model does not
declare: the API adds fields without a new version.
"""

from __future__ import annotations

import abc
import json
import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar, cast

import attrs

from fivetran_async._codec._serializable import Serializable
from fivetran_async.errors import ResponseFormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from collections.abc import Set as AbstractSet

T = TypeVar("T")

_logger = logging.getLogger("fivetran_async")

_PLAIN_KEY_LENGTH: Final = 80
_MOST_UNKNOWN: Final = 200
"""Unknown fields of one model that are reported: an object with ids as keys would have no end."""


@attrs.frozen(kw_only=True)
class Drift(Serializable):
    """
    One value that is not of its declared type and cannot be converted without loss.

    The field holds its empty value, and the raw value is in `extra` of the object. A drift does not
    contain the value, which can be a secret.

    Attributes:
        model: The decoded class, such as `Connection`.
        field: The name of the field in the API; empty if the whole object does not fit.
        place: The place in the response, such as `data.items[3].sync_frequency`.
        value_type: The JSON type of the value: `null`, `boolean`, `number`, `string`, `array`,
            `object`, or `nothing` if it is missing.
        expected: The declared type.
        skipped: True if a whole item of a list was skipped because it lacks its identity.
    """

    model: str
    field: str
    place: str
    value_type: str
    expected: str
    skipped: bool = False


@attrs.frozen(kw_only=True)
class UnknownField(Serializable):
    """
    One field of a response that its model does not declare, as after an addition to the API.

    Its value is in `extra` of the object and in `to_dict()`. The report does not contain the value,
    which can be a secret.

    Attributes:
        model: The decoded class, such as `Connection`.
        field: The name of the field in the API.
        place: Where it was first seen in the response, such as `data.items[3].new_field`.
        value_type: The JSON type of its value there, as in `Drift`.
    """

    model: str
    field: str
    place: str
    value_type: str


OnDrift: TypeAlias = "Callable[[Drift], None]"
"""Receives each drift of a decoded value; a `Reports` receives the unknown fields, too."""


class Reports(abc.ABC):
    """Receives drifts and unknown fields; places are looked up only for what it has not seen."""

    __slots__ = ()

    @abc.abstractmethod
    def is_new(self, finding: Finding) -> bool:
        """Return True if the finding should be located and reported."""

    @abc.abstractmethod
    def has_reported(self, model: str, fields: AbstractSet[str]) -> bool:
        """Return True if none of these unknown fields of a model would be reported."""

    @abc.abstractmethod
    def __call__(self, drift: Drift) -> None:
        """Report a drift."""

    @abc.abstractmethod
    def report_unknown(self, field: UnknownField) -> None:
        """Report an unknown field."""


class DriftLog(Reports):
    """
    Reports the findings of one session: each field once, each skipped item every time.

    The hooks are called once per model and field. Their errors are logged, not raised.
    """

    def __init__(
        self,
        hook: Callable[[Drift], object] | None = None,
        unknown_hook: Callable[[UnknownField], object] | None = None,
    ) -> None:
        self._hook = hook
        self._unknown_hook = unknown_hook
        self._reported: set[tuple[str, str, bool]] = set()
        self._unknown: dict[str, set[str]] = {}

    def is_new(self, finding: Finding) -> bool:
        """Return True for a field that was not reported yet, and for every skipped item."""
        if finding.skipped:
            return True
        if finding.expected:
            return (finding.model, finding.field, False) not in self._reported
        seen = self._unknown.get(finding.model, ())
        return finding.field not in seen and len(seen) < _MOST_UNKNOWN

    def has_reported(self, model: str, fields: AbstractSet[str]) -> bool:
        """Return True if the fields were reported, or if the limit per model is reached."""
        seen = self._unknown.get(model, set())
        return fields <= seen or len(seen) >= _MOST_UNKNOWN

    def __call__(self, drift: Drift) -> None:
        """Log the drift and call the hook, unless the field was already reported."""
        key = (drift.model, drift.field, drift.skipped)
        is_new = key not in self._reported
        self._reported.add(key)
        if drift.skipped:
            _logger.warning(
                "Skipped %s: not a usable %s (%s, expected %s)",
                drift.place,
                drift.model,
                drift.value_type,
                drift.expected,
            )
        elif is_new:
            _logger.warning(
                "%s.%s drifted: %s is %s, expected %s; the raw value is kept in extra",
                drift.model,
                drift.field,
                drift.place,
                drift.value_type,
                drift.expected,
            )
        if is_new and self._hook is not None:
            _call(self._hook, drift, "on_drift")

    def report_unknown(self, field: UnknownField) -> None:
        """Log the field for debugging and call the hook, unless it was already reported."""
        seen = self._unknown.setdefault(field.model, set())
        if field.field in seen or len(seen) >= _MOST_UNKNOWN:
            return
        seen.add(field.field)
        _logger.debug(
            "%s has an unknown field: %s is %s; it is kept in extra",
            field.model,
            field.place,
            field.value_type,
        )
        if self._unknown_hook is not None:
            _call(self._unknown_hook, field, "on_unknown_field")


def _call(hook: Callable[[T], object], report: T, name: str) -> None:
    try:
        hook(report)
    except Exception:
        _logger.exception("The %s hook failed", name)


class MisfitError(Exception):
    """
    Raised for a value that is not the expected object or lacks its identity; internal to decoding.

    It holds a reference to the container of the value; reports look up the place on demand.
    """

    def __init__(
        self, model: str, expected: str, value: object, *, container: object = None, key: str = ""
    ) -> None:
        super().__init__(model)
        self.finding = Finding(
            model=model,
            field=key,
            expected=expected,
            value_type=json_type(value),
            container=container,
            key=key if container is not None else None,
        )

    def seen_from(self, container: object, key: str | int) -> None:
        """Set the container of the value, unless it is already set."""
        if self.finding.container is None:
            self.finding = attrs.evolve(self.finding, container=container, key=key)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Finding:
    """
    A drift or an unknown field with the container of its value, before its place is looked up.

    An unknown field has no expected type.
    """

    model: str
    field: str
    expected: str
    value_type: str
    container: object
    key: str | int | None
    skipped: bool = False


MISSING: Final = object()
"""Marks a field that was not sent, where None means null."""


def json_type(value: object) -> str:
    """Return the JSON type of a raw value."""
    return "nothing" if value is MISSING else _JSON_TYPES.get(type(value), type(value).__name__)


_JSON_TYPES: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


class Findings:
    """Collects the findings of one decoding: each field once, each skipped item."""

    def __init__(self) -> None:
        self.unknown: dict[str, dict[str, object]] = {}
        """The unknown fields of each model, with the object in which each was first seen."""
        self._found: list[Finding] = []
        self._known: set[tuple[object, object]] = set()
        self._has_new_unknown = False

    def add(self, finding: Finding) -> None:
        """Add a finding, unless its field or skipped item is already in the collection."""
        field = (finding.model, finding.field)
        key = (id(finding.container), finding.key) if finding.skipped else field
        if key not in self._known:
            self._known.add(key)
            self._found.append(finding)

    def add_unknown(self, model: str, names: Iterable[str], container: object) -> None:
        """Add unknown fields, unless they are already in the collection."""
        seen = self.unknown.setdefault(model, {})
        for name in names:
            if name not in seen and len(seen) < _MOST_UNKNOWN:
                seen[name] = container
                self._has_new_unknown = True

    def forget_drifts(self) -> None:
        """Forget what was reported, except unknown fields: more objects are decoded."""
        self._found.clear()
        self._known.clear()

    def take_need_of_raw(self) -> bool:
        """Return True if the raw item that was just decoded is needed to locate findings."""
        is_needed = self._has_new_unknown or bool(self._found)
        self._has_new_unknown = False
        return is_needed

    def report_to(self, report: OnDrift, root: object, place: str) -> None:
        """Locate and report what is new."""
        findings = self._found
        if isinstance(report, Reports):
            findings = [each for each in (*findings, *self._unknown()) if report.is_new(each)]
        if not findings:
            return
        places = _places_of((finding.container for finding in findings), root, place)
        for finding in findings:
            here = _place(finding, places, place)
            if finding.expected:
                report(_drift(finding, here))
            elif isinstance(report, Reports):
                report.report_unknown(_unknown_field(finding, here))

    def _unknown(self) -> Iterator[Finding]:
        for model, fields in self.unknown.items():
            for name, container in fields.items():
                value = cast("dict[str, object]", container)[name]
                yield Finding(
                    model=model,
                    field=name,
                    expected="",
                    value_type=json_type(value),
                    container=container,
                    key=name,
                )


def _drift(finding: Finding, place: str) -> Drift:
    return Drift(
        model=finding.model,
        field=finding.field,
        place=place,
        value_type=finding.value_type,
        expected=finding.expected,
        skipped=finding.skipped,
    )


def _unknown_field(finding: Finding, place: str) -> UnknownField:
    return UnknownField(
        model=finding.model, field=finding.field, place=place, value_type=finding.value_type
    )


current_findings: ContextVar[Findings | None] = ContextVar("fivetran_async_findings", default=None)
"""The findings of the current decoding; None without findings."""


def begin_findings() -> Findings | None:
    """Start a new collection, and return the findings of the enclosing decoding."""
    outer = current_findings.get()
    if outer is not None:
        current_findings.set(None)
    return outer


def end_findings(outer: Findings | None) -> Findings | None:
    """Return the findings of this decoding, if any, and restore the enclosing collection."""
    findings = current_findings.get()
    if findings is not outer:
        current_findings.set(outer)
    return findings


def report_field(finding: Finding) -> None:
    """Record a field that holds its empty value."""
    _current().add(finding)


def report_unknown(model: str, names: Iterable[str], container: dict[str, object]) -> None:
    """Record fields that a model does not declare."""
    _current().add_unknown(model, names, container)


def _current() -> Findings:
    findings = current_findings.get()
    if findings is None:
        # Created for the first finding, because most responses have no findings.
        findings = Findings()
        current_findings.set(findings)
    return findings


def report_skipped(misfit: MisfitError) -> None:
    """Record an item that was skipped in its list or mapping."""
    report_field(attrs.evolve(misfit.finding, skipped=True))


def as_response_error(misfit: MisfitError, root: object, place: str) -> ResponseFormatError:
    """Return the public error for a misfit that cannot be skipped."""
    finding = misfit.finding
    where = _place(finding, _places_of([finding.container], root, place), place)
    return ResponseFormatError(
        f"{where}: expected {finding.expected}, found {finding.value_type}", place=where
    )


def join_place(place: str, key: str | int) -> str:
    """Return the place of a member: `data.items[3]`, `schemas["odd name"]`; safe to log."""
    if isinstance(key, int):
        return f"{place}[{key}]"
    if key.isidentifier() and key.isascii() and len(key) <= _PLAIN_KEY_LENGTH:
        return f"{place}.{key}" if place else key
    return f"{place}[{json.dumps(key[:_PLAIN_KEY_LENGTH])}]"


def _place(finding: Finding, places: dict[int, str], root_place: str) -> str:
    if finding.key is None:
        return root_place
    return join_place(places.get(id(finding.container), root_place), finding.key)


def _places_of(containers: Iterable[object], root: object, place: str) -> dict[int, str]:
    # Places are found by the identity of containers, so that decoding does not track a path.
    wanted = {id(container) for container in containers if container is not None}
    found: dict[int, str] = {}
    seen: set[int] = set()
    waiting: list[tuple[object, str]] = [(root, place)]
    while waiting and wanted:
        value, here = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if id(value) in wanted:
            wanted.discard(id(value))
            found[id(value)] = here
        waiting.extend(_containers_in(value, here))
    return found


def _containers_in(value: object, place: str) -> Iterator[tuple[object, str]]:
    members: Iterable[tuple[str | int, object]] = (
        cast("dict[str, object]", value).items()
        if isinstance(value, dict)
        else enumerate(cast("list[object]", value))
    )
    for key, member in members:
        if isinstance(member, (dict, list)):
            yield cast("object", member), join_place(place, key)
