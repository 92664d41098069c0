"""What a command gets: its output, the open session, and a way to ask."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from fivetran_async._clock import SYSTEM_CLOCK, Clock
from fivetran_async.cli._keyboard import Keyboard
from fivetran_async.cli._options import UnusableOptionError
from fivetran_async.cli._output import Output
from fivetran_async.cli._table import Arrangement, OutputTable
from fivetran_async.client import AsyncFivetran
from fivetran_async.errors import UsageError

OpenAccount = Callable[[], AsyncFivetran]


@attrs.frozen(kw_only=True)
class Context:
    """
    What a command gets beside its options.

    Attributes:
        output: Receives the results.
        keyboard: Standard input: ids and replies.
        open_account: Opens a read-only session, for commands that run without one.
        session: The open session; None for commands that are declared with `session=False`.
        account: How messages name the account.
        arrangement: The columns and the order that the user chose.
        clock: Time between two runs.
    """

    output: Output
    keyboard: Keyboard
    open_account: OpenAccount = AsyncFivetran
    session: AsyncFivetran | None = None
    account: str = "the account"
    arrangement: Arrangement = attrs.field(factory=Arrangement)
    clock: Clock = SYSTEM_CLOCK

    @property
    def fivetran(self) -> AsyncFivetran:
        """The open session."""
        if self.session is None:
            raise UsageError("The command was declared with session=False.")
        return self.session

    def expect(self, table: OutputTable) -> None:
        """
        Check the chosen columns before anything is changed.

        Raises:
            UnusableOptionError: The results have no column of that name.
        """
        self.arrangement.check(table)

    async def confirm(self, question: str, *, yes: bool) -> bool:
        """
        Return True if the user agrees, by `--yes` or by the reply to a question.

        Raises:
            UnusableOptionError: There is no terminal to ask on.
        """
        if yes:
            return True
        if not self.keyboard.can_ask:
            raise UnusableOptionError(
                f"{question} There is no terminal to ask on: pass --yes to do it, or --dry-run to "
                "see what it does."
            )
        reply = await self.keyboard.ask(f"{question} [y/N] ")
        if reply.strip().casefold() in {"y", "yes"}:
            return True
        self.output.note("Nothing was changed.")
        return False
