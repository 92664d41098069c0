"""The module `fivetran_async.configs`: the names of its classes, and what it costs."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Final, get_type_hints

import pytest

from fivetran_async import _services, configs
from fivetran_async._services import names
from fivetran_async._services._table import _table
from fivetran_async._services.class_names import KINDS_WITH_CLASSES, classes_of, is_class
from fivetran_async.configs import GoogleAdsAuth, PostgresConfig
from services.test_generator import load

STUB: Final = Path(configs.__file__).with_suffix(".pyi")


def declared() -> list[str]:
    """List the classes and aliases of the stub."""
    found: list[str] = []
    for node in ast.parse(STUB.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef):
            found.append(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.append(node.target.id)
    return [name for name in found if name != "SERVICES"]


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("postgres", "PostgresConfig"),
        ("google_analytics_4", "GoogleAnalytics4Config"),
        ("15five", "Service15fiveConfig"),
        ("360learning", "Service360learningConfig"),
        ("snowflake", "SnowflakeDestinationConfig"),
        ("postgres_wh", "PostgresWhDestinationConfig"),
    ],
)
def test_services_have_their_class(service: str, name: str) -> None:
    """The name is the service in CamelCase; destinations have another ending."""
    assert configs.SERVICES[service] == name
    assert getattr(configs, name) is dict


def test_every_source_and_destination_has_a_class() -> None:
    """`SERVICES` has every source and destination, each with a name of its own."""
    both = {*names("source"), *names("destination")}
    assert configs.SERVICES.keys() == both
    assert len(set(configs.SERVICES.values())) == len(both) == 819
    with pytest.raises(TypeError):
        configs.SERVICES["postgres"] = "X"  # type: ignore[index] # pyright: ignore[reportIndexIssue]


def test_stub_declares_what_the_module_has() -> None:
    """Each class of the stub is declared once and exists at run time, and no other class exists."""
    assert [name for name, times in Counter(declared()).items() if times > 1] == []
    at_run_time = {
        name
        for kind in KINDS_WITH_CLASSES
        for service in names(kind)
        for name in classes_of(service, kind)
    }
    assert set(declared()) == at_run_time
    assert all(map(is_class, ("FacebookAdsAuth", "GoogleAdsAuthClientAccess", "SlackConfigUpdate")))
    assert set(configs.SERVICES.values()) <= set(dir(configs))


def test_stub_has_the_signatures_of_the_module() -> None:
    """The functions have the parameters and defaults that the stub declares."""
    found = {
        node.name: ast.unparse(node.args)
        for path in (STUB, STUB.with_suffix(".py"))
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }
    for node in ast.parse(STUB.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            assert found[node.name] == ast.unparse(node.args)
    assert configs.__all__ == ["SERVICES", "ConfigProblem", "check", "secrets"]


def test_stub_is_what_the_table_gives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The committed stub is current, and the program writes equal bytes each time."""
    program = load("services_stub")
    assert program.main(["--check"]) == 0
    target = tmp_path / "configs.pyi"
    assert program.main(["--stub", str(target), "--check"]) == 1
    assert not target.exists()
    assert program.main(["--stub", str(target)]) == 0
    assert target.read_bytes() == STUB.read_bytes()
    assert " classes, " in capsys.readouterr().out


def test_classes_are_dicts_at_run_time() -> None:
    """A class makes a plain dict, and can be an annotation."""
    made = PostgresConfig(schema_prefix="shop", host="db")
    assert type(made) is dict
    assert made == {"schema_prefix": "shop", "host": "db"}

    def use(config: PostgresConfig, auth: GoogleAdsAuth | None = None) -> None:
        del config, auth

    assert get_type_hints(use)["config"] is dict


@pytest.mark.parametrize("name", ["PostgresConfg", "PostgresAuth", "ConfigUpdate", "_Hidden", ""])
def test_other_names_are_missing(name: str) -> None:
    """A name without a class raises an error, with a suggestion if one is close."""
    with pytest.raises(AttributeError, match=f"no attribute {name!r}") as caught:
        getattr(configs, name)
    assert ("did you mean 'PostgresConfig'?" in str(caught.value)) is (name == "PostgresConfg")


def test_secrets_are_those_of_the_table() -> None:
    """`secrets` is what logs, reprs and the fake hide; an unknown service has no known secret."""
    assert configs.secrets("postgres") == _services.secret_fields("postgres")
    assert "config.password" in configs.secrets("postgres")
    assert "config.private_key" in configs.secrets("snowflake")
    assert configs.secrets("service_of_2031") == frozenset()


def test_import_costs_nothing() -> None:
    """Importing the module imports no other module, and does not read the table."""
    program = (
        "import sys, fivetran_async\n"
        "before = set(sys.modules)\n"
        "import fivetran_async.configs\n"
        "print(*sorted(set(sys.modules) - before))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert run.stdout.split() == ["fivetran_async.configs"]


FIRST_CHECK: Final = """
import sys, fivetran_async.configs
read = []
sys.addaudithook(lambda event, args: event == "open" and read.append(str(args[0])))
before = set(sys.modules)
config = {"host": "h", "port": "5432", "auth_method": "x", "hots": "h"}
fivetran_async.configs.check("postgres", config, creating=True)
print(*sorted(set(sys.modules) - before))
fivetran_async.configs.check("snowflake", {"databse": "d"})
print(*sorted(set(sys.modules) - before))
print(*(name for name in read if not name.endswith((".py", ".pyc"))))
"""


def test_first_check_imports_and_reads_little() -> None:
    """It imports the table and the rules, and no module of Python; the table is read once."""
    run = subprocess.run(
        [sys.executable, "-c", FIRST_CHECK], check=True, capture_output=True, text=True
    )
    first, second, files = map(str.split, run.stdout.splitlines())
    package = "fivetran_async._services"
    # What is wrong is looked for among the known names.
    assert first == [package, f"{package}._check", f"{package}._near", f"{package}._table"]
    assert second == first
    (table,) = files
    assert Path(table).name == "table.tsv"
    assert Path(table).stat().st_size <= 200_000


def test_checks_are_cheap() -> None:
    """
    A check takes microseconds after the first one, which reads the table.

    The limits are ten times those that the benchmark `configs` holds on a quiet machine.
    """
    config: dict[str, object] = {
        "schema_prefix": "p",
        "host": "h",
        "port": 5432,
        "user": "u",
        "hots": "h",
    }
    _table.cache_clear()
    _services.parts.cache_clear()
    began = time.process_time()
    assert len(configs.check("postgres", config, creating=True)) == 1
    assert time.process_time() - began < 0.05
    best = min(_seconds_of_100(config) for _ in range(5))
    assert best / 100 < 500e-6


def _seconds_of_100(config: dict[str, object]) -> float:
    began = time.process_time()
    for _ in range(100):
        configs.check("postgres", config, creating=True)
    return time.process_time() - began
