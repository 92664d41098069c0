"""
Webhooks received safely, with any web framework or none.

`WebhookReceiver` takes headers and body and gives a `WebhookEvent`; `fivetran_async.integrations`
has it ready for FastAPI, Starlette and aiohttp. Webhooks are created by `fivetran.webhooks`.
"""

from fivetran_async.webhooks.events import (
    EventName,
    SyncResult,
    WebhookEvent,
    WebhookEventData,
    parse_event,
)
from fivetran_async.webhooks.receiver import (
    BodyTooLargeError,
    DuplicateEventError,
    EventInProgressError,
    InvalidPayloadError,
    SeenCache,
    SeenStore,
    StaleEventError,
    WebhookReceiver,
)
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
    "DuplicateEventError",
    "EventInProgressError",
    "EventName",
    "InvalidPayloadError",
    "InvalidSignatureError",
    "MissingSignatureError",
    "SeenCache",
    "SeenStore",
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
