"""Secrets: found per service, referred to, resolved, and recognized when they are unchanged."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from as_code.accounts import PLANTED
from fivetran_async import _services, as_code
from fivetran_async.as_code._files.secret_lock import SecretLock
from fivetran_async.as_code._kinds.rules import KINDS_BY_NAME
from fivetran_async.as_code._secrets.fields import plain_secrets, without_secrets
from fivetran_async.cli._config_views import template_of

NAMING: Final = frozenset({"schema", "schema_prefix", "table", "table_group_name"})
"""The fields that name the schema; the address names it, too."""
CONNECTIONS = KINDS_BY_NAME["connections"]


def test_the_table_decides_per_service() -> None:
    """A name that is a secret in one service can be plain in another."""
    fields = {"service": "postgres", "config": {"user": "x", "password": "y", "public_key": "z"}}
    assert without_secrets(CONNECTIONS, fields)["config"] == {
        "user": "x",
        "password": {"$secret": "keep"},
        "public_key": "z",
    }


def test_names_decide_where_the_table_lacks_a_service() -> None:
    """In an unknown service, a name that looks like a secret is one."""
    fields = {
        "service": "brand_new",
        "config": {"api_token": "x", "host": "y", "n": [{"secret": 1}]},
    }
    assert without_secrets(CONNECTIONS, fields)["config"] == {
        "api_token": {"$secret": "keep"},
        "host": "y",
        "n": [{"secret": {"$secret": "keep"}}],
    }


def test_masks_are_secrets_in_any_field() -> None:
    """A run of asterisks hides a secret, also a part of a value."""
    fields = {"service": "s3", "config": {"role_arn": "arn:********", "pattern": "*.csv"}}
    assert without_secrets(CONNECTIONS, fields)["config"] == {
        "role_arn": {"$secret": "keep"},
        "pattern": "*.csv",
    }


def test_secrets_that_are_written_out_are_found() -> None:
    """References and empty values are no secrets, other values of a secret field are."""
    fields = {
        "service": "postgres",
        "config": {"password": PLANTED, "client_private_key": {"$secret": "env:K"}},
        "auth": {"a": {"b": "c", "d": None}},
    }
    assert plain_secrets(CONNECTIONS, fields) == [("config", "password"), ("auth", "a", "b")]


def test_references_are_resolved(tmp_path: Path) -> None:
    """The environment, files and allowed commands provide values."""
    (tmp_path / "key").write_text("from file\n")
    python = sys.executable
    resolver = as_code.references(environ={"A": "from env"}, root=tmp_path, commands=True)
    assert resolver.resolve("env:A") == "from env"
    assert resolver.resolve("file:key") == "from file"
    assert resolver.resolve(f"cmd:{python} -c 'print(40+2)'") == "42"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("env:MISSING", "'MISSING' is not set"),
        ("file:nowhere", "'nowhere' cannot be read"),
        ("cmd:true", r"references\(commands=True\)"),
        ("vault:x", "unsupported scheme"),
    ],
)
def test_references_without_a_value_are_errors(reference: str, message: str) -> None:
    """The error names the reference; commands need permission."""
    with pytest.raises(as_code.SecretUnavailableError, match=message):
        as_code.references(environ={}).resolve(reference)


def test_failing_commands_reveal_nothing() -> None:
    """What a command printed is not in the error."""
    python = sys.executable
    resolver = as_code.references(commands=True)
    with pytest.raises(as_code.SecretUnavailableError, match="exit code 3") as caught:
        resolver.resolve(f"""cmd:{python} -c "print('leak' + 'ed'); raise SystemExit(3)" """)
    assert "leaked" not in str(caught.value)
    assert caught.value.__context__ is None


def test_fingerprints_recognize_a_value_without_holding_it(tmp_path: Path) -> None:
    """The lock file knows whether a secret changed; it holds neither the value nor a plain hash."""
    path = tmp_path / "secrets.lock"
    lock = SecretLock(path)
    assert not lock.differs("connections/a/b", ("config", "password"), PLANTED)
    lock.remember("connections/a/b", ("config", "password"), PLANTED)
    lock.save()
    again = SecretLock(path)
    assert not again.differs("connections/a/b", ("config", "password"), PLANTED)
    assert again.differs("connections/a/b", ("config", "password"), "other")
    assert PLANTED not in path.read_text()


class _EveryVariable(dict[str, str]):
    """An environment that has every variable."""

    def get(self, key: str, _: object = None, /) -> str:
        """Return a value that shows the name."""
        return f"<{key}>"


@pytest.mark.parametrize("kind", ["source", "destination"])
def test_templates_of_configs_resolve_and_load(kind: _services.ServiceKind, tmp_path: Path) -> None:
    """What `config template` prints is a file that loads, and each reference in it resolves."""
    resolver = as_code.references(environ=_EveryVariable())
    for service in _services.names(kind):
        template: Any = template_of(service, _services.parts(service, kind) or {})
        found = as_code.resolve(template, resolver)
        assert "$secret" not in json.dumps(found), service
        marks = json.dumps(template).count('"$secret"')
        assert json.dumps(found).count(f"<{service.upper()}_") == marks, service
        place = f"connections/{service}/x" if kind == "source" else f"destinations/{service}"
        path = tmp_path / f"{place}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        named = {n: v for n, v in template["config"].items() if n not in NAMING}
        path.write_text(json.dumps({**template, "config": named}))
    assert len(as_code.load(tmp_path)) == len(_services.names(kind))


def test_references_that_do_not_resolve_are_listed() -> None:
    """The error has each place, and neither a value nor the text of a vault's error."""

    class Vault:
        def resolve(self, reference: str) -> str:
            if reference == "vault:a":
                raise RuntimeError(PLANTED)
            return PLANTED

    values = {"a": [{"$secret": "vault:a"}], "b": {"$secret": "keep"}, "c": {"$secret": "env:C"}}
    with pytest.raises(as_code.SecretUnavailableError) as caught:
        as_code.resolve(values, Vault())
    assert str(caught.value).splitlines() == [
        "a.[0]: the resolver raised RuntimeError",
        "b: the value is not known: refer to it",
    ]
    assert as_code.resolve({"c": {"$secret": "env:C", "name": "N"}, "d": 1}, Vault()) == {
        "c": f"N={PLANTED}",
        "d": 1,
    }


@pytest.mark.parametrize("value", [None, "", {}, [], "********", b"x", object(), float("nan")])
def test_vaults_that_return_no_secret_clear_nothing(value: object) -> None:
    """A value that is missing, masked or not JSON is an error, because it would be sent."""

    class Vault:
        def resolve(self, reference: str) -> object:
            del reference
            return value

    with pytest.raises(as_code.SecretUnavailableError, match=r"the resolver returned .*'env:PW'"):
        as_code.resolve({"password": {"$secret": "env:PW"}}, Vault())


def test_coroutines_are_no_secrets() -> None:
    """A resolver with an async method is an error that names the type; nothing is left pending."""

    class Vault:
        async def resolve(self, reference: str) -> str:
            return reference

    with pytest.raises(as_code.SecretUnavailableError, match="coroutine"):
        as_code.resolve({"password": {"$secret": "env:PW"}}, Vault())
