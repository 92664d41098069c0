"""
What a server makes of the values that it stores: scripts for `FakeFivetran.normalize`.

```python
fake.normalize("connections", capitals("networking_method"), numbers_as_text("config.port"))
```

Each function returns a script that changes the records of a family in responses, as the API is
known to do. Paths are dotted; a path that a record lacks is skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias, cast

Normalization: TypeAlias = Callable[[Mapping[str, object]], Mapping[str, object]]
"""Takes a record that a response is about to show, and returns what is shown instead."""


def capitals(*paths: str) -> Normalization:
    """Show words in upper-case letters with underscores: `SshTunnel` as `SSH_TUNNEL`."""
    return _each(paths, lambda value: _capitals(value) if isinstance(value, str) else value)


def numbers_as_text(*paths: str) -> Normalization:
    """Show numbers as text: `5432` as `"5432"`."""
    return _each(paths, lambda value: str(value) if _is_number(value) else value)


def masked(*paths: str, visible: int = 4) -> Normalization:
    """Show only the beginning of texts, and asterisks in place of the rest."""
    return _each(
        paths, lambda value: f"{value[:visible]}********" if isinstance(value, str) else value
    )


def defaults(values: Mapping[str, object]) -> Normalization:
    """Add values, by path, that a record lacks."""

    def normalize(record: Mapping[str, object]) -> Mapping[str, object]:
        for path, value in values.items():
            if _value_at(record, path) is None:
                record = _with_value(record, path.split("."), value)
        return record

    return normalize


def kept(path: str, value: object) -> Normalization:
    """Show a fixed value, whatever is sent."""
    return _each((path,), lambda _: value)


def _each(paths: tuple[str, ...], change: Callable[[object], object]) -> Normalization:
    def normalize(record: Mapping[str, object]) -> Mapping[str, object]:
        for path in paths:
            value = _value_at(record, path)
            if value is not None:
                record = _with_value(record, path.split("."), change(value))
        return record

    return normalize


def _value_at(record: object, path: str) -> object:
    for name in path.split("."):
        if not isinstance(record, Mapping):
            return None
        record = cast("Mapping[str, object]", record).get(name)
    return record


def _with_value(record: object, path: list[str], value: object) -> dict[str, object]:
    name, *rest = path
    inner: Mapping[str, object] = {}
    if isinstance(record, Mapping):
        inner = cast("Mapping[str, object]", record)
    return {**inner, name: _with_value(inner.get(name), rest, value) if rest else value}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _capitals(word: str) -> str:
    spaced = "".join(
        f"_{letter}" if letter.isupper() and index and word[index - 1].islower() else letter
        for index, letter in enumerate(word)
    )
    return spaced.upper()
