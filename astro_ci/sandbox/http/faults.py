"""Faults on demand, for tests: responses that fail, hang, break off or lack a header."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from threading import Lock

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOK_SECONDS = 0.01
"""The interval at which a waiting request checks again."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """A fault for the requests that it matches; `hits` counts these requests."""

    method: str
    path: re.Pattern[str]
    status: int | None
    html: bool
    headers: Mapping[str, str]
    hang_seconds: float
    until: Callable[[], bool]
    drop: bool
    strip: frozenset[str]
    after: bool
    twice: bool
    times: int | None
    hits: int = field(default=0)

    def matches(self, method: str, path: str) -> bool:
        """Whether the fault applies to this request."""
        spent = self.times is not None and self.hits >= self.times
        return not spent and self.method in ("*", method) and bool(self.path.search(path))

    @property
    def lets_through(self) -> bool:
        """Whether the client gets the real response, late or without some headers."""
        return bool(self.strip) or self.twice or (self.status is None and not self.drop)

    def response(self) -> Response:
        """Make the response that replaces the real response."""
        status = self.status or 500
        if self.html:
            page = f"<html><body><h1>{status} from a gateway</h1></body></html>"
            return HTMLResponse(page, status, dict(self.headers))
        body = {"message": "A fault on demand", "requestId": "fault", "statusCode": status}
        return JSONResponse(body, status, dict(self.headers))


class Faults:
    """The faults for requests to come; the first fault that matches a request applies."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: list[Fault] = []

    def add(
        self,
        method: str,
        path: str,
        *,
        status: int | None = 500,
        html: bool = False,
        headers: Mapping[str, str] | None = None,
        hang_seconds: float = 0.0,
        until: Callable[[], bool] = lambda: True,
        drop: bool = False,
        strip: Collection[str] = (),
        after: bool = False,
        twice: bool = False,
        times: int | None = 1,
    ) -> Fault:
        """Add a fault for the next `times` requests (None: all) of a method (`*`: any) and path.

        `path` is a regular expression, searched for in the path without the query. By default the
        response is `status` with a body of schema Error, or an HTML page, plus `headers`; with a
        status of None, the server handles the request as usual. `hang_seconds` is a delay before
        everything else, which lasts on while `until` returns False. `drop` closes the connection
        without a response. With `after`, the server handles the request before the fault. `strip`
        removes these headers from the real response. With `twice`, the server handles the request
        twice and returns the second response, as when a proxy repeats a request.
        """
        fault = Fault(
            method=method.upper(),
            path=re.compile(path),
            status=status,
            html=html,
            headers=headers or {},
            hang_seconds=hang_seconds,
            until=until,
            drop=drop,
            strip=frozenset(name.lower() for name in strip),
            after=after,
            twice=twice,
            times=times,
        )
        with self._lock:
            self._waiting.append(fault)
        return fault

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._waiting.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Find the fault for a request, and count the request."""
        with self._lock:
            for fault in self._waiting:
                if fault.matches(method, path):
                    fault.hits += 1
                    return fault
        return None


class FaultMiddleware:
    """Applies the faults; `drop_connection` closes the connection of a request's scope."""

    def __init__(
        self, app: ASGIApp, faults: Faults, drop_connection: Callable[[Scope], None]
    ) -> None:
        self._app = app
        self._faults = faults
        self._drop_connection = drop_connection

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._faults.take(scope["method"], scope["path"])
        if fault is None:
            await self._app(scope, receive, send)
            return
        await asyncio.sleep(fault.hang_seconds)
        while not fault.until():
            await asyncio.sleep(_LOOK_SECONDS)
        if fault.twice:
            receive = await _replayed(receive)
            await self._app(scope, receive, _nowhere)
        if fault.lets_through:
            await self._app(scope, receive, _without(fault.strip, send))
            return
        if fault.after:
            await self._app(scope, receive, _nowhere)
        if fault.drop:
            self._drop_connection(scope)
            await _until_disconnected(receive)
            return
        if not fault.after:
            await _read_all(receive)
        await fault.response()(scope, receive, send)


async def _read_all(receive: Receive) -> None:
    """Read the whole body, so that a client that is still sending can read the response."""
    while (await receive()).get("more_body"):
        pass


async def _replayed(receive: Receive) -> Receive:
    """Read the whole body, and return a function that gives it to the application."""
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    whole: Message = {"type": "http.request", "body": b"".join(parts), "more_body": False}

    async def again() -> Message:
        return whole

    return again


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _nowhere(_message: Message) -> None:
    """Discard a response."""


def _without(names: Collection[str], send: Send) -> Send:
    async def stripped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [h for h in message["headers"] if h[0].decode().lower() not in names]
            message = {**message, "headers": headers}
        await send(message)

    return stripped
