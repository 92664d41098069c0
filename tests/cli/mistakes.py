"""
More than a hundred deliberate mistakes, and their messages: `python tests/cli/mistakes.py`.

Each message must name the wrong value and the remedy, no mistake may end with exit code 0, and one
that can be seen in the arguments must send no request.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import shlex
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
[profiles.reader]
account_id = "a"
api_key = "env:FIVETRAN_API_KEY"
api_secret = "env:FIVETRAN_API_SECRET"
read_only = true
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
        reads: True if only the account shows that it is a mistake, so that requests may read it.
    """

    done: str | Call
    value: str
    remedy: str
    stdin: str = ""
    environment: Mapping[str, str] = Nothing
    reads: bool = False

    def __str__(self) -> str:
        return self.done if isinstance(self.done, str) else f"call for {self.value}"


MISTAKES: Final = (
    Mistake("conections", "'conections'", "did you mean 'connections'?"),
    Mistake("connections --stat broken", "--stat", "did you mean '--state'?"),
    Mistake("connections --state brokne", "'brokne'", "did you mean 'broken'?"),
    Mistake("connections --state sleeping", "'sleeping'", "States are paused, broken", reads=True),
    Mistake(
        "connections --state broken,paused",
        "'broken,paused'",
        "States are paused, broken",
        reads=True,
    ),
    Mistake("connections --group Warehouse", "'Warehouse'", "use --group group_one", reads=True),
    Mistake(
        "connections --group group_oen", "'group_oen'", "did you mean 'group_one'?", reads=True
    ),
    Mistake(
        "connections --group xyz", "'xyz'", "`fivetran-async groups` lists the ids", reads=True
    ),
    Mistake(
        "connections --service postgress", "'postgress'", "did you mean 'postgres'?", reads=True
    ),
    Mistake("connections --service nonsense", "'nonsense'", "lists them", reads=True),
    Mistake("connections --columns id,stat", "'stat'", "did you mean 'state'?", reads=True),
    Mistake("connections --columns id,,state", "'id,,state'", "names with commas"),
    Mistake("connections --sort skhema", "'skhema'", "did you mean 'schema'?", reads=True),
    Mistake("connections --watch soon", "'soon'", "a positive number of seconds"),
    Mistake("connections --watch 0.1", "'0.1'", "at least 1 second"),
    Mistake("connections --json --csv", "--csv", "not allowed with argument --json"),
    Mistake("connections broken", "'broken'", "did you mean '--state broken'?"),
    Mistake("connections --profile prod", "'prod'", "Its profiles are: production"),
    Mistake("connections --profile secret", "api_key", "env:NAME, file:PATH or cmd:COMMAND"),
    Mistake("connections --profile unset", "'NOT_SET_ANYWHERE'", "is not set"),
    Mistake("pause one --profile reader", "one", "The profile has read_only = true", reads=True),
    Mistake("pause one --profile unpinned", "'unpinned'", "account_id"),
    Mistake(
        "pause one --profile production", "'another_account'", "correct account_id", reads=True
    ),
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
        reads=True,
    ),
    Mistake("request GET /v1/groups?limit=5", "'/v1/groups?limit=5'", "--query NAME=VALUE"),
    Mistake("request GET /v1/groups --query limit=5 --query limit=6", "'limit'", "each name once"),
    Mistake("clone blue blue", "'blue'", "name another group"),
    Mistake("plan {folder}/typo.json", "typo.json' is a file", "name the folder"),
    Mistake("apply nowhere.json", "'nowhere.json' was not found", "a saved plan"),
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
    Mistake("sync missing", "/v1/connections/missing", "`fivetran-async connections`", reads=True),
    Mistake("sync one --timeout 5", "--timeout", "requires --wait"),
    Mistake("sync one --wait --timeout 0", "'0'", "a positive number of seconds"),
    Mistake("pause one --group group_one", "ids or the filters", "not both"),
    Mistake("pause --state syncin", "'syncin'", "did you mean 'syncing'?"),
    Mistake("pause --group group_one", "2 connections", "pass --yes", reads=True),
    Mistake("pause -", "stdin has no ids", "one id per line"),
    Mistake("pause - --yes", '{"schema": "x"}', "without an id", stdin='{"schema": "x"}'),
    Mistake("pause ..", "'..'", "must not be"),
    Mistake("set one", "no change is given", "FIELD=VALUE"),
    Mistake("set one sync_frequenzy=60", "'sync_frequenzy'", "did you mean 'sync_frequency'?"),
    Mistake("set one schema=other", "schema", "set by the server"),
    Mistake("set one sync_frequency=hourly --yes", "'hourly'", "a number of minutes"),
    Mistake("show one two", "'two'", "See fivetran-async show --help"),
    Mistake("history one --since 200", "'200'", "168 at most"),
    Mistake("schema show two", "'two'", "Sync the connection first", reads=True),
    Mistake("schema hash one emial", "'emial'", "did you mean 'email'?", reads=True),
    Mistake("schema hash one email", "columns of one", "pass --yes", reads=True),
    Mistake("schema", "ACTION", "See fivetran-async schema --help"),
    Mistake("request DELETE /v1/groups/x", "'DELETE'", "GET, the only verb"),
    Mistake("request GET groups", "'groups'", "begins with /v1/"),
    Mistake("request GET /v1/groups --query limit", "'limit'", "NAME=VALUE"),
    Mistake(
        "request GET /v1/groups/group_one --all",
        "/v1/groups/group_one",
        "without --all",
        reads=True,
    ),
    Mistake("config show postgress", "'postgress'", "did you mean 'postgres'?", reads=True),
    Mistake("config check {folder}/typo.json", "config.hots", "did you mean 'host'?"),
    Mistake("config check {folder}/broken.json", "broken.json", "is not JSON"),
    Mistake("config check {folder}/nameless.json", "nameless.json", "pass --service"),
    Mistake("config check {folder}/service.json", "'postgress'", "did you mean 'postgres'?"),
    Mistake("config check {folder}/nowhere.json", "nowhere.json", "No such file"),
    Mistake("completion tcsh", "'tcsh'", "See fivetran-async completion --help"),
    Mistake(lambda f: f.connections.delete("one"), "connections.delete", "pass confirm=True"),
    Mistake(lambda f: f.groups.get(cast("str", 5)), "group_id", "must be a str, not int"),
    Mistake(
        lambda f: f.connections.set_sync_frequency("one", 7), "7", "must be one of", reads=True
    ),
    Mistake(lambda f: f.connections.get(""), "connection_id", "must not be ''"),
    Mistake(lambda f: f.connections.resync("one"), "connections.resync", "pass confirm=True"),
    Mistake(lambda f: f.groups.list(limit=5000).collect(), "5000", "1000"),
    # Ids and filters.
    Mistake("pause - --yes", "'schema'", "--columns id", stdin="schema,id\nx,one\n"),
    Mistake("pause - --yes", "'finding'", "--columns connection", stdin="finding  connection\n"),
    Mistake("pause - --yes", '"one"', "without an id", stdin='["one"]'),
    Mistake("pause - --yes", "stdin has no ids", "one id per line", stdin="# only a comment\n"),
    Mistake("pause - --yes", "line 1 of stdin", "is not JSON", stdin='{"id": "one"'),
    Mistake("pause - --yes", "'one two'", "one id per line", stdin="one two\n"),
    Mistake("pause - --yes", "'one,two'", "one id per line", stdin="one,two\n"),
    Mistake("pause - one --yes", "stdin", "not both"),
    Mistake("test - one", "stdin", "not both"),
    Mistake("errors - one", "stdin", "not both"),
    Mistake("show -", "'-'", "this command takes one"),
    Mistake("schema diff one -", "'-'", "this command takes one"),
    Mistake("why -", "'-'", "this command takes one"),
    Mistake("test -", "stdin has no ids", "one id per line"),
    Mistake("pause one --dry-run --yes", "--yes", "not allowed with argument --dry-run"),
    Mistake("pause one --columns id,nope", "'nope'", "Columns are id, schema, result"),
    Mistake("pause one --yes --columns id,scema", "'scema'", "did you mean 'schema'?"),
    Mistake("resume one --sort skhema", "'skhema'", "did you mean 'schema'?"),
    Mistake("sync one --columns outcome", "'outcome'", "Columns are connection, response"),
    Mistake("sync one --wait --columns reasn", "'reasn'", "did you mean 'reason'?"),
    Mistake("pause --group group_one --state", "--state", "expected one argument"),
    Mistake("pause --group --yes", "--group", "expected one argument"),
    Mistake("show -one", "'-one'", "comes after --"),
    Mistake("show one --columns stat", "'stat'", "did you mean 'state'?", reads=True),
    Mistake("show one --sort state", "'--sort'", "See fivetran-async show --help"),
    Mistake("connections --group group_one --group xyz", "'xyz'", "lists the ids", reads=True),
    Mistake("destinations --group Warehouse", "'Warehouse'", "use --group group_one", reads=True),
    Mistake("users --group xyz", "'xyz'", "`fivetran-async groups` lists the ids", reads=True),
    Mistake("errors --group Warehouse", "'Warehouse'", "use --group group_one", reads=True),
    Mistake("errors one --state broken", "ids or the filters", "not both"),
    Mistake("errors missing", "'missing'", "`fivetran-async connections`", reads=True),
    Mistake("pause one/two", "'one/two'", "`fivetran-async connections`", reads=True),
    Mistake("connections ''", "''", "See fivetran-async connections --help"),
    Mistake("pause ''", "ID", "must not be empty"),
    Mistake("connections --state ''", "--state", "must not be empty"),
    # Output.
    Mistake("export {folder}/out --columns nope", "'nope'", "Columns are kind, objects"),
    Mistake("connections --columns status.snc_state", "snc_state'", "did you mean", reads=True),
    Mistake("health --columns findng", "'findng'", "did you mean 'finding'?", reads=True),
    Mistake("history one --sort durtion", "'durtion'", "did you mean 'duration'?", reads=True),
    Mistake("errors one --columns nope", "'nope'", "Columns are connection, schema", reads=True),
    Mistake("connections --watch --json", "--json", "pass --jsonl"),
    Mistake("overview --watch 5 --csv", "--csv", "pass --jsonl"),
    Mistake("connections --sort=-", "'-'", "names with commas"),
    Mistake("--json connections", "'--json'", "comes after the command"),
    Mistake("--profile production connections", "'--profile'", "comes after the command"),
    Mistake("--nonsense", "'--nonsense'", "See fivetran-async --help"),
    Mistake("schema --json show one", "--json", "comes after `schema show`"),
    Mistake("overview --state broken", "'--state'", "See fivetran-async overview --help"),
    Mistake("exporter --json", "'--json'", "See fivetran-async exporter --help"),
    # Times.
    Mistake("history one --since 2026-01-01", "'2026-01-01'", "a number of hours"),
    Mistake("history one --interval 5", "--interval", "requires --follow"),
    Mistake("history one --follow --json", "--json", "pass --jsonl"),
    Mistake("history one --follow --sort start", "--sort", "never ends"),
    Mistake("sync one --wait --timeout inf", "'inf'", "a positive number of seconds"),
    Mistake("health --stale yesterday", "'yesterday'", "24h, 90m or 2d"),
    Mistake("health --fail-on brokn", "'brokn'", "did you mean 'broken'?"),
    Mistake("exporter --interval 1", "1", "at least 10 seconds"),
    Mistake("exporter --host 192.0.2.1", "192.0.2.1:9400", "another --host"),
    # Single connections, and destinations.
    Mistake("test", "nothing is selected", "--destination ID"),
    Mistake("test one --destination group_one", "--destination", "not both"),
    Mistake("test group_one", "'group_one'", "`fivetran-async connections`", reads=True),
    Mistake("test --destination nope", "'nope'", "`fivetran-async destinations`", reads=True),
    Mistake("test one --columns nme", "'nme'", "Columns are connection, test"),
    Mistake("schema diff one one", "'one'", "two connections"),
    Mistake("schema shwo one", "'shwo'", "did you mean 'show'?"),
    Mistake("request GET PATH", "'PATH'", "such as /v1/groups"),
    Mistake("request GET /v1//groups", "'/v1//groups'", "a path is like /v1/groups"),
    Mistake("request GET /v1/groups/../users", "'/v1/groups/../users'", "a path is like"),
    Mistake("request GET /v1/nonsense", "/v1/nonsense", "has no such path", reads=True),
    # Changes of fields.
    Mistake("set one email=ann@example.com", "'email'", "not a field of connections"),
    Mistake("set one config=5", "'5'", "config.FIELD=VALUE"),
    Mistake("set one config.hots=db", "config.hots", "did you mean 'host'?", reads=True),
    Mistake("set one sync_frequency=60 sync_frequency=30", "'sync_frequency'", "give it once"),
    Mistake("set one paused=maybe", "'maybe'", "true or false"),
    Mistake("set missing paused=true --yes", "'missing'", "`fivetran-async connec", reads=True),
    Mistake("set one daily_sync_time=25:00 --yes", "daily_sync_time", "1440", reads=True),
    Mistake("set one group=Elsewhere --yes", "'Elsewhere'", "lists the names", reads=True),
    Mistake("set one group=Warehose --yes", "'Warehose'", "did you mean 'Warehouse'?", reads=True),
    Mistake("set two group_id=group_one --yes", "'group_one'", "group=Warehouse", reads=True),
    Mistake("set two group=Lake --yes", "group_id", "--moves CONTINUE", reads=True),
    Mistake("set two group=Lake --moves NOW", "'NOW'", "'CONTINUE', 'BACKFILL'"),
    Mistake("set one --yes paused=true --dry-run", "--dry-run", "not allowed with argument --yes"),
    # Files.
    Mistake("export {folder}/typo.json", "typo.json'", "name a folder"),
    Mistake("export {folder}/out --kind conections", "'conections'", "did you mean 'connections'?"),
    Mistake("export --terraform --force", "--force", "requires DIR"),
    Mistake("plan nowhere", "'nowhere'", "`fivetran-async export nowhere`"),
    Mistake("plan {folder} --out {folder}", "--out", "name a file for the plan"),
    Mistake("plan {folder}", "fivetran-async", "pass --no-base"),
    Mistake("apply {folder}/broken.json", "broken.json", "plan DIR -o FILE"),
    Mistake("apply {folder}/typo.json --prune", "typo.json", "--prune requires a folder"),
    Mistake("rehearse {folder}/typo.json", "is not a saved plan", "plan DIR -o FILE"),
    Mistake("drift nowhere", "'nowhere'", "`fivetran-async export nowhere`"),
    Mistake("drift {folder}/typo.json", "typo.json'", "`fivetran-async export`"),
    Mistake("undo nowhere", "'nowhere'", "pass the path of a journal"),
    Mistake("undo {folder}", "is a folder", "pass the path of a journal"),
    Mistake("undo {folder}/typo.json", "typo.json", "is not a journal"),
    Mistake("check nowhere", "the folder 'nowhere' was not found", "export nowhere` writes one"),
    Mistake("check {folder}/typo.json", "typo.json' is a file", "name the folder that"),
    Mistake("check {folder}", "has no objects", "`fivetran-async export"),
    Mistake("clone group_one new", "'group_one'", "use 'Warehouse'", reads=True),
    Mistake("clone Warehose new", "'Warehose'", "did you mean 'Warehouse'?", reads=True),
    Mistake("config check {folder}", "fivetran-async", "Is a directory"),
    Mistake("config check -", "stdin has no configs", "its list is empty", stdin="[]"),
    Mistake("config check -", "stdin", "is not JSON", stdin="[" * 100_000),
    Mistake("config show nope", "'nope'", "`fivetran-async request", reads=True),
    Mistake("config template nope", "'nope'", "`fivetran-async request"),
    Mistake("config show", "SERVICE", "See fivetran-async config show --help"),
    # The environment.
    Mistake("overview", "'nope'", "Its profiles are", environment={"FIVETRAN_PROFILE": "nope"}),
    Mistake(
        "overview",
        "FIVETRAN_API_SECRET is not set",
        "or name a profile with --profile",
        environment={"FIVETRAN_API_SECRET": ""},
    ),
    Mistake(
        "overview", "FIVETRAN_API_KEY", "printable ASCII", environment={"FIVETRAN_API_KEY": "ké"}
    ),
    Mistake(
        "overview",
        "FIVETRAN_API_KEY must not contain ':'",
        "as FIVETRAN_API_SECRET",
        environment={"FIVETRAN_API_KEY": "key:secret"},
    ),
    Mistake(
        "overview",
        "profiles.toml cannot be read",
        "[profiles.NAME]",
        environment={"XDG_CONFIG_HOME": "/proc/nowhere", "FIVETRAN_PROFILE": "production"},
    ),
)


