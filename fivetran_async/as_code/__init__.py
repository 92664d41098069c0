"""
The account as code: export, plan, rehearse, apply, drift, undo.

The modules, from data to decisions to requests; each imports only modules above it:

- `_values`, `_kinds`: JSON values, and the rules of each kind as data.
- `_addresses`, `_scope`, `_objects`, `_secrets`, `_records`: addresses, objects, API records.
- `_json_files`, `_folder`, `_secret_lock`, `_edits`, `_snapshot`: snapshots and their files.
- `_lists`, `_assembly`, `_export`: reading an account. `_checking`, `_loading`: reading files.
- `_comparing`, `_leaves`, `_three_way`, `_dependents`, `_settling`: differences of one object.
- `_changes`, `_plan_text`, `_plans`: plans as data, text and files.
- `_alignment`, `_new_objects`, `_hazards`, `_costs`, `_planner`: planning an account.
- `_steps`, `_scheduling`, `_journal`, `_progress`, `_undo`, `_runs`: order, journal and undo.
- `_requests`, `_pausing`, `_keeping`, `_step_context`, `_executor`, `_run_lock`, `_apply`: carrying
  out a plan.
- `_twin_records`, `_rehearsal`: records for `FakeFivetran.from_snapshot`, and rehearsals on it.

Whatever makes changes returns a `Snapshot` or a `Plan`; only `_apply` sends anything but reads.
"""

from fivetran_async._types import UNSET
from fivetran_async.as_code._apply import apply
from fivetran_async.as_code._changes import Change, Conflict, Hazard, PlanCost
from fivetran_async.as_code._errors import (
    FilesError,
    FolderLockedError,
    PlanFileError,
    PlanStaleError,
    SecretUnavailableError,
    SetupTestsFailedError,
    UnresolvedReferenceError,
    WrongAccountError,
)
from fivetran_async.as_code._export import export
from fivetran_async.as_code._leaves import Leaf
from fivetran_async.as_code._loading import load, load_base
from fivetran_async.as_code._objects import ManagedObject
from fivetran_async.as_code._planner import plan
from fivetran_async.as_code._plans import Plan, load_plan
from fivetran_async.as_code._rehearsal import Rehearsal, rehearse
from fivetran_async.as_code._resolving import SecretResolver, references
from fivetran_async.as_code._runs import AppliedRun, load_run
from fivetran_async.as_code._snapshot import Snapshot

__all__ = [
    "UNSET",
    "AppliedRun",
    "Change",
    "Conflict",
    "FilesError",
    "FolderLockedError",
    "Hazard",
    "Leaf",
    "ManagedObject",
    "Plan",
    "PlanCost",
    "PlanFileError",
    "PlanStaleError",
    "Rehearsal",
    "SecretResolver",
    "SecretUnavailableError",
    "SetupTestsFailedError",
    "Snapshot",
    "UnresolvedReferenceError",
    "WrongAccountError",
    "apply",
    "export",
    "load",
    "load_base",
    "load_plan",
    "load_run",
    "plan",
    "references",
    "rehearse",
]
