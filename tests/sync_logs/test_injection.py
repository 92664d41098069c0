"""SQL injection attempts, as values and as names."""

# The SQL that prepares the databases contains only our constants and quoted names.
# ruff: noqa: S608

from __future__ import annotations

import functools
from typing import Any, Final, get_args

import pytest
from psycopg import sql as identifiers

from fivetran_async import InvalidArgumentError
from fivetran_async.sync_logs import DialectName, LoggedSync, QueryKind, query, tables_query
from support.samples import sample
from sync_logs.databases import METADATA, Database, Postgres
from sync_logs.parsing import IDENTIFIER, only_statement, readable, tables, tokens

pytestmark = pytest.mark.slow

ATTACKS: Final = (
    "'", '"', "`", "]", "[", "\\", "%", "?", ";", "--", "$1", ":limit", "@limit", "%s", "%(limit)s",
    "' OR '1'='1", "' OR 1=1 --", "' OR ''='", "x' OR 1=1; --", "') OR ('1'='1", "1 OR 1=1",
    "'; DROP TABLE log; --", '"; DROP TABLE log; --', "`; DROP TABLE log; --",
    "]; DROP TABLE log; --", "; DELETE FROM log", "'; DROP SCHEMA fivetran_metadata CASCADE; --",
    "' UNION SELECT usename FROM pg_shadow --", '" UNION SELECT 1 --', '"."users" u --',
    '" WHERE 1=1 --', "` x, `secrets`.`keys", "] x, [secrets]", "\\'", '\\"; SELECT 1 --',
    "\\`; SELECT 1; --", "''; SELECT 1; --", '""; SELECT 1; --', "]]; SELECT 1; --",
    "x/*", "*/ OR 1=1 /*", "/**/OR/**/1=1", "$$; DROP TABLE log; $$", "E'\\'; SELECT 1 --",
    "'||(SELECT version())||'", "' AND pg_sleep(9) IS NULL --", "%'; SELECT 1 --", "%%", "%(x)s",
    "\u02bc OR 1=1", "\uff07; DROP TABLE log", "' OR '1'='1' # ", "{schema}", "{0.__class__}",
)  # fmt: skip
REFUSED: Final = (
    "\0", "log\0 --", "\n; DROP TABLE log", "a\rb", "\t", "\x1b[2J", "\x7f", "\x85", "\u2028",
    "\u202e; --", "\ud800", "",
)  # fmt: skip

DIALECT_NAMES: Final = get_args(DialectName)
KINDS: Final = get_args(QueryKind)

EVERY: Final = sample(7, 1)
"""The sample has every seventh attack on a dialect, so that each attack is tried on one."""
SHARES: Final = [
    (dialect, attack)
    for number, dialect in enumerate(DIALECT_NAMES)
    for attack in ATTACKS[number % EVERY :: EVERY]
]

each_value = pytest.mark.parametrize(("dialect", "attack"), SHARES)
each_name = pytest.mark.parametrize(
    ("dialect", "attack"), [each for each in SHARES if each[0] != "bigquery" or "." not in each[1]]
)
each_bound_name = pytest.mark.parametrize(
    ("dialect", "attack"), [each for each in SHARES if each[0] != "bigquery"]
)
each_attack = pytest.mark.parametrize("attack", ATTACKS)
some_attacks = pytest.mark.parametrize("attack", ATTACKS[:: sample(4, 1)])


def test_there_are_enough() -> None:
    """There are at least fifty attacks, all different."""
    assert len(set(ATTACKS)) == len(ATTACKS) >= 50


@each_value
def test_values_are_never_in_the_text(dialect: DialectName, attack: str) -> None:
    """The SQL is the same for every value, and the value is an unchanged parameter."""
    for kind in KINDS:
        built = query(kind, dialect=dialect, connection_id=attack)
        assert built.sql == query(kind, dialect=dialect, connection_id="harmless").sql
        parameters = built.parameters
        values = parameters if isinstance(parameters, tuple) else tuple(parameters.values())
        assert attack in values


@each_bound_name
def test_the_query_on_tables_binds_the_schema(dialect: DialectName, attack: str) -> None:
    """The schema is a value there, and the SQL is the same for each."""
    built = tables_query(dialect=dialect, schema=(attack,))
    assert built.sql == tables_query(dialect=dialect, schema=("harmless",)).sql
    parameters = built.parameters
    assert attack in (parameters if isinstance(parameters, tuple) else parameters.values())


