"""One call of an operation across its attempts, and how its errors are completed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

import attrs

from fivetran_async._codec import Reports
from fivetran_async._http.observing import new_id
from fivetran_async._http.retry import OperationRun
from fivetran_async.errors import ResultMissingError

if TYPE_CHECKING:
    from fivetran_async._clock import Clock
    from fivetran_async._codec import Drift, DriftLog, UnknownField
    from fivetran_async._codec._drift import Finding
    from fivetran_async._http.closing import Closing
    from fivetran_async._http.credentials import Credentials
    from fivetran_async._http.observing import AccountFacts, CallTotals
    from fivetran_async._http.redaction import Redactor
    from fivetran_async._http.request import Expectation, Request
    from fivetran_async._http.retry import Policy, RetryBucket
    from fivetran_async.errors import FivetranError

_DONE = "Do not repeat the call."
_LOST = "The only copy of the credential is lost: issue a new one."


@attrs.frozen(eq=False, repr=False)
class Terms:
    """What all calls of a view of a session have in common."""

    credentials: Credentials
    account: AccountFacts
    policy: Policy
    clock: Clock
    bucket: RetryBucket
    closing: Closing
    notify: Callable[[FivetranError, int, float], Awaitable[None]]


@attrs.define(init=False, eq=False, repr=False)
class Call(OperationRun):
    """One call of an operation, with the request that every attempt sends."""

    request: Request
    given: Mapping[str, object]
    credentials: Credentials
    account: AccountFacts
    totals: CallTotals | None
    _call_id: str | None
    _redactor: Redactor | None

    def __init__(
        self,
        terms: Terms,
        request: Request,
        given: Mapping[str, object],
        deadline_at: float | None,
    ) -> None:
        # By hand: attrs would take all of it by name, at three times the cost.
        self.request = request
        self.given = given
        self.retry_class = request.operation.retry_class
        self.deadline_at = deadline_at
        self.credentials = terms.credentials
        self.account = terms.account
        self.policy = terms.policy
        self.clock = terms.clock
        self.bucket = terms.bucket
        self.closing = terms.closing
        self.notify = terms.notify
        self.attempts = 0
        self.delay = self.waited = 0.0
        self.first_failure = None
        self.maybe_applied = False
        self.refund = 1
        self.totals = self._call_id = self._redactor = None

    @property
    def call_id(self) -> str:
        """The id of the call, in its events, log records and errors; made when needed."""
        call_id = self._call_id
        if call_id is None:
            call_id = self._call_id = new_id()
        return call_id

    def advise(self) -> str:
        """Return how to find out what an ambiguous failure did."""
        operation = self.request.operation
        advice = operation.advise(operation.arguments(self.request.path, self.given))
        return self.redactor().clean(advice) if advice else ""

    def check_gone(self, error: FivetranError, expects: Expectation) -> None:
        """
        Do nothing if a retried delete found nothing, because an earlier attempt had done it.

        Raises:
            FivetranError: The error of the call, in all other cases.
        """
        if expects not in {"nothing", "anything"} or not self.found_gone(error):
            raise self.final_error(error)

    def missing_result(
        self, unread: FivetranError, cause: FivetranError | None
    ) -> ResultMissingError:
        """Return the error of a change that was made without a response that shows its result."""
        problem = self.redactor().clean(unread.message if cause is None else str(cause))
        error = ResultMissingError(
            f"The change was made, but its result is missing: {problem.rstrip('.')}.",
            status=unread.status,
            fate="responded",
            fault=unread.fault,
            attempts=unread.attempts,
        )
        error.retryable = False
        error.advice = self.advise() or (_LOST if self.retry_class == "secret" else _DONE)
        located(error, self.request)
        return error

    def redactor(self) -> Redactor:
        """Return what takes the secrets of this call out of texts; calls that succeed have none."""
        if self._redactor is None:
            self._redactor = redactor_of(self.credentials, self.request)
        return self._redactor


class CallLog(Reports):
    """The log of a session for one call: takes the secrets of the call out of reports."""

    __slots__ = ("_log", "_run")

    def __init__(self, log: DriftLog, run: Call) -> None:
        self._log = log
        self._run = run

    def is_new(self, finding: Finding) -> bool:
        """Ask the session."""
        return self._log.is_new(finding)

    def has_reported(self, model: str, fields: AbstractSet[str]) -> bool:
        """Ask the session."""
        return self._log.has_reported(model, fields)

    def __call__(self, drift: Drift) -> None:
        """Report a drift to the session."""
        self._log(self._run.redactor().drift(drift))

    def report_unknown(self, field: UnknownField) -> None:
        """Report an unknown field to the session."""
        self._log.report_unknown(self._run.redactor().unknown_field(field))


def redactor_of(credentials: Credentials, request: Request | None = None) -> Redactor:
    """Return what takes the secrets of a request out of texts."""
    # Loaded by the first failure.
    from fivetran_async._http.redaction import Redactor  # noqa: PLC0415

    return Redactor(credentials, request)


def located(error: FivetranError, request: Request) -> FivetranError:
    """Complete an error with the operation that it belongs to."""
    error.verb, error.path = request.verb, request.path
    error.operation, error.template = request.operation.name, request.operation.template
    return error
