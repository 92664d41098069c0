"""
Profiles: accounts by name, in a file with references to secrets. It never contains a secret.

```toml
[profiles.production]
account_id = "decisive_bluff"
api_key = "env:FIVETRAN_PRODUCTION_KEY"
api_secret = "cmd:pass show fivetran/production"
```
"""

from __future__ import annotations

import os
import shlex
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

import attrs

from fivetran_async._services import nearest
from fivetran_async.errors import InvalidArgumentError, MissingCredentialsError

_SCHEMES: Final = ("env:", "file:", "cmd:")
_SECRETS: Final = ("api_key", "api_secret")
_KEYS: Final = (*_SECRETS, "account_id", "base_url", "read_only")
_SECONDS: Final = 60.0
"""The longest time for a command that prints a secret."""


@attrs.frozen(kw_only=True)
class Profile:
    """
    An account in the file of profiles.

    Attributes:
        name: The name of the profile.
        file: The file.
        api_key: A reference to the API key: `env:NAME`, `file:PATH` or `cmd:COMMAND`.
        api_secret: A reference to its secret.
        account_id: The account that changes are meant for; None if the file pins none.
        base_url: The root of the host; None for that of the environment.
        read_only: True if sessions of the profile must not change anything.
    """

    name: str
    file: Path
    api_key: str
    api_secret: str
    account_id: str | None = None
    base_url: str | None = None
    read_only: bool = False

    def credentials(self, environment: Mapping[str, str] = os.environ) -> tuple[str, str]:
        """
        Return the API key and secret that the references lead to.

        Raises:
            MissingCredentialsError: A reference leads nowhere; the message names it.
        """
        return self._value("api_key", environment), self._value("api_secret", environment)

    def _value(self, key: str, environment: Mapping[str, str]) -> str:
        reference: str = self.api_key if key == "api_key" else self.api_secret
        value, reason = _resolved(reference, self.file.parent, environment)
        if value:
            return value
        raise MissingCredentialsError(
            f"{key} of the profile {self.name!r} in {self.file} is {reference!r}, but {reason}."
        )


def profiles_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the file of profiles: `~/.config/fivetran-async/profiles.toml`."""
    folder = environment.get("XDG_CONFIG_HOME")
    try:
        root = Path(folder) if folder else Path.home() / ".config"
    except RuntimeError:
        # A user without a home directory, as in a container.
        root = Path(".config")
    return root / "fivetran-async" / "profiles.toml"


def find_profile(name: str, file: str | Path | None = None) -> Profile:
    """
    Read a profile; its secrets are not resolved yet.

    Args:
        name: The name of the profile.
        file: The file; by default `profiles_file()`.

    Raises:
        InvalidArgumentError: There is no such file or profile, or it has an unknown key, a secret
            instead of a reference, or a value of another type.
    """
    path = profiles_file() if file is None else Path(file)
    profiles = _table(_read(path), "profiles")
    found = profiles.get(name)
    if not isinstance(found, dict):
        names = [each for each, profile in profiles.items() if isinstance(profile, dict)]
        near = nearest(name, names)
        hint = f" Did you mean {near!r}?" if near else ""
        known = ", ".join(names) or f"none; the table [profiles.{name}] adds one"
        raise InvalidArgumentError(
            f"{path} has no profile {name!r}.{hint} Its profiles are: {known}."
        )
    return _profile(name, path, cast("dict[str, object]", found))


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except ValueError as error:
        # The text of the error shows no values of the file.
        reason = f"not TOML: {error}"
    raise InvalidArgumentError(
        f"The file of profiles {path} cannot be read: {reason}. It needs a table [profiles.NAME] "
        "with api_key, api_secret and account_id."
    )


def _table(document: Mapping[str, object], key: str) -> dict[str, object]:
    found = document.get(key)
    return cast("dict[str, object]", found) if isinstance(found, dict) else {}


def _profile(name: str, path: Path, given: Mapping[str, object]) -> Profile:
    where = f"The profile {name!r} in {path}"
    for key in given:
        if key not in _KEYS:
            near = nearest(key, _KEYS)
            hint = f"; did you mean {near!r}?" if near else "."
            raise InvalidArgumentError(
                f"{where} has an unknown key {key!r}{hint} Keys are {', '.join(_KEYS)}."
            )
    for key in _KEYS[:-1]:
        value = given.get(key)
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise InvalidArgumentError(f"{where}: {key} must be a text that is not empty.")
    for key in _SECRETS:
        if not str(given.get(key, "")).startswith(_SCHEMES):
            raise InvalidArgumentError(
                f"{where}: {key} must be a reference, env:NAME, file:PATH or cmd:COMMAND; the file "
                "must not contain the secret itself."
            )
    if not isinstance(given.get("read_only", False), bool):
        raise InvalidArgumentError(f"{where}: read_only must be true or false.")
    return Profile(name=name, file=path, **cast("Mapping[str, str]", given))  # type: ignore[arg-type]  # checked above


def _resolved(
    reference: str, folder: Path, environment: Mapping[str, str]
) -> tuple[str | None, str]:
    """Return a secret, or the reason why there is none; the reason never contains a secret."""
    scheme, _, rest = reference.partition(":")
    try:
        match scheme:
            case "env":
                return environment.get(rest), f"the environment variable {rest!r} is not set"
            case "file":
                text = (folder / Path(rest).expanduser()).read_text("utf-8")
                return text.strip(), "the file is empty"
            case _:
                words = shlex.split(rest)
                if not words:
                    return None, "it names no command"
                return _printed(words), "the command printed nothing"
    except subprocess.CalledProcessError as error:
        return None, f"the command failed with exit code {error.returncode}"
    except OSError as error:
        return None, error.strerror or type(error).__name__
    except RuntimeError:
        return None, "the home directory is unknown"
    except (ValueError, subprocess.SubprocessError) as error:
        return None, type(error).__name__


def _printed(words: list[str]) -> str:
    finished = subprocess.run(  # noqa: S603 - the owner of the file wrote the command
        words,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=_SECONDS,
        text=True,
    )
    return finished.stdout.strip()
