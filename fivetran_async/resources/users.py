"""`fivetran.users` - <https://fivetran.com/docs/rest-api/api-reference/users>."""

from datetime import datetime

from fivetran_async._http.operation import Arguments, operation
from fivetran_async._http.result import ActionResult
from fivetran_async._http.transport import Transport
from fivetran_async._model import Model, model
from fivetran_async._types import UNSET, Unset
from fivetran_async.errors import InvalidArgumentError
from fivetran_async.pagination import Pager
from fivetran_async.resources._choices import AccountRoleChoice, UserTypeChoice
from fivetran_async.resources._resource import Resource, require_confirmation
from fivetran_async.resources.memberships import Membership, Memberships
from fivetran_async.resources.user_api_keys import UserApiKey, UserApiKeys


@model
class User(Model):
    """
    A user of the account.

    Attributes:
        email: The e-mail address; None for service accounts.
        user_type: `REGULAR_USER` or `SERVICE_ACCOUNT`; None if the response lacks the field.
        has_api_key: True if the user has an API key, be it expired; None if the response lacks the
            field.
        role: The role in the account, or in the group if the user comes from `groups.users.list`.
        picture: The address of an image, or the image itself as a `data:` URI.
    """

    id: str
    email: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    verified: bool = False
    invited: bool | None = None
    active: bool | None = None
    role: str | None = None
    user_type: str | None = None
    has_api_key: bool | None = None
    phone: str | None = None
    picture: str | None = None
    logged_in_at: datetime | None = None
    created_at: datetime | None = None


def _how_to_find(arguments: Arguments) -> str:
    """Name the call that finds a user who may have been created."""
    email = arguments.get("email")
    if isinstance(email, str):
        return f"Look for {email!r} in users.list() before you retry."
    name = f"{arguments.get('given_name')} {arguments.get('family_name')}"
    return f"Look for {name!r} in users.list(user_type='SERVICE_ACCOUNT') before you retry."


_LIST = operation("users.list", "GET", "/v1/users")
_GET = operation("users.get", "GET", "/v1/users/{user_id}")
_CREATE = operation(
    "users.create",
    "POST",
    "/v1/users",
    budgets=("user_creation",),
    advice=_how_to_find,
)
_UPDATE = operation("users.update", "PATCH", "/v1/users/{user_id}")
_DELETE = operation("users.delete", "DELETE", "/v1/users/{user_id}")
_REMOVE_ACCOUNT_ROLE = operation("users.remove_account_role", "DELETE", "/v1/users/{user_id}/role")
_LIST_API_KEYS = operation("users.list_api_keys", "GET", "/v1/users/api-keys", preview=True)


