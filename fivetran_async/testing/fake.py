"""`FakeFivetran`: a fake account, served over HTTP on this machine."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Awaitable, Iterable, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from fivetran_async._arguments import check_host, check_port, check_whole_number
from fivetran_async.errors import InvalidArgumentError, UsageError
from fivetran_async.testing._account import Delivery, FakeAccount
from fivetran_async.testing._checks import check_closed, checked_seconds
from fivetran_async.testing._deliveries import Deliveries
from fivetran_async.testing._drive import drive
from fivetran_async.testing._engine import Engine, UnknownFields, UnknownServices
from fivetran_async.testing._facts import facts
from fivetran_async.testing._scheduler import Scheduler
from fivetran_async.testing._server import RecordedRequest, Server
from fivetran_async.testing._setup import AccountSetup
from fivetran_async.testing._twins import Twin
from fivetran_async.testing.budgets import HOUR, PLANS, Budget, Budgets, PlanName
from fivetran_async.testing.clock import FakeClock
from fivetran_async.testing.demo import fill
from fivetran_async.testing.families import RULES
from fivetran_async.testing.families.people import OWNER_ROLE
from fivetran_async.testing.faults import Fault, Script

if TYPE_CHECKING:
    from fivetran_async.client import AsyncFivetran


T = TypeVar("T")

_WEEK: Final = 7 * 86_400.0
_PATIENCE: Final = 5.0
_CHOICES: Final = ("reject", "accept")
_VERBS: Final = ("GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS")


class FakeFivetran(AccountSetup, Twin):
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
        schedules: True lets connections sync by their own schedules, in UTC, as the clock moves;
            otherwise syncs start only by requests and by `start_sync()`.
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
        schedules: bool = False,
        latency: float = 0.0,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        check_closed("unknown_fields", unknown_fields, _CHOICES)
        check_closed("unknown_services", unknown_services, _CHOICES)
        self.api_key = api_key
        self.api_secret = api_secret
        check_host("host", host)
        check_port("port", port)
        self.clock: FakeClock = FakeClock(start, running=running)
        self._account = FakeAccount(
            self.clock,
            seed,
            any_service=unknown_services == "accept",
            any_field=unknown_fields == "accept",
        )
        if schedules:
            Scheduler.attach(self._account)
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

        Raises:
            InvalidArgumentError: A number is negative or not whole.
        """
        check_whole_number("groups", groups, at_least=0)
        check_whole_number("connections_per_group", connections_per_group, at_least=0)
        fake = cls(seed=seed, **options)
        fill(fake, groups=groups, connections_per_group=connections_per_group, seed=seed)
        return fake

    async def start(self) -> None:
        """
        Start the server on the running event loop; a second call does nothing.

        Clients on other loops, in other threads and in other processes can use it while its own
        loop is running. Requests that arrive while it is not are refused with a 421.

        Raises:
            UsageError: It was started on a loop that is not running now.
        """
        await self._server.start()

    async def stop(self) -> None:
        """
        Stop the server and close its connections; the account is kept for the next start.

        Raises:
            UsageError: It was started on a loop that is not running now.
        """
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

    def client(self, *, clock: FakeClock | None = None, **options: Any) -> AsyncFivetran:  # noqa: ANN401
        """
        Return a session with this account's URL and credentials.

        ```python
        async with FakeFivetran() as fake, fake.client(clock=fake.clock) as fivetran:
            connection_id = fake.add_connection()
            outcome = await fake.run(fivetran.connections.sync_and_wait(connection_id))
        ```

        Args:
            clock: The fake's `clock` lets waits, retries, deadlines and quotas take time on it,
                which `run()` and `advance()` move; by default they take real time. Timeouts of
                single requests are always real.
            options: The arguments of `AsyncFivetran`.
        """
        # A lazy import keeps the fake and the client independent of each other.
        from fivetran_async.client import AsyncFivetran  # noqa: PLC0415

        settings: dict[str, Any] = {
            "api_key": self.api_key,
            "api_secret": self.api_secret,
            "base_url": self.url,
        }
        if clock is not None:
            if not isinstance(clock, FakeClock):  # pyright: ignore[reportUnnecessaryIsInstance]
                message = f"clock must be the clock of a FakeFivetran, not {clock!r}"
                raise InvalidArgumentError(message)
            settings["_clock"] = clock
        return AsyncFivetran(**(settings | options))

    async def run(
        self, awaitable: Awaitable[T], *, within: float = _WEEK, patience: float = _PATIENCE
    ) -> T:
        """
        Await a coroutine, and move the clock for it whenever nothing else is left to do.

        The clock stands still while a request is under way, and while a webhook is delivered. It
        moves when all tasks of the event loop wait: to the next time for which a session with
        `clock=fake.clock`, or a caller of `fake.clock.sleep()`, waits. So a day of waiting takes no
        time, and every wait ends in its order.

        Args:
            awaitable: The coroutine; it is cancelled if this call is, or fails.
            within: Seconds of the clock after which the coroutine is given up; a week by default.
            patience: Real seconds to wait for a coroutine that waits for nothing on the clock.

        Raises:
            UsageError: The coroutine was given up; the message names who sleeps on the clock.
            InvalidArgumentError: `awaitable` cannot be awaited, or `within` or `patience` is
                negative or not a number.
        """
        if not inspect.isawaitable(awaitable):
            given = f"{awaitable!r:.100}"
            message = f"awaitable must be a coroutine, such as client.groups.get(...), not {given}"
            raise InvalidArgumentError(message)
        try:
            checked_seconds("within", within)
            checked_seconds("patience", patience)
        except InvalidArgumentError:
            if inspect.iscoroutine(awaitable):
                awaitable.close()
            raise
        return await drive(
            awaitable,
            self.clock,
            self.clock.waits,
            next_event=self._next_event,
            within=within,
            patience=patience,
        )

    def _next_event(self) -> float | None:
        # Without webhooks, only requests show that something has happened.
        if not len(self._account.collection("webhooks")):
            return None
        left = self.clock.next_due()
        return None if left is None else self.clock.exact() + left

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every received request, in order; clear the list to start over."""
        return self._server.requests

    def requests_for(self, operation: str) -> list[RecordedRequest]:
        """
        Return the requests of one operation, such as `groups.get`.

        Raises:
            InvalidArgumentError: The operation does not exist; the message suggests the most
                similar one.
        """
        _check_operation(operation)
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
        checked_seconds("sync_duration", seconds)
        connections = self._account.collection("connections")
        for record in list(connections) if connections.observer is not None else ():
            # Their syncs up to now had the duration from before.
            connections.get(record["id"])
        self._account.sync_duration = seconds

    @property
    def deliveries(self) -> Sequence[Delivery]:
        """The sent webhook events, with the status of each attempt."""
        return tuple(self._deliveries.log)

    async def settle(self) -> None:
        """
        Wait until every webhook event that is due has been delivered.

        Raises:
            UsageError: The fake is not started, or its event loop is not running.
        """
        await self._server.on_own_loop(self._deliveries.settle)

    def advance(self, seconds: float) -> None:
        """
        Move the account's clock forward by seconds; syncs start and end accordingly.

        Raises:
            InvalidArgumentError: `seconds` is negative or not a number, or the year 9000 would
                pass.
        """
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
            InvalidArgumentError: The operation does not exist, and the message suggests the most
                similar one; or the verb or the probability is invalid.
        """
        if operation is not None:
            _check_operation(operation)
        if verb is not None:
            check_closed("verb", verb, _VERBS)
        if probability is not None and not 0 <= probability <= 1:
            message = f"probability must be a number from 0 to 1, not {probability}"
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

        Raises:
            InvalidArgumentError: The plan, or the kind of a budget, is unknown.
        """
        if plan is not None:
            check_closed("plan", plan, PLANS)
        chosen = list(PLANS[plan]) if plan is not None else []
        if hourly is not None:
            chosen = [b for b in chosen if b.kind != "all"] + [Budget("all", hourly, HOUR)]
        chosen += budgets
        self._engine.budgets = Budgets(chosen) if chosen else None


def _check_operation(pattern: str) -> None:
    known = facts().operations
    if pattern in known or ("*" in pattern and any(fnmatchcase(name, pattern) for name in known)):
        return
    alike = difflib.get_close_matches(pattern, known, n=1, cutoff=0.0)
    message = f"unknown operation {pattern!r}; did you mean {alike[0]!r}?"
    raise InvalidArgumentError(message)
