from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fivetran_async import AsyncFivetran, InvalidArgumentError, NotFoundError
from fivetran_async.resources.trust import Certificate, Fingerprint
from fivetran_async.testing import FakeFivetran
from support.faults import Fault as WireFault
from support.faults import FaultServer, reply
from support.sessions import session_at, success

HASH = "q+/Zz1Yd0n8="
QUOTED = "q%2B%2FZz1Yd0n8%3D"


@pytest.fixture
async def fake() -> AsyncIterator[FakeFivetran]:
    """An account with a connection and a destination."""
    async with FakeFivetran(running=False) as fake:
        fake.add_group(id="g1")
        fake.add_destination(group_id="g1", id="d1")
        fake.add_connection(group_id="g1", id="c1")
        yield fake


@pytest.fixture
async def fivetran(fake: FakeFivetran) -> AsyncIterator[AsyncFivetran]:
    """A session with it."""
    async with fake.client() as fivetran:
        yield fivetran


async def test_what_is_approved_is_trusted_until_it_is_revoked(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """The path keeps all characters of a base64 hash, also slashes and signs."""
    certificates = fivetran.connections.certificates
    made = await certificates.approve("c1", hash=HASH, encoded_cert="TUlJQw==")
    assert fake.requests[-1].body == {"hash": HASH, "encoded_cert": "TUlJQw=="}
    assert isinstance(made, Certificate)
    assert made.validated_date is not None
    assert await certificates.list("c1").collect() == [made]
    assert await certificates.get("c1", HASH) == made
    assert fake.requests[-1].raw_path == f"/v1/connections/c1/certificates/{QUOTED}"
    await certificates.revoke("c1", HASH)
    assert fake.requests[-1].raw_path == f"/v1/connections/c1/certificates/{QUOTED}"
    with pytest.raises(NotFoundError):
        await certificates.get("c1", HASH)


async def test_connections_and_destinations_trust_separately(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A hash that a connection trusts can be unknown to a destination."""
    made = await fivetran.destinations.fingerprints.approve(
        "d1", hash=HASH, public_key="ssh-rsa AAAA"
    )
    assert fake.requests[-1].raw_path == "/v1/destinations/d1/fingerprints"
    assert fake.requests[-1].body == {"hash": HASH, "public_key": "ssh-rsa AAAA"}
    assert isinstance(made, Fingerprint)
    assert await fivetran.destinations.fingerprints.list("d1").collect() == [made]
    assert await fivetran.connections.fingerprints.list("c1").collect() == []
    assert await fivetran.destinations.certificates.list("d1").collect() == []


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(reply(200, body=b""), id="no body"),
        pytest.param(reply(204, body=b""), id="no content"),
        pytest.param(reply(201, {}), id="empty object"),
        pytest.param(success(message="Approved"), id="message"),
        pytest.param(reply(201, {"hash": HASH, "public_key": "ssh-rsa AAAA"}), id="bare"),
        pytest.param(success({"hash": HASH, "public_key": "ssh-rsa AAAA"}), id="enveloped"),
    ],
)
async def test_every_response_to_an_approval_returns_the_approved_object(answer: WireFault) -> None:
    """All documented response forms are decoded; after an empty one the approval is read."""
    async with (
        FaultServer(answer, success({"hash": HASH, "public_key": "ssh-rsa AAAA"})) as server,
        session_at(server.url) as fivetran,
    ):
        made = await fivetran.connections.fingerprints.approve(
            "c1", hash=HASH, public_key="ssh-rsa AAAA"
        )
    assert made == Fingerprint(hash=HASH, public_key="ssh-rsa AAAA")


async def test_approval_that_cannot_be_read_repeats_what_was_sent() -> None:
    """The result of a confirmed approval without a readable response has its hash and key."""
    answers = success({"odd": 1}), success({"odd": 1}), success({"odd": 1})
    async with FaultServer(*answers) as server, session_at(server.url) as fivetran:
        made = await fivetran.connections.fingerprints.approve("c1", hash=HASH, public_key="key")
    assert made == Fingerprint(hash=HASH, public_key="key")
    assert [request.verb for request in server.requests] == ["POST", "GET"]


async def test_errors_name_the_owner() -> None:
    """Errors name the id of the owner as in the path, for both kinds of owners."""
    async with FaultServer() as server, session_at(server.url) as fivetran:
        with pytest.raises(InvalidArgumentError, match="connection_id"):
            await fivetran.connections.certificates.list("")
        with pytest.raises(InvalidArgumentError, match="destination_id"):
            await fivetran.destinations.certificates.get("..", HASH)
        with pytest.raises(InvalidArgumentError, match="hash"):
            await fivetran.destinations.certificates.revoke("d1", "")
    assert server.requests == []
