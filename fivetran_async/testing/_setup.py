"""What tests put into a fake account, without requests: records, planned syncs, setup tests."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any, Final

from fivetran_async.errors import InvalidArgumentError
from fivetran_async.testing._account import FakeAccount, SyncPlan
from fivetran_async.testing._checks import check_closed, check_open, checked_seconds, similar
from fivetran_async.testing._facts import Fields, ScalarType, StoredRecord, deep_copy, facts
from fivetran_async.testing._rules import storage_key
from fivetran_async.testing.families import RULES, _syncs
from fivetran_async.testing.families._services import require_service

_STATUS_WORDS: Final[Mapping[str, frozenset[str]]] = {
    "setup_state": frozenset({"incomplete", "connected", "broken"}),
    "sync_state": frozenset({"scheduled", "syncing", "paused", "rescheduled"}),
    "update_state": frozenset({"on_schedule", "delayed"}),
    "schedule_type": frozenset({"auto", "manual"}),
}
"""The known words of a connection's status; the API can add others, so only misspelt ones fail."""


_TEST_STATUSES: Final = frozenset({"PASSED", "SKIPPED", "WARNING", "FAILED", "JOB_FAILED"})


@functools.cache
def field_names(family: str) -> frozenset[str]:
    """Return the field names of a family: those of its requests, its responses and its path."""
    rules, table = RULES.family(family), facts()
    found = {rules.key, *rules.own_fields, *(field for field, _ in rules.scope)}
    for operation in table.operations.values():
        if operation.family == family:
            found |= operation.body.types.keys() if isinstance(operation.body, Fields) else set()
            found |= table.shapes[operation.shape].types.keys() if operation.shape else set()
    if family == "connections":
        found |= table.shapes["ConnectionStatus"].types.keys()
    return frozenset(found)


@functools.cache
def _connection_words() -> Mapping[str, frozenset[str]]:
    types = facts().shapes["Connection"].types
    declared: dict[str, frozenset[str]] = {
        name: frozenset(kind.choices)
        for name, kind in types.items()
        if isinstance(kind, ScalarType) and kind.kind == "text" and kind.choices
    }
    return {**declared, **_STATUS_WORDS}


