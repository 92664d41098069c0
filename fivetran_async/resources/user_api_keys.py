"""`fivetran.users.api_keys` - <https://fivetran.com/docs/rest-api/api-reference/users>."""

from datetime import datetime

from fivetran_async._http.operation import operation
from fivetran_async._http.result import ActionResult
from fivetran_async._model import Model, field, model
from fivetran_async._types import UNSET, Unset
from fivetran_async.resources._resource import Resource, require_confirmation


@model
class UserApiKey(Model):
    """
    The API key of a user, without its secret.

    Attributes:
        user_id: The user.
        user_type: `REGULAR_USER` or `SERVICE_ACCOUNT`.
        key_value: The API key.
        key_status: `ACTIVE`, `ACTIVE_GRACE` while the secret before the last rotation is valid too,
            or `EXPIRED`.
        expires_at: The time when the key expires.
        overlap_expires_at: The time when the secret before the last rotation expires; None unless
            both are valid.
        last_rotated_at: The time of the last rotation, if there was one.
    """

    user_id: str
    user_type: str = ""
    key_value: str = field(default="", repr=False)
    key_status: str = ""
    created_at: datetime | None = None
    expires_at: datetime | None = None
    overlap_expires_at: datetime | None = None
    last_rotated_at: datetime | None = None

    @property
    def is_expired(self) -> bool:
        """True if the key has expired."""
        return self.key_status.upper() == "EXPIRED"


@model
class UserApiKeyCredentials(Model):
    """
    A new API key or a new secret of one; keep it, because the API does not return it a second time.

    Attributes:
        key_value: The API key.
        key_secret: The API secret, the only copy. `repr`, logs, errors and responses of FastAPI
            omit it.
        key_status: `ACTIVE`, or `ACTIVE_GRACE` while the secret before the rotation is valid too.
        created_at: The time of the creation; None in the response to `rotate`.
        expires_at: The time when the key expires.
        overlap_expires_at: The time when the secret before the rotation expires, if it is valid.
        last_rotated_at: The time of the rotation.
    """

    key_value: str = field(default="", repr=False)
    key_secret: str = field(default="", repr=False)
    key_status: str = ""
    created_at: datetime | None = None
    expires_at: datetime | None = None
    overlap_expires_at: datetime | None = None
    last_rotated_at: datetime | None = None


_ADVICE = (
    "Its secret is lost: check users.api_keys.get({user_id!r}), and rotate or delete the key if "
    "there is one."
)

_GET = operation("users.api_keys.get", "GET", "/v1/users/{user_id}/api-keys", preview=True)
_CREATE = operation(
    "users.api_keys.create",
    "POST",
    "/v1/users/{user_id}/api-keys",
    retry_class="secret",
    preview=True,
    advice=f"A key may exist. {_ADVICE}",
)
_ROTATE = operation(
    "users.api_keys.rotate",
    "POST",
    "/v1/users/{user_id}/api-keys/rotate",
    retry_class="secret",
    preview=True,
    advice="The key may have a new secret, which is lost: compare last_rotated_at of "
    "users.api_keys.get({user_id!r}), and rotate it a second time.",
)
_DELETE = operation("users.api_keys.delete", "DELETE", "/v1/users/{user_id}/api-keys", preview=True)


class UserApiKeys(Resource):
    """
    `fivetran.users.api_keys`: manage the API keys of service accounts, a private preview.

    Only a person can create, rotate and delete keys: the API refuses calls with the key of a
    service account. `fivetran.users.list_api_keys` lists the keys of all users.

    <https://fivetran.com/docs/rest-api/api-reference/users>
    """

    async def get(self, user_id: str) -> UserApiKey:
        """
        Return the API key of a user, without its secret.

        GET /v1/users/{user_id}/api-keys

        Raises:
            NotFoundError: The user does not exist, or has no key.
            OperationUnavailableError: The account is not in the preview.
        """
        return await self._transport.call(_GET, UserApiKey, user_id)

    async def create(
        self, user_id: str, *, expiration_period_days: int | Unset = UNSET
    ) -> UserApiKeyCredentials:
        """
        Create the API key of a service account; only this response contains its secret.

        POST /v1/users/{user_id}/api-keys

        Args:
            user_id: The service account; it has one key at a time.
            expiration_period_days: Days until the key expires, at most 365; 90 by default.

        Raises:
            InvalidRequestError: The user has a key; rotate or delete it.
            NotFoundError: The user does not exist.
            OperationUnavailableError: The account is not in the preview.
            AmbiguousOutcomeError: A key may exist, and its secret is lost; rotate or delete it.
        """
        return await self._transport.call(
            _CREATE,
            UserApiKeyCredentials,
            user_id,
            body={"expiration_period_days": expiration_period_days},
        )

    async def rotate(
        self,
        user_id: str,
        *,
        expiration_period_days: int | Unset = UNSET,
        overlap_days: int | Unset = UNSET,
    ) -> UserApiKeyCredentials:
        """
        Replace the secret of a service account; only this response contains the new one.

        POST /v1/users/{user_id}/api-keys/rotate

        Args:
            user_id: The service account.
            expiration_period_days: Days until the key expires, at most 365; 90 by default.
            overlap_days: Days for which the old secret stays valid, at most 30.

        Raises:
            NotFoundError: The user does not exist, or has no key.
            OperationUnavailableError: The account is not in the preview.
            AmbiguousOutcomeError: The old secret may be invalid and the new one lost; call `rotate`
                a second time.
        """
        return await self._transport.call(
            _ROTATE,
            UserApiKeyCredentials,
            user_id,
            body={"expiration_period_days": expiration_period_days, "overlap_days": overlap_days},
        )

    async def delete(self, user_id: str, *, confirm: bool = False) -> ActionResult:
        """
        Delete all API keys of a user; clients that use them lose access immediately.

        DELETE /v1/users/{user_id}/api-keys

        Args:
            user_id: The user.
            confirm: Must be True, or the call is refused.

        Raises:
            ConfirmationRequiredError: `confirm` is not True; no request was sent.
            NotFoundError: The user does not exist.
            OperationUnavailableError: The account is not in the preview.
        """
        require_confirmation(
            confirm, "users.api_keys.delete", "permanently deletes all API keys of the user"
        )
        return await self._transport.call(_DELETE, ActionResult, user_id)
