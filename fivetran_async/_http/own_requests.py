"""Requests by path: `AsyncFivetran.request`, `request_raw` and `paginate`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal, TypeVar, overload

from fivetran_async._arguments import check_own_request
from fivetran_async._http.operation import PLAIN, V2, Operation, RetryClass, operation_at
from fivetran_async._http.request import checked_path
from fivetran_async._http.result import READ_DATA, READ_RAW, RawResponse
from fivetran_async._types import UNSET, Unset
from fivetran_async.pagination import Pager

if TYPE_CHECKING:
    from fivetran_async._http.request import QueryValue
    from fivetran_async._http.transport import Transport
    from fivetran_async._types import Verb

T = TypeVar("T")

_ACCEPT: Final = {1: PLAIN, 2: V2}


class OwnRequests(ABC):
    """The methods of a session for operations that have no method of their own."""

    _transport: Transport

    @abstractmethod
    def _declare_operations(self, path: str) -> None:
        """Load the family of a path, if there is one: it declares its operations when loaded."""

    @overload
    async def request(
        self,
        verb: Verb,
        path: str,
        *,
        query: Mapping[str, QueryValue] | None = ...,
        body: Mapping[str, object] | Unset = ...,
        retry_class: RetryClass | None = ...,
        accept_version: Literal[1, 2] = ...,
    ) -> object: ...
    @overload
    async def request(
        self,
        verb: Verb,
        path: str,
        *,
        query: Mapping[str, QueryValue] | None = ...,
        body: Mapping[str, object] | Unset = ...,
        result: type[T],
        retry_class: RetryClass | None = ...,
        accept_version: Literal[1, 2] = ...,
    ) -> T: ...
    async def request(
        self,
        verb: Verb,
        path: str,
        *,
        query: Mapping[str, QueryValue] | None = None,
        body: Mapping[str, object] | Unset = UNSET,
        result: type[T] | None = None,
        retry_class: RetryClass | None = None,
        accept_version: Literal[1, 2] = 1,
    ) -> T | object:
        """
        Call an operation that has no method here, with retries, limits and errors as for others.

        Args:
            verb: The HTTP verb.
            path: Percent-encoded, from `/v1/`, `/v2/` or `/public/` on, without a query.
            query: Its query; None values are not sent.
            body: Its JSON body; UNSET values are not sent, None is null.
            result: The model of `data`; by default `data` is returned as plain JSON values.
            retry_class: What may be retried after a failure: `read`, `set`, `delete`, `trigger`,
                `dangerous` or `secret`. By default that of the operation at this path; for a path
                that has no method here `read` for GET, `set` for PATCH, `delete` for DELETE and
                `dangerous` for POST, which is retried only if it surely did not arrive.
            accept_version: 2 where the API renders `config` as typed values: connections and
                destinations.

        Raises:
            InvalidArgumentError: The path is not one; the message names the right one.
            ResultMissingError: The change was made, but its response has no data for `result`.
        """
        check_own_request(verb, query, body, retry_class, accept_version)
        at = checked_path(path)
        return await self._transport.call(
            self._operation_at(verb, at, retry_class, accept_version),
            READ_DATA if result is None else result,
            query=query,
            body=body,
            at=at,
        )

    async def request_raw(
        self,
        verb: Verb,
        path: str,
        *,
        query: Mapping[str, QueryValue] | None = None,
        body: Mapping[str, object] | Unset = UNSET,
        retry_class: RetryClass | None = None,
        accept_version: Literal[1, 2] = 1,
    ) -> RawResponse:
        """Like `request`, but with the status, the headers and the number of attempts."""
        check_own_request(verb, query, body, retry_class, accept_version)
        at = checked_path(path)
        return await self._transport.call(
            self._operation_at(verb, at, retry_class, accept_version),
            READ_RAW,
            query=query,
            body=body,
            at=at,
        )

    def paginate(
        self,
        path: str,
        *,
        item: type[T],
        query: Mapping[str, QueryValue] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        accept_version: Literal[1, 2] = 1,
    ) -> Pager[T]:
        """
        List the items of any path that returns pages.

        Args:
            path: Percent-encoded, from `/v1/` or `/v2/` on, without a query.
            item: The model of one item.
            query: Its query, without `limit` and `cursor`.
            limit: Items per page, 1 to 1000.
            cursor: Where to begin: the `next_cursor` of a page.
            accept_version: 2 where the API renders `config` as typed values.
        """
        check_own_request("GET", query, UNSET, None, accept_version)
        at = checked_path(path)
        return self._transport.pager(
            self._operation_at("GET", at, None, accept_version),
            item,
            query=query,
            limit=limit,
            cursor=cursor,
            at=at,
        )

    def _operation_at(
        self, verb: Verb, path: str, retry_class: RetryClass | None, accept_version: Literal[1, 2]
    ) -> Operation:
        """Return the operation at a path, so that it is retried as its method would be."""
        self._declare_operations(path)
        known = operation_at(verb, path) or Operation("request", verb, "")
        changes: dict[str, object] = {"accept": _ACCEPT[accept_version], "paginated": True}
        if retry_class is not None:
            # The caller's choice applies whatever the arguments are.
            changes |= {"retry_class": retry_class, "varies": None}
        return known.but(**changes)
