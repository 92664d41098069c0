"""The differences between warehouses: quoting, JSON, time differences, row limits."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

import attrs

from fivetran_async.errors import InvalidArgumentError

DialectName: TypeAlias = Literal[
    "snowflake", "bigquery", "redshift", "databricks", "postgres", "duckdb", "sqlserver"
]

ParamStyle: TypeAlias = Literal["qmark", "format", "pyformat", "named", "at", "numeric_dollar"]
"""The placeholder of a value in SQL: `?`, `%s`, `%(name)s`, `:name`, `@name` or `$1`."""

_LONGEST_IDENTIFIER: Final = 255
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_WHOLE_NUMBER: Final = "^-?[0-9]{1,18}$"
_NUMBER: Final = r"^-?[0-9]{1,18}(\.[0-9]{1,18})?([eE][+-]?[0-9]{1,2})?$"
_OFFSET: Final = "[+-][0-9]{2}(:?[0-9]{2})?$"

Expression: TypeAlias = Callable[[str], str]
"""A function from SQL to SQL."""


@attrs.frozen(kw_only=True)
class Dialect:
    """
    The SQL of one warehouse.

    A column can hold native JSON, JSON as text, or JSON that is encoded twice, and invalid JSON
    must not fail the query. So the query reads JSON in three steps: `as_text`, `unwrap` (returns
    the content of a JSON string; other JSON is unchanged) and `parse`. `member` reads a member of
    the result.
    """

    paramstyle: ParamStyle
    quotes: tuple[str, str] = ('"', '"')
    escapes: tuple[tuple[str, str], ...] = ()
    folds_case: bool = False
    dots_in_names: bool = True
    as_text: Expression
    unwrap: Expression
    parse: Expression
    member: Callable[[str, str], str]
    text_type: str
    integer: Expression
    number: Expression
    instant: Expression
    """The same instant with a time zone; times without one are in UTC, not in the session's."""
    seconds_between: Callable[[str, str], str]
    utc_day: Expression = lambda instant: f"CAST({instant} AS DATE)"
    month: Expression
    first_rows: Callable[[str, str], str] = lambda select, limit: f"SELECT{select}\nLIMIT {limit}"
    columns_view: str = "information_schema.columns"
    view_is_in_schema: bool = False
    view_is_shared: bool = False
    """True if the view describes all databases."""

    def identifier(self, name: object) -> str:
        """
        Quote a name, so that it is always one identifier.

        Raises:
            InvalidArgumentError: The warehouse does not allow this name.
        """
        if not isinstance(name, str):
            raise InvalidArgumentError(f"schema must be a str, not {type(name).__name__}.")
        if not 1 <= len(name) <= _LONGEST_IDENTIFIER or not name.isprintable():
            raise InvalidArgumentError(
                "schema must be 1 to 255 characters without control characters."
            )
        if "." in name and not self.dots_in_names:
            raise InvalidArgumentError(
                f"schema must not contain a dot in this warehouse, but is {name!r}."
            )
        name = self.stored(name)
        opening, closing = self.quotes
        for special, escaped in self.escapes or ((closing, closing * 2),):
            name = name.replace(special, escaped)
        return f"{opening}{name}{closing}"

    def stored(self, name: str) -> str:
        """Return a name as the warehouse stores it."""
        return name.upper() if self.folds_case and _PLAIN.fullmatch(name) else name


def _no_change(sql: str) -> str:
    return sql


def _guarded_integer(text: str) -> str:
    return f"CASE WHEN {text} ~ '{_WHOLE_NUMBER}' THEN CAST({text} AS BIGINT) END"


def _guarded_number(text: str) -> str:
    return f"CASE WHEN {text} ~ '{_NUMBER}' THEN CAST({text} AS DOUBLE PRECISION) END"


_STRING: Final = (
    r'"([^"\\\u0001-\u001f]|\\["\\/bfnrt]|\\u(?!0000|[dD][89a-fA-F])[0-9a-fA-F]{4}'
    r'|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})*"'
)
_SCALAR: Final = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?|true|false|null"
_CONTAINER: Final = r'\[((0|"")(,(0|""))*)?\]|\{("":(0|"")(,"":(0|""))*)?\}'  # of reduced values
_DEEPEST_JSON: Final = 6


def _is_json(text: str) -> str:
    """
    Test whether a cast to JSONB succeeds, for which PostgreSQL before 16 has no function.

    Strings are reduced to `""` and other scalars to `0`; then, level by level, containers of
    reduced values become `0`. The text is JSON if one of the two is left.
    """
    steps = [(_STRING, '""'), (_SCALAR, "0"), (r"[ \t\n\r]+", "")]
    for pattern, reduced in [*steps, *[(_CONTAINER, "0")] * _DEEPEST_JSON]:
        text = f"REGEXP_REPLACE({text}, '{pattern}', '{reduced}', 'g')"
    return f"""{text} IN ('0', '""')"""


