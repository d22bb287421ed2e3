"""A relay in front of the sandbox's API: what passes is kept, and tests may meddle with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, NamedTuple, Self

import requests

Json = dict[str, Any]


class Exchange(NamedTuple):
    """A request, as it was sent, and the answer of the sandbox."""

    method: str
    path: str
    sent: Json | None
    answer: requests.Response


class Relay:
    """Passes requests on, one after the other.

    `before` is called with each request's method; `edit` turns the document of an answer into the
    one that the client gets.
    """

    def __init__(self, url: str) -> None:
        self.exchanges: list[Exchange] = []
        self.before: Callable[[str], None] = lambda method: None
        self.edit: Callable[[str, Json], Json] = lambda method, document: document
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(url))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def posts(self) -> list[Json]:
        """The bodies of all updates."""
        return [one.sent or {} for one in self.exchanges if one.method == "POST"]

    def __enter__(self) -> Self:
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self, url: str) -> type[BaseHTTPRequestHandler]:
        relay = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                relay.before(self.command)
                answer = requests.request(
                    self.command,
                    url + self.path,
                    data=body,
                    headers={
                        k: v for k, v in self.headers.items() if k.lower() != "accept-encoding"
                    },
                    timeout=30,
                )
                sent = json.loads(body) if body else None
                relay.exchanges.append(Exchange(self.command, self.path, sent, answer))
                content = answer.content
                if answer.ok:
                    content = json.dumps(relay.edit(self.command, answer.json())).encode()
                self.send_response(answer.status_code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler
