"""Addresses, the patterns that match them, and the names of files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivetran_async import InvalidArgumentError
from fivetran_async.as_code._kinds.addresses import (
    Globs,
    address_in,
    address_of,
    distinguished,
    file_names,
    is_shortened,
    parts_of,
)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_addresses_and_file_names_keep_the_text(names: list[str]) -> None:
    """Any text in an account survives its address and, unless it is too long, its file name."""
    addresses = {address_of("groups", name): name for name in names}
    for address, name in addresses.items():
        assert parts_of(address) == ("groups", name)
    files = file_names(addresses)
    assert len({name.casefold() for name in files.values()}) == len(files)
    for address, file in files.items():
        assert is_shortened(file) or address_in(file) == address
        assert file.count("/") == 1
        assert not set(file) & set('<>:"\\|?*\n')


@pytest.mark.parametrize("name", ["con", "NUL.txt", "com1", ".git", "dot.", " x", "a" * 400])
def test_names_that_file_systems_refuse_are_encoded(name: str) -> None:
    """Reserved, hidden and over-long names get a file name that every file system accepts."""
    [file] = file_names([address_of("groups", name)]).values()
    step = file.removeprefix("groups/").removesuffix(".json")
    assert step != name
    assert len(step.encode()) <= 200
    assert step[0] not in ". "


def test_names_that_differ_in_case_only_get_distinct_files() -> None:
    """A file system that ignores case keeps both files; names without a clash stay readable."""
    files = file_names(["groups/Prod", "groups/prod", "groups/Other", "connections/Prod/a"])
    assert files["groups/prod"] == "groups/prod.json"
    assert files["groups/Prod"] == "groups/%50rod.json"
    assert files["groups/Other"] == "groups/Other.json"
    assert files["connections/Prod/a"] == "connections/Prod/a.json"


def test_patterns_match_within_parts() -> None:
    """`*` stays within a part of an address and matches the decoded text."""
    globs = Globs(["connections/prod_*/*", "teams/Data *"])
    assert globs.match("connections/prod_x/crm")
    assert globs.match("teams/Data %2F Platform")
    assert not globs.match("connections/prod_x")
    assert not globs.match("connections/prod_x/a/b")
    assert not globs.match("connections/dev/crm")


@pytest.mark.parametrize("pattern", ["", "connections", "conections/*/*", 3])
def test_patterns_that_match_nothing_are_refused(pattern: str) -> None:
    """A pattern without a known kind is an error, with a suggestion for a misspelt one."""
    with pytest.raises(InvalidArgumentError):
        Globs([pattern])


def test_names_that_are_not_unique_get_their_ids() -> None:
    """All of the clashing names get their ids, and so does a group named `account`."""
    found = distinguished([("1", "groups/a"), ("2", "groups/a"), ("3", "groups/b")])
    assert found == {"1": "groups/a~1", "2": "groups/a~2", "3": "groups/b"}
    assert distinguished([("9", "groups/account")]) == {"9": "groups/account~9"}
