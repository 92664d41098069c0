"""Refuses requests that arrive while the event loop of the fake is not running."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any, Final

import attrs

MESSAGE: Final = (
    "FakeFivetran was started on an event loop that is not running now, so it cannot respond. "
    "Start and use it on the same loop: with pytest-asyncio, give the fixture and its tests the "
    'same loop_scope, for example @pytest_asyncio.fixture(scope="session", loop_scope="session") '
    'and @pytest.mark.asyncio(loop_scope="session").'
)

_INTERVAL: Final = 0.1
_PATIENCE: Final = 0.5
_BODY: Final = json.dumps({"code": "LoopNotRunning", "message": MESSAGE}).encode()
# A client does not retry a 421, the status for a server that is not able to respond.
_REFUSAL: Final = (
    b"HTTP/1.1 421 Misdirected Request\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(_BODY), _BODY)
)


@attrs.define(eq=False)
class LoopGuard:
    """
    A thread that watches the loop; while it does not run, the thread responds with a refusal.

    Without it, a client waits for its timeout: the kernel accepts connections for a stopped loop.
    A pause of the loop of up to 0.1 seconds, as between two tests, goes unnoticed.
    """

    loop: asyncio.AbstractEventLoop
    listener: socket.socket
    transports: Callable[[], Iterable[asyncio.BaseTransport | None]]
    _stopped: threading.Event = attrs.field(factory=threading.Event, init=False, repr=False)

    def start(self) -> None:
        """Start the thread; it ends with the process, or when the listening socket is closed."""
        threading.Thread(target=self._watch, name="FakeFivetran loop guard", daemon=True).start()

    def stop(self) -> None:
        """Let the thread end."""
        self._stopped.set()

    def _watch(self) -> None:
        stood_still = False
        while not self._stopped.wait(_INTERVAL) and self.listener.fileno() >= 0:
            stands_still = not self.loop.is_running()
            if stood_still and stands_still:
                self._refuse_all()
            stood_still = stands_still

    def _refuse_all(self) -> None:
        # A socket can be closed or reset at any time.
        with contextlib.suppress(OSError):
            while not self.loop.is_running():
                client, _ = self.listener.accept()
                with client:
                    client.settimeout(_PATIENCE)
                    _refuse(client, client.recv(65_536))
        for transport in list(self.transports()):
            connection: Any = transport and transport.get_extra_info("socket")
            # Other loops than asyncio's have sockets that cannot be duplicated.
            with (
                contextlib.suppress(OSError, AttributeError, NotImplementedError),
                connection.dup() as client,
            ):
                _refuse(client, client.recv(65_536))


def _refuse(client: socket.socket, received: bytes) -> None:
    """Respond if there is a request; otherwise the connection is left to the loop."""
    if not received:
        return
    client.sendall(_REFUSAL)
    client.shutdown(socket.SHUT_WR)
    # Closing a socket with unread bytes resets the connection, and can discard the response.
    client.settimeout(_PATIENCE)
    while client.recv(65_536):
        pass
