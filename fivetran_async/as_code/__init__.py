"""The account as code: export, plan, rehearse, apply, drift, undo."""

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
from fivetran_async.as_code._loading import load, load_base
from fivetran_async.as_code._objects import ManagedObject
from fivetran_async.as_code._resolving import SecretResolver, references
from fivetran_async.as_code._snapshot import Snapshot

__all__ = [
    "FilesError",
    "FolderLockedError",
    "ManagedObject",
    "PlanFileError",
    "PlanStaleError",
    "SecretResolver",
    "SecretUnavailableError",
    "SetupTestsFailedError",
    "Snapshot",
    "UnresolvedReferenceError",
    "WrongAccountError",
    "export",
    "load",
    "load_base",
    "references",
]
