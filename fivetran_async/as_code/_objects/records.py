"""PURE: from records of the API to fields of files, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from fivetran_async._services import fields as config_fields
from fivetran_async.as_code._kinds.rules import KindRules
from fivetran_async.as_code._kinds.values import EMPTY, as_items, as_object, entries
from fivetran_async.as_code._objects.objects import NameTable
from fivetran_async.as_code._secrets.fields import without_secrets

RecordView: TypeAlias = Mapping[str, object]

PLACE_SEPARATOR: Final = "\x1f"
"""Between the names of schema, table and column in keys of observed places."""

_FEATURES: Final[Mapping[str, str]] = {
    "supports_columns_config": "columns",
    "supports_history_mode": "history",
}
_NAMING: Final = ("schema_prefix", "schema", "table", "table_group_name")
_TABLE_SETTINGS: Final = ("enabled", "sync_mode", "row_filter")
_COLUMN_SETTINGS: Final = ("enabled", "hashed", "is_primary_key", "target_data_type")


def fields_of(rules: KindRules, record: RecordView, names: NameTable) -> dict[str, object]:
    """Return the fields of a file for a record: no ids, no secrets, nothing the server owns."""
    if rules.name == "schemas":
        return _schema_fields(record)
    chosen: dict[str, object] = {}
    for name in rules.readable:
        value = _without_empty(record.get(name))
        if value not in EMPTY:
            chosen[name] = _allowed_parts(rules, name, value)
    if rules.config_kind is not None:
        _adjust_config(rules, record, chosen)
    if _is_mirrored(chosen):
        del chosen["schedule"]
    chosen = without_secrets(rules, chosen)
    return translated(rules, chosen, names.address)


def observed_of(rules: KindRules, record: RecordView) -> dict[str, object]:
    """Return the server's own fields that a snapshot keeps."""
    if rules.name == "schemas":
        locked, unsupported = _locked_places(record), _unsupported_in(record)
        seen: dict[str, object] = {"locked": locked} if locked else {}
        return seen | ({"unsupported": unsupported} if unsupported else {})
    found = {name: record[name] for name in sorted(rules.observed) if record.get(name) is not None}
    status = as_object(found.get("status"))
    if rules.name == "connections" and status is not None:
        kept = ("setup_state", "sync_state", "is_historical_sync", "schema_status")
        found["status"] = {name: status[name] for name in kept if status.get(name) is not None}
    return found


def translated(
    rules: KindRules, values: RecordView, translate: Callable[[str, str], object]
) -> dict[str, object]:
    """
    Return fields with each reference replaced.

    Args:
        rules: The rules of the kind.
        values: The fields.
        translate: Takes the kind and the id or address of a reference, and returns the other.
    """
    result = dict(values)
    for path, kinds in rules.references.items():
        top, _, rest = path.partition(".")
        if top not in result:
            continue
        if not rest:
            result[top] = _translated(result[top], kinds[0], translate)
            continue
        inner = entries(result[top])
        if rest in inner:
            result[top] = {**inner, rest: _translated(inner[rest], kinds[0], translate)}
    return result


def references_of(rules: KindRules, values: RecordView) -> Iterable[tuple[str, str]]:
    """List the references of an object: the dotted path and the address."""
    found: list[tuple[str, str]] = []
    for path in rules.references:
        top, _, rest = path.partition(".")
        value = entries(values.get(top)).get(rest) if rest else values.get(top)
        items = as_items(value) or (value,)
        found.extend((path, item) for item in items if isinstance(item, str))
    return found


def naming_of(service: str, schema: str) -> dict[str, str]:
    """Return the config fields that give a connection its schema name, for the create."""
    members = config_fields(service)
    if "schema_prefix" in members and "schema" not in members:
        return {"schema_prefix": schema}
    first, _, rest = schema.partition(".")
    for second in ("table", "table_group_name"):
        if rest and second in members:
            return {"schema": first, second: rest}
    return {"schema": schema}


def schema_named(config: RecordView) -> str | None:
    """Return the schema name that a connection gets from its config; None if it names none."""
    first = config.get("schema_prefix") or config.get("schema")
    if not first:
        return None
    second = config.get("table") or config.get("table_group_name")
    return f"{first}.{second}" if second and not config.get("schema_prefix") else str(first)


