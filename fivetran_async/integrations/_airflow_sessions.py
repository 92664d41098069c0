"""Sessions by Airflow's connections: one for each in a triggerer, shared by all of its triggers."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import attrs

from fivetran_async._clock import finished, to_the_end
from fivetran_async.client import AsyncFivetran
from fivetran_async.errors import InvalidArgumentError, MissingCredentialsError


class AirflowConnection(Protocol):
    """What is read from a connection of Airflow."""

    @property
    def login(self) -> str | None:
        """The API key."""
        ...

    @property
    def password(self) -> str | None:
        """The API secret."""
        ...

    @property
    def extra_dejson(self) -> Mapping[str, object]:
        """The extra fields."""
        ...


def airflow_session(connection: AirflowConnection, conn_id: str) -> AsyncFivetran:
    """
    Make a session with the credentials of an Airflow connection.

    Raises:
        MissingCredentialsError: The connection has no login or no password.
        InvalidArgumentError: One of its fields cannot be used; the message names the connection.
    """
    api_key, api_secret = connection.login, connection.password
    if not api_key or not api_secret:
        lacks = "password" if api_key else "login"
        raise MissingCredentialsError(
            f"The Airflow connection {conn_id!r} has no {lacks}: its login must be the API key and "
            "its password the API secret."
        )
    base_url = connection.extra_dejson.get("base_url")
    if base_url is not None and not isinstance(base_url, str):
        raise InvalidArgumentError(
            f"The extra field base_url of the Airflow connection {conn_id!r} must be a string, "
            f"not {base_url!r}."
        )
    try:
        return AsyncFivetran(api_key, api_secret, base_url=base_url)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(
            f"The Airflow connection {conn_id!r} cannot be used: {error}"
        ) from None


@attrs.define(eq=False)
class _Shared:
    """A session that is open or being opened, and the number of its users."""

    opening: asyncio.Task[AsyncFivetran]
    users: int = 0


class SessionLease:
    """The use of a shared session by one trigger: `release` gives it back, once."""

    def __init__(
        self,
        fivetran: AsyncFivetran,
        *,
        leave: Callable[[], Awaitable[None]],
        retire: Callable[[], None],
    ) -> None:
        self.fivetran = fivetran
        self.retire = retire
        self._leave: Callable[[], Awaitable[None]] | None = leave

    async def release(self) -> None:
        """Give the session back; the last one to do so closes it."""
        leave, self._leave = self._leave, None
        if leave is not None:
            await leave()


class SharedSessions:
    """
    The owner of a process's sessions: by event loop, then by the id of the Airflow connection.

    The first user opens a session, the last one closes it.
    """

    def __init__(self) -> None:
        self._by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Shared]] = (
            weakref.WeakKeyDictionary()
        )

    async def acquire(
        self, conn_id: str, open: Callable[[], Awaitable[AsyncFivetran]]
    ) -> SessionLease:
        """
        Return the use of a session, which `open` makes if there is none on this event loop.

        Raises:
            FivetranError: It could not be opened; the next user tries once more.
        """
        by_id = self._by_loop.setdefault(asyncio.get_running_loop(), {})
        shared = by_id.get(conn_id)
        if shared is None:
            shared = by_id[conn_id] = _Shared(asyncio.create_task(_opened(open)))
        shared.users += 1

        def leave() -> Awaitable[None]:
            # To the end: a triggerer that stops must not leave sockets behind.
            return to_the_end(_leave(by_id, conn_id, shared))

        def retire() -> None:
            # The next user reads Airflow's connection once more.
            if by_id.get(conn_id) is shared:
                del by_id[conn_id]

        try:
            fivetran = await asyncio.shield(shared.opening)
        except BaseException:
            await leave()
            raise
        return SessionLease(fivetran, leave=leave, retire=retire)


async def _opened(open: Callable[[], Awaitable[AsyncFivetran]]) -> AsyncFivetran:
    return await open()


async def _leave(by_id: dict[str, _Shared], conn_id: str, shared: _Shared) -> None:
    shared.users -= 1
    failed = shared.opening.done() and not shared.opening.cancelled() and shared.opening.exception()
    if (not shared.users or failed) and by_id.get(conn_id) is shared:
        del by_id[conn_id]
    if shared.users or failed:
        return
    shared.opening.cancel()
    try:
        await finished(shared.opening)
    finally:
        # Also if this task is cancelled, as `asyncio.run` does to all tasks at its end.
        if not shared.opening.cancelled() and shared.opening.exception() is None:
            await shared.opening.result().aclose()


SESSIONS = SharedSessions()
"""Those of this process."""
