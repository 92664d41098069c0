"""PURE: what the status of a sync means; the API adds words such as `SUCCESS_WITH_TASK`."""

from typing import Literal


def result_of(status: str) -> Literal["succeeded", "failed"] | None:
    """
    Return how a sync with this status ended.

    The sync history, webhooks and logs use different words with the same beginnings.

    Returns:
        None if it neither succeeded nor failed: it was stopped or postponed, or it is running, or
        the word is unknown.
    """
    word = status.upper()
    if word == "COMPLETED" or word.startswith("SUCCESS"):
        return "succeeded"
    return "failed" if word.startswith("FAIL") else None
