"""All commands, and the parser of their arguments. It imports no command before that runs."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol, TypeAlias, cast

from fivetran_async._version import __version__
from fivetran_async.cli._options import (
    MEANINGS,
    PROGRAM,
    CommandOptions,
    CommandSpec,
    ExitCode,
    Parser,
    add_common,
    suggestion,
    tuples,
)
from fivetran_async.cli._specs import ACCOUNT_COMMANDS, CONFIG_COMMANDS, OWN_COMMANDS
from fivetran_async.cli._specs_of_connections import CONNECTION_COMMANDS, STATES
from fivetran_async.cli._specs_of_details import DETAIL_COMMANDS
from fivetran_async.cli._specs_of_files import FILE_COMMANDS
from fivetran_async.cli._specs_of_health import HEALTH_COMMANDS

if TYPE_CHECKING:
    from fivetran_async.cli._context import Context

Command: TypeAlias = Callable[["Context", Any], Awaitable[ExitCode]]

_LISTS: Final[Sequence[Sequence[CommandSpec]]] = (
    # One list per topic; the help has them in this order.
    ACCOUNT_COMMANDS,
    CONNECTION_COMMANDS,
    FILE_COMMANDS,
    DETAIL_COMMANDS,
    HEALTH_COMMANDS,
    CONFIG_COMMANDS,
    OWN_COMMANDS,
)
COMMANDS: Final[Mapping[str, CommandSpec]] = {spec.name: spec for specs in _LISTS for spec in specs}

_TOPICS: Final = {
    "config": "show and check the fields of config, without an account",
    "schema": "show, compare and change which tables and columns a connection syncs",
}
"""The first words of commands of two words."""

_ENVIRONMENT: Final = """\
environment:
  FIVETRAN_API_KEY, FIVETRAN_API_SECRET   the credentials; not accepted as arguments
  FIVETRAN_PROFILE                        the profile, if --profile is missing
  FIVETRAN_BASE_URL                       another server, such as that of `fake`
  NO_COLOR                                plain text, even on a terminal
  TZ                                      the time zone of printed times

exit codes:
"""


class _Commands(Protocol):
    """What `add_subparsers` returns; argparse has no public name for it."""

    def add_parser(
        self, name: str, *, help: str, description: str, allow_abbrev: bool
    ) -> Parser: ...


def parser(words: Sequence[str] = ()) -> Parser:
    """
    Return the parser of some words; it knows `fake` only to list it in the help.

    If the first word is a command, no other one is added, which takes most of the time.
    """
    codes = "".join(f"  {code:<4} {meaning}\n" for code, meaning in MEANINGS.items())
    top = Parser(
        prog=PROGRAM,
        description="Inspect a Fivetran account; sync, pause and change its connections; check "
        "configs.",
        epilog=_ENVIRONMENT + codes,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    topics: dict[str, _Commands] = {}
    is_known = words[:1] and any(name.split()[0] == words[0] for name in COMMANDS)
    for spec in COMMANDS.values():
        first, _, second = spec.name.partition(" ")
        if is_known and first != words[0]:
            continue
        if second and first not in topics:
            help = _TOPICS[first]
            topic = commands.add_parser(first, help=help, description=help, allow_abbrev=False)
            topics[first] = topic.add_subparsers(
                dest="action", metavar="ACTION", title="actions", required=True
            )
        within = topics[first] if second else commands
        added = within.add_parser(
            second or first, help=spec.help, description=_sentence(spec.help), allow_abbrev=False
        )
        added.words = words
        spec.arguments(added)
        add_common(added, spec)
    commands.add_parser(
        "fake", help="serve a fake account on this machine, to experiment with", add_help=False
    )
    return top


def parse(argv: Sequence[str]) -> CommandOptions:
    """
    Parse the arguments.

    Raises:
        SystemExit: 2 for wrong arguments, 0 after the help or the version. The message was printed.
    """
    top = parser(argv)
    if argv and argv[0].startswith("-") and argv[0] not in top.options():
        top.exit(ExitCode.USAGE, _misplaced(argv[0]))
    found, unexpected = top.parse_known_args(argv)
    given: dict[str, object] = vars(found)
    if given["command"] is None:
        top.exit(ExitCode.USAGE, top.format_help())
    name = given["command"]
    if action := given.pop("action", None):
        name = given["command"] = f"{name} {action}"
    spec = COMMANDS[str(name)]
    if unexpected:
        own = _own_parser(spec)
        if not spec.words or any(word[:1] == "-" and word != "-" for word in unexpected):
            _refuse(top, spec, own, unexpected[0])
        # Python's parser takes the words of one argument in one place only.
        before = cast("list[object] | None", given.get(spec.words))
        given[spec.words] = [*(before or ()), *own.check_words(spec.words, unexpected)]
    make = cast("Callable[..., CommandOptions]", spec.options)
    options = make(**spec.prepare(tuples(given)))
    if problem := options.problem_with_watch() or options.problem():
        _exit(top, spec, problem)
    return options


def _exit(top: Parser, spec: CommandSpec, problem: str) -> NoReturn:
    top.exit(
        ExitCode.USAGE,
        f"{PROGRAM} {spec.name}: {problem}\nSee {PROGRAM} {spec.name} --help for usage.\n",
    )


def _misplaced(word: str) -> str:
    """Return the message about an option before the command."""
    name = word.partition("=")[0]
    for spec in COMMANDS.values():
        if name in _own_parser(spec).options():
            return (
                f"{PROGRAM}: {name!r} comes after the command: {PROGRAM} COMMAND {name}\n"
                f"See {PROGRAM} --help for usage.\n"
            )
    return f"{PROGRAM}: {word!r} is not an option\nSee {PROGRAM} --help for usage.\n"


def _own_parser(spec: CommandSpec) -> Parser:
    """Return a parser of this command alone."""
    own = Parser(prog=f"{PROGRAM} {spec.name}", allow_abbrev=False)
    spec.arguments(own)
    add_common(own, spec)
    return own


def _refuse(top: Parser, spec: CommandSpec, own: Parser, word: str) -> NoReturn:
    """Report an argument that the command does not have."""
    options, name = own.options(), word.partition("=")[0]
    hint = suggestion(name, options)
    if name in options:
        hint = f"; {name} comes after `{spec.name}`"
    if "--state" in options and word.casefold() in STATES:
        hint = f"; did you mean '--state {word}'?"
    _exit(top, spec, f"unrecognized arguments: {word!r}{hint}")


def function_of(name: str) -> Command:
    """Import the function of a command."""
    module, _, function = COMMANDS[name].run.partition(":")
    return cast("Command", getattr(importlib.import_module(f"{__package__}.{module}"), function))


def _sentence(help: str) -> str:
    return f"{help[:1].upper()}{help[1:]}."
