"""What a family declares, and the shared actions: list, get, create, update, delete."""

from __future__ import annotations

import base64
import difflib
import functools
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import cast

import attrs

from fivetran_async.errors import InvalidArgumentError
from fivetran_async.testing._account import SEPARATOR, FakeAccount
from fivetran_async.testing._checks import misspelt
from fivetran_async.testing._facts import ServedOperation, StoredRecord, deep_copy, facts, part
from fivetran_async.testing._store import Collection, UnknownRecordError

MAX_LIMIT = 1000
DEFAULT_LIMIT = 100
_MOST_SKIPPED = 2**31


class Refusal(Exception):  # noqa: N818 - a response, not a failure of the fake
    """An error response of the API: a status, the vendor's code and a message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def invalid(message: str) -> Refusal:
    """Return the 400 of most operations."""
    return Refusal(400, "InvalidInput", message)


def conflict(message: str) -> Refusal:
    """Return a 409: the current state does not allow the request."""
    return Refusal(409, "Conflict", message)


@attrs.frozen
class Result:
    """
    The result of an action: data for the envelope, a message, or raw bytes.

    `items` are items of a list as JSON, which belong into the empty list of the data.
    """

    data: object = None
    message: str | None = None
    raw: bytes | None = None
    items: Sequence[str] = ()


@attrs.frozen
class ServedCall:
    """A request that passed all checks."""

    account: FakeAccount
    operation: ServedOperation
    path: tuple[str, ...]
    query: Mapping[str, str]
    body: StoredRecord
    version: int = 1

    @property
    def item(self) -> str:
        """The last id in the path, which identifies the record."""
        return self.path[-1]


Action = Callable[[ServedCall], "Result | Awaitable[Result]"]
View = Callable[[ServedCall, StoredRecord], StoredRecord]
Known = Callable[[FakeAccount], "frozenset[str]"]


def storage_key(parents: tuple[str, ...], key: str) -> str:
    """Return the storage key of a record: the ids of its parents, then its own."""
    return SEPARATOR.join((*parents, key))


def by_key(rows: Collection, parents: tuple[str, ...], key: str) -> StoredRecord | None:
    """Find a record by the ids in its path."""
    return rows.get(storage_key(parents, key))


def merged_objects(before: StoredRecord, change: StoredRecord) -> StoredRecord:
    """Return an object after a change that the API merges, at every depth."""
    merged = before | change
    for name, value in change.items():
        old, new = before.get(name), cast("object", value)
        if isinstance(old, dict) and isinstance(new, dict):
            merged[name] = merged_objects(part(cast("object", old)), part(cast("object", new)))
    return merged


def _unchanged(_: ServedCall, record: StoredRecord) -> StoredRecord:
    return record


def _no_fields(_: ServedCall) -> StoredRecord:
    return {}


def _nothing(_: ServedCall, __: StoredRecord) -> None:
    return None


@attrs.frozen(kw_only=True)
class FamilyRules:
    """
    The rules of one family.

    `scope` has a pair for each id in the path, in order: the field that holds the parent's id, and
    the parent's family. `references` does the same for body fields. `noun` is used in messages,
    `missing` is the code of a 404. `own_fields` are fields of the records that neither requests nor
    responses have. `is_computed` is true if no records are stored. `is_view_steady` is true if what
    `view` shows in lists depends on nothing but the record.
    """

    name: str
    noun: str
    missing: str = "NotFound"
    key: str = "id"
    collection: str = ""
    scope: tuple[tuple[str, str], ...] = ()
    references: Mapping[str, str] = attrs.field(factory=dict[str, str])
    filters: Mapping[str, str] = attrs.field(factory=dict[str, str])
    fresh: Callable[[ServedCall], StoredRecord] = _no_fields
    view: View = _unchanged
    before_create: Callable[[ServedCall, StoredRecord], None] = _nothing
    before_update: Callable[[ServedCall, StoredRecord], None] = _nothing
    before_delete: Callable[[ServedCall, StoredRecord], None] = _nothing
    after_create: Callable[[ServedCall, StoredRecord], None] = _nothing
    after_update: Callable[[ServedCall, StoredRecord], None] = _nothing
    own_fields: frozenset[str] = frozenset()
    merged: frozenset[str] = frozenset()
    transient: frozenset[str] = frozenset()
    lookup: Callable[[Collection, tuple[str, ...], str], StoredRecord | None] = by_key
    actions: Mapping[str, Action] = attrs.field(factory=dict[str, Action])
    is_computed: bool = False
    is_view_steady: bool = attrs.field(
        default=attrs.Factory(lambda self: self.view is _unchanged, takes_self=True)
    )

    def rows(self, account: FakeAccount) -> Collection:
        """Return the collection with the family's records."""
        return account.collection(self.collection or self.name)

    @property
    def title(self) -> str:
        """The capitalized noun."""
        return self.noun[0].upper() + self.noun[1:]

    def not_found(self, key: str) -> Refusal:
        """Return the 404 of this family."""
        return Refusal(404, self.missing, f"Cannot find {self.noun} with id '{key}'")


class Rules:
    """
    All families, and their shared actions.

    `words` has, for a field of any body, the function that returns its known words.
    """

    def __init__(self, families: Mapping[str, FamilyRules], words: Mapping[str, Known]) -> None:
        self._families = families
        self._words = words

    def __repr__(self) -> str:
        return f"<Rules of {len(self._families)} families>"

    def family(self, name: str) -> FamilyRules:
        """
        Return a family by the first part of its operations' names.

        Raises:
            InvalidArgumentError: The family does not exist; the message suggests the most similar
                one.
        """
        if name not in self._families:
            alike = difflib.get_close_matches(name, self._families, n=1, cutoff=0.0)
            message = f"unknown family {name!r}; did you mean {alike[0]!r}?"
            raise InvalidArgumentError(message)
        return self._families[name]

    def add(self, account: FakeAccount, family: str, fields: Mapping[str, object]) -> str:
        """
        Add a record without the API's checks, and return its id.

        Raises:
            InvalidArgumentError: The family does not exist or is not stored, or a field is missing
                without which the record could not be read, or names a parent that does not exist.
        """
        rules = self.family(family)
        if rules.is_computed:
            message = f"records of {family!r} cannot be added: they are the vendor's catalog"
            raise InvalidArgumentError(message)
        given = deep_copy(fields)
        if given.get("id", "") is None:
            del given["id"]
        call = ServedCall(account, facts().operations["groups.create"], (), {}, given)
        try:
            record: StoredRecord = rules.fresh(call) | given
            if rules.key == "id":
                record = {"id": record.get("id") or account.new_id()} | record
            for needed in (*(field for field, _ in rules.scope), rules.key):
                record[needed]
            rules.view(call, record)
        except KeyError as error:
            message = f"a record of {family!r} requires {error.args[0]}"
            raise InvalidArgumentError(message) from None
        except Refusal as refusal:
            raise InvalidArgumentError(f"{family}: {refusal.message}") from None
        parents = tuple(str(record[field]) for field, _ in rules.scope)
        rules.rows(account).put(storage_key(parents, record[rules.key]), record)
        return str(record[rules.key])

    def rows_with(self, account: FakeAccount, family: str, ids: tuple[str, ...]) -> Collection:
        """
        Return the collection of a family that has this record.

        Raises:
            UnknownRecordError: The record does not exist.
            InvalidArgumentError: The family does not exist.
        """
        rows = self.family(family).rows(account)
        if storage_key(ids[:-1], ids[-1]) not in rows:
            message = f"the record {' / '.join(ids)!r} was not found in {family!r}"
            raise UnknownRecordError(message)
        return rows

    def action(self, operation: ServedOperation) -> Action:
        """Return the action of an operation: the family's own, or the shared one."""
        family = self._families[operation.family]
        own = family.actions.get(operation.action)
        return own or self._shared(family, operation)

    def check_words(self, account: FakeAccount, body: StoredRecord) -> None:
        """Raise a 400 for a misspelt word; a word that resembles no known word can be new."""
        for field in self._words:
            if field not in body:
                continue
            value: object = body[field]
            words = cast("list[object]", value) if isinstance(value, list) else [value]
            for word in words:
                problem = misspelt(field, str(word), self._words[field](account))
                if problem is not None:
                    raise invalid(problem)

    def _shared(self, family: FamilyRules, operation: ServedOperation) -> Action:
        shared: Mapping[str, Callable[[FamilyRules, ServedCall], Result]] = {
            "list": self.page,
            "get": self.get,
            "create": self.create,
            "add": self.create,
            "update": self.update,
            "delete": self.delete,
            "remove": self.delete,
            "revoke": self.delete,
        }
        do = shared[operation.action]
        return lambda call: do(family, call)

    def require(self, account: FakeAccount, family: str, key: str) -> StoredRecord:
        """Return a record of another family, or raise that family's 404."""
        rules = self._families[family]
        record = rules.rows(account).get(key)
        if record is None:
            raise rules.not_found(key)
        return record

    def page(self, family: FamilyRules, call: ServedCall) -> Result:
        """Return one page of the family, by the path's parents and the query's filters."""
        self.check_scope(family, call, call.path)
        wanted = {
            family.filters.get(name, name): value
            for name, value in call.query.items()
            if name in call.operation.query.types
        }
        wanted |= {field: value for (field, _), value in zip(family.scope, call.path, strict=True)}
        return list_page(call, family, wanted)

    def get(self, family: FamilyRules, call: ServedCall) -> Result:
        """Return one record."""
        return Result(family.view(call, self.find(family, call)))

    def create(self, family: FamilyRules, call: ServedCall) -> Result:
        """Create a record from the body; its references must exist."""
        self.check_scope(family, call, call.path)
        self.check_references(family, call)
        record = family.fresh(call) | {
            k: v for k, v in call.body.items() if k not in family.transient
        }
        record |= {field: value for (field, _), value in zip(family.scope, call.path, strict=True)}
        family.before_create(call, record)
        if family.key not in record:
            record = {family.key: call.account.new_id()} | record
        key = storage_key(call.path, record[family.key])
        family.rows(call.account).put(key, record)
        family.after_create(call, record)
        stored = family.rows(call.account).get(key) or record
        return Result(family.view(call, stored), f"{family.title} has been created")

    def update(self, family: FamilyRules, call: ServedCall) -> Result:
        """Change the fields in the body; mappings that the API merges are merged."""
        before = self.find(family, call)
        self.check_references(family, call)
        family.before_update(call, before)
        changes = {k: v for k, v in call.body.items() if k not in family.transient}
        for name in family.merged & changes.keys():
            if isinstance(changes[name], dict):
                changes[name] = merged_objects(part(before.get(name)), changes[name])
        key = storage_key(call.path[:-1], before[family.key])
        family.rows(call.account).change(key, **changes)
        family.after_update(call, before)
        stored = family.rows(call.account).get(key) or before
        data = None if call.operation.response == "message" else family.view(call, stored)
        return Result(data, f"{family.title} has been updated")

    def delete(self, family: FamilyRules, call: ServedCall) -> Result:
        """Delete a record."""
        record = self.find(family, call)
        family.before_delete(call, record)
        family.rows(call.account).remove(storage_key(call.path[:-1], record[family.key]))
        return Result(message=f"{family.title} with id '{call.item}' has been deleted")

    def find(self, family: FamilyRules, call: ServedCall) -> StoredRecord:
        """Return the record of the path, or raise the family's 404."""
        self.check_scope(family, call, call.path[:-1])
        record = family.lookup(family.rows(call.account), call.path[:-1], call.item)
        if record is None:
            raise family.not_found(call.item)
        return record

    def check_scope(self, family: FamilyRules, call: ServedCall, parents: tuple[str, ...]) -> None:
        """Raise the 404 of a parent in the path that does not exist."""
        for (_, parent), key in zip(family.scope, parents, strict=True):
            self.require(call.account, parent, key)

    def check_references(self, family: FamilyRules, call: ServedCall) -> None:
        """Raise the 404 of a record that the body refers to and that does not exist."""
        for field, other in family.references.items():
            if call.body.get(field) is not None:
                self.require(call.account, other, call.body[field])


