"""Deletes of what cannot be restored ask for `confirm=True`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import pytest

from fivetran_async import AsyncFivetran, ConfirmationRequiredError, NotFoundError
from fivetran_async.testing import FakeFivetran
from support.pages import ROOT

Delete: TypeAlias = Callable[[AsyncFivetran, str, bool], Awaitable[object]]

DELETES: Final[dict[str, Delete]] = {
    "connection": lambda f, key, confirm: f.connections.delete(key, confirm=confirm),
    "destination": lambda f, key, confirm: f.destinations.delete(key, confirm=confirm),
    "group": lambda f, key, confirm: f.groups.delete(key, confirm=confirm),
    "user": lambda f, key, confirm: f.users.delete(key, confirm=confirm),
    "system key": lambda f, key, confirm: f.system_keys.delete(key, confirm=confirm),
    "a user's API keys": lambda f, key, confirm: f.users.api_keys.delete(key, confirm=confirm),
}


@pytest.mark.parametrize("name", DELETES)
async def test_deletes_are_confirmed(name: str) -> None:
    """Without `confirm=True` no request is sent, the message names the call, and a guide has it."""
    async with FakeFivetran() as fake, fake.client() as fivetran:
        with pytest.raises(
            ConfirmationRequiredError, match=r"delete permanently deletes .*confirm"
        ):
            await DELETES[name](fivetran, "some_id", False)  # noqa: FBT003 - the case
        assert fake.requests == []
        with pytest.raises(NotFoundError):
            await DELETES[name](fivetran, "some_id", True)  # noqa: FBT003 - the case
        assert [request.verb for request in fake.requests] == ["DELETE"]
    guide = " ".join((ROOT / ".github" / "docs" / "recipes.md").read_text("utf-8").split())
    assert name in guide.partition("cost money require")[2][:300]
