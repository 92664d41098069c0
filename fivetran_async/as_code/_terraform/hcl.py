"""PURE: writes HCL in the form that `terraform fmt` leaves unchanged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import attrs

from fivetran_async.as_code._kinds.values import as_items, as_object

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_KEYWORDS: Final = frozenset({"for", "if", "in", "null", "true", "false", "else", "endif"})
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_INDENT: Final = "  "


@attrs.frozen
class HclExpression:
    """Text that is written unchanged, such as a reference to a resource."""

    text: str


@attrs.frozen
class Template:
    """A text with an expression at its end, such as `NAME=${var.x}`."""

    text: str
    end: HclExpression


@attrs.frozen
class Block:
    """A block: its type, its labels, and its attributes and blocks in order."""

    type: str
    labels: Sequence[str]
    body: Mapping[str, object]
    comments: Sequence[str] = ()


def hcl_text(blocks: Iterable[Block | str]) -> str:
    """Return a file with blocks, and with comments where there is a text."""
    return "\n".join("\n".join(_item(each)) + "\n" for each in blocks)


def identifier_of(text: str) -> str:
    """Return an identifier that resembles a text."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_")
    return name if _IDENTIFIER.fullmatch(name) and name not in _KEYWORDS else f"_{name}"


def _item(each: Block | str) -> list[str]:
    if isinstance(each, Block):
        return _block(each)
    return [f"# {_one_line(line)}".rstrip() for line in each.split("\n")]


def _block(block: Block) -> list[str]:
    labels = "".join(f" {_quoted(label)}" for label in block.labels)
    lines = [*_inside(_body(block.body)), *(f"{_INDENT}# {_one_line(c)}" for c in block.comments)]
    return [f"{block.type}{labels} {{", *lines, "}"]


def _body(body: Mapping[str, object]) -> list[str]:
    attributes = {name: value for name, value in body.items() if not _is_block(value)}
    lines = _assignments(attributes)
    for name, value in body.items():
        for block in [value] if isinstance(value, Block) else _blocks_in(value):
            lines += ([""] if lines else []) + _block(attrs.evolve(block, type=name))
    return lines


def _is_block(value: object) -> bool:
    return isinstance(value, Block) or bool(_blocks_in(value))


def _blocks_in(value: object) -> list[Block]:
    return [each for each in as_items(value) or () if isinstance(each, Block)]


Line: TypeAlias = "tuple[str, list[str]]"


def _assignments(values: Mapping[str, object]) -> list[str]:
    """Return assignments; the equal signs of those in consecutive single lines are aligned."""
    pairs: list[Line] = [(_key(name), _value(value)) for name, value in values.items()]
    lines: list[str] = []
    run: list[Line] = []
    for key, value in pairs:
        if len(value) == 1:
            run.append((key, value))
            continue
        lines += _aligned(run)
        run = []
        lines += [f"{key} = {value[0]}", *value[1:]]
    return lines + _aligned(run)


def _aligned(run: Sequence[Line]) -> list[str]:
    width = max((len(key) for key, _ in run), default=0)
    return [f"{key:<{width}} = {value[0]}" for key, value in run]


def _value(value: object) -> list[str]:
    inner, items = as_object(value), as_items(value)
    if inner is not None:
        return ["{", *_inside(_assignments(inner)), "}"] if inner else ["{}"]
    if items is not None:
        parts = [_value(each) for each in items]
        if all(len(part) == 1 for part in parts):
            return [f"[{', '.join(part[0] for part in parts)}]"]
        lines = [line for part in parts for line in (*part[:-1], f"{part[-1]},")]
        return ["[", *_inside(lines), "]"]
    return [_scalar(value)]


def _scalar(value: object) -> str:
    if isinstance(value, HclExpression):
        return value.text
    if isinstance(value, Template):
        return f'"{_escaped(value.text)}${{{value.end.text}}}"'
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else _quoted(str(value))


def _inside(lines: Iterable[str]) -> list[str]:
    return [f"{_INDENT}{line}" if line else line for line in lines]


def _key(name: str) -> str:
    if _IDENTIFIER.fullmatch(name) and name not in _KEYWORDS:
        return name
    # In ASCII, so that the width of a key is its number of characters.
    ascii_text = "".join(c if c.isascii() else _code_point(c) for c in _escaped(name))
    return f'"{ascii_text}"'


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    shown = "".join(
        _ESCAPES.get(letter) or (letter if letter.isprintable() else _code_point(letter))
        for letter in text
    )
    return shown.replace("${", "$${").replace("%{", "%%{")


def _code_point(letter: str) -> str:
    number = ord(letter)
    if 0xD800 <= number <= 0xDFFF:
        # Half of a surrogate pair is not text.
        return "\\ufffd"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
