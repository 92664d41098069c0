"""PURE: one object of a snapshot, and the table of names and ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, cast

import attrs

from fivetran_async._codec._fields import SHOWN, WIRE_NAME
from fivetran_async._codec._serializable import Serializable
from fivetran_async._services import nearest
from fivetran_async.as_code._kinds.addresses import ACCOUNT, group_in, parts_of, unquoted
from fivetran_async.as_code._kinds.rules import KINDS_BY_NAME, KindRules
from fivetran_async.as_code._kinds.values import as_items, as_object

_UNNAMED: Final = "~"

_KNOWN_NAMES: Final = frozenset(
    name for rules in KINDS_BY_NAME.values() for name in rules.shown
) | {"group"}


def frozen_value(value: object) -> object:
    """Return a read-only view of a JSON value."""
    inner, items = as_object(value), as_items(value)
    if inner is not None:
        return MappingProxyType({name: frozen_value(each) for name, each in inner.items()})
    return value if items is None else tuple(frozen_value(each) for each in items)


@attrs.frozen(repr=False)
class ManagedObject(Serializable):
    """
    One object of an account; the API's names are its attributes, such as `sync_frequency`.

    A field that the API has and this object lacks is None. Values are read-only. JSON has them in
    `fields` and `observed`.

    Attributes:
        address: Its address, such as `connections/prod/crm`.
        kind: Its kind, the first part of the address.
        id: Its id in the account; None if it does not exist there.
    """

    address: str
    kind: str
    id: str | None
    raw_fields: Mapping[str, object] = attrs.field(
        repr=False, metadata={WIRE_NAME: "fields", SHOWN: True}
    )
    raw_observed: Mapping[str, object] = attrs.field(
        factory=dict[str, object], repr=False, metadata={WIRE_NAME: "observed", SHOWN: True}
    )

    def __hash__(self) -> int:
        # Not of all fields: mappings are not hashable.
        return hash((self.address, self.id))

    @property
    def rules(self) -> KindRules:
        """The rules of its kind."""
        return KINDS_BY_NAME[self.kind]

    @property
    def fields(self) -> Mapping[str, object]:
        """The fields that its file has; references are addresses, and secrets are hidden."""
        return cast("Mapping[str, object]", frozen_value(self.raw_fields))

    @property
    def observed(self) -> Mapping[str, object]:
        """The fields of the server that the snapshot keeps; files do not have them."""
        return cast("Mapping[str, object]", frozen_value(self.raw_observed))

    @property
    def group(self) -> str | None:
        """The name of its group; None if it belongs to no group."""
        reference = self.raw_fields.get("group_id")
        if isinstance(reference, str) and "/" in reference:
            return parts_of(reference)[-1]
        part = group_in(self.address)
        alone = part is None or (self.kind in {"webhooks", "log_services"} and part == ACCOUNT)
        return None if alone or part is None else unquoted(part)

    def __getattr__(self, name: str) -> object:
        for values in (self.raw_fields, self.raw_observed):
            if name in values:
                return frozen_value(values[name])
        if name in _KNOWN_NAMES:
            return None
        near = None if name.startswith("_") else nearest(name, _KNOWN_NAMES)
        hint = f"; did you mean {near!r}?" if near else ""
        raise AttributeError(f"objects of an account have no field {name!r}{hint}")

    def __repr__(self) -> str:
        return f"<{self.address}>"


class NameTable:
    """The addresses of ids and the ids of addresses; a kind's ids are unique within the kind."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._ids: dict[str, str] = {}
        self._addresses: dict[tuple[str, str], str] = {}
        for address, id in pairs:
            self.add(address, id)

    def __repr__(self) -> str:
        return f"<NameTable of {len(self._ids)}>"

    @property
    def ids(self) -> Mapping[str, str]:
        """The ids by address."""
        return self._ids

    def add(self, address: str, id: str) -> None:
        """Add a pair; a later one replaces an earlier one of the same address."""
        self._ids[address] = id
        self._addresses[address.partition("/")[0], id] = address

    def address(self, kind: str, id: str) -> str:
        """Return the address of an id; `KIND/~ID` if the name is unknown."""
        return self._addresses.get((kind, id)) or f"{kind}/{_UNNAMED}{id}"

    def id(self, address: str) -> str | None:
        """Return the id of an address, or None if it is unknown."""
        found = self._ids.get(address)
        if found is not None:
            return found
        kind, _, name = address.partition("/")
        unnamed = name.startswith(_UNNAMED) and "/" not in name
        return name[1:] if unnamed and kind in KINDS_BY_NAME else None