class Users(Resource):
    """
    `fivetran.users`: manage users and their memberships.

    <https://fivetran.com/docs/rest-api/api-reference/users>
    """

    connections: Memberships[Membership, Membership]
    """The roles of users in single connections."""
    groups: Memberships[Membership, ActionResult]
    """The roles of users in groups; the API returns no data after an update."""
    api_keys: UserApiKeys
    """The API keys of service accounts."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.connections = Memberships(
            transport,
            "users.connections",
            "/v1/users/{user_id}/connections",
            "/{connection_id}",
            kind=Membership,
            updated=Membership,
        )
        self.groups = Memberships(
            transport,
            "users.groups",
            "/v1/users/{user_id}/groups",
            "/{group_id}",
            kind=Membership,
            updated=ActionResult,
        )
        self.api_keys = UserApiKeys(transport)

    def list(
        self,
        *,
        active: bool | None = None,
        user_type: UserTypeChoice | None = None,
        has_api_key: bool | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Pager[User]:
        """
        List the users of the account.

        GET /v1/users

        Args:
            active: True for active users only, False for inactive users only.
            user_type: `REGULAR_USER` or `SERVICE_ACCOUNT` for one kind only.
            has_api_key: True for users with an API key only, False for users without.
            limit: Users per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(
            _LIST,
            User,
            query={"active": active, "user_type": user_type, "has_api_key": has_api_key},
            limit=limit,
            cursor=cursor,
        )

    async def get(self, user_id: str) -> User:
        """
        Return one user.

        GET /v1/users/{user_id}

        Raises:
            NotFoundError: The user does not exist.
        """
        return await self._transport.call(_GET, User, user_id)

    async def create(
        self,
        *,
        given_name: str,
        family_name: str,
        email: str | Unset = UNSET,
        user_type: UserTypeChoice | Unset = UNSET,
        phone: str | Unset = UNSET,
        picture: str | Unset = UNSET,
        role: AccountRoleChoice | Unset = UNSET,
    ) -> User:
        """
        Invite a user to the account, or create a service account.

        POST /v1/users

        The API sends the invitation by e-mail. A service account exists at once, without one;
        service accounts cannot create others.

        Args:
            given_name: The first name.
            family_name: The last name.
            email: The e-mail address; required unless `user_type` is `SERVICE_ACCOUNT`.
            user_type: `REGULAR_USER`, the default, or `SERVICE_ACCOUNT`.
            phone: The phone number.
            picture: The address of an image, or the image itself as a `data:` URI.
            role: The role in the account; without it the user has only the roles of memberships.

        Raises:
            InvalidArgumentError: A regular user needs an e-mail address; no request was sent.
            ConflictError: The account already has a user with this address.
            AmbiguousOutcomeError: The invitation may have been sent; list the users to check.
        """
        if email is UNSET and (user_type is UNSET or user_type.upper() == "REGULAR_USER"):
            raise InvalidArgumentError(
                "email is required, except with user_type='SERVICE_ACCOUNT'."
            )
        return await self._transport.call(
            _CREATE,
            User,
            body={
                "email": email,
                "user_type": user_type,
                "given_name": given_name,
                "family_name": family_name,
                "phone": phone,
                "picture": picture,
                "role": role,
            },
        )

    async def update(
        self,
        user_id: str,
        *,
        given_name: str | Unset = UNSET,
        family_name: str | Unset = UNSET,
        phone: str | Unset | None = UNSET,
        picture: str | Unset | None = UNSET,
        role: AccountRoleChoice | Unset = UNSET,
    ) -> User:
        """
        Update a user; fields that are not given keep their values.

        PATCH /v1/users/{user_id}

        Args:
            user_id: The user.
            given_name: The first name.
            family_name: The last name.
            phone: The phone number; None removes it.
            picture: The address of an image, or the image as a `data:` URI; None removes it.
            role: The role in the account; users cannot change their own role.
        """
        return await self._transport.call(
            _UPDATE,
            User,
            user_id,
            body={
                "given_name": given_name,
                "family_name": family_name,
                "phone": phone,
                "picture": picture,
                "role": role,
            },
        )

    async def delete(self, user_id: str, *, confirm: bool = False) -> ActionResult:
        """
        Delete a user; the last owner of the account cannot be deleted.

        DELETE /v1/users/{user_id}

        Args:
            user_id: The user.
            confirm: Must be True, or the call is refused.

        Raises:
            ConfirmationRequiredError: `confirm` is not True; no request was sent.
        """
        require_confirmation(confirm, "users.delete", "permanently deletes the user")
        return await self._transport.call(_DELETE, ActionResult, user_id)

    async def remove_account_role(self, user_id: str) -> ActionResult:
        """
        Remove the account role of a user; the user and the memberships stay.

        DELETE /v1/users/{user_id}/role
        """
        return await self._transport.call(_REMOVE_ACCOUNT_ROLE, ActionResult, user_id)

    def list_api_keys(
        self,
        *,
        user_type: UserTypeChoice | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Pager[UserApiKey]:
        """
        List the API keys of all users, without their secrets; a private preview.

        GET /v1/users/api-keys

        Args:
            user_type: `REGULAR_USER` or `SERVICE_ACCOUNT` for the keys of these users only.
            limit: Keys per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.

        Raises:
            OperationUnavailableError: The account is not in the preview.
        """
        return self._transport.pager(
            _LIST_API_KEYS,
            UserApiKey,
            query={"user_type": user_type},
            limit=limit,
            cursor=cursor,
        )
