"""The commands about the account, configs and this program, as the parser knows them."""

from __future__ import annotations

import argparse
from typing import Final

import attrs

from fivetran_async.cli._options import CommandOptions, CommandSpec, Parser, word


@attrs.frozen(kw_only=True)
class GroupOptions(CommandOptions):
    """
    Options of lists that can be limited to groups.

    Attributes:
        group: Only objects of the groups with these ids.
    """

    group: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class RequestOptions(CommandOptions):
    """
    Options of `request`.

    Attributes:
        verb: The HTTP verb, always GET.
        path: The path, from `/v1` on.
        query: Parameters of the query, as `NAME=VALUE`.
        all_pages: Read all pages of a list.
    """

    verb: str = "GET"
    path: str = ""
    query: tuple[str, ...] = ()
    all_pages: bool = False


@attrs.frozen(kw_only=True)
class ConfigOptions(CommandOptions):
    """
    Options of the commands about configs.

    Attributes:
        service: The service; for `check`, of files that name none.
        files: The files with the configs to check.
        creating: Also report missing fields that a creation requires.
        live: Check by live metadata.
    """

    service: str | None = None
    files: tuple[str, ...] = ()
    creating: bool = False
    live: bool = False


@attrs.frozen(kw_only=True)
class CompletionOptions(CommandOptions):
    """
    Options of `completion`.

    Attributes:
        shell: The name of the shell.
    """

    shell: str = ""


def _completion(parser: Parser) -> None:
    parser.add_argument(
        "shell",
        choices=("bash", "zsh", "fish"),
        metavar="SHELL",
        help="bash, zsh or fish; the guide of the command line has the line for its profile",
    )


def _group(parser: Parser) -> None:
    parser.add_argument(
        "--group",
        type=word("ID"),
        action="append",
        metavar="ID",
        help="only those of this group; repeat it for several",
    )


def _request(parser: Parser) -> None:
    parser.add_argument("verb", type=_verb, metavar="GET", help="the verb: only GET is sent")
    parser.add_argument("path", type=_path, metavar="PATH", help="the path, such as /v1/groups")
    parser.add_argument(
        "--query",
        type=_parameter,
        action="append",
        metavar="NAME=VALUE",
        help="a parameter of the query; repeat it for several",
    )
    parser.add_argument(
        "--all", action="store_true", dest="all_pages", help="read all pages of a list"
    )


def _verb(text: str) -> str:
    if text.upper() != "GET":
        raise argparse.ArgumentTypeError(
            f"{text!r} is not GET, the only verb that request sends: other verbs change the account"
        )
    return "GET"


def _path(text: str) -> str:
    if "?" in text or "#" in text:
        raise argparse.ArgumentTypeError(
            f"a path has no '?' and no '#': pass --query NAME=VALUE, not {text!r}"
        )
    if not text.startswith("/v1/"):
        raise argparse.ArgumentTypeError(
            f"a path begins with /v1/, such as /v1/groups, not {text!r}"
        )
    if not {"", ".", ".."}.isdisjoint(text.split("/")[1:]):
        raise argparse.ArgumentTypeError(
            f"{text!r} has an empty, '.' or '..' part; a path is like /v1/groups"
        )
    return text


def _parameter(text: str) -> str:
    name, equals, _ = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE, not {text!r}")
    return text


def _show_fields(parser: Parser) -> None:
    parser.add_argument(
        "service", type=word("service"), metavar="SERVICE", help="the service, such as postgres"
    )


def _check(parser: Parser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="one config, or a list of them")
    parser.add_argument(
        "--service", type=word("service"), help="the service of configs that name none"
    )
    parser.add_argument(
        "--creating", action="store_true", help="also report what a creation would lack"
    )
    parser.add_argument("--live", action="store_true", help="check by the API's live metadata")


ACCOUNT_COMMANDS: Final = (
    CommandSpec(
        name="overview",
        help="list groups with the number of connections in each state",
        run="_overview:overview",
        watch=True,
    ),
    CommandSpec(name="groups", help="list groups", run="_lists:groups"),
    CommandSpec(
        name="destinations",
        help="list destinations",
        run="_lists:destinations",
        options=GroupOptions,
        arguments=_group,
    ),
    CommandSpec(
        name="users",
        help="list the users of the account, or of groups",
        run="_lists:users",
        options=GroupOptions,
        arguments=_group,
    ),
    CommandSpec(
        name="webhooks",
        help="list webhooks",
        run="_lists:webhooks",
        options=GroupOptions,
        arguments=_group,
    ),
    CommandSpec(
        name="account",
        help="show which account, user or system key the credentials belong to",
        run="_lists:account_info",
        output="values",
    ),
    CommandSpec(
        name="limits",
        help="list the quotas of the account and what is left of them",
        run="_lists:limits",
        watch=True,
    ),
    CommandSpec(
        name="request",
        help="send a GET request to any path of the API, and print the data as JSON",
        run="_requests:request",
        options=RequestOptions,
        arguments=_request,
        output="document",
    ),
)

CONFIG_COMMANDS: Final = (
    CommandSpec(
        name="config show",
        help="list the fields of a service; with help texts if there are credentials",
        run="_config_commands:show_fields",
        options=ConfigOptions,
        arguments=_show_fields,
        session=False,
    ),
    CommandSpec(
        name="config check",
        help="check the configs in JSON files; - reads stdin",
        run="_config_commands:check_files",
        options=ConfigOptions,
        arguments=_check,
        words="files",
        session=False,
    ),
    CommandSpec(
        name="config template",
        help="print a config with every field, as JSON",
        run="_config_commands:print_template",
        options=ConfigOptions,
        arguments=_show_fields,
        output="document",
        session=False,
    ),
)

OWN_COMMANDS: Final = (
    CommandSpec(
        name="completion",
        help="print the script with which a shell completes this command",
        run="_completion:print_script",
        options=CompletionOptions,
        arguments=_completion,
        output="text",
        session=False,
    ),
)
