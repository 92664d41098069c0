"""`schema_diff`: what two connections load differently, and a plan that makes them equal."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import attrs

from fivetran_async._codec._fields import LOCAL
from fivetran_async._codec._serializable import Serializable
from fivetran_async._types import UNSET
from fivetran_async.as_code._comparing.canonical import same
from fivetran_async.as_code._comparing.leaves import Leaf, leaves_of, with_leaves
from fivetran_async.as_code._comparing.three_way import is_column_setting
from fivetran_async.as_code._files.snapshot import Snapshot
from fivetran_async.as_code._kinds.rules import KINDS_BY_NAME
from fivetran_async.as_code._kinds.values import (
    FieldPath,
    as_items,
    dotted,
    entries,
    text_in,
)
from fivetran_async.as_code._objects.objects import ManagedObject
from fivetran_async.as_code._planning.json_forms import LEAVES
from fivetran_async.as_code._planning.planner import plan
from fivetran_async.as_code._planning.plans import Plan
from fivetran_async.as_code._reading.export import export
from fivetran_async.as_code._reading.lists import LIST_PATHS, item_path
from fivetran_async.errors import (
    InvalidArgumentError,
    NotFoundError,
    SchemaNotCapturedError,
    UsageError,
)

if TYPE_CHECKING:
    from fivetran_async.client import AsyncFivetran

_RULES: Final = KINDS_BY_NAME["schemas"]


@attrs.frozen(repr=False, kw_only=True)
class SchemaDifference(Serializable):
    """
    The differences between the schema configs of two connections.

    Attributes:
        first: The address of the first schema config.
        second: The address of the second one.
        leaves: The settings that differ, by path: of the first one, and of the second one. A column
            that was never changed has the setting that the change policy gives it.
        only_in_first: The tables that only the first one has, as `schema.table`, and schemas
            without tables.
        only_in_second: The tables that only the second one has.
        live: Both, as a snapshot, which JSON does not have.
    """

    first: str
    second: str
    leaves: Mapping[FieldPath, Leaf] = attrs.field(metadata=LEAVES)
    only_in_first: tuple[str, ...]
    only_in_second: tuple[str, ...]
    live: Snapshot = attrs.field(factory=lambda: Snapshot({}), eq=False, metadata={LOCAL: True})

    def __hash__(self) -> int:
        # Not of all fields: mappings are not hashable.
        return hash((self.first, self.second, len(self.leaves)))

    def __bool__(self) -> bool:
        return bool(self.leaves or self.only_in_first or self.only_in_second)

    def __repr__(self) -> str:
        return f"<SchemaDifference of {self.first} and {self.second}: {len(self.leaves)} settings>"

    def __str__(self) -> str:
        lines = [f"{self.first} and {self.second}: {len(self.leaves)} settings differ"]
        lines += [
            f"  {dotted(path)}: {_shown(leaf.before)} and {_shown(leaf.after)}"
            for path, leaf in self.leaves.items()
        ]
        lines += [f"  only in {self.first}: {table}" for table in self.only_in_first]
        lines += [f"  only in {self.second}: {table}" for table in self.only_in_second]
        return "\n".join(lines)

    def copy(self) -> Plan:
        """
        Return a plan that gives the second connection the settings of the first one.

        It is one PATCH. Tables that only one of them has are not touched, and what the server does
        not let change is in `refused` of the plan.

        Raises:
            UsageError: The difference was read from JSON, which has no snapshot.
        """
        if self.second not in self.live:
            raise UsageError(
                "A difference that was read from JSON has no snapshot: call schema_diff() once "
                "more."
            )
        each = self.live[self.second]
        # A setting that the first one does not list has no known value.
        wanted = {p: leaf.before for p, leaf in self.leaves.items() if leaf.before is not UNSET}
        fields = with_leaves(each.raw_fields, wanted)
        changed = ManagedObject(each.address, each.kind, each.id, fields, each.raw_observed)
        return plan(self.live.with_objects({**self.live, each.address: changed}), live=self.live)


async def schema_diff(fivetran: AsyncFivetran, first: str, second: str) -> SchemaDifference:
    """
    Compare the schema configs of two connections; it reads only.

    Args:
        fivetran: The session; `read_only=True` suffices.
        first: A connection: its id, its name (the schema in the destination), or its address, such
            as `connections/prod/crm`.
        second: The other connection.

    Raises:
        NotFoundError: There is no such connection.
        InvalidArgumentError: Several connections have the name, or both are the same.
        SchemaNotCapturedError: The schema of one of them is not captured.
    """
    ids = [await _id_of(fivetran, each) for each in (first, second)]
    if ids[0] == ids[1]:
        raise InvalidArgumentError(f"{first!r} and {second!r} are the same connection.")
    names = [await _name_of(fivetran, id) for id in ids]
    patterns = [f"connections/*/{glob.escape(name)}{end}" for name in names for end in ("", "~*")]
    live = await export(fivetran, only=patterns)
    found = {each.id: each for each in live.values() if each.kind == "schemas"}
    for id, name in zip(ids, names, strict=True):
        if id not in found:
            message = f"the schema of the connection {name!r} is not captured; sync or reload it"
            raise SchemaNotCapturedError(message)
    one, other = found[ids[0]], found[ids[1]]
    chosen = {each.address: each for each in (one, other)}
    return difference_of(one, other, live.with_objects(chosen))


def difference_of(one: ManagedObject, other: ManagedObject, live: Snapshot) -> SchemaDifference:
    """PURE: return the difference of two schema configs."""
    tables = set(_tables(one)), set(_tables(other))
    common = tables[0] & tables[1]
    schemas = _schemas(one) & _schemas(other)
    leaves: dict[FieldPath, Leaf] = {}
    listed = dict(leaves_of(one.raw_fields)), dict(leaves_of(other.raw_fields))
    for path in {**listed[0], **listed[1]}:
        if len(path) > 4 and (path[1], path[3]) not in common:
            continue
        if len(path) == 3 and path[1] not in schemas:
            continue
        values = [
            _setting(each, path, known) for each, known in zip((one, other), listed, strict=True)
        ]
        if path[-1:] == ("is_primary_key",) and UNSET in values:
            # Of a column that is not listed, only the source knows.
            continue
        if not same(_RULES, "", path, *values):
            leaves[path] = Leaf(*values)
    return SchemaDifference(
        first=one.address,
        second=other.address,
        leaves=leaves,
        only_in_first=_names(tables[0] - common, schemas),
        only_in_second=_names(tables[1] - common, schemas),
        live=live,
    )


def _setting(each: ManagedObject, path: FieldPath, known: Mapping[FieldPath, object]) -> object:
    """Return a setting; of a column that was never changed, what the change policy makes of it."""
    value = known.get(path, UNSET)
    if value is not UNSET or not is_column_setting(_RULES, path):
        return value
    if path[-1] == "hashed":
        return False
    blocked = each.raw_fields.get("schema_change_handling") == "BLOCK_ALL"
    return True if path[-1] == "enabled" and not blocked else UNSET


def _tables(each: ManagedObject) -> Iterator[tuple[str, ...]]:
    """List the tables by their schemas; of a schema without tables, the schema."""
    for schema, settings in entries(each.raw_fields.get("schemas")).items():
        tables = entries(entries(settings).get("tables"))
        if not tables:
            yield (schema,)
        for table in tables:
            yield schema, table


def _names(places: set[tuple[str, ...]], schemas: set[str]) -> tuple[str, ...]:
    """Return the names of tables, and of schemas without tables that only one config has."""
    alone = {(schema,) for schema in schemas}
    return tuple(".".join(each) for each in sorted(places - alone))


def _schemas(each: ManagedObject) -> set[str]:
    return set(entries(each.raw_fields.get("schemas")))


async def _id_of(fivetran: AsyncFivetran, connection: str) -> str:
    """Return the id of a connection that is given by its id, name or address."""
    if connection.startswith("connections/"):
        live = await export(fivetran, only=glob.escape(connection), schemas=False)
        if connection not in live:
            raise NotFoundError(f"there is no connection {connection!r}")
        return str(live[connection].id)
    try:
        await fivetran.request("GET", item_path("connections", connection), accept_version=2)
    except NotFoundError:
        query = {"schema": connection}
        data = await fivetran.request(
            "GET", LIST_PATHS["connections"], query=query, accept_version=2
        )
        found = [text_in(each, "id") for each in as_items(entries(data).get("items")) or ()]
        if not found:
            raise
    else:
        return connection
    if len(found) > 1:
        raise InvalidArgumentError(
            f"{len(found)} connections have the name {connection!r}: give an id or an address."
        )
    return found[0]


async def _name_of(fivetran: AsyncFivetran, id: str) -> str:
    path = item_path("connections", id)
    return text_in(await fivetran.request("GET", path, accept_version=2), "schema")


def _shown(value: object) -> str:
    return "nothing" if value is UNSET else repr(value)
