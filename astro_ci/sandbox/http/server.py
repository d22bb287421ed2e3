"""A web server in a thread, on loopback only."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
import time
from contextlib import suppress

import uvicorn
from starlette.types import ASGIApp, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

from astro_ci.errors import ConfigurationError

LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
IPV6_IS_OFF = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
KEEP_ALIVE_SECONDS = 75
STOP_SECONDS = 1
TICK_SECONDS = 0.1
TICKS_A_DAY = 864_000
PAUSE_SECONDS = 0.005
ATTEMPTS = 20


def listen(port: int) -> list[socket.socket]:
    """Bind a port on 127.0.0.1, and on ::1 where there is IPv6; port 0 takes a free port.

    Both are bound because `localhost` may mean either. Raises ConfigurationError for a port that is
    in use.
    """
    for attempt in range(ATTEMPTS):
        try:
            return _bind(port)
        except OSError as exc:
            # A port that is free on one address may be taken on the other.
            if port == 0 and attempt < ATTEMPTS - 1:
                continue
            raise ConfigurationError(
                f"the sandbox cannot listen on port {port} of localhost: {exc.strerror}",
                hint=f"{_cause(port, exc)}Choose another port with --port, or --port 0 for a free "
                "one.",
            ) from exc
    raise AssertionError("unreachable")


def _cause(port: int, error: OSError) -> str:
    """Describe the likely cause."""
    if error.errno == errno.EADDRINUSE:
        holders = "Jupyter, or another sandbox" if port == 8888 else "another sandbox"
        return f"Another program uses this port, perhaps {holders}. "
    return "Ports below 1024 need special permissions. " if error.errno == errno.EACCES else ""


def _bind(port: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        for family, address in LOOPBACK:
            try:
                # asyncio turns off Nagle's delay (40 ms per request) only for the protocol TCP.
                bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            except OSError as exc:
                if family == socket.AF_INET6 and exc.errno in IPV6_IS_OFF:
                    continue
                raise
            sockets.append(bound)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                bound.bind((address, port))
            except OSError as exc:
                if family == socket.AF_INET6 and exc.errno in IPV6_IS_OFF:
                    sockets.pop().close()
                    continue
                raise
            port = bound.getsockname()[1]
    except OSError:
        for opened in sockets:
            opened.close()
        raise
    return sockets


class _Server(uvicorn.Server):
    """Tells when it is ready, ends at once on request, and leaves no connection open."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """End `main_loop`; called by another thread."""
        self.should_exit = True
        if self._loop:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._stopped.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        ticks = 0
        while not await self.on_tick(ticks):
            ticks = (ticks + 1) % TICKS_A_DAY
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), TICK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests finish for a while, then close what is open, and wait until it is closed.

        uvicorn leaves open what does not finish in time.
        """
        for server in self.servers:
            server.close()
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        over = time.monotonic() + STOP_SECONDS
        while (state.connections or state.tasks) and time.monotonic() < over:
            await asyncio.sleep(PAUSE_SECONDS)
        for task in list(state.tasks):
            task.cancel()
        while state.connections:
            for connection in list(state.connections):
                connection.transport.abort()
            await asyncio.sleep(PAUSE_SECONDS)


class Server:
    """Serves one application until stopped."""

    def __init__(self, app: ASGIApp, sockets: list[socket.socket]) -> None:
        self._sockets = sockets
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            # The application logs bugs itself, and a request that `stop` interrupts needs no log
            # line.
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._run, name="astro-sandbox", daemon=True)

    def start(self) -> None:
        """Return when requests are answered."""
        self._thread.start()
        self._server.ready.wait()

    def stop(self) -> None:
        """Let requests finish for a second, interrupt the others, and end the thread."""
        self._server.stop()
        self._thread.join()

    @property
    def is_stopping(self) -> bool:
        """Whether the server is about to end, so that endless responses have to end now."""
        return self._server.should_exit

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait for the end of the server; return False when the time is up first."""
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def drop_connection(self, scope: Scope) -> None:
        """Close the connection of a request without a response."""
        for connection in list(self._server.server_state.connections):
            if isinstance(connection, H11Protocol) and connection.client == scope["client"]:
                connection.transport.abort()

    def _run(self) -> None:
        try:
            self._server.run(sockets=self._sockets)
        finally:
            self._server.ready.set()
            for bound in self._sockets:
                bound.close()