def _translated(value: object, kind: str, translate: Callable[[str, str], object]) -> object:
    items = as_items(value)
    if items is not None:
        return [_translated(each, kind, translate) for each in items]
    return translate(kind, value) if isinstance(value, str) and value else value


def _allowed_parts(rules: KindRules, name: str, value: object) -> object:
    """Leave out what the server owns inside of objects such as `project_config`."""
    owned = {path.partition(".")[2] for path in rules.owned if path.startswith(f"{name}.")}
    inner = as_object(value)
    if not owned or inner is None:
        return value
    return {part: each for part, each in inner.items() if part not in owned}


def _adjust_config(rules: KindRules, record: RecordView, chosen: dict[str, object]) -> None:
    """Leave out what is in responses only, and add the fields that name the schema."""
    service = str(record.get("service") or "")
    config = dict(entries(chosen.get("config")))
    members = config_fields(service, rules.config_kind or "source")
    for name in [name for name in config if name in members and members[name].read_only]:
        del config[name]
    if rules.name == "connections" and not any(config.get(name) for name in _NAMING):
        schema = str(record.get("schema") or "")
        if schema:
            config |= naming_of(service, schema)
    if config:
        chosen["config"] = config
    else:
        chosen.pop("config", None)


def _is_mirrored(values: RecordView) -> bool:
    """Return True if `schedule` only repeats `sync_frequency`, as some accounts return it."""
    found = {n: v for n, v in entries(values.get("schedule")).items() if v not in EMPTY}
    interval = {"schedule_type": "INTERVAL", "interval": values.get("sync_frequency")}
    return found == interval


def _schema_fields(record: RecordView) -> dict[str, object]:
    chosen: dict[str, object] = {}
    handling = record.get("schema_change_handling")
    if handling:
        chosen["schema_change_handling"] = handling
    schemas = _records_in(record.get("schemas"))
    if schemas:
        chosen["schemas"] = {name: _schema(each) for name, each in schemas.items()}
    return chosen


def _schema(schema: RecordView) -> dict[str, object]:
    kept = _settings(schema, ("enabled",))
    tables = _records_in(schema.get("tables"))
    if tables:
        kept["tables"] = {name: _table(each) for name, each in tables.items()}
    return kept


def _table(table: RecordView) -> dict[str, object]:
    kept = _settings(table, _TABLE_SETTINGS)
    columns = _records_in(table.get("columns"))
    if columns:
        kept["columns"] = {n: _settings(each, _COLUMN_SETTINGS) for n, each in columns.items()}
    return kept


def _settings(values: RecordView, names: Iterable[str]) -> dict[str, object]:
    return {name: values[name] for name in names if values.get(name) is not None}


def _records_in(value: object) -> dict[str, RecordView]:
    found = ((name, as_object(each)) for name, each in entries(value).items())
    return {name: each for name, each in found if each is not None}


def _locked_places(record: RecordView) -> dict[str, str]:
    """Return the tables and columns that cannot be enabled or disabled, and why."""
    locked: dict[str, str] = {}
    for schema, tables in _records_in(record.get("schemas")).items():
        for table, settings in _records_in(tables.get("tables")).items():
            _note_lock(locked, (schema, table), settings)
            for column, each in _records_in(settings.get("columns")).items():
                _note_lock(locked, (schema, table, column), each)
    return locked


def _unsupported_in(record: RecordView) -> dict[str, list[str]]:
    """Return the tables that lack a feature, and the features."""
    found: dict[str, list[str]] = {}
    for schema, tables in _records_in(record.get("schemas")).items():
        for table, settings in _records_in(tables.get("tables")).items():
            lacking = [word for name, word in _FEATURES.items() if settings.get(name) is False]
            if lacking:
                found[PLACE_SEPARATOR.join((schema, table))] = lacking
    return found


def _note_lock(locked: dict[str, str], place: tuple[str, ...], settings: RecordView) -> None:
    allowed = entries(settings.get("enabled_patch_settings"))
    if allowed.get("allowed") is False:
        locked[PLACE_SEPARATOR.join(place)] = str(
            allowed.get("reason") or allowed.get("reason_code") or ""
        )


def _without_empty(value: object) -> object:
    """Leave out empty values in objects: the server leaves out some of them, too."""
    inner = as_object(value)
    if inner is None:
        return value
    pairs = ((name, _without_empty(each)) for name, each in inner.items())
    return {name: each for name, each in pairs if each not in EMPTY}
