"""`fivetran.hvr` - <https://fivetran.com/docs/rest-api/api-reference/hvr-register-hub>."""

from fivetran_async._http.operation import operation
from fivetran_async._model import Model, field, model
from fivetran_async.resources._resource import Resource


@model
class HvrHubRegistration(Model):
    """
    A hub that was just registered.

    Attributes:
        access_token: Shown this once.
    """

    registration_id: str = ""
    access_token: str = field(default="", repr=False)


_REGISTER_HUB = operation("hvr.register_hub", "POST", "/v1/hvr/register-hub", retry_class="secret")


class Hvr(Resource):
    """
    `fivetran.hvr`: hubs of HVR, the local data processing of Fivetran.

    <https://fivetran.com/docs/rest-api/api-reference/hvr-register-hub>
    """

    async def register_hub(
        self, *, hub_server_url: str, port: int, fingerprint: str
    ) -> HvrHubRegistration:
        """
        Register a hub; the answer holds the only copy of its access token.

        POST /v1/hvr/register-hub

        Args:
            hub_server_url: The address of the hub server.
            port: The port of the installation.
            fingerprint: The fingerprint of the installation.

        Raises:
            InvalidRequestError: Such an installation is registered already.
            AmbiguousOutcomeError: The hub may be registered, and its token lost.
        """
        return await self._transport.call(
            _REGISTER_HUB,
            HvrHubRegistration,
            body={"hub_server_url": hub_server_url, "port": port, "fingerprint": fingerprint},
        )
