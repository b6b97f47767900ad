"""A request watched from the moment it has a connection: ended from another thread, and kept inside the clinic."""

import contextlib
import socket
from threading import Lock
from typing import Any

from config.private_network import is_inside
from summaries.engine.errors import EngineUnavailable

_CONNECTED, _ENCRYPTED = "connection.connect_tcp.complete", "connection.start_tls.complete"


class Cancellation:
    """Ends a request from another thread, whatever it waits for: the engine then stops as well."""

    def __init__(self) -> None:
        self.requested = False
        self._socket: socket.socket | None = None
        self._lock = Lock()

    def cancel(self) -> None:
        with self._lock:
            self.requested = True
            self._hang_up()

    def trace(self, event: str, facts: dict[str, Any]) -> None:
        """httpcore's trace extension: it tells of the connection before anything is sent over it.

        Raises ``EngineUnavailable`` where the connection leads out of the clinic.
        """
        if event not in {_CONNECTED, _ENCRYPTED}:
            return
        connection = facts["return_value"].get_extra_info("socket")
        if event == _CONNECTED:
            _check_inside(connection)
        with self._lock:
            # TLS takes the first socket's place.
            self._socket = connection
            if self.requested:
                self._hang_up()

    def _hang_up(self) -> None:
        # Closing would not wake the thread that waits to read.
        with contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)


def _check_inside(connection: socket.socket) -> None:
    """A name that led to a private address at the start may lead to another one today."""
    if not is_inside(connection.getpeername()[0]):
        connection.close()
        raise EngineUnavailable("The engine's address leads out of the clinic's network; nothing was sent.")
