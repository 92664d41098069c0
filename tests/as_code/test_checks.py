"""`check`: rules over a snapshot, the rules that are ready, and JUnit reports."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from fivetran_async import AsyncFivetran, InvalidArgumentError, as_code
from fivetran_async.as_code import ManagedObject, Snapshot, rules
from fivetran_async.testing import FakeFivetran

NOW = datetime(2026, 11, 28, tzinfo=UTC)
EMAIL_COLUMNS: Mapping[str, Mapping[str, object]] = {
    "email": {},
    "contactEmail": {"enabled": True},
    "e_mail_address": {"hashed": False},
    "hashed_email": {"hashed": True},
    "blocked_email": {"enabled": False},
    "email_sent_at": {},
    "is_email": {},
    "name": {},
}


def made(address: str, *observed: Mapping[str, object], **fields: object) -> Snapshot:
    """Make a snapshot of one object."""
    each = ManagedObject(address, address.partition("/")[0], "id", fields, *observed)
    return Snapshot({address: each})


def texts(snapshot: Snapshot, *chosen: as_code.CheckRule) -> list[str]:
    """Return the messages of findings."""
    return [each.message for each in as_code.check(snapshot, chosen)]


def parsed(findings: Iterable[as_code.Finding]) -> ET.Element:
    """Parse the report of findings."""
    return ET.fromstring(as_code.junit(findings))  # noqa: S314 - our own


@as_code.rule("connections")
def has_no_frequency(each: ManagedObject, _: Snapshot) -> Iterator[str]:
    """Find connections without a frequency."""
    if each.sync_frequency is None:
        yield "has no frequency"


async def test_rules_see_objects_and_the_snapshot(
    fake: FakeFivetran, fivetran: AsyncFivetran
) -> None:
    """A rule gets each object of its kinds with the snapshot; findings are sorted by address."""

    @as_code.rule("connections", "destinations")
    def is_alone(each: ManagedObject, snapshot: Snapshot) -> Iterator[str]:
        same = [other for other in snapshot.values() if other.group == each.group]
        if each.kind == "connections":
            yield f"shares its group with {len(same) - 1}"
            yield f"is {each.service}"

    live = await as_code.export(fivetran, kinds=["connections", "destinations", "groups"])
    fake.requests.clear()
    found = as_code.check(live, [is_alone])
    assert fake.requests == []
    assert [(each.address, each.rule) for each in found] == sorted(
        (address, "is_alone") for address in live if address.startswith("conn") for _ in range(2)
    )
    assert str(found[0]) == "connections/blue/crm: shares its group with 4 (is_alone)"
    assert found[0].kind == "connections"
    assert found.checked == {"is_alone": 5}
    copy = pickle.loads(pickle.dumps(found))  # noqa: S301
    assert (copy, copy.checked) == (found, found.checked)
    assert str(as_code.check(Snapshot({}), [is_alone])) == "no findings"


async def test_folders_are_checked_offline(fivetran: AsyncFivetran, tmp_path: Path) -> None:
    """The files of an export have what the ready rules need, the last login included."""
    live = await as_code.export(fivetran)
    live.save(tmp_path)
    now = datetime(2030, 1, 1, tzinfo=UTC)
    chosen = [rules.idle_owners(now=now, roles=["Account Administrator", "Account Reviewer"])]
    assert [*as_code.check(as_code.load(tmp_path), [*rules.READY, *chosen[1:]])] == [
        *as_code.check(live, rules.READY)
    ]
    assert [*as_code.check(as_code.load(tmp_path), chosen)] == [*as_code.check(live, chosen)]
    assert as_code.check(live, chosen)


@pytest.mark.parametrize(
    ("fields", "is_found"),
    [
        ({"sync_frequency": 5}, True),
        ({"sync_frequency": "5"}, True),
        ({"sync_frequency": 15}, False),
        ({"sync_frequency": 5, "paused": True}, False),
        ({"sync_frequency": 60, "schedule": {"schedule_type": "INTERVAL", "interval": 1}}, True),
        (
            {"sync_frequency": 5, "schedule": {"schedule_type": "CRON", "cron": ["0 1 * * *"]}},
            False,
        ),
        ({}, False),
    ],
)
def test_frequent_syncs_in_production_are_found(
    fields: dict[str, object], *, is_found: bool
) -> None:
    """The schedule takes precedence over the frequency; other groups and longer limits do not."""
    frequent = rules.frequent_syncs()
    assert bool(texts(made("connections/EU_Prod/crm", **fields), frequent)) is is_found
    assert not texts(made("connections/staging/crm", **fields), frequent)
    hourly = rules.frequent_syncs(minutes=60, groups="staging")
    found = texts(made("connections/staging/crm", sync_frequency=60), hourly)
    assert found == ["syncs every 60 minutes in the group staging"]


def test_unhashed_email_columns_are_found() -> None:
    """Columns that look like an email address are found, unless they are hashed or not loaded."""
    tables: Any = {
        "users": {"columns": EMAIL_COLUMNS},
        "off": {"enabled": False, "columns": {"email": {}}},
    }
    schemas: Any = {"public": {"enabled": True, "tables": tables}}
    found = texts(made("schemas/prod/crm", schemas=schemas), rules.unhashed_columns())
    assert found == [
        "public.users.email is not hashed",
        "public.users.contactEmail is not hashed",
        "public.users.e_mail_address is not hashed",
    ]
    named = rules.unhashed_columns(pattern="^NAME$")
    assert texts(made("schemas/prod/crm", schemas=schemas), named) == [
        "public.users.name is not hashed"
    ]
    with pytest.raises(InvalidArgumentError, match="regular expression"):
        rules.unhashed_columns(pattern="(")


@pytest.mark.parametrize(
    ("role", "observed", "found"),
    [
        ("Account Administrator", {"logged_in_at": "2026-08-01T00:00:00Z"}, "on 2026-08-01"),
        ("Account Administrator", {"logged_in_at": "2026-11-01T00:00:00.000000Z"}, ""),
        ("Account Administrator", {"created_at": "2026-01-01T00:00:00Z"}, "since 2026-01-01"),
        ("Account Administrator", {"created_at": "2026-11-20T00:00:00Z"}, ""),
        ("Account Administrator", {"logged_in_at": "long ago"}, ""),
        ("Account Administrator", {}, ""),
        ("Account Reviewer", {"logged_in_at": "2020-01-01T00:00:00Z"}, ""),
    ],
)
def test_owners_without_a_login_are_found(
    role: str, observed: dict[str, object], found: str
) -> None:
    """Owners are found after 90 days without a login, or since they were invited."""
    snapshot = made("users/ada@example.com", observed, role=role)
    shown = texts(snapshot, rules.idle_owners(now=NOW))
    assert (len(shown), found in "".join(shown)) == (bool(found), True)
    if not found and role != "Account Reviewer" and "2026" in str(observed):
        assert texts(snapshot, rules.idle_owners(now=NOW, days=7))
    with pytest.raises(InvalidArgumentError, match="time zone"):
        rules.idle_owners(now=datetime(2026, 1, 1))  # noqa: DTZ001


def test_webhooks_and_policies_are_checked() -> None:
    """Webhooks need a secret, and new columns in production a review, where it is asked for."""
    unsigned, allowed = rules.unsigned_webhooks(), rules.allowed_new_columns()
    assert texts(made("webhooks/account/x", active=True), unsigned)
    assert not texts(made("webhooks/account/x", active=False), unsigned)
    assert not texts(made("webhooks/account/x", secret={"$secret": "keep"}), unsigned)
    open_config = {"schema_change_handling": "ALLOW_ALL"}
    assert texts(made("schemas/prod/x", **open_config), allowed)
    assert not texts(made("schemas/test/x", **open_config), allowed)
    assert not texts(made("schemas/prod/x", schema_change_handling="BLOCK_ALL"), allowed)


def test_rules_that_fail_are_errors() -> None:
    """A rule that raises or does not yield texts is an error with its name, not a passed check."""
    snapshot = made("connections/a/b")

    @as_code.rule()
    def broken(each: ManagedObject, _: Snapshot) -> Iterable[str]:
        raise KeyError(each.kind)

    @as_code.rule("connections")
    def returns_text(_each: ManagedObject, _: Snapshot) -> Iterable[str]:
        return "text"

    @as_code.rule("connections")
    def returns_nothing(_each: ManagedObject, _: Snapshot) -> Iterable[str]:
        return None  # type: ignore[return-value]

    for each, message in (
        (broken, r"broken raised KeyError at connections/a/b: 'connections'"),
        (returns_text, "returns_text must yield texts, not 'text'"),
        (returns_nothing, "returns_nothing raised TypeError"),
    ):
        with pytest.raises(as_code.CheckRuleError, match=message) as caught:
            as_code.check(snapshot, [each])
        assert (caught.value.rule, caught.value.address) == (each.name, "connections/a/b")


def test_what_is_not_a_rule_is_refused() -> None:
    """Unmarked functions, unknown kinds, a missing call and equal names are errors."""

    def plain(_each: ManagedObject, _: Snapshot) -> Iterable[str]:
        return []

    unmarked: Any = plain
    with pytest.raises(InvalidArgumentError, match="is not a rule: mark the function"):
        as_code.check(made("connections/a/b"), [unmarked])
    with pytest.raises(InvalidArgumentError, match="rule takes kinds"):
        as_code.rule(unmarked)
    with pytest.raises(InvalidArgumentError, match="did you mean 'connections'"):
        as_code.rule("connection")
    with pytest.raises(InvalidArgumentError, match="two rules have the name 'idle_owners'"):
        as_code.check(made("users/a"), [rules.idle_owners(), rules.idle_owners(days=1)])
    assert not as_code.check(made("users/a"), [has_no_frequency, has_no_frequency])


def test_junit_reports_have_a_suite_per_rule() -> None:
    """CheckFindings are failures, rules without findings pass, and any name is valid XML."""
    named = "connections/a/<&\"'\x00\x1b\ud800>"
    objects = {a: ManagedObject(a, "connections", "id", {}) for a in (named, "connections/a/c")}
    found = as_code.check(Snapshot(objects), [has_no_frequency, rules.frequent_syncs()])
    root = parsed(found)
    assert (root.attrib["tests"], root.attrib["failures"]) == ("3", "2")
    failing, passing = root
    assert failing.attrib == {
        "name": "fivetran.has_no_frequency",
        "tests": "2",
        "failures": "2",
        "errors": "0",
    }
    assert [case.attrib["name"] for case in failing] == [
        "connections/a/<&\"'???>",
        "connections/a/c",
    ]
    failure = failing[1][0]
    assert failure.attrib == {"message": "has no frequency", "type": "connections"}
    assert failure.text == "connections/a/c: has no frequency (has_no_frequency)"
    assert [case.attrib["name"] for case in passing] == ["2 objects without findings"]
    alone = parsed(found[:1])
    assert (alone.attrib["tests"], alone.attrib["failures"]) == ("1", "1")
    assert parsed([]).attrib["tests"] == "0"


def test_rules_are_loaded_from_files(tmp_path: Path) -> None:
    """A file defines rules, or lists them; a file that raises or has none is an error."""
    path = tmp_path / "our_rules.py"
    path.write_text(
        "import attrs\n"
        "from fivetran_async import as_code\n"
        "ALL = [as_code.rules.frequent_syncs(minutes=15), *as_code.rules.READY[1:]]\n"
        "@attrs.frozen\n"
        "class Limit:\n"
        "    names: int = 3\n"
        "@as_code.rule('connections')\n"
        "def named(each, snapshot):\n"
        "    yield f'{Limit().names} names'\n"
    )
    loaded = as_code.load_rules(path)
    assert (loaded[0].name, loaded[-1].name) == ("frequent_syncs", "named")
    assert texts(made("connections/prod/b", sync_frequency=15), *loaded) == [
        "syncs every 15 minutes in the group prod",
        "3 names",
    ]
    for content, message in (
        ("x = 1", "has no rules"),
        ("def x(:", "raised SyntaxError"),
        ("raise OSError('no')", "cannot be read|raised"),
        ("import no_such_module_here", "raised ModuleNotFoundError"),
    ):
        path.write_text(content)
        with pytest.raises(as_code.FilesError, match=message):
            as_code.load_rules(path)
    for name in ("missing.py", "rules.txt"):
        with pytest.raises(as_code.FilesError, match=name):
            as_code.load_rules(tmp_path / name)
