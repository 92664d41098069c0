"""
Certificates and fingerprints that connections and destinations trust.

<https://fivetran.com/docs/rest-api/api-reference/certificates>. Connections and destinations have
the same operations under different paths.
"""

import functools
from datetime import datetime
from typing import TYPE_CHECKING, Generic, TypeVar

import attrs

from fivetran_async._http.operation import Arguments, Operation, operation
from fivetran_async._http.result import ActionResult
from fivetran_async._http.transport import Transport
from fivetran_async._model import Model, model
from fivetran_async.pagination import Pager
from fivetran_async.resources._resource import Resource

if TYPE_CHECKING:
    from typing import LiteralString


@model
class Certificate(Model):
    """
    An approved TLS certificate.

    Attributes:
        hash: The hash that identifies it, as base64.
        id: The hash as base64url.
        validated_by: The user who approved it.
    """

    hash: str
    id: str = ""
    name: str = ""
    type: str = ""
    public_key: str = ""
    sha1: str = ""
    sha256: str = ""
    validated_by: str = ""
    validated_date: datetime | None = None


@model
class Fingerprint(Model):
    """
    The approved key of an SSH host.

    Attributes:
        hash: The hash that identifies it, as base64.
        id: The hash as base64url.
        validated_by: The user who approved it.
    """

    hash: str
    id: str = ""
    public_key: str = ""
    validated_by: str = ""
    validated_date: datetime | None = None


TrustedT = TypeVar("TrustedT", Certificate, Fingerprint)


@attrs.frozen(eq=False)
class _TrustOperations:
    """The operations of one collection."""

    list: Operation
    get: Operation
    approve: Operation
    revoke: Operation


def _approved(arguments: Arguments) -> Arguments:
    """Return what an approval sent, in the form of the response."""
    return {name: arguments[name] for name in ("hash", "public_key") if name in arguments}


@functools.cache
def _operations_of(name: str, collection: "LiteralString") -> _TrustOperations:
    one = collection + "/{hash}"
    get = operation(f"{name}.get", "GET", one)
    return _TrustOperations(
        list=operation(f"{name}.list", "GET", collection),
        get=get,
        approve=operation(
            f"{name}.approve",
            "POST",
            collection,
            retry_class="set",
            shown_by=get,
            built=_approved,
        ),
        revoke=operation(f"{name}.revoke", "DELETE", one),
    )


class TrustedKeys(Resource, Generic[TrustedT]):
    """List, look up and revoke certificates or fingerprints."""

    def __init__(
        self, transport: Transport, name: str, collection: "LiteralString", kind: type[TrustedT]
    ) -> None:
        """Set the name and the path of the collection; the path has a slot for the owner's id."""
        super().__init__(transport)
        self._kind: type[TrustedT] = kind
        self._operations = _operations_of(name, collection)

    def list(
        self, owner_id: str, /, *, limit: int | None = None, cursor: str | None = None
    ) -> Pager[TrustedT]:
        """
        List approved certificates or fingerprints.

        GET .../certificates, GET .../fingerprints

        Args:
            owner_id: The connection or destination.
            limit: Items per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(
            self._operations.list, self._kind, owner_id, limit=limit, cursor=cursor
        )

    async def get(self, owner_id: str, hash: str, /) -> TrustedT:
        """
        Return one approved certificate or fingerprint by its hash.

        GET .../certificates/{hash}, GET .../fingerprints/{hash}
        """
        return await self._transport.call(self._operations.get, self._kind, owner_id, hash)

    async def revoke(self, owner_id: str, hash: str, /) -> ActionResult:
        """
        Revoke an approval.

        DELETE .../certificates/{hash}, DELETE .../fingerprints/{hash}
        """
        return await self._transport.call(self._operations.revoke, ActionResult, owner_id, hash)


class TrustedCertificates(TrustedKeys[Certificate]):
    """Manage the certificates that a connection or destination trusts."""

    def __init__(self, transport: Transport, family: str, owner: "LiteralString") -> None:
        """Set the family and the path of the owner, such as `/v1/connections/{connection_id}`."""
        super().__init__(transport, f"{family}.certificates", owner + "/certificates", Certificate)

    async def approve(self, owner_id: str, /, *, hash: str, encoded_cert: str) -> Certificate:
        """
        Approve a certificate; the failed setup test returns both values.

        POST .../certificates

        Args:
            owner_id: The connection or destination.
            hash: The hash of the certificate.
            encoded_cert: The certificate as base64.
        """
        return await self._transport.call(
            self._operations.approve,
            Certificate,
            owner_id,
            body={"hash": hash, "encoded_cert": encoded_cert},
        )


class TrustedFingerprints(TrustedKeys[Fingerprint]):
    """Manage the SSH fingerprints that a connection or destination trusts."""

    def __init__(self, transport: Transport, family: str, owner: "LiteralString") -> None:
        """Set the family and the path of the owner, such as `/v1/connections/{connection_id}`."""
        super().__init__(transport, f"{family}.fingerprints", owner + "/fingerprints", Fingerprint)

    async def approve(self, owner_id: str, /, *, hash: str, public_key: str) -> Fingerprint:
        """
        Approve the key of an SSH host; the failed setup test returns both values.

        POST .../fingerprints

        Args:
            owner_id: The connection or destination.
            hash: The hash of the key.
            public_key: The key.
        """
        return await self._transport.call(
            self._operations.approve,
            Fingerprint,
            owner_id,
            body={"hash": hash, "public_key": public_key},
        )
