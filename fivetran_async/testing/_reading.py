"""Reads request bodies, JSON and forms; what it returns is safe to store and to send back."""

from __future__ import annotations

import json
import math
import re
from typing import Final, cast

from fivetran_async.testing._facts import StoredRecord
from fivetran_async.testing._rules import Refusal, invalid

_MAX_DEPTH: Final = 100


def parse_body(body: bytes) -> object:
    """
    Parse a JSON body.

    Raises:
        Refusal: With 400, if it is not JSON, is nested too deeply, or has texts that are not
            Unicode or numbers that are not finite.
    """
    try:
        value = _DECODER.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
        if b"\\u" in body:
            # The escape of half a surrogate pair parses to a text that cannot be encoded.
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        message = "The request body is not valid JSON"
        raise invalid(message) from None
    if body.count(b"{") + body.count(b"[") > _MAX_DEPTH and _depth(value) > _MAX_DEPTH:
        message = f"The request body is nested more than {_MAX_DEPTH} levels deep"
        raise invalid(message)
    return value


def read_form(content_type: str, body: bytes) -> StoredRecord:
    """
    Parse the parts of a multipart form; the value of a field is bytes.

    Raises:
        Refusal: With 415, if the media type is another one or lacks a boundary.
    """
    boundary = re.search(r';\s*boundary="?([^";]+)"?', content_type, re.IGNORECASE)
    if not content_type.lower().startswith("multipart/form-data") or boundary is None:
        raise Refusal(415, "UnsupportedMediaType", "Content-Type must be multipart/form-data")
    fields: StoredRecord = {}
    line = b"\r\n--" + boundary[1].encode(errors="surrogateescape")
    for part in (b"\r\n" + body).split(line)[1:]:
        head, gap, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'\bname="?([^";\r\n]*)"?', head)
        if gap and name:
            fields[name[1].decode(errors="replace")] = content
    return fields


def _not_json(word: str) -> object:
    message = f"{word} is not JSON"
    raise ValueError(message)


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else cast("float", _not_json(text))


# `json.loads` would make one for each request.
_DECODER: Final = json.JSONDecoder(parse_constant=_not_json, parse_float=_finite)


def _depth(value: object) -> int:
    """Count the levels without recursion."""
    depth, level = 0, [value]
    while level:
        depth += 1
        inner: list[object] = []
        for each in level:
            if isinstance(each, dict):
                inner += cast("dict[str, object]", each).values()
            elif isinstance(each, list):
                inner += cast("list[object]", each)
        level = inner
    return depth
