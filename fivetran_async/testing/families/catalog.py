"""The catalog of connector types: a believable part of it, enough to page through."""

from __future__ import annotations

from fivetran_async.testing._facts import Record
from fivetran_async.testing._rules import Call, Family, Result, slice_page

_CATALOG = {
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
_FEATURES = ("CAPTURE_DELETES", "DATA_BLOCKING", "COLUMN_HASHING", "RE_SYNC", "API_CONFIGURABLE")


def _type(service: str, kind: str) -> Record:
    icon = f"https://fivetran.com/integrations/{service}/resources/logo.svg"
    return {
        "id": service,
        "name": service.replace("_", " ").title(),
        "type": kind,
        "description": f"Loads data from {service.replace('_', ' ').title()}",
        "icon_url": icon,
        "icons": [icon],
        "link_to_docs": f"https://fivetran.com/docs/connectors/{service}",
        "link_to_erd": None,
        "connector_class": "standard",
        "service_status": "general_availability",
        # The vendor declares a time and sends a date.
        "service_status_updated_at": "2023-06-01",
        "supported_features": [{"id": feature, "notes": None} for feature in _FEATURES],
        "config": {
            "type": "object",
            "properties": {"schema": {"type": "string"}},
            "required": ["schema"],
        },
        "auth": {"type": "object", "properties": {}},
    }


_TYPES = {
    service: _type(service, kind)
    for kind, services in _CATALOG.items()
    for service in services.split()
}


def _list(call: Call) -> Result:
    return slice_page(call, list(_TYPES.values()))


def _get(call: Call) -> Result:
    found = _TYPES.get(call.path[0])
    if found is None:
        raise CATALOG.not_found(call.path[0])
    return Result(found)


CATALOG = Family(
    name="connector_types",
    noun="connector type",
    missing="NotFound_ConnectorType",
    actions={"list": _list, "get": _get, "list_public": _list},
)

FAMILIES = (CATALOG,)
