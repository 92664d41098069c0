"""
JSON to models and back.

`parse_json` reads bytes, `decode` and `decode_page` make models of JSON values, `encode` turns
models and arguments into JSON values. A model's structure hook is written at its first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from fivetran_async._codec._drift import Drift, DriftLog
from fivetran_async._codec._encode import encode
from fivetran_async._codec._json import parse_json, parse_unbounded

if TYPE_CHECKING:
    from fivetran_async._codec._decoding import converter, decode, decode_page

__all__ = [
    "Drift",
    "DriftLog",
    "converter",
    "decode",
    "decode_page",
    "encode",
    "parse_json",
    "parse_unbounded",
]

_DECODING = ("converter", "decode", "decode_page")


def __getattr__(name: str) -> object:
    # cattrs comes with the first model: loading it takes a tenth of the time that aiohttp takes.
    if name not in _DECODING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    decoding = importlib.import_module("fivetran_async._codec._decoding")
    globals().update({known: getattr(decoding, known) for known in _DECODING})
    return globals()[name]