def _instant_by_type(type_of: str, naive: str) -> Expression:
    """Read times without a time zone in UTC; times of the type `naive` are cast before."""
    return lambda time: (
        f"CASE WHEN {type_of.format(time)} = 'timestamp with time zone' THEN {time}"
        f" ELSE {naive.format(time)} AT TIME ZONE 'UTC' END"
    )


def _day_by_type(type_of: str) -> Expression:
    """Cast to a date in UTC, not in the session's time zone; dates are unchanged."""
    return lambda instant: (
        f"CASE WHEN {type_of.format(instant)} = 'timestamp with time zone'"
        f" THEN CAST({instant} AT TIME ZONE 'UTC' AS DATE) ELSE CAST({instant} AS DATE) END"
    )


SNOWFLAKE: Final = Dialect(
    paramstyle="pyformat",
    # Snowflake stores unquoted names in upper case, and so does Fivetran.
    folds_case=True,
    as_text=lambda column: f"TO_VARCHAR({column})",
    unwrap=lambda text: f"TO_VARCHAR(TRY_PARSE_JSON({text}))",
    parse=lambda text: f"TRY_PARSE_JSON({text})",
    member=lambda data, key: f"TO_VARCHAR(GET({data}, '{key}'))",
    text_type="VARCHAR",
    integer=lambda text: f"TRY_TO_NUMBER({text})",
    number=lambda text: f"TRY_TO_DOUBLE({text})",
    # The text of a time without a time zone ends in Z.
    instant=lambda time: (
        f"TO_TIMESTAMP_TZ(TO_VARCHAR({time}, 'YYYY-MM-DD\"T\"HH24:MI:SS.FF9TZH:TZM'))"
    ),
    seconds_between=lambda start, end: (
        f"CAST(DATEDIFF(millisecond, {start}, {end}) AS DOUBLE) / 1000"
    ),
    month=lambda day: f"DATE_TRUNC('month', {day})",
    columns_view="INFORMATION_SCHEMA.COLUMNS",
)

BIGQUERY: Final = Dialect(
    paramstyle="at",
    quotes=("`", "`"),
    # BigQuery splits project and dataset at a dot even inside quotes.
    dots_in_names=False,
    escapes=(("\\", "\\\\"), ("`", "\\`")),
    # Text columns become a JSON string here, JSON columns their serialized value.
    as_text=lambda column: (
        f"COALESCE(JSON_VALUE(TO_JSON_STRING({column}), '$'), TO_JSON_STRING({column}))"
    ),
    unwrap=lambda text: f"COALESCE(JSON_VALUE(SAFE.PARSE_JSON({text}), '$'), {text})",
    parse=lambda text: f"SAFE.PARSE_JSON({text})",
    member=lambda data, key: f"JSON_VALUE({data}, '$.{key}')",
    text_type="STRING",
    integer=lambda text: f"SAFE_CAST({text} AS INT64)",
    number=lambda text: f"SAFE_CAST({text} AS FLOAT64)",
    instant=lambda time: f"TIMESTAMP({time})",
    seconds_between=lambda start, end: f"TIMESTAMP_DIFF({end}, {start}, MILLISECOND) / 1000",
    month=lambda day: f"DATE_TRUNC({day}, MONTH)",
    columns_view="INFORMATION_SCHEMA.COLUMNS",
    view_is_in_schema=True,
)

REDSHIFT: Final = Dialect(
    paramstyle="format",
    as_text=lambda column: f"CAST({column} AS VARCHAR(65535))",
    unwrap=lambda text: (
        f"CASE WHEN LEFT({text}, 1) = '\"'"
        f" THEN JSON_EXTRACT_ARRAY_ELEMENT_TEXT('[' || {text} || ']', 0, TRUE) ELSE {text} END"
    ),
    parse=_no_change,
    member=lambda data, key: f"NULLIF(JSON_EXTRACT_PATH_TEXT({data}, '{key}', TRUE), '')",
    text_type="VARCHAR(65535)",
    integer=_guarded_integer,
    number=_guarded_number,
    instant=lambda time: (
        f"CAST(CASE WHEN CAST({time} AS VARCHAR) ~ '{_OFFSET}' THEN CAST({time} AS VARCHAR)"
        f" ELSE CAST({time} AS VARCHAR) || '+00' END AS TIMESTAMPTZ)"
    ),
    seconds_between=lambda start, end: (
        f"CAST(DATEDIFF(millisecond, {start}, {end}) AS DOUBLE PRECISION) / 1000"
    ),
    month=lambda day: f"CAST(DATE_TRUNC('month', {day}) AS DATE)",
    # The standard's view lacks the tables of other owners.
    columns_view="svv_columns",
    view_is_shared=True,
)

