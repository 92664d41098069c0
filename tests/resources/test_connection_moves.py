from __future__ import annotations

import pytest

from fivetran_async import (
    AmbiguousOutcomeError,
    ConfirmationRequiredError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    OperationUnavailableError,
)
from fivetran_async.models import ConnectionMove, ConnectionMoveJob
from fivetran_async.testing import FakeFivetran, Fault


def paused_connection(fake: FakeFivetran, **config: object) -> tuple[str, str, str]:
    """Add a paused connection; return it, its group and another group."""
    old, new = fake.add_group(name="old"), fake.add_group(name="new")
    return fake.add_connection(group_id=old, paused=True, config=config), old, new


async def test_connection_moves_at_once() -> None:
    """The result names both groups and the time, and there is no job."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        connection_id, old, new = paused_connection(fake)
        move = await fivetran.connections.move(connection_id, destination_group_id=new)
        assert fake.requests[-1].body == {
            "destination_group_id": new,
            "sync_behavior": "CONTINUE",
        }
        assert (await fivetran.connections.get(connection_id)).group_id == new
    assert (move.connection_id, move.source_group_id, move.destination_group_id) == (
        connection_id,
        old,
        new,
    )
    assert (move.sync_behavior, move.job_id) == ("CONTINUE", None)
    assert move.moved_at is not None


async def test_move_with_data_is_a_job() -> None:
    """The connection stays until the job has ended, and its states can be read."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        connection_id, old, new = paused_connection(fake)
        move = await fivetran.connections.move(
            connection_id, destination_group_id=new, sync_behavior="CONTINUE_WITH_DATA"
        )
        assert (move.moved_at, move.sync_behavior) == (None, "CONTINUE_WITH_DATA")
        assert move.job_id is not None
        states: list[ConnectionMoveJob] = []
        for seconds in (0, 10, 600):
            fake.advance(seconds)
            states.append(await fivetran.connections.get_move(connection_id, move.job_id))
        assert fake.requests[-1].raw_path == f"/v1/connections/{connection_id}/move/{move.job_id}"
        assert (await fivetran.connections.get(connection_id)).group_id == new
    assert [job.status for job in states] == ["PENDING", "IN_PROGRESS", "SUCCESS"]
    assert [job.is_done for job in states] == [False, False, True]
    assert [job.is_successful for job in states] == [False, False, True]
    assert [job.started_at is None for job in states] == [True, False, False]
    assert [job.completed_at is None for job in states] == [True, True, False]
    assert {(job.source_group_id, job.destination_group_id) for job in states} == {(old, new)}


async def test_backfill_needs_confirmation() -> None:
    """Without `confirm=True` it is not sent; with it the history is loaded from the start."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        connection_id, _, new = paused_connection(fake)
        with pytest.raises(ConfirmationRequiredError, match="BACKFILL"):
            await fivetran.connections.move(
                connection_id, destination_group_id=new, sync_behavior="backfill"
            )
        assert fake.requests == []
        await fivetran.connections.move(
            connection_id, destination_group_id=new, sync_behavior="BACKFILL", confirm=True
        )
        assert (await fivetran.connections.get(connection_id)).status.is_historical_sync


async def test_bound_credentials_need_force_move() -> None:
    """The server refuses a move until the caller has adapted the credentials."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        connection_id, old, new = paused_connection(fake, external_id=f"fivetran_{1}")
        with pytest.raises(InvalidRequestError, match="force_move"):
            await fivetran.connections.move(connection_id, destination_group_id=new)
        move = await fivetran.connections.move(
            connection_id, destination_group_id=new, force_move=True
        )
        assert fake.requests[-1].body == {
            "destination_group_id": new,
            "sync_behavior": "CONTINUE",
            "force_move": True,
        }
    assert (move.source_group_id, move.destination_group_id) == (old, new)


