from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fivetran_async import NotFoundError, ResponseFormatError
from fivetran_async.testing import FakeFivetran
from support.faults import Fault, FaultServer, reply
from support.sessions import session_at, success

POSTGRES = {"id": "postgres", "name": "PostgreSQL", "type": "Database"}
STRIPE = {"id": "stripe", "name": "Stripe", "type": "Finance"}


async def test_a_type_has_the_schema_of_its_config() -> None:
    """The JSON schema of `config` is unchanged, and a date without a time is midnight."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        postgres = await fivetran.connector_types.get("postgres")
        names = {item.id async for item in fivetran.connector_types.list()}
        with pytest.raises(NotFoundError):
            await fivetran.connector_types.get("no_such_service")
    assert "postgres" in names
    assert postgres.config["required"] == ["schema_prefix"]
    assert postgres.service_status_updated_at == datetime(2023, 6, 1, tzinfo=UTC)
    assert "CAPTURE_DELETES" in {feature.id for feature in postgres.supported_features}


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(success({"items": [POSTGRES, STRIPE]}), id="items in an envelope"),
        pytest.param(success([POSTGRES, STRIPE]), id="list in an envelope"),
        pytest.param(reply(json=[POSTGRES, STRIPE]), id="bare list"),
        pytest.param(reply(json={"items": [POSTGRES, STRIPE]}), id="bare items"),
    ],
)
async def test_the_public_catalog_is_read_in_any_shape(answer: Fault) -> None:
    """A list and an object with `items` are decoded; no credentials are sent."""
    async with FaultServer(answer) as server, session_at(server.url) as fivetran:
        found = await fivetran.connector_types.list_public()
    assert [item.name for item in found] == ["PostgreSQL", "Stripe"]
    (request,) = server.requests
    assert request.target == "/public/connector-types"
    assert "authorization" not in request.headers


async def test_the_public_catalog_may_be_a_single_type() -> None:
    """The vendor documents a single type; an object without a type is an error."""
    script = (success(POSTGRES), success())
    async with FaultServer(*script) as server, session_at(server.url) as fivetran:
        assert [item.id for item in await fivetran.connector_types.list_public()] == ["postgres"]
        with pytest.raises(ResponseFormatError, match="ConnectorType"):
            await fivetran.connector_types.list_public()
