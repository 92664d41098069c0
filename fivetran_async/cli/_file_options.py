"""The options of the commands about the account as code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, Literal

import attrs

from fivetran_async.cli._options import PROGRAM, CommandOptions
from fivetran_async.cli._specs_of_connections import SelectionOptions

_PLANNING: Final = (
    "prune",
    "revert_drift",
    "send_secrets",
    "conflicts",
    "moves",
    "no_base",
    "detached",
)
"""The options that are part of a saved plan."""


def missing_folder(folder: str) -> str | None:
    """Return a message if a folder does not exist."""
    if Path(folder).is_dir():
        return None
    if Path(folder).exists():
        return f"{folder!r} is a file: name the folder that `{PROGRAM} export` wrote"
    return f"the folder {folder!r} was not found: `{PROGRAM} export {folder}` writes one"


@attrs.frozen(kw_only=True)
class ExportOptions(CommandOptions):
    """
    Options of `export`.

    Attributes:
        folder: Where the files are written.
        only: Patterns of addresses.
        kind: Only objects of these kinds.
        no_schemas: Leave out the schema configs.
        force: Replace files that were edited.
        terraform: Print configuration for Terraform instead.
    """

    folder: str = ""
    only: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    no_schemas: bool = False
    force: bool = False
    terraform: bool = False

    def problem(self) -> str | None:
        """Return the reason why options do not fit together: no folder, or two ways to print."""
        if bool(self.folder) == self.terraform:
            return "pass DIR for files, or --terraform to print configuration for Terraform"
        if self.folder and Path(self.folder).exists() and not Path(self.folder).is_dir():
            return f"{self.folder!r} is a file: name a folder for the files"
        if self.terraform and self.force:
            return "--force requires DIR: nothing is replaced by --terraform"
        return None


@attrs.frozen(kw_only=True)
class PlanningOptions(CommandOptions):
    """
    Options of commands that make a plan of a folder, or read a saved one.

    Attributes:
        source: The folder, or the file of a saved plan.
        prune: Delete the objects of removed files.
        revert_drift: Change back what was changed on the server.
        send_secrets: Send every secret that a file refers to.
        conflicts: Which value wins where file and server both changed.
        moves: How connections with another group are moved.
        no_base: Compare with the account alone; every difference is a change.
        detached: Leave out ids and account: in another account, everything is created.
    """

    source: str = ""
    prune: bool = False
    revert_drift: bool = False
    send_secrets: bool = False
    conflicts: Literal["wanted", "live"] | None = None
    moves: Literal["CONTINUE", "BACKFILL"] | None = None
    no_base: bool = False
    detached: bool = False

    @property
    def is_folder(self) -> bool:
        """True if the plan is made now, False if it was saved."""
        return not Path(self.source).is_file()

    def problem(self) -> str | None:
        """Return the reason why no plan can be made, or a saved one cannot be changed."""
        if not Path(self.source).exists():
            return f"{self.source!r} was not found: name a folder, or the file of a saved plan"
        given = [
            f"--{name.replace('_', '-')}"
            for name in _PLANNING
            if getattr(self, name) not in (False, None)
        ]
        if given and not self.is_folder:
            return f"{given[0]} requires a folder: {self.source!r} is a file, and plans are final"
        return None


@attrs.frozen(kw_only=True)
class PlanCommandOptions(PlanningOptions):
    """
    Options of `plan`.

    Attributes:
        out: The file in which the plan is saved.
    """

    out: str | None = None

    @property
    def is_folder(self) -> bool:
        """True: `plan` takes a folder only."""
        return True

    def problem(self) -> str | None:
        """Return the reason why no plan can be made or saved: a folder is missing or in the way."""
        if self.out is not None and Path(self.out).is_dir():
            return f"--out: {self.out!r} is a folder: name a file for the plan"
        return missing_folder(self.source)


@attrs.frozen(kw_only=True)
class ApplyOptions(PlanningOptions):
    """
    Options of `apply`.

    Attributes:
        yes: Do not ask.
        delete: The addresses of all objects that the plan deletes.
        gently: Pause a syncing connection before its change, and resume it after.
        adopt: Write what the server kept differently into the files.
        run_commands: Allow `cmd:` references to secrets, which run programs.
        journal: The file of the journal.
    """

    yes: bool = False
    delete: tuple[str, ...] = ()
    gently: bool = False
    adopt: bool = False
    run_commands: bool = False
    journal: str | None = None

    @property
    def changes(self) -> bool:
        """True."""
        return True


@attrs.frozen(kw_only=True)
class DriftOptions(CommandOptions):
    """
    Options of `drift`.

    Attributes:
        folder: The folder of the files.
    """

    folder: str = ""

    def problem(self) -> str | None:
        """Return the reason why there is nothing to compare: there is no such folder."""
        return missing_folder(self.folder)


@attrs.frozen(kw_only=True)
class UndoOptions(CommandOptions):
    """
    Options of `undo`.

    Attributes:
        run: The path of a journal, or the name of a run.
        folder: The folder of a run that is given by its name.
        yes: Do not ask.
        dry_run: Show what would be taken back, and change nothing.
        gently: Pause a syncing connection before its change, and resume it after.
    """

    run: str = ""
    folder: str = "."
    yes: bool = False
    dry_run: bool = False
    gently: bool = False

    @property
    def changes(self) -> bool:
        """True unless it is a dry run."""
        return not self.dry_run


_NOT_TEXTS: Final = {
    "paused": ("true|false", "true or false"),
    "pause_after_trial": ("true|false", "true or false"),
    "data_checks": ("true|false", "true or false"),
    "sync_frequency": (r"\d+", "a number of minutes, such as 60"),
    "data_delay_threshold": (r"\d+", "a number of minutes, such as 60"),
    "config": (r"\{.*\}", "an object (write config.FIELD=VALUE, such as config.host=db2)"),
    "auth": (r"\{.*\}", "an object (write auth.FIELD=VALUE)"),
    "schedule": (r"\{.*\}|null", "an object (write schedule.FIELD=VALUE) or null"),
}
"""Fields of connections that are not texts: a pattern of their values, and its description."""


@attrs.frozen(kw_only=True)
class SetOptions(SelectionOptions):
    """
    Options of `set`.

    Attributes:
        fields: The new values, as `FIELD=VALUE`.
        moves: How connections with another group are moved.
        gently: Pause a syncing connection before its change, and resume it after.
        journal: The file of the journal, for `undo`.
    """

    fields: tuple[str, ...] = ()
    moves: Literal["CONTINUE", "BACKFILL"] | None = None
    gently: bool = False
    journal: str | None = None

    def problem(self) -> str | None:
        """Return the reason why options do not fit together, such as a set without a change."""
        if not self.fields:
            return "no change is given: write at least one FIELD=VALUE, such as sync_frequency=60"
        for text in self.fields:
            field, _, value = text.partition("=")
            pattern, words = _NOT_TEXTS.get(field, ("", ""))
            if pattern and not re.fullmatch(pattern, value):
                return f"{field} must be {words}, not {value!r}"
        return super().problem()


@attrs.frozen(kw_only=True)
class CloneOptions(CommandOptions):
    """
    Options of `clone`.

    Attributes:
        group: The name of the group to copy.
        to: The name of the group for the copies.
        yes: Do not ask.
        dry_run: Show the plan, and change nothing.
        run_commands: Allow `cmd:` references to secrets, which run programs.
        journal: The file of the journal, for `undo`.
    """

    group: str = ""
    to: str = ""
    yes: bool = False
    dry_run: bool = False
    run_commands: bool = False
    journal: str | None = None

    @property
    def changes(self) -> bool:
        """True unless it is a dry run."""
        return not self.dry_run

    def problem(self) -> str | None:
        """Return the reason why a copy is impossible: names are unique in a group."""
        if self.group == self.to:
            return f"{self.to!r} is the group to copy; name another group for the copies"
        return None


@attrs.frozen(kw_only=True)
class CheckOptions(CommandOptions):
    """
    Options of `check`.

    Attributes:
        folder: The folder of the files.
        rules: The files with rules; without one, the rules of the library.
        junit: The file for the findings as JUnit XML.
    """

    folder: str = ""
    rules: tuple[str, ...] = ()
    junit: str | None = None

    def problem(self) -> str | None:
        """Return the reason why there is nothing to check: there is no such folder."""
        return missing_folder(self.folder)
