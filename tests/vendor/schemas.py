"""Section 10.4: changed fields of the schema configuration."""

from __future__ import annotations

from typing import Any

import pytest

from fivetran_async import InvalidRequestError
from fivetran_async.models import (
    ColumnUpdate,
    RowFilter,
    RowFilterClause,
    SchemaConfig,
    SchemaConfigUpdate,
    SchemaUpdate,
    Table,
    TableUpdate,
)
from vendor.rows import Account, row

RECENT = RowFilterClause(
    column="created_at", column_type="DATE", operator="GREATER_OR_EQUALS", values=("2026-01-01",)
)
NAMED = RowFilterClause(column="name", column_type="STRING", operator="IS_NOT_NULL")
FILTER = RowFilter(
    name="recent", description="This year", operator="OR", column_clauses=(RECENT, NAMED)
)
SENT: dict[str, Any] = {
    "name": "recent",
    "description": "This year",
    "operator": "OR",
    "column_clauses": [
        {
            "column": "created_at",
            "column_type": "DATE",
            "operator": "GREATER_OR_EQUALS",
            "values": ["2026-01-01"],
        },
        {"column": "name", "column_type": "STRING", "operator": "IS_NOT_NULL", "values": []},
    ],
}


async def captured(account: Account) -> SchemaConfig:
    """Read the schema from the source."""
    return await account.fivetran.connections.schemas.reload(account.connection_id)


async def orders(account: Account) -> Table:
    """Return the settings of the table `orders`."""
    config = await account.fivetran.connections.schemas.get(account.connection_id)
    return config.schemas["public"].tables["orders"]


@row("10.4", "row_filtering_supported")
async def supported(account: Account) -> None:
    """The config reports whether tables can have filters; None where the feature is off."""
    assert (await captured(account)).row_filtering_supported is True
    assert SchemaConfig.from_dict({}).row_filtering_supported is None


@row("10.4", "row_filter of a table")
async def row_filter(account: Account) -> None:
    """An object creates or replaces the filter, None deletes it, and no argument leaves it."""
    await captured(account)
    schemas, fake = account.fivetran.connections.schemas, account.fake
    where = account.connection_id, "public", "orders"
    assert (await orders(account)).has_row_filter is False
    await schemas.update_table(*where, enabled=True, row_filter=FILTER)
    assert fake.requests[-1].body == {"enabled": True, "row_filter": SENT}
    assert (await orders(account)).row_filter == FILTER
    await schemas.update_table(*where, enabled=True)
    assert fake.requests[-1].body == {"enabled": True}
    assert (await orders(account)).row_filter == FILTER
    await schemas.update_table(*where, enabled=True, row_filter=None)
    assert fake.requests[-1].body == {"enabled": True, "row_filter": None}
    assert (await orders(account)).row_filter == RowFilter()


@row("10.4", "row_filter of a whole config")
async def filters_in_a_config(account: Account) -> None:
    """The models of changes send null for None, and nothing for what is not given."""
    await captured(account)
    schemas, fake = account.fivetran.connections.schemas, account.fake

    async def change(table: TableUpdate) -> None:
        changes = SchemaConfigUpdate(schemas={"public": SchemaUpdate(tables={"orders": table})})
        await schemas.modify(account.connection_id, lambda _: changes)
        assert SchemaConfigUpdate.from_dict(changes.to_dict()) == changes

    await change(TableUpdate(row_filter=FILTER, columns={"email": ColumnUpdate(hashed=True)}))
    assert fake.requests[-1].body == {
        "schemas": {
            "public": {
                "tables": {"orders": {"row_filter": SENT, "columns": {"email": {"hashed": True}}}}
            }
        }
    }
    await change(TableUpdate(sync_mode="HISTORY"))
    assert (await orders(account)).row_filter == FILTER
    await change(TableUpdate(row_filter=None))
    assert fake.requests[-1].body == {
        "schemas": {"public": {"tables": {"orders": {"row_filter": None}}}}
    }
    assert (await orders(account)).has_row_filter is False


@row("10.4", "row_filter of a new config")
async def filter_of_a_new_config(account: Account) -> None:
    """A config that is set before the first sync has filters and types too."""
    column = {"enabled": True, "target_data_type": "Json"}
    table: dict[str, Any] = {"enabled": True, "row_filter": FILTER, "columns": {"name": column}}
    made = await account.fivetran.connections.schemas.create(
        account.connection_id, schemas={"public": {"enabled": True, "tables": {"orders": table}}}
    )
    stored = made.schemas["public"].tables["orders"]
    assert stored.row_filter == FILTER
    assert stored.columns["name"].target_data_type == "Json"


@row("10.4", "operator of a filter")
async def operator(account: Account) -> None:
    """`AND` is the default: it is not sent, and a single clause has no operator."""
    await captured(account)
    where = account.connection_id, "public", "orders"
    single = RowFilter(name="n", description="d", operator="AND", column_clauses=(RECENT,))
    await account.fivetran.connections.schemas.update_table(*where, row_filter=single)
    body = account.fake.requests[-1].body
    assert isinstance(body, dict)
    assert "operator" not in body["row_filter"]
    assert (await orders(account)).row_filter == single
    with pytest.raises(InvalidRequestError, match="at least two clauses"):
        await account.fivetran.connections.schemas.update_table(
            *where, row_filter={**SENT, "column_clauses": SENT["column_clauses"][:1]}
        )


