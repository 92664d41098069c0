"""The schema config of a connection: which tables and columns it syncs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fivetran_async.testing._account import SEPARATOR, FakeAccount
from fivetran_async.testing._facts import StoredRecord, part
from fivetran_async.testing._rules import (
    FamilyRules,
    Refusal,
    Result,
    ServedCall,
    conflict,
    invalid,
)
from fivetran_async.testing.families import _syncs
from fivetran_async.testing.families._row_filters import checked_filter, without_lost_filter

_TABLES = ("accounts", "orders", "order_items", "events")
_COLUMNS = ("id", "created_at", "updated_at", "name", "email", "amount")
_PARENT_OF = {"order_items": "orders"}
_SYSTEM_TABLE = "fivetran_audit"
_ALLOWED: StoredRecord = {"allowed": True}
# The vendor returns these two under one fixed key, whatever the name in the destination.
_ONE_SCHEMA = {
    "netsuite_suiteanalytics": "netsuite",
    "salesforce": "salesforce",
    "salesforce_sandbox": "salesforce",
}
NO_RELOAD = frozenset({"google_sheets", "s3", "box", "dropbox"})


def capture(account: FakeAccount, connection_id: str) -> StoredRecord:
    """Read the schema from the simulated source; existing settings are kept."""
    rows = account.collection("schema_configs")
    known = rows.get(connection_id)
    connection = account.collection("connections").get(connection_id) or {}
    source = _ONE_SCHEMA.get(connection["service"], "public")
    found = _source_schema(f"{connection['schema']}_{source}")
    schemas: StoredRecord = {source: found}
    if known is not None:
        schemas = _merge_known(schemas, known["schemas"])
    record = {
        "schema_change_handling": "ALLOW_ALL",
        **(known or {}),
        "schemas": schemas,
    }
    rows.put(connection_id, record)
    return record


def _source_schema(name: str) -> StoredRecord:
    tables = {table: _table(table) for table in _TABLES}
    tables[_SYSTEM_TABLE] = _table(_SYSTEM_TABLE) | {
        "enabled_patch_settings": {
            "allowed": False,
            "reason_code": "SYSTEM_TABLE",
            "reason": "The table does not support exclusion",
        },
        "supports_columns_config": False,
    }
    return {"name_in_destination": name, "enabled": True, "tables": tables}


def _table(name: str) -> StoredRecord:
    parent = {"parent_table": _PARENT_OF[name]} if name in _PARENT_OF else {}
    return parent | {
        "enabled": True,
        "name_in_destination": name,
        "sync_mode": "SOFT_DELETE",
        "supports_columns_config": True,
        "supports_history_mode": True,
        "enabled_patch_settings": _ALLOWED,
        "columns": {},
    }


def _column(name: str) -> StoredRecord:
    key = name == "id"
    settings = {"allowed": False, "reason_code": "SYSTEM_COLUMN", "reason": "The column is a key"}
    return {
        "name_in_destination": name,
        "enabled": True,
        "hashed": False,
        "is_primary_key": key,
        "enabled_patch_settings": settings if key else _ALLOWED,
    }


def _merge_known(found: StoredRecord, known: Mapping[str, Any]) -> StoredRecord:
    merged = dict(found)
    for name, schema in known.items():
        fresh = found.get(name)
        if fresh is None:
            merged[name] = schema
        else:
            merged[name] = fresh | schema | {"tables": fresh["tables"] | schema["tables"]}
    return merged


def _connection(call: ServedCall) -> StoredRecord:
    record = call.account.collection("connections").get(call.path[0])
    if record is None:
        raise Refusal(
            404, "NotFound_Connection", f"Cannot find connection with id '{call.path[0]}'"
        )
    return record


def _config(call: ServedCall) -> StoredRecord:
    connection = _connection(call)
    record = call.account.collection("schema_configs").get(connection["id"])
    if record is not None:
        return record
    if connection.get("succeeded_at"):
        return capture(call.account, connection["id"])
    message = f"Connection with id '{connection['id']}' has no schema config yet"
    raise Refusal(404, "NotFound_SchemaConfig", message)


def _view(record: StoredRecord) -> StoredRecord:
    return record | {
        # The older form of ALLOW_ALL.
        "enable_new_by_default": record["schema_change_handling"] == "ALLOW_ALL",
        "row_filtering_supported": True,
    }


def _get(call: ServedCall) -> Result:
    return Result(_view(_config(call)))


def _create(call: ServedCall) -> Result:
    """Store settings before the first capture; the response repeats them in full."""
    connection = _connection(call)
    schemas: StoredRecord = {}
    for name, requested in call.body["schemas"].items():
        tables = {
            t: _created_table(t, settings) for t, settings in part(requested.get("tables")).items()
        }
        schemas[name] = {
            "name_in_destination": f"{connection['schema']}_{name}",
            "enabled": requested["enabled"],
            "tables": tables,
        }
    record = {
        "schema_change_handling": call.body.get("schema_change_handling", "ALLOW_ALL"),
        "schemas": schemas,
    }
    call.account.collection("schema_configs").put(connection["id"], record)
    return Result(_view(record), "Schema config has been created")


def _created_table(name: str, requested: StoredRecord) -> StoredRecord:
    columns = {
        c: _with(_column(c), settings) for c, settings in part(requested.get("columns")).items()
    }
    return _with(_table(name), {k: v for k, v in requested.items() if k != "columns"}) | {
        "columns": columns
    }


def _with(before: StoredRecord, change: StoredRecord) -> StoredRecord:
    """Return settings with changes; null removes a row filter or a target data type."""
    change = dict(change)
    if change.get("row_filter") is not None:
        change["row_filter"] = checked_filter(change["row_filter"])
    changed = before | change
    return {
        name: value
        for name, value in changed.items()
        if value is not None or name not in ("row_filter", "target_data_type")
    }


def _update(call: ServedCall) -> Result:
    return _apply(call, dict(call.body))


def _update_schema(call: ServedCall) -> Result:
    _schema_at(call)
    return _apply(call, {"schemas": {call.path[1]: call.body}})


def _update_table(call: ServedCall) -> Result:
    _table_at(call)
    return _apply(call, {"schemas": {call.path[1]: {"tables": {call.path[2]: call.body}}}})


def _update_column(call: ServedCall) -> Result:
    _column_at(call)
    columns = {call.path[3]: call.body}
    return _apply(
        call, {"schemas": {call.path[1]: {"tables": {call.path[2]: {"columns": columns}}}}}
    )


def restored(connection_id: str, config: Mapping[str, Any]) -> StoredRecord:
    """Return the schema config of a twin, with what settings alone do not have."""
    locked: Mapping[str, str] = config.get("locked") or {}
    schemas: StoredRecord = {}
    for name, schema in part(config.get("schemas")).items():
        tables = {
            table: _restored_table((name, table), settings, locked)
            for table, settings in part(schema.get("tables")).items()
        }
        schemas[name] = {
            "name_in_destination": f"{connection_id}_{name}",
            **schema,
            "tables": tables,
        }
    return {
        "schema_change_handling": config.get("schema_change_handling", "ALLOW_ALL"),
        "schemas": schemas,
    }


def _restored_table(
    place: tuple[str, ...], settings: StoredRecord, locked: Mapping[str, str]
) -> StoredRecord:
    columns = {
        name: _column(name) | {"is_primary_key": False} | _lock((*place, name), locked) | column
        for name, column in part(settings.get("columns")).items()
    }
    found = {name: value for name, value in _table(place[-1]).items() if name != "sync_mode"}
    return found | _lock(place, locked) | settings | {"columns": columns}


def _lock(place: tuple[str, ...], locked: Mapping[str, str]) -> StoredRecord:
    reason = locked.get(SEPARATOR.join(place))
    if reason is None:
        return {"enabled_patch_settings": _ALLOWED}
    settings = {"allowed": False, "reason_code": "OTHER", "reason": reason}
    return {"enabled_patch_settings": settings}


def _apply(call: ServedCall, changes: StoredRecord) -> Result:
    record = _config(call)
    schemas = dict(record["schemas"])
    for name, change in part(changes.pop("schemas", None)).items():
        before = _known(schemas, name, "schema")
        schemas[name] = _changed_schema(before, change, any_column=call.account.is_twin)
    changed = record | changes | {"schemas": schemas}
    call.account.collection("schema_configs").put(call.path[0], changed)
    _syncs.cancel(call.account, call.path[0])
    return Result(_view(changed), "Schema config has been updated")


def _changed_schema(
    schema: StoredRecord, change: StoredRecord, *, any_column: bool
) -> StoredRecord:
    tables = dict(schema["tables"])
    for name, requested in part(change.get("tables")).items():
        before = _known(tables, name, "table")
        tables[name] = _changed_table(name, before, requested, any_column=any_column)
    return schema | {k: v for k, v in change.items() if k != "tables"} | {"tables": tables}


def _changed_table(
    name: str, table: StoredRecord, change: StoredRecord, *, any_column: bool
) -> StoredRecord:
    _may_change(name, table, change)
    columns = dict(table["columns"])
    for column, requested in part(change.get("columns")).items():
        # A twin does not know the source: every column may be there.
        before = columns.get(column) or (
            _other_column(column) if any_column else _source_column(column)
        )
        _may_change(column, before, requested)
        columns[column] = _with(before, requested)
    changed = _with(table, {k: v for k, v in change.items() if k != "columns"})
    return without_lost_filter(changed | {"columns": columns})


def _may_change(name: str, before: StoredRecord, change: StoredRecord) -> None:
    settings = before["enabled_patch_settings"]
    if not settings["allowed"] and change.get("enabled", before["enabled"]) != before["enabled"]:
        message = f"'{name}' cannot be enabled or disabled: {settings.get('reason', '')}"
        raise invalid(message)


def _other_column(name: str) -> StoredRecord:
    return _column(name) | {"is_primary_key": False, "enabled_patch_settings": _ALLOWED}


def _source_column(name: str) -> StoredRecord:
    if name not in _COLUMNS:
        message = f"Cannot find column '{name}'"
        raise invalid(message)
    return _column(name)


def _known(names: Mapping[str, StoredRecord], name: str, kind: str) -> StoredRecord:
    if name not in names:
        message = f"Cannot find {kind} '{name}'"
        raise invalid(message)
    return names[name]


def _schema_at(call: ServedCall) -> StoredRecord:
    return _at(_config(call)["schemas"], call.path[1], "schema")


def _table_at(call: ServedCall) -> StoredRecord:
    return _at(_schema_at(call)["tables"], call.path[2], "table")


def _column_at(call: ServedCall) -> StoredRecord:
    table, name = _table_at(call), call.path[3]
    if name in table["columns"]:
        return _at(table["columns"], name, "column")
    return _at({column: _column(column) for column in _COLUMNS}, name, "column")


def _at(names: Mapping[str, StoredRecord], name: str, kind: str) -> StoredRecord:
    if name not in names:
        raise Refusal(404, "NotFound", f"Cannot find {kind} '{name}'")
    return names[name]


def _get_columns(call: ServedCall) -> Result:
    connection = _connection(call)
    if connection.get("setup_state", "connected") != "connected":
        message = "The columns can only be read while the connection is connected"
        raise invalid(message)
    table = _table_at(call)
    columns = {column: _column(column) for column in _COLUMNS} | table["columns"]
    return Result({"columns": columns})


def _reload(call: ServedCall) -> Result:
    connection = _connection(call)
    if connection["service"] in NO_RELOAD:
        message = f"Connections of the service '{connection['service']}' cannot reload their schema"
        raise Refusal(400, "NotSupported_SchemaReload", message)
    mode = call.body.get("exclude_mode") or "PRESERVE"
    if mode not in ("PRESERVE", "INCLUDE", "EXCLUDE"):
        message = f"exclude_mode must be PRESERVE, INCLUDE or EXCLUDE, not '{mode}'"
        raise invalid(message)
    record = capture(call.account, connection["id"])
    if mode != "PRESERVE":
        schemas = {
            name: _all_tables(schema, on=mode == "INCLUDE")
            for name, schema in record["schemas"].items()
        }
        record = call.account.collection("schema_configs").change(connection["id"], schemas=schemas)
    return Result(_view(record), "Schema has been reloaded")


def _all_tables(schema: StoredRecord, *, on: bool) -> StoredRecord:
    tables = {
        name: table | {"enabled": on} if table["enabled_patch_settings"]["allowed"] else table
        for name, table in schema["tables"].items()
    }
    return schema | {"tables": tables, "enabled": schema["enabled"] or on}


def _drop_column(call: ServedCall) -> Result:
    _drop(call, [(call.path[1], call.path[2], call.path[3])])
    return Result(message="The column will be dropped at the next sync")


def _drop_columns(call: ServedCall) -> Result:
    _drop(call, list(_named_columns(call.body["schemas"])))
    return Result(message="The columns will be dropped at the next sync")


def _named_columns(schemas: Mapping[str, StoredRecord]) -> Iterator[tuple[str, str, str]]:
    for schema, tables in schemas.items():
        for table, columns in tables["tables"].items():
            yield from ((schema, table, column) for column in columns["columns"])


def _drop(call: ServedCall, places: list[tuple[str, str, str]]) -> None:
    if not places:
        message = "At least one column must be named"
        raise invalid(message)
    schemas = dict(_config(call)["schemas"])
    for schema_name, table_name, column in places:
        schema = _at(schemas, schema_name, "schema")
        table = _at(schema["tables"], table_name, "table")
        known = {name: _column(name) for name in _COLUMNS} | table["columns"]
        before = _at(known, column, "column")
        if before["enabled"]:
            message = f"Column '{column}' must be blocked before it is dropped"
            raise conflict(message)
        dropped = before | {"enabled_patch_settings": {"allowed": False, "reason_code": "DELETED"}}
        table = table | {"columns": table["columns"] | {column: dropped}}
        schemas[schema_name] = schema | {"tables": schema["tables"] | {table_name: table}}
    call.account.collection("schema_configs").change(call.path[0], schemas=schemas)


def _resync_tables(call: ServedCall) -> Result:
    if not call.body or not all(call.body.values()):
        message = "At least one table of each schema must be named"
        raise invalid(message)
    schemas = _config(call)["schemas"]
    for schema, tables in call.body.items():
        for table in tables:
            _at(_at(schemas, schema, "schema")["tables"], table, "table")
    _syncs.start(call.account, call.path[0])
    return Result(message="Re-sync of the tables has been triggered successfully")


FAMILIES = (
    FamilyRules(
        name="connections.schemas",
        noun="schema config",
        missing="NotFound_SchemaConfig",
        actions={
            "get": _get,
            "create": _create,
            "update": _update,
            "update_schema": _update_schema,
            "update_table": _update_table,
            "update_column": _update_column,
            "get_columns": _get_columns,
            "reload": _reload,
            "drop_column": _drop_column,
            "drop_columns": _drop_columns,
            "resync_tables": _resync_tables,
        },
    ),
)
