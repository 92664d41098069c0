from __future__ import annotations

from fivetran_async.resources.roles import Role
from fivetran_async.testing import FakeFivetran


async def test_a_role_is_identified_by_its_name() -> None:
    """Roles have no id: the name identifies them; a null replacement stays None."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        roles = await fivetran.roles.list(limit=3).collect()
        assert len({role.name for role in roles}) == len(roles) > 3
    reviewer = next(role for role in roles if role.name == "Destination Reviewer")
    assert reviewer == Role(
        name="Destination Reviewer", description="Sees one destination", scope=("DESTINATION",)
    )
