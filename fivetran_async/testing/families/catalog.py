"""The catalog of connector types: every source in the table of services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fivetran_async._services import ConfigField, ConfigFields, known, names, parts
from fivetran_async.testing._facts import StoredRecord
from fivetran_async.testing._rules import FamilyRules, Result, ServedCall, slice_page
from fivetran_async.testing.families.schemas import NO_RELOAD

_CATEGORIES = {
    "Database": "postgres mysql sql_server mongo dynamodb maria",
    "Sales": "salesforce hubspot pipedrive",
    "Marketing": "google_analytics_4 google_ads facebook_ads linkedin_ads marketo",
    "Finance": "stripe netsuite_suiteanalytics quickbooks",
    "Engineering": "github jira gitlab",
    "Support": "zendesk intercom",
    "Productivity": "google_sheets slack asana",
    "HumanResources": "workday bamboohr",
    "File": "s3 box dropbox",
    "Events": "apache_kafka segment",
    "Function": "connector_sdk aws_lambda azure_function google_cloud_function",
}
_CATEGORY_OF = {s: category for category, text in _CATEGORIES.items() for s in text.split()}
_TYPES: Final[Mapping[str, StoredRecord]] = {
    "text": {"type": "string"},
    "flag": {"type": "boolean"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "time": {"type": "string", "format": "date-time"},
    "any": {},
}
_FEATURES = ("CAPTURE_DELETES", "DATA_BLOCKING", "COLUMN_HASHING", "RE_SYNC", "API_CONFIGURABLE")


def _type(service: str) -> StoredRecord:
    icon = f"https://fivetran.com/integrations/{service}/resources/logo.svg"
    return {
        "id": service,
        "name": service.replace("_", " ").title(),
        "type": _CATEGORY_OF.get(service, "API"),
        "description": f"Loads data from {service.replace('_', ' ').title()}",
        "icon_url": icon,
        "icons": [icon],
        "link_to_docs": f"https://fivetran.com/docs/connectors/{service}",
        "link_to_erd": None,
        "connector_class": "standard",
        "service_status": "general_availability",
        # The vendor declares a time, but returns a date.
        "service_status_updated_at": "2023-06-01",
        "supports_schema_reload": service not in NO_RELOAD,
        "supported_features": [{"id": feature, "notes": None} for feature in _FEATURES],
    }


def _schema(members: ConfigFields) -> StoredRecord:
    """Describe fields like live metadata: as JSON schema with enumerations as objects."""
    settable = [field for field in members.values() if not field.read_only]
    required = [field.name for field in settable if field.required]
    properties = {field.name: _property(field) for field in settable}
    schema: StoredRecord = {"type": "object", "properties": properties}
    if members.is_open and properties:
        schema["additionalProperties"] = True
    return schema | {"required": required} if required else schema


def _property(field: ConfigField) -> StoredRecord:
    if field.type == "object":
        schema = _schema(field.fields)
    elif field.choices:
        schema = {"type": "object", "enum": list(field.choices)}
    else:
        schema = dict(_TYPES[field.type])
    if field.secret:
        schema["format"] = "password"
    return {"type": "array", "items": schema} if field.is_list else schema


def _list(call: ServedCall) -> Result:
    return slice_page(call, [_type(service) for service in names("source")])


def _get(call: ServedCall) -> Result:
    service = call.path[0]
    if not known(service):
        raise CATALOG.not_found(service)
    described: StoredRecord = {
        part: _schema(members) for part, members in (parts(service) or {}).items()
    }
    described.setdefault("auth", {"type": "object", "properties": {}})
    return Result(_type(service) | described)


CATALOG = FamilyRules(
    name="connector_types",
    noun="connector type",
    missing="NotFound_ConnectorType",
    actions={"list": _list, "get": _get, "list_public": _list},
    is_computed=True,
)

FAMILIES = (CATALOG,)
