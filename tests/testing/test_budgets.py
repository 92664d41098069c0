"""The rate limits of the trial and the paid plan."""

from __future__ import annotations

import pytest

from fivetran_async.testing import Budget, FakeFivetran
from testing.wire import Api


async def test_no_limits_by_default(api: Api) -> None:
    """Without a plan there are no limits and no headers about them."""
    assert "X-Rate-Limit" not in (await api.get("/v1/users")).headers


async def test_headers_have_the_remaining_requests(api: Api, fake: FakeFivetran) -> None:
    """Every response has the hourly limit and the remaining requests."""
    fake.rate_limit("paid")
    await api.get("/v1/users")
    headers = (await api.get("/v1/users")).headers
    assert headers["X-Rate-Limit"] == "20000"
    assert headers["X-Rate-Limit-Remaining"] == "19998"


async def test_hourly_budget_is_a_rolling_window(api: Api, fake: FakeFivetran) -> None:
    """A request over the limit gives 429, with the seconds until the oldest leaves the window."""
    fake.rate_limit("trial", hourly=2)
    await api.get("/v1/users")
    fake.advance(600)
    await api.get("/v1/users")
    refused = await api.get("/v1/users")
    assert (refused.status, refused.json["code"]) == (429, "TooManyRequests")
    assert refused.json["message"].startswith("Max 2 api calls allowed in one-hour")
    assert refused.headers["Retry-After"] == "3000"
    assert refused.headers["X-Rate-Limit-Remaining"] == "0"
    fake.advance(3000)
    assert (await api.get("/v1/users")).status == 200
    assert (await api.get("/v1/users")).status == 429


async def test_setup_tests_have_their_own_budget(api: Api, fake: FakeFivetran) -> None:
    """Updates count as setup tests unless they disable them; other calls are not limited."""
    connection_id = fake.add_connection()
    fake.rate_limit(budgets=[Budget("setup_tests", 1, 3600)])
    path = f"/v1/connections/{connection_id}"
    assert (await api.patch(path, {"paused": True})).status == 200
    assert (await api.patch(path, {"paused": False})).status == 429
    assert fake.record("connections", connection_id)["paused"] is True
    assert (await api.patch(path, {"paused": False, "run_setup_tests": False})).status == 200
    assert (await api.post(f"{path}/test", {})).status == 429
    assert (await api.get(path)).status == 200


async def test_destinations_test_only_on_request(api: Api, fake: FakeFivetran) -> None:
    """For destinations, setup tests do not run by default."""
    group_id = fake.add_group()
    fake.add_destination(group_id=group_id)
    fake.rate_limit(budgets=[Budget("setup_tests", 1, 3600)])
    path = f"/v1/destinations/{group_id}"
    assert (await api.patch(path, {"region": "AWS_EU_WEST_1"})).status == 200
    assert (await api.patch(path, {"run_setup_tests": True})).status == 200
    assert (await api.patch(path, {"run_setup_tests": True})).status == 429


async def test_columns_and_reload_share_one_budget(api: Api, fake: FakeFivetran) -> None:
    """Both read from the source, and share a budget."""
    connection_id = fake.add_connection()
    fake.rate_limit(budgets=[Budget("source", 2, 60)])
    base = f"/v1/connections/{connection_id}/schemas"
    assert (await api.post(f"{base}/reload", {})).status == 200
    assert (await api.get(f"{base}/public/tables/orders/columns")).status == 200
    assert (await api.post(f"{base}/reload", {})).status == 429


@pytest.mark.parametrize(
    ("kind", "path", "body"),
    [
        (
            "user_creation",
            "/v1/users",
            {"email": "a{}@example.com", "given_name": "A", "family_name": "B"},
        ),
        (
            "private_links",
            "/v1/private-links",
            {"name": "l{}", "service": "SOURCE_AWS", "region": "AWS_US_EAST_1", "config": {}},
        ),
    ],
)
async def test_creation_budgets(
    api: Api, fake: FakeFivetran, kind: str, path: str, body: dict[str, object]
) -> None:
    """Inviting users and creating private links have separate budgets."""
    fake.rate_limit(budgets=[Budget(kind, 1, 3600)])
    first, second = (
        {k: v.format(n) if isinstance(v, str) else v for k, v in body.items()} for n in (1, 2)
    )
    assert (await api.post(path, first)).status == 201
    assert (await api.post(path, second)).status == 429
    assert (await api.get(path)).status == 200


async def test_invalid_requests_cost_only_the_overall_budget(api: Api, fake: FakeFivetran) -> None:
    """A request that is refused before it runs tests does not use their budget."""
    connection_id = fake.add_connection()
    fake.rate_limit(budgets=[Budget("all", 10, 3600), Budget("setup_tests", 1, 3600)])
    path = f"/v1/connections/{connection_id}"
    refused = await api.patch(path, {"no_such_field": 1})
    assert refused.status == 400
    assert refused.headers["X-Rate-Limit-Remaining"] == "9"
    assert (await api.patch(path, {"paused": True})).status == 200


async def test_limits_can_be_removed(api: Api, fake: FakeFivetran) -> None:
    """A call without arguments removes the limits."""
    fake.rate_limit(hourly=1)
    await api.get("/v1/users")
    assert (await api.get("/v1/users")).status == 429
    fake.rate_limit()
    assert (await api.get("/v1/users")).status == 200
