"""PURE: compares a config with the fields of its service."""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from fivetran_async._services._table import ConfigField, ConfigFields, SlottedValue, ValueType

if TYPE_CHECKING:
    from fivetran_async._services._problem_document import ProblemDocument
    from fivetran_async._types import JSONValue

_MASK: Final = "***"
_REFERENCE: Final = "$secret"
_CHOICES_SHOWN: Final = 12
_LONGEST_NAME: Final = 100


class ConfigProblem(SlottedValue):
    """
    Something in a config that its service does not take.

    `str(problem)` is one line without any value of the config, which may be a secret.

    Attributes:
        path: The field, such as `hots` or `reports[0].tabel`.
        reason: What is wrong, such as `is not a field of postgres; did you mean 'host'?`.
        nearest: The known field or choice that resembles the given one, if there is one.
        choices: The known choices, if the value differs from all of them. The vendor adds choices
            without notice, so `check_configs="raise"` does not refuse these.
    """

    __slots__ = ("path", "reason", "nearest", "choices")  # noqa: RUF023 - as the arguments

    def __init__(
        self, path: str, reason: str, nearest: str | None = None, choices: tuple[str, ...] = ()
    ) -> None:
        self.path: Final = path
        self.reason: Final = reason
        self.nearest: Final = nearest
        self.choices: Final = choices

    def __str__(self) -> str:
        return f"{self.path} {self.reason}"

    if not TYPE_CHECKING:
        # Checkers know the attributes as final. Written once, by `__init__` or by pickle.

        def __setattr__(self, name: str, value: object) -> None:
            if hasattr(self, name):
                raise AttributeError(f"{name} of a {type(self).__name__} cannot be changed")
            object.__setattr__(self, name, value)

        def __delattr__(self, name: str) -> None:
            raise AttributeError(f"{name} of a {type(self).__name__} cannot be removed")

    # The methods of `Documented`, which takes longer to import than a check may.

    @classmethod
    def from_dict(cls, mapping: Mapping[str, object]) -> ConfigProblem:
        """
        Make a problem of a mapping, as `to_dict` or `json.loads` returns it.

        Raises:
            ResponseFormatError: A value is missing or has another type; the message names the
                place.
        """
        from fivetran_async._services._problem_document import ProblemDocument  # noqa: PLC0415

        found = ProblemDocument.from_dict(mapping)
        return cls(found.path, found.reason, found.nearest, found.choices)

    def to_dict(self, *, include_empty: bool = False) -> dict[str, JSONValue]:
        """
        Return a dict of JSON values, which `from_dict` turns into an equal problem.

        Args:
            include_empty: True keeps `nearest` and `choices` if there are none.
        """
        return self._to_document().to_dict(include_empty=include_empty)

    def _to_document(self) -> ProblemDocument:
        """Return an object with the same content, which JSON has fields for."""
        from fivetran_async._services._problem_document import ProblemDocument  # noqa: PLC0415

        return ProblemDocument(self.path, self.reason, self.nearest, self.choices)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: Any) -> Any:  # noqa: ANN401
        """Return how pydantic validates and serializes problems, for FastAPI's annotations."""
        from fivetran_async._codec._pydantic import document_schema_of  # noqa: PLC0415
        from fivetran_async._services._problem_document import ProblemDocument  # noqa: PLC0415

        return document_schema_of(cls, ProblemDocument, cls._to_document, handler)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:  # noqa: ANN401
        """Describe the class in OpenAPI."""
        from fivetran_async._codec._pydantic import document_json_schema_of  # noqa: PLC0415

        return document_json_schema_of(cls, schema, handler)

    if not TYPE_CHECKING:

        def __iter__(self) -> Iterator[tuple[str, object]]:
            # For `jsonable_encoder` of FastAPI, which calls `dict(problem)`.
            return iter(self._facts().items())


def config_problems(
    config: Mapping[str, object],
    members: ConfigFields,
    service: str,
    *,
    creating: bool = False,
    exhaustive: bool = False,
) -> tuple[ConfigProblem, ...]:
    """
    Compare a config with the fields of its service.

    Nulls, masks, references to secrets and values that are UNSET fit every field.

    Args:
        config: The config.
        members: The fields.
        service: The service, for messages.
        creating: Report required fields that are missing.
        exhaustive: Report every field that is unknown; otherwise only those that resemble a known
            field, because others can be newer than `members`.
    """
    check = _Check(service, exhaustive=exhaustive)
    found = list(check.fields(config, members, ""))
    if creating:
        found += (
            ConfigProblem(field.name, f"is required to create {service}")
            for field in members.values()
            if field.required and _is_missing(config.get(field.name))
        )
    return tuple(found)


