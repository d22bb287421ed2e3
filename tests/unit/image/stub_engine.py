"""A Docker Engine of a few answers, on a socket file: what no real one can be made to say."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

Answer = tuple[int, object]
"""A status, and what is sent as JSON."""


@dataclass
class StubEngine:
    """What the engine answers, by method and path without the version; what it was asked."""

    answers: dict[str, Answer]
    afterwards: dict[str, dict[str, Answer]] = field(default_factory=dict)
    """The answers that a request changes."""
    asked: list[str] = field(default_factory=list)
    held: dict[str, threading.Event] = field(default_factory=dict)
    """Requests that are answered once the event is set."""
    answered: list[str] = field(default_factory=list)
    """The requests, in the order of their answers."""
    headers: list[Mapping[str, str]] = field(default_factory=list)
    socket: Path = Path()

    @property
    def env(self) -> dict[str, str]:
        """What points at it."""
        return {"DOCKER_HOST": f"unix://{self.socket}", "HOME": str(self.socket.parent)}


@contextmanager
def serve(directory: Path, answers: Mapping[str, Answer] | None = None) -> Iterator[StubEngine]:
    """Serve on a socket file of that directory."""
    version = {"Version": "99", "ApiVersion": "1.45", "MinAPIVersion": "1.24"}
    engine = StubEngine({"GET /version": (200, version), **(answers or {})})
    engine.socket = directory / "engine"

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            pass

        def address_string(self) -> str:
            return "a socket file"

        def _do(self) -> None:
            path = self.path.partition("?")[0]
            if path.startswith("/v1."):
                path = "/" + path.split("/", 2)[2]
            engine.asked.append(f"{self.command} {self.path}")
            engine.headers.append(dict(self.headers))
            what = f"{self.command} {path}"
            if what in engine.held:
                engine.held[what].wait(60)
            engine.answered.append(what)
            status, body = engine.answers.get(what, (404, {"message": "no such image"}))
            engine.answers.update(engine.afterwards.get(what, {}))
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_DELETE = _do

    with socketserver.ThreadingUnixStreamServer(str(engine.socket), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield engine
        finally:
            server.shutdown()
            thread.join()
