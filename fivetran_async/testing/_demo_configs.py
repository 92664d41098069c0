"""Configs of the demo's connections and destinations, such as real ones have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_SECRET: Final = "not-a-real-secret"  # noqa: S105
_DATABASE: Final = {"user": "fivetran", "password": _SECRET, "connection_type": "Directly"}
_REPORT: Final = {
    "table": "sessions",
    "config_type": "CUSTOM",
    "dimensions": ["date", "country"],
    "metrics": ["sessions", "activeUsers"],
    "rollback_window": 14,
}

SOURCE_CONFIGS: Final[Mapping[str, Mapping[str, Any]]] = {
    "salesforce": {
        "authentication_method": "STANDARD",
        "base_url": "https://acme.my.salesforce.example",
        "connecting_user_email": "integration@acme.example",
        "organization_id": "00D000000000001EAA",
        "sync_formula_fields": False,
    },
    "postgres": {
        "host": "orders.db.acme.example",
        "port": 5432,
        "database": "orders",
        "update_method": "WAL_PGOUTPUT",
        "publication_name": "fivetran_pub",
        "replication_slot": "fivetran_slot",
        "auth_method": "PASSWORD",
        "always_encrypted": True,
        **_DATABASE,
    },
    "google_analytics_4": {
        "accounts": ["accounts/1001"],
        "properties": ["properties/2001"],
        "reports": [_REPORT],
        "sync_mode": "SPECIFIC_ACCOUNTS",
        "timeframe_months": "TWENTY_FOUR",
    },
    "stripe": {
        "api_key": _SECRET,
        "historical_sync_time_frame": "ALL_TIME",
        "support_connected_accounts_sync": False,
    },
    "hubspot": {"client_secret": _SECRET, "historical_sync_time_frame": "ALL_TIME"},
    "mysql": {
        "host": "shop.db.acme.example",
        "port": 3306,
        "database": "shop",
        "update_method": "BINLOG",
        "replica_id": 4001,
        "auth_method": "PASSWORD",
        "always_encrypted": True,
        **_DATABASE,
    },
    "google_sheets": {
        "table": "budget",
        "auth_type": "ServiceAccount",
        "named_range": "budget",
        "sheet_id": "https://docs.google.example/spreadsheets/d/1a2b3c4d5e",
    },
    "zendesk": {"domain": "acme", "email": "support@acme.example", "api_token": _SECRET},
    "shopify": {"shop": "acme", "api_access_token": _SECRET},
    "github": {
        "auth_mode": "PersonalAccessToken",
        "username": "acme-bot",
        "pats": [_SECRET],
        "sync_mode": "SpecificRepositories",
        "repositories": ["acme/shop", "acme/app"],
        "use_webhooks": False,
    },
    "jira": {
        "auth_type": "BASIC",
        "host": "acme.atlassian.example",
        "user": "jira@acme.example",
        "password": _SECRET,
        "sync_mode": "ALL",
    },
    "google_ads": {
        "customer_id": "123-456-7890",
        "accounts": ["1234567890"],
        "sync_mode": "SpecificAccounts",
        "timeframe_months": "TWELVE",
        "conversion_window_size": 30,
    },
    "facebook_ads": {
        "accounts": ["act_1001"],
        "sync_mode": "SpecificAccounts",
        "timeframe_months": "TWELVE",
    },
    "netsuite_suiteanalytics": {
        "account": "1234567",
        "datasource": "NetSuite2.com",
        "host": "1234567.connect.api.netsuite.example",
        "port": 1708,
        "role": "57",
        "consumer_key": _SECRET,
        "consumer_secret": _SECRET,
        "token_key": _SECRET,
        "token_secret": _SECRET,
    },
    "sql_server": {
        "host": "erp.db.acme.example",
        "port": 1433,
        "database": "erp",
        "update_method": "TELEPORT",
        "always_encrypted": True,
        **_DATABASE,
    },
    "mongo": {
        "hosts": ["mongo-1.acme.example:27017", "mongo-2.acme.example:27017"],
        "packing_mode": "UseUnpackedModeOnly",
        "always_encrypted": True,
        **_DATABASE,
    },
    "s3": {
        "table_group_name": "events",
        "auth_type": "IAM_ROLE",
        "bucket": "acme-landing",
        "prefix": "events/",
        "role_arn": "arn:aws:iam::123456789012:role/fivetran",
        "external_id": "decent_dropsy",
        "file_type": "jsonl",
        "compression": "gzip",
        "files": [{"table_name": "events", "file_pattern": r"events/.*\.jsonl\.gz"}],
    },
    "slack": {"table": "messages"},
    "intercom": {"data_region": "eu"},
    "workday": {
        "auth_mode": "BASIC",
        "tenant": "acme",
        "domain_host_name": "services.workday.example",
        "user_name": "ISU_Fivetran",
        "password": _SECRET,
        "table_group_name": "hr",
    },
    "marketo": {
        "client_id": "acme-client",
        "client_secret": _SECRET,
        "endpoint": "https://123-abc-456.mktorest.example/rest",
        "identity": "https://123-abc-456.mktorest.example/identity",
        "api_quota": 10_000,
    },
    "linkedin_ads": {
        "accounts": ["500001"],
        "sync_mode": "SpecificAccounts",
        "timeframe_months": "TWELVE",
    },
    "dynamodb": {
        "aws_region_code": "us-east-1",
        "role_arn": "arn:aws:iam::123456789012:role/fivetran",
        "external_id": "decent_dropsy",
        "sync_mode": "UseUnpackedModeOnly",
    },
    "apache_kafka": {
        "servers": ["kafka-1.acme.example:9093", "kafka-2.acme.example:9093"],
        "consumer_group": "fivetran",
        "security_protocol": "SASL",
        "sasl_mechanism": "SCRAM_SHA_512",
        "sasl_scram512_key": _SECRET,
        "sasl_scram512_secret": _SECRET,
        "message_type": "Json",
        "sync_type": "Unpacked",
    },
    "connector_sdk": {
        "python_version": "3.12",
        "secrets_list": [{"key": "api_key", "value": _SECRET}],
    },
}
"""Configs by service, without the fields that name the schema."""

PREFIXED: Final = frozenset({"postgres", "mysql", "sql_server", "mongo"})
"""Services that take a `schema_prefix` instead of a `schema`."""

DESTINATION_CONFIGS: Final[Mapping[str, Mapping[str, Any]]] = {
    "snowflake": {
        "host": "acme-eu.snowflakecomputing.example",
        "port": 443,
        "database": "ANALYTICS",
        "user": "FIVETRAN_USER",
        "auth": "PASSWORD",
        "password": _SECRET,
        "role": "FIVETRAN_ROLE",
    },
    "big_query": {"project_id": "acme-analytics", "data_set_location": "US"},
    "redshift": {
        "host": "acme.redshift.example",
        "port": 5439,
        "database": "analytics",
        "auth_type": "PASSWORD",
        **_DATABASE,
    },
    "databricks": {
        "server_host_name": "acme.cloud.databricks.example",
        "port": 443,
        "http_path": "/sql/1.0/warehouses/1a2b3c",
        "catalog": "main",
        "auth_type": "PERSONAL_ACCESS_TOKEN",
        "personal_access_token": _SECRET,
        "cloud_provider": "AZURE",
    },
    "postgres_warehouse": {
        "host": "warehouse.db.acme.example",
        "port": 5432,
        "database": "warehouse",
        "auth_method": "PASSWORD",
        **_DATABASE,
    },
}


def source_config(service: str, name: str) -> dict[str, Any]:
    """Return the config of a connection with this schema name."""
    base = SOURCE_CONFIGS[service]
    if service in PREFIXED:
        return {"schema_prefix": name, **base}
    if "table" in base:
        return {"schema": name.rpartition(".")[0], **base}
    return {"schema": name, **base}


def schema_of(service: str, number: int) -> str:
    """Return the schema name of the nth connection of a group."""
    table = SOURCE_CONFIGS[service].get("table")
    return f"{service}_{number}.{table}" if table else f"{service}_{number}"
