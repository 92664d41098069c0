"""The table of services: complete, sorted, without prose, and fast to look up."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import resources
from typing import Any, Final, TypeAlias, get_args

import pytest

from fivetran_async import _services
from fivetran_async._services import KINDS, ConfigField, ConfigFields, ServiceKind
from fivetran_async._services._table import ValueType, _table
from services.test_generator import load

TEXT: Final = resources.files("fivetran_async._services").joinpath("table.tsv").read_text("utf-8")
HEADS: Final = [line.split("\t") for line in TEXT.splitlines() if line[:1] not in {"", " ", "#"}]

PROGRAM: Final = load("services_table")

Record: TypeAlias = Callable[[str, object], None]

each_kind: Final = pytest.mark.parametrize("kind", KINDS)


def every_field(members: ConfigFields) -> Iterator[ConfigField]:
    """Iterate over fields at any depth."""
    for field in members.values():
        yield field
        yield from every_field(field.fields)


def fields_of(kind: ServiceKind, service: str) -> Iterator[ConfigField]:
    """Iterate over all fields of all parts of a service."""
    found = _services.parts(service, kind)
    assert found is not None
    for part in found.values():
        yield from every_field(part)


def test_every_service_is_parsed_and_counted(record_property: Record) -> None:
    """Each row has a part `config` and known types; the report contains the counts."""
    found: Counter[str] = Counter()
    for kind in KINDS:
        for service in _services.names(kind):
            found[kind] += 1
            assert "config" in (_services.parts(service, kind) or {})
            for field in fields_of(kind, service):
                assert field.type in get_args(ValueType), field
                assert bool(field.fields) <= (field.type == "object"), field
                if field.type != "object":
                    found["fields"] += 1
                    found["secret"] += field.secret
                    found["choices"] += len(field.choices)
    record_property("the table of services", dict(found))
    assert sum(found[kind] for kind in KINDS) == len(HEADS) - 1
    assert min(found.values()) > 0


def test_services_are_sorted_and_written_in_one_way() -> None:
    """Equal facts produce equal text, so tables differ only in facts."""
    keys = [(KINDS.index(kind), name) for kind, name in HEADS if kind in KINDS]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)
    assert PROGRAM.write(PROGRAM.read(TEXT)) == TEXT


def facts_of(field: ConfigField) -> Any:  # noqa: ANN401 - as in the program
    """Return a field as the program that writes the table has it; without what `auth` implies."""
    kind: Any = field.type
    if field.type == "object":
        kind = members_of(field.fields)
    elif field.choices:
        kind = list(field.choices)
    elif field.secret:
        kind = f"{field.type}*"
    if field.is_list:
        kind = {"[]": kind}
    facts = {"!": field.required, "+": field.create_only, "^": field.read_only}
    return PROGRAM._flagged(kind, "".join(mark for mark in facts if facts[mark]))


def members_of(members: ConfigFields) -> dict[str, Any]:
    """Return fields as the program that writes the table has them."""
    found = {name: facts_of(field) for name, field in members.items()}
    return found | ({"*": "any"} if members.is_open else {})


def test_package_and_program_read_the_same() -> None:
    """Every fact of the table is in the fields that the package returns, and no other."""
    for (kind, service), parts in PROGRAM.read(TEXT).items():
        found = _services.parts(service, kind) or {}
        assert found.keys() == parts.keys()
        for part in parts.keys() - {"auth"}:
            assert members_of(found[part]) == parts[part], (kind, service, part)


def test_table_holds_no_sentence() -> None:
    """The table contains names, types and choices, but no descriptions of the vendor."""
    for kind in KINDS:
        for service in _services.names(kind):
            for field in fields_of(kind, service):
                assert re.fullmatch(r"[A-Za-z0-9_]+", field.name), (service, field)
                for choice in field.choices:
                    assert not re.search(r"[a-z]{2,} [a-z]{2,} [a-z]{2,} [a-z]", choice), choice


def test_fields_have_their_facts() -> None:
    """The row contains choices, secrets, required fields, nested fields and lists."""
    postgres = _services.fields("postgres")
    assert postgres["password"] == ConfigField(name="password", type="text", secret=True)
    assert postgres["port"] == ConfigField(name="port", type="integer")
    assert "WAL_PGOUTPUT" in postgres["update_method"].choices
    assert postgres["schema_prefix"].required
    assert postgres["schema_prefix"].create_only
    assert postgres["public_key"].read_only
    assert not postgres.is_open
    secrets_list = _services.fields("connector_sdk")["secrets_list"]
    assert (secrets_list.type, secrets_list.is_list) == ("object", True)
    assert [field.secret for field in secrets_list.fields.values()] == [False, True]
    assert _services.fields("github")["pats"] == ConfigField(
        name="pats", type="text", is_list=True, secret=True
    )
    assert _services.fields("snowflake", "destination")["auth"].choices[0] == "PASSWORD"
    assert _services.fields("SOURCE_AWS", "private_link")["connection_service_name"].required


def test_all_of_auth_is_secret() -> None:
    """Tokens and client ids in `auth` are secrets, even if they are unmarked."""
    auth = _services.fields("google_ads", part="auth")
    assert all(field.secret for field in every_field(auth))
    places = _services.secret_fields("google_ads")
    assert {"auth.refresh_token", "auth.client_access.client_secret"} <= places


@pytest.mark.parametrize(
    ("service", "kind", "place"),
    [
        ("postgres", "source", "config.password"),
        ("connector_sdk", "source", "config.secrets_list[].value"),
        ("github", "source", "config.pats[]"),
        ("amplitude", "source", "config.project_credentials[].secret_key"),
        ("twitter", "source", "config.consumer_secret"),
        ("databricks", "destination", "config.azure_client_secret"),
        ("splunkLog", "log", "config.token"),
    ],
)
def test_secret_fields_have_their_place(service: str, kind: ServiceKind, place: str) -> None:
    """Secrets are found in nested fields, lists and response fields."""
    assert place in _services.secret_fields(service, kind)


def test_unknown_services_and_parts_are_open() -> None:
    """Unknown services and parts accept any field."""
    assert not _services.known("service_of_2031")
    assert _services.parts("service_of_2031") is None
    assert _services.secret_fields("service_of_2031") == frozenset()
    for found in (_services.fields("service_of_2031"), _services.fields("postgres", part="auth")):
        assert found.is_open
        assert not found
    assert _services.fields("clickhouse", "destination").is_open


def test_kinds_have_services_of_their_own() -> None:
    """A name can be a source and a destination, with different fields."""
    assert _services.known("postgres")
    assert not _services.known("postgres", "destination")
    source, destination = (_services.fields("databricks", kind) for kind in KINDS[:2])
    assert not source
    assert destination


@each_kind
def test_required_fields_of_sources_are_their_names(kind: ServiceKind) -> None:
    """Every source with known fields requires the name of its schema, which cannot change."""
    naming = {"schema", "table", "schema_prefix", "table_group_name"}
    for service in _services.names(kind):
        required = {field.name for field in fields_of(kind, service) if field.required}
        if kind == "source":
            assert required <= naming
            assert bool(required) is bool(_services.fields(service))
            assert all(_services.fields(service)[name].create_only for name in required)
        else:
            assert kind == "private_link" or not required


@each_kind
def test_settings_that_cannot_change_are_marked(kind: ServiceKind) -> None:
    """The mark is on fields of any type: texts, flags and choices."""
    fixed = {
        (service, field.name)
        for service in _services.names(kind)
        for field in fields_of(kind, service)
        if field.create_only and not field.required
    }
    assert {service for service, _ in fixed if service.endswith("data_lake")} == (
        {"managed_data_lake", "databricks_via_managed_data_lake"}
        if kind == "destination"
        else set()
    )
    assert (("facebook_ads", "timeframe_months") in fixed) is (kind == "source")
    assert {name for _, name in fixed} >= (
        {"timeframe_months", "data_region", "include_inherited_columns"}
        if kind == "source"
        else set()
    )
    if kind == "source":
        timeframe = _services.fields("facebook_ads")["timeframe_months"]
        assert timeframe.choices
        assert not timeframe.is_list


def test_secret_names_are_those_of_most_places() -> None:
    """A name is secret if at least half of its fields are."""
    score: Counter[str] = Counter()
    marked: set[str] = set()
    for kind in KINDS:
        for service in _services.names(kind):
            for part, members in (_services.parts(service, kind) or {}).items():
                for field in every_field(members):
                    # All of `auth` is secret by rule, not by a mark.
                    if field.type != "object" and part != "auth":
                        score[field.name] += 1 if field.secret else -1
                        marked |= {field.name} if field.secret else set()
    names = _services.secret_names()
    assert {"password", "client_secret", "pats", "api_key"} <= names
    assert not {"user", "host", "username", "client_id"} & names
    assert {name for name in marked if score[name] >= 0} - names <= {"oauth_token"}


def test_import_does_not_read_the_table() -> None:
    """Importing the package and opening a session do not read the table."""
    program = (
        "import sys, fivetran_async\n"
        "fivetran_async.AsyncFivetran\n"
        "assert not any(name.startswith('fivetran_async._services') for name in sys.modules)\n"
        "from fivetran_async import _services\n"
        "from fivetran_async._services import _table\n"
        "assert _table._table.cache_info().currsize == 0\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_lookups_are_cheap() -> None:
    """The first lookup reads the file, later ones parse one row, repeated ones use the cache."""
    _table.cache_clear()
    _services.parts.cache_clear()
    # The time of this process, not of the others on a busy machine.
    began = time.process_time()
    _services.parts("postgres")
    first = time.process_time() - began
    began = time.process_time()
    for _ in range(1000):
        _services.parts("postgres")
    assert first < 0.1
    assert time.process_time() - began < 0.1
    assert _services.parts.cache_info().currsize == 1
