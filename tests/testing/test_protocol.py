"""What all operations share: routes, credentials, media types, envelopes, pages, bodies."""

from __future__ import annotations

import base64
import json

import aiohttp
import pytest

from fivetran_async import UsageError
from fivetran_async.testing import FakeFivetran
from testing.wire import Api


def encoded(cursor: str) -> str:
    """Write a cursor as the API does."""
    return base64.urlsafe_b64encode(cursor.encode()).decode().rstrip("=")


ABSURD = [
    pytest.param(encoded(f'{{"skip":{10**30}}}'), id="far"),
    pytest.param(encoded("[" * 4_000), id="deep"),
]
NOT_WHOLE = ["--5", "-", "5-", "", "5.0", "1e2", "%D9%A3", pytest.param("9" * 5_000, id="long")]


async def test_reads_have_no_message(api: Api, fake: FakeFivetran) -> None:
    """A read returns only code and data."""
    group_id = fake.add_group(name="warehouse")
    response = await api.get(f"/v1/groups/{group_id}")
    assert response.status == 200
    assert response.json.keys() == {"code", "data"}
    assert response.data["name"] == "warehouse"


async def test_writes_have_a_message(api: Api) -> None:
    """A creation returns 201 with code, message and data."""
    response = await api.post("/v1/groups", {"name": "warehouse"})
    assert response.status == 201
    assert response.json["code"] == "Success"
    assert response.json["message"]
    assert response.data["id"].count("_") == 1


async def test_some_creations_have_the_code_created(api: Api, fake: FakeFivetran) -> None:
    """The code of a created destination is `Created`, as in the vendor's examples."""
    group_id = fake.add_group()
    response = await api.post("/v1/destinations", {"group_id": group_id, "service": "snowflake"})
    assert (response.status, response.json["code"]) == (201, "Created")


async def test_deletes_have_no_data(api: Api, fake: FakeFivetran) -> None:
    """A deletion returns 200 with a message and no data."""
    response = await api.delete(f"/v1/groups/{fake.add_group()}")
    assert response.status == 200
    assert response.json.keys() == {"code", "message"}


@pytest.mark.parametrize(
    "header",
    [
        None,
        "Basic !!!",
        "Bearer abc",
        "Basic " + base64.b64encode(b"fake_key:wrong").decode(),
        "Basic " + base64.b64encode(b"fake_key").decode(),
    ],
)
async def test_wrong_credentials_are_401(api: Api, header: str | None) -> None:
    """Missing, malformed and wrong credentials are rejected."""
    headers = {} if header is None else {"Authorization": header}
    response = await api.get("/v1/groups", auth=False, headers=headers)
    assert (response.status, response.json["code"]) == (401, "AuthFailed")


async def test_public_catalog_needs_no_credentials(api: Api) -> None:
    """The public catalog requires no credentials."""
    response = await api.get("/public/connector-types", auth=False)
    assert response.status == 200
    assert response.items


@pytest.mark.parametrize("path", ["/v2/groups", "/v1/group", "/", "/v1/groups//x", "/v1"])
async def test_unknown_routes_are_not_found(api: Api, path: str) -> None:
    """An unknown route gives a 404 in the envelope, with the general code."""
    response = await api.get(path)
    assert response.status == 404
    assert response.json == {"code": "NotFound", "message": "HTTP 404 Not Found"}


async def test_wrong_method_is_405(api: Api) -> None:
    """A known path with an unknown verb gives a 405 that lists the allowed verbs."""
    response = await api("PUT", "/v1/groups", {})
    assert response.status == 405
    assert "GET, POST" in response.json["message"]


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("application/json; version=2", 200),
        ("*/*", 200),
        ("text/html, application/json;q=0.5", 200),
        ("text/html", 406),
        ("application/json;version=3", 406),
    ],
)
async def test_accept_must_allow_json(api: Api, accept: str, status: int) -> None:
    """A request must accept JSON in version 1 or 2."""
    assert (await api.get("/v1/groups", accept=accept)).status == status


async def test_bodies_must_be_json(api: Api) -> None:
    """A body with another media type gives 415, whatever it contains."""
    headers = {"Content-Type": "text/plain"}
    response = await api.post("/v1/groups", data=b'{"name": "x"}', headers=headers)
    assert response.status == 415


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'"x"', b"null", b'{"name": 5}', b'{"name": NaN}', b'{"nme": "x"}', b"{}"]
)
async def test_bad_bodies_are_400(api: Api, body: bytes) -> None:
    """Invalid JSON, other shapes, wrong types, unknown and missing fields give InvalidInput."""
    headers = {"Content-Type": "application/json"}
    response = await api.post("/v1/groups", data=body, headers=headers)
    assert (response.status, response.json["code"]) == (400, "InvalidInput")


