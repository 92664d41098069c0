"""Checks the configs that a session sends, and knows which services the session has seen."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

import attrs

from fivetran_async._types import UNSET
from fivetran_async.errors import InvalidArgumentError
from fivetran_async.options import is_a, logger

if TYPE_CHECKING:
    from fivetran_async._http.request import Request
    from fivetran_async._services import ConfigFields, ConfigProblem, ServiceKind

CheckConfigs: TypeAlias = Literal["off", "warn", "raise"]
"""What a session does about a config that its service does not take."""

LiveParts: TypeAlias = "Mapping[str, ConfigFields]"
"""The fields of each part of a service, by its live metadata."""

_MOST_SEEN: Final = 4096
_MOST_REPORTED: Final = 4096


@attrs.define(eq=False, repr=False)
class ConfigGuard:
    """The checks of one session, which all of its views share; it never sends a request."""

    mode: CheckConfigs = attrs.field(alias="check_configs", validator=is_a(CheckConfigs))
    live: dict[str, LiveParts] = attrs.field(init=False, factory=dict[str, "LiveParts"])
    _seen: dict[str, str] = attrs.field(init=False, factory=dict[str, str])
    _reported: set[tuple[str, str]] = attrs.field(init=False, factory=set[tuple[str, str]])

    def remember(self, request: Request, result: object) -> None:
        """Note the service of an object that the session created, read or changed."""
        service = getattr(result, "service", None)
        if self.mode == "off" or not isinstance(service, str):
            return
        self._note(request.path, service)
        if request.verb == "POST":
            # The path of a log service of the account has no id.
            self._note(f"{request.path}/{getattr(result, 'id', '')}", service)

    def _note(self, path: str, service: str) -> None:
        self._seen[path] = service
        if len(self._seen) > _MOST_SEEN:
            del self._seen[next(iter(self._seen))]

    def check(self, request: Request, body: Mapping[str, object], kind: ServiceKind) -> None:
        """
        Check the configs in the body of a creation or an update.

        Raises:
            InvalidArgumentError: With `check_configs="raise"`, a config has a problem.
        """
        creating = request.verb == "POST"
        service = body.get("service") or (None if creating else self._seen.get(request.path))
        if self.mode == "off" or not isinstance(service, str):
            return
        # The first config of a process pays for the table.
        from fivetran_async._services import PARTS  # noqa: PLC0415

        firm: list[str] = []
        for part in PARTS:
            config = body.get(part, UNSET)
            if config is UNSET and creating and part == "config":
                config = {}
            if not isinstance(config, Mapping):
                continue
            given = cast("Mapping[str, object]", config)
            for problem in self.problems(service, kind, part, given, creating=creating):
                if self.mode == "raise" and not problem.choices:
                    firm.append(f"{part}.{problem}")
                else:
                    self._warn(service, f"{part}.{problem.path}", f"{part}.{problem}")
        if firm:
            raise InvalidArgumentError(f"{'; '.join(firm)} (check_configs='raise').")

    def problems(
        self,
        service: str,
        kind: ServiceKind,
        part: str,
        config: Mapping[str, object],
        *,
        creating: bool,
    ) -> tuple[ConfigProblem, ...]:
        """Compare a config with live metadata if the session has it, otherwise with the table."""
        from fivetran_async._services import config_problems, fields  # noqa: PLC0415

        live = self.live.get(service) if kind == "source" else None
        members = fields(service, kind, part) if live is None else live[part]
        return config_problems(
            config, members, service, creating=creating, exhaustive=live is not None
        )

    def _warn(self, service: str, place: str, text: str) -> None:
        # One field of a list, whatever its index.
        key = service, re.sub(r"\[\d+\]", "[]", place)
        if key not in self._reported and len(self._reported) < _MOST_REPORTED:
            self._reported.add(key)
            logger.warning("%s (logged once; see check_configs=)", text)


class LiveMetadata:
    """The reads of live metadata that are in progress, one per service."""

    def __init__(self) -> None:
        self._in_progress: dict[str, asyncio.Event] = {}

    async def of(
        self, service: str, guard: ConfigGuard, read: Callable[[], Awaitable[LiveParts]]
    ) -> LiveParts:
        """Return the fields of a service; concurrent callers share one read."""
        while (found := guard.live.get(service)) is None:
            in_progress = self._in_progress.get(service)
            if in_progress is not None:
                # If that read fails or is cancelled, the next caller makes its own.
                await in_progress.wait()
                continue
            done = self._in_progress[service] = asyncio.Event()
            try:
                guard.live[service] = await read()
            finally:
                del self._in_progress[service]
                done.set()
        return found
