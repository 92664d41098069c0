"""Moves of connections to other groups: at once, or as a job that copies the data."""

from __future__ import annotations

from fivetran_async.testing._account import SEPARATOR, FakeAccount
from fivetran_async.testing._facts import StoredRecord, part
from fivetran_async.testing._rules import (
    FamilyRules,
    Refusal,
    Result,
    ServedCall,
    conflict,
    invalid,
    storage_key,
)
from fivetran_async.testing.families import _syncs

START_SHARE = 0.1
"""A job takes as long as a sync, and this part of it longer until it starts."""
_BOUND = ("external_id", "role_arn")
"""Config fields of cloud credentials that are bound to a group."""


def check_free(account: FakeAccount, group_id: str, schema: str) -> None:
    """Raise the 409 of a schema name that another connection of the group has."""
    taken = (c["schema"] for c in account.collection("connections").where("group_id", group_id))
    if schema in taken:
        message = f"Connection with schema name '{schema}' already exists in the group '{group_id}'"
        raise conflict(message)


def move(call: ServedCall, record: StoredRecord) -> Result:
    """Move a connection, or start the job that does."""
    target, behavior = call.body["destination_group_id"], call.body.get("sync_behavior")
    behavior = behavior or "CONTINUE"
    if target not in call.account.collection("groups"):
        raise Refusal(404, "NotFound_Group", f"Cannot find group with id '{target}'")
    if not record.get("paused"):
        message = "The connection must be paused before it is moved"
        raise invalid(message)
    if target == record["group_id"]:
        message = f"The connection is in the group '{target}' already"
        raise invalid(message)
    bound = [name for name in _BOUND if part(record.get("config")).get(name)]
    if bound and not call.body.get("force_move"):
        message = (
            f"{bound[0]} of the connection refers to the group '{record['group_id']}': adapt the "
            "credentials to the new group, then repeat the request with force_move"
        )
        raise invalid(message)
    check_free(call.account, target, record["schema"])
    data = {
        "connection_id": record["id"],
        "source_group_id": record["group_id"],
        "destination_group_id": target,
        "sync_behavior": behavior,
    }
    if behavior == "CONTINUE_WITH_DATA":
        _check_snowflake(call.account, record["group_id"], target)
        job_id = _start(call.account, record, target)
        return Result(data | {"moved_at": None, "job_id": job_id}, "The move has been started")
    _arrive(call.account, record["id"], target)
    if behavior == "BACKFILL":
        _syncs.resync(call.account, record["id"])
    moved_at = call.account.clock.stamp(digits=3)
    return Result(data | {"moved_at": moved_at}, "Connection has been moved")


def _arrive(account: FakeAccount, connection_id: str, group_id: str) -> None:
    account.collection("connections").change(connection_id, group_id=group_id)


def _check_snowflake(account: FakeAccount, source: str, target: str) -> None:
    """Refuse what is known not to be Snowflake native tables or a Snowflake Lakehouse."""
    for group_id, table_type in ((source, "NATIVE"), (target, "LAKEHOUSE")):
        destination = account.collection("destinations").get(group_id)
        if destination is None:
            continue
        config = part(destination.get("config"))
        if (
            destination.get("service") != "snowflake"
            or config.get("table_type", table_type) != table_type
        ):
            message = (
                "CONTINUE_WITH_DATA is supported only from Snowflake native tables to a Snowflake "
                f"Lakehouse destination; the destination '{group_id}' is another"
            )
            raise invalid(message)


def _start(account: FakeAccount, record: StoredRecord, target: str) -> str:
    job: StoredRecord = {
        "id": account.new_id(),
        "status": "PENDING",
        "connection_id": record["id"],
        "source_group_id": record["group_id"],
        "destination_group_id": target,
        "created_at": account.clock.stamp(digits=3),
        "started_at": None,
        "completed_at": None,
        "error_message": None,
    }
    key = storage_key((record["id"],), job["id"])
    MOVES.rows(account).put(key, job)
    delay = account.sync_duration * START_SHARE
    account.clock.call_later(delay, lambda: _begin(account, key))
    account.clock.call_later(delay + account.sync_duration, lambda: _end(account, key))
    return str(job["id"])


def _begin(account: FakeAccount, key: str) -> None:
    job = MOVES.rows(account).get(key)
    if job is not None and job["status"] == "PENDING":
        MOVES.rows(account).change(
            key, status="IN_PROGRESS", started_at=account.clock.stamp(digits=3)
        )


def _end(account: FakeAccount, key: str) -> None:
    job = MOVES.rows(account).get(key)
    # A test may have ended the job by itself.
    if job is None or job["status"] != "IN_PROGRESS":
        return
    problem = _problem(account, job)
    if problem is None:
        _arrive(account, job["connection_id"], job["destination_group_id"])
    MOVES.rows(account).change(
        key,
        status="FAILED" if problem else "SUCCESS",
        error_message=problem,
        completed_at=account.clock.stamp(digits=3),
    )


def _problem(account: FakeAccount, job: StoredRecord) -> str | None:
    """Return why a move cannot be completed, or None if it can."""
    target = job["destination_group_id"]
    record = account.collection("connections").get(job["connection_id"])
    if record is None:
        return "The connection was deleted during the move"
    if target not in account.collection("groups"):
        return f"The group '{target}' was deleted during the move"
    if not record.get("paused"):
        return "The connection was resumed during the move"
    try:
        check_free(account, target, record["schema"])
    except Refusal as refusal:
        return refusal.message
    return None


def get_move(call: ServedCall, _: StoredRecord) -> Result:
    """Return the job of a move."""
    job = MOVES.rows(call.account).get(storage_key(call.path[:1], call.item))
    if job is None:
        raise MOVES.not_found(call.item)
    return Result(job)


def forget_moves(account: FakeAccount, connection_id: str) -> None:
    """Remove the jobs of a connection."""
    rows = MOVES.rows(account)
    for job in [job for job in rows if job["connection_id"] == connection_id]:
        rows.remove(SEPARATOR.join((connection_id, job["id"])))


MOVES = FamilyRules(
    name="connections.moves",
    noun="move job",
    scope=(("connection_id", "connections"),),
)
