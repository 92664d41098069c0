"""PURE: what applying changes costs: requests, quotas, minutes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from fivetran_async.as_code._kinds.rules import PAUSED, TESTED
from fivetran_async.as_code._planning.changes import Change, Hazard, PlanCost
from fivetran_async.as_code._planning.hazards import STOPS_SYNC
from fivetran_async.as_code._secrets.fields import KEPT, references_in

_PER_HOUR: Final = {"all": 20_000, "setup_tests": 2_500, "source": 5_000, "user_creation": 500}
"""The quotas of a paid plan."""

_UPDATE: Final = 3
_CREATE: Final = 3
_DELETE: Final = 2
_LISTED_IN_A_GROUP: Final = 2
"""The reads that show that a group is empty, before it is deleted."""
_MOVE: Final = 7
_WITH_ROLE: Final = frozenset({"users", "teams"})
_SECONDS_PER_REQUEST: Final = 0.3
_AT_ONCE: Final = 20
_STOP_SECONDS: Final = 60.0


def plan_cost_of(changes: Sequence[Change], hazards: Iterable[Hazard]) -> PlanCost:
    """Return the cost of changes."""
    if not changes:
        return PlanCost()
    requests = 1
    quotas: dict[str, int] = {"setup_tests": 0, "source": 0, "user_creation": 0}
    for change in changes:
        requests += _requests(change)
        if change.action == "create" and change.kind == "users":
            quotas["user_creation"] += 1
        if change.kind in TESTED and sends_secrets(change):
            requests += 1
            quotas["setup_tests"] += 1
            quotas["source"] += 1
    stopped = sum(1 for hazard in hazards if hazard.topic == STOPS_SYNC)
    return PlanCost(
        requests=requests,
        quotas={name: count for name, count in quotas.items() if count},
        minutes=_minutes(requests, quotas, stopped),
        stopped_syncs=stopped,
    )


def sends_secrets(change: Change) -> bool:
    """Return True if a change sends a secret."""
    return change.action != "delete" and any(
        reference != KEPT
        for leaf in change.leaves.values()
        for _, reference in references_in(leaf.after)
    )


def resumes_last(change: Change) -> bool:
    """Return True if a connection is resumed by a request of its own, after its setup tests."""
    paused = change.leaves.get(PAUSED)
    if change.kind != "connections" or (paused is not None and paused.after is True):
        return False
    if change.action == "create":
        return True
    return change.action != "delete" and paused is not None and sends_secrets(change)


def _requests(change: Change) -> int:
    return _own_requests(change) + (_UPDATE if resumes_last(change) else 0)


def _own_requests(change: Change) -> int:
    if change.action == "delete":
        return _DELETE + (_LISTED_IN_A_GROUP if change.kind == "groups" else 0)
    if change.action == "move":
        others = len(change.leaves) > 1
        return _MOVE + (_UPDATE if others else 0)
    if change.action == "update":
        role = change.leaves.get(("role",))
        removes_role = change.kind in _WITH_ROLE and role is not None and role.after is None
        # The removal of a role is a request of its own.
        return _UPDATE + removes_role
    return _CREATE


def _minutes(requests: int, quotas: dict[str, int], stopped: int) -> float:
    sending = requests * _SECONDS_PER_REQUEST / _AT_ONCE
    stopping = stopped * _STOP_SECONDS / _AT_ONCE
    used = {**quotas, "all": requests}
    # The first hour's share is there at once; the rest has to be waited for.
    waiting = max(60.0 * (count // _PER_HOUR[name]) for name, count in used.items())
    return round((sending + stopping) / 60 + waiting, 2)
