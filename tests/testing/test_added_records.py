"""Records that tests add to the account without the API, read through the API."""

from __future__ import annotations

import pytest

from fivetran_async import InvalidArgumentError
from fivetran_async.testing import FakeFivetran
from fivetran_async.testing._facts import facts
from fivetran_async.testing.families import RULES
from testing.test_all_operations import path_of
from testing.wire import Api

CATALOGS = ("connector_types", "transformations.package_metadata")
NOT_ADDED = {"account", "connections.schemas", *CATALOGS}
"""There is one account, and `set_schema` adds schemas."""
READ_ALONE = sorted(
    {name.removesuffix(".get") for name in facts().operations if name.endswith(".get")} - NOT_ADDED
)
NEEDED: dict[str, object] = {
    "config": {},
    "hash": "0a1b",
    "service": "postgres",
    "transformation_config": {},
    "type": "VAULT",
}


def add(fake: FakeFivetran, family: str) -> tuple[str, ...]:
    """Add a record with what `add` asks for; return its ids, those of its parents first."""
    fields: dict[str, object] = {}
    for field, parent in RULES.family(family).scope:
        fields[field] = add(fake, parent)[-1]
    parents = tuple(map(str, fields.values()))
    for _ in range(5):
        try:
            return (*parents, fake.add(family, **fields))
        except InvalidArgumentError as error:
            needed = str(error).rpartition(" ")[2]
        parent = needed.removesuffix("_id") + "s"
        fields[needed] = add(fake, parent)[-1] if needed.endswith("_id") else NEEDED[needed]
    raise AssertionError(fields)


@pytest.mark.parametrize("family", READ_ALONE)
async def test_added_records_are_found(fake: FakeFivetran, api: Api, family: str) -> None:
    """`add` names the fields it needs, and stores the record where its own GET finds it."""
    ids = add(fake, family)
    operation = facts().operations[f"{family}.get"]
    response = await api("GET", path_of(operation, *ids[: operation.path.count("{")]))
    assert response.status == 200, response.json


def test_catalogs_cannot_be_added_to(fake: FakeFivetran) -> None:
    """Connector types and packages are the vendor's, so that an added one would not be found."""
    for family in CATALOGS:
        with pytest.raises(InvalidArgumentError, match="vendor's catalog"):
            fake.add(family)


def test_a_parent_must_exist(fake: FakeFivetran) -> None:
    """A destination belongs to a group of the account."""
    with pytest.raises(InvalidArgumentError, match="Cannot find group with id 'nowhere'"):
        fake.add("destinations", group_id="nowhere")
