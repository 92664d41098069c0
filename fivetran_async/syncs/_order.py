"""What a batch has to do for a connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import attrs

from fivetran_async._types import UNSET, Unset
from fivetran_async.syncs._outcome import SyncOutcome


@attrs.frozen(kw_only=True)
class Order:
    """
    The sync that is wanted.

    Attributes:
        scope: The tables of a resync.
        joins: Whether a running sync is joined without a trigger.
        max_age: Seconds since the last success for which no sync is wanted; None if one always is.
    """

    connection_id: str
    kind: Literal["sync", "resync"] = "sync"
    force: bool = False
    scope: Mapping[str, Sequence[str]] | Unset = UNSET
    joins: bool = False
    max_age: float | None = None


@attrs.frozen
class Resumption:
    """
    The wait of another process that is to be resumed.

    Attributes:
        token: The token of the wait; of the sync before its trigger, if `is_sent` is False.
        is_sent: False if the other process ended when it was about to trigger the sync, so that no
            one knows whether it did.
    """

    connection_id: str
    token: str
    is_sent: bool = attrs.field(default=True, kw_only=True)


Item: TypeAlias = Order | Resumption | SyncOutcome
