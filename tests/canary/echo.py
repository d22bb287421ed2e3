"""A service that says no, and repeats whatever it was sent, in every way that it can."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote


@contextmanager
def echoing(status: int, kind: str) -> Iterator[str]:
    """Serve on loopback; `kind` of answer: json, text, html, registry, header alone."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def _do(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            login = self.headers.get("Authorization", "")
            token = login.rpartition(" ")[2]
            said = f"{login} {quote(token)} {base64.b64encode(token.encode()).decode()} {sent}"
            inner = json.dumps({"headers": {"authorization": login}})
            body = {
                "json": json.dumps({"message": f"{said} {inner}", "requestId": token}),
                "text": f"{'x' * (190 - len(login) % 50)} {said}",
                "html": f"<p>{said}</p>",
                "header": "{}",
                "registry": json.dumps({"errors": [{"code": "DENIED", "message": said}]}),
            }[kind].encode()
            asks = kind == "registry" and not login
            self.send_response(401 if asks else status, token)
            if asks:
                self.send_header("WWW-Authenticate", 'Basic realm="echo"')
            self.send_header("Content-Type", "text/html" if kind == "html" else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Request-Id", token)
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_HEAD = do_POST = do_PUT = _do

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