class AccountSetup:
    """The set-up of a fake account; `FakeFivetran` inherits these methods."""

    _account: FakeAccount

    def add_group(self, *, name: str = "warehouse", id: str | None = None) -> str:
        """Add a group and return its id."""
        return self.add("groups", name=name, id=id)

    def add_destination(
        self, *, group_id: str, service: str = "snowflake", **fields: object
    ) -> str:
        """
        Add a connected destination to a group and return its id, which is the group's id.

        Raises:
            InvalidArgumentError: The service is unknown, and `unknown_services` is not `"accept"`.
        """
        require_service(self._account, service, "destination")
        settings = {"setup_status": "connected"} | fields
        return self.add("destinations", group_id=group_id, service=service, **settings)

    def add_connection(
        self,
        *,
        group_id: str | None = None,
        service: str = "postgres",
        schema: str | None = None,
        setup_state: str = "connected",
        sync_state: str | None = None,
        **fields: object,
    ) -> str:
        """
        Add a connection that is set up and waits for its next sync, and return its id.

        Without `group_id` it belongs to the first group, which is created if necessary. `fields`
        can be all fields of a connection, including those of its status (`update_state`, `tasks`).

        Raises:
            InvalidArgumentError: The service is unknown, and `unknown_services` is not `"accept"`;
                or a field is unknown, and `unknown_fields` is not; or a word is misspelt.
        """
        require_service(self._account, service, "source")
        self._check_connection({"setup_state": setup_state, "sync_state": sync_state, **fields})
        if group_id is None:
            first = next(iter(self._account.collection("groups")), None)
            group_id = first["id"] if first else self.add_group()
        paused = bool(fields.get("paused", sync_state == "paused"))
        rows = self._account.collection("connections")
        record: StoredRecord = {
            "id": fields.get("id") or self._account.new_id(),
            "group_id": group_id,
            "service": service,
            "schema": schema or f"{service}_{len(rows) + 1}",
            "connected_by": self._account.owner_id,
            "setup_state": setup_state,
            "sync_state": sync_state or ("paused" if paused else "scheduled"),
            "paused": paused,
            **deep_copy(fields),
        }
        if "created_at" not in record:
            record["created_at"] = self._account.clock.stamp()
        # Faster than `add`: large accounts have hundreds of thousands of connections.
        rows.put(record["id"], record)
        return str(record["id"])

    def _check_connection(self, fields: Mapping[str, object]) -> None:
        words = _connection_words()
        for name in words.keys() & fields.keys():
            value = fields[name]
            if value is not None and value not in words[name]:
                check_open(name, value, words[name])
        known = field_names("connections")
        if fields.keys() <= known or self._account.any_field:
            return
        name = min(fields.keys() - known)
        near = similar(name, known)
        hint = f"; did you mean {near!r}?" if near is not None else ""
        message = f"connections have no field {name!r}{hint}"
        raise InvalidArgumentError(message)

    def _check_fields(self, family: str, fields: Mapping[str, object]) -> None:
        if self._account.any_field:
            return
        known = field_names(family)
        for name in fields.keys() - known:
            check_open(f"field of {family}", name, known)

    def add(self, family: str, **fields: object) -> str:
        """
        Add a record to the account, without the API's checks, and return its id.

        Args:
            family: The client's name of the family: `"users"`, `"webhooks"`, `"teams.users"`.
            fields: The API's fields, and for nested families the id of the parent (`team_id`).

        Raises:
            InvalidArgumentError: The family does not exist, or a field is misspelt; the message
                suggests the most similar one. Or the id of a parent is missing.
        """
        self._check_fields(family, fields)
        return RULES.add(self._account, family, fields)

    def record(self, family: str, *ids: str) -> StoredRecord:
        """
        Return a copy of a record, by its id after the ids of its parents.

        Raises:
            UnknownRecordError: The record does not exist.
            InvalidArgumentError: The family does not exist; the message suggests the most similar
                one.
        """
        rows = RULES.rows_with(self._account, family, ids)
        return deep_copy(rows[storage_key(ids[:-1], ids[-1])])

    def change(self, family: str, *ids: str, **fields: object) -> None:
        """
        Change fields of a record without a request, as if in the dashboard.

        Raises:
            UnknownRecordError: The record does not exist.
            InvalidArgumentError: The family does not exist, or a field is misspelt; the message
                suggests the most similar one.
        """
        self._check_fields(family, fields)
        rows = RULES.rows_with(self._account, family, ids)
        rows.change(storage_key(ids[:-1], ids[-1]), **deep_copy(fields))

    def plan_sync(
        self,
        connection_id: str,
        outcome: str = "succeeded",
        *,
        start_after: float = 0.0,
        duration: float | None = None,
        reason: str | None = None,
        rescheduled_after: float = 900.0,
    ) -> None:
        """
        Plan the next sync of a connection; each sync uses one plan, in order.

        Args:
            connection_id: The id of the connection.
            outcome: One of succeeded, failed, broken, rescheduled, canceled, never_starts, stuck.
            start_after: Seconds on the account's clock until the sync runs.
            duration: Seconds on the account's clock that the sync runs, by default
                `sync_duration`.
            reason: The reason in the sync's record and in its webhook event.
            rescheduled_after: For `rescheduled`: seconds until the sync is repeated.

        Raises:
            UnknownRecordError: The connection does not exist.
            InvalidArgumentError: The outcome is unknown, or a number of seconds is not finite.
        """
        check_closed("outcome", outcome, _syncs.OUTCOMES)
        checked_seconds("start_after", start_after)
        checked_seconds("rescheduled_after", rescheduled_after)
        if duration is not None:
            checked_seconds("duration", duration)
        RULES.rows_with(self._account, "connections", (connection_id,))
        plan = SyncPlan(outcome, start_after, duration, reason, rescheduled_after)
        self._account.plan(connection_id, plan)

    def start_sync(self, connection_id: str) -> None:
        """
        Start a sync like the connection's own schedule does; it uses the next plan.

        Raises:
            UnknownRecordError: The connection does not exist.
        """
        RULES.rows_with(self._account, "connections", (connection_id,))
        _syncs.start(self._account, connection_id)

    def plan_setup_tests(self, item_id: str, results: Iterable[Mapping[str, Any]] | None) -> None:
        """
        Set the results of future setup tests of one record; None lets all tests pass.

        Raises:
            InvalidArgumentError: The status of a result is misspelt.
        """
        if results is None:
            self._account.test_results.pop(item_id, None)
            return
        planned = list(map(deep_copy, results))
        for result in planned:
            check_open("status", result.get("status"), _TEST_STATUSES)
        self._account.test_results[item_id] = planned
