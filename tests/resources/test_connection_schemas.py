from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest

from fivetran_async import (
    AmbiguousOutcomeError,
    AsyncFivetran,
    ConfirmationRequiredError,
    ConflictError,
    FivetranError,
    Hooks,
    InvalidArgumentError,
    InvalidRequestError,
    RequestTimeoutError,
    RetryPolicy,
    SchemaNotCapturedError,
    ServerError,
    with_retry,
)
from fivetran_async.events import RetryEvent
from fivetran_async.resources._schema_writes import _SchemaLocks
from fivetran_async.resources.connection_schema_models import (
    Column,
    ColumnUpdate,
    Schema,
    SchemaConfig,
    SchemaConfigUpdate,
    SchemaUpdate,
    SyncMode,
    Table,
    TableUpdate,
)
from fivetran_async.testing import FakeFivetran, Fault
from support.fake_clock import FakeClock
from support.faults import CLOSE_AFTER_REQUEST, HANG, FaultServer
from support.faults import Fault as WireFault
from support.sessions import STEADY, refusal, session_at, success
from support.waiting import PATIENCE, until

CONFIG = {
    "schema_change_handling": "ALLOW_COLUMNS",
    "schemas": {
        "public": {
            "name_in_destination": "pg_public",
            "enabled": True,
            "tables": {
                "users": {"enabled": True, "sync_mode": "HISTORY", "columns": None},
                "audit": {"enabled": False},
            },
        },
        "old": {"enabled": False, "tables": {"users": {"enabled": True}}},
    },
}

COLLISION = refusal(409, "Conflict", "Optimistic lock conflict, try again")


@pytest.fixture
async def fake() -> AsyncIterator[FakeFivetran]:
    """An account with two connections that have read their schemas, and a new one."""
    async with FakeFivetran(running=False) as fake:
        for connection_id in ("c1", "c2"):
            fake.add_connection(
                id=connection_id, service="postgres", succeeded_at="2026-01-02T03:04:05Z"
            )
        fake.add_connection(id="new", service="postgres")
        yield fake


@pytest.fixture
async def fivetran(fake: FakeFivetran) -> AsyncIterator[AsyncFivetran]:
    """A session with it."""
    async with fake.client() as fivetran:
        yield fivetran


async def first_request(fake: FakeFivetran) -> None:
    """Return when a request has arrived and its response is pending."""
    while not fake.in_flight:  # noqa: ASYNC110 - the fake has no event for it
        await asyncio.sleep(0)


def test_helpers_return_what_is_synced() -> None:
    """A table is synced if it is in the config and both it and its schema are enabled."""
    config = SchemaConfig.from_dict(CONFIG)
    assert list(config.enabled_schemas) == ["public"]
    assert list(config.schemas["public"].enabled_tables) == ["users"]
    assert config.is_enabled("public")
    assert config.is_enabled("public", "users")
    assert not config.is_enabled("public", "audit")
    assert not config.is_enabled("public", "Users")
    assert not config.is_enabled("old", "users")
    assert not config.is_enabled("unknown")
    users = config.find_table("public", "users")
    assert users is not None
    assert users.sync_mode == SyncMode.HISTORY
    assert users.columns == {}
    assert config.find_table("public", "nothing") is None
    assert config.find_table("nothing", "users") is None


def test_a_missing_flag_is_not_false() -> None:
    """A response can contain only the changes: a column without `enabled` is not disabled."""
    config = SchemaConfig.from_dict(
        {"schemas": {"public": {"tables": {"users": {"columns": {"email": {"hashed": True}}}}}}}
    )
    users = config.schemas["public"].tables["users"]
    assert users.enabled is None
    assert users.columns["email"] == Column(hashed=True)
    assert users.columns["email"].enabled is None


def test_switched_off_survives_a_round_trip() -> None:
    """`to_dict` keeps `enabled: false`, because False is not an empty value."""
    config = SchemaConfig(schemas={"public": Schema(tables={"users": Table(enabled=False)})})
    assert config.to_dict() == {"schemas": {"public": {"tables": {"users": {"enabled": False}}}}}
    assert SchemaConfig.from_dict(config.to_dict()) == config