class _Check:
    """The rules for one service."""

    __slots__ = ("exhaustive", "service")

    def __init__(self, service: str, *, exhaustive: bool) -> None:
        self.service = service
        self.exhaustive = exhaustive

    def fields(
        self, value: Mapping[str, object], members: ConfigFields, place: str
    ) -> Iterator[ConfigProblem]:
        for name, inner in value.items():
            field = members.get(name)
            if field is None:
                yield from self._unknown(name, members, place)
            elif not _fits_at_once(inner, field):
                yield from self._value(inner, field, f"{place}.{name}" if place else name)

    def _unknown(self, name: object, members: ConfigFields, place: str) -> Iterator[ConfigProblem]:
        near = _near_field(name, tuple(members)) if isinstance(name, str) else None
        if near is None and (members.is_open or not self.exhaustive):
            return
        shown = _shown(str(name))
        reason = f"is not a field of {self.service}"
        yield ConfigProblem(f"{place}.{shown}" if place else shown, reason + _hint(near), near)

    def _value(self, value: object, field: ConfigField, place: str) -> Iterator[ConfigProblem]:
        if _is_missing(value) or _is_secret_elsewhere(value):
            return
        if isinstance(value, enum.Enum):
            value = value.value
        if not field.is_list:
            yield from self._one(value, field, place)
        elif isinstance(value, _LISTS):
            for index, item in enumerate(cast("list[object]", value)):
                if not (_is_missing(item) or _is_secret_elsewhere(item)):
                    yield from self._one(item, field, f"{place}[{index}]")
        elif _is_known(value):
            yield ConfigProblem(place, f"must be a list, not {_kind_of(value)}")

    def _one(self, value: object, field: ConfigField, place: str) -> Iterator[ConfigProblem]:
        if field.choices:
            yield from _choice_problems(value, field.choices, place)
        elif field.type == "object":
            if isinstance(value, Mapping):
                inner = cast("Mapping[str, object]", value)
                yield from self.fields(inner, field.fields, place)
            elif _is_known(value):
                yield ConfigProblem(place, f"must be an object, not {_kind_of(value)}")
        elif _is_known(value) and not _FITS[field.type](value):
            yield ConfigProblem(place, f"must be {_NOUNS[field.type]}, not {_kind_of(value)}")


_LISTS: Final = (list, tuple, set, frozenset)
_KNOWN_VALUES: Final = (str, bool, int, float, Mapping, *_LISTS)
"""What JSON has; other values, such as dates, are encoded by rules of their own."""


def _is_known(value: object) -> bool:
    return isinstance(value, _KNOWN_VALUES)


def _fits_at_once(value: object, field: ConfigField) -> bool:
    """Recognize the values of most fields without the rules for the others."""
    if type(value) is str and not field.is_list:
        return value in field.choices if field.choices else field.type == "text"
    return False


def _is_missing(value: object) -> bool:
    if value is None or isinstance(value, str):
        # The API treats an empty text like a missing value.
        return not value
    return isinstance(value, enum.Enum) and _is_unset(value)


def _is_unset(value: enum.Enum) -> bool:
    # Importing it takes longer than a check, and hardly any config has an enum.
    from fivetran_async._types import UNSET  # noqa: PLC0415

    return value is UNSET


def _is_secret_elsewhere(value: object) -> bool:
    """Return True for the mask of a secret, and for a reference to one."""
    if isinstance(value, str):
        return _MASK in value
    return isinstance(value, Mapping) and _REFERENCE in value


@functools.lru_cache(maxsize=4096)
def _near_field(name: str, known: tuple[str, ...]) -> str | None:
    return _nearest(name, known)


def _nearest(name: str, known: tuple[str, ...]) -> str | None:
    # Most configs have nothing that needs it.
    from fivetran_async._services._near import nearest  # noqa: PLC0415

    return nearest(name, known) if len(name) <= _LONGEST_NAME else None


def _choice_problems(
    value: object, choices: tuple[str, ...], place: str
) -> Iterator[ConfigProblem]:
    if not _is_known(value):
        return
    if not _is_scalar(value):
        yield ConfigProblem(place, f"must be a text, not {_kind_of(value)}")
        return
    text = str(value).casefold()
    if value in choices or text in map(str.casefold, choices):
        return
    near = _nearest(text, choices)
    known = ", ".join(repr(choice) for choice in choices[:_CHOICES_SHOWN])
    more = len(choices) - _CHOICES_SHOWN
    rest = f" and {more} more" if more > 0 else ""
    reason = f"is not one of the known choices: {known}{rest}{_hint(near)}"
    yield ConfigProblem(place, reason, near, choices)


def _hint(near: str | None) -> str:
    return f"; did you mean {near!r}?" if near else ""


def _shown(name: str) -> str:
    """Return the name of a field for a message: on one line, and bounded."""
    name = name if name.isprintable() else repr(name)[1:-1]
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."


# Compiling a regular expression would take as long as a check.
def _without_sign(text: str) -> str:
    return text[1:] if text[:1] in {"+", "-"} else text


def _is_whole(value: object) -> bool:
    # The API takes texts for numbers and for flags, and returns some ports as texts.
    if isinstance(value, str):
        return _without_sign(value.strip()).isdecimal()
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        mantissa, has_exponent, exponent = value.strip().replace("E", "e").partition("e")
        digits = _without_sign(mantissa).replace(".", "", 1)
        return (
            digits.isdecimal()
            and not mantissa.endswith(".")
            and (not has_exponent or _without_sign(exponent).isdecimal())
        )
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_flag(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().casefold() in {"true", "false"}
    return isinstance(value, bool)


def _is_scalar(value: object) -> bool:
    return not isinstance(value, (Mapping, *_LISTS))


_FITS: Final[Mapping[ValueType, Callable[[object], bool]]] = {
    "text": _is_scalar,
    "time": _is_scalar,
    "integer": _is_whole,
    "number": _is_number,
    "flag": _is_flag,
    "any": lambda _: True,
}
_NOUNS: Final[Mapping[ValueType, str]] = {
    "text": "a text",
    "time": "a time",
    "integer": "a whole number",
    "number": "a number",
    "flag": "true or false",
}


def _kind_of(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "an object" if isinstance(value, Mapping) else "a list"
