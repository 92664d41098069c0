"""A real Prometheus on loopback: Debian's package `prometheus`, with `promtool`."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Final, Self

import aiohttp

from support.waiting import PATIENCE, free_port

_SERVER: Final = shutil.which("prometheus")
_TOOL: Final = shutil.which("promtool")
STARTING: Final = 503
"""The status of its responses until it is ready."""
PRESENT: Final = _SERVER is not None and _TOOL is not None
"""True if both programs are installed here."""


def promtool(*arguments: str, text: str = "") -> str:
    """Run `promtool`, which has to succeed; return what it prints."""
    assert _TOOL is not None
    finished = subprocess.run(
        [_TOOL, *arguments], input=text, capture_output=True, text=True, check=False, timeout=60
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout + finished.stderr


class PrometheusServer:
    """A Prometheus that scrapes targets every two seconds."""

    def __init__(self, folder: Path, targets: dict[str, str], rules: Path) -> None:
        self._folder = folder
        self._port = free_port()
        jobs = "".join(
            f"  - job_name: {job}\n    static_configs: [{{targets: ['{address}']}}]\n"
            for job, address in targets.items()
        )
        self.config = folder / "prometheus.yml"
        self.config.write_text(
            "global: {scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 1s}\n"
            f"rule_files: ['{rules}']\nscrape_configs:\n{jobs}"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        assert _SERVER is not None
        self._process = subprocess.Popen(
            [
                _SERVER,
                f"--config.file={self.config}",
                f"--storage.tsdb.path={self._folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self._port}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    async def query(self, expression: str) -> list[Any]:
        """Return the series that an expression has now; an empty list while it starts."""
        url = f"http://127.0.0.1:{self._port}/api/v1/query"
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(url, params={"query": expression}) as response,
            ):
                if response.status == STARTING:
                    return []
                found = await response.json()
        except aiohttp.ClientConnectionError:
            return []
        assert found["status"] == "success", (expression, found)
        return list(found["data"]["result"])

    async def until(self, expression: str) -> list[Any]:
        """Wait until an expression has series."""
        give_up_at = time.monotonic() + PATIENCE
        while not (series := await self.query(expression)):
            assert time.monotonic() < give_up_at, f"no series: {expression}"
            await asyncio.sleep(0.2)
        return series
