"""`fivetran.certificates` - <https://fivetran.com/docs/rest-api/api-reference/certificates>."""

import warnings

from fivetran_async._http.operation import operation
from fivetran_async._http.result import ActionResult
from fivetran_async._types import UNSET, Unset
from fivetran_async.resources._resource import Resource

_APPROVE = operation("certificates.approve", "POST", "/v1/certificates", retry_class="set")


class Certificates(Resource):
    """
    `fivetran.certificates`: approve certificates; prefer `connections.certificates`.

    <https://fivetran.com/docs/rest-api/api-reference/certificates>
    """

    async def approve(
        self,
        *,
        hash: str,
        encoded_cert: str,
        connection_id: str | Unset = UNSET,
        destination_id: str | Unset = UNSET,
    ) -> ActionResult:
        """
        Approve a certificate; the response does not contain it.

        POST /v1/certificates

        Deprecated by the vendor; use `connections.certificates.approve` or
        `destinations.certificates.approve`.

        Args:
            hash: The hash of the certificate.
            encoded_cert: The certificate as base64.
            connection_id: The connection that trusts it, or
            destination_id: the destination that trusts it.
        """
        warnings.warn(
            "certificates.approve is deprecated by Fivetran: use connections.certificates.approve "
            "or destinations.certificates.approve.",
            DeprecationWarning,
            stacklevel=2,
        )
        return await self._transport.call(
            _APPROVE,
            ActionResult,
            body={
                "hash": hash,
                "encoded_cert": encoded_cert,
                "connection_id": connection_id,
                "destination_id": destination_id,
            },
        )
