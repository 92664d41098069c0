"""`FakeFivetran`: an account in a box, served over real HTTP on this machine."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from fivetran_async.testing._account import Account, Delivery, SyncPlan
from fivetran_async.testing._deliveries import Deliveries
from fivetran_async.testing._engine import Engine, UnknownFields, UnknownServices
from fivetran_async.testing._facts import Record, facts
from fivetran_async.testing._rules import Call, storage_key
from fivetran_async.testing._server import RecordedRequest, Server
from fivetran_async.testing.budgets import HOUR, PLANS, Budget, Budgets, Plan
from fivetran_async.testing.clock import FakeClock
from fivetran_async.testing.demo import fill
from fivetran_async.testing.families import RULES, _syncs
from fivetran_async.testing.families._services import service_problem
from fivetran_async.testing.families.people import OWNER_ROLE
from fivetran_async.testing.faults import Fault, Script

if TYPE_CHECKING:
    from fivetran_async._services import Kind
    from fivetran_async.client import AsyncFivetran


class FakeFivetran:
    """
    An in-memory Fivetran account behind a real HTTP server on a loopback port.

    ```python
    async with FakeFivetran() as fake:
        group_id = fake.add_group(name="warehouse")
        async with fake.client() as fivetran:
            group = await fivetran.groups.get(group_id)
    ```

    It answers as the API does, refuses what the API refuses, keeps what is created, lets syncs run
    by its own clock, and tells what arrived in `requests`. Nothing leaves this machine.

    Args:
        api_key: The key that requests must carry.
        api_secret: Its secret.
        unknown_fields: Body fields that the API does not know: `"reject"` answers 400, `"accept"`
            keeps quiet.
        unknown_services: Services that are not in this release's table: `"reject"` refuses them
            with a suggestion, `"accept"` takes any name.
        legacy_paths: Whether the paths that say `connectors`, as before 2025, are served too.
        seed: Makes ids and secrets repeat from run to run.
        start: The account's time at the beginning; now, if not given.
        running: Whether the account's clock moves with real time, or only by `advance()`.
        latency: Real seconds that every answer takes.
        host: The address to listen on.
        port: The port to listen on; 0 takes a free one.
    """

    def __init__(
        self,
        *,
        api_key: str = "fake_key",
        api_secret: str = "fake_secret",  # noqa: S107 - nothing real is behind it
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
        self._account = Account(
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
        self._server = Server(self._engine, self._deliveries, host, port, latency)
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
        **options: Any,  # noqa: ANN401 - they are the constructor's
    ) -> Self:
        """
        A believable account: groups with their destinations, and connections in every state.

        Some groups have no destination, and one is empty. The same seed gives the same account.
        """
        fake = cls(seed=seed, **options)
        fill(fake, groups=groups, connections_per_group=connections_per_group, seed=seed)
        return fake

    async def start(self) -> None:
        """Begin to listen; a second call does nothing."""
        await self._server.start()

    async def stop(self) -> None:
        """Close every connection; the account stays, and may be started again."""
        await self._server.stop()

    @property
    def url(self) -> str:
        """
        The root to use as `base_url`.

        Raises:
            RuntimeError: It is not started.
        """
        if self._server.url is None:
            message = "FakeFivetran is not started: use `async with FakeFivetran() as fake`"
            raise RuntimeError(message)
        return self._server.url

    def client(self, **options: Any) -> AsyncFivetran:  # noqa: ANN401
        """A session with this account's address and credentials; `options` are the session's."""
        # The core never imports the fake, nor the fake the core before somebody asks for it.
        from fivetran_async.client import AsyncFivetran  # noqa: PLC0415

        settings: dict[str, Any] = {
            "api_key": self.api_key,
            "api_secret": self.api_secret,
            "base_url": self.url,
        }
        return AsyncFivetran(**(settings | options))

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request that arrived, in order; clear the list to start anew."""
        return self._server.requests

    def requests_for(self, operation: str) -> list[RecordedRequest]:
        """Those requests that meant one operation, as `groups.get`."""
        return [request for request in self.requests if request.operation == operation]

    @property
    def in_flight(self) -> int:
        """How many requests are being answered now."""
        return self._server.in_flight

    @property
    def max_in_flight(self) -> int:
        """The most requests that were being answered at one time; set it to 0 to start anew."""
        return self._server.max_in_flight

    @max_in_flight.setter
    def max_in_flight(self, value: int) -> None:
        self._server.max_in_flight = value

    @property
    def latency(self) -> float:
        """Real seconds that every answer takes."""
        return self._server.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._server.latency = seconds

    @property
    def sync_duration(self) -> float:
        """Seconds on the account's clock that a sync takes if no plan says otherwise."""
        return self._account.sync_duration

    @sync_duration.setter
    def sync_duration(self, seconds: float) -> None:
        self._account.sync_duration = seconds

    @property
    def deliveries(self) -> Sequence[Delivery]:
        """The webhook events that were sent, with the statuses they met."""
        return tuple(self._deliveries.log)

    async def settle(self) -> None:
        """Wait until every webhook event that is due was delivered."""
        await self._deliveries.settle()

    def advance(self, seconds: float) -> None:
        """Move the account's clock: syncs run and end on the way."""
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
        Script a fault for requests to come.

        Args:
            operation: The client's method, as `"groups.get"`; patterns as `"groups.*"` work.
            fault: What shall happen.
            path: A pattern for the raw path, as `"/v1/groups/*"`.
            verb: Only requests of this verb.
            times: How often at most; None for ever.
            nth: Only the nth request that fits, counted from 1.
            probability: Only so large a part of the requests, from 0 to 1; chosen by the seed.
        """
        known = facts().operations
        if operation is not None and "*" not in operation and operation not in known:
            alike = difflib.get_close_matches(operation, known, n=1, cutoff=0.0)
            message = f"there is no operation {operation!r}; did you mean {alike[0]!r}?"
            raise ValueError(message)
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
        """Forget every scripted fault."""
        self._server.scripts.clear()

    def rate_limit(
        self, plan: Plan | None = None, *, hourly: int | None = None, budgets: Iterable[Budget] = ()
    ) -> None:
        """
        Count requests against budgets from now on; without arguments, stop counting.

        Args:
            plan: The vendor's own figures, `"trial"` or `"paid"`.
            hourly: Instead of the plan's, so many requests an hour in all.
            budgets: More budgets, or all of them if no plan is named.
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
        Add a connected destination to a group and return its id, which is the group's.

        Raises:
            ValueError: The service is unknown, and `unknown_services` is not `"accept"`.
        """
        self._check_service(service, "destination")
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
        Add a connection, set up and waiting for its next sync, and return its id.

        Without `group_id` it goes to the first group, which is made if there is none. All fields of
        a connection can be set, those of its status (`update_state`, `tasks`) beside the others.

        Raises:
            ValueError: The service is unknown, and `unknown_services` is not `"accept"`.
        """
        self._check_service(service, "source")
        if group_id is None:
            first = next(iter(self._account.collection("groups")), None)
            group_id = first["id"] if first else self.add_group()
        paused = bool(fields.get("paused", sync_state == "paused"))
        rows = self._account.collection("connections")
        record: Record = {
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
        # Not by `add`: large accounts are made of these, hundreds of thousands of them.
        rows.put(record["id"], record)
        return str(record["id"])

    def _check_service(self, service: str, kind: Kind) -> None:
        problem = None if self._account.any_service else service_problem(service, kind)
        if problem is not None:
            raise ValueError(problem)

    def add(self, family: str, **fields: object) -> str:
        """
        Put something into the account as it is, without the checks of the API, and return its id.

        Args:
            family: As the client names it: `"users"`, `"webhooks"`, `"teams.users"`.
            fields: Those of the API, and for nested families their parent's (`team_id`).
        """
        rules = RULES.family(family)
        given = {name: value for name, value in fields.items() if name != "id" or value is not None}
        call = Call(self._account, facts().operations["groups.create"], (), {}, given)
        record: Record = rules.fresh(call) | given
        if rules.key not in record:
            record = {rules.key: self._account.new_id()} | record
        parents = tuple(str(record[field]) for field, _ in rules.scope)
        rules.rows(self._account).put(storage_key(parents, record[rules.key]), record)
        return str(record[rules.key])

    def record(self, family: str, *ids: str) -> Record:
        """
        What the account remembers of one thing, by its id (after those of its parents).

        Raises:
            KeyError: There is no such thing.
        """
        found = RULES.family(family).rows(self._account).get(storage_key(ids[:-1], ids[-1]))
        if found is None:
            raise KeyError(ids)
        return dict(found)

    def change(self, family: str, *ids: str, **fields: object) -> None:
        """Change what the account remembers of one thing, behind the client's back."""
        RULES.family(family).rows(self._account).change(storage_key(ids[:-1], ids[-1]), **fields)

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
        Decide how the next sync of a connection goes; plans are used up one by one.

        Args:
            connection_id: Whose sync.
            outcome: One of succeeded, failed, broken, rescheduled, canceled, never_starts, stuck.
            start_after: Seconds on the account's clock until it is syncing.
            duration: Seconds it runs; `sync_duration` if not given.
            reason: Said in the sync's record and its webhook event.
            rescheduled_after: For `rescheduled`: when it is to run again.
        """
        if outcome not in _syncs.OUTCOMES:
            message = (
                f"outcome must be one of {', '.join(sorted(_syncs.OUTCOMES))}, not {outcome!r}"
            )
            raise ValueError(message)
        plan = SyncPlan(outcome, start_after, duration, reason, rescheduled_after)
        self._account.plan(connection_id, plan)

    def start_sync(self, connection_id: str) -> None:
        """Start a sync, as the connection's own schedule would; a plan for it applies."""
        _syncs.start(self._account, connection_id)

    def plan_setup_tests(self, item_id: str, results: Iterable[Mapping[str, Any]] | None) -> None:
        """Decide what the setup tests of one thing say from now on; None lets them pass again."""
        if results is None:
            self._account.test_results.pop(item_id, None)
        else:
            self._account.test_results[item_id] = [dict(result) for result in results]
