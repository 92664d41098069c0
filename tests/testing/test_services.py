"""What the fake reads from the table of services: names, config fields and secrets."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from importlib import resources
from typing import Any, Final, TypeAlias

import pytest

from fivetran_async import InvalidArgumentError, _services
from fivetran_async._services import KINDS, ServiceKind
from fivetran_async._services._table import _lines
from fivetran_async.testing import FakeFivetran
from services.samples import SECRET, leaf_at, nest, sample, secret_places
from testing.wire import Api

Record: TypeAlias = Callable[[str, object], None]

TITLE: Final = "the table of services"
PATHS: Final[dict[ServiceKind, str]] = {
    "source": "/v1/connections",
    "destination": "/v1/destinations",
    "log": "/v1/external-logging",
    "private_link": "/v1/private-links",
}


def marks() -> int:
    """Return the number of fields that the vendor's definition marks as passwords."""
    table = resources.files("fivetran_async._services").joinpath("table.tsv")
    return sum(map(_is_marked, table.read_text("utf-8").splitlines()))


def _is_marked(line: str) -> bool:
    # Name, type, choices.
    return line.startswith(" ") and "*" in "".join(line.split("\t")[1:2])


def marks_of_auth(service: str, kind: ServiceKind) -> int:
    """Return the number of marks in `auth`, which is secret and in no response."""
    found = 0
    part = ""
    for line in _lines(kind, service) or ():
        part = line.strip() if line[1] != " " else part
        found += part == "auth" and _is_marked(line)
    return found


def body(kind: ServiceKind, service: str, group_id: str, **parts: object) -> dict[str, object]:
    """Return the body that creates a service."""
    made: dict[str, object] = {"service": service, "run_setup_tests": False, **parts}
    if kind == "private_link":
        return {"service": service, "name": service, "region": "AWS_US_EAST_1", **parts}
    if kind == "destination":
        made |= {"region": "GCP_US_EAST4", "time_zone_offset": "0"}
    return made | {"group_id": group_id}


async def test_catalog_describes_every_source(api: Api) -> None:
    """Live metadata has the table's sources, each with the types of its fields."""
    listed = (await api.get("/v1/metadata/connector-types?limit=1000")).items
    assert [item["id"] for item in listed] == list(_services.names("source"))
    found = (await api.get("/v1/metadata/connector-types/connector_sdk")).data["config"]
    assert found["required"] == ["schema"]
    secrets_list = found["properties"]["secrets_list"]
    assert secrets_list["type"] == "array"
    assert secrets_list["items"]["properties"] == {
        "key": {"type": "string"},
        "value": {"type": "string", "format": "password"},
    }
    postgres = (await api.get("/v1/metadata/connector-types/postgres")).data["config"]["properties"]
    assert postgres["auth_method"]["type"] == "object"
    assert "PASSWORD" in postgres["auth_method"]["enum"]
    assert postgres["port"] == {"type": "integer"}
    assert "public_key" not in postgres


@pytest.mark.parametrize("kind", KINDS)
async def test_every_secret_of_every_service_is_masked(
    api: Api, fake: FakeFivetran, record_property: Record, kind: ServiceKind
) -> None:
    """No response contains a secret, even nested, in lists or in `auth`; other values are kept."""
    figures: Counter[str] = Counter(marked=marks() if kind == "source" else 0)
    for number, service in enumerate(_services.names(kind)):
        fields = _services.fields(service, kind)
        auth = _services.fields(service, kind, "auth")
        parts: dict[str, object] = {"config": sample(fields, "config", f"c{number}")}
        if auth:
            parts["auth"] = sample(auth, "auth")
        sent = body(kind, service, fake.add_group(name=f"g{number}"), **parts)
        created = await api.post(PATHS[kind], sent)
        assert created.status == 201, (service, created.json)
        assert SECRET not in json.dumps(created.json), service
        config: dict[str, object] = created.data["config"]
        assert config.keys() == fields.keys()
        values = [leaf_at(config, path) for path in secret_places(fields)]
        assert all(set(each) == {"******"} for each in values), service
        assert json.dumps(config).count("******") == sum(map(len, values))
        figures["masked"] += len(values) + marks_of_auth(service, kind)
    record_property(TITLE, dict(figures))


async def test_every_mask_is_refused_by_the_client(
    fake: FakeFivetran, record_property: Record
) -> None:
    """A mask is never sent back, whatever its place; the client makes no request."""
    figures: Counter[str] = Counter()
    async with fake.client() as fivetran:
        calls: dict[ServiceKind, Callable[..., Any]] = {
            "source": fivetran.connections.update,
            "destination": fivetran.destinations.update,
            "log": fivetran.log_services.update,
        }
        for kind, update in calls.items():
            for service in _services.names(kind):
                figures["refused"] += marks_of_auth(service, kind)
                for part, members in (_services.parts(service, kind) or {}).items():
                    for path in secret_places(members):
                        with pytest.raises(InvalidArgumentError, match=f"{path[-1].name}.*mask"):
                            await update("some_id", **{part: nest(path, "******")})
                        figures["refused"] += part == "config"
    assert figures["refused"] == marks()
    assert fake.requests == []
    record_property(TITLE, dict(figures))


