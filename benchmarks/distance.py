"""A proxy that makes a server on this machine seem far away."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from types import TracebackType


class Distance:
    """Listens on a port of its own; what is sent there, and the answer, take half a trip each.

    Opening a connection takes a round trip as well: what the client sends before that is over
    waits. The kernel answers the client's `connect` at once, so a client that opens a connection
    ahead of its first request gains what it would gain with a server that is far away.
    """

    def __init__(self, round_trip_seconds: float) -> None:
        self._round_trip = round_trip_seconds
        self._target = 0
        self._loop = asyncio.new_event_loop()
        self._port: Future[int] = Future()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Distance:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._port.result()}"

    def lead_to(self, port: int) -> None:
        """Name the port of this machine that all is passed on to."""
        self._target = port

    def _serve(self) -> None:
        server = self._loop.run_until_complete(asyncio.start_server(self._pass_on, "127.0.0.1", 0))
        self._port.set_result(server.sockets[0].getsockname()[1])
        self._loop.run_forever()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_at = self._loop.time() + self._round_trip
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
        await asyncio.gather(
            self._pour(reader, to_server, open_at), self._pour(from_server, writer, open_at)
        )

    async def _pour(
        self, source: asyncio.StreamReader, drain: asyncio.StreamWriter, open_at: float
    ) -> None:
        """Pass on what comes, each piece half a round trip after it came."""
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def take() -> None:
            data = b"-"
            while data:
                try:
                    data = await source.read(1 << 16)
                except ConnectionError:
                    data = b""
                due = max(self._loop.time(), open_at) + self._round_trip / 2
                pieces.put_nowait((due, data))

        taking = asyncio.create_task(take())
        while True:
            due, data = await pieces.get()
            await asyncio.sleep(due - self._loop.time())
            if not data:
                break
            drain.write(data)
        await taking
        drain.close()
