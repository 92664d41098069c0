"""`request`: any path of the API, read-only."""

from __future__ import annotations

from typing import cast

from fivetran_async._types import JSONValue
from fivetran_async.cli._context import Context
from fivetran_async.cli._options import ExitCode, UnusableOptionError
from fivetran_async.cli._specs import RequestOptions
from fivetran_async.errors import PaginationError


async def request(context: Context, options: RequestOptions) -> ExitCode:
    """Send a GET request and print the `data` of the response, with `--all` the items of a list."""
    query = dict[str, str]()
    for parameter in options.query:
        name, _, value = parameter.partition("=")
        if name in query:
            raise UnusableOptionError(f"--query: {name!r} is given twice; give each name once")
        query[name] = value
    data = await _get(context, options.path, query)
    if options.all_pages:
        data = {"items": await _all_items(context, options.path, query, data)}
    context.output.document(data)
    return ExitCode.DONE


async def _get(context: Context, path: str, query: dict[str, str]) -> dict[str, JSONValue]:
    response = await context.fivetran.request_raw("GET", path, query=query)
    data = response.data
    return data if isinstance(data, dict) else {"data": data}


async def _all_items(
    context: Context, path: str, query: dict[str, str], page: dict[str, JSONValue]
) -> list[JSONValue]:
    found: list[JSONValue] = []
    cursors = set[str]()
    while True:
        items = page.get("items")
        if not isinstance(items, list):
            raise UnusableOptionError(f"--all: {path} is not a list, so read it without --all")
        found += items
        cursor = cast("str | None", page.get("next_cursor"))
        if not cursor:
            return found
        if cursor in cursors:
            raise PaginationError(f"GET {path} returned the cursor {cursor!r} twice.")
        cursors.add(cursor)
        page = await _get(context, path, {**query, "cursor": cursor})
