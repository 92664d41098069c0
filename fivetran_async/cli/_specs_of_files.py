"""The commands about the account as code, as the parser knows them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final, cast

from fivetran_async.cli._file_options import (
    ApplyOptions,
    CheckOptions,
    CloneOptions,
    DriftOptions,
    ExportOptions,
    PlanCommandOptions,
    PlanningOptions,
    SetOptions,
    UndoOptions,
)
from fivetran_async.cli._options import CommandSpec, Parser, word
from fivetran_async.cli._specs_of_connections import add_change_options, add_filters


def _export(parser: Parser) -> None:
    parser.add_argument(
        "folder", type=word("folder"), nargs="?", metavar="DIR", help="where the files go"
    )
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
    parser.add_argument(
        "--terraform",
        action="store_true",
        help="print configuration for Terraform, with an import block per object",
    )


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
    _moves(group.add_argument)
    group.add_argument(
        "--no-base", action="store_true", help="every difference from the account is a change"
    )
    group.add_argument(
        "--detached", action="store_true", help="create everything in another account"
    )


def _moves(add_argument: Callable[..., object]) -> None:
    add_argument(
        "--moves",
        choices=("CONTINUE", "BACKFILL"),
        help="how connections move to another group; by default moves are refused",
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
    _commands(parser)
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
        "--journal",
        type=word("file"),
        metavar="FILE",
        help="the journal, to continue or undo the run",
    )


def _drift(parser: Parser) -> None:
    parser.add_argument("folder", type=word("folder"), metavar="DIR", help="the folder")


def _undo(parser: Parser) -> None:
    parser.add_argument(
        "run", type=word("run"), metavar="RUN", help="the path of a journal, or the name of a run"
    )
    parser.add_argument(
        "--folder",
        type=word("folder"),
        metavar="DIR",
        help="the folder of a run given by name (default: .)",
    )
    add_change_options(parser)
    _gently(parser)


def _set(parser: Parser) -> None:
    parser.add_argument(
        "words",
        type=_id_or_field,
        nargs="+",
        metavar="ID|FIELD=VALUE",
        help="ids of connections, or - for ids from stdin; changes such as sync_frequency=60 or"
        " config.host=db2; null clears a field",
    )
    add_filters(parser)
    add_change_options(parser)
    _moves(parser.add_argument)
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


def _clone(parser: Parser) -> None:
    parser.add_argument("group", type=word("group"), metavar="GROUP", help="the name of a group")
    parser.add_argument("to", type=word("group"), metavar="NEW", help="the name of the other group")
    add_change_options(parser)
    _commands(parser)
    _journal(parser)


def _check(parser: Parser) -> None:
    parser.add_argument("folder", type=word("folder"), metavar="DIR", help="the folder")
    parser.add_argument(
        "--rules",
        type=word("file"),
        action="append",
        metavar="FILE.py",
        help="functions marked with @as_code.rule, in place of the built-in rules",
    )
    parser.add_argument(
        "--junit", type=word("file"), metavar="OUT", help="write the findings as JUnit XML"
    )


def _commands(parser: Parser) -> None:
    parser.add_argument(
        "--run-commands", action="store_true", help="allow cmd: references, which run programs"
    )


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
        help="carry out a saved plan, or the plan of a folder, which it shows and asks about",
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
        help="take back a run; asks first",
        run="_as_code_commands:undo_run",
        options=UndoOptions,
        arguments=_undo,
        output="document",
    ),
    CommandSpec(
        name="set",
        help="change fields of the selected connections; asks first",
        run="_set_commands:set_fields",
        options=SetOptions,
        arguments=_set,
        words="words",
        prepare=_split,
        output="document",
    ),
    CommandSpec(
        name="clone",
        help="copy what is in a group to another group; asks first",
        run="_set_commands:clone_group",
        options=CloneOptions,
        arguments=_clone,
        output="document",
    ),
    CommandSpec(
        name="check",
        help="check the files of a folder against rules, without an account",
        run="_check_commands:check_folder",
        options=CheckOptions,
        arguments=_check,
        session=False,
    ),
)