@pytest.mark.parametrize(
    ("kind", "service", "message"),
    [
        (
            "source",
            "postgress",
            "Unsupported connector service 'postgress'; did you mean 'postgres'?",
        ),
        ("source", "snowflake", "Unsupported connector service 'snowflake'"),
        ("destination", "Snowflake", "Unsupported service 'Snowflake'; did you mean 'snowflake'?"),
        ("log", "cloud_watch", "Unsupported log service 'cloud_watch'; did you mean 'cloudwatch'?"),
        ("private_link", "AWS", "service must be one of DATABRICKS_AWS, "),
    ],
)
async def test_unknown_services_are_refused(
    api: Api, fake: FakeFivetran, kind: ServiceKind, service: str, message: str
) -> None:
    """Unknown services give 400 with a suggestion."""
    sent = body(kind, service, fake.add_group(), config={})
    response = await api.post(PATHS[kind], sent)
    assert (response.status, response.json["code"]) == (400, "InvalidInput")
    assert response.json["message"].startswith(message)


def test_unknown_services_are_refused_in_set_up_code(fake: FakeFivetran) -> None:
    """`add_connection` and `add_destination` raise an error, so that misspelt tests fail."""
    with pytest.raises(InvalidArgumentError, match="did you mean 'postgres'"):
        fake.add_connection(service="postgress")
    with pytest.raises(InvalidArgumentError, match="Unsupported service 'lake_of_2031'"):
        fake.add_destination(group_id=fake.add_group(), service="lake_of_2031")


async def test_unknown_services_can_be_accepted() -> None:
    """Tests of new services can accept them; their secrets are recognized by name."""
    fake = FakeFivetran(unknown_services="accept")
    fake.add_connection(service="service_of_2031")
    async with fake, fake.client() as fivetran:
        connection = await fivetran.connections.create(
            group_id=fake.add_group(name="other"),
            service="service_of_2031",
            config={"schema": "s", "api_key": "k", "deep": [{"new_token": "t", "host": "h"}]},
        )
    deep = [{"new_token": "******", "host": "h"}]
    assert connection.config == {"schema": "s", "api_key": "******", "deep": deep}


@pytest.mark.parametrize(
    ("kind", "service", "parts", "place"),
    [
        ("source", "postgres", {"config": {"schema_prefix": "p", "hots": "h"}}, "config.hots"),
        (
            "source",
            "connector_sdk",
            {"config": {"schema": "s", "secrets_list": [{"key": "a"}, {"keys": "b"}]}},
            "config.secrets_list[1].keys",
        ),
        (
            "source",
            "google_ads",
            {"config": {"schema": "s"}, "auth": {"client_access": {"clientid": "i"}}},
            "auth.client_access.clientid",
        ),
        ("destination", "snowflake", {"config": {"databse": "d"}}, "config.databse"),
        ("log", "splunkLog", {"config": {"tokn": "d"}}, "config.tokn"),
    ],
)
async def test_misspelt_config_fields_are_refused(
    api: Api,
    fake: FakeFivetran,
    *,
    kind: ServiceKind,
    service: str,
    parts: dict[str, object],
    place: str,
) -> None:
    """For creations and updates, the message names the place and the similar field."""
    group_id = fake.add_group()
    refused = await api.post(PATHS[kind], body(kind, service, group_id, **parts))
    assert refused.status == 400
    assert f"{place} is not a supported field; did you mean '" in refused.json["message"]
    naming = {
        field.name: "s" for field in _services.fields(service, kind).values() if field.required
    }
    made = await api.post(PATHS[kind], body(kind, service, group_id, config=naming))
    refused = await api.patch(f"{PATHS[kind]}/{made.data['id']}", parts)
    assert refused.status == 400
    assert place in refused.json["message"]


async def test_new_config_fields_pass(api: Api, fake: FakeFivetran) -> None:
    """A field that resembles no known field can be newer than the table."""
    config = {"schema_prefix": "p", "brand_new_toggle": True, "database": {"new": 1}}
    sent = body("source", "postgres", fake.add_group(), config=config)
    assert (await api.post("/v1/connections", sent)).status == 201


async def test_misspelt_config_fields_can_be_accepted() -> None:
    """With `unknown_fields="accept"`, misspelt config fields are ignored, too."""
    async with FakeFivetran(unknown_fields="accept") as fake, fake.client() as fivetran:
        connection = await fivetran.connections.create(
            group_id=fake.add_group(),
            service="postgres",
            config={"schema_prefix": "p", "hots": "h"},
        )
    assert connection.config["hots"] == "h"
