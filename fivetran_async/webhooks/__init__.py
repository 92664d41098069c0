"""
Receive webhooks with any web framework or none.

`WebhookReceiver` takes the headers and the body of a delivery and returns a `WebhookEvent`;
`fivetran_async.integrations` serves it with FastAPI, Starlette and aiohttp. `fivetran.webhooks`
creates webhooks.
"""

from fivetran_async.webhooks.delivery import (
    Delivery,
    DuplicateEventError,
    EventInProgressError,
    OnStoreFailure,
    SeenStoreUnavailableError,
)
from fivetran_async.webhooks.events import (
    EventName,
    SyncResult,
    WebhookEvent,
    WebhookEventData,
    parse_event,
)
from fivetran_async.webhooks.receiver import (
    BodyTooLargeError,
    InvalidPayloadError,
    StaleEventError,
    WebhookReceiver,
)
from fivetran_async.webhooks.seen import ClaimResult, SeenCache, SeenStore
from fivetran_async.webhooks.signature import (
    SIGNATURE_HEADER,
    InvalidSignatureError,
    MissingSignatureError,
    WebhookRefusedError,
    compute_signature,
    verify_signature,
)

__all__ = [
    "SIGNATURE_HEADER",
    "BodyTooLargeError",
    "ClaimResult",
    "Delivery",
    "DuplicateEventError",
    "EventInProgressError",
    "EventName",
    "InvalidPayloadError",
    "InvalidSignatureError",
    "MissingSignatureError",
    "OnStoreFailure",
    "SeenCache",
    "SeenStore",
    "SeenStoreUnavailableError",
    "StaleEventError",
    "SyncResult",
    "WebhookEvent",
    "WebhookEventData",
    "WebhookReceiver",
    "WebhookRefusedError",
    "compute_signature",
    "parse_event",
    "verify_signature",
]
