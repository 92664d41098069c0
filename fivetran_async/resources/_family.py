"""The descriptor behind the family attributes of a session."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar, cast, overload

from fivetran_async._http.operation import words_of

if TYPE_CHECKING:
    from fivetran_async._http.transport import Transport

R = TypeVar("R")

_OTHER_NAMES: Final[Mapping[str, str]] = {
    "connector-sdk": "connector_sdk_packages",
    "external-logging": "log_services",
    "external-secrets-managers-entities": "external_secrets_managers",
    "metadata": "connector_types",
    "proxy": "proxy_agents",
}
"""The families of paths that begin with another word than their name."""


def family_at(path: str) -> str:
    """Return the name that the family of a path has, if there is one: `groups` of `/v1/groups`."""
    word = words_of(path)[2]
    return _OTHER_NAMES.get(word, word.replace("-", "_"))


class _Session(Protocol):
    """The part of `AsyncFivetran` that a family needs."""

    _transport: Transport


class Family(Generic[R]):
    """
    An attribute that loads its family on first use.

    `hybrid_agents` is the class `HybridAgents` of the module `resources.hybrid_agents`.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, session: None, owner: type) -> Family[R]: ...
    @overload
    def __get__(self, session: _Session, owner: type) -> R: ...
    def __get__(self, session: _Session | None, owner: type) -> Family[R] | R:
        if session is None:
            return self
        module = importlib.import_module(f"fivetran_async.resources.{self._name}")
        kind = getattr(module, "".join(word.title() for word in self._name.split("_")))
        # The descriptor is a part of the session, though not of its class body.
        transport = session._transport  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        family = cast("R", kind(transport))
        # The next lookup finds the attribute of the instance first.
        vars(session)[self._name] = family
        return family
