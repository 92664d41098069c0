"""Misspelt words are refused with a suggestion; words that resemble no known word pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias, cast

import pytest

from fivetran_async.testing import Budget, FakeFivetran, Fault
from fivetran_async.testing._checks import similar
from fivetran_async.testing.families.webhooks import known_events
from fivetran_async.webhooks import EventName
from testing.wire import Api

ROLE = {"role": "Account Adminstrator"}


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("succeded", "succeeded"),
        ("Succeeded", "succeeded"),
        ("succeeded", None),
        ("Destination Admin", "Destination Administrator"),
        ("something else", None),
        ("", None),
    ],
)
def test_suggestions(word: str, found: str | None) -> None:
    """A few wrong letters and a missing end are slips, a different word is not."""
    assert similar(word, ("succeeded", "failed", "Destination Administrator")) == found


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("POST", "/v1/users", {"email": "a@b.c", "given_name": "A", "family_name": "B"} | ROLE),
        ("PATCH", "/v1/users/{user}", ROLE),
        ("POST", "/v1/teams", {"name": "t"} | ROLE),
        ("PATCH", "/v1/teams/{team}", ROLE),
        ("POST", "/v1/users/{user}/groups", {"id": "{group}"} | ROLE),
        ("POST", "/v1/teams/{team}/users", {"user_id": "{user}"} | ROLE),
        ("POST", "/v1/groups/{group}/users", {"email": "u@example.com"} | ROLE),
    ],
)
async def test_misspelt_roles_are_refused(
    api: Api, fake: FakeFivetran, verb: str, path: str, body: dict[str, str]
) -> None:
    """Every operation that takes a role refuses a misspelt one."""
    ids = {
        "group": fake.add_group(),
        "user": fake.add("users", email="u@example.com", given_name="U", family_name="V"),
        "team": fake.add("teams", name="team", role=None),
    }
    sent = {name: value.format(**ids) for name, value in body.items()}
    response = await api(verb, path.format(**ids), sent)
    assert (response.status, response.json["code"]) == (400, "InvalidInput")
    assert "did you mean 'Account Administrator'?" in response.json["message"]
    accepted = await api(verb, path.format(**ids), sent | {"role": "Account Reviewer"})
    assert accepted.status < 300, accepted.json


async def test_own_roles_are_known(api: Api, fake: FakeFivetran) -> None:
    """A role that the account has is listed and accepted, even if it resembles another."""
    body = {"name": "t", "role": "Account Reviewers"}
    assert (await api.post("/v1/teams", body)).status == 400
    fake.add("roles", name="Account Reviewers", scope=["ACCOUNT"])
    assert (await api.post("/v1/teams", body)).status == 201
    listed = {role["name"]: role["is_custom"] for role in (await api.get("/v1/roles")).items}
    assert (listed["Account Reviewers"], listed["Account Reviewer"]) == (True, False)
    assert (await api.post("/v1/teams", {"name": "u", "role": "Night Watch"})).status == 201


async def test_misspelt_events_are_refused(api: Api, fake: FakeFivetran) -> None:
    """Webhooks refuse misspelt events in every operation, and take new ones."""
    body = {"url": "https://example.com", "active": False}
    group_id = fake.add_group()
    for path in ("/v1/webhooks/account", f"/v1/webhooks/group/{group_id}"):
        response = await api.post(path, body | {"events": ["sync_start", "sync_ends"]})
        assert response.status == 400
        assert "did you mean 'sync_end'?" in response.json["message"]
        made = await api.post(path, body | {"events": ["sync_start", "lunch_break"]})
        assert made.status < 300
        webhook = f"/v1/webhooks/{made.data['id']}"
        assert (await api.patch(webhook, {"events": ["Sync-End"]})).status == 400
        assert (await api.post(f"{webhook}/test", {"event": "sync_strt"})).status == 400


def test_known_events_include_the_clients() -> None:
    """The fake knows every event that the client has a name for."""
    names = {name for word, name in vars(EventName).items() if not word.startswith("_")}
    fake = FakeFivetran()
    assert names <= known_events(fake._account)


Attempt: TypeAlias = Callable[[FakeFivetran], object]

ATTEMPTS: Final[tuple[tuple[Attempt, str], ...]] = (
    (lambda f: f.add_connection(pausd=True), "no field 'pausd'; did you mean 'paused'"),
    (lambda f: f.add_connection(color="red"), "no field 'color'"),
    (lambda f: f.add_connection(setup_state="brokn"), "did you mean 'broken'"),
    (lambda f: f.add_connection(sync_state="Paused"), "did you mean 'paused'"),
    (lambda f: f.add_connection(update_state="delay"), "did you mean 'delayed'"),
    (lambda f: f.add_connection(schedule_type="manuel"), "did you mean 'manual'"),
    (lambda f: f.add_connection(networking_method="direct"), "did you mean 'Directly'"),
    (lambda f: f.add("users", emial="a@example.com"), "did you mean 'email'"),
    (lambda f: f.change("groups", "x", nmae="a"), "did you mean 'name'"),
    (lambda f: f.plan_sync("x", "succeded"), "did you mean 'succeeded'"),
    (lambda f: f.plan_sync("x", "on_fire"), "outcome must be one of broken, canceled, "),
    (lambda f: f.plan_sync("x"), "the record 'x' was not found"),
    (lambda f: f.start_sync("x"), "the record 'x' was not found"),
    (lambda f: f.plan_setup_tests("x", [{"status": "FAIL"}]), "did you mean 'FAILED'"),
    (lambda f: f.fail("groups.gte", fault=Fault.hang()), "did you mean 'groups.get'"),
    (lambda f: f.fail("group.*", fault=Fault.hang()), "unknown operation 'group.*'"),
    (lambda f: f.fail(verb="get", fault=Fault.hang()), "did you mean 'GET'"),
    (lambda f: f.fail(probability=2, fault=Fault.hang()), "from 0 to 1, not 2"),
    (lambda f: f.requests_for("group.get"), "did you mean 'groups.get'"),
    (lambda f: f.rate_limit(cast("Any", "payed")), "did you mean 'paid'"),
    (lambda _: Budget("al", 1, 60), "did you mean 'all'"),
    (lambda _: Budget("all", -1, 60), "limit must be an int of 0 or more"),
    (lambda _: FakeFivetran(unknown_fields=cast("Any", "acept")), "did you mean 'accept'"),
)


@pytest.mark.parametrize(("attempt", "message"), ATTEMPTS)
def test_set_up_code_refuses_misspelt_words(attempt: Attempt, message: str) -> None:
    """Set-up code with a misspelt word raises an error, instead of a test that proves nothing."""
    with pytest.raises(ValueError, match=r"must|unknown|no field|was not found") as caught:
        attempt(FakeFivetran())
    assert message in str(caught.value)


async def test_new_words_pass() -> None:
    """States that resemble no known state can be added, and unknown fields on request."""
    fake = FakeFivetran(unknown_fields="accept")
    connection_id = fake.add_connection(sync_state="hibernating", field_of_2031=1)
    async with fake, fake.client() as fivetran:
        connection = await fivetran.connections.get(connection_id)
    assert connection.status is not None
    assert connection.status.sync_state == "hibernating"
