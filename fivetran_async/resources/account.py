"""`fivetran.account` - <https://fivetran.com/docs/rest-api/api-reference/account>."""

from fivetran_async._http.operation import operation
from fivetran_async._model import Model, model
from fivetran_async.resources._resource import Resource


@model
class AccountInfo(Model):
    """
    The account of an API key.

    Attributes:
        user_id: The user who owns the key, if it is a scoped key.
        system_key_id: The id of the key, if it is a system key.
    """

    account_id: str
    account_name: str | None = None
    user_id: str | None = None
    system_key_id: str | None = None


_GET_INFO = operation("account.get_info", "GET", "/v1/account/info")


class Account(Resource):
    """
    `fivetran.account`: information about the account.

    <https://fivetran.com/docs/rest-api/api-reference/account>
    """

    async def get_info(self) -> AccountInfo:
        """
        Return the account of the API key; the cheapest check that the credentials work.

        GET /v1/account/info

        Raises:
            AuthenticationError: The key or its secret is wrong.
        """
        return await self._transport.call(_GET_INFO, AccountInfo)