async def test_unknown_fields_can_be_accepted() -> None:
    """With `unknown_fields="accept"`, unknown fields are ignored."""
    fake = FakeFivetran(unknown_fields="accept")
    async with fake, aiohttp.ClientSession() as session:
        response = await Api(fake, session).post("/v1/groups", {"name": "x", "colour": "red"})
    assert response.status == 201
    assert "colour" not in response.data


async def test_numbers_and_flags_can_be_texts(api: Api, fake: FakeFivetran) -> None:
    """Numbers and flags in a body can be texts, at any depth; the response has their values."""
    connection_id = fake.add_connection()
    sent = {"sync_frequency": "1440", "paused": "true", "run_setup_tests": "False"}
    changed = await api.patch(f"/v1/connections/{connection_id}", sent)
    assert (changed.data["sync_frequency"], changed.data["paused"]) == (1440, True)
    path = f"/v1/connections/{connection_id}/schemas"
    await api.post(f"{path}/reload", {})
    columns = {"name": {"hashed": "true"}}
    tables = {"orders": {"enabled": "false"}, "events": {"columns": columns}}
    changed = await api.patch(path, {"schemas": {"public": {"tables": tables}}})
    stored = changed.data["schemas"]["public"]["tables"]
    assert stored["orders"]["enabled"] is False
    assert stored["events"]["columns"]["name"]["hashed"] is True


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sync_frequency", "soon"),
        ("sync_frequency", "7"),
        ("sync_frequency", "360.5"),
        ("sync_frequency", ""),
        ("sync_frequency", "\u0663"),
        ("paused", "yes"),
        ("paused", 1),
        ("service", 5),
    ],
)
async def test_other_texts_are_refused(
    api: Api, fake: FakeFivetran, field: str, value: object
) -> None:
    """A text that is not a number, a flag or a choice is rejected, like a number as a text."""
    body = {"group_id": fake.add_group(), "service": "postgres", field: value}
    response = await api.post("/v1/connections", body)
    assert (response.status, response.json["code"]) == (400, "InvalidInput")
    assert field in response.json["message"]


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "+5", "ten", *NOT_WHOLE])
async def test_limit_must_be_1_to_1000(api: Api, limit: str) -> None:
    """A limit that is out of range or not a number is rejected."""
    response = await api.get(f"/v1/groups?limit={limit}")
    assert (response.status, response.json["code"]) == (400, "InvalidInput")


@pytest.mark.parametrize("cursor", ["garbage!", "e30", "bnVsbA", "eyJza2lwIjotMX0", *ABSURD])
async def test_cursor_must_be_valid(api: Api, cursor: str) -> None:
    """A cursor that no page returned is rejected."""
    response = await api.get(f"/v1/groups?cursor={cursor}")
    assert (response.status, response.json["code"]) == (400, "InvalidInput")


@pytest.mark.parametrize("duration", NOT_WHOLE)
async def test_whole_numbers_in_a_query_are_checked(
    api: Api, fake: FakeFivetran, duration: str
) -> None:
    """Text that only resembles a whole number gets a 400, never a 500."""
    connection_id = fake.add_connection()
    response = await api.get(f"/v1/connections/{connection_id}/sync-history?duration={duration}")
    assert (response.status, response.json["code"]) == (400, "InvalidInput")


async def test_pages_end_without_a_cursor(api: Api, fake: FakeFivetran) -> None:
    """Pages are contiguous, and the last one has no `next_cursor`."""
    ids = [fake.add_group(name=f"g{i}") for i in range(25)]
    seen: list[str] = []
    response = await api.get("/v1/groups?limit=10")
    seen += [item["id"] for item in response.items]
    while "next_cursor" in response.data:
        response = await api.get(f"/v1/groups?limit=10&cursor={response.data['next_cursor']}")
        seen += [item["id"] for item in response.items]
    assert seen == ids
    assert len(fake.requests) == 3


async def test_cursor_is_the_vendors_form(api: Api, fake: FakeFivetran) -> None:
    """A cursor is base64url of the number of records to skip, without padding."""
    for _ in range(3):
        fake.add_group()
    cursor = (await api.get("/v1/groups?limit=2")).data["next_cursor"]
    assert cursor == "eyJza2lwIjoyfQ"


async def test_page_holds_100_by_default(api: Api, fake: FakeFivetran) -> None:
    """By default a page has 100 items, and an exactly full last page ends the list."""
    for i in range(100):
        fake.add_group(name=f"g{i}")
    response = await api.get("/v1/groups")
    assert len(response.items) == 100
    assert "next_cursor" not in response.data
    fake.add_group()
    assert "next_cursor" in (await api.get("/v1/groups")).data


