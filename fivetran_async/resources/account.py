"""`fivetran.account` - <https://fivetran.com/docs/rest-api/api-reference/account>."""

from fivetran_async._http.operation import operation
from fivetran_async._model import Model, model
from fivetran_async.resources._resource import Resource


@model
class AccountInfo(Model):
    """
    Whose API key this is.

    Attributes:
        user_id: The user that a scoped key belongs to.
        system_key_id: The id of a system key.
    """

    account_id: str
    account_name: str | None = None
    user_id: str | None = None
    system_key_id: str | None = None


_GET_INFO = operation("account.get_info", "GET", "/v1/account/info")


class Account(Resource):
    """
    `fivetran.account`: the account itself.

    <https://fivetran.com/docs/rest-api/api-reference/account>
    """

    async def get_info(self) -> AccountInfo:
        """
        Tell which account the API key belongs to: the cheapest check that credentials work.

        GET /v1/account/info

        Raises:
            AuthenticationError: The key or its secret is wrong.
        """
        return await self._transport.call(_GET_INFO, AccountInfo)
