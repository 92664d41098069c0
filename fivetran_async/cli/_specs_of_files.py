"""The commands about the account as code, as the parser knows them."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Final, Literal, cast

import attrs

from fivetran_async.cli._options import CommandOptions, CommandSpec, Parser, word
from fivetran_async.cli._specs_of_connections import SelectionOptions, add_filters

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
    """

    folder: str = ""
    only: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    no_schemas: bool = False
    force: bool = False


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
        """Return the reason why options do not fit together: a saved plan cannot be changed."""
        given = [
            f"--{name.replace('_', '-')}"
            for name in _PLANNING
            if getattr(self, name) not in (False, None)
        ]
        if given and not self.is_folder:
            return f"{self.source} is a saved plan, which {given[0]} cannot change"
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
}
"""Fields of connections that are not texts: a pattern of their values, and its description."""


@attrs.frozen(kw_only=True)
class SetOptions(SelectionOptions):
    """
    Options of `set`.

    Attributes:
        fields: The new values, as `FIELD=VALUE`.
        gently: Pause a syncing connection before its change, and resume it after.
        journal: The file of the journal, for `undo`.
    """

    fields: tuple[str, ...] = ()
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


def _export(parser: Parser) -> None:
    parser.add_argument("folder", type=word("folder"), metavar="DIR", help="where the files go")
    parser.add_argument(
        "--only",
        type=word("pattern"),
        action="append",
        metavar="GLOB",
        help="only addresses such as 'connections/prod_*/*', with their schemas; repeatable",
    )
    parser.add_argument(
        "--kind", type=word("kind"), action="append", help="only this kind, such as connections"
    )
    parser.add_argument("--no-schemas", action="store_true", help="leave out the schema configs")
    parser.add_argument("--force", action="store_true", help="replace files that were edited")


def _planning(parser: Parser) -> None:
    group = parser.add_argument_group("plan")
    group.add_argument(
        "--prune", action="store_true", help="delete the objects of files that were removed"
    )
    group.add_argument(
        "--revert-drift", action="store_true", help="change back what was changed on the server"
    )
    group.add_argument(
        "--send-secrets", action="store_true", help="send every secret that a file refers to"
    )
    group.add_argument(
        "--conflicts",
        choices=("wanted", "live"),
        help="which value wins where file and server both changed; by default neither",
    )
    group.add_argument(
        "--moves",
        choices=("CONTINUE", "BACKFILL"),
        help="move connections with another group; by default they are refused",
    )
    group.add_argument(
        "--no-base", action="store_true", help="every difference from the account is a change"
    )
    group.add_argument(
        "--detached", action="store_true", help="create everything, in another account"
    )


def _plan(parser: Parser) -> None:
    parser.add_argument("source", type=word("folder"), metavar="DIR", help="the folder")
    parser.add_argument(
        "-o", "--out", type=word("file"), metavar="FILE", help="save the plan, for apply"
    )
    _planning(parser)


def _rehearse(parser: Parser) -> None:
    _source(parser)
    _planning(parser)


def _apply(parser: Parser) -> None:
    _source(parser)
    parser.add_argument(
        "--yes", action="store_true", help="do not ask; a saved plan is never asked about"
    )
    parser.add_argument(
        "--delete",
        type=word("address"),
        action="append",
        metavar="ADDRESS",
        help="confirm one deletion; required for each, --yes is not enough",
    )
    _gently(parser)
    parser.add_argument(
        "--adopt", action="store_true", help="write what the server kept differently to the files"
    )
    parser.add_argument(
        "--run-commands", action="store_true", help="allow cmd: references, which run programs"
    )
    _journal(parser)
    _planning(parser)


def _source(parser: Parser) -> None:
    parser.add_argument(
        "source", type=word("plan"), metavar="PLAN|DIR", help="a saved plan, or a folder"
    )


def _gently(parser: Parser) -> None:
    parser.add_argument(
        "--gently",
        action="store_true",
        help="pause a syncing connection, wait for the sync to end, change and resume it",
    )


def _journal(parser: Parser) -> None:
    parser.add_argument(
        "--journal", type=word("file"), metavar="FILE", help="the journal, for continuing and undo"
    )


def _drift(parser: Parser) -> None:
    parser.add_argument("folder", type=word("folder"), metavar="DIR", help="the folder")


def _undo(parser: Parser) -> None:
    parser.add_argument(
        "run", type=word("run"), metavar="RUN", help="the path of a journal, or the name of a run"
    )
    parser.add_argument(
        "--folder", type=word("folder"), metavar="DIR", help="the folder of that name (.)"
    )
    _asking(parser)
    _gently(parser)


def _asking(parser: Parser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--dry-run", action="store_true", help="change nothing, report what would change"
    )


def _set(parser: Parser) -> None:
    parser.add_argument(
        "words",
        type=_id_or_field,
        nargs="+",
        metavar="ID|FIELD=VALUE",
        help="ids of connections, - for ids from stdin; changes such as sync_frequency=60 or"
        " config.host=db2, and null clears",
    )
    add_filters(parser)
    _asking(parser)
    _gently(parser)
    _journal(parser)


def _id_or_field(text: str) -> str:
    name, equals, _ = text.partition("=")
    if not name.strip() or (equals and not all(name.split("."))):
        raise argparse.ArgumentTypeError(f"must be an ID or FIELD=VALUE, not {text!r}")
    return text


def _split(given: dict[str, object]) -> dict[str, object]:
    """Separate ids from changes: an id has no `=`."""
    words = cast("tuple[str, ...]", given.pop("words"))
    return {
        **given,
        "ids": tuple(word for word in words if "=" not in word),
        "fields": tuple(word for word in words if "=" in word),
    }


FILE_COMMANDS: Final = (
    CommandSpec(
        name="export",
        help="write the account, or a part of it, to one JSON file per object",
        run="_as_code_commands:export_account",
        options=ExportOptions,
        arguments=_export,
    ),
    CommandSpec(
        name="plan",
        help="show what the files of a folder would change",
        run="_as_code_commands:plan_folder",
        options=PlanCommandOptions,
        arguments=_plan,
        output="document",
        session=False,
    ),
    CommandSpec(
        name="rehearse",
        help="apply a plan to a copy of the account on this machine",
        run="_as_code_commands:rehearse_plan",
        options=PlanningOptions,
        arguments=_rehearse,
        output="document",
        session=False,
    ),
    CommandSpec(
        name="apply",
        help="carry out a saved plan, or the plan of a folder after a question",
        run="_as_code_commands:apply_plan",
        options=ApplyOptions,
        arguments=_apply,
        output="document",
    ),
    CommandSpec(
        name="drift",
        help="list what was changed on the server since the last export",
        run="_as_code_commands:list_drift",
        options=DriftOptions,
        arguments=_drift,
        session=False,
    ),
    CommandSpec(
        name="undo",
        help="take back a run, after a question",
        run="_as_code_commands:undo_run",
        options=UndoOptions,
        arguments=_undo,
        output="document",
    ),
    CommandSpec(
        name="set",
        help="change fields of the selected connections, after a question",
        run="_as_code_commands:set_fields",
        options=SetOptions,
        arguments=_set,
        prepare=_split,
        output="document",
    ),
)
