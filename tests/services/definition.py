"""A small hand-written definition of the API, with every shape of a service."""

from __future__ import annotations

import copy
from typing import Any


def scalar(kind: str = "string", **more: object) -> dict[str, object]:
    """Declare a field of one type."""
    return {"type": kind, **more}


def choice(*choices: str, **more: object) -> dict[str, object]:
    """Declare an enumeration, which such definitions write as an object with `enum`."""
    return {"type": "object", "enum": list(choices), **more}


def config(part: str = "config", required: tuple[str, ...] = (), **fields: object) -> Any:  # noqa: ANN401
    """Declare one part of a service."""
    inner: dict[str, object] = {"type": "object", "properties": fields}
    if required:
        inner["required"] = list(required)
    return {"properties": {part: inner if fields else {"type": "object"}}}


SECRET = scalar(format="password")
SCHEMAS: dict[str, Any] = {
    "shop_config": config(
        region=choice("EU", "US", example="EU | US"),
        port=scalar("integer", example=1),
        ratio=scalar("number"),
        since=scalar(format="date-time"),
        live=scalar("boolean", example="yes"),
        key=SECRET,
        window=choice("A", "B", description="(Immutable) How far back."),
        zone=scalar(description="This cannot be changed after creation.", example="Z"),
        pairs={
            "type": "array",
            "items": {"type": "object", "properties": {"name": scalar(), "value": SECRET}},
        },
        tokens={"type": "array", "items": SECRET},
    ),
    "shop_readonly": config(public_key=scalar(), state=choice("ON")),
    "shop_auth": config(
        "auth", user=scalar(), nested={"type": "object", "properties": {"a": SECRET}}
    ),
    "naming": config(required=("schema",), schema=scalar()),
    "lake_config": config(),
    "1st_config": config(code=choice("A")),
    "log_config": config(token=SECRET),
    "link_config": config(required=("endpoint",), endpoint=scalar()),
}
BASES = {
    "source": ("/v1/connections", "NewSource", "Source"),
    "destination": ("/v1/destinations", "NewDestination", "Destination"),
    "log": ("/v1/external-logging", "NewLog", "Log"),
    "private_link": ("/v1/private-links", "NewLink", "Link"),
}
SERVICES: dict[str, dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "source": {
        "shop": (("shop_config", "naming", "shop_auth"), ("shop_config", "shop_readonly")),
        "1st": (("1st_config", "naming"), ("1st_config",)),
    },
    "destination": {"lake": (("lake_config",), ("lake_config",))},
    "log": {"log": (("log_config",), ("log_config",))},
    "private_link": {"LINK_AWS": (("link_config",), ("link_config",))},
}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def definition() -> dict[str, Any]:
    """Build the document."""
    schemas, paths = copy.deepcopy(SCHEMAS), {}
    for kind, (path, taken, shown) in BASES.items():
        for number, base in enumerate((taken, shown)):
            mapping: dict[str, str] = {}
            for service, references in SERVICES[kind].items():
                name = f"{service}_{base}"
                mapping[service] = _reference(name)["$ref"]
                schemas[name] = {
                    "allOf": [_reference(each) for each in (base, *references[number])]
                }
            schemas[base] = {"properties": {"config": {}}, "discriminator": {"mapping": mapping}}
        data = {"properties": {"code": scalar(), "data": _reference(shown)}}
        paths[path] = {
            "post": {
                "requestBody": {"content": {"application/json": {"schema": _reference(taken)}}},
                "responses": {"201": {"content": {"application/json": {"schema": data}}}},
            }
        }
    return {"paths": paths, "components": {"schemas": schemas}}
