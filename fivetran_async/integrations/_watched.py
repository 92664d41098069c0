"""The sessions with quotas that are exported; readers of metrics have threads of their own."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fivetran_async.client import AsyncFivetran
    from fivetran_async.limits import BudgetState


class WatchedSessions:
    """Sessions, for as long as they are used elsewhere."""

    def __init__(self) -> None:
        self._sessions: weakref.WeakSet[AsyncFivetran] = weakref.WeakSet()
        # A set that grows cannot be iterated, and sessions are added by other threads.
        self._lock = threading.Lock()

    def add(self, session: AsyncFivetran) -> None:
        """Add a session."""
        with self._lock:
            self._sessions.add(session)

    def quotas(self) -> Iterator[tuple[str, str, BudgetState]]:
        """Yield account, name and state of each quota; sessions of one key have one count."""
        with self._lock:
            sessions = tuple(self._sessions)
        accounts = {session.account_hash: session for session in sessions}
        for account, session in accounts.items():
            for quota, state in session.limits.snapshot().items():
                yield account, quota, state
