"""
The general road of an attempt: it can wait, it keeps to a deadline, and it is reported.

`quick_road` makes the same attempt where nothing has to be waited for, and leaves the rest to this.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fivetran_async._http.exchange import Exchange
from fivetran_async._http.reading import LONG, response_of, response_of_long
from fivetran_async._http.response import quota_report
from fivetran_async._http.turn import Turn, within
from fivetran_async.errors import FivetranError
from fivetran_async.limits import request_slots
from fivetran_async.options import logger

if TYPE_CHECKING:
    from fivetran_async._http.call import Call
    from fivetran_async._http.observing import CallReports
    from fivetran_async._http.response import Response
    from fivetran_async._http.session import Core
    from fivetran_async._http.wire import Wire
    from fivetran_async.limits import Slots
    from fivetran_async.options import Options


class GeneralRoad:
    """Makes the attempts of one view of a session."""

    __slots__ = ("_core", "_limiter", "_patience", "_reports", "_watched", "_wire")

    def __init__(self, core: Core, options: Options, wire: Wire, reports: CallReports) -> None:
        self._core = core
        self._limiter = options.limiter
        self._patience = options.patience(core.until_closed)
        self._reports = reports
        self._watched = options.hooks.watch_attempts
        self._wire = wire

    async def announce(self, run: Call) -> None:
        """Report that an attempt is about to be made, on either road."""
        await self._reports.request(run)

    async def send(self, run: Call, *, is_announced: bool = False) -> Response:
        """
        Make one attempt: wait for a turn, send, read; nothing is held once it ends.

        Args:
            run: The call.
            is_announced: True if the quick road has announced it.

        Raises:
            FivetranError: The attempt failed.
        """
        core, operation, patience = self._core, run.request.operation, self._patience
        exchange = Exchange(core.credentials if operation.authorized else None)
        watched = self._watched or logger.isEnabledFor(logging.INFO)
        if watched:
            if not is_announced:
                await self.announce(run)
            patience = self._reports.patience(run, patience)
        remaining, slots = run.remaining(), request_slots(self._limiter)
        turn = Turn(
            core.turn_limiter,
            slots,
            operation.budgets,
            patience=patience,
            time_left=remaining,
            attempt=run.attempts,
            report=lambda: quota_report(exchange.status, exchange.headers, core.clock.time),
            exchange=exchange,
            closing=core.pool.closing,
            clock=core.clock,
        )
        joined, granted = core.clock.monotonic(), False
        exchange.started = joined
        try:
            async with within(remaining, core.clock), turn:
                granted = True
                await self._wire.exchange(run, exchange)
        except TimeoutError as error:
            self._wire.fail(run, exchange, error)
        except FivetranError as error:
            # The quotas refused the wait, or the session closed: what was announced ends.
            exchange.failure, granted = error, False
        except BaseException:
            self._reports.interrupted(
                run,
                exchange,
                joined=joined if granted else None,
                waited_for_slot=turn.waited_for_slot,
            )
            raise
        return await self.end(
            run,
            exchange,
            slots,
            watched=watched,
            joined=joined if granted else None,
            waited_for_slot=turn.waited_for_slot,
        )

    async def end(
        self,
        run: Call,
        exchange: Exchange,
        slots: Slots,
        *,
        watched: bool,
        joined: float | None,
        waited_for_slot: float,
    ) -> Response:
        """
        Read and report the response of an attempt that has given back its turn, on either road.

        Args:
            run: The call.
            exchange: The attempt.
            slots: The slots that it gave back.
            watched: True if the attempt has to be reported.
            joined: When it joined the line for its turn; None if it got none.
            waited_for_slot: The seconds of its turn that it waited for a slot.

        Raises:
            FivetranError: The attempt failed.
        """
        core = self._core
        exchange.seconds = core.clock.monotonic() - exchange.started
        if len(exchange.body) < LONG:
            result = response_of(core, run, exchange)
        else:
            result = await response_of_long(core, run, exchange, slots)
        if watched:
            rest = self._reports.attempt(
                run, exchange, joined=joined, waited_for_slot=waited_for_slot
            )
            if rest is not None:
                await rest
        if isinstance(result, FivetranError):
            raise result
        return result
