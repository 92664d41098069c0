"""
Converts JSON to models and models to JSON.

`parse_json` parses bytes, `decode` and `decode_page` build models, `encode` converts models and
arguments to JSON values. The decoder of a model is generated on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from fivetran_async._codec._drift import Drift, DriftLog, OnDrift, Reports, UnknownField
from fivetran_async._codec._encode import encode
from fivetran_async._codec._json import LARGE, parse_json, parse_unbounded, write_json, write_plain

if TYPE_CHECKING:
    from fivetran_async._codec._decoding import converter, decode, decode_each, decode_page
    from fivetran_async._codec._direct import DirectDecoder, DocumentDecoder

__all__ = [
    "LARGE",
    "DirectDecoder",
    "DocumentDecoder",
    "Drift",
    "DriftLog",
    "OnDrift",
    "Reports",
    "UnknownField",
    "converter",
    "decode",
    "decode_each",
    "decode_page",
    "encode",
    "parse_json",
    "parse_unbounded",
    "write_json",
    "write_plain",
]

_DECODING = ("converter", "decode", "decode_each", "decode_page")


def __getattr__(name: str) -> object:
    # The first model imports cattrs, which takes a tenth of the import time of aiohttp.
    if name in _DECODING:
        module = importlib.import_module("fivetran_async._codec._decoding")
    elif name in {"DirectDecoder", "DocumentDecoder"}:
        module = importlib.import_module("fivetran_async._codec._direct")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = getattr(module, name)
    return globals()[name]