def list_page(call: ServedCall, family: FamilyRules, wanted: Mapping[str, str]) -> Result:
    """Return one page of the records of a family with the wanted field values."""
    account, rows, view = call.account, family.rows(call.account), family.view
    limit, skip = read_limit(call.query), read_cursor(call.query)
    indexed = next((item for item in wanted.items() if item[0] in rows.indexed), None)
    rest = {field: value for field, value in wanted.items() if (field, value) != indexed}

    def fits(record: StoredRecord) -> bool:
        return all(_equals(record.get(field), value) for field, value in rest.items())

    records, more = rows.page(skip, limit, index=indexed, keep=fits if rest else None)
    next_skip = skip + limit if more else None
    if not family.is_view_steady or account.normalizations:
        return items_page([view(call, record) for record in records], next_skip)
    texts = [
        account.listed.text(call.operation, record, functools.partial(view, call, record))
        for record in records
    ]
    return Result(_page_of([], next_skip), items=texts)


def slice_page(call: ServedCall, items: list[StoredRecord]) -> Result:
    """Return one page of computed items."""
    if not call.operation.paginated:
        return items_page(items, None)
    limit, skip = read_limit(call.query), read_cursor(call.query)
    more = len(items) > skip + limit
    return items_page(items[skip : skip + limit], skip + limit if more else None)


def items_page(items: list[StoredRecord], next_skip: int | None) -> Result:
    """Return one page of a list; the last page has no `next_cursor`."""
    return Result(_page_of(items, next_skip))


def _page_of(items: list[StoredRecord], next_skip: int | None) -> StoredRecord:
    data: StoredRecord = {"items": items}
    if next_skip is not None:
        data["next_cursor"] = make_cursor(next_skip)
    return data


def _equals(value: object, text: str) -> bool:
    return text == ("true" if value else "false") if isinstance(value, bool) else value == text


def make_cursor(skip: int) -> str:
    """Return the API's cursor: base64url of `{"skip":N}` without padding."""
    return base64.urlsafe_b64encode(b'{"skip":%d}' % skip).decode().rstrip("=")


def read_cursor(query: Mapping[str, str]) -> int:
    """Return the number of records that a cursor skips."""
    cursor = query.get("cursor", "")
    if not cursor:
        return 0
    try:
        value = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        value = None
    skip = part(value).get("skip")
    if not isinstance(skip, int) or isinstance(skip, bool) or not 0 <= skip <= _MOST_SKIPPED:
        message = f"Invalid cursor '{cursor}'"
        raise invalid(message)
    return skip


def read_limit(query: Mapping[str, str]) -> int:
    """Return the page size."""
    text = query.get("limit", str(DEFAULT_LIMIT))
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= MAX_LIMIT:
        message = f"Limit must be a number in the range 1..{MAX_LIMIT}, not '{text}'"
        raise invalid(message)
    return int(text)
