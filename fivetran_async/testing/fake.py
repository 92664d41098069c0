"""`FakeFivetran`: a fake account, served over HTTP on this machine."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from fivetran_async.errors import InvalidArgumentError, UsageError
from fivetran_async.testing._account import Delivery, FakeAccount, SyncPlan
from fivetran_async.testing._deliveries import Deliveries
from fivetran_async.testing._engine import Engine, UnknownFields, UnknownServices
from fivetran_async.testing._facts import StoredRecord, facts
from fivetran_async.testing._rules import storage_key
from fivetran_async.testing._server import RecordedRequest, Server
from fivetran_async.testing._twins import Twin
from fivetran_async.testing.budgets import HOUR, PLANS, Budget, Budgets, PlanName
from fivetran_async.testing.clock import FakeClock, checked_seconds
from fivetran_async.testing.demo import fill
from fivetran_async.testing.families import RULES, _syncs
from fivetran_async.testing.families._services import require_service
from fivetran_async.testing.families.people import OWNER_ROLE
from fivetran_async.testing.faults import Fault, Script

if TYPE_CHECKING:
    from fivetran_async.client import AsyncFivetran


class FakeFivetran(Twin):
    """
    An in-memory Fivetran account behind an HTTP server on a loopback port.

    ```python
    async with FakeFivetran() as fake:
        group_id = fake.add_group(name="warehouse")
        async with fake.client() as fivetran:
            group = await fivetran.groups.get(group_id)
    ```

    It responds like the API, rejects what the API rejects, stores what clients create, and runs
    syncs on its own clock. `requests` records every request. It makes no connection to other
    machines.

    Args:
        api_key: The API key that requests must have.
        api_secret: The API secret that requests must have.
        unknown_fields: For unknown fields in a body, `"reject"` responds with 400 and `"accept"`
            ignores them.
        unknown_services: For services that this release does not know, `"reject"` responds with
            an error that suggests a similar name, and `"accept"` allows any name.
        legacy_paths: Also serve the paths with `connectors`, which were valid before 2025.
        seed: The same seed gives the same ids and secrets in every run.
        start: The account's time at the start; by default the current time.
        running: True lets the clock follow real time; otherwise only `advance()` moves it.
        latency: Real seconds that every response takes.
        host: The address to listen on.
        port: The port to listen on; 0 picks a free port.
    """

    def __init__(
        self,
        *,
        api_key: str = "fake_key",
        api_secret: str = "fake_secret",  # noqa: S107 - not a real secret
        unknown_fields: UnknownFields = "reject",
        unknown_services: UnknownServices = "reject",
        legacy_paths: bool = True,
        seed: int = 0,
        start: datetime | None = None,
        running: bool = True,
        latency: float = 0.0,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.api_key = api_key
        self.api_secret = api_secret
        self.clock: FakeClock = FakeClock(start, running=running)
        self._account = FakeAccount(
            self.clock,
            seed,
            any_service=unknown_services == "accept",
            any_field=unknown_fields == "accept",
        )
        self._engine = Engine(
            self._account,
            RULES,
            api_key,
            api_secret,
            unknown_fields=unknown_fields,
            legacy_paths=legacy_paths,
        )
        self._deliveries = Deliveries(self._account)
        self._server = Server(
            self._engine, self._deliveries, host, port, checked_seconds("latency", latency)
        )
        self._account.owner_id = self.add(
            "users",
            email="owner@example.com",
            given_name="Avery",
            family_name="Owner",
            role=OWNER_ROLE,
            logged_in_at=self.clock.stamp(),
            active=True,
            verified=True,
            invited=False,
        )

    def __repr__(self) -> str:
        where = self._server.url or "not started"
        return f"<FakeFivetran {where}, {len(self.requests)} requests>"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    @classmethod
    def demo(
        cls,
        groups: int = 12,
        connections_per_group: int = 18,
        seed: int = 7,
        **options: Any,  # noqa: ANN401 - the constructor's arguments
    ) -> Self:
        """
        Return a realistic account: groups with destinations, and connections in every state.

        Some groups have no destination, and one is empty. The same seed gives the same account.
        `options` are the constructor's arguments.
        """
        fake = cls(seed=seed, **options)
        fill(fake, groups=groups, connections_per_group=connections_per_group, seed=seed)
        return fake

    async def start(self) -> None:
        """Start the server; a second call does nothing."""
        await self._server.start()

    async def stop(self) -> None:
        """Stop the server and close its connections; the account is kept for the next start."""
        await self._server.stop()

    @property
    def url(self) -> str:
        """
        The root URL of the server, for `base_url`.

        Raises:
            UsageError: The server is not started.
        """
        if self._server.url is None:
            message = "FakeFivetran is not started: use `async with FakeFivetran() as fake`"
            raise UsageError(message)
        return self._server.url

    def client(self, **options: Any) -> AsyncFivetran:  # noqa: ANN401
        """Return a session with this account's URL and credentials; `options` are the session's."""
        # A lazy import keeps the fake and the client independent of each other.
        from fivetran_async.client import AsyncFivetran  # noqa: PLC0415

        settings: dict[str, Any] = {
            "api_key": self.api_key,
            "api_secret": self.api_secret,
            "base_url": self.url,
        }
        return AsyncFivetran(**(settings | options))

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every received request, in order; clear the list to start over."""
        return self._server.requests

    def requests_for(self, operation: str) -> list[RecordedRequest]:
        """Return the requests of one operation, such as `groups.get`."""
        return [request for request in self.requests if request.operation == operation]

    @property
    def in_flight(self) -> int:
        """The number of unfinished requests."""
        return self._server.in_flight

    @property
    def max_in_flight(self) -> int:
        """The highest number of concurrent requests; set it to 0 to start over."""
        return self._server.max_in_flight

    @max_in_flight.setter
    def max_in_flight(self, value: int) -> None:
        self._server.max_in_flight = value

    @property
    def latency(self) -> float:
        """Real seconds that every response takes."""
        return self._server.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._server.latency = checked_seconds("latency", seconds)

    @property
    def sync_duration(self) -> float:
        """Default duration of a sync, in seconds on the account's clock."""
        return self._account.sync_duration

    @sync_duration.setter
    def sync_duration(self, seconds: float) -> None:
        self._account.sync_duration = checked_seconds("sync_duration", seconds)

    @property
    def deliveries(self) -> Sequence[Delivery]:
        """The sent webhook events, with the status of each attempt."""
        return tuple(self._deliveries.log)

    async def settle(self) -> None:
        """Wait until every webhook event that is due has been delivered."""
        await self._deliveries.settle()

    def advance(self, seconds: float) -> None:
        """Move the account's clock forward by seconds; syncs start and end accordingly."""
        self.clock.advance(seconds)

    def fail(
        self,
        operation: str | None = None,
        *,
        fault: Fault,
        path: str | None = None,
        verb: str | None = None,
        times: int | None = 1,
        nth: int | None = None,
        probability: float | None = None,
    ) -> Script:
        """
        Script a fault for future requests.

        Args:
            operation: The client's method, such as `"groups.get"`, or a pattern, `"groups.*"`.
            fault: What happens to the requests.
            path: A pattern for the raw path, such as `"/v1/groups/*"`.
            verb: Only requests with this verb.
            times: The maximum number of faults; None means no maximum.
            nth: Only the nth matching request, counted from 1.
            probability: Only this share of the requests, from 0 to 1; the seed decides which.

        Raises:
            InvalidArgumentError: The operation does not exist; the message suggests the most
                similar one.
        """
        known = facts().operations
        if operation is not None and "*" not in operation and operation not in known:
            alike = difflib.get_close_matches(operation, known, n=1, cutoff=0.0)
            message = f"unknown operation {operation!r}; did you mean {alike[0]!r}?"
            raise InvalidArgumentError(message)
        script = Script(
            fault=fault,
            operation=operation,
            path=path,
            verb=verb,
            times=times,
            nth=nth,
            probability=probability,
        )
        self._server.scripts.append(script)
        return script

    def heal(self) -> None:
        """Remove all scripted faults."""
        self._server.scripts.clear()

    def rate_limit(
        self,
        plan: PlanName | None = None,
        *,
        hourly: int | None = None,
        budgets: Iterable[Budget] = (),
    ) -> None:
        """
        Apply rate limits to future requests; without arguments, remove them.

        Args:
            plan: The vendor's limits for `"trial"` or `"paid"`.
            hourly: Requests per hour, instead of the plan's limit.
            budgets: Additional limits, or all of them without `plan`.
        """
        chosen = list(PLANS[plan]) if plan is not None else []
        if hourly is not None:
            chosen = [b for b in chosen if b.kind != "all"] + [Budget("all", hourly, HOUR)]
        chosen += budgets
        self._engine.budgets = Budgets(chosen) if chosen else None

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
            InvalidArgumentError: The service is unknown, and `unknown_services` is not `"accept"`.
        """
        require_service(self._account, service, "source")
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
            **fields,
        }
        if "created_at" not in record:
            record["created_at"] = self.clock.stamp()
        # Faster than `add`: large accounts have hundreds of thousands of connections.
        rows.put(record["id"], record)
        return str(record["id"])

    def add(self, family: str, **fields: object) -> str:
        """
        Add a record to the account, without the API's checks, and return its id.

        Args:
            family: The client's name of the family: `"users"`, `"webhooks"`, `"teams.users"`.
            fields: The API's fields, and for nested families the id of the parent (`team_id`).

        Raises:
            InvalidArgumentError: The family does not exist; the message suggests the most similar
                one. Or the id of a parent is missing.
        """
        return RULES.add(self._account, family, fields)

    def record(self, family: str, *ids: str) -> StoredRecord:
        """
        Return a copy of a record, by its id after the ids of its parents.

        Raises:
            UnknownRecordError: The record does not exist.
            InvalidArgumentError: The family does not exist; the message suggests the most similar
                one.
        """
        return dict(RULES.rows_with(self._account, family, ids)[storage_key(ids[:-1], ids[-1])])

    def change(self, family: str, *ids: str, **fields: object) -> None:
        """
        Change fields of a record without a request, as if in the dashboard.

        Raises:
            UnknownRecordError: The record does not exist.
        """
        RULES.rows_with(self._account, family, ids).change(storage_key(ids[:-1], ids[-1]), **fields)

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
            InvalidArgumentError: The outcome is unknown, or a number of seconds is not finite.
        """
        checked_seconds("start_after", start_after)
        checked_seconds("rescheduled_after", rescheduled_after)
        if duration is not None:
            checked_seconds("duration", duration)
        if outcome not in _syncs.OUTCOMES:
            message = (
                f"outcome must be one of {', '.join(sorted(_syncs.OUTCOMES))}, not {outcome!r}"
            )
            raise InvalidArgumentError(message)
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
        """Set the results of future setup tests of one record; None lets all tests pass."""
        if results is None:
            self._account.test_results.pop(item_id, None)
        else:
            self._account.test_results[item_id] = [dict(result) for result in results]
