"""
The account as code: export, plan, rehearse, apply, drift, undo.

The folders, in the order of the trip; modules import only from folders above their own:

- `_kinds`: JSON values, the rules of each kind as data, addresses and scopes.
- `_secrets`: which values are secret, and where their values come from.
- `_objects`: objects, from records of the API to fields of files and back.
- `_terraform`: objects as configuration for Terraform.
- `_files`: snapshots, and the folder of files that holds one.
- `_reading`: an account becomes a snapshot.
- `_comparing`: the differences between two states of one object.
- `_planning`: the changes of a whole account, as data, text and files.
- `_applying`: a plan is carried out, with a journal; undo; the rehearsal on a twin.
- `_policies`: what schema configs should be, and how two of them differ.
- `_checks`: rules look at a snapshot, offline; `rules` has those that are ready.

Functions that describe changes return a `Snapshot` or a `Plan`; only `_applying` sends anything but
reads.
"""

from fivetran_async._types import UNSET
from fivetran_async.as_code import rules
from fivetran_async.as_code._applying.apply import apply
from fivetran_async.as_code._applying.rehearsal import Rehearsal, rehearse
from fivetran_async.as_code._applying.runs import AppliedRun, load_run
from fivetran_async.as_code._checks.checks import CheckFindings, CheckRule, Finding, check, rule
from fivetran_async.as_code._checks.junit import junit
from fivetran_async.as_code._checks.loading import load_rules
from fivetran_async.as_code._comparing.leaves import Leaf
from fivetran_async.as_code._files.loading import load, load_base
from fivetran_async.as_code._files.snapshot import Snapshot
from fivetran_async.as_code._objects.objects import ManagedObject
from fivetran_async.as_code._planning.changes import Change, Conflict, Hazard, PlanCost
from fivetran_async.as_code._planning.planner import plan
from fivetran_async.as_code._planning.plans import Plan, load_plan
from fivetran_async.as_code._policies.policy import Policy, PolicyFinding, PolicyFindings
from fivetran_async.as_code._policies.rules import (
    PolicyRule,
    block_columns,
    hash_columns,
    new_columns,
    sync_mode,
)
from fivetran_async.as_code._policies.schema_diff import SchemaDifference, schema_diff
from fivetran_async.as_code._reading.export import export
from fivetran_async.as_code._secrets.resolving import SecretResolver, references, resolve
from fivetran_async.as_code.errors import (
    CheckRuleError,
    FilesError,
    FolderLockedError,
    PlanFileError,
    PlanStaleError,
    SecretUnavailableError,
    SetupTestsFailedError,
    UnresolvedReferenceError,
)
from fivetran_async.errors import WrongAccountError

__all__ = [
    "UNSET",
    "AppliedRun",
    "Change",
    "CheckFindings",
    "CheckRule",
    "CheckRuleError",
    "Conflict",
    "FilesError",
    "Finding",
    "FolderLockedError",
    "Hazard",
    "Leaf",
    "ManagedObject",
    "Plan",
    "PlanCost",
    "PlanFileError",
    "PlanStaleError",
    "Policy",
    "PolicyFinding",
    "PolicyFindings",
    "PolicyRule",
    "Rehearsal",
    "SchemaDifference",
    "SecretResolver",
    "SecretUnavailableError",
    "SetupTestsFailedError",
    "Snapshot",
    "UnresolvedReferenceError",
    "WrongAccountError",
    "apply",
    "block_columns",
    "check",
    "export",
    "hash_columns",
    "junit",
    "load",
    "load_base",
    "load_plan",
    "load_rules",
    "load_run",
    "new_columns",
    "plan",
    "references",
    "rehearse",
    "resolve",
    "rule",
    "rules",
    "schema_diff",
    "sync_mode",
]
