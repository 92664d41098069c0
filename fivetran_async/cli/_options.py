"""What every command has: its declaration, its common options, its exit codes."""

from __future__ import annotations

import argparse
import enum
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal, NoReturn, TypeAlias, cast

import attrs

PROGRAM: Final = "fivetran-async"

OutputFormat: TypeAlias = Literal["table", "json", "jsonl", "csv"]


class ExitCode(enum.IntEnum):
    """The exit codes of the command line."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    NO_CREDENTIALS = 3
    NOT_SUCCEEDED = 4
    TIMED_OUT = 5
    DRIFT = 6
    FINDINGS = 7
    INTERRUPTED = 130
    BROKEN_PIPE = 141


MEANINGS: Final[Mapping[ExitCode, str]] = {
    ExitCode.DONE: "done",
    ExitCode.REFUSED: "the API or the network reported an error, or the user declined",
    ExitCode.USAGE: "wrong arguments",
    ExitCode.NO_CREDENTIALS: "missing credentials",
    ExitCode.NOT_SUCCEEDED: "the sync, or a setup test, ended without success",
    ExitCode.TIMED_OUT: "timed out before the sync ended",
    ExitCode.DRIFT: "the account differs from the files, or two schemas differ",
    ExitCode.FINDINGS: "a check found problems",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C",
    ExitCode.BROKEN_PIPE: "the reader of the output closed the pipe",
}


class UnusableOptionError(Exception):
    """An option is wrong in a way that only the account shows; the message names the remedy."""


@attrs.frozen(kw_only=True)
class CommandOptions:
    """
    The options that all commands have; a command with more has a subclass.

    Attributes:
        command: The name of the command.
        profile: The name of a profile; None reads the environment.
        output_format: How results are printed.
        columns: The columns to print, by heading or by their path in the JSON document.
        sort: The columns to sort by; a leading `-` reverses the order.
        utc: Print times in UTC instead of in the local time zone.
        watch: Seconds between two runs; None runs the command once.
    """

    command: str
    profile: str | None = None
    output_format: OutputFormat = "table"
    columns: tuple[str, ...] = ()
    sort: tuple[str, ...] = ()
    utc: bool = False
    watch: float | None = None

    @property
    def changes(self) -> bool:
        """True if the command may change the account: its session is not read-only."""
        return False

    def problem(self) -> str | None:
        """Return the reason why options do not fit together, for a message with exit code 2."""
        return None

    def problem_with_watch(self) -> str | None:
        """Return the reason why `--watch` cannot be used: what is printed once cannot repeat."""
        if self.watch is None or self.output_format not in {"json", "csv"}:
            return None
        what = "one document" if self.output_format == "json" else "one table"
        option = f"--{self.output_format}"
        return f"{option} prints {what}, but --watch repeats: pass --jsonl, or no --watch"


class Parser(argparse.ArgumentParser):
    """Reports a wrong argument in two lines: what is wrong with a suggestion, where the help is."""

    words: Sequence[str] = ()
    """What is parsed, for a message about a word that is missing."""

    def error(self, message: str) -> NoReturn:
        """Print the message and exit with code 2."""
        found = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        hint = suggestion(found[1], re.findall(r"[\w-]+", found[2])) if found else ""
        if "arguments are required" in message:
            hint = self._hint_at_dash()
        self.exit(
            ExitCode.USAGE, f"{self.prog}: {message}{hint}\nSee {self.prog} --help for usage.\n"
        )

    def _hint_at_dash(self) -> str:
        known = self.options()
        for word in self.words:
            if len(word) > 1 and word.startswith("-") and word.partition("=")[0] not in known:
                return f"; {word!r} is not an option: a value that begins with '-' comes after --"
        return ""

    def options(self) -> list[str]:
        """Return the names of the options."""
        actions = self._actions  # argparse has no public list of options
        return [name for action in actions for name in action.option_strings]

    def check_words(self, dest: str, words: Sequence[str]) -> list[object]:
        """Check more words of a positional argument that takes several, as the parser would."""
        (action,) = [each for each in self._actions if each.dest == dest]
        try:
            return [action.type(word) if callable(action.type) else word for word in words]
        except argparse.ArgumentTypeError as error:
            self.error(f"argument {action.metavar}: {error}")


def suggestion(word: str, candidates: Iterable[str]) -> str:
    """Return `; did you mean 'x'?`, or nothing if no candidate is close to the word."""
    # A lazy import: only a wrong word needs it.
    from fivetran_async._services import nearest  # noqa: PLC0415

    near = nearest(word, candidates)
    return f"; did you mean {near!r}?" if near else ""


def no_arguments(_: Parser) -> None:
    """Add no arguments."""


@attrs.frozen(kw_only=True)
class CommandSpec:
    """
    A command, as far as the parser and the help need it.

    Attributes:
        name: Its name; a second word makes it an action of the first.
        help: One line about it.
        run: `module:function` in this package, imported when the command runs: an
            `async def function(context: Context, options: ...) -> ExitCode`.
        options: The class of its options; its fields are the names of the arguments.
        arguments: Adds its own arguments to its parser.
        output: `rows` takes all options of output, `values` all but `--sort`, `document` only
            `--json`, `text` none.
        session: True if a session with the account is open while it runs.
        watch: True if it takes `--watch`.
        words: The positional argument that takes several words, also between and after options.
        prepare: Turns the parsed arguments into the fields of its options, if they differ.
    """

    name: str
    help: str
    run: str
    options: type[CommandOptions] = CommandOptions
    arguments: Callable[[Parser], None] = no_arguments
    output: Literal["rows", "values", "document", "text"] = "rows"
    session: bool = True
    watch: bool = False
    words: str = ""
    prepare: Callable[[dict[str, object]], dict[str, object]] = dict


UTC_HELP: Final = "print times in UTC, not local times"
_JSON: Final = ("json", "print one JSON document")
_FORMATS: Final = {
    "json": _JSON[1],
    "jsonl": "print one JSON document per line, as results arrive",
    "csv": "print comma-separated values, times in UTC",
}


def add_common(parser: Parser, spec: CommandSpec) -> None:
    """Add the options of output, and `--profile`, to the parser of a command."""
    group = parser.add_argument_group("output")
    if spec.output != "text":
        formats = group.add_mutually_exclusive_group()
        for name, help in [_JSON] if spec.output == "document" else _FORMATS.items():
            formats.add_argument(
                f"--{name}", action="store_const", const=name, dest="output_format", help=help
            )
    if spec.output in {"rows", "values"}:
        group.add_argument(
            "--columns",
            type=_names,
            action="extend",
            metavar="NAMES",
            help="columns to print, with commas between them: headings, or paths in the document"
            " such as status.sync_state",
        )
    if spec.output == "rows":
        group.add_argument(
            "--sort",
            type=_names,
            action="extend",
            metavar="NAMES",
            help="columns to sort by, with commas between them; --sort=-NAME reverses the order",
        )
    if spec.output in {"rows", "values"}:
        group.add_argument("--utc", action="store_true", help=UTC_HELP)
    if spec.watch:
        group.add_argument(
            "--watch",
            type=watch_seconds,
            nargs="?",
            const=30.0,
            metavar="SECONDS",
            help="repeat until Ctrl-C, every 30 seconds by default",
        )
    group.add_argument("--profile", type=word("profile"), help="an account of profiles.toml")


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(name.removeprefix("-") for name in names):
        raise argparse.ArgumentTypeError(f"must be names with commas between them, not {text!r}")
    return names


def word(name: str) -> Callable[[str], str]:
    """Return a type of argparse: a text that is not empty."""

    def check(text: str) -> str:
        if not text.strip():
            article = "an" if name[0] in "aeioAEIO" else "a"
            raise argparse.ArgumentTypeError(f"{article} {name} must not be empty")
        return text

    return check


def single_id(text: str) -> str:
    """Check the id of a command that takes one: `-` reads ids for those that take several."""
    if text == "-":
        raise argparse.ArgumentTypeError("'-' is not an ID: this command takes one, not stdin")
    return word("ID")(text)


def seconds(text: str) -> float:
    """Parse a positive number of seconds."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"must be a positive number of seconds, not {text!r}")
    return number


def watch_seconds(text: str) -> float:
    """Parse the interval of `--watch`, at least one second: the account has quotas."""
    number = seconds(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1 second, not {text!r}")
    return number


def tuples(given: Mapping[str, object]) -> dict[str, object]:
    """Turn the lists of argparse into tuples, and leave absent options to their defaults."""
    found: dict[str, object] = {}
    for name, value in given.items():
        if isinstance(value, Sequence) and not isinstance(value, str):
            found[name] = tuple(cast("Sequence[object]", value))
        elif value is not None:
            found[name] = value
    return found
