from __future__ import annotations

import pytest

from fivetran_async import InvalidRequestError
from fivetran_async.testing import FakeFivetran


async def test_the_older_approval_works_and_warns() -> None:
    """It approves the certificate, and the warning points at the line of the caller."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        connection_id = fake.add_connection()
        with pytest.warns(DeprecationWarning, match=r"connections\.certificates\.approve") as told:
            result = await fivetran.certificates.approve(
                hash="h", encoded_cert="TUlJQw==", connection_id=connection_id
            )
        assert fake.requests[-1].raw_path == "/v1/certificates"
        assert fake.requests[-1].body == {
            "hash": "h",
            "encoded_cert": "TUlJQw==",
            "connection_id": connection_id,
        }
        trusted = await fivetran.connections.certificates.list(connection_id).collect()
    assert result.message
    assert [warning.filename for warning in told] == [__file__]
    assert [certificate.hash for certificate in trusted] == ["h"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_an_approval_needs_an_owner() -> None:
    """The API, not the client, refuses an approval without a connection or destination."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        with pytest.raises(InvalidRequestError, match="connection_id"):
            await fivetran.certificates.approve(hash="h", encoded_cert="TUlJQw==")
