"""Remember the answered requests."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from astro_ci.text import printable, shorten

log = logging.getLogger(__name__)

REMEMBERED_REQUESTS = 10_000
MAX_CLIENT = 60


@dataclass(frozen=True, slots=True)
class RequestLine:
    """An answered request, without the query, because the query of an upload URL is a secret."""

    method: str
    path: str
    status: int
    """0 when the connection was closed without a response."""
    at: float = 0.0
    """The time of the response, in seconds."""
    client: str = ""
    """The name in the client's User-Agent header."""
    deploy_id: str = ""
    """The deploy that the request is about; empty when path and response name no deploy."""


class RequestLog:
    """Remembers each request and logs it at DEBUG, except for paths that `is_ours` accepts."""

    def __init__(
        self,
        app: ASGIApp,
        requests: deque[RequestLine],
        now: Callable[[], float],
        is_ours: Callable[[str], bool],
    ) -> None:
        self._app = app
        self._requests = requests
        self._now = now
        self._is_ours = is_ours

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._is_ours(scope["path"]):
            await self._app(scope, receive, send)
            return
        remembered = False

        def remember(status: int) -> None:
            nonlocal remembered
            remembered = True
            line = _line(scope, status, self._now())
            self._requests.append(line)
            log.debug("%s %s %s", line.method, printable(line.path), line.status)

        async def watch(message: Message) -> None:
            # Before the response is sent, so that a client with a response finds its request here.
            if message["type"] == "http.response.start":
                remember(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            if not remembered:
                remember(0)


def _line(scope: Scope, status: int, now: float) -> RequestLine:
    headers = Headers(scope=scope)
    client = headers.get("user-agent", "")
    created = scope.get("state", {}).get("deploy_id", "")
    return RequestLine(
        method=scope["method"],
        path=scope["path"],
        status=status,
        at=now,
        client=shorten(client, MAX_CLIENT),
        deploy_id=created or scope.get("path_params", {}).get("deploy_id", ""),
    )
