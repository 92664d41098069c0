"""The program behind `nox -s services`, run on a small definition."""

from __future__ import annotations

import copy
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any, Final, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivetran_async._services import ConfigField, ConfigFields
from services.definition import definition

PROGRAM = Path(__file__).parents[2] / ".ci" / "services_table.py"


def load(name: str) -> Any:  # noqa: ANN401
    """Import a program from its file."""
    spec = importlib.util.spec_from_file_location(name, PROGRAM.with_stem(name))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(name="program", scope="module")
def load_program() -> Any:  # noqa: ANN401
    """Import the program that writes the table."""
    return load("services_table")


def rows_of(text: str) -> dict[str, Any]:
    """Parse a table: `kind service` mapped to facts."""
    table = load("services_table").read(text)
    return {f"{kind} {service}": facts for (kind, service), facts in table.items()}


def test_every_shape_of_a_field_is_read(program: Any) -> None:  # noqa: ANN401
    """Enumerations, lists, nested fields, naming fields and response fields are parsed."""
    table = program.Definition(definition()).table()
    assert program.secret_names(table) == ["a", "key", "token", "tokens", "value"]
    assert rows_of(program.write(table)) == {
        "source 1st": {"config": {"code": ["A"], "schema": "text!+"}},
        "source shop": {
            "auth": {"nested": {"a": "text*"}, "user": "text"},
            "config": {
                "key": "text*",
                "live": "flag",
                "pairs": {"[]": {"name": "text", "value": "text*"}},
                "port": "integer",
                "public_key": "text^",
                "state": {"^": ["ON"]},
                "ratio": "number",
                "region": ["EU", "US"],
                "schema": "text!+",
                "since": "time",
                "tokens": {"[]": "text*"},
                "window": {"+": ["A", "B"]},
                "zone": "text+",
            },
        },
        "destination lake": {"config": {"*": "any"}},
        "log log": {"config": {"token": "text*"}},
        "private_link LINK_AWS": {"config": {"endpoint": "text!"}},
    }


TABLE = """\
secret\t-
 a
 key
 token
 tokens
 value

source\t1st
 config
  code\tchoice\tA
  schema\ttext!+

source\tshop
 auth
  nested\tobject
   a\ttext*
  user\ttext
 config
  key\ttext*
  live\tflag
  pairs\tobject[]
   name\ttext
   value\ttext*
  port\tinteger
  public_key\ttext^
  ratio\tnumber
  region\tchoice\tEU\tUS
  schema\ttext!+
  since\ttime
  state\tchoice^\tON
  tokens\ttext*[]
  window\tchoice+\tA\tB
  zone\ttext+

destination\tlake
 config
  *

log\tlog
 config
  token\ttext*

private_link\tLINK_AWS
 config
  endpoint\ttext!
"""


def test_every_field_has_a_line(program: Any) -> None:  # noqa: ANN401
    """A difference between two tables shows the fields that changed, and no other."""
    text = program.write(program.Definition(definition()).table())
    assert text == f"{program.HEADER}\n{TABLE}"


# Fields in every combination that the format has.
types: Final = st.recursive(
    st.sampled_from(["text", "text*", "flag", "integer", "any"])
    | st.lists(st.text(st.characters(exclude_characters="\t\n\r", codec="utf-8")), max_size=3),
    lambda inner: (
        st.dictionaries(st.from_regex("[a-z_0-9]{1,4}", fullmatch=True), inner, max_size=3)
        | inner.map(lambda kind: {"[]": kind})
    ),
    max_leaves=8,
)
marks: Final = st.sampled_from(["", "!", "+", "^", "!+", "+^"])


@given(st.data())
def test_written_tables_are_read_back(program: Any, data: st.DataObject) -> None:  # noqa: ANN401
    """Any table that is written is read as the same table, and written as the same bytes."""
    fields = data.draw(st.dictionaries(st.sampled_from("abc"), types, max_size=3))
    marked = {name: program._flagged(kind, data.draw(marks)) for name, kind in fields.items()}
    table = {("source", "shop"): {"auth": {"*": "any"}, "config": marked}}
    text = program.write(table)
    assert program.read(text) == table
    assert program.write(program.read(text)) == text
    assert list(program.differences(table, program.read(text))) == []


@pytest.mark.parametrize("choice", ["a\tb", "a\nb", "a\rb"])
def test_choices_that_the_table_cannot_hold_are_refused(program: Any, choice: str) -> None:  # noqa: ANN401
    """The program names a choice that the format would split."""
    with pytest.raises(ValueError, match="the table cannot hold") as caught:
        program.write({("source", "shop"): {"config": {"field": [choice]}}})
    assert repr(choice) in str(caught.value)


def reversed_keys(value: Any) -> Any:  # noqa: ANN401
    """Reverse the order of the keys of all objects."""
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        return {key: reversed_keys(entries[key]) for key in reversed(entries)}
    if isinstance(value, list):
        return [reversed_keys(each) for each in cast("list[object]", value)]
    return value


