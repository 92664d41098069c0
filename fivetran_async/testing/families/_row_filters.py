"""Row filters of tables: which the API takes, and when it deletes them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from fivetran_async.testing._facts import StoredRecord, part
from fivetran_async.testing._rules import invalid

_MOST_CLAUSES: Final = 10
_LONGEST_COLUMN: Final = 500
_LONGEST_VALUE: Final = 1_000
_LONGEST_LIST: Final = 10_000
_LONGEST_DECIMAL: Final = 50

_NO_VALUE: Final = frozenset({"IS_NULL", "IS_NOT_NULL"})
_TEXT_ONLY: Final = frozenset({"STARTS_WITH", "CONTAINS"})
_LISTED: Final = frozenset({"LONG", "STRING", "FLOAT", "DOUBLE"})
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def checked_filter(given: StoredRecord) -> StoredRecord:
    """Return a filter like the API stores it, or raise a 400; `operator` is kept for OR only."""
    for name in ("name", "description"):
        if not given.get(name):
            message = f"row_filter.{name} is required"
            raise invalid(message)
    clauses: list[StoredRecord] = given.get("column_clauses") or []
    if not 1 <= len(clauses) <= _MOST_CLAUSES:
        message = f"row_filter.column_clauses must have 1 to {_MOST_CLAUSES} clauses"
        raise invalid(message)
    if given.get("operator") is not None and len(clauses) == 1:
        message = "row_filter.operator requires at least two clauses"
        raise invalid(message)
    for place, clause in enumerate(clauses):
        problem = _problem(clause)
        if problem is not None:
            message = f"row_filter.column_clauses[{place}]: {problem}"
            raise invalid(message)
    stored: StoredRecord = {
        "name": given["name"],
        "description": given["description"],
        "column_clauses": [clause | {"values": clause.get("values") or []} for clause in clauses],
    }
    return stored | ({"operator": "OR"} if given.get("operator") == "OR" else {})


def _problem(clause: StoredRecord) -> str | None:
    """Return why a clause is refused, or None."""
    operator, kind = clause["operator"], clause["column_type"]
    values: list[str] = clause.get("values") or []
    if not 1 <= len(clause.get("column") or "") <= _LONGEST_COLUMN:
        return f"column must have 1 to {_LONGEST_COLUMN} characters"
    if operator in _NO_VALUE:
        return f"{operator} takes no values" if values else None
    if operator == "IN":
        if kind not in _LISTED or not values:
            return f"IN takes one or more values of {', '.join(sorted(_LISTED))}"
        if sum(map(len, values)) > _LONGEST_LIST:
            return f"the values of IN have at most {_LONGEST_LIST} characters together"
    elif len(values) != 1:
        return f"{operator} takes exactly one value"
    if operator in _TEXT_ONLY and kind != "STRING":
        return f"{operator} is for STRING only"
    return next(filter(None, (_value_problem(value, kind) for value in values)), None)


def _value_problem(value: str, kind: str) -> str | None:
    longest = _LONGEST_DECIMAL if kind == "BIGDECIMAL" else _LONGEST_VALUE
    if len(value) > longest:
        return f"a value of {kind} has at most {longest} characters"
    if kind == "BOOLEAN" and value not in ("true", "false"):
        return "a value of BOOLEAN is true or false"
    if kind == "DATE" and not (_DATE.fullmatch(value) and _is_time(value)):
        return "a value of DATE reads yyyy-MM-dd"
    if kind == "DATETIME" and not (value.endswith("Z") and "T" in value and _is_time(value)):
        return "a value of DATETIME is in UTC and ends in Z"
    return None


def _is_time(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def without_lost_filter(table: StoredRecord) -> StoredRecord:
    """Return a table without its filter if it is blocked, or a filtered column is not usable."""
    if "row_filter" not in table:
        return table
    columns = part(table.get("columns"))
    names = [clause["column"] for clause in table["row_filter"]["column_clauses"]]
    used = [columns[name] for name in names if name in columns]
    if table["enabled"] and not any(c["hashed"] or not c["enabled"] for c in used):
        return table
    return {name: value for name, value in table.items() if name != "row_filter"}
