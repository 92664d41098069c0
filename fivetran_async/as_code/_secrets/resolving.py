"""Where the values of secrets come from: the environment, files, commands, or your own vault."""

from __future__ import annotations

import inspect
import json
import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol, TypeVar, cast

from fivetran_async.as_code._kinds.values import dotted
from fivetran_async.as_code._secrets.fields import KEPT, SCHEMES, references_in, with_values
from fivetran_async.as_code.errors import SecretUnavailableError

_SECONDS = 60.0
_NOTHING: Final[tuple[object, ...]] = (None, "", [], {}, ())


class SecretResolver(Protocol):
    """Returns the values of secrets; implement it to read them from your vault."""

    def resolve(self, reference: str) -> object:
        """
        Return the value of a reference, such as `env:NAME`; apply calls it in a thread.

        Raises:
            Exception: There is no value.
        """
        ...


class References:
    """Resolves `env:NAME`, `file:PATH` and, if allowed, `cmd:COMMAND`."""

    def __init__(
        self, *, commands: bool, environ: Mapping[str, str] | None, root: str | Path | None
    ) -> None:
        self._commands = commands
        self._environ = environ
        self._root = Path(root) if root is not None else Path()

    def __repr__(self) -> str:
        return f"<References, commands {'allowed' if self._commands else 'not allowed'}>"

    def resolve(self, reference: str) -> str:
        """
        Return the value of a reference.

        Raises:
            SecretUnavailableError: It has no value; the message never holds a secret.
        """
        scheme, _, rest = reference.partition(":")
        if scheme == "env":
            return self._from_environment(rest)
        if scheme == "file":
            return self._from_file(rest)
        if scheme == "cmd":
            return self._from_command(rest)
        raise SecretUnavailableError(
            f"{reference!r} has an unsupported scheme; supported are {', '.join(SCHEMES)}."
        )

    def _from_environment(self, name: str) -> str:
        value = (os.environ if self._environ is None else self._environ).get(name)
        if not value:
            raise SecretUnavailableError(f"the environment variable {name!r} is not set.")
        return value

    def _from_file(self, name: str) -> str:
        try:
            value = (self._root / name).read_text("utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        else:
            if value:
                return value
            # Sent, it would clear the secret.
            reason = "it is empty"
        raise SecretUnavailableError(f"the file {name!r} cannot be read: {reason}.")

    def _from_command(self, command: str) -> str:
        if not self._commands:
            raise SecretUnavailableError(
                f"'cmd:{command}' runs a command, which needs references(commands=True)."
            )
        try:
            words = shlex.split(command)
            if not words:
                raise SecretUnavailableError(f"'cmd:{command}' names no command.")
            finished = subprocess.run(  # noqa: S603 - the user allowed commands
                words, capture_output=True, check=True, timeout=_SECONDS, text=True
            )
        except subprocess.CalledProcessError as error:
            reason = f"exit code {error.returncode}"
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            reason = type(error).__name__
        else:
            value = finished.stdout.rstrip("\r\n")
            if value:
                return value
            reason = "it printed nothing"
        # What the command printed may be a secret.
        raise SecretUnavailableError(f"the command 'cmd:{command}' failed: {reason}.")


def references(
    *,
    commands: bool = False,
    environ: Mapping[str, str] | None = None,
    root: str | Path | None = None,
) -> References:
    """
    Return a resolver of `env:NAME`, `file:PATH` and `cmd:COMMAND`.

    Args:
        commands: True allows `cmd:` references, which run programs.
        environ: The environment; by default that of the process.
        root: The folder that relative paths start from; by default the current one.
    """
    return References(commands=commands, environ=environ, root=root)


def secret_value(secrets: SecretResolver, reference: str) -> object:
    """
    Return the value of a reference, checked: a value that is missing would clear the secret.

    Raises:
        SecretUnavailableError: It has no value, or one that cannot be a secret.
        Exception: The resolver raised it.
    """
    value = secrets.resolve(reference)
    if value in _NOTHING:
        problem = "nothing"
    elif isinstance(value, str) and not value.strip("*"):
        problem = "a mask"
    else:
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            problem = f"a value of the type {type(value).__name__}, which is not JSON"
        else:
            return value
    if inspect.iscoroutine(value):
        value.close()
    raise SecretUnavailableError(f"the resolver returned {problem} for {reference!r}.")


ValueT = TypeVar("ValueT")


def resolve(values: ValueT, secrets: SecretResolver) -> ValueT:
    """
    Return a copy of values with secrets in place of references, as in `fivetran config template`.

        body = as_code.resolve(json.loads(text), as_code.references())
        await fivetran.connections.create(group_id=group_id, **body)

    The result holds the secrets: do not log or store it.

    Args:
        values: An object with references such as `{"$secret": "env:PASSWORD"}`, nested and in
            lists.
        secrets: The resolver, such as `references()`.

    Raises:
        SecretUnavailableError: A reference has no value; the message names all of them.
    """
    problems: list[str] = []
    found: dict[str, object] = {}
    for path, reference in references_in(values):
        if reference == KEPT:
            problems.append(f"{dotted(path)}: the value is not known: refer to it")
        elif reference not in found:
            try:
                found[reference] = secret_value(secrets, reference)
            except SecretUnavailableError as error:
                problems.append(f"{dotted(path)}: {error.message}")
            except Exception as error:  # noqa: BLE001 - a vault can raise anything, with secrets in it
                problems.append(f"{dotted(path)}: the resolver raised {type(error).__name__}")
    if problems:
        raise SecretUnavailableError("\n".join(problems))
    return cast("ValueT", with_values(values, found))
