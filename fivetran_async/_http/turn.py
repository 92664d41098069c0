"""Waiting for a turn, but no longer than a call's deadline leaves."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from fivetran_async.errors import RequestTimeoutError

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType


class InTime:
    """Slots that are waited for no longer than the call has left."""

    def __init__(self, slots: AbstractAsyncContextManager[None], seconds: float) -> None:
        self._slots = slots
        self._seconds = seconds

    async def __aenter__(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._seconds):
                await self._slots.__aenter__()
            return
        raise RequestTimeoutError(
            "The call's deadline passed while it waited for its turn.", fate="not_sent"
        )

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._slots.__aexit__(kind, error, traceback)
