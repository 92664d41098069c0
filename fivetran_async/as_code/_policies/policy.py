"""`Policy`: checks the schema configs of an account, and plans what they lack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import attrs

from fivetran_async._codec._fields import LOCAL
from fivetran_async._codec._serializable import Serializable
from fivetran_async._fan_out.api import FanOutFailure, fan_out
from fivetran_async._types import UNSET, Unset
from fivetran_async.as_code._comparing.leaves import value_at, with_leaves
from fivetran_async.as_code._comparing.three_way import is_untouched_setting
from fivetran_async.as_code._files.snapshot import Snapshot
from fivetran_async.as_code._kinds.addresses import configured_connection, parts_of
from fivetran_async.as_code._kinds.rules import KINDS_BY_NAME
from fivetran_async.as_code._kinds.values import FieldPath, text_in
from fivetran_async.as_code._objects.objects import ManagedObject
from fivetran_async.as_code._planning.changes import PlanCost
from fivetran_async.as_code._planning.json_forms import ERRORS, compared_errors
from fivetran_async.as_code._planning.planner import plan
from fivetran_async.as_code._planning.plans import Plan
from fivetran_async.as_code._policies.rules import (
    PolicyRule,
    Wish,
    enabled_tables,
    wishes_of,
)
from fivetran_async.as_code._reading.export import export
from fivetran_async.errors import (
    AuthenticationError,
    FivetranError,
    InvalidArgumentError,
    RateLimitedError,
    UsageError,
)

if TYPE_CHECKING:
    from fivetran_async.client import AsyncFivetran

PolicyDepth: TypeAlias = Literal["known", "source"]
TablePlace: TypeAlias = tuple[str, str, str]
"""The address of a schema config, a schema and a table."""
ColumnRecords: TypeAlias = Mapping[str, Mapping[str, object]]
ReadColumns: TypeAlias = Mapping[TablePlace, ColumnRecords]

_AT_ONCE: Final = 20
_SECONDS_PER_TABLE: Final = 3.0
_PER_HOUR: Final = 5_000
"""The quota for reads of sources, in requests per hour of a paid plan."""


@attrs.frozen(kw_only=True, str=False)
class PolicyFinding(Serializable):
    """
    A setting that a policy wants and that a connection lacks.

    Attributes:
        address: The schema config.
        place: `connection.schema.table.column`, or a part of it.
        path: The place of the setting in the schema config.
        before: Its value; UNSET if the server does not list it.
        after: The wanted value.
        rule: The name of the rule, such as `hash_columns`.
    """

    address: str
    place: str
    path: FieldPath
    before: object | Unset = UNSET
    after: object
    rule: str

    def __str__(self) -> str:
        return f"{self.place}: {self.path[-1]} must be {self.after!r} ({self.rule})"


@attrs.frozen(repr=False, kw_only=True)
class PolicyFindings(Serializable):
    """
    What a policy found; iterate over it for the findings.

    Attributes:
        found: The findings.
        depth: `known` if only columns were looked at that schema configs list, `source` if all.
        skipped: What the policy cannot change, and why: by address, which `.schema.table.column`
            follows for a part of a schema config.
        errors: What could not be read, by address; the policy holds for the others only.
        live: The snapshot that was checked; JSON has neither this nor the columns.
        columns: The columns that were read from sources, for `resume`.
    """

    found: tuple[PolicyFinding, ...]
    depth: PolicyDepth
    skipped: Mapping[str, str]
    errors: Mapping[str, FivetranError] = attrs.field(eq=compared_errors, metadata=ERRORS)
    live: Snapshot = attrs.field(factory=lambda: Snapshot({}), eq=False, metadata={LOCAL: True})
    columns: ReadColumns = attrs.field(
        factory=dict[TablePlace, ColumnRecords], eq=False, metadata={LOCAL: True}
    )

    def __hash__(self) -> int:
        # Not of all fields: mappings are not hashable.
        return hash((len(self.found), self.depth))

    if not TYPE_CHECKING:
        # `dict(findings)`, as of FastAPI's encoder, has the fields; iteration has the findings.

        def keys(self) -> Iterable[str]:
            """Return the names of the fields."""
            return self.dict().keys()

        def __getitem__(self, name: str) -> object:
            return self.dict()[name]

    def __iter__(self) -> Iterator[PolicyFinding]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def __repr__(self) -> str:
        return f"<PolicyFindings: {len(self.found)}, {len(self.errors)} errors>"

    def __str__(self) -> str:
        summary = (
            f"{len(self.found)} settings differ from the policy ({self.depth} columns),"
            f" {len(self.skipped)} skipped, {len(self.errors)} errors"
        )
        lines = [summary]
        lines += [f"  {each}" for each in self.found]
        lines += [f"  skipped: {place}: {reason}" for place, reason in self.skipped.items()]
        lines += [f"  error: {address}: {error}" for address, error in self.errors.items()]
        return "\n".join(lines)

    def plan(self) -> Plan:
        """
        Return a plan with one PATCH for each connection that differs from the policy.

        Columns that appear when the policy changes are found by a second check, after `apply`.

        Raises:
            UsageError: The findings were read from JSON, which has no snapshot.
        """
        objects = dict(self.live)
        for address, leaves in self._by_address().items():
            if address not in objects:
                raise UsageError(
                    "Findings that were read from JSON have no snapshot: check the account once "
                    "more."
                )
            each = objects[address]
            fields = with_leaves(each.raw_fields, leaves)
            objects[address] = ManagedObject(address, each.kind, each.id, fields, each.raw_observed)
        return plan(self.live.with_objects(objects), live=self.live)

    def _by_address(self) -> dict[str, dict[FieldPath, object]]:
        leaves: dict[str, dict[FieldPath, object]] = {}
        for each in self.found:
            leaves.setdefault(each.address, {})[each.path] = each.after
        return leaves


class Policy:
    """
    Rules for the schema configs of connections.

        policy = Policy(hash_columns(r"email|phone"), new_columns("block"))
        findings = await policy.check(fivetran, only="connections/prod_*/*")
        run = await as_code.apply(fivetran, plan := findings.plan(), confirm=plan.digest)
    """

    def __init__(self, *rules: PolicyRule) -> None:
        """
        Set the rules; of two that want different values of a setting, the first one counts.

        Raises:
            InvalidArgumentError: There are no rules, or an argument is not a rule.
        """
        if not rules:
            raise InvalidArgumentError("a policy needs at least one rule, such as hash_columns().")
        for rule in rules:
            if not isinstance(rule, PolicyRule):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise InvalidArgumentError(f"{rule!r} is not a rule of a policy.")
        self.rules = rules

    def __repr__(self) -> str:
        return f"Policy({', '.join(map(repr, self.rules))})"

    def cost(self, live: Snapshot) -> PlanCost:
        """
        Return what a check with `depth="source"` costs for the connections of a snapshot.

        It reads every table that is loaded, with one request each, and draws on the quota for
        sources.
        """
        tables = sum(
            len(list(enabled_tables(each)))
            for each in live.values()
            if each.kind == "schemas" and not _reason_to_skip(each, live)
        )
        minutes = tables * _SECONDS_PER_TABLE / _AT_ONCE / 60 + 60 * (tables // _PER_HOUR)
        quotas = {"source": tables} if tables else {}
        return PlanCost(requests=tables, quotas=quotas, minutes=round(minutes, 2))

    async def check(
        self,
        fivetran: AsyncFivetran,
        *,
        only: str | Iterable[str] | None = None,
        depth: PolicyDepth = "known",
        resume: PolicyFindings | None = None,
    ) -> PolicyFindings:
        """
        Compare the schema configs of connections with the policy; it reads only.

        Args:
            fivetran: The session; `read_only=True` suffices.
            only: Patterns of addresses of connections, such as `connections/prod_*/*`.
            depth: `known` looks at the columns that schema configs list: those that were changed
                once. `source` reads all columns of every table that is loaded; it is slow, see
                `cost`.
            resume: The findings of an earlier check; tables that it has read are not read twice.

        Raises:
            InvalidArgumentError: An argument is not valid.
            FivetranError: The account could not be read; failures of connections are in `errors`.
        """
        if depth not in ("known", "source"):
            raise InvalidArgumentError(f"depth must be 'known' or 'source', not {depth!r}.")
        live = await export(fivetran, only=only, kinds=None if only else ["connections", "schemas"])
        columns: dict[TablePlace, ColumnRecords] = {}
        errors: dict[str, FivetranError] = {}
        if depth == "source":
            columns.update(resume.columns if resume is not None else {})
            await _read_columns(fivetran, live, columns, errors)
        return self.compare(live, depth=depth, columns=columns, errors=errors)

    def compare(
        self,
        live: Snapshot,
        *,
        depth: PolicyDepth = "known",
        columns: ReadColumns | None = None,
        errors: Mapping[str, FivetranError] | None = None,
    ) -> PolicyFindings:
        """
        Compare the schema configs of a snapshot with the policy; nothing is sent.

        Args:
            live: The snapshot.
            depth: What the columns are: `known` or `source`.
            columns: Columns that were read from sources.
            errors: What could not be read.
        """
        found: list[PolicyFinding] = []
        skipped = {
            address: reason
            for address, reason in live.skipped.items()
            if address.startswith(("schemas/", "connections/"))
        }
        for address, each in live.items():
            if each.kind != "schemas" or address in (errors or {}):
                continue
            reason = _reason_to_skip(each, live)
            if reason:
                skipped[address] = reason
                continue
            known = {
                place[1:]: found for place, found in (columns or {}).items() if place[0] == address
            }
            name = parts_of(address)[2]
            self._judge(each, wishes_of(self.rules, each, name, known), found, skipped)
        return PolicyFindings(
            found=tuple(found),
            depth=depth,
            skipped=skipped,
            errors=errors or {},
            live=live,
            columns=columns or {},
        )

    @staticmethod
    def _judge(
        each: ManagedObject,
        wishes: Iterable[Wish],
        found: list[PolicyFinding],
        skipped: dict[str, str],
    ) -> None:
        rules, seen = KINDS_BY_NAME["schemas"], set[FieldPath]()
        handling = text_in(each.raw_fields, "schema_change_handling")
        for wish in wishes:
            before = value_at(each.raw_fields, wish.path)
            if wish.path in seen:
                continue
            seen.add(wish.path)
            untouched = before is UNSET and is_untouched_setting(
                rules, wish.path, handling, wish.value
            )
            if before == wish.value or untouched:
                continue
            if wish.obstacle:
                # Connections of several groups may have one name.
                name = parts_of(each.address)[2]
                skipped[f"{each.address}{wish.place.removeprefix(name)}"] = wish.obstacle
                continue
            found.append(
                PolicyFinding(
                    address=each.address,
                    place=wish.place,
                    path=wish.path,
                    before=before,
                    after=wish.value,
                    rule=wish.rule,
                )
            )


def _reason_to_skip(each: ManagedObject, live: Snapshot) -> str:
    owner = live.get(configured_connection(each.address))
    state = text_in(owner.raw_observed.get("status"), "setup_state") if owner is not None else ""
    return f"the connection is {state}" if state and state != "connected" else ""


async def _read_columns(
    fivetran: AsyncFivetran,
    live: Snapshot,
    columns: dict[TablePlace, ColumnRecords],
    errors: dict[str, FivetranError],
) -> None:
    """Read the columns of tables that were not read before."""
    jobs: Sequence[tuple[TablePlace, str]] = [
        ((address, *table), each.id)
        for address, each in live.items()
        if each.kind == "schemas" and each.id and not _reason_to_skip(each, live)
        for table in enabled_tables(each)
        if (address, *table) not in columns
    ]

    async def read(job: tuple[TablePlace, str]) -> ColumnRecords:
        (_, schema, table), id = job
        found = await fivetran.connections.schemas.get_columns(id, schema, table)
        return {name: column.to_dict() for name, column in found.columns.items()}

    async with fan_out(jobs, read, concurrency=_AT_ONCE, on_error="yield") as results:
        async for (place, _), found in results:
            if not isinstance(found, FanOutFailure):
                columns[place] = found
            elif isinstance(found.error, (AuthenticationError, RateLimitedError)):
                raise found.error
            else:
                errors.setdefault(place[0], found.error)