@pytest.mark.parametrize(
    ("source", "target", "accepted"),
    [
        ("snowflake", "snowflake LAKEHOUSE", True),
        ("snowflake NATIVE", "snowflake", True),
        ("snowflake", "big_query", False),
        ("big_query", "snowflake LAKEHOUSE", False),
        ("snowflake", "snowflake NATIVE", False),
        ("snowflake LAKEHOUSE", "snowflake", False),
    ],
)
async def test_data_moves_only_to_a_snowflake_lakehouse(
    source: str, target: str, *, accepted: bool
) -> None:
    """Other destinations are refused by the server, and the connection stays."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        connection_id, old, new = paused_connection(fake)
        for group_id, described in ((old, source), (new, target)):
            service, _, table_type = described.partition(" ")
            config = {"table_type": table_type} if table_type else {}
            fake.add_destination(group_id=group_id, service=service, config=config)
        moving = fivetran.connections.move(
            connection_id, destination_group_id=new, sync_behavior="CONTINUE_WITH_DATA"
        )
        if accepted:
            assert (await moving).job_id
            return
        with pytest.raises(InvalidRequestError, match="Lakehouse"):
            await moving
        assert (await fivetran.connections.get(connection_id)).group_id == old


async def test_moves_that_the_server_refuses() -> None:
    """A running connection, a missing group and a taken schema name are errors of the server."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        move = fivetran.connections.move
        connection_id, old, new = paused_connection(fake)
        running = fake.add_connection(group_id=old)
        with pytest.raises(InvalidRequestError, match="paused"):
            await move(running, destination_group_id=new)
        with pytest.raises(NotFoundError, match="no_such_group") as caught:
            await move(connection_id, destination_group_id="no_such_group")
        assert type(caught.value) is NotFoundError
        with pytest.raises(InvalidRequestError, match="already"):
            await move(connection_id, destination_group_id=old)
        schema = (await fivetran.connections.get(connection_id)).schema
        fake.add_connection(group_id=new, schema=schema)
        with pytest.raises(ConflictError, match=schema):
            await move(connection_id, destination_group_id=new)


async def test_lost_move_is_not_repeated() -> None:
    """The error names the call that shows whether the connection has moved."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        connection_id, _, new = paused_connection(fake)
        fake.fail("connections.move", fault=Fault.drop("after"))
        with pytest.raises(AmbiguousOutcomeError) as caught:
            await fivetran.connections.move(connection_id, destination_group_id=new)
        assert len(fake.requests_for("connections.move")) == 1
    assert f"group_id of connections.get({connection_id!r})" in caught.value.advice


@pytest.mark.parametrize(
    "body",
    [{"code": "Success", "message": "Moved"}, {"code": "Success", "data": None}, b"", "[]"],
    ids=str,
)
async def test_move_without_data_is_a_success(body: object) -> None:
    """Where the response has no data, the result is made of the request."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        fake.fail("connections.move", fault=Fault.status(200, body=body))
        move = await fivetran.connections.move("c", destination_group_id="g")
    assert move == ConnectionMove(
        connection_id="c", destination_group_id="g", sync_behavior="CONTINUE"
    )


async def test_account_without_moves() -> None:
    """A general 404 is about the operation; a missing job is not."""
    missing = Fault.status(404, body={"code": "NotFound", "message": "HTTP 404 Not Found"})
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        connection_id, _, new = paused_connection(fake)
        with pytest.raises(NotFoundError, match="no_such_job") as caught:
            await fivetran.connections.get_move(connection_id, "no_such_job")
        assert type(caught.value) is NotFoundError
        fake.fail("connections.*move", fault=missing, times=None)
        with pytest.raises(OperationUnavailableError):
            await fivetran.connections.move(connection_id, destination_group_id=new)
        with pytest.raises(OperationUnavailableError):
            await fivetran.connections.get_move(connection_id, "job")


@pytest.mark.parametrize(
    ("status", "completed_at", "expected"),
    [
        ("PENDING", None, (False, False)),
        ("SOMETHING_NEW", None, (False, False)),
        ("success", None, (True, True)),
        ("SUCCESS_WITH_WARNINGS", None, (True, True)),
        ("FAILED", None, (True, False)),
        ("FAILURE", None, (True, False)),
        ("CANCELED", "2026-11-01T10:00:00Z", (True, False)),
    ],
)
def test_end_of_a_move(status: str, completed_at: str | None, expected: tuple[bool, bool]) -> None:
    """Statuses are an open set: their beginning and the time of the end decide."""
    job = ConnectionMoveJob.from_dict({"id": "j", "status": status, "completed_at": completed_at})
    assert (job.is_done, job.is_successful) == expected
