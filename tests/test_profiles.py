"""Profiles: accounts by name, without secrets in the file, and a check before the first change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fivetran_async import (
    AsyncFivetran,
    InvalidArgumentError,
    MissingCredentialsError,
    PermissionDeniedError,
    ReadOnlyError,
    SessionClosedError,
    WrongAccountError,
)
from fivetran_async.cli import ExitCode, main
from fivetran_async.testing import FakeFivetran, Fault

ACCOUNT = "perpetual_account"
REFERENCES = 'api_key = "env:PROD_KEY"\napi_secret = "file:secret.txt"\n'
SECRET = "hunter2hunter2"


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeFivetran]:
    """An account without credentials in the environment, except for one that a profile names."""
    for name in ("API_KEY", "API_SECRET", "BASE_URL", "PROFILE"):
        monkeypatch.delenv(f"FIVETRAN_{name}", raising=False)
    async with FakeFivetran(running=False) as fake:
        fake.add_connection(id="conn_one")
        monkeypatch.setenv("PROD_KEY", fake.api_key)
        yield fake


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the user's profiles."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "fivetran-async"
    folder.mkdir()
    return folder


def write(folder: Path, fake: FakeFivetran, text: str) -> Path:
    """Write the file of profiles, and the file of the secret."""
    (folder / "secret.txt").write_text(f"{fake.api_secret}\n")
    file = folder / "profiles.toml"
    file.write_text(text.replace("URL", fake.url))
    return file


def production(account: str = ACCOUNT, more: str = "") -> str:
    """Return a file with one profile."""
    pin = f'account_id = "{account}"\nbase_url = "URL"\n'
    return f"[profiles.production]\n{REFERENCES}{pin}{more}"


async def test_a_profile_checks_the_account_once(fake: FakeFivetran, folder: Path) -> None:
    """Reads need no check; the first change sends one request for it, and later ones none."""
    write(folder, fake, production())
    async with AsyncFivetran.from_profile("production", rate_limits=None) as fivetran:
        await fivetran.connections.get("conn_one")
        await asyncio.gather(
            fivetran.connections.pause("conn_one"),
            fivetran.with_options(deadline=60).groups.create(name="Lake"),
        )
        await fivetran.connections.sync_and_wait("conn_one")
    operations = [request.operation for request in fake.requests]
    assert operations[:2] == ["connections.get", "account.get_info"]
    assert operations.count("account.get_info") == 1


async def test_changes_at_the_same_time_share_a_failed_check(
    fake: FakeFivetran, folder: Path
) -> None:
    """
    If the check fails, changes that wait for it fail with it: not each after a check of its own.

    Each has an error of its own, and the next change checks once more.
    """
    write(folder, fake, production())
    fake.latency = 0.05
    fake.fail("account.get_info", fault=Fault.status(403), times=1)
    async with AsyncFivetran.from_profile("production", rate_limits=None) as fivetran:
        pauses = (fivetran.connections.pause("conn_one") for _ in range(20))
        errors = await asyncio.gather(*pauses, return_exceptions=True)
        assert {type(error) for error in errors} == {PermissionDeniedError}
        assert len(set(map(id, errors))) == 20
        assert len(fake.requests) == 1
        await fivetran.connections.pause("conn_one")


async def test_closing_ends_the_wait_for_a_check(fake: FakeFivetran, folder: Path) -> None:
    """No change waits for the check of another one after its session was closed."""
    write(folder, fake, production())
    fake.latency = 0.2
    fivetran = AsyncFivetran.from_profile("production", rate_limits=None)
    pauses = [asyncio.ensure_future(fivetran.connections.pause("conn_one")) for _ in range(3)]
    await asyncio.sleep(0.05)
    await fivetran.aclose()
    errors = await asyncio.gather(*pauses, return_exceptions=True)
    assert {type(error) for error in errors} == {SessionClosedError}


async def test_changes_of_another_account_are_refused(fake: FakeFivetran, folder: Path) -> None:
    """No change is sent, neither by a method, a view, a wait nor a request by path."""
    write(folder, fake, production("another_account"))
    async with AsyncFivetran.from_profile("production", rate_limits=None) as fivetran:
        for change in (
            fivetran.connections.pause("conn_one"),
            fivetran.with_options(deadline=60).connections.pause("conn_one"),
            fivetran.connections.sync_and_wait("conn_one", timeout=60),
            fivetran.request("POST", "/v1/groups", body={"name": "x"}),
        ):
            with pytest.raises(WrongAccountError, match=r"'perpetual_account', but the profile"):
                await change
        await fivetran.connections.get("conn_one")
    assert {request.verb for request in fake.requests} == {"GET"}


async def test_read_only_profiles(fake: FakeFivetran, folder: Path) -> None:
    """A profile can be read-only; without an account_id, it can be used for reading only."""
    file = write(folder, fake, production(more="read_only = true\n"))
    async with AsyncFivetran.from_profile("production", file=file) as fivetran:
        with pytest.raises(ReadOnlyError):
            await fivetran.connections.pause("conn_one")
    file = write(folder, fake, f'[profiles.open]\n{REFERENCES}base_url = "URL"\n')
    with pytest.raises(InvalidArgumentError, match="has no account_id"):
        AsyncFivetran.from_profile("open")
    async with AsyncFivetran.from_profile("open", read_only=True) as fivetran:
        assert (await fivetran.account.get_info()).account_id == ACCOUNT


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[profiles.prod", "cannot be read: not TOML"),
        (
            "",
            "has no profile 'production'. Its profiles are: none; the table [profiles.production]",
        ),
        ("[profiles]\nproduction = 5", "Its profiles are: none; the table [profiles.production]"),
        ("[profiles.prodution]", "Did you mean 'prodution'?"),
        (f'[profiles.production]\napi_key = "{SECRET}"', "api_key must be a reference, env:NAME"),
        ("[profiles.production]\napi_key = 5", "api_key must be a text"),
        (production(more='account = "x"'), "an unknown key 'account'"),
        (production(more='acount_id = "x"'), "did you mean 'account_id'?"),
        (production(more="read_only = 1"), "read_only must be true or false"),
    ],
)
def test_wrong_profiles_are_named(tmp_path: Path, text: str, message: str) -> None:
    """The message names the file, the profile and the key, and never shows a secret."""
    file = tmp_path / "profiles.toml"
    file.write_text(text)
    with pytest.raises(InvalidArgumentError) as caught:
        AsyncFivetran.from_profile("production", file=file)
    assert message in str(caught.value)
    assert str(file) in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("env:NOT_SET_ANYWHERE", "the environment variable 'NOT_SET_ANYWHERE' is not set"),
        ("file:nowhere.txt", "No such file"),
        ("cmd:false", "the command failed with exit code 1"),
        ("cmd:no_such_program_anywhere", "No such file"),
        ("cmd:true", "the command printed nothing"),
        ("cmd:'", "ValueError"),
        ("cmd:", "it names no command"),
        ("cmd:  ", "it names no command"),
        ("file:~no_such_user_anywhere/key", "the home directory is unknown"),
    ],
)
def test_references_that_lead_nowhere_are_named(
    tmp_path: Path, reference: str, reason: str
) -> None:
    """The message names the reference and the reason."""
    file = tmp_path / "profiles.toml"
    file.write_text(
        f'[profiles.production]\napi_key = "{reference}"\napi_secret = "cmd:echo x"\n'
        'account_id = "a"\n'
    )
    with pytest.raises(MissingCredentialsError) as caught:
        AsyncFivetran.from_profile("production", file=file)
    assert reference in str(caught.value)
    assert reason in str(caught.value)


async def test_the_command_takes_a_profile(
    fake: FakeFivetran,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`--profile` and `FIVETRAN_PROFILE` choose the account; a wrong one has its exit code."""
    write(folder, fake, production())
    words = ("pause", "conn_one", "--profile", "production")
    assert await asyncio.to_thread(main, words) == ExitCode.DONE
    monkeypatch.setenv("FIVETRAN_PROFILE", "production")
    assert await asyncio.to_thread(main, ["connections"]) == ExitCode.DONE
    assert "conn_one" in capsys.readouterr().out
    write(folder, fake, production("another_account"))
    assert await asyncio.to_thread(main, words) == ExitCode.REFUSED
    assert "'another_account'" in capsys.readouterr().err
    monkeypatch.setenv("FIVETRAN_PROFILE", "prod")
    assert await asyncio.to_thread(main, ["connections"]) == ExitCode.USAGE
    assert "Its profiles are: production" in capsys.readouterr().err
    write(folder, fake, production().replace("PROD_KEY", "MISSING_KEY"))
    assert await asyncio.to_thread(main, words) == ExitCode.NO_CREDENTIALS


def test_files_of_profiles_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    """Some editors begin a file with a mark, which does not belong to its first table."""
    file = tmp_path / "profiles.toml"
    text = '[profiles.production]\napi_key = "cmd:echo k"\napi_secret = "cmd:echo s"\n'
    file.write_text(text, "utf-8-sig")
    assert AsyncFivetran.from_profile("production", file=file, read_only=True).closed is False