DATABRICKS: Final = Dialect(
    paramstyle="named",
    quotes=("`", "`"),
    as_text=lambda column: f"CAST({column} AS STRING)",
    unwrap=lambda text: f"GET_JSON_OBJECT({text}, '$')",
    parse=_no_change,
    member=lambda data, key: f"GET_JSON_OBJECT({data}, '$.{key}')",
    text_type="STRING",
    integer=lambda text: f"TRY_CAST({text} AS BIGINT)",
    number=lambda text: f"TRY_CAST({text} AS DOUBLE)",
    instant=lambda time: (
        f"CASE WHEN TYPEOF({time}) = 'timestamp_ntz'"
        f" THEN CAST(CONCAT(CAST({time} AS STRING), 'Z') AS TIMESTAMP)"
        f" ELSE CAST({time} AS TIMESTAMP) END"
    ),
    seconds_between=lambda start, end: (
        f"CAST(TIMESTAMPDIFF(MILLISECOND, {start}, {end}) AS DOUBLE) / 1000"
    ),
    month=lambda day: f"CAST(DATE_TRUNC('month', {day}) AS DATE)",
)

POSTGRES: Final = Dialect(
    paramstyle="pyformat",
    as_text=lambda column: f"CAST({column} AS TEXT)",
    unwrap=lambda text: f"CASE WHEN {_is_json(text)} THEN CAST({text} AS JSONB) #>> '{{}}' END",
    parse=lambda text: f"CASE WHEN {_is_json(text)} THEN CAST({text} AS JSONB) END",
    member=lambda data, key: f"({data} ->> '{key}')",
    text_type="TEXT",
    integer=_guarded_integer,
    number=_guarded_number,
    instant=_instant_by_type("CAST(PG_TYPEOF({}) AS TEXT)", "{}"),
    seconds_between=lambda start, end: (
        f"CAST(EXTRACT(EPOCH FROM {end} - {start}) AS DOUBLE PRECISION)"
    ),
    utc_day=_day_by_type("CAST(PG_TYPEOF({}) AS TEXT)"),
    month=lambda day: f"CAST(DATE_TRUNC('month', {day}) AS DATE)",
)

DUCKDB: Final = Dialect(
    paramstyle="qmark",
    as_text=lambda column: f"CAST({column} AS VARCHAR)",
    unwrap=lambda text: f"JSON_EXTRACT_STRING(TRY_CAST({text} AS JSON), '$')",
    parse=lambda text: f"TRY_CAST({text} AS JSON)",
    member=lambda data, key: f"JSON_EXTRACT_STRING({data}, '$.{key}')",
    text_type="VARCHAR",
    integer=lambda text: f"TRY_CAST({text} AS BIGINT)",
    number=lambda text: f"TRY_CAST({text} AS DOUBLE)",
    instant=_instant_by_type("LOWER(TYPEOF({}))", "CAST({} AS TIMESTAMP)"),
    seconds_between=lambda start, end: f"DATE_DIFF('millisecond', {start}, {end}) / 1000",
    utc_day=_day_by_type("LOWER(TYPEOF({}))"),
    month=lambda day: f"CAST(DATE_TRUNC('month', {day}) AS DATE)",
    view_is_shared=True,
)

SQLSERVER: Final = Dialect(
    paramstyle="qmark",
    quotes=("[", "]"),
    as_text=lambda column: f"CAST({column} AS NVARCHAR(MAX))",
    # SQL Server accepts only objects and arrays as JSON, so a string is wrapped in an array.
    unwrap=lambda text: (
        f"CASE WHEN LEFT({text}, 1) = '\"' AND ISJSON('[' + {text} + ']') = 1"
        f" THEN JSON_VALUE('[' + {text} + ']', '$[0]') ELSE {text} END"
    ),
    parse=lambda text: f"CASE WHEN ISJSON({text}) = 1 THEN {text} END",
    member=lambda data, key: f"JSON_VALUE({data}, '$.{key}')",
    text_type="NVARCHAR(4000)",
    integer=lambda text: f"TRY_CAST({text} AS BIGINT)",
    number=lambda text: f"TRY_CAST({text} AS FLOAT)",
    instant=lambda time: f"CAST({time} AS DATETIMEOFFSET)",
    seconds_between=lambda start, end: (
        f"CAST(DATEDIFF_BIG(millisecond, {start}, {end}) AS FLOAT) / 1000"
    ),
    month=lambda day: f"DATEFROMPARTS(YEAR({day}), MONTH({day}), 1)",
    first_rows=lambda select, limit: f"SELECT TOP ({limit}){select}",
    columns_view="INFORMATION_SCHEMA.COLUMNS",
)

DIALECTS: Final[dict[str, Dialect]] = {
    "snowflake": SNOWFLAKE,
    "bigquery": BIGQUERY,
    "redshift": REDSHIFT,
    "databricks": DATABRICKS,
    "postgres": POSTGRES,
    "duckdb": DUCKDB,
    "sqlserver": SQLSERVER,
}
