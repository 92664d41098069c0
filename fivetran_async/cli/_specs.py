"""The commands about the account, configs and this program, as the parser knows them."""

from __future__ import annotations

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


def _show_fields(parser: Parser) -> None:
    parser.add_argument("service", type=word("service"), help="the service, such as postgres")


def _check(parser: Parser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="one config, or a list of them")
    parser.add_argument("--service", type=word("service"), help="the service of nameless configs")
    parser.add_argument(
        "--creating", action="store_true", help="also require what a creation requires"
    )
    parser.add_argument("--live", action="store_true", help="check by the metadata of the API")


ACCOUNT_COMMANDS: Final = (
    CommandSpec(
        name="overview",
        help="list groups with the number of connections in each state",
        run="_overview:overview",
        watch=True,
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

OWN_COMMANDS: Final[tuple[CommandSpec, ...]] = ()
