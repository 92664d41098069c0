"""Names the classes of `fivetran_async.configs`, which `.ci/services_stub.py` declares."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Final

from fivetran_async._services._table import ConfigFields, ServiceKind, names, parts

KINDS_WITH_CLASSES: Final[tuple[ServiceKind, ...]] = ("source", "destination")
_INFIX: Final[Mapping[ServiceKind, str]] = {"source": "", "destination": "Destination"}


def camel_case(name: str) -> str:
    """Return a name such as `google_ads` as `GoogleAds`."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def class_name(service: str, kind: ServiceKind, part: str = "config") -> str:
    """Return the name of the class for one part of a service, such as `PostgresConfig`."""
    prefix = "Service" if service[:1].isdigit() else ""
    return f"{prefix}{camel_case(service)}{_INFIX[kind]}{camel_case(part)}"


@functools.cache
def config_classes() -> Mapping[str, str]:
    """Return the name of the config class of every source and destination."""
    return {
        service: class_name(service, kind) for kind in KINDS_WITH_CLASSES for service in names(kind)
    }


def main_classes(service: str, kind: ServiceKind) -> Iterator[str]:
    """Go over the names of the classes for the parts of a service."""
    for part in parts(service, kind) or {}:
        name = class_name(service, kind, part)
        yield name
        if part == "config":
            yield update_class(name)


def classes_of(service: str, kind: ServiceKind) -> Iterator[str]:
    """Go over the names of all classes of a service, those of nested objects included."""
    yield from main_classes(service, kind)
    for part, members in (parts(service, kind) or {}).items():
        yield from _nested(class_name(service, kind, part), members)


def update_class(name: str) -> str:
    """Return the name of the class for updates, which lacks what cannot change."""
    return f"{name}Update"


def nested_class(name: str, field: str) -> str:
    """Return the name of the class of a nested object."""
    return f"{name}{camel_case(field)}"


def _nested(name: str, members: ConfigFields) -> Iterator[str]:
    for field in members.values():
        if field.fields and not field.read_only:
            inner = nested_class(name, field.name)
            yield inner
            yield from _nested(inner, field.fields)


@functools.lru_cache(maxsize=1024)
def is_class(name: str) -> bool:
    """Return True if `fivetran_async.configs` has a class of this name."""
    owners = _owners()
    found = (owners.get(name[:length]) for length in range(len(name), 0, -1))
    return any(name in classes_of(*owner) for owner in found if owner is not None)


@functools.cache
def _owners() -> Mapping[str, tuple[str, ServiceKind]]:
    """Map what the names of the classes of a service begin with to the service."""
    return {
        class_name(service, kind, ""): (service, kind)
        for kind in KINDS_WITH_CLASSES
        for service in names(kind)
    }
