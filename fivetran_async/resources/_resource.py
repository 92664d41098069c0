"""The base class of the families: it holds the transport and checks arguments."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from fivetran_async._arguments import checked
from fivetran_async._types import UNSET
from fivetran_async.errors import ConfirmationRequiredError, InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fivetran_async._http.transport import Transport


class Resource:
    """A namespace of endpoint methods; each is one call of the transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def __init_subclass__(cls) -> None:
        """Wrap the public methods of every family in argument checks."""
        super().__init_subclass__()
        for name, member in list(vars(cls).items()):
            if inspect.isfunction(member) and not name.startswith("_"):
                setattr(cls, name, checked(member))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def require_confirmation(confirm: object, operation: str, consequence: str) -> None:
    """
    Refuse a destructive call that is not confirmed.

    Raises:
        ConfirmationRequiredError: `confirm` is not True.
    """
    if confirm is not True:
        raise ConfirmationRequiredError(f"{operation} {consequence}: pass confirm=True to confirm.")


def require_change(operation: str, changes: Mapping[str, object]) -> None:
    """
    Refuse an update without changes, which the server rejects.

    Raises:
        InvalidArgumentError: Every value is UNSET.
    """
    if all(value is UNSET for value in changes.values()):
        raise InvalidArgumentError(f"{operation} requires at least one of: {', '.join(changes)}.")