GOOD: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("LONG", "EQUALS", ("1",)),
    ("DATETIME", "LESS", ("2026-05-04T03:02:01Z",)),
    ("BIGDECIMAL", "NOT_EQUALS", ("1." + "0" * 40,)),
    ("STRING", "STARTS_WITH", ("a",)),
    ("STRING", "CONTAINS", ("a",)),
    ("STRING", "IN", ("a", "b")),
    ("DOUBLE", "IN", ("1.5",)),
    ("BOOLEAN", "IS_NULL", ()),
)
BAD: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("LONG", "EQUALS", ()),
    ("LONG", "EQUALS", ("1", "2")),
    ("LONG", "STARTS_WITH", ("1",)),
    ("DATE", "IN", ("2026-05-04",)),
    ("STRING", "IN", ()),
    ("STRING", "IN", tuple("x" * 1000 for _ in range(11))),
    ("STRING", "EQUALS", ("x" * 1001,)),
    ("BOOLEAN", "EQUALS", ("yes",)),
    ("BOOLEAN", "IS_NULL", ("true",)),
    ("DATE", "EQUALS", ("04.05.2026",)),
    ("DATETIME", "EQUALS", ("2026-05-04T03:02:01+00:00",)),
    ("BIGDECIMAL", "EQUALS", ("1." + "0" * 50,)),
    ("TEXT", "EQUALS", ("a",)),
    ("STRING", "LIKE", ("a",)),
)


@row("10.4", "clauses of a filter")
async def clauses(account: Account) -> None:
    """The client sends any clause; the server takes the documented ones and refuses the others."""
    await captured(account)
    schemas = account.fivetran.connections.schemas
    where = account.connection_id, "public", "orders"
    for kind, operator, values in (*GOOD, *BAD):
        clause = RowFilterClause(column="c", column_type=kind, operator=operator, values=values)
        asked = RowFilter(name="n", description="d", column_clauses=(clause,))
        if (kind, operator, values) in GOOD:
            await schemas.update_table(*where, row_filter=asked)
            assert (await orders(account)).row_filter == asked
        else:
            with pytest.raises(InvalidRequestError):
                await schemas.update_table(*where, row_filter=asked)
    for odd in (
        RowFilter(name="", description="d", column_clauses=(RECENT,)),
        RowFilter(name="n", description="", column_clauses=(RECENT,)),
        RowFilter(name="n", description="d"),
        RowFilter(name="n", description="d", column_clauses=(RECENT,) * 11),
    ):
        with pytest.raises(InvalidRequestError):
            await schemas.update_table(*where, row_filter=odd)


@row("10.4", "filters that a change deletes")
async def deleted(account: Account) -> None:
    """Blocking or hashing a filtered column, or blocking its table, deletes the filter."""
    await captured(account)
    schemas = account.fivetran.connections.schemas
    table = account.connection_id, "public", "orders"
    for blocked in (True, False):
        await schemas.update_column(*table, "name", enabled=True, hashed=False)
        await schemas.update_table(*table, enabled=True, row_filter=FILTER)
        await schemas.update_column(*table, "name", enabled=not blocked, hashed=not blocked)
        assert (await orders(account)).has_row_filter is False
    await schemas.update_column(*table, "name", enabled=True, hashed=False)
    await schemas.update_table(*table, row_filter=FILTER)
    await schemas.update_column(*table, "email", enabled=False)
    assert (await orders(account)).has_row_filter is True
    await schemas.update_table(*table, enabled=False)
    assert (await orders(account)).has_row_filter is False


@row("10.4", "parent_table")
async def parent_table(account: Account) -> None:
    """Tables of a group name the table that they belong to."""
    tables = (await captured(account)).schemas["public"].tables
    assert tables["order_items"].parent_table == "orders"
    assert tables["orders"].parent_table is None


@row("10.4", "target_data_type")
async def target_data_type(account: Account) -> None:
    """A column has a type in the destination, which None removes, also in the list of columns."""
    await captured(account)
    schemas, fake = account.fivetran.connections.schemas, account.fake
    where = account.connection_id, "public", "orders"
    await schemas.update_column(*where, "amount", enabled=True, target_data_type="BigDecimal")
    assert fake.requests[-1].body == {"enabled": True, "target_data_type": "BigDecimal"}
    assert (await schemas.get_columns(*where)).columns["amount"].target_data_type == "BigDecimal"
    await schemas.update_column(*where, "amount", hashed=False)
    assert (await orders(account)).columns["amount"].target_data_type == "BigDecimal"
    await schemas.update_table(*where, columns={"amount": ColumnUpdate(target_data_type=None)})
    assert fake.requests[-1].body == {"columns": {"amount": {"target_data_type": None}}}
    assert (await orders(account)).columns["amount"].target_data_type is None
    with pytest.raises(InvalidRequestError):
        await schemas.update_column(*where, "amount", target_data_type="Decimal")
