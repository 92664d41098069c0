#!/usr/bin/env bash
# sqlglot 30.30.0 and DuckDB 2.0.1; PostgreSQL's side as its manual states it.
# Guess: DuckDB's SQL descends from PostgreSQL's, so a report for the one needs hardly any
# translation for the other, and where it does, sqlglot adds it or the query fails.
# Behaviour: the plainest parts change, without an error. A quotient of integers gets a
# fraction, as in rows / attempts. In LIKE the backslash of `stripe\_%` is an ordinary
# character, so nothing matches. EXTRACT(SECOND) drops the fraction, and ROUND of a double
# rounds halves up instead of to even. In TO_CHAR the time one in the afternoon is
# "01:05 AM", as AM stays a text while HH12 is translated, and FMDay is "FM7ay".
# Consequence: tests on a local copy pass on numbers that the warehouse does not give,
# and a filter on names with an underscore is empty. Write ESCAPE with each such
# LIKE, FLOOR or DIV for whole numbers, and no TO_CHAR beyond digits and separators.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check \
    sqlglot==30.30.0 duckdb==2.0.1
"$dir/venv/bin/python" - <<'PY'
import duckdb
import sqlglot

AT = "TIMESTAMP '2026-01-04 13:05:01.75'"  # a Sunday
CASES = (  # query, what PostgreSQL returns, what DuckDB returns
    ("SELECT MAX(n) / 60 FROM (VALUES (90)) AS t(n)", 1, 1.5),
    ("SELECT 'stripe_eu' LIKE 'stripe\\_%'", True, False),
    (f"SELECT EXTRACT(SECOND FROM {AT})", 1.75, 1),
    ("SELECT ROUND(2.5::float8)", 2, 3),
    (f"SELECT TO_CHAR({AT}, 'HH12:MI AM')", "01:05 PM", "01:05 AM"),
    (f"SELECT TO_CHAR({AT}, 'FMDay')", "Sunday", "FM7ay"),
    # What survives:
    ("SELECT 'stripe_eu' LIKE 'stripe!_%' ESCAPE '!'", True, True),
    ("SELECT DIV(MAX(n), 60) FROM (VALUES (90)) AS t(n)", 1, 1),
    (f"SELECT EXTRACT(EPOCH FROM {AT}) - FLOOR(EXTRACT(EPOCH FROM {AT}))", 0.75, 0.75),
    (f"SELECT TO_CHAR({AT}, 'YYYY-MM-DD HH24:MI')", "2026-01-04 13:05", "2026-01-04 13:05"),
)
for query, there, here in CASES:
    translated = sqlglot.transpile(query, read="postgres", write="duckdb")[0]
    (value,) = duckdb.execute(translated).fetchone()
    print(f"{query}\n  as {translated}\n  is {value}, was {there}")
    assert value == here, f"{query} is {value} after translation"
PY
