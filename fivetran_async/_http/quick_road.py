"""
The quick road of an attempt: nearly every attempt can be sent at once.

It makes the attempt of `general_road` without what that needs to wait. Whatever is unusual goes the
general road before anything is counted or sent: a quota or a slot that is not free, a deadline,
logs, and a rate limiter of the caller. Both roads share the rules: `wire` sends,
`_quota` and `limits` count, `reading` judges, `observing` reports.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fivetran_async._http.exchange import Exchange
from fivetran_async._http.general_road import GeneralRoad
from fivetran_async._http.response import LIMIT_HEADER, REMAINING_HEADER, quota_report
from fivetran_async._http.turn import PROMPT_LIMITERS
from fivetran_async._http.wire import Wire
from fivetran_async.errors import FivetranError
from fivetran_async.limits import request_slots
from fivetran_async.options import logger

if TYPE_CHECKING:
    from fivetran_async._http.call import Call
    from fivetran_async._http.observing import CallReports
    from fivetran_async._http.response import Response
    from fivetran_async._http.session import Core
    from fivetran_async._http.turn import PromptLimiter
    from fivetran_async.options import Options


def road_of(core: Core, options: Options, reports: CallReports) -> QuickRoad | GeneralRoad:
    """Return the road that the attempts of a view of a session take."""
    wire = Wire(core, options.timeouts)
    general = GeneralRoad(core, options, wire, reports)
    quotas = core.rate_limiter
    if not isinstance(quotas, PROMPT_LIMITERS):
        return general
    return QuickRoad(core, options, wire=wire, quotas=quotas, general=general, reports=reports)


class QuickRoad:
    """Makes the attempts of one view of a session, if they can be sent at once."""

    __slots__ = (
        "_announces",
        "_core",
        "_general",
        "_limiter",
        "_quotas",
        "_reports",
        "_watched",
        "_wire",
    )

    def __init__(
        self,
        core: Core,
        options: Options,
        *,
        wire: Wire,
        quotas: PromptLimiter,
        general: GeneralRoad,
        reports: CallReports,
    ) -> None:
        self._core = core
        self._limiter = options.limiter
        self._wire = wire
        self._announces = options.hooks.on_request is not None
        self._watched = options.hooks.watch_attempts
        self._quotas = quotas
        self._general = general
        self._reports = reports

    async def send(self, run: Call) -> Response:
        """
        Make one attempt; nothing is held once it ends.

        Raises:
            FivetranError: The attempt failed.
        """
        if self._announces:
            await self._general.announce(run)
        core, quotas, operation = self._core, self._quotas, run.request.operation
        slots = request_slots(self._limiter)
        if (
            run.deadline_at is not None
            or logger.isEnabledFor(logging.INFO)
            or not slots.take_if_open()
        ):
            return await self._general.send(run, is_announced=True)
        has_begun = False
        exchange = Exchange(core.credentials if operation.authorized else None)
        try:
            # Last, and at once before the request is sent: no other call can pause it in between.
            has_begun = quotas.start_if_free(operation.budgets)
            if has_begun:
                await self._wire.exchange(run, exchange)
        except FivetranError as error:
            # The session closed: an attempt that was announced ends.
            exchange.failure, exchange.started = error, core.clock.monotonic()
        except BaseException:
            self._reports.interrupted(run, exchange, joined=exchange.started, waited_for_slot=0.0)
            raise
        finally:
            try:
                slots.release()
            finally:
                if has_begun:
                    self._settle(operation.budgets, exchange)
        if not has_begun:
            return await self._general.send(run, is_announced=True)
        return await self._general.end(
            run,
            exchange,
            slots,
            watched=self._watched,
            joined=exchange.started,
            waited_for_slot=0.0,
        )

    def _settle(self, budgets: tuple[str, ...], exchange: Exchange) -> None:
        headers = exchange.headers
        if exchange.succeeded:
            self._quotas.settle_success(
                budgets, headers.get(LIMIT_HEADER), headers.get(REMAINING_HEADER)
            )
        else:
            report = quota_report(exchange.status, headers, self._core.clock.time)
            self._quotas.settle(budgets, report, sent=exchange.sent)
