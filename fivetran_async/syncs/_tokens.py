"""PURE: a wait as text that another process can resume; it holds no credentials."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final, cast, get_args

import attrs

from fivetran_async._codec import decode
from fivetran_async.errors import FivetranError, InvalidArgumentError
from fivetran_async.syncs._outcome import SyncEnd, SyncVerdict
from fivetran_async.syncs._policy import SyncPolicy
from fivetran_async.syncs._watch import Watch, perhaps_triggered

_VERSION: Final = 1
_FORMER_NAMES: Final = {"told": "reported"}
"""Names of fields in tokens of earlier releases."""
UNREADABLE: Final = (
    AttributeError,
    FivetranError,
    KeyError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What reading a text raises that is not what it should be."""


@attrs.frozen
class Token:
    """
    The parts of a token.

    Attributes:
        watch: What the wait remembers.
        policy: How the sync is awaited.
        refusal: Why nothing was triggered, if so.
        account: The hash of the API key that began the wait; "" in tokens of earlier releases.
    """

    watch: Watch
    policy: SyncPolicy
    refusal: SyncVerdict | None = None
    account: str = ""


def write_token(token: Token) -> str:
    """Return a token as JSON text."""
    parts: dict[str, object] = {
        "version": _VERSION,
        "watch": attrs.asdict(token.watch, value_serializer=as_json),
        "policy": attrs.asdict(token.policy),
    }
    refusal = token.refusal
    if refusal is not None:
        parts["refusal"] = attrs.asdict(refusal, value_serializer=as_json)
    if token.account:
        parts["account"] = token.account
    return json.dumps(parts)


def intended_token(token: Token) -> str:
    """
    Return the token of a trigger that may have been sent, from what is remembered before it.

    It is for the process that goes on if this one ends before it knows: a store of the caller, the
    journal of a batch, or the other processes of a fleet keep it.
    """
    return write_token(attrs.evolve(token, watch=perhaps_triggered(token.watch)))


def parse_token(text: str) -> Token:
    """
    Read a token.

    Raises:
        InvalidArgumentError: The text is not a token of `SyncRun.to_token`.
    """
    try:
        parts = json.loads(text)
        if parts["version"] != _VERSION:
            raise InvalidArgumentError(f"its version is {parts['version']!r:.20}, not {_VERSION}")
        watch, policy = _watch_of(parts["watch"]), SyncPolicy(**parts["policy"])
        refusal = _refusal_of(parts["refusal"]) if "refusal" in parts else None
        account = _account_of(parts.get("account", ""))
    except UNREADABLE as error:
        problem = str(error)
    else:
        return Token(watch, policy, refusal, account)
    raise InvalidArgumentError(f"token must be one of SyncRun.to_token(): {problem}")


def as_json(_: object, __: object, value: object) -> object:
    """Serialize the times of an attrs class; the other values are JSON already."""
    return value.isoformat() if isinstance(value, datetime) else value


def _account_of(account: object) -> str:
    if not isinstance(account, str):
        raise InvalidArgumentError(f"its account is {account!r:.20}")
    return account


def _watch_of(parts: dict[str, object]) -> Watch:
    named = {_FORMER_NAMES.get(name, name): value for name, value in parts.items()}
    return decode(named, Watch, place="watch")


def _refusal_of(parts: dict[str, str | None]) -> SyncVerdict:
    status, reason = parts["status"], parts["reason"]
    if status not in get_args(SyncEnd) or not isinstance(reason, str):
        raise InvalidArgumentError(f"its refusal cannot be {status!r:.20}")
    ended = parts.get("finished_at")
    finished_at = None if ended is None else datetime.fromisoformat(ended)
    return SyncVerdict(status=cast("SyncEnd", status), reason=reason, finished_at=finished_at)
