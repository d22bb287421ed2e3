"""A wire that can be cut: passes bytes on to a server, and ends connections on demand."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_PATIENCE_SECONDS = 60.0
_RECEIVE_QUEUE = 4
"""The column of /proc/net/tcp with the lengths of both queues."""


class Wire:
    """Listens on the loopback; `cut_after` bytes from the client, once, both ends are reset."""

    def __init__(self, host: str) -> None:
        address, _, port = host.rpartition(":")
        self._target = (address, int(port))
        self._server = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._server.getsockname()[1]}"
        self.cut_after: list[int] = []
        """How many bytes pass before each cut; every cut counts from the one before."""
        self.cuts = 0
        self.sent = 0
        self._left = 0
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._left = self.cut_after.pop(0) if self.cut_after else -1
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _accept(self) -> None:
        with self._server:
            while True:
                try:
                    client, _ = self._server.accept()
                except OSError:
                    return
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._target) as server:
            down = threading.Thread(target=_pass, args=(server, client), daemon=True)
            down.start()
            try:
                while data := client.recv(65536):
                    server.sendall(data)
                    if self._is_cut(len(data)):
                        _wait_until_read(server)
                        _reset(client, server)
                        break
                else:
                    server.shutdown(socket.SHUT_WR)
            except OSError:
                _reset(client, server)
            down.join()

    def _is_cut(self, size: int) -> bool:
        with self._lock:
            self.sent += size
            if self._left < 0:
                return False
            self._left -= size
            if self._left >= 0:
                return False
            self.cuts += 1
            self._left = self.cut_after.pop(0) if self.cut_after else -1
            return True


def _pass(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def _wait_until_read(end: socket.socket) -> None:
    """Wait until the server has read what was sent: a reset throws away what it has not.

    A busy server may leave all of it in the system's queue, whose length only Linux tells.
    """
    ours, theirs = (f":{name[1]:04X}" for name in (end.getsockname(), end.getpeername()))
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        except OSError:
            return
        queues = [
            row[_RECEIVE_QUEUE].partition(":")[2]
            for row in rows
            if row[1].endswith(theirs) and row[2].endswith(ours)
        ]
        if all(int(queue, 16) == 0 for queue in queues):
            return
        time.sleep(0.01)


def _reset(*ends: socket.socket) -> None:
    """Have both ends see a reset once the sockets are closed."""
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RD)
