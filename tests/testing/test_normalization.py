"""Scripts of what the server makes of values, in responses of the fake."""

from __future__ import annotations

import pytest

from fivetran_async.testing import FakeFivetran
from fivetran_async.testing.normalization import (
    capitals,
    defaults,
    kept,
    masked,
    numbers_as_text,
)

RECORD = {"method": "SshTunnel", "config": {"port": 5432, "user": "reader", "ssl": False}}


def test_scripts_change_values_by_their_paths() -> None:
    """Each script changes the values at its paths, and skips paths that are missing."""
    assert capitals("method", "none")(RECORD)["method"] == "SSH_TUNNEL"
    assert numbers_as_text("config.port", "config.ssl", "config.user")(RECORD)["config"] == {
        "port": "5432",
        "user": "reader",
        "ssl": False,
    }
    assert masked("config.user", visible=2)(RECORD)["config"] == {
        "port": 5432,
        "user": "re********",
        "ssl": False,
    }
    assert defaults({"config.size": 1, "config.ssl": True, "new.a": "b"})(RECORD) == {
        **RECORD,
        "config": {"port": 5432, "user": "reader", "ssl": False, "size": 1},
        "new": {"a": "b"},
    }
    assert kept("method", "x")(RECORD)["method"] == "x"
    assert RECORD["method"] == "SshTunnel"


async def test_scripts_apply_to_details_and_lists(fake: FakeFivetran) -> None:
    """Responses of a family show the normalized values; what is stored stays."""
    fake.add_group(name="blue", id="blue_id")
    fake.normalize("groups", kept("name", "BLUE"))
    async with fake.client() as fivetran:
        assert (await fivetran.groups.get("blue_id")).name == "BLUE"
        assert [group.name async for group in fivetran.groups.list()] == ["BLUE"]
    assert fake.record("groups", "blue_id")["name"] == "blue"


def test_families_are_checked() -> None:
    """A misspelt family is an error with a suggestion."""
    with pytest.raises(ValueError, match="did you mean 'groups'"):
        FakeFivetran().normalize("group", kept("name", "x"))
