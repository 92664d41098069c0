"""
A typed, async-first client of the Fivetran REST API.

`AsyncFivetran` is the session; everything else here is what its methods take, return or raise.
An argument that is `UNSET` is not sent at all; `None` is sent as null, in a query not at all.
Every result is a `Serializable`: `to_dict()` and `from_dict()`; FastAPI and pydantic know them.
Models are in `fivetran_async.models`, what a family of the API can do is in
`fivetran_async.resources`.
"""

from fivetran_async import _interrupt as _interrupt  # before what takes long to import

# isort: split

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fivetran_async._codec import Drift, UnknownField
    from fivetran_async._codec._serializable import Serializable
    from fivetran_async._fan_out.api import FanOut, FanOutFailure, fan_out
    from fivetran_async._http.body import without_masks
    from fivetran_async._http.result import ActionResult, RawResponse
    from fivetran_async._model import Model
    from fivetran_async._types import UNSET, JSONValue, Unset
    from fivetran_async._version import __version__
    from fivetran_async.client import AsyncFivetran
    from fivetran_async.errors import (
        AmbiguousOutcomeError,
        AuthenticationError,
        CertificateError,
        ConfirmationRequiredError,
        ConflictError,
        ConnectError,
        ConnectionLostError,
        EventLoopError,
        FivetranError,
        InvalidArgumentError,
        InvalidRequestError,
        MissingCredentialsError,
        NotFoundError,
        OperationUnavailableError,
        PaginationError,
        PermissionDeniedError,
        RateLimitedError,
        ReadOnlyError,
        RedirectError,
        RequestTimeoutError,
        ResponseFormatError,
        ResultMissingError,
        SchemaNotCapturedError,
        ServerError,
        SessionClosedError,
        StatusError,
        TransportError,
        UsageError,
        WaitFailedError,
        WaitTimeoutError,
        WrongAccountError,
    )
    from fivetran_async.events import (
        ActivityEndEvent,
        ActivityStartEvent,
        CallEndEvent,
        CallStartEvent,
        RequestEvent,
        ResponseEvent,
        RetryEvent,
        WaitEvent,
    )
    from fivetran_async.limits import BudgetState, ConcurrencyLimiter, Quota, RateLimits
    from fivetran_async.options import Hooks, Timeouts
    from fivetran_async.pagination import Page, Pager
    from fivetran_async.retries import RetryPolicy, with_retry

__all__ = [
    "UNSET",
    "ActionResult",
    "ActivityEndEvent",
    "ActivityStartEvent",
    "AmbiguousOutcomeError",
    "AsyncFivetran",
    "AuthenticationError",
    "BudgetState",
    "CallEndEvent",
    "CallStartEvent",
    "CertificateError",
    "ConcurrencyLimiter",
    "ConfirmationRequiredError",
    "ConflictError",
    "ConnectError",
    "ConnectionLostError",
    "Drift",
    "EventLoopError",
    "FanOut",
    "FanOutFailure",
    "FivetranError",
    "Hooks",
    "InvalidArgumentError",
    "InvalidRequestError",
    "JSONValue",
    "MissingCredentialsError",
    "Model",
    "NotFoundError",
    "OperationUnavailableError",
    "Page",
    "Pager",
    "PaginationError",
    "PermissionDeniedError",
    "Quota",
    "RateLimitedError",
    "RateLimits",
    "RawResponse",
    "ReadOnlyError",
    "RedirectError",
    "RequestEvent",
    "RequestTimeoutError",
    "ResponseEvent",
    "ResponseFormatError",
    "ResultMissingError",
    "RetryEvent",
    "RetryPolicy",
    "SchemaNotCapturedError",
    "Serializable",
    "ServerError",
    "SessionClosedError",
    "StatusError",
    "Timeouts",
    "TransportError",
    "UnknownField",
    "Unset",
    "UsageError",
    "WaitEvent",
    "WaitFailedError",
    "WaitTimeoutError",
    "WrongAccountError",
    "__version__",
    "fan_out",
    "with_retry",
    "without_masks",
]

_NAMES: Final = {
    "_codec": ("Drift", "UnknownField"),
    "_codec._serializable": ("Serializable",),
    "_fan_out.api": ("FanOut", "FanOutFailure", "fan_out"),
    "_http.body": ("without_masks",),
    "_http.result": ("ActionResult", "RawResponse"),
    "_model": ("Model",),
    "_types": ("UNSET", "JSONValue", "Unset"),
    "_version": ("__version__",),
    "client": ("AsyncFivetran",),
    "errors": (
        "AmbiguousOutcomeError",
        "AuthenticationError",
        "CertificateError",
        "ConfirmationRequiredError",
        "ConflictError",
        "ConnectError",
        "ConnectionLostError",
        "EventLoopError",
        "FivetranError",
        "InvalidArgumentError",
        "InvalidRequestError",
        "MissingCredentialsError",
        "NotFoundError",
        "OperationUnavailableError",
        "PaginationError",
        "PermissionDeniedError",
        "RateLimitedError",
        "ReadOnlyError",
        "RedirectError",
        "RequestTimeoutError",
        "ResponseFormatError",
        "ResultMissingError",
        "SchemaNotCapturedError",
        "ServerError",
        "SessionClosedError",
        "StatusError",
        "TransportError",
        "UsageError",
        "WaitFailedError",
        "WaitTimeoutError",
        "WrongAccountError",
    ),
    "events": (
        "ActivityEndEvent",
        "ActivityStartEvent",
        "CallEndEvent",
        "CallStartEvent",
        "RequestEvent",
        "ResponseEvent",
        "RetryEvent",
        "WaitEvent",
    ),
    "limits": ("BudgetState", "ConcurrencyLimiter", "Quota", "RateLimits"),
    "options": ("Hooks", "Timeouts"),
    "pagination": ("Page", "Pager"),
    "retries": ("RetryPolicy", "with_retry"),
}

_MODULE_OF: Final = {name: module for module, names in _NAMES.items() for name in names}

_MODULES: Final = (
    "client",
    "configs",
    "errors",
    "events",
    "from_thread",
    "limits",
    "models",
    "options",
    "pagination",
    "resources",
    "retries",
    "sync_logs",
    "syncs",
    "webhooks",
)

if not TYPE_CHECKING:
    # Hidden from checkers, which would take every name for one that exists.

    def __getattr__(name: str) -> object:
        """Import a name on first use: webhooks, logs and `--help` need no HTTP client."""
        if name in _MODULES:
            return importlib.import_module(f"fivetran_async.{name}")
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = importlib.import_module(f"fivetran_async.{_MODULE_OF[name]}")
        value: object = getattr(module, name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__, *_MODULES})