def test_order_of_the_definition_does_not_matter(program: Any) -> None:  # noqa: ANN401
    """A definition in another order produces the same bytes."""
    one, other = definition(), reversed_keys(definition())
    texts = {program.write(program.Definition(each).table()) for each in (one, other)}
    assert len(texts) == 1
    text = texts.pop()
    assert program.write(program.read(text)) == text


PATCH = """\
# a comment
source\tnew_one\t\tnew
source\t1st\t\tgone
source\tshop\tconfig.region\t+AP
source\tshop\tconfig.region\t-US
source\tshop\tconfig.window\t+C
source\tshop\tconfig.ratio\tgone
source\tshop\tconfig.later\t["ON","OFF"]
source\tshop\tconfig.pairs[].extra\ttext*
source\tshop\tconfig.port\ttext
source\tshop\tconfig.nothing\tgone
source\tshop\tconfig.never\t+AP
source\tnowhere\tconfig.port\ttext
"""


def test_patch_changes_what_the_definition_lacks(program: Any) -> None:  # noqa: ANN401
    """A patch adds and removes services, fields and choices; a row without effect is reported."""
    table = program.Definition(definition()).table()
    idle = [row for row in program.read_patch(PATCH) if not program.apply(table, row)]
    assert [row.field for row in idle] == [
        "config.port",
        "config.nothing",
        "config.never",
        "config.port",
    ]
    rows = rows_of(program.write(table))
    assert "source 1st" not in rows
    assert rows["source new_one"] == {"config": {"*": "any"}}
    config = rows["source shop"]["config"]
    assert config["region"] == ["EU", "AP"]
    assert config["later"] == ["ON", "OFF"]
    assert config["pairs"]["[]"] == {"extra": "text*", "name": "text", "value": "text*"}
    assert config["window"] == {"+": ["A", "B", "C"]}
    assert "ratio" not in config
    assert config["port"] == "integer"
    again = [row for row in program.read_patch(PATCH) if program.apply(table, row)]
    assert [row.service for row in again] == []


def test_differences_name_what_came_and_went(program: Any) -> None:  # noqa: ANN401
    """Each changed service, field, choice and type has a line; equal tables have no lines."""
    before = program.Definition(definition()).table()
    after = copy.deepcopy(before)
    for row in program.read_patch(PATCH):
        program.apply(after, row)
    after["source", "shop"]["config"]["port"] = "text"
    assert list(program.differences(before, after)) == [
        "- source 1st",
        "+ source new_one",
        '+ source shop config.later: ["ON","OFF"]',
        '+ source shop config.pairs[].extra: "text*"',
        '~ source shop config.port: "integer" -> "text"',
        "- source shop config.ratio",
        "~ source shop config.region: choices +AP -US",
        "~ source shop config.window+: choices +C",
    ]
    assert list(program.differences(after, after)) == []


def test_program_compares_two_definitions(
    program: Any,  # noqa: ANN401
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It prints the differences, the counts and how many examples fit; `--check` writes nothing."""
    one, other, table = (tmp_path / name for name in ("one.json", "other.json", "table.tsv"))
    one.write_text(json.dumps(definition()))
    newer = definition()
    newer["components"]["schemas"]["1st_config"]["properties"]["config"]["properties"]["b"] = {
        "type": "string"
    }
    other.write_text(json.dumps(newer))
    patch = tmp_path / "patch.tsv"
    patch.write_text("")
    files = ["--table", str(table), "--patch", str(patch)]
    assert program.main([str(other), "--against", str(one), "--check", *files]) == 1
    printed = capsys.readouterr().out
    assert '+ source 1st config.b: "text"\n1 differences; services: 2 source, 1 dest' in printed
    # `EU | US` is two examples; text does not fit a flag.
    assert "fit their own type: 3 of 4" in printed
    assert not table.exists()
    assert program.main([str(one), *files]) == 0
    assert rows_of(table.read_text())["log log"] == {"config": {"token": "text*"}}
    assert program.main([str(one), "--check", *files]) == 0


def test_facts_about_examples_have_no_text(monkeypatch: pytest.MonkeyPatch, program: Any) -> None:  # noqa: ANN401
    """Of each example, its type or the choices that it names are kept, and never its text."""
    monkeypatch.setattr("sys.path", [str(PROGRAM.parent), *sys.path])
    examples = load("services_examples")
    found = examples.examples_of(program.Definition(definition()))["source", "shop"]["config"]
    assert found.pop("pairs") == [{}]
    assert found == {"live": "yes", "port": 1, "region": "EU | US", "zone": "Z"}
    assert [examples.alternatives(found, number)["region"] for number in range(3)] == [
        *("EU", "US", "EU")
    ]
    members = {
        "live": ConfigField("live", "flag"),
        "port": ConfigField("port", "integer"),
        "region": ConfigField("region", "text", choices=("EU", "US")),
        "zone": ConfigField("zone", "text"),
        "new": ConfigField("new", "text"),
        "state": ConfigField("state", "text", read_only=True),
    }
    facts = examples.facts_of(ConfigFields(members), found)
    assert facts == {"port": "integer", "region": ["EU", "US"], "new": None}