def account(fake: FakeFivetran) -> None:
    """Fill the account that the mistakes are made on."""
    fake.add_group(id="group_one", name="Warehouse")
    fake.add_group(id="lake", name="Lake")
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


@attrs.frozen
class Made:
    """
    What came of a mistake.

    Attributes:
        code: The exit code; 1 for an exception.
        message: What was printed.
        requests: The requests that were sent, as verb and path.
    """

    code: int
    message: str
    requests: list[str]


async def make(mistake: Mistake, fake: FakeFivetran, folder: Path) -> Made:
    """Make a mistake, and collect what came of it."""
    before = len(fake.requests)
    code, message = await _done(mistake, fake, folder)
    sent = [f"{each.verb} {each.path}" for each in fake.requests[before:]]
    return Made(code, message, sent)


async def _done(mistake: Mistake, fake: FakeFivetran, folder: Path) -> tuple[int, str]:
    if not isinstance(mistake.done, str):
        async with fake.client(rate_limits=None) as fivetran:
            try:
                await mistake.done(fivetran)
            except FivetranError as error:
                return 1, str(error)
        return 0, ""
    words = shlex.split(mistake.done.replace("{folder}", str(folder / "fivetran-async")))
    ours = {
        "FIVETRAN_API_KEY": fake.api_key,
        "FIVETRAN_API_SECRET": fake.api_secret,
        "FIVETRAN_BASE_URL": fake.url,
        "XDG_CONFIG_HOME": str(folder),
    }
    with _surroundings(ours | dict(mistake.environment), mistake.stdin) as (output, errors):
        code = await asyncio.to_thread(main, words)
    return code, errors.getvalue() + output.getvalue()


async def make_all() -> Mapping[Mistake, Made]:
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
    for mistake, made in asyncio.run(make_all()).items():
        silent += made.code == 0
        shown = "\n     ".join(made.message.strip().splitlines())
        sys.stdout.write(f"{mistake}\n  {made.code}: {shown}\n")
        if mistake.value not in made.message or mistake.remedy not in made.message:
            sys.stdout.write(f"  MISSING {mistake.value} / {mistake.remedy}\n")
        if made.requests and not mistake.reads:
            sys.stdout.write(f"  SENT {made.requests}\n")
    sys.stdout.write(f"{len(MISTAKES)} mistakes, {silent} with exit code 0\n")
    return int(silent > 0)


if __name__ == "__main__":
    sys.exit(run())
