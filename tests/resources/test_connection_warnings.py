from __future__ import annotations

import pytest

from fivetran_async import (
    InvalidRequestError,
    NotFoundError,
    OperationUnavailableError,
    RetryPolicy,
)
from fivetran_async.models import ConnectionWarning
from fivetran_async.testing import FakeFivetran, Fault
from support.fake_clock import FakeClock

RESYNC = {"code": "resync_table_warning", "schema": "shop", "table": "orders", "details": "Why"}
COERCED = {"code": "type_coercion_to_null_warning", "schema": "shop", "table": "orders"}
ELSEWHERE = {"code": "resync_table_warning", "schema": "shop", "table": "users"}
GENERAL = {"code": "sync_warning", "message": "Sync Warning"}
MISSING = Fault.status(404, body={"code": "NotFound", "message": "HTTP 404 Not Found"})


def warned(fake: FakeFivetran) -> str:
    """Add a connection with warnings about itself and about two tables."""
    tables = [RESYNC, COERCED, ELSEWHERE]
    return fake.add_connection(warnings=[GENERAL], table_warnings=tables)


async def test_warnings_are_grouped_by_table() -> None:
    """A warning that concerns no table comes without schema and table."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        found = await fivetran.connections.list_warnings(warned(fake)).collect()
        assert fake.requests[-1].headers["Accept"] == "application/json;version=2"
    assert [(each.schema, each.table, len(each.warnings)) for each in found] == [
        (None, None, 1),
        ("shop", "orders", 2),
        ("shop", "users", 1),
    ]
    first = found[1].warnings[0]
    assert (first.code, first.message) == ("resync_table_warning", "Resync Table Warning")
    assert first.error_message == "Why"
    assert first.created_at is not None


async def test_every_page_of_warnings_is_read() -> None:
    """A `next_cursor` is followed, with the size of the page that was asked for."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        found = await fivetran.connections.list_warnings(warned(fake), limit=2).collect()
        assert len(fake.requests) == 2
    assert len(found) == 3


def test_type_of_a_warning_under_its_other_name() -> None:
    """A page of the vendor calls the code `type`."""
    assert ConnectionWarning.from_dict({"type": "sync_warning"}).code == "sync_warning"


async def test_one_type_is_dismissed() -> None:
    """All warnings of the type go, in every table; a second dismissal finds none."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        connection_id = warned(fake)
        await fivetran.connections.dismiss_warning(connection_id, "resync_table_warning")
        left = await fivetran.connections.list_warnings(connection_id).collect()
        with pytest.raises(NotFoundError) as caught:
            await fivetran.connections.dismiss_warning(connection_id, "resync_table_warning")
        seen = await fivetran.connections.get(connection_id)
    assert [each.table for each in left] == [None, "orders"]
    assert type(caught.value) is NotFoundError
    assert [warning.code for warning in seen.status.warnings] == ["sync_warning"]


@pytest.mark.parametrize(
    ("types", "body", "left"),
    [
        (None, {}, 0),
        ([], {"warning_types": []}, 0),
        (["sync_warning"], {"warning_types": ["sync_warning"]}, 2),
        (["sync_warning", RESYNC["code"]], {"warning_types": ["sync_warning", RESYNC["code"]]}, 1),
    ],
)
async def test_several_types_are_dismissed(
    types: list[str] | None, body: object, left: int
) -> None:
    """Without types, and with an empty list, all warnings go."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        connection_id = warned(fake)
        if types is None:
            await fivetran.connections.dismiss_warnings(connection_id)
        else:
            await fivetran.connections.dismiss_warnings(connection_id, warning_types=types)
        assert fake.requests[-1].body == body
        assert len(await fivetran.connections.list_warnings(connection_id).collect()) == left


async def test_unknown_type_dismisses_nothing() -> None:
    """The types are compared in their letter case, and one unknown type refuses the call."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        connection_id = warned(fake)
        with pytest.raises(InvalidRequestError, match="Sync_Warning"):
            await fivetran.connections.dismiss_warnings(
                connection_id, warning_types=["resync_table_warning", "Sync_Warning"]
            )
        assert len(await fivetran.connections.list_warnings(connection_id).collect()) == 3


async def test_account_without_the_preview() -> None:
    """The error is about the operation, and apart from a connection that does not exist."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        connections, connection_id = fivetran.connections, warned(fake)
        with pytest.raises(NotFoundError) as caught:
            await connections.list_warnings("no_such_connection").collect()
        assert type(caught.value) is NotFoundError
        fake.fail("connections.*warning*", fault=MISSING, times=None)
        for call in (
            connections.list_warnings(connection_id).collect(),
            connections.dismiss_warning(connection_id, "sync_warning"),
            connections.dismiss_warnings(connection_id),
        ):
            with pytest.raises(OperationUnavailableError, match="preview"):
                await call


@pytest.mark.parametrize("raw", [False, True])
async def test_missing_operation_is_not_a_deletion(raw: bool) -> None:  # noqa: FBT001
    """After a lost response, a 404 of the operation does not show that the warning is gone."""
    async with (
        FakeFivetran(running=False) as fake,
        fake.client(_clock=FakeClock(), retry=RetryPolicy(max_attempts=2)) as fivetran,
    ):
        connection_id = warned(fake)
        fake.fail("connections.dismiss_warning", fault=Fault.drop("before"))
        fake.fail("connections.dismiss_warning", fault=MISSING)
        path = f"/v1/connections/{connection_id}/warnings/sync_warning"
        with pytest.raises(OperationUnavailableError) as caught:
            await (
                fivetran.request("DELETE", path)
                if raw
                else fivetran.connections.dismiss_warning(connection_id, "sync_warning")
            )
        assert caught.value.attempts == 2


async def test_warning_that_a_lost_call_dismissed_is_gone() -> None:
    """A 404 of the warning, after a lost response, is a success."""
    async with (
        FakeFivetran(running=False) as fake,
        fake.client(_clock=FakeClock()) as fivetran,
    ):
        connection_id = warned(fake)
        fake.fail("connections.dismiss_warning", fault=Fault.drop("after"))
        result = await fivetran.connections.dismiss_warning(connection_id, "sync_warning")
    assert result.already_gone
