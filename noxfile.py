"""The checks: `nox -l` lists them, `nox` runs the quick ones, `.ci/run` all that must pass."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nox
from nox.command import CommandFailed

nox.options.sessions = ["lint", "typing", "tests", "examples"]
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_existing_virtualenvs = True

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
SUPPORTED = [version for version in nox.project.python_versions(PROJECT) if version.count(".") == 1]
EXTRAS = ["", *PROJECT["project"]["optional-dependencies"]]
CI_PROGRAMS = [
    ".ci/definition_drift.py",
    *(f".ci/services_{each}.py" for each in ("table", "stub", "examples")),
    ".ci/docs/render.py",
    ".ci/docs/screenshots.py",
]
CHECKED = ["fivetran_async", "tests", "examples", "noxfile.py", *CI_PROGRAMS]
CLIENTS = {
    "curl": (),
    "deploy": (),
    "pyfivetran": ("pyfivetran==2024.4.26.1",),
    "dagster": ("dagster-fivetran==0.29.27",),
}
"""The clients by other authors, and what their environments need beside the wheel."""
ENGINES = {
    "airflow": ("apache-airflow==3.3.2",),
    "dagster": ("dagster==1.13.29",),
    "queues": ("arq==0.28.0", "celery==5.7.0", "prefect==3.9.1", "temporalio==1.35.0"),
}
"""The orchestrators that run syncs, and what their environments need beside the wheel."""
NO_ACCOUNT = {
    "FIVETRAN_API_KEY": None,
    "FIVETRAN_API_SECRET": None,
    "FIVETRAN_BASE_URL": None,
    # The programs that tests start would compile the package each time.
    "PYTHONDONTWRITEBYTECODE": None,
}
INSTALLED_ONLY = {**NO_ACCOUNT, "PYTHONPATH": None, "FIVETRAN_ASYNC_TEST_INSTALLED": "1"}


def _works(version: str) -> bool:
    """Tell whether there is such a Python here; a shim may have the name and yet not run."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return True
    try:
        subprocess.run([f"python{version}", "-c", ""], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


PRESENT = [version for version in SUPPORTED if _works(version)]
OLDEST = PRESENT[0]
"""Where the proofs run, and where coverage is measured."""

PARALLEL = ("-n", "3", "--dist", "worksteal")
"""Three processes, since many tests wait for servers; each takes tests of the others at its end."""
SUITE = (*PARALLEL, "-m", "not slow and not examples")
"""The suite. The session `proofs` runs what is slow, and `examples` the programs of the guides."""
QUICK = [f"tests/{name}" for name in ("_http", "_fan_out", "quota", "codec", "resources", "meta")]
"""The folders of the session `quick`: what every call goes through, and the rules of the tree."""
COVERED = ("--cov", "--cov-report=term-missing:skip-covered")
MEASURE = "FIVETRAN_ASYNC_TEST_COVERAGE"


_built: list[str] = []


def _wheel(session: nox.Session) -> str:
    """Build the wheel, once for all sessions of a run, and say where it is."""
    if not _built:
        folder = Path(session.cache_dir) / "wheel"
        for old in folder.glob("*.whl"):
            old.unlink()
        build = ("python", "-m", "pip", "wheel", "--quiet", "--no-deps", f"--wheel-dir={folder}")
        session.run_install(*build, str(ROOT))
        _built.extend(map(str, folder.glob("*.whl")))
    return _built[0]


def _install(session: nox.Session, *groups: str) -> None:
    """Install the wheel, anew even if its version is there already, and dependency groups."""
    wheel = _wheel(session)
    session.install("--quiet", wheel, *nox.project.dependency_groups(PROJECT, *groups))
    session.install("--quiet", "--force-reinstall", "--no-deps", wheel)


@nox.session(python=PRESENT)
def tests(session: nox.Session) -> None:
    """
    Run pytest on the installed wheel, on every supported Python that is present: 150 s for each.

    Tests marked `slow` are left to `proofs`. If FIVETRAN_ASYNC_TEST_COVERAGE is set, the oldest
    Python fails if the suite reaches fewer branches than before.
    Arguments replace all options, so that one process runs the tests they select:
    `nox -s tests -- tests/_http/test_retry.py`.
    """
    measured = COVERED if session.python == OLDEST and MEASURE in os.environ else ()
    _install(session, "tests", *(["coverage"] if measured else []))
    absent = ", ".join(version for version in SUPPORTED if version not in PRESENT)
    session.log(f"Python present: {', '.join(PRESENT)}; skipped: {absent or 'none'}")
    session.run("pytest", *(session.posargs or (*measured, *SUITE)), env=INSTALLED_ONLY)


@nox.session(python=OLDEST)
def proofs(session: nox.Session) -> None:
    """
    Run the long tests, and those that `tests` samples with all of their cases: about 15 minutes.

    Many kill processes and stop servers at random moments, in real time. A failure is reported, and
    the test runs a second time, alone: the moments of a busy machine differ, a fault does not.
    """
    _install(session, "tests")
    every_case = {**INSTALLED_ONLY, "FIVETRAN_ASYNC_TEST_PROOFS": "1"}
    long = ("-m", "(slow or sampled) and not examples", "--timeout=600")
    suite = session.posargs or (*PARALLEL, *long, "--durations=10")
    try:
        session.run("pytest", *suite, env=every_case)
    except CommandFailed:
        if session.posargs:
            raise
        session.run("pytest", *long, "--last-failed", env=every_case)


@nox.session(name="without-speedups", python=OLDEST)
def without_speedups(session: nox.Session) -> None:
    """Run pytest without msgspec and orjson: cattrs and the standard library decode everything."""
    _install(session, "tests")
    session.run("python", "-m", "pip", "uninstall", "--quiet", "--yes", "msgspec", "orjson")
    # Their own tests are skipped.
    skipping = {**INSTALLED_ONLY, "FIVETRAN_ASYNC_TEST_EVERYTHING": None}
    session.run("pytest", *(session.posargs or SUITE), env=skipping)


@nox.session
def quick(session: nox.Session) -> None:
    """
    Check style, the rules of the tree, and from the checkout what every call uses: under a minute.

    Tests marked `slow`, modules with samples, and the folders that are not in `QUICK` are left to
    `tests`.
    """
    groups = nox.project.dependency_groups(PROJECT, "lint", "tests")
    session.install("--quiet", *PROJECT["project"]["dependencies"], *groups)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    checkout = {**NO_ACCOUNT, "PYTHONPATH": str(ROOT)}
    fast = (*PARALLEL, "-m", "not slow and not sampled and not examples", *QUICK)
    session.run("pytest", "-q", *(session.posargs or fast), env=checkout)


@nox.session
def lowest(session: nox.Session) -> None:
    """Run pytest with the oldest release of each dependency that is still allowed."""
    _install(session, "tests")
    oldest = [line.replace(">=", "==") for line in PROJECT["project"]["dependencies"]]
    session.install("--quiet", *oldest)
    session.run("pytest", *(session.posargs or SUITE), env=INSTALLED_ONLY)


@nox.session(reuse_venv=False, venv_params=["--no-setuptools"])
@nox.parametrize("extra", [nox.param(extra, id=extra or "none") for extra in EXTRAS])
def install(session: nox.Session, extra: str) -> None:
    """Use the wheel with one extra, and with none, each in an environment that has nothing else."""
    wheel = _wheel(session)
    session.install("--quiet", f"{wheel}[{extra}]" if extra else wheel)
    name = f"with_{extra}.py" if extra else "without_extras.py"
    # In a folder of its own: `python -m` would find the checkout before the wheel.
    with session.chdir(session.create_tmp()):
        program = str(ROOT / "tests" / "installed" / name)
        session.run("python", "-W", "error", program, env={**NO_ACCOUNT, "PYTHONPATH": None})


@nox.session(python=PRESENT)
def release(session: nox.Session) -> None:
    """
    Build the source distribution and the wheel, check both, and use what was built.

    Each Python that is present installs the wheel, which was built from the source distribution,
    and the tests of the fake run on it. Nothing is published: `twine upload` does that.
    """
    folder = Path(session.cache_dir) / "release"
    if session.python == OLDEST:
        shutil.rmtree(folder, ignore_errors=True)
        session.install("--quiet", *nox.project.dependency_groups(PROJECT, "release"))
        session.run("python", "-m", "build", "--outdir", str(folder), str(ROOT))
        session.run("twine", "check", "--strict", *map(str, folder.iterdir()))
        session.run("check-wheel-contents", *map(str, folder.glob("*.whl")))
    [wheel] = folder.glob("*.whl")
    session.install("--quiet", str(wheel), *nox.project.dependency_groups(PROJECT, "tests"))
    session.install("--quiet", "--force-reinstall", "--no-deps", str(wheel))
    session.run("pytest", "-q", *(session.posargs or ("tests/testing",)), env=INSTALLED_ONLY)


@nox.session(python=OLDEST)
def coverage(session: nox.Session) -> None:
    """
    Fail if the tests reach fewer branches than they did, or asyncio's own checks find something.

    Both take time, so the second check sees the tests with many tasks.
    """
    _install(session, "tests", "coverage")
    session.run("pytest", "-q", *COVERED, *(session.posargs or SUITE), env=INSTALLED_ONLY)
    if not session.posargs:
        many_tasks = ("tests/_http", "tests/_fan_out", "tests/quota", "tests/syncs")
        debug = ("-q", "-o", "asyncio_debug=true")
        session.run("pytest", *debug, *PARALLEL, *many_tasks, env=INSTALLED_ONLY)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    session.install("--quiet", *nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def typing(session: nox.Session) -> None:
    """Check types with both checkers, and that every public type is known to users."""
    _install(session, "typing", "bench")
    session.run("mypy", *CHECKED)
    session.run("pyright")
    session.run("pyright", "--project", ".ci")
    # This check reads no configuration, so the environment has to name the stubs.
    (packages,) = Path(session.virtualenv.location).glob("lib/python*/site-packages")
    (packages / "stubs.pth").write_text(str(ROOT / "tests" / "typing" / "stubs"))
    session.run("pyright", "--verifytypes", "fivetran_async", "--ignoreexternal")
    session.run("python", "tests/typing/user_files.py", env={"PYTHONPATH": None})
    session.run("python", "tests/typing/recipes.py", env={"PYTHONPATH": None})


@nox.session
def examples(session: nox.Session) -> None:
    """Run each example and each page as a reader does, without an account."""
    _install(session, "examples", "tests")
    for example in sorted((ROOT / "examples").glob("*.py")):
        session.run("python", "-W", "error", str(example), env=NO_ACCOUNT)
    session.run("pytest", *PARALLEL, "-m", "examples", env=INSTALLED_ONLY)
    page_commands = ("python", "tests/installed/page_commands.py")
    session.run(*page_commands, env={**NO_ACCOUNT, "PYTHONPATH": str(ROOT / "tests")})


@nox.session
def newcomer(session: nox.Session) -> None:
    """
    Carry the README out in an empty folder, with the wheel and a clock.

    It fails if the first useful output takes a minute, or the first own test five.
    """
    program = str(ROOT / "tests" / "installed" / "first_hour.py")
    environment = {**NO_ACCOUNT, "PYTHONPATH": str(ROOT / "tests")}
    session.run("python", program, _wheel(session), env=environment)


@nox.session(python="3.11")
@nox.parametrize("client", [nox.param(client, id=client) for client in CLIENTS])
def clients(session: nox.Session, client: str) -> None:
    """
    Run each client by other authors against FakeFivetran, in an environment of its own.

    One of them needs Python 3.11. Each prints how many of its steps it finished.
    """
    _install(session)
    if CLIENTS[client]:
        session.install("--quiet", *CLIENTS[client])
    session.run("python", "tests/other_clients/run.py", client, env=NO_ACCOUNT)


@nox.session(python="3.11")
@nox.parametrize("engine", [nox.param(engine, id=engine) for engine in ENGINES])
def orchestrators(session: nox.Session, engine: str) -> None:
    """
    Run syncs in Airflow's processes, in Dagster's runner, and by four libraries of tasks.

    Each has an environment of its own, with the packages that are listed for it.
    """
    folder = "tests/orchestrators"
    needed = ("pytest>=8.3", "pytest-asyncio>=1.1", "pytest-timeout>=2.3")
    # Most of these modules are never imported, and need not be compiled.
    listed = ("--quiet", "--no-compile", f"--constraint={folder}/{engine}_pins.txt")
    session.install(*listed, *ENGINES[engine], *needed, _wheel(session))
    session.install("--quiet", "--force-reinstall", "--no-deps", _wheel(session))
    settings = (f"--config-file={folder}/pytest.ini", f"--rootdir={folder}")
    tests = sorted(map(str, (ROOT / folder).glob(f"test_{engine}*.py")))
    session.run(
        *("pytest", *settings, f"--confcutdir={folder}", *(session.posargs or tests)),
        env={**NO_ACCOUNT, "PYTHONPATH": None, "DAGSTER_DISABLE_TELEMETRY": "1"},
    )


@nox.session
def live(session: nox.Session) -> None:
    """Read a real account, and change nothing in it: credentials from the environment or `.env`."""
    _install(session, "tests")
    environment = {"PYTHONPATH": None, "FIVETRAN_ASYNC_TEST_INSTALLED": "1"}
    session.run("pytest", "tests/live", *session.posargs, env=environment)


@nox.session
def bench(session: nox.Session) -> None:
    """Print what calls, decoding, fan-out, memory and imports cost, beside others; `--quick`."""
    _install(session, "bench")
    session.run("python", "tests/benchmarks/everything.py", *session.posargs, env=NO_ACCOUNT)


@nox.session(name="bench-instructions")
def bench_instructions(session: nox.Session) -> None:
    """Print how many instructions calls, decoding and webhooks take, beside others; valgrind."""
    _install(session, "bench")
    session.run("python", "tests/benchmarks/instructions.py", *session.posargs, env=NO_ACCOUNT)


@nox.session
def services(session: nox.Session) -> None:
    """
    Write the table of services and what follows from it: `-- DEFINITION.json [--check]`.

    Without a definition, it writes only `configs.pyi`, from the table that is there. With
    `--against OTHER.json`, it prints the difference from another definition.
    """
    session.install("--quiet", *PROJECT["project"]["dependencies"])
    definition, *options = session.posargs or [""]
    checks = [option for option in options if option == "--check"]
    for program, arguments in (
        ("services_table.py", session.posargs),
        ("services_stub.py", checks),
        ("services_examples.py", [definition, *checks]),
    ):
        if definition or program == "services_stub.py":
            path = str(ROOT / ".ci" / program)
            session.run("python", path, *arguments, env={"PYTHONPATH": str(ROOT)})


@nox.session
def drift(session: nox.Session) -> None:
    """Compare a definition of the API with this package: `nox -s drift -- DEFINITION.json`."""
    _install(session)
    environment = {**NO_ACCOUNT, "PYTHONPATH": str(ROOT / "tests")}
    program = str(ROOT / ".ci" / "definition_drift.py")
    session.run("python", program, *session.posargs, env=environment)


@nox.session
def docs(session: nox.Session) -> None:
    """
    Render the guides and the reference into `.nox/reference`; a warning is an error.

    So is a screenshot that shows what the command no longer prints.
    """
    _install(session, "docs")
    session.run("python", str(ROOT / ".ci" / "docs" / "screenshots.py"), "--check", env=NO_ACCOUNT)
    program, target = ROOT / ".ci" / "docs" / "render.py", ROOT / ".nox" / "reference"
    session.run("python", "-W", "error", str(program), str(target), env=NO_ACCOUNT)
