from __future__ import annotations

from fivetran_async.testing import FakeFivetran


async def test_removing_the_account_role_does_not_delete_the_team() -> None:
    """The call removes only the role, although the vendor's summary is "delete team"."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        teams = fivetran.teams
        team = await teams.create(name="Data", role="Account Analyst")
        await teams.remove_account_role(team.id)
        assert (fake.requests[-1].verb, fake.requests[-1].raw_path) == (
            "DELETE",
            f"/v1/teams/{team.id}/role",
        )
        assert (await teams.get(team.id)).role is None


async def test_a_team_is_updated_field_by_field() -> None:
    """Only the fields given are sent."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        teams = fivetran.teams
        team = await teams.create(name="Data", role="Account Analyst", description="Old")
        changed = await teams.update(team.id, description="New")
        assert fake.requests[-1].body == {"description": "New"}
        await teams.delete(team.id)
        assert await teams.list().collect() == []
    assert (changed.name, changed.description) == ("Data", "New")
