"""The rules of `configs.check`: misspelt fields, choices, types, missing schema names."""

from __future__ import annotations

import copy
import enum
import pickle
import re
from datetime import UTC, datetime
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fivetran_async import UNSET, InvalidArgumentError, _services, configs
from fivetran_async._services import KINDS, ConfigField, ConfigFields, config_problems
from services.samples import sample


class Method(enum.Enum):
    """The choices of a field, as an application can hold them."""

    QUERY = "QUERY_BASED"
    OTHER = "OTHER"


@pytest.mark.parametrize(
    ("service", "config", "path", "nearest"),
    [
        ("postgres", {"hots": "h"}, "hots", "host"),
        ("postgres", {"tunnelHost": "h"}, "tunnelHost", "tunnel_host"),
        ("postgres", {"hots": None}, "hots", "host"),
        ("snowflake", {"databse": "d"}, "databse", "database"),
        ("splunkLog", {"tokn": "t"}, "tokn", "token"),
        ("SOURCE_AWS", {"connection_servicename": "t"}, "connection_servicename", None),
        ("connector_sdk", {"secrets_list": [{"key": "a"}, {"keys": "b"}]}, None, "key"),
        ("notion", {"schemas": "s"}, "schemas", "schema"),
        ("postgres_wh", {"hots": "h"}, "hots", "host"),
    ],
)
def test_misspelt_fields_are_problems(
    service: str, config: dict[str, object], path: str | None, nearest: str | None
) -> None:
    """The problem has the place, the reason and the field that was probably meant."""
    (problem,) = configs.check(service, config)
    assert problem.path == (path or "secrets_list[1].keys")
    assert problem.nearest == (nearest or "connection_service_name")
    assert problem.reason == f"is not a field of {service}; did you mean {problem.nearest!r}?"
    assert str(problem) == f"{problem.path} {problem.reason}"
    assert problem.choices == ()


@pytest.mark.parametrize(
    ("service", "config"),
    [
        ("postgres", {"brand_new_toggle": True}),
        ("postgres", {"": 1, "x" * 10_000: 2}),
        ("service_of_2031", {"hots": [object()]}),
        ("clickhouse", {"anything": {"at": ["all"]}}),
        ("postgres", {"password": "******", "port": "******", "update_method": "******"}),
        ("adjust", {"s3_role_arn": "arn:********"}),
        ("postgres", {"password": {"$secret": "env:PASSWORD"}, "port": {"$secret": "keep"}}),
        ("github", {"pats": ["******", {"$secret": "keep"}]}),
        ("postgres", dict.fromkeys(("host", "port", "update_method", "always_encrypted"))),
        ("postgres", dict.fromkeys(("host", "port", "update_method"), "")),
        ("postgres", dict.fromkeys(("host", "port", "update_method"), UNSET)),
        ("postgres", {"port": 5432, "tunnel_port": "22", "host": 5, "always_encrypted": "True"}),
        ("postgres", {"update_method": "query_based"}),
        ("postgres", {"update_method": Method.QUERY}),
        ("postgres", {"public_key": "k"}),
        ("postgres", {"host": datetime(2026, 1, 1, tzinfo=UTC), "port": 5432.0}),
        ("github", {"pats": ("a", "b")}),
        ("assembled", {"return_full_schedule": True}),
    ],
)
def test_what_the_api_can_take_is_fine(service: str, config: dict[str, object]) -> None:
    """Newer fields, unknown services, masks, references, nulls and other spellings are accepted."""
    assert configs.check(service, config) == ()


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"host": ["h"]}, "host must be a text, not a list"),
        ({"host": {"a": 1}}, "host must be a text, not an object"),
        ({"port": "db"}, "port must be a whole number, not a text"),
        ({"port": True}, "port must be a whole number, not true or false"),
        ({"port": 0.5}, "port must be a whole number, not a number"),
        ({"always_encrypted": "yes"}, "always_encrypted must be true or false, not a text"),
        ({"always_encrypted": 1}, "always_encrypted must be true or false, not a number"),
        ({"update_method": ["QUERY_BASED"]}, "update_method must be a text, not a list"),
    ],
)
def test_values_of_another_type_are_problems(config: dict[str, object], problem: str) -> None:
    """The reason names both types, and never the value, which may be a secret."""
    assert [str(each) for each in configs.check("postgres", config)] == [problem]


def test_lists_and_objects_are_checked() -> None:
    """A text is not a list, a list of texts is not a list of objects; each item has its place."""
    found = configs.check("github", {"pats": "one"})
    assert [str(each) for each in found] == ["pats must be a list, not a text"]
    found = configs.check("connector_sdk", {"secrets_list": ["a", {"key": ["b"]}]})
    assert [each.path for each in found] == ["secrets_list[0]", "secrets_list[1].key"]
    fields = ConfigFields(
        ratio=ConfigField("ratio", "number"),
        since=ConfigField("since", "time"),
        modes=ConfigField("modes", "text", is_list=True, choices=("A", "B")),
    )
    given = {"ratio": "0.5", "since": "2026-05-04", "modes": ["A", "b", "C"]}
    (problem,) = config_problems(given, fields, "shop")
    assert (problem.path, problem.choices) == ("modes[2]", ("A", "B"))
    found = config_problems({"ratio": "half", "since": ["x"]}, fields, "shop")
    assert [each.reason for each in found] == [
        "must be a number, not a text",
        "must be a time, not a list",
    ]


