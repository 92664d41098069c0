"""From the fields of services to output, and from files to the configs in them. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast

import attrs

from fivetran_async._services import (
    PARTS,
    ConfigField,
    ConfigFields,
    ConfigPart,
    ConfigProblem,
)
from fivetran_async._types import JSONValue
from fivetran_async.cli._table import Document, OutputTable, Record

FIELDS: Final = OutputTable(
    "fields",
    ("field", "type", "facts", "choices", "help"),
    example=lambda: dict.fromkeys(("is_list", "secret", "required", "create_only", "read_only")),
)
PROBLEMS: Final = OutputTable(
    "problems",
    ("file", "service", "field", "problem"),
    example=lambda: dict.fromkeys(("reason", "nearest", "choices")),
)

_CHOICES_SHOWN: Final = 8
_HELP_SHOWN: Final = 72
_PLACEHOLDERS: Final[Mapping[str, JSONValue]] = {
    "flag": False,
    "integer": 0,
    "number": 0.0,
    "time": "2026-01-01T00:00:00Z",
    "any": "",
}


@attrs.frozen
class FileConfig:
    """The config of one service in a file."""

    file: str
    service: str
    parts: Mapping[ConfigPart, Mapping[str, object]]


class UnusableFileError(Exception):
    """A file does not contain the configs of services; the message gives the reason."""


def field_records(part: str, members: ConfigFields, help: Mapping[str, str]) -> Iterator[Record]:
    """Return a record for each field of a part of a service, nested ones included."""
    for path, field in _walk(part, members):
        text = help.get(path.partition(".")[2], "")
        yield Record(_field_row(path, field, text), _field_document(path, field, text))


def _walk(place: str, members: ConfigFields) -> Iterator[tuple[str, ConfigField]]:
    # Required fields first; those that only responses have, last.
    for field in sorted(members.values(), key=lambda each: (not each.required, each.read_only)):
        path = f"{place}.{field.name}"
        yield path, field
        yield from _walk(f"{path}[]" if field.is_list else path, field.fields)


def _field_row(path: str, field: ConfigField, help: str) -> tuple[str, ...]:
    facts = {
        "required": field.required,
        "secret": field.secret,
        "fixed after creation": field.create_only,
        "only in responses": field.read_only,
    }
    shown = [*field.choices[:_CHOICES_SHOWN]]
    if len(field.choices) > _CHOICES_SHOWN:
        shown.append(f"and {len(field.choices) - _CHOICES_SHOWN} more")
    return (
        path,
        f"list of {field.type}" if field.is_list else field.type,
        ", ".join(fact for fact, is_so in facts.items() if is_so),
        " | ".join(shown),
        _first_sentence(help),
    )


def _first_sentence(help: str) -> str:
    """Return the beginning of a help text, which can have the tags of a web page."""
    plain = " ".join(re.sub(r"<[^>]*>", " ", help).split())
    sentence = plain.partition(". ")[0]
    return sentence if len(sentence) <= _HELP_SHOWN else f"{sentence[: _HELP_SHOWN - 3]}..."


def _field_document(path: str, field: ConfigField, help: str) -> Callable[[], Document]:
    return lambda: {
        "field": path,
        "type": field.type,
        "is_list": field.is_list,
        "choices": field.choices,
        "secret": field.secret,
        "required": field.required,
        "create_only": field.create_only,
        "read_only": field.read_only,
        "help": help or None,
    }


def problem_record(found: FileConfig, part: str, problem: ConfigProblem) -> Record:
    """Return the record of one problem in a file."""
    place = f"{part}.{problem.path}"
    return Record(
        (found.file, found.service, place, problem.reason),
        lambda: {
            "file": found.file,
            "service": found.service,
            "field": place,
            "reason": problem.reason,
            "nearest": problem.nearest,
            "choices": problem.choices,
        },
    )


def unknown_service_record(found: FileConfig, reason: str) -> Record:
    """Return the record of a config that cannot be checked: its service is not in the table."""
    return Record(
        (found.file, found.service, "service", reason),
        lambda: {
            "file": found.file,
            "service": found.service,
            "field": "service",
            "reason": reason,
            "nearest": None,
            "choices": [],
        },
    )


def configs_in(file: str, text: str, service: str | None) -> Iterator[FileConfig]:
    """
    Find the configs in a JSON file: bodies of creations, one or a list of them, or a bare config.

    Args:
        file: The name of the file.
        text: Its content.
        service: The service of objects that do not name one.

    Raises:
        UnusableFileError: The file is not JSON, or an object in it names no service.
    """
    try:
        document: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnusableFileError(f"{file} is not JSON: {error}") from None
    entries = cast("list[object]", document) if isinstance(document, list) else [document]
    for entry in entries:
        if not isinstance(entry, Mapping):
            raise UnusableFileError(f"{file} must contain a JSON object, or a list of objects.")
        yield _config_of(file, cast("Mapping[str, object]", entry), service)


def _config_of(file: str, entry: Mapping[str, object], service: str | None) -> FileConfig:
    named = entry.get("service") or service
    if not isinstance(named, str):
        raise UnusableFileError(f"{file} does not name its service: add one, or pass --service.")
    parts: dict[ConfigPart, Mapping[str, object]] = {
        part: cast("Mapping[str, object]", entry[part])
        for part in PARTS
        if isinstance(entry.get(part), Mapping)
    }
    if not parts and "service" not in entry:
        # A bare config, without the body of a creation around it.
        parts = {"config": entry}
    return FileConfig(file, named, parts)


def template_of(service: str, parts: Mapping[str, ConfigFields]) -> Document:
    """Return a body with every field of a service, as far as a creation takes it."""
    body: dict[str, Any] = {"service": service}
    for part in ("config", "auth"):
        if part in parts:
            body[part] = _template(parts[part], service)
    return body


def _template(members: ConfigFields, prefix: str) -> dict[str, JSONValue]:
    fields = sorted(members.values(), key=lambda each: not each.required)
    return {field.name: _placeholder(field, prefix) for field in fields if not field.read_only}


def _placeholder(field: ConfigField, prefix: str) -> JSONValue:
    name = f"{prefix}_{field.name}"
    value: JSONValue
    if field.choices:
        value = next(filter(None, field.choices), "")
    elif field.type == "object":
        value = _template(field.fields, name)
    elif field.secret:
        value = {"$secret": f"env:{name.upper()}"}
    else:
        value = _PLACEHOLDERS.get(field.type, field.name)
    return [value] if field.is_list else value