async def test_one_column_is_hashed_and_nothing_else_sent(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """Updating one column sends only the given field, from a model and from a mapping."""
    schemas = fivetran.connections.schemas
    just_that = {"public": {"tables": {"accounts": {"columns": {"email": {"hashed": True}}}}}}
    await schemas.update("c1", schemas=just_that)
    assert fake.requests[-1].body == {"schemas": just_that}
    update = SchemaUpdate(
        tables={"accounts": TableUpdate(columns={"email": ColumnUpdate(hashed=True)})}
    )
    config = await schemas.update("c1", schemas={"public": update})
    assert fake.requests[-1].body == {"schemas": just_that}
    accounts = config.find_table("public", "accounts")
    assert accounts is not None
    assert accounts.columns["email"].hashed
    await schemas.update_column("c1", "public", "accounts", "email", hashed=False)
    assert fake.requests[-1].body == {"hashed": False}


async def test_false_is_sent(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """The update models send False."""
    update = {"accounts": TableUpdate(enabled=False)}
    config = await fivetran.connections.schemas.update_schema("c1", "public", tables=update)
    assert fake.requests[-1].body == {"tables": {"accounts": {"enabled": False}}}
    assert not config.is_enabled("public", "accounts")
    assert config.is_enabled("public", "orders")


async def test_a_config_is_refused_as_an_update(fivetran: AsyncFivetran) -> None:
    """A config holds more fields than an update accepts, so it is refused before any I/O."""
    read = await fivetran.connections.schemas.get("c1")
    with pytest.raises(InvalidArgumentError, match="schemas"):
        await fivetran.connections.schemas.update("c1", schemas=read.schemas)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def test_odd_names_survive() -> None:
    """Names keep their letter case, spaces, dots, slashes, percent and number signs."""
    odd = "a b/c.d%2F#ü-Ö?"
    answer = {"schemas": {odd: {"enabled": True, "tables": {odd: {"enabled": True}}}}}
    async with FaultServer(success(answer)) as server, session_at(server.url) as fivetran:
        config = await fivetran.connections.schemas.update_table("c1", odd, odd, enabled=True)
    quoted = "a%20b%2Fc.d%252F%23%C3%BC-%C3%96%3F"
    assert server.requests[0].target == f"/v1/connections/c1/schemas/{quoted}/tables/{quoted}"
    assert config.is_enabled(odd, odd)


async def test_a_schema_that_was_never_read_has_its_own_error(fivetran: AsyncFivetran) -> None:
    """New connections raise an error class of their own, so a scan can skip them."""
    with pytest.raises(SchemaNotCapturedError):
        await fivetran.connections.schemas.get("new")
    await fivetran.connections.schemas.reload("new")
    assert (await fivetran.connections.schemas.get("new")).is_enabled("public", "accounts")


async def test_all_columns_come_from_the_source(fivetran: AsyncFivetran) -> None:
    """Columns with default settings are listed too, with the primary key."""
    columns = await fivetran.connections.schemas.get_columns("c1", "public", "accounts")
    assert "email" in columns.columns
    assert columns.primary_keys == ("id",)


async def test_overwriting_reloads_are_confirmed(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A reload that overwrites the selection requires `confirm=True`, in any letter case."""
    schemas = fivetran.connections.schemas
    for mode in ("INCLUDE", "EXCLUDE", "include"):
        with pytest.raises(ConfirmationRequiredError, match=mode):
            await schemas.reload("c1", exclude_mode=mode)
    assert fake.requests == []
    config = await schemas.reload("c1", exclude_mode="EXCLUDE", confirm=True)
    assert not config.is_enabled("public", "accounts")


async def test_an_unknown_exclude_mode_is_refused_by_the_server(fivetran: AsyncFivetran) -> None:
    """The client sends a word that it does not know; the API names the allowed ones."""
    with pytest.raises(InvalidRequestError, match="PRESERVE, INCLUDE or EXCLUDE"):
        await fivetran.connections.schemas.reload("c1", exclude_mode="ALL")


async def test_a_column_is_blocked_before_it_is_dropped(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """The conflict of a column that is still synced is raised without a retry."""
    schemas = fivetran.connections.schemas
    with pytest.raises(ConflictError, match="must be blocked"):
        await schemas.drop_column("c1", "public", "accounts", "email", confirm=True)
    assert len(fake.requests) == 1
    await schemas.update_column("c1", "public", "accounts", "email", enabled=False)
    await schemas.drop_columns(
        "c1", schemas={"public": {"tables": {"accounts": {"columns": ["email"]}}}}, confirm=True
    )
    assert fake.requests[-1].body == {
        "schemas": {"public": {"tables": {"accounts": {"columns": ["email"]}}}}
    }


async def test_a_resync_of_tables_sends_the_bare_map(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """Schemas are the keys of the body; a string in place of a list of tables is refused."""
    schemas = fivetran.connections.schemas
    with pytest.raises(ConfirmationRequiredError):
        await schemas.resync_tables("c1", {"public": ["accounts"]})
    with pytest.raises(InvalidArgumentError, match="tables"):
        await schemas.resync_tables("c1", {"public": "accounts"}, confirm=True)
    assert fake.requests == []
    await schemas.resync_tables("c1", {"public": ["accounts", "orders"]}, confirm=True)
    assert fake.requests[-1].body == {"public": ["accounts", "orders"]}


async def test_changes_of_one_connection_never_overlap(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """All kinds of changes wait for each other, also those of views of the session."""
    fake.latency = 0.01
    view = fivetran.with_options(priority="bulk")
    await asyncio.gather(
        fivetran.connections.schemas.update_table("c1", "public", "accounts", enabled=False),
        view.connections.schemas.update_schema("c1", "public", enabled=True),
        fivetran.connections.schemas.update("c1", schema_change_handling="BLOCK_ALL"),
        view.connections.schemas.reload("c1"),
        fivetran.connections.schemas.modify("c1", lambda _: {"is_type_locked": True}),
    )
    assert fake.max_in_flight == 1
    assert len(fake.requests) == 6


async def test_changes_of_different_connections_do_not_wait(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """Changes of other connections, and reads, are sent at the same time."""
    fake.latency = 0.3
    schemas = fivetran.connections.schemas
    await asyncio.gather(
        schemas.update("c1", schema_change_handling="BLOCK_ALL"),
        schemas.update("c2", schema_change_handling="BLOCK_ALL"),
        schemas.get("c1"),
    )
    assert fake.max_in_flight == 3


async def test_a_cancelled_change_gives_way(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A change that is cancelled while it waits or runs releases the next one."""
    fake.latency = 60.0
    schemas = fivetran.connections.schemas
    at_work, waiting, last = [
        asyncio.create_task(schemas.update("c1", schema_change_handling=handling))
        for handling in ("ALLOW_ALL", "BLOCK_ALL", "ALLOW_COLUMNS")
    ]
    await first_request(fake)
    fake.latency = 0.0
    waiting.cancel()
    at_work.cancel()
    config = await last
    assert at_work.cancelled()
    assert waiting.cancelled()
    assert config.schema_change_handling == "ALLOW_COLUMNS"
    assert [request.body for request in fake.requests if request.status == 200][-1:] == [
        {"schema_change_handling": "ALLOW_COLUMNS"}
    ]


async def test_no_lock_outlives_its_use(fivetran: AsyncFivetran) -> None:
    """A session that changes thousands of connections keeps no lock for each."""
    schemas = fivetran.connections.schemas
    await schemas.update("c1", schema_change_handling="BLOCK_ALL")
    with pytest.raises(FivetranError):
        await schemas.update("no such connection", schema_change_handling="BLOCK_ALL")
    gc.collect()
    locks = fivetran._transport.core.part(_SchemaLocks, _SchemaLocks)
    assert dict(locks) == {}


async def test_a_deadline_covers_the_wait_for_others(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A change with a deadline that passes in the queue raises a timeout and is not sent."""
    fake.latency = 0.2
    hasty = fivetran.with_options(deadline=0.05)
    first = asyncio.create_task(
        fivetran.connections.schemas.update("c1", schema_change_handling="BLOCK_ALL")
    )
    await first_request(fake)
    with pytest.raises(RequestTimeoutError) as raised:
        await hasty.connections.schemas.update("c1", schema_change_handling="ALLOW_ALL")
    await first
    assert raised.value.fate == "not_sent"
    assert len(fake.requests) == 1


async def test_a_deadline_in_the_wait_for_others_does_not_hide_an_earlier_attempt(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """The retry of a change that may have been applied is not sent, but the change was."""
    others: list[asyncio.Task[object]] = []

    async def come_first(_: FivetranError, __: int, ___: float) -> None:
        fake.latency = 60.0
        change = fivetran.connections.schemas.update("c1", schema_change_handling="BLOCK_ALL")
        others.append(asyncio.create_task(change))
        await until(lambda: len(fake.requests) == 2)

    fake.fail("connections.schemas.update", fault=Fault.status(500, applied=True))
    policy = RetryPolicy(base_delay=0.01, on_retry=come_first)
    hasty = fivetran.with_options(deadline=2.0, retry=policy)
    with pytest.raises(RequestTimeoutError) as raised:
        await hasty.connections.schemas.update("c1", schema_change_handling="ALLOW_ALL")
    assert raised.value.fate == "maybe_applied"
    for other in others:
        other.cancel()
    await asyncio.wait(others)


async def test_a_wait_for_others_leaves_less_of_the_deadline(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """The request gets the rest of the deadline after the wait, not the whole deadline."""
    fake.latency = 0.5
    patient = fivetran.with_options(deadline=0.9)
    first = asyncio.create_task(
        fivetran.connections.schemas.update("c1", schema_change_handling="BLOCK_ALL")
    )
    await first_request(fake)
    with pytest.raises(RequestTimeoutError) as raised:
        await patient.connections.schemas.update("c1", schema_change_handling="ALLOW_ALL")
    await first
    assert raised.value.fate == "maybe_applied"
    assert len(fake.requests) == 2


async def test_a_collision_is_retried(clock: FakeClock) -> None:
    """A change that collides with another client is retried unchanged, and hooks are called."""
    told: list[tuple[str, int, float]] = []
    hooks = Hooks(on_retry=lambda event: told.append((event.path, event.attempt, event.delay)))
    async with (
        FaultServer(COLLISION, COLLISION, success(CONFIG)) as server,
        session_at(server.url, retry=STEADY, hooks=hooks, _clock=clock) as fivetran,
    ):
        config = await fivetran.connections.schemas.update_schema("c1", "public", enabled=True)
    assert config.is_enabled("public", "users")
    assert [request.json() for request in server.requests] == [{"enabled": True}] * 3
    assert clock.sleeps == [1.0, 2.0]
    path = "/v1/connections/c1/schemas/public"
    assert told == [(path, 1, 1.0), (path, 2, 2.0)]


async def test_collisions_end_in_their_error(clock: FakeClock) -> None:
    """The retry policy limits the attempts, and its callbacks are called."""
    seen: list[int] = []

    async def on_retry(_: FivetranError, attempt: int, __: float) -> None:
        seen.append(attempt)

    policy = RetryPolicy(jitter=False, max_attempts=2, on_retry=on_retry)
    async with (
        FaultServer(COLLISION, COLLISION) as server,
        session_at(server.url, retry=policy, _clock=clock) as fivetran,
    ):
        with pytest.raises(ConflictError, match="Optimistic"):
            await fivetran.connections.schemas.update("c1", is_type_locked=True)
    assert len(server.requests) == 2
    assert seen == [1]


@pytest.mark.parametrize(
    "fault",
    [COLLISION, refusal(503), refusal(429), CLOSE_AFTER_REQUEST],
    ids=["409", "503", "429", "dropped"],
)
async def test_other_changes_go_on_while_a_failure_is_waited_out(
    clock: FakeClock, fault: WireFault
) -> None:
    """The lock is released during the wait, so another change is sent meanwhile."""
    async with FaultServer(fault, success({"schemas": {}}), success({"schemas": {}})) as server:

        async def meanwhile(_: RetryEvent) -> None:
            async with asyncio.timeout(PATIENCE):
                await session.connections.schemas.update("c1", schema_change_handling="BLOCK_ALL")

        hooks = Hooks(on_retry=meanwhile)
        async with session_at(server.url, hooks=hooks, _clock=clock) as session:
            await session.connections.schemas.update("c1", is_type_locked=True)
    assert [request.json() for request in server.requests] == [
        {"is_type_locked": True},
        {"schema_change_handling": "BLOCK_ALL"},
        {"is_type_locked": True},
    ]


async def test_with_retry_repeats_collisions_in_one_layer(clock: FakeClock) -> None:
    """Inside `with_retry` a change is sent once per round, and a collision starts a new round."""
    async with (
        FaultServer(COLLISION, refusal(503), success(CONFIG)) as server,
        session_at(server.url, retry=STEADY, _clock=clock) as fivetran,
    ):
        await with_retry(
            lambda: fivetran.connections.schemas.update("c1", is_type_locked=True),
            STEADY,
            _clock=clock,
        )
    assert len(server.requests) == 3
    assert clock.sleeps == [1.0, 2.0]


async def test_other_failures_are_not_repeated_twice_over(clock: FakeClock) -> None:
    """A 503 is retried by one layer, and hooks receive the number of the attempt."""
    sent: list[int] = []
    hooks = Hooks(on_request=lambda event: sent.append(event.attempt))
    async with (
        FaultServer(answer=lambda _: refusal(503)) as server,
        session_at(server.url, retry=STEADY, hooks=hooks, _clock=clock) as fivetran,
    ):
        with pytest.raises(ServerError) as caught:
            await fivetran.connections.schemas.update("c1", is_type_locked=True)
    assert len(server.requests) == caught.value.attempts == 3
    assert sent == [1, 2, 3]
    assert clock.sleeps == [1.0, 2.0]


async def test_a_column_not_found_after_a_lost_response_was_dropped(clock: FakeClock) -> None:
    """A retried delete that is not found has succeeded, as for other deletes."""
    gone = refusal(404, "NotFound", "No such column")
    async with (
        FaultServer(CLOSE_AFTER_REQUEST, gone) as server,
        session_at(server.url, retry=STEADY, _clock=clock) as fivetran,
    ):
        result = await fivetran.connections.schemas.drop_column(
            "c1", "public", "users", "email", confirm=True
        )
    assert result.already_gone
    assert [request.verb for request in server.requests] == ["DELETE", "DELETE"]


async def test_a_deadline_holds_for_reading_and_changing(clock: FakeClock) -> None:
    """The read and the change of `modify` share one deadline."""
    hooks = Hooks(on_response=lambda _: clock.advance(6.0))
    policy = RetryPolicy(deadline=5.0, jitter=False)
    async with (
        FaultServer(success(CONFIG), HANG) as server,
        session_at(server.url, retry=policy, hooks=hooks, _clock=clock) as fivetran,
    ):
        # The second request gets the rest of the deadline, not another 5 s.
        with pytest.raises(RequestTimeoutError):
            async with asyncio.timeout(4.0):
                await fivetran.connections.schemas.modify("c1", block_all)
    assert len(server.requests) == 2


async def test_a_reload_that_may_have_been_applied_is_not_repeated(clock: FakeClock) -> None:
    """The retry loop of changes follows the retry table: a dangerous call is not retried."""
    async with (
        FaultServer(refusal(503)) as server,
        session_at(server.url, retry=STEADY, _clock=clock) as fivetran,
    ):
        with pytest.raises(AmbiguousOutcomeError):
            await fivetran.connections.schemas.reload("c1", exclude_mode="EXCLUDE", confirm=True)
    assert len(server.requests) == 1
    assert clock.sleeps == []


def block_all(config: SchemaConfig) -> SchemaConfigUpdate | None:
    """Disable all enabled tables."""
    if not config.enabled_schemas:
        return None
    off = SchemaUpdate(enabled=False)
    return SchemaConfigUpdate(schemas=dict.fromkeys(config.enabled_schemas, off))


async def test_modify_sends_changes_for_the_current_config(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """`modify` reads, decides and changes; without changes it sends no PATCH."""
    schemas = fivetran.connections.schemas
    config = await schemas.modify("c1", block_all)
    assert not config.is_enabled("public")
    assert [request.operation for request in fake.requests] == [
        "connections.schemas.get",
        "connections.schemas.update",
    ]
    assert fake.requests[-1].body == {"schemas": {"public": {"enabled": False}}}
    fake.requests.clear()
    assert not (await schemas.modify("c1", block_all)).is_enabled("public")
    assert [request.operation for request in fake.requests] == ["connections.schemas.get"]


async def test_modify_reads_a_second_time_after_a_collision(clock: FakeClock) -> None:
    """Each attempt reads the config first, so it includes the changes of other clients."""
    newer = {"schemas": {"late": {"enabled": True}}}
    script = (success(CONFIG), COLLISION, success(newer), success({}))
    async with (
        FaultServer(*script) as server,
        session_at(server.url, _clock=clock) as fivetran,
    ):
        await fivetran.connections.schemas.modify("c1", block_all)
    assert [request.verb for request in server.requests] == ["GET", "PATCH", "GET", "PATCH"]
    assert server.requests[1].json() == {"schemas": {"public": {"enabled": False}}}
    assert server.requests[3].json() == {"schemas": {"late": {"enabled": False}}}


async def test_modify_loses_no_change(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """Concurrent `modify` calls of one session each see the result of the previous call."""
    names = [f"table_{number}" for number in range(20)]
    tables = {name: {"enabled": False} for name in names}
    await fivetran.connections.schemas.create(
        "new", schemas={"public": {"enabled": True, "tables": tables}}
    )

    def enable_one_more(config: SchemaConfig) -> SchemaConfigUpdate:
        done = len(config.schemas["public"].enabled_tables)
        return SchemaConfigUpdate(
            schemas={"public": SchemaUpdate(tables={names[done]: TableUpdate(enabled=True)})}
        )

    await asyncio.gather(
        *(fivetran.connections.schemas.modify("new", enable_one_more) for _ in names)
    )
    config = await fivetran.connections.schemas.get("new")
    assert len(config.schemas["public"].enabled_tables) == len(names)
    assert fake.max_in_flight == 1


async def test_modify_lets_the_callers_own_error_pass(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """An error in the function sends no change and does not block the next one."""

    def fail(_: SchemaConfig) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await fivetran.connections.schemas.modify("c1", fail)
    with pytest.raises(InvalidArgumentError, match="not SchemaConfig"):
        await fivetran.connections.schemas.modify("c1", lambda config: config)  # type: ignore[arg-type,return-value]  # pyright: ignore[reportArgumentType]
    assert fake.requests_for("connections.schemas.update") == []
    await fivetran.connections.schemas.modify("c1", block_all)


async def test_another_conflict_is_not_retried(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """A 409 is a collision only with the message of the API for collisions."""
    fake.fail("connections.schemas.update", fault=Fault.status(409))
    with pytest.raises(ConflictError):
        await fivetran.connections.schemas.update("c1", is_type_locked=True)
    assert len(fake.requests) == 1


def test_a_config_becomes_the_changes_that_restore_it() -> None:
    """`to_update` has every setting that can be sent, and no other field of the response."""
    config = SchemaConfig.from_dict(
        {
            "schema_change_handling": "BLOCK_ALL",
            "enable_new_by_default": False,
            "schemas": {
                "public": {
                    "enabled": True,
                    "name_in_destination": "shop_public",
                    "tables": {
                        "orders": {
                            "enabled": False,
                            "sync_mode": "HISTORY",
                            "columns": {
                                "email": {"enabled": True, "hashed": True, "is_primary_key": False},
                                "id": {
                                    "enabled": True,
                                    "hashed": False,
                                    "enabled_patch_settings": {"allowed": False},
                                },
                                "locked": {
                                    "enabled": True,
                                    "enabled_patch_settings": {"allowed": False},
                                },
                            },
                        },
                        "system": {
                            "enabled": True,
                            "enabled_patch_settings": {
                                "allowed": False,
                                "reason_code": "SYSTEM_TABLE",
                            },
                        },
                    },
                },
                "empty": {},
            },
        }
    )
    assert config.to_update().to_dict() == {
        "schema_change_handling": "BLOCK_ALL",
        "schemas": {
            "public": {
                "enabled": True,
                "tables": {
                    "orders": {
                        "enabled": False,
                        "sync_mode": "HISTORY",
                        "columns": {
                            "email": {"enabled": True, "hashed": True},
                            "id": {"hashed": False},
                        },
                    }
                },
            },
        },
    }
    assert SchemaConfig().to_update().to_dict() == {}


async def test_a_config_is_restored(fake: FakeFivetran, fivetran: AsyncFivetran) -> None:
    """The config that was read before a change is the config after it was sent back."""
    schemas = fivetran.connections.schemas
    before = await schemas.get("c1")
    await schemas.update_table("c1", "public", "accounts", enabled=False)
    assert await schemas.get("c1") != before
    await schemas.modify("c1", lambda _: before.to_update())
    assert await schemas.get("c1") == before
    assert fake.requests[-2].verb == "PATCH"
