"""A fake account that is a copy of another one, and what its server makes of values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, cast

from fivetran_async.testing._account import FakeAccount
from fivetran_async.testing._facts import StoredRecord, deep_copy
from fivetran_async.testing.families import RULES
from fivetran_async.testing.families.schemas import restored
from fivetran_async.testing.normalization import Normalization

_OWNER: Final = "owner_of_the_api_key"


class AccountRecords(Protocol):
    """
    An account as records of the API: `fivetran_async.as_code.Snapshot` is one.

    `records` maps the client's names of families to records with the API's fields and ids; nested
    families such as `teams.users` need the id of the parent, and schema configs `connection_id`.
    """

    @property
    def account_id(self) -> str:
        """The id of the account."""
        ...

    @property
    def account_name(self) -> str:
        """The name of the account."""
        ...

    def records(self) -> Mapping[str, Iterable[Mapping[str, object]]]:
        """Return the records by family."""
        ...


class Twin:
    """The methods of a fake account that copy another one."""

    _account: FakeAccount

    if TYPE_CHECKING:

        def add(self, family: str, **fields: object) -> str:
            """Add a record."""
            ...

        def start_sync(self, connection_id: str) -> None:
            """Start a sync."""
            ...

    @classmethod
    def from_snapshot(cls, snapshot: AccountRecords, **options: Any) -> Self:  # noqa: ANN401 - the constructor's arguments
        """
        Return a copy of an account, from the snapshot of an export: its twin.

        It has the same objects and ids, takes fields and services that this release does not know,
        and contacts no receiver of webhooks. Secrets are masks. `options` are the constructor's
        arguments.
        """
        settings = {"unknown_fields": "accept", "unknown_services": "accept"} | options
        twin = cls(**settings)
        account = twin._account
        account.account_id = snapshot.account_id or account.account_id
        account.account_name = snapshot.account_name or account.account_name
        account.is_twin = True
        account.collection("users").remove(account.owner_id)
        account.owner_id = _OWNER
        syncing: list[str] = []
        for family, records in snapshot.records().items():
            for record in records:
                _add(twin, account, family, record, syncing)
        for connection_id in syncing:
            twin.start_sync(connection_id)
        return twin

    def normalize(self, family: str, *scripts: Normalization) -> None:
        """
        Let the server show values of a family in another form, as the API does.

        Args:
            family: The client's name of the family, such as `"connections"`.
            scripts: What is done to each record that a response shows; see
                `fivetran_async.testing.normalization`.

        Raises:
            ValueError: The family does not exist; the message suggests the most similar one.
        """
        self._account.normalizations.setdefault(RULES.family(family).name, []).extend(scripts)


def _add(
    twin: Twin,
    account: FakeAccount,
    family: str,
    record: Mapping[str, object],
    syncing: list[str],
) -> None:
    fields = deep_copy(record)
    if family == "connections.schemas":
        connection_id = str(fields.pop("connection_id"))
        config = restored(connection_id, fields)
        account.collection("schema_configs").put(connection_id, config)
        return
    if family == "log_services.account":
        account.collection(family).put(account.account_id, fields | {"id": account.account_id})
        return
    if family == "connections":
        if fields.get("sync_state") == "syncing":
            fields["sync_state"] = "scheduled"
            syncing.append(str(fields["id"]))
        elif fields.get("paused"):
            fields["sync_state"] = "paused"
        account.collection(family).put(str(fields["id"]), fields)
    else:
        twin.add(family, **fields)
    account.reserved.add(str(fields.get("id")))


def normalized(account: FakeAccount, family: str, data: object) -> object:
    """Return the data of a response as the scripts of its family show it."""
    scripts = account.normalizations.get(family)
    if not scripts or not isinstance(data, dict):
        return data
    record = cast("StoredRecord", data)
    if isinstance(record.get("items"), list):
        items = [normalized(account, family, item) for item in record["items"]]
        return record | {"items": items}
    shown: Mapping[str, object] = record
    for script in scripts:
        shown = script(shown)
    return dict(shown)
