"""Copies of connections: their arguments for `create`, without masks."""

from __future__ import annotations

from typing import Any

import pytest

from fivetran_async import InvalidArgumentError, without_masks
from fivetran_async.models import Connection, DestinationConfiguration
from fivetran_async.testing import FakeFivetran


def test_masks_are_left_out_at_every_depth() -> None:
    """Whole masks go, also in lists and nested objects; other values stay, and the argument too."""
    config = {
        "host": "db",
        "password": "******",
        "role_arn": "arn:********",
        "stars": "5 ***** hotel",
        "empty": None,
        "auth": {"token": "***", "user": "u"},
        "keys": ["******", "public", {"secret": "******", "id": 1}],
        "files": ({"key": "********"},),
    }
    copy = {**config}
    assert without_masks(config) == {
        "host": "db",
        "stars": "5 ***** hotel",
        "empty": None,
        "auth": {"user": "u"},
        "keys": ["public", {"id": 1}],
        "files": [{}],
    }
    assert config == copy


@pytest.mark.parametrize("config", [None, "host", [{"host": "db"}]])
def test_only_mappings_have_masks_to_leave_out(config: Any) -> None:  # noqa: ANN401
    """Anything else is refused, before it is read."""
    with pytest.raises(InvalidArgumentError, match="config must be a mapping"):
        without_masks(config)


async def test_a_connection_is_copied() -> None:
    """With its secret added, and another schema, the arguments of `to_create` create a copy."""
    async with FakeFivetran() as fake, fake.client() as fivetran:
        first, second = fake.add_group(), fake.add_group()
        made = await fivetran.connections.create(
            group_id=first,
            service="postgres",
            config={
                "schema_prefix": "shop",
                "host": "db.example",
                "port": 5432,
                "password": "s3cret",
            },
            sync_frequency=60,
            paused=True,
            data_delay_sensitivity="CUSTOM",
            data_delay_threshold=30,
            run_setup_tests=False,
        )
        new = (await fivetran.connections.get(made.id)).to_create()
        assert "password" not in new["config"]
        new["group_id"] = second
        new["config"]["password"] = "another"
        copy = await fivetran.connections.create(**new, run_setup_tests=False)
        assert fake.requests[-1].body == {**new, "run_setup_tests": False}
    assert (copy.service, copy.schema, copy.group_id) == ("postgres", "shop", second)
    assert (copy.sync_frequency, copy.paused) == (60, True)
    assert (copy.data_delay_sensitivity, copy.data_delay_threshold) == ("CUSTOM", 30)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("destination_configuration", DestinationConfiguration(virtual_warehouse="XS")),
        ("daily_sync_time", "08:00"),
        ("proxy_agent_id", "agent"),
        ("external_secrets_keys_config", {"password": "vault/key"}),
    ],
)
def test_other_settings_are_copied(field: str, value: object) -> None:
    """Settings beside the config are arguments, if they have a value."""
    connection = Connection(id="c", group_id="g", service="postgres", **{field: value})  # type: ignore[arg-type]
    assert connection.to_create() == {
        "group_id": "g",
        "service": "postgres",
        "config": {},
        field: value,
    }


def test_what_cannot_be_sent_is_left_out() -> None:
    """No read-only field of the service, no state, and no delay that the sensitivity ignores."""
    connection = Connection(
        id="c",
        group_id="g",
        service="postgres",
        paused=False,
        data_delay_sensitivity="NORMAL",
        data_delay_threshold=0,
        config={"schema_prefix": "shop", "public_key": "ssh-rsa AAAA", "password": "******"},
    )
    assert connection.to_create() == {
        "group_id": "g",
        "service": "postgres",
        "config": {"schema_prefix": "shop"},
        "data_delay_sensitivity": "NORMAL",
    }
