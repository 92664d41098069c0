"""Text that wants to be SQL, as a value and as a name: it stays text, everywhere."""

# The SQL that prepares a database is made of our own constants and quoted names.
# ruff: noqa: S608

from __future__ import annotations

import functools
from typing import Any, Final, get_args

import pytest
from psycopg import sql as identifiers

from fivetran_async import InvalidArgumentError
from fivetran_async.sync_logs import DialectName, LoggedSync, QueryKind, query
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

EVERY: Final = sample(4, 1)
"""A sample tries every fourth attack on a dialect, and each attack on one or two of them."""

each_name = pytest.mark.parametrize(
    ("dialect", "attack"),
    [
        (dialect, attack)
        for number, dialect in enumerate(DIALECT_NAMES)
        for attack in ATTACKS[number % EVERY :: EVERY]
        if dialect != "bigquery" or "." not in attack
    ],
)
each_attack = pytest.mark.parametrize("attack", ATTACKS)


def test_there_are_enough() -> None:
    """No fewer than fifty attacks, all different."""
    assert len(set(ATTACKS)) == len(ATTACKS) >= 50


@each_attack
@pytest.mark.parametrize("dialect", DIALECT_NAMES)
def test_values_are_never_in_the_text(dialect: DialectName, attack: str) -> None:
    """The SQL is the same for every value, which is among the parameters as it was given."""
    for kind in KINDS:
        asked = query(kind, dialect=dialect, connection_id=attack)
        assert asked.sql == query(kind, dialect=dialect, connection_id="harmless").sql
        parameters = asked.parameters
        values = parameters if isinstance(parameters, tuple) else tuple(parameters.values())
        assert attack in values


HARMLESS: Final = "Some Schema"


def words_of(kind: QueryKind, dialect: DialectName, schema: str) -> list[tuple[object, str]]:
    """Read the words of a query whose database and schema have the same name."""
    asked = query(kind, dialect=dialect, schema=(schema, schema))
    return tokens(readable(asked, dialect), dialect)


@functools.cache
def harmless_words(kind: QueryKind, dialect: DialectName) -> list[tuple[object, str]]:
    """Read the words of a query with nothing odd in it, once for all attacks."""
    return words_of(kind, dialect, HARMLESS)


@each_name
def test_names_stay_names(dialect: DialectName, attack: str) -> None:
    """Word by word, a query for such a schema is that for any other: only the name differs."""
    named = (IDENTIFIER, HARMLESS)
    for kind in KINDS:
        expected = harmless_words(kind, dialect)
        assert expected.count(named) >= 2
        meant = [(word[0], attack) if word == named else word for word in expected]
        assert words_of(kind, dialect, attack) == meant


@each_name
def test_known_tables_only(dialect: DialectName, attack: str) -> None:
    """Parsed, it is one SELECT from the known tables, in a schema of exactly that name."""
    asked = query(
        "monthly_active_rows", dialect=dialect, schema=("d b", attack), connection_id=attack
    )
    statement = only_statement(readable(asked, dialect), dialect)
    assert tables(statement) == {
        (("d b", attack), table) for table in ("incremental_mar", "connection")
    }


@pytest.mark.parametrize("attack", REFUSED)
def test_control_characters_are_refused(attack: str) -> None:
    """What no name and no id contains is neither quoted nor bound."""
    with pytest.raises(InvalidArgumentError, match="schema"):
        query("errors", dialect="postgres", schema=(attack,))
    with pytest.raises(InvalidArgumentError, match="connection_id"):
        query("errors", dialect="postgres", connection_id=attack)


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if "." in attack])
def test_bigquery_has_no_names_with_dots(attack: str) -> None:
    """It would read a path in them, so that another project's tables could be meant."""
    with pytest.raises(InvalidArgumentError, match="no name has a dot"):
        query("errors", dialect="bigquery", schema=("project", attack))


@each_attack
@pytest.mark.parametrize("argument", ["kind", "dialect", "paramstyle", "limit", "since"])
def test_other_arguments_take_no_text(argument: str, attack: str) -> None:
    """Where only certain words, numbers or times are possible, nothing else is accepted."""
    arguments: dict[str, Any] = {"kind": "errors", "dialect": "duckdb", argument: attack}
    with pytest.raises(InvalidArgumentError):
        query(**arguments)


@each_attack
def test_values_find_only_themselves(database: Database, attack: str) -> None:
    """On a real database each finds the one connection that is really called so, or none."""
    rows = f"{METADATA}.log"
    before = database.execute(f"SELECT COUNT(*) FROM {rows}").fetchall()
    database.execute(
        f"INSERT INTO {rows} (id, time_stamp, connection_id, message_event)"
        f" VALUES ('attack', '2026-11-01', {database.mark}, 'sync_end')",
        [attack],
    )
    try:
        for kind in ("sync_duration", "monthly_active_rows", "audit_trail", "errors"):
            asked = query(kind, dialect=database.dialect, connection_id=attack)
            found = LoggedSync.from_rows(database.ask(asked))
            expected = [attack] if kind == "sync_duration" else []
            assert [sync.connection_id for sync in found] == expected
    finally:
        database.execute(f"DELETE FROM {rows} WHERE id = 'attack'")
    assert list(database.execute(f"SELECT COUNT(*) FROM {rows}").fetchall()) == list(before)


@each_attack
def test_names_are_what_the_database_calls_so(
    database: Database, served: Postgres, attack: str
) -> None:
    """A schema that is really called so is read: our quoting is the database's own."""
    quoted = identifiers.Identifier(attack).as_string(served.connection)
    database.execute(f"CREATE SCHEMA {quoted}")
    try:
        database.execute(f"CREATE TABLE {quoted}.log AS SELECT * FROM {METADATA}.log")
        asked = query("sync_duration", dialect=database.dialect, schema=(attack,), limit=3)
        assert len(LoggedSync.from_rows(database.ask(asked))) == 3
    finally:
        database.execute(f"DROP SCHEMA {quoted} CASCADE")
