"""`export`: reads an account into a snapshot, with a bounded number of requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final, cast

import attrs

from fivetran_async._clock import SYSTEM_CLOCK
from fivetran_async._fan_out.api import FanOutFailure, fan_out
from fivetran_async.as_code._files.snapshot import Snapshot
from fivetran_async.as_code._kinds.scope import ExportScope, Scope
from fivetran_async.as_code._kinds.values import text_in
from fivetran_async.as_code._reading.assembly import NOT_CAPTURED, Assembly, wanted_lists
from fivetran_async.as_code._reading.lists import (
    ACCOUNT_LOG,
    TYPED,
    ApiRecord,
    item_path,
    read_kind,
    read_list,
    read_record,
)
from fivetran_async.errors import (
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    ResponseFormatError,
    SchemaNotCapturedError,
    StatusError,
)

if TYPE_CHECKING:
    from fivetran_async.client import AsyncFivetran

_AT_ONCE: Final = 64
"""Requests in flight; the session's own limiter, 20 by default, applies as well."""


@attrs.frozen
class _Read:
    """One request for details: what it reads, and where its result belongs."""

    kind: str
    owner: ApiRecord
    read: Callable[[], Awaitable[object]]


async def export(
    fivetran: AsyncFivetran,
    *,
    only: str | Iterable[str] | None = None,
    kinds: str | Iterable[str] | None = None,
    schemas: bool = True,
) -> Snapshot:
    """
    Read the account, or a part of it, into a snapshot; it changes nothing.

    It costs 2 requests per connection, 1 per destination, 2 per user, 3 per team, 1 per dbt project
    and log service, and one per list and 1,000 items. What cannot be read is in `skipped` of the
    snapshot, with its reason: a schema that is not captured, an object that is gone meanwhile.

    Args:
        fivetran: The session; `read_only=True` suffices.
        only: Patterns of addresses, such as `connections/prod_*/*`; `*` matches within one part.
            The schemas of the connections come along.
        kinds: Only these kinds, such as `connections`. `certificates` and `fingerprints` are read
            only when they are named: they cost a request per connection and destination.
        schemas: False to leave out the schema configs of connections.

    Raises:
        InvalidArgumentError: A pattern or a kind is not valid.
        FivetranError: The account or a list could not be read.
    """
    scope = ExportScope.of(only, kinds, schemas=schemas)
    # By the clock of the file system, to which `save` compares it.
    began = SYSTEM_CLOCK.time()
    assembly = Assembly(scope)
    await _read_lists(fivetran, assembly)
    await _read_details(fivetran, assembly)
    missing = assembly.unlisted_links()
    for kind in missing:
        assembly.add_links(kind, await _list_or_none(fivetran, kind, assembly))
    return Snapshot(
        assembly.objects(),
        account_id=text_in(assembly.account, "account_id"),
        account_name=text_in(assembly.account, "account_name"),
        ids=assembly.names.ids,
        scope=Scope((scope,)),
        skipped=assembly.skipped,
        is_live=True,
        since=began,
    )


async def _read_lists(fivetran: AsyncFivetran, assembly: Assembly) -> None:
    async def read(kind: str) -> object:
        if kind == "account":
            return await read_record(fivetran, "/v1/account/info")
        return await _list_or_none(fivetran, kind, assembly)

    lists: dict[str, list[ApiRecord]] = {}
    async with fan_out(("account", *wanted_lists(assembly.scope)), read) as results:
        async for kind, found in results:
            if kind == "account":
                assembly.account = cast("ApiRecord", found)
            else:
                lists[kind] = cast("list[ApiRecord]", found)
    assembly.add_lists(lists)


async def _list_or_none(fivetran: AsyncFivetran, kind: str, assembly: Assembly) -> list[ApiRecord]:
    """Read a list; not every account has every operation, and not every key may read all lists."""
    try:
        return await read_kind(fivetran, kind)
    except (PermissionDeniedError, NotFoundError) as error:
        assembly.skipped[f"{kind}/*"] = str(error)
        return []


async def _read_details(fivetran: AsyncFivetran, assembly: Assembly) -> None:
    async def read(job: _Read) -> tuple[object]:
        # In a tuple, because a failure is an object, too.
        return (await job.read(),)

    jobs = list(_jobs(fivetran, assembly))
    async with fan_out(jobs, read, concurrency=_AT_ONCE, on_error="yield") as results:
        async for job, found in results:
            if isinstance(found, FanOutFailure):
                assembly.skip(job.kind, job.owner, _reason_of(found.error))
            else:
                assembly.add_details(job.kind, job.owner, *found)


def _reason_of(error: Exception) -> str:
    """Return why one object is skipped; raise what concerns the whole export."""
    if isinstance(error, SchemaNotCapturedError):
        return NOT_CAPTURED
    if isinstance(error, (AuthenticationError, RateLimitedError)):
        raise error
    if isinstance(error, NotFoundError):
        return "gone meanwhile, or not visible to the API key"
    if isinstance(error, (StatusError, ResponseFormatError)):
        return str(error)
    raise error


def _jobs(fivetran: AsyncFivetran, assembly: Assembly) -> Iterable[_Read]:
    for kind, owner in assembly.wanted_details():
        yield _Read(kind, owner, _reader(fivetran, kind, owner))


def _reader(
    fivetran: AsyncFivetran, kind: str, owner: Mapping[str, object]
) -> Callable[[], Awaitable[object]]:
    """Return the function that reads the details of a kind for an item of a list."""
    id = text_in(owner, "id")
    if kind == "schemas":
        return lambda: read_record(fivetran, item_path("connections", id, "schemas"))
    if kind == "log_services" and owner.get("is_account"):
        return lambda: read_record(fivetran, ACCOUNT_LOG)
    family, _, members = kind.partition(".")
    if members:
        return lambda: read_list(fivetran, item_path(family, id, members))
    return lambda: read_record(fivetran, item_path(kind, id), typed=kind in TYPED)
