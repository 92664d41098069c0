"""Reads lists and single objects of an account, as the API returns them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeAlias, cast
from urllib.parse import quote

from fivetran_async.as_code._kinds.values import as_items, as_object
from fivetran_async.errors import NotFoundError, ResponseFormatError
from fivetran_async.pagination import MAX_LIMIT, Pager

if TYPE_CHECKING:
    from fivetran_async.client import AsyncFivetran

ApiRecord: TypeAlias = dict[str, object]

ACCOUNT_LOG: Final = "/v1/external-logging/account"

LIST_PATHS: Final[Mapping[str, str]] = {
    "groups": "/v1/groups",
    "destinations": "/v1/destinations",
    "connections": "/v1/connections",
    "webhooks": "/v1/webhooks",
    "users": "/v1/users",
    "teams": "/v1/teams",
    "transformation_projects": "/v1/transformation-projects",
    "transformations": "/v1/transformations",
    "log_services": "/v1/external-logging",
    "private_links": "/v1/private-links",
    "external_secrets_managers": "/v1/external-secrets-managers",
    "proxy_agents": "/v1/proxy",
    "hybrid_deployment_agents": "/v1/hybrid-deployment-agents",
    "system_keys": "/v1/system-keys",
}
"""The path of the list of each kind that has one."""

TYPED: Final = frozenset({"connections", "destinations"})
"""Kinds that the API renders with typed values only in version 2."""


def item_path(kind: str, id: str, *more: str) -> str:
    """Return the path of one object of a kind that has a list."""
    return "/".join((LIST_PATHS[kind], quote(id, safe=""), *more))


async def read_record(fivetran: AsyncFivetran, path: str, *, typed: bool = False) -> ApiRecord:
    """
    Read one object.

    Raises:
        FivetranError: It could not be read.
    """
    data = await fivetran.request("GET", path, accept_version=2 if typed else 1)
    return _checked(data, path)


async def read_list(fivetran: AsyncFivetran, path: str, *, typed: bool = False) -> list[ApiRecord]:
    """
    Read a whole list, with one request for 1,000 items.

    Raises:
        FivetranError: A page could not be read.
    """

    async def fetch(cursor: str | None) -> tuple[list[ApiRecord], str | None]:
        data = await fivetran.request(
            "GET",
            path,
            query={"cursor": cursor, "limit": MAX_LIMIT},
            accept_version=2 if typed else 1,
        )
        page = _checked(data, path)
        items, following = as_items(page.get("items")), page.get("next_cursor")
        if items is None:
            raise ResponseFormatError(
                f"unexpected response of GET {path}: the list has no items", place="data"
            )
        found = [dict(each) for item in items if (each := as_object(item)) is not None]
        return found, following if isinstance(following, str) else None

    return await Pager.from_fetch(fetch).collect()


async def read_kind(fivetran: AsyncFivetran, kind: str) -> list[ApiRecord]:
    """Read the list of a kind; log services include that of the account."""
    items = await read_list(fivetran, LIST_PATHS[kind], typed=kind in TYPED)
    if kind == "log_services":
        try:
            items.append({**await read_record(fivetran, ACCOUNT_LOG), "is_account": True})
        except NotFoundError:
            return items
    return items


def _checked(data: object, path: str) -> ApiRecord:
    found = as_object(data)
    if found is None:
        raise ResponseFormatError(
            f"unexpected response of GET {path}: {type(data).__name__}, not an object", place="data"
        )
    return cast("ApiRecord", found)