@each_attack
def test_the_query_on_tables_quotes_names(attack: str) -> None:
    """BigQuery's view is in the schema, others are in the database: both are quoted."""
    for dialect in DIALECT_NAMES:
        if dialect == "bigquery" and "." in attack:
            continue
        schema = (attack,) if dialect == "bigquery" else (attack, "logs")
        built = tables_query(dialect=dialect, schema=schema)
        (found,) = tables(only_statement(readable(built, dialect), dialect))
        parameters = built.parameters
        values = parameters if isinstance(parameters, tuple) else tuple(parameters.values())
        assert attack in (*found[0], *values)


HARMLESS: Final = "Some Schema"


def words_of(kind: QueryKind, dialect: DialectName, schema: str) -> list[tuple[object, str]]:
    """Return the tokens of a query with this name as database and schema."""
    built = query(kind, dialect=dialect, schema=(schema, schema))
    return tokens(readable(built, dialect), dialect)


@functools.cache
def harmless_words(kind: QueryKind, dialect: DialectName) -> list[tuple[object, str]]:
    """Return the tokens of a query with an ordinary name; cached for all attacks."""
    return words_of(kind, dialect, HARMLESS)


@each_name
def test_names_stay_names(dialect: DialectName, attack: str) -> None:
    """The tokens of the query are those of an ordinary schema, except for the name."""
    named = (IDENTIFIER, HARMLESS)
    for kind in KINDS:
        expected = harmless_words(kind, dialect)
        assert expected.count(named) >= 2
        meant = [(word[0], attack) if word == named else word for word in expected]
        assert words_of(kind, dialect, attack) == meant


@each_name
def test_known_tables_only(dialect: DialectName, attack: str) -> None:
    """The parsed query is one SELECT from known tables, in a schema of exactly that name."""
    built = query(
        "monthly_active_rows", dialect=dialect, schema=("d b", attack), connection_id=attack
    )
    statement = only_statement(readable(built, dialect), dialect)
    assert tables(statement) == {
        (("d b", attack), table) for table in ("incremental_mar", "connection")
    }


@pytest.mark.parametrize("attack", REFUSED)
def test_control_characters_are_refused(attack: str) -> None:
    """Control characters are refused in names and in ids."""
    with pytest.raises(InvalidArgumentError, match="schema"):
        query("errors", dialect="postgres", schema=(attack,))
    with pytest.raises(InvalidArgumentError, match="connection_id"):
        query("errors", dialect="postgres", connection_id=attack)
    with pytest.raises(InvalidArgumentError, match="schema"):
        tables_query(dialect="postgres", schema=(attack,))


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if "." in attack])
def test_bigquery_has_no_names_with_dots(attack: str) -> None:
    """BigQuery would read a name with dots as a path, perhaps to another project's tables."""
    with pytest.raises(InvalidArgumentError, match="must not contain a dot"):
        query("errors", dialect="bigquery", schema=("project", attack))


@some_attacks
@pytest.mark.parametrize("argument", ["kind", "dialect", "paramstyle", "limit", "since"])
def test_other_arguments_refuse_text(argument: str, attack: str) -> None:
    """Arguments that are words, numbers or times accept nothing else."""
    arguments: dict[str, Any] = {"kind": "errors", "dialect": "duckdb", argument: attack}
    with pytest.raises(InvalidArgumentError):
        query(**arguments)


@some_attacks
def test_values_find_only_themselves(database: Database, attack: str) -> None:
    """On a real database, each value matches only the connection with that id."""
    rows = f"{METADATA}.log"
    before = database.execute(f"SELECT COUNT(*) FROM {rows}").fetchall()
    database.execute(
        f"INSERT INTO {rows} (id, time_stamp, connection_id, message_event)"
        f" VALUES ('attack', '2026-11-01', {database.mark}, 'sync_end')",
        [attack],
    )
    try:
        for kind in ("sync_duration", "monthly_active_rows", "audit_trail", "errors"):
            built = query(kind, dialect=database.dialect, connection_id=attack)
            found = LoggedSync.from_rows(database.run(built))
            expected = [attack] if kind == "sync_duration" else []
            assert [sync.connection_id for sync in found] == expected
    finally:
        database.execute(f"DELETE FROM {rows} WHERE id = 'attack'")
    assert list(database.execute(f"SELECT COUNT(*) FROM {rows}").fetchall()) == list(before)


@some_attacks
def test_quoting_is_that_of_the_database(database: Database, served: Postgres, attack: str) -> None:
    """A schema with this name is found: our quoting is that of the database."""
    quoted = identifiers.Identifier(attack).as_string(served.connection)
    database.execute(f"CREATE SCHEMA {quoted}")
    try:
        database.execute(f"CREATE TABLE {quoted}.log AS SELECT * FROM {METADATA}.log")
        built = query("sync_duration", dialect=database.dialect, schema=(attack,), limit=3)
        assert len(LoggedSync.from_rows(database.run(built))) == 3
    finally:
        database.execute(f"DROP SCHEMA {quoted} CASCADE")
