from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import attrs
import pytest

from fivetran_async.client import AsyncFivetran
from fivetran_async.errors import InvalidArgumentError, NotFoundError
from fivetran_async.resources.memberships import Membership, Memberships, TeamMembership
from fivetran_async.testing import FakeFivetran

AnyMemberships: TypeAlias = Memberships[Any, Any]


@pytest.fixture
async def fake() -> AsyncIterator[FakeFivetran]:
    """An account with one user, team, group and connection."""
    async with FakeFivetran(running=False) as fake:
        fake.add("users", id="u1", email="a@example.com", given_name="A", family_name="B")
        fake.add("teams", id="t1", name="Data", role="Account Analyst")
        fake.add_group(id="g1")
        fake.add_connection(group_id="g1", id="c1")
        yield fake


@pytest.fixture
async def fivetran(fake: FakeFivetran) -> AsyncIterator[AsyncFivetran]:
    """A session with it."""
    async with fake.client() as fivetran:
        yield fivetran


def _of(fivetran: AsyncFivetran, name: str) -> AnyMemberships:
    family, _, kind = name.partition(".")
    memberships: AnyMemberships = getattr(getattr(fivetran, family), kind)
    return memberships


@attrs.frozen
class Kind:
    """One of the five kinds of memberships, with an owner and a member of the account."""

    name: str
    owner_id: str
    member_id: str
    key: str
    path: str

    def __str__(self) -> str:
        return self.name


KINDS = (
    Kind("teams.connections", "t1", "c1", "id", "/v1/teams/t1/connections"),
    Kind("teams.groups", "t1", "g1", "id", "/v1/teams/t1/groups"),
    Kind("teams.users", "t1", "u1", "user_id", "/v1/teams/t1/users"),
    Kind("users.connections", "u1", "c1", "id", "/v1/users/u1/connections"),
    Kind("users.groups", "u1", "g1", "id", "/v1/users/u1/groups"),
)


@pytest.mark.parametrize("kind", KINDS, ids=str)
async def test_a_membership_lives_from_add_to_remove(
    fake: FakeFivetran, fivetran: AsyncFivetran, kind: Kind
) -> None:
    """Each kind is added, read, listed, updated and removed at its own paths, with its own key."""
    memberships = _of(fivetran, kind.name)
    both = kind.owner_id, kind.member_id

    added = await memberships.add(*both, role="Some Role")
    assert getattr(added, kind.key) == kind.member_id
    assert added.created_at is not None
    assert await memberships.get(*both) == added
    assert await memberships.list(kind.owner_id, limit=5).collect() == [added]
    await memberships.update(*both, role="Other Role")
    assert (await memberships.get(*both)).role == "Other Role"
    await memberships.remove(*both)
    with pytest.raises(NotFoundError):
        await memberships.get(*both)

    one = f"{kind.path}/{kind.member_id}"
    assert [(request.verb, request.raw_path, request.body) for request in fake.requests] == [
        ("POST", kind.path, {kind.key: kind.member_id, "role": "Some Role"}),
        ("GET", one, None),
        ("GET", f"{kind.path}?limit=5", None),
        ("PATCH", one, {"role": "Other Role"}),
        ("GET", one, None),
        ("DELETE", one, None),
        ("GET", one, None),
    ]


async def test_users_groups_update_returns_no_membership(fivetran: AsyncFivetran) -> None:
    """The response to this update has no data, so the result is its message."""
    groups = fivetran.users.groups
    added = await groups.add("u1", "g1", role="Destination Reviewer")
    assert isinstance(added, Membership)
    updated = await groups.update("u1", "g1", role="Destination Administrator")
    assert updated.code == "Success"


async def test_a_team_user_needs_no_role(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Without a role only the user is sent, and the server chooses the role."""
    added = await fivetran.teams.users.add("t1", "u1")
    assert isinstance(added, TeamMembership)
    assert added.role == "Team Member"
    assert fake.requests[-1].body == {"user_id": "u1"}


async def test_team_users_can_be_filtered_by_activity(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """The filter `active` is sent as `true` or `false`."""
    await fivetran.teams.users.list("t1", active=False).page()
    assert fake.requests[-1].query == (("active", "false"),)


@pytest.mark.parametrize(
    ("owner_id", "member_id", "named"),
    [("", "g1", "team_id"), ("t1", "", "group_id"), ("t1", "..", "group_id")],
)
async def test_ids_that_name_another_path_are_refused(
    fake: FakeFivetran, fivetran: AsyncFivetran, owner_id: str, member_id: str, named: str
) -> None:
    """No request is sent, and the error names the id."""
    groups = fivetran.teams.groups
    with pytest.raises(InvalidArgumentError, match=named):
        await groups.remove(owner_id, member_id)
    assert fake.requests == []


async def test_add_needs_a_role(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A role of another type is refused before any request; the error names the argument."""
    wrong: dict[str, Any] = {"role": None}
    with pytest.raises(InvalidArgumentError, match="role must be a str, not None"):
        await fivetran.teams.groups.add("t1", "g1", **wrong)
    assert fake.requests == []
