"""
Sixty deliberate mistakes, and the messages that they get: `python tests/cli/mistakes.py`.

Each message must name the wrong value and the remedy, and no mistake may end with exit code 0.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Coroutine, Generator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

import attrs

from fivetran_async import AsyncFivetran, FivetranError
from fivetran_async.cli import main
from fivetran_async.testing import FakeFivetran

Call: TypeAlias = Callable[[AsyncFivetran], Coroutine[Any, Any, object]]
Nothing: Final[Mapping[str, str]] = {}

NO_KEY = {"FIVETRAN_API_KEY": "", "FIVETRAN_API_SECRET": ""}
PROFILES = """
[profiles.production]
account_id = "another_account"
api_key = "env:FIVETRAN_API_KEY"
api_secret = "env:FIVETRAN_API_SECRET"
[profiles.secret]
account_id = "a"
api_key = "hunter2"
api_secret = "hunter2"
[profiles.unpinned]
api_key = "env:FIVETRAN_API_KEY"
api_secret = "env:FIVETRAN_API_SECRET"
[profiles.unset]
account_id = "a"
api_key = "env:NOT_SET_ANYWHERE"
api_secret = "env:FIVETRAN_API_SECRET"
"""
FILES: Final = {
    "profiles.toml": PROFILES,
    "typo.json": json.dumps({"service": "postgres", "config": {"hots": "db"}}),
    "broken.json": "{",
    "nameless.json": json.dumps({"config": {}}),
    "service.json": json.dumps({"service": "postgress", "config": {}}),
}


@attrs.frozen(eq=False)
class Mistake:
    """
    A command or a call that is wrong.

    Attributes:
        done: The words of a command, with `{folder}` for the folder of `FILES`; or a call.
        value: What the message must name: the wrong value.
        remedy: What the message must contain: what to write or do instead.
        stdin: What is piped into the command.
        environment: Variables to set; an empty value removes one.
    """

    done: str | Call
    value: str
    remedy: str
    stdin: str = ""
    environment: Mapping[str, str] = Nothing

    def __str__(self) -> str:
        return self.done if isinstance(self.done, str) else f"call for {self.value}"


MISTAKES: Final = (
    Mistake("conections", "'conections'", "did you mean 'connections'?"),
    Mistake("connections --stat broken", "--stat", "did you mean '--state'?"),
    Mistake("connections --state brokne", "'brokne'", "did you mean 'broken'?"),
    Mistake("connections --state sleeping", "'sleeping'", "States are paused, broken"),
    Mistake("connections --state broken,paused", "'broken,paused'", "States are paused, broken"),
    Mistake("connections --group Warehouse", "'Warehouse'", "use --group group_one"),
    Mistake("connections --group group_oen", "'group_oen'", "did you mean 'group_one'?"),
    Mistake("connections --group xyz", "'xyz'", "`fivetran-async groups` lists the ids"),
    Mistake("connections --service postgress", "'postgress'", "did you mean 'postgres'?"),
    Mistake("connections --service nonsense", "'nonsense'", "lists them"),
    Mistake("connections --columns id,stat", "'stat'", "did you mean 'state'?"),
    Mistake("connections --columns id,,state", "'id,,state'", "names with commas"),
    Mistake("connections --sort skhema", "'skhema'", "did you mean 'schema'?"),
    Mistake("connections --watch soon", "'soon'", "a positive number of seconds"),
    Mistake("connections --watch 0.1", "'0.1'", "at least 1 second"),
    Mistake("connections --json --csv", "--csv", "not allowed with argument --json"),
    Mistake("connections broken", "'broken'", "did you mean '--state broken'?"),
    Mistake("connections --profile prod", "'prod'", "Its profiles are: production"),
    Mistake("connections --profile secret", "api_key", "env:NAME, file:PATH or cmd:COMMAND"),
    Mistake("connections --profile unset", "'NOT_SET_ANYWHERE'", "is not set"),
    Mistake("pause one --profile unpinned", "'unpinned'", "account_id"),
    Mistake("pause one --profile production", "'another_account'", "correct account_id"),
    Mistake("overview", "No API key", "set FIVETRAN_API_KEY", environment=NO_KEY),
    Mistake(
        "overview",
        "FIVETRAN_APIKEY",
        "reads FIVETRAN_API_KEY",
        environment=NO_KEY | {"FIVETRAN_APIKEY": "k", "FIVETRAN_APISECRET": "s"},
    ),
    Mistake(
        "overview",
        "401",
        "Check FIVETRAN_API_KEY and FIVETRAN_API_SECRET",
        environment={"FIVETRAN_API_SECRET": "wrong"},
    ),
    Mistake("clone blue blue", "'blue'", "name another group"),
    Mistake("plan {folder}/typo.json", "typo.json'", "there is no folder"),
    Mistake("apply nowhere.json", "'nowhere.json'", "no saved plan"),
    Mistake(
        "overview",
        "'api.fivetran.com'",
        "https://api.fivetran.com",
        environment={"FIVETRAN_BASE_URL": "api.fivetran.com"},
    ),
    Mistake(
        "overview",
        "http://fivetran.example",
        "use https",
        environment={"FIVETRAN_BASE_URL": "http://fivetran.example"},
    ),
    Mistake("sync", "no connection is selected", "ID, - to read ids from stdin"),
    Mistake("sync missing", "/v1/connections/missing", "`fivetran-async connections`"),
    Mistake("sync one --timeout 5", "--timeout", "requires --wait"),
    Mistake("sync one --wait --timeout 0", "'0'", "a positive number of seconds"),
    Mistake("pause one --group group_one", "ids or the filters", "not both"),
    Mistake("pause --state syncin", "'syncin'", "did you mean 'syncing'?"),
    Mistake("pause --group group_one", "2 connections", "pass --yes"),
    Mistake("pause -", "stdin has no ids", "one id per line"),
    Mistake("pause - --yes", '{"schema": "x"}', "without an id", stdin='{"schema": "x"}'),
    Mistake("pause ..", "'..'", "must not be"),
    Mistake("set one", "no change is given", "FIELD=VALUE"),
    Mistake("set one sync_frequenzy=60", "'sync_frequenzy'", "did you mean 'sync_frequency'?"),
    Mistake("set one schema=other", "schema", "set by the server"),
    Mistake("set one sync_frequency=hourly --yes", "'hourly'", "a number of minutes"),
    Mistake("show one two", "'two'", "See fivetran-async show --help"),
    Mistake("history one --since 200", "'200'", "168 at most"),
    Mistake("schema show two", "'two'", "Sync the connection first"),
    Mistake("schema hash one emial", "'emial'", "did you mean 'email'?"),
    Mistake("schema hash one email", "columns of one", "pass --yes"),
    Mistake("schema", "ACTION", "See fivetran-async schema --help"),
    Mistake("request DELETE /v1/groups/x", "'DELETE'", "GET, the only verb"),
    Mistake("request GET groups", "'groups'", "begins with /v1/"),
    Mistake("request GET /v1/groups --query limit", "'limit'", "NAME=VALUE"),
    Mistake("request GET /v1/groups/group_one --all", "/v1/groups/group_one", "without --all"),
    Mistake("config show postgress", "'postgress'", "did you mean 'postgres'?"),
    Mistake("config check {folder}/typo.json", "config.hots", "did you mean 'host'?"),
    Mistake("config check {folder}/broken.json", "broken.json", "is not JSON"),
    Mistake("config check {folder}/nameless.json", "nameless.json", "pass --service"),
    Mistake("config check {folder}/service.json", "'postgress'", "did you mean 'postgres'?"),
    Mistake("config check {folder}/nowhere.json", "nowhere.json", "No such file"),
    Mistake("completion tcsh", "'tcsh'", "'bash', 'zsh', 'fish'"),
    Mistake(lambda f: f.connections.delete("one"), "connections.delete", "pass confirm=True"),
    Mistake(lambda f: f.groups.get(cast("str", 5)), "group_id", "must be a str, not int"),
    Mistake(lambda f: f.connections.set_sync_frequency("one", 7), "7", "must be one of"),
    Mistake(lambda f: f.connections.get(""), "connection_id", "must not be ''"),
    Mistake(lambda f: f.connections.resync("one"), "connections.resync", "pass confirm=True"),
    Mistake(lambda f: f.groups.list(limit=5000).collect(), "5000", "1000"),
)


def account(fake: FakeFivetran) -> None:
    """Fill the account that the mistakes are made on."""
    fake.add_group(id="group_one", name="Warehouse")
    fake.add_connection(
        id="one", group_id="group_one", service="postgres", succeeded_at=fake.clock.stamp()
    )
    fake.add_connection(id="two", service="mysql")


@contextlib.contextmanager
def _surroundings(changes: Mapping[str, str], stdin: str) -> Generator[tuple[io.StringIO, ...]]:
    before, typed = dict(os.environ), sys.stdin
    os.environ.update(changes)
    for name, value in changes.items():
        if not value:
            del os.environ[name]
    sys.stdin = io.StringIO(stdin)
    printed = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(printed[0]), contextlib.redirect_stderr(printed[1]):
            yield printed
    finally:
        sys.stdin = typed
        os.environ.clear()
        os.environ.update(before)


async def make(mistake: Mistake, fake: FakeFivetran, folder: Path) -> tuple[int, str]:
    """Make a mistake; return the exit code, 1 for an exception, and what was printed."""
    if not isinstance(mistake.done, str):
        async with fake.client(rate_limits=None) as fivetran:
            try:
                await mistake.done(fivetran)
            except FivetranError as error:
                return 1, str(error)
        return 0, ""
    words = mistake.done.replace("{folder}", str(folder / "fivetran-async")).split()
    ours = {
        "FIVETRAN_API_KEY": fake.api_key,
        "FIVETRAN_API_SECRET": fake.api_secret,
        "FIVETRAN_BASE_URL": fake.url,
        "XDG_CONFIG_HOME": str(folder),
    }
    with _surroundings(ours | dict(mistake.environment), mistake.stdin) as (output, errors):
        code = await asyncio.to_thread(main, words)
    return code, errors.getvalue() + output.getvalue()


async def make_all() -> Mapping[Mistake, tuple[int, str]]:
    """Make every mistake on an account of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "fivetran-async").mkdir()
        for file, text in FILES.items():
            (folder / "fivetran-async" / file).write_text(text)
        async with FakeFivetran(running=False) as fake:
            account(fake)
            return {each: await make(each, fake, folder) for each in MISTAKES}


def run() -> int:
    """Print each mistake with its exit code and message; return 1 if one has no message."""
    silent = 0
    for mistake, (code, message) in asyncio.run(make_all()).items():
        silent += code == 0
        shown = "\n     ".join(message.strip().splitlines())
        sys.stdout.write(f"{mistake}\n  {code}: {shown}\n")
        if mistake.value not in message or mistake.remedy not in message:
            sys.stdout.write(f"  MISSING {mistake.value} / {mistake.remedy}\n")
    sys.stdout.write(f"{len(MISTAKES)} mistakes, {silent} with exit code 0\n")
    return int(silent > 0)


if __name__ == "__main__":
    sys.exit(run())
