"""The real account: where its credentials are, and the notes about what was read."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs

from fivetran_async import Drift, Hooks, RequestEvent, UnknownField

ENV_FILE: Final = Path(__file__).parents[2] / ".env"
"""The file is in `.gitignore`."""

HOW: Final = "no account: set FIVETRAN_API_KEY and FIVETRAN_API_SECRET, or write both into .env"


@attrs.frozen(repr=False)
class Settings:
    """The arguments of a session. pytest prints fixtures, so `repr` shows no values."""

    api_key: str
    api_secret: str | None
    base_url: str | None

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> Settings | None:
        """Return the settings in these variables, or None without a key."""
        key = variables.get("FIVETRAN_API_KEY")
        if not key:
            return None
        return cls(key, variables.get("FIVETRAN_API_SECRET"), variables.get("FIVETRAN_BASE_URL"))


def parse_env_file(text: str) -> dict[str, str]:
    """Parse lines of `KEY=VALUE`, with blank lines, `#` comments, `export` and quotes."""
    variables: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            variables[name.strip()] = _unquoted(value.strip())
    return variables


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if is_quoted else value


def find_settings(
    environment: Mapping[str, str] = os.environ, file: Path = ENV_FILE
) -> Settings | None:
    """Read everything from the environment if it has a key, otherwise from the file."""
    found = Settings.of(environment)
    if found is None and file.exists():
        found = Settings.of(parse_env_file(file.read_text(encoding="utf-8")))
    return found


@attrs.frozen
class Notes:
    """What was read: counts, names and types, but no values of the account."""

    verbs: Counter[str] = attrs.field(factory=Counter[str])
    drifts: set[str] = attrs.field(factory=set[str])
    unknown: set[str] = attrs.field(factory=set[str])
    items: Counter[str] = attrs.field(factory=Counter[str])
    lines: list[str] = attrs.field(factory=list[str])

    def hooks(self) -> Hooks:
        """Return the hooks that take these notes."""
        return Hooks(
            on_request=self._note_request,
            on_drift=self._note_drift,
            on_unknown_field=self._note_unknown,
        )

    def _note_request(self, event: RequestEvent) -> None:
        self.verbs[event.verb] += 1

    def _note_drift(self, drift: Drift) -> None:
        what = f"{drift.model}.{drift.field}" if drift.field else drift.model
        self.drifts.add(f"{what}: {drift.value_type} where {drift.expected} is declared")

    def _note_unknown(self, field: UnknownField) -> None:
        self.unknown.add(f"{field.model}.{field.field}: {field.value_type}")

    def summary(self) -> list[str]:
        """Return lines about what was read and about differences from the declared types."""
        verbs = ", ".join(f"{count} {verb}" for verb, count in sorted(self.verbs.items()))
        found = (f"{name} {count}" for name, count in sorted(self.items.items()) if count)
        empty = [name for name, count in sorted(self.items.items()) if not count]
        drifts = [f"  {drift}" for drift in sorted(self.drifts)]
        return [
            f"requests: {verbs or 'none'}",
            f"decoded: {', '.join(found) or 'nothing'}",
            f"empty: {', '.join(empty) or 'nothing'}",
            *self.lines,
            f"drifts: {len(drifts)}",
            *drifts,
            f"unknown fields: {len(self.unknown)}",
            *(f"  {field}" for field in sorted(self.unknown)),
        ]


NOTES: Final = Notes()
"""The notes of this run."""