async def test_cursor_past_the_end_is_an_empty_page(api: Api, fake: FakeFivetran) -> None:
    """If records are deleted during paging, the page is empty and the last."""
    fake.add_group()
    response = await api.get("/v1/groups?cursor=eyJza2lwIjo1MH0")
    assert response.data == {"items": []}


async def test_unpaginated_lists_ignore_limit(api: Api, fake: FakeFivetran) -> None:
    """A list without pages ignores `limit`."""
    manager = fake.add("external_secrets_managers", name="v", type="HASHICORP_VAULT", config={})
    for _ in range(3):
        fake.add_connection(external_secrets_manager_id=manager)
    response = await api.get("/v1/external-secrets-managers-entities?limit=1")
    assert len(response.items) == 3
    assert "next_cursor" not in response.data


async def test_encoded_slash_stays_in_its_segment(api: Api, fake: FakeFivetran) -> None:
    """`%2F` is part of an id, not a separator, and is unchanged in the log."""
    response = await api.get("/v1/groups/a%2Fb%20%C3%A9")
    assert response.status == 404
    assert "'a/b é'" in response.json["message"]
    assert fake.requests[-1].raw_path == "/v1/groups/a%2Fb%20%C3%A9"
    assert fake.requests[-1].operation == "groups.get"


async def test_literal_segments_precede_ids(api: Api, fake: FakeFivetran) -> None:
    """`account` in a path is the account's log service, but a schema can be named `reload`."""
    await api.get("/v1/external-logging/account")
    assert fake.requests[-1].operation == "log_services.account.get"
    await api.patch("/v1/connections/x/schemas/reload", {})
    assert fake.requests[-1].operation == "connections.schemas.update_schema"


async def test_trailing_slash_is_accepted(api: Api) -> None:
    """The vendor serves `/v1/groups/` like `/v1/groups`."""
    assert (await api.get("/v1/groups/")).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v1/users?active=yes",
        "/v1/transformations?type=OTHER",
        "/v1/connections/x/sync-history?start_time=now",
    ],
)
async def test_query_values_are_checked(api: Api, path: str) -> None:
    """A value of the wrong type, or missing in its enum, is rejected."""
    assert (await api.get(path)).status == 400


async def test_log_has_every_request(api: Api, fake: FakeFivetran) -> None:
    """The log has verb, path, query, headers, body, operation and the status of the response."""
    await api.post("/v1/groups?x=1&x=2", {"name": "w"}, headers={"User-Agent": "mine"})
    request = fake.requests[0]
    assert (request.verb, request.path, request.status) == ("POST", "/v1/groups", 201)
    assert request.query == (("x", "1"), ("x", "2"))
    assert request.headers["user-agent"] == "mine"
    assert request.body == {"name": "w"}
    assert json.loads(request.body_bytes) == {"name": "w"}
    assert fake.requests_for("groups.create") == [request]


async def test_url_needs_a_running_server() -> None:
    """Reading the URL too early raises an error with a hint; a stopped server can be restarted."""
    fake = FakeFivetran()
    with pytest.raises(UsageError, match="async with"):
        _ = fake.url
    await fake.start()
    await fake.start()
    assert fake.url.startswith("http://127.0.0.1:")
    await fake.stop()
    await fake.stop()
    async with fake:
        assert fake.url


async def test_log_keeps_bodies_that_are_not_json(api: Api, fake: FakeFivetran) -> None:
    """An unreadable body is None, and its bytes are kept."""
    await api.post("/v1/groups", data=b"{", headers={"Content-Type": "application/json"})
    assert (fake.requests[-1].body, fake.requests[-1].body_bytes) == (None, b"{")


async def test_legacy_paths_can_be_switched_off() -> None:
    """The older paths are routes to the same operations, unless they are disabled."""
    async with FakeFivetran() as old, aiohttp.ClientSession() as session:
        connection_id, group_id = old.add_connection(), old.add_group()
        paths = ["connectors", f"connectors/{connection_id}", f"groups/{group_id}/connectors"]
        paths.append("metadata/connectors")
        statuses = [(await Api(old, session).get(f"/v1/{path}")).status for path in paths]
        assert statuses == [200, 200, 200, 200]
        assert old.requests[1].operation == "connections.get"
        response = await Api(old, session).post(f"/v1/connectors/{connection_id}/force")
        assert (response.status, old.requests[-1].operation) == (200, "connections.sync")
    async with FakeFivetran(legacy_paths=False) as new, aiohttp.ClientSession() as session:
        assert (await Api(new, session).get("/v1/connectors")).status == 404
