"""A real Redis server on loopback, with the hiccups that servers have."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from support.waiting import PATIENCE, free_port

if TYPE_CHECKING:
    from redis.asyncio.retry import Retry

_PROGRAM: Final = shutil.which("redis-server")
PRESENT: Final = _PROGRAM is not None
"""True if the program is installed here."""

Hiccup: TypeAlias = Literal["late", "restarted", "read-only", "evicted", "flushed", "wrong type"]
HICCUPS: Final[tuple[Hiccup, ...]] = get_args(Hiccup)


def no_retry() -> Retry:
    """Return the policy of a client that fails at once when the server is gone."""
    from redis.asyncio.retry import Retry  # noqa: PLC0415 - not everywhere installed
    from redis.backoff import NoBackoff  # noqa: PLC0415

    return Retry(NoBackoff(), 0)


class RedisServer:
    """A Redis server on loopback that keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it responds."""
        assert _PROGRAM is not None
        options = f"--port {self.port} --bind 127.0.0.1 --appendonly no --dir {self._folder}"
        self._process = subprocess.Popen(
            [_PROGRAM, *options.split(), "--save", ""],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        give_up_at = time.monotonic() + PATIENCE
        while self._failed():
            assert time.monotonic() < give_up_at, "redis-server did not start"
            time.sleep(0.01)

    def _failed(self) -> bool:
        try:
            return self.command("PING") != b"+PONG"
        except OSError:
            return True

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def command(self, *words: str) -> bytes:
        """Send one command, and return the first line of the response."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
            parts = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
            connection.sendall(f"*{len(words)}\r\n{parts}".encode())
            return connection.recv(65_536).split(b"\r\n")[0]

    def suffer(self, hiccup: Hiccup, prefix: str, *, milliseconds: int = 2_500) -> None:
        """Have a hiccup; `prefix` is that of an account's keys, up to the last colon."""
        match hiccup:
            case "late":
                self.command("CLIENT", "PAUSE", str(milliseconds), "ALL")
            case "restarted":
                self.stop()
                self.start()
            case "read-only":
                self.command("REPLICAOF", "127.0.0.1", "1")
            case "evicted":
                self.command("DEL", prefix + "requests")
            case "flushed":
                self.command("FLUSHALL")
            case "wrong type":
                self.command("SET", prefix + "source", "not a sorted set")

    def recover(self, hiccup: Hiccup, prefix: str) -> None:
        """End a hiccup that lasts."""
        match hiccup:
            case "read-only":
                self.command("REPLICAOF", "NO", "ONE")
            case "wrong type":
                self.command("DEL", prefix + "source")
            case _:
                pass