def test_unknown_choices_have_the_known_ones() -> None:
    """The problem lists the choices, and names the nearest; long lists are cut in the reason."""
    (problem,) = configs.check("postgres", {"update_method": "QUERYBASED"})
    assert problem.choices == ("QUERY_BASED", "WAL_PGOUTPUT")
    assert problem.nearest == "QUERY_BASED"
    assert problem.reason == (
        "is not one of the known choices: 'QUERY_BASED', 'WAL_PGOUTPUT'; "
        "did you mean 'QUERY_BASED'?"
    )
    (problem,) = configs.check("postgres", {"update_method": Method.OTHER})
    assert problem.nearest is None
    (problem,) = configs.check("criteo", {"report_timezone": "Mars"})
    assert len(problem.choices) > 500
    assert len(problem.reason) < 300
    assert f"and {len(problem.choices) - 12} more" in problem.reason


def test_creation_requires_the_schema_name() -> None:
    """Missing, null and empty names are problems only with `creating=True`."""
    for config in ({}, {"schema_prefix": None}, {"schema_prefix": ""}, {"schema_prefix": UNSET}):
        assert configs.check("postgres", config) == ()
        (problem,) = configs.check("postgres", config, creating=True)
        assert str(problem) == "schema_prefix is required to create postgres"
    assert configs.check("postgres", {"schema_prefix": "p"}, creating=True) == ()
    assert len(configs.check("google_classroom", {}, creating=True)) == 2
    assert configs.check("snowflake", {}, creating=True) == ()


def test_other_parts_can_be_checked() -> None:
    """`part` chooses `auth` or the external secrets; a part that the service lacks takes all."""
    (problem,) = configs.check("google_ads", {"client_access": {"clientid": "i"}}, part="auth")
    assert (problem.path, problem.nearest) == ("client_access.clientid", "client_id")
    (problem,) = configs.check("aurora", {"pasword": "p"}, part="external_secrets_keys_config")
    assert problem.nearest == "password"
    assert configs.check("postgres", {"hots": 1}, part="auth") == ()


def test_values_are_never_shown() -> None:
    """No problem contains a value of the config, whatever is wrong with it."""
    secret = "hunter2"
    wrong: dict[str, object] = {
        "hots": secret,
        "update_method": secret,
        "port": secret,
        "host": [secret],
        "always_encrypted": {"key": secret},
    }
    found = configs.check("postgres", wrong, creating=True)
    assert len(found) == 6
    assert secret not in repr(found)
    assert secret not in " ".join(map(str, found))


def test_names_are_shown_on_one_line() -> None:
    """Control characters of a misspelt name are escaped."""
    (problem,) = configs.check("postgres", {"ho\nst": 1})
    assert str(problem).startswith("ho\\nst is not a field of postgres; did you mean 'host'?")


@pytest.mark.parametrize(("service", "config"), [(5, {}), (None, {}), ("postgres", ["host"])])
def test_wrong_arguments_are_refused(service: object, config: object) -> None:
    """A service that is not a text, and a config that is not a mapping, raise an error."""
    with pytest.raises(InvalidArgumentError, match="must be a"):
        configs.check(service, config)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_every_service_is_accepted(kind: _services.ServiceKind) -> None:
    """A config with every field, each with a value of its type, has no problem."""
    for service in _services.names(kind):
        for part, members in (_services.parts(service, kind) or {}).items():
            config = sample(members, part, "unique")
            found = config_problems(config, members, service, creating=True, exhaustive=True)
            # Samples of secrets are never choices, which `auth` has, too.
            assert [each for each in found if not each.choices] == [], service


numbers: Final = st.text("0123456789+-.eE \n\u0663x", max_size=8) | st.text(max_size=4)


@given(numbers)
@example("1.")
@example("1e")
@example("+-1")
@example(".5E-3")
@example("\u00a05\u2003")
def test_texts_are_numbers_as_the_api_takes_them(text: str) -> None:
    """Texts pass for numbers exactly if they are written like one."""
    members = ConfigFields(
        whole=ConfigField("whole", "integer"), ratio=ConfigField("ratio", "number")
    )
    problems = config_problems(dict.fromkeys(members, text), members, "service")
    found = {problem.path for problem in problems}
    if not text or "***" in text:
        assert found == set()
        return
    assert ("whole" not in found) is bool(re.fullmatch(r"\s*[+-]?\d+\s*", text))
    number = re.fullmatch(r"\s*[+-]?\d*\.?\d+([eE][+-]?\d+)?\s*", text)
    assert ("ratio" not in found) is bool(number)


def test_problems_and_fields_are_values() -> None:
    """Equal facts are equal, hash alike, survive pickle, and are in the repr."""
    (problem,) = configs.check("postgres", {"hots": "h"})
    (same,) = configs.check("postgres", {"hots": "other"})
    assert problem is not same
    assert problem == same == pickle.loads(pickle.dumps(problem))  # noqa: S301 - made here
    assert len({problem, same}) == 1
    assert problem != configs.ConfigProblem("hots", "is something else")
    assert problem != "hots"
    assert repr(configs.ConfigProblem("a", "b", choices=("c",))) == (
        "ConfigProblem(path='a', reason='b', choices=('c',))"
    )
    with pytest.raises(AttributeError, match="path of a ConfigProblem cannot be changed"):
        setattr(problem, "path", "host")  # noqa: B010 - checkers refuse an assignment
    with pytest.raises(AttributeError, match="path of a ConfigProblem cannot be removed"):
        delattr(problem, "path")
    assert problem == same == copy.deepcopy(problem)
    field = _services.fields("postgres")["port"]
    assert field.changed(required=True) == ConfigField("port", "integer", required=True)
    assert not field.required
