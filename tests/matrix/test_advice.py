"""A create whose outcome nobody knows says where to look, and looking there finds it."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from fivetran_async import AmbiguousOutcomeError
from fivetran_async.testing import FakeFivetran, Fault


@pytest.mark.parametrize(
    ("config", "schema"),
    [
        ({"schema_prefix": "sales"}, "sales"),
        ({"schema": "sheets", "table": "plan"}, "sheets.plan"),
        ({"schema": "mail"}, "mail"),
        ({}, "postgres"),
    ],
    ids=str,
)
async def test_a_lost_create_can_be_found(config: Mapping[str, object], schema: str) -> None:
    """Without repeating the call, its advice leads to the connection that was made."""
    async with FakeFivetran() as fake:
        group_id = fake.add_group(name="warehouse")
        fake.fail("connections.create", fault=Fault.drop("after"))
        async with fake.client() as fivetran:
            with pytest.raises(AmbiguousOutcomeError) as caught:
                await fivetran.connections.create(
                    group_id=group_id, service="postgres", config=config, run_setup_tests=False
                )
            advised = re.search(r"group_id='(\w+)', schema='([\w.]+)'", str(caught.value))
            assert advised is not None
            assert advised.groups() == (group_id, schema)
            found = await fivetran.connections.find(group_id=advised[1], schema=advised[2])
            assert found is not None
        posts = [request for request in fake.requests if request.verb == "POST"]
        assert len(posts) == 1
