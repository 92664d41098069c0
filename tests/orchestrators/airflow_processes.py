"""Airflow's own processes: API server, scheduler, DAG processor and triggerer."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

AIRFLOW: Final = Path(sys.executable).with_name("airflow")
LOCAL_SETTINGS: Final = Path(__file__).with_name("warm_scheduler.py")
COMPONENTS: Final = {
    "api-server": (),
    # Their servers of logs listen on fixed ports.
    "scheduler": ("--skip-serve-logs",),
    "dag-processor": (),
    "triggerer": ("--skip-serve-logs",),
}


def until(condition: Callable[[], object], what: str, seconds: float = 120.0) -> None:
    """Wait until a condition holds; fail with what was waited for."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"timed out after {seconds:g} s: {what}"
        time.sleep(0.2)


def free_port() -> int:
    """Return a port that is not in use: a left-over API server would respond to another test."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Airflow:
    """
    An Airflow with a database of its own.

    Args:
        home: An empty folder.
        dags: The files of its DAGs.
        connections: Airflow's connections, by id.
        environment: More variables for all processes.
    """

    def __init__(
        self,
        home: Path,
        dags: Iterable[Path],
        connections: Mapping[str, Mapping[str, object]],
        environment: Mapping[str, str],
    ) -> None:
        self.home = home
        self.port = free_port()
        folder = home / "dags"
        folder.mkdir()
        for each in dags:
            shutil.copy(each, folder)
        (home / "config").mkdir()
        shutil.copy(LOCAL_SETTINGS, home / "config" / "airflow_local_settings.py")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._token = ""
        settings = {
            "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": "8",
            "CORE__MAX_ACTIVE_TASKS_PER_DAG": "200",
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__DAGS_FOLDER": str(folder),
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{self.port}/execution/",
            "CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "API__PORT": str(self.port),
            "API__HOST": "127.0.0.1",
            "API__WORKERS": "1",
            "API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "TRIGGERER__JOB_HEARTBEAT_SEC": "1",
            "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "6",
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "600",
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
            "SCHEDULER__MAX_TIS_PER_QUERY": "64",
            # The files are parsed once, at the start.
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
            "DAG_PROCESSOR__PARSING_PROCESSES": "1",
            # On a busy machine, the first request to the API takes longer than 5 seconds.
            "WORKERS__EXECUTION_API_TIMEOUT": "60",
        }
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AIRFLOW", "FIVETRAN", "PYTHONDONTWRITEBYTECODE"))
        }
        self.environment = {
            **kept,
            "AIRFLOW_HOME": str(home),
            "NO_PROXY": "*",
            **{f"AIRFLOW__{name}": value for name, value in settings.items()},
            **{
                f"AIRFLOW_CONN_{name.upper()}": json.dumps(fields)
                for name, fields in connections.items()
            },
            **environment,
        }

    def __enter__(self) -> Self:
        subprocess.run(
            [AIRFLOW, "db", "migrate"], env=self.environment, check=True, capture_output=True
        )
        try:
            for component in COMPONENTS:
                self.start(component)
            until(self._is_up, "the API server")
            self._token = str(self.call("GET", "/auth/token")["access_token"])
            until(lambda: self.rows("select dag_id from dag"), "the DAGs")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in self._processes.values():
            _signal(process, signal.SIGTERM)
        for component in tuple(self._processes):
            self._wait_or_kill(component)

    def start(self, component: str) -> None:
        """Start a process in a group of its own; its output goes to a file."""
        with self.log(component).open("ab") as output:
            self._processes[component] = subprocess.Popen(
                [AIRFLOW, component, *COMPONENTS[component]],
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self, component: str, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop a process and all that it started."""
        process = self._processes[component]
        _signal(process, number)
        self._wait_or_kill(component)

    @contextlib.contextmanager
    def suspended(self, component: str) -> Generator[None]:
        """Suspend a process and all that it started, as a machine without processor time does."""
        process = self._processes[component]
        _signal(process, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal(process, signal.SIGCONT)

    def _wait_or_kill(self, component: str) -> None:
        process = self._processes.pop(component)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        _signal(process, signal.SIGKILL)
        process.wait()

    def log(self, component: str) -> Path:
        """Return the file with the output of a process."""
        return self.home / f"{component}.log"

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """Return the rows of a query; none while the database is busy."""
        database = sqlite3.connect(self.home / "airflow.db", timeout=5)
        with contextlib.closing(database):
            try:
                return list(database.execute(query, values))
            except sqlite3.OperationalError:
                return []

    def _is_up(self) -> bool:
        try:
            self.call("GET", "/api/v2/version")
            # The part that workers use loads at its first request.
            self.call("GET", "/execution/health")
        except OSError:
            return False
        return True

    def call(self, verb: str, path: str, body: object = None) -> dict[str, object]:
        """Send a request to the REST API and return the response."""
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data, headers, method=verb
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
                result: dict[str, object] = json.loads(response.read() or b"{}")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{verb} {path}: {error.code} {error.read()!r}") from None
        return result

    def trigger(self, dag_id: str, **conf: object) -> str:
        """Start a run of a DAG and return its id."""
        until(lambda: self.rows("select 1 from dag where dag_id = ?", dag_id), f"DAG {dag_id}")
        run = self.call(
            "POST", f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf}
        )
        return str(run["dag_run_id"])

    def add_connection(self, conn_id: str, fields: Mapping[str, object]) -> None:
        """Store a connection in the database, from where the triggerer reads it."""
        body = {**fields, "connection_id": conn_id, "extra": json.dumps(fields["extra"])}
        self.call("POST", "/api/v2/connections", body)

    def clear(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Clear a task, as a user does."""
        body = {"dry_run": False, "dag_run_id": run_id, "task_ids": [task_id], "only_failed": False}
        self.call("POST", f"/api/v2/dags/{dag_id}/clearTaskInstances", body)

    def mark(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """Mark a task as failed or as a success, as a user does."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        self.call("PATCH", path, {"new_state": state})

    def states(self, run_id: str, task_id: str) -> list[str | None]:
        """Return the state of each instance of a task, by map index."""
        found = self.rows(
            "select state from task_instance where run_id = ? and task_id = ? order by map_index",
            run_id,
            task_id,
        )
        return [None if state is None else str(state) for (state,) in found]

    def tries(self, run_id: str, task_id: str) -> int:
        """Return the number of tries that a task has begun."""
        query = "select try_number from task_instance where run_id = ? and task_id = ?"
        found = self.rows(query, run_id, task_id)
        return int(str(found[0][0])) if found else 0

    def xcoms(
        self, run_id: str, task_id: str, key: str = "return_value"
    ) -> dict[int, dict[str, object]]:
        """Return the values that the instances of a task kept, by map index."""
        found = self.rows(
            "select map_index, value from xcom where run_id = ? and task_id = ? and key = ?",
            run_id,
            task_id,
            key,
        )
        return {int(str(index)): json.loads(str(value)) for index, value in found}

    def task_logs(self, run_id: str) -> str:
        """Return all that the tasks of a run and their triggers logged."""
        folders = self.home.glob(f"logs/dag_id=*/run_id={run_id}")
        files = (file for folder in folders for file in folder.rglob("*") if file.is_file())
        return "\n".join(file.read_text("utf-8", "replace") for file in files)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
