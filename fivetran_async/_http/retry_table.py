"""PURE: the retry table, by failure and by retry class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from fivetran_async.errors import Fault

if TYPE_CHECKING:
    from fivetran_async._http.operation import RetryClass

Verdict: TypeAlias = Literal["retry", "retry once", "raise", "ambiguous"]

_VERDICT_OF: dict[str, Verdict] = {
    "Y": "retry",
    "1": "retry once",
    "N": "raise",
    "A": "ambiguous",
}

# One row per failure, one column per retry class. Y: retry. 1: retry once. N: raise. A: ambiguous.
_TABLE: dict[Fault, str] = {
    #                          read, set, delete, trigger, dangerous, secret
    Fault.NOT_SENT:           "Y Y Y Y Y Y",
    Fault.CERTIFICATE:        "N N N N N N",
    Fault.DROPPED:            "Y Y Y A A A",
    Fault.READ_TIMEOUT:       "Y Y Y A A A",
    Fault.BAD_FRAMING:        "Y Y Y A A A",
    # A delete with a 2xx was done: the transport never reports its response as truncated.
    Fault.TRUNCATED:          "Y Y N A A A",
    Fault.MALFORMED:          "1 N N N N N",
    Fault.TOO_LARGE:          "N N N N N N",
    Fault.REDIRECT:           "N N N N N N",
    Fault.REQUEST_TIMEOUT:    "Y Y Y Y A A",
    # A conflict of this API is a taken name or a running sync, and lasts longer than a retry.
    Fault.CONFLICT:           "N N N N N N",
    Fault.TOO_EARLY:          "1 1 N N N N",
    Fault.RATE_LIMITED:       "Y Y Y Y Y Y",
    Fault.SERVER_ERROR:       "Y Y Y A A A",
    Fault.BAD_GATEWAY:        "Y Y Y A A A",
    Fault.UNAVAILABLE:        "Y Y Y A A A",
    Fault.UNAVAILABLE_FOR:    "Y Y Y Y A A",
    Fault.UNSUPPORTED:        "N N N N N N",
    Fault.OTHER_SERVER_ERROR: "N N N A A A",
    Fault.OTHER_CLIENT_ERROR: "N N N N N N",
}  # fmt: skip

_CLASSES: Final[tuple[RetryClass, ...]] = (
    "read",
    "set",
    "delete",
    "trigger",
    "dangerous",
    "secret",
)
_VERDICTS: dict[tuple[Fault, RetryClass], Verdict] = {
    (fault, retry_class): _VERDICT_OF[letter]
    for fault, row in _TABLE.items()
    for retry_class, letter in zip(_CLASSES, row.split(), strict=True)
}

ADVICE = {
    "trigger": "Check the resource before you retry.",
    "dangerous": "Check whether it took effect before you retry.",
    "secret": (
        "The credential may have been replaced, and its only copy lost: "
        "check, and issue a new one if so."
    ),
}


def verdict(fault: Fault | None, retry_class: RetryClass) -> Verdict:
    """Look up the retry table."""
    return "raise" if fault is None else _VERDICTS[fault, retry_class]
