"""`fivetran.hvr` - <https://fivetran.com/docs/rest-api/api-reference/hvr-register-hub>."""

from fivetran_async._http.operation import operation
from fivetran_async._model import Model, field, model
from fivetran_async.resources._resource import Resource


@model
class HvrHubRegistration(Model):
    """
    A newly registered hub.

    Attributes:
        access_token: The token; the API returns it only once.
    """

    registration_id: str = ""
    access_token: str = field(default="", repr=False)


_REGISTER_HUB = operation("hvr.register_hub", "POST", "/v1/hvr/register-hub", retry_class="secret")


class Hvr(Resource):
    """
    `fivetran.hvr`: register hubs of HVR, the local data processing of Fivetran.

    <https://fivetran.com/docs/rest-api/api-reference/hvr-register-hub>
    """

    async def register_hub(
        self, *, hub_server_url: str, port: int, fingerprint: str
    ) -> HvrHubRegistration:
        """
        Register a hub; only this response contains its access token.

        POST /v1/hvr/register-hub

        Args:
            hub_server_url: The address of the hub server.
            port: The port of the installation.
            fingerprint: The fingerprint of the installation.

        Raises:
            InvalidRequestError: The installation is already registered.
            AmbiguousOutcomeError: The hub may have been registered and its token lost.
        """
        return await self._transport.call(
            _REGISTER_HUB,
            HvrHubRegistration,
            body={"hub_server_url": hub_server_url, "port": port, "fingerprint": fingerprint},
        )
