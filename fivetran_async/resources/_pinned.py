"""A transport of a session for one account: it checks the account before the first change."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

import attrs

from fivetran_async._http.body import Sink
from fivetran_async._http.operation import Operation
from fivetran_async._http.request import Query
from fivetran_async._http.result import Reader
from fivetran_async._http.retry import Run
from fivetran_async._http.session import Core
from fivetran_async._http.shared_work import SharedWork
from fivetran_async._http.transport import Transport
from fivetran_async._types import UNSET, Unset
from fivetran_async.errors import WrongAccountError
from fivetran_async.options import Options
from fivetran_async.resources.account import Account

if TYPE_CHECKING:
    from fivetran_async._http.ahead import OnBody

T = TypeVar("T")


@attrs.define(eq=False)
class AccountPin:
    """
    The account that changes are meant for, shared by the views of a session.

    Attributes:
        account_id: Its id.
        origin: Where the id comes from, for the message.
    """

    account_id: str
    origin: str
    _is_checked: bool = False
    _checks: SharedWork[None] = attrs.field(factory=SharedWork[None])

    async def check(self, transport: Transport) -> None:
        """
        Ask for the account of the API key, once; changes with the same options share an error.

        Raises:
            WrongAccountError: The key belongs to another account; nothing was changed.
        """
        if not self._is_checked:
            work = functools.partial(self._compare, transport)
            await self._checks.do(transport.core, self.account_id, transport.options, work)

    async def _compare(self, transport: Transport) -> None:
        if self._is_checked:
            return
        found = await Account(transport).get_info()
        if found.account_id != self.account_id:
            raise WrongAccountError(
                f"The API key belongs to the account {found.account_id!r}, but {self.origin} "
                f"pins {self.account_id!r}. Nothing was changed: check the key, or correct "
                "account_id."
            )
        self._is_checked = True


class PinnedTransport(Transport):
    """Sends no change before it is certain that the API key belongs to the pinned account."""

    __slots__ = ("_pin",)

    def __init__(self, core: Core, options: Options, pin: AccountPin) -> None:
        super().__init__(core, options)
        self._pin = pin

    def with_options(self, options: Options, *, within: Run | None = None) -> Transport:
        """Return a transport with other options; a part of a call was checked with the call."""
        if within is not None:
            return Transport(self.core, options, within=within)
        return PinnedTransport(self.core, options, self._pin)

    async def call(
        self,
        operation: Operation,
        result: type[T] | Reader[T],
        *segments: str,
        query: Query | None = None,
        body: Mapping[str, object] | Unset = UNSET,
        content: tuple[bytes, str] | None = None,
        sink: Sink | None = None,
        at: str | None = None,
        on_body: OnBody | None = None,
    ) -> T:
        """Perform an operation as `Transport` does, after the check if it is a change."""
        if operation.verb != "GET" and not self.core.read_only:
            await self._pin.check(Transport(self.core, self.options))
        return await super().call(
            operation,
            result,
            *segments,
            query=query,
            body=body,
            content=content,
            sink=sink,
            at=at,
            on_body=on_body,
        )
