"""Generated responses of the API, with the same bytes in every run."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import cast

SERVICES = ("postgres", "salesforce", "google_sheets", "mysql")


def group_body() -> bytes:
    """Return one group as the API sends it."""
    group = {
        "id": "decent_dropsy",
        "name": "Warehouse",
        "created_at": "2026-01-02T03:04:05.678901Z",
    }
    envelope = {"code": "Success", "message": "Operation performed.", "data": group}
    return json.dumps(envelope).encode()


def groups(names: list[str]) -> list[dict[str, object]]:
    """Return groups with these ids."""
    chance = _chance()
    return [{"id": name, "name": name, "created_at": _instant(chance)} for name in names]


def connections(size: int) -> list[dict[str, object]]:
    """Return connections of about 1,280 bytes, each with one field that our model lacks."""
    chance = _chance()
    return [_connection(chance) for _ in range(size)]


def full_connections(size: int) -> list[dict[str, object]]:
    """Return connections with all fields of our model, and one that it lacks."""
    rest: dict[str, object] = {
        "schedule": {"schedule_type": "INTERVAL", "interval": 60},
        "destination_configuration": {"virtual_warehouse": None},
        "connect_card": {"token": "token", "uri": "https://example.com/card"},
        "connect_card_config": {"redirect_uri": "https://example.com", "hide_setup_guide": True},
    }
    return [{**connection, **rest} for connection in connections(size)]


def lean_connections(size: int) -> list[dict[str, object]]:
    """Return connections with 26 of our model's 31 fields, one other, and a warning each."""
    warning = {"code": "resync_table_warning", "message": "A table is synced again"}
    found: list[dict[str, object]] = []
    for connection in connections(size):
        status = cast("dict[str, object]", connection["status"])
        lean = {name: value for name, value in connection.items() if name != "setup_tests"}
        found.append({**lean, "status": {**status, "warnings": [warning]}})
    return found


def newer_connections(size: int) -> list[dict[str, object]]:
    """Return connections with 13 fields that our model lacks, as of a later version of the API."""
    values: tuple[object, ...] = (7, "text", None, {"a": 1}, [1, 2], True)
    newer = {f"new_field_{number}": values[number % len(values)] for number in range(12)}
    return [{**connection, **newer} for connection in connections(size)]


def patch_values(schemas: int = 50, tables: int = 40, columns: int = 100) -> dict[str, object]:
    """Return the values of a request that sets every column of a schema config."""
    return {
        "schemas": {
            f"schema_{schema}": {
                "enabled": True,
                "tables": {
                    f"table_{table}": {
                        "enabled": True,
                        "columns": {
                            f"column_{column}": {"enabled": column % 3 > 0}
                            for column in range(columns)
                        },
                    }
                    for table in range(tables)
                },
            }
            for schema in range(schemas)
        }
    }


def page_body(items: list[dict[str, object]], cursor: str | None = "e30") -> bytes:
    """Return one page as the API sends it."""
    data: dict[str, object] = {"items": items}
    if cursor is not None:
        data["next_cursor"] = cursor
    return json.dumps({"code": "Success", "data": data}).encode()


def schema_config_body(schemas: int = 50, tables: int = 40, columns: int = 20) -> bytes:
    """Return one schema config as the API sends it, by default with 50 x 40 x 20 columns."""
    chance = _chance()
    config = {
        "schema_change_handling": "ALLOW_ALL",
        "enable_new_by_default": True,
        "schemas": {
            f"schema_{number}": _schema(chance, number, tables, columns)
            for number in range(schemas)
        },
    }
    return json.dumps({"code": "Success", "data": config}).encode()


def _chance() -> random.Random:
    return random.Random(7)  # noqa: S311 - test data


def _word(chance: random.Random, length: int) -> str:
    return "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=length))


def _instant(chance: random.Random) -> str:
    moment = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(microseconds=chance.randrange(10**14))
    return moment.isoformat().replace("+00:00", "Z")


def _status(chance: random.Random) -> dict[str, object]:
    warning = {"code": "resync_table_warning", "message": "A table is synced again"}
    return {
        "setup_state": "connected",
        "schema_status": "ready",
        "sync_state": chance.choice(["scheduled", "scheduled", "syncing", "paused"]),
        "update_state": "on_schedule",
        "is_historical_sync": False,
        "tasks": [],
        "warnings": [warning] if chance.random() < 0.1 else [],
    }


def _config(chance: random.Random) -> dict[str, object]:
    return {
        "host": f"{_word(chance, 10)}.example.com",
        "port": 5432,
        "user": _word(chance, 8),
        "password": "******",
        "database": _word(chance, 9),
        "update_method": "XMIN",
        "connection_type": "Directly",
        "is_secure": True,
        "always_encrypted": True,
        "tables": [_word(chance, 5)],
    }


def _connection(chance: random.Random) -> dict[str, object]:
    return {
        "id": f"{_word(chance, 7)}_{_word(chance, 8)}",
        "group_id": f"{_word(chance, 7)}_{_word(chance, 8)}",
        "service": chance.choice(SERVICES),
        "service_version": chance.randint(0, 4),
        "schema": f"{_word(chance, 8)}.{_word(chance, 6)}",
        "connected_by": f"{_word(chance, 7)}_{_word(chance, 8)}",
        "created_at": _instant(chance),
        "succeeded_at": _instant(chance),
        "failed_at": chance.choice([None, _instant(chance)]),
        "paused": chance.random() < 0.2,
        "pause_after_trial": False,
        "sync_frequency": chance.choice([5, 60, 360, 1440]),
        "data_delay_threshold": 0,
        "data_delay_sensitivity": "NORMAL",
        "private_link_id": None,
        "networking_method": "Directly",
        "proxy_agent_id": None,
        "daily_sync_time": chance.choice([None, "14:00"]),
        "schedule_type": "auto",
        "hybrid_deployment_agent_id": None,
        "destination_schema_names": "FIVETRAN_NAMING",
        "external_secrets_manager_id": None,
        "status": _status(chance),
        "setup_tests": [],
        "source_sync_details": {"accounts": [_word(chance, 6)]},
        "config": _config(chance),
        "external_secrets_keys_config": {},
        "run_setup_tests": True,
    }


def _schema(chance: random.Random, number: int, tables: int, columns: int) -> dict[str, object]:
    return {
        "name_in_destination": f"schema_{number}",
        "enabled": True,
        "tables": {f"table_{table}": _table(chance, table, columns) for table in range(tables)},
    }


def _table(chance: random.Random, number: int, columns: int) -> dict[str, object]:
    return {
        "name_in_destination": f"table_{number}",
        "enabled": chance.random() < 0.9,
        "sync_mode": "SOFT_DELETE",
        "supports_columns_config": True,
        "enabled_patch_settings": {"allowed": True},
        "columns": {f"column_{column}": _column(chance, column) for column in range(columns)},
    }


def _column(chance: random.Random, number: int) -> dict[str, object]:
    locked = {
        "allowed": False,
        "reason_code": "SYSTEM_COLUMN",
        "reason": "Cannot be changed: it is a system column",
    }
    return {
        "name_in_destination": f"column_{number}",
        "enabled": chance.random() < 0.9,
        "hashed": False,
        "is_primary_key": number == 0,
        "enabled_patch_settings": locked if number == 0 else {"allowed": True},
    }
