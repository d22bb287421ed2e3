"""A registry with odd habits, for tests: tokens, redirects, and trouble on demand.

What a registry does when all is well is asked of Docker's own and of the sandbox's.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PASSWORD = "not-a-secret-of-anyone"
BASIC = "Basic " + base64.b64encode(f"cli:{PASSWORD}".encode()).decode()

Trouble = Callable[["Exchange"], bool]
"""Answers in the registry's place; False lets it answer itself."""


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class OddRegistry:
    """Blobs and manifests in memory. `asked` has every request: method, path, headers."""

    def __init__(self) -> None:
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.uploads: dict[str, bytearray] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.scopes: list[list[str]] = []
        self.login = "none"
        """none, basic or bearer."""
        self.realm = ""
        self.tokens: set[str] = set()
        self.refused_scopes: set[str] = set()
        self.store_url = ""
        """Where blobs are redirected to."""
        self.troubles: list[tuple[re.Pattern[str], Trouble]] = []
        self.numbers = itertools.count(1)

    def trouble(self, what: str, trouble: Trouble, *, times: int = 1) -> None:
        """Trouble the next requests whose method and path match."""
        self.troubles += [(re.compile(what), trouble)] * times

    def requests(self, method: str, path: str = "") -> list[str]:
        return [p for m, p, _ in self.asked if m == method and path in p]

    @contextmanager
    def running(self) -> Iterator[str]:
        handler = type("Handler", (Exchange,), {"registry": self})
        server = _Server(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            self.host = f"127.0.0.1:{server.server_port}"
            self.realm = self.realm or f"http://{self.host}/token"
            yield self.host
        finally:
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away, which is what some tests have them do."""


class Exchange(BaseHTTPRequestHandler):
    """One request and its answer."""

    registry: OddRegistry
    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: bytes = b"", **headers: str) -> bool:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        return True

    def refuse(self, status: int, code: str = "DENIED", **headers: str) -> bool:
        body = json.dumps({"errors": [{"code": code, "message": f"it is {code}"}]}).encode()
        return self.answer(status, body, Content_Type="application/json", **headers)

    def drop(self) -> bool:
        """End the connection with a reset, as a machine that dies does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
        return True

    def read_body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def handle_request(self) -> None:
        registry = self.registry
        registry.asked.append((self.command, self.path, dict(self.headers.items())))
        for number, (pattern, trouble) in enumerate(registry.troubles):
            if pattern.search(f"{self.command} {self.path}"):
                del registry.troubles[number]
                if trouble(self):
                    return
                break
        parts = urlsplit(self.path)
        self.query = {name: value[0] for name, value in parse_qs(parts.query).items()}
        if parts.path == "/token":
            self.give_token()
        elif parts.path.startswith("/store/"):
            self.answer(200, registry.blobs[("", parts.path.removeprefix("/store/"))])
        elif self.is_allowed(parts.path):
            self.serve(parts.path)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = handle_request

    def give_token(self) -> None:
        scopes = parse_qs(urlsplit(self.path).query).get("scope", [])
        self.registry.scopes.append(scopes)
        if self.command == "POST":
            form = parse_qs(self.read_body().decode())
            is_known = form["refresh_token"] == [PASSWORD]
        else:
            is_known = self.headers.get("Authorization") == BASIC
        if not is_known or self.registry.refused_scopes & set(scopes):
            self.refuse(401, "UNAUTHORIZED")
            return
        token = f"token-{next(self.registry.numbers)}"
        self.registry.tokens.add(token)
        self.answer(200, json.dumps({"token": token, "expires_in": 300}).encode())

    def is_allowed(self, path: str) -> bool:
        login, given = self.registry.login, self.headers.get("Authorization", "")
        if login == "none" or (login == "basic" and given == BASIC):
            return True
        if login == "bearer" and given.removeprefix("Bearer ") in self.registry.tokens:
            return True
        realm = self.registry.realm
        wanted = 'Basic realm="odd"'
        if login == "bearer":
            wanted = f'Bearer realm="{realm}",service="odd",scope="repository:x:pull"'
        self.read_body()
        self.refuse(401, "UNAUTHORIZED", WWW_Authenticate=wanted)
        return False

    def serve(self, path: str) -> None:
        body = self.read_body()
        if path == "/v2/":
            self.answer(200, b"{}")
        elif found := re.fullmatch(r"/v2/(.+)/blobs/uploads/(.*)", path):
            self.serve_upload(found[1], found[2], body)
        elif found := re.fullmatch(r"/v2/(.+)/blobs/(.+)", path):
            self.serve_blob(found[1], found[2])
        elif found := re.fullmatch(r"/v2/(.+)/manifests/(.+)", path):
            self.serve_manifest(found[1], found[2], body)
        else:
            self.refuse(404, "NAME_UNKNOWN")

    def serve_blob(self, name: str, digest: str) -> None:
        blob = self.registry.blobs.get((name, digest))
        if blob is None:
            self.refuse(404, "BLOB_UNKNOWN")
        elif self.registry.store_url:
            self.answer(307, Location=f"{self.registry.store_url}/store/{digest}?sig=signature")
        else:
            self.answer(200, blob)

    def serve_manifest(self, name: str, reference: str, body: bytes) -> None:
        manifests = self.registry.manifests
        if self.command == "PUT":
            kind = self.headers["Content-Type"]
            manifests[name, reference] = manifests[name, sha256(body)] = (kind, body)
            self.answer(201, Docker_Content_Digest=sha256(body))
        elif (name, reference) not in manifests:
            self.refuse(404, "MANIFEST_UNKNOWN")
        else:
            kind, raw = manifests[name, reference]
            self.answer(200, raw, Content_Type=kind, Docker_Content_Digest=sha256(raw))

    def serve_upload(self, name: str, upload: str, body: bytes) -> None:
        uploads, blobs = self.registry.uploads, self.registry.blobs
        if self.command == "POST":
            mounted = self.query.get("mount", "")
            if (self.query.get("from", ""), mounted) in blobs:
                blobs[name, mounted] = blobs[self.query["from"], mounted]
                self.answer(201, Docker_Content_Digest=mounted)
                return
            upload = str(next(self.registry.numbers))
            uploads[upload] = bytearray()
        elif upload not in uploads:
            self.refuse(404, "BLOB_UPLOAD_UNKNOWN")
            return
        uploads[upload] += body
        here: dict[str, Any] = {
            "Location": f"/v2/{name}/blobs/uploads/{upload}",
            "Range": f"0-{max(len(uploads[upload]) - 1, 0)}",
        }
        if self.command == "PUT":
            whole = bytes(uploads.pop(upload))
            if sha256(whole) != self.query["digest"]:
                self.refuse(400, "DIGEST_INVALID")
                return
            blobs[name, self.query["digest"]] = whole
            self.answer(201, Docker_Content_Digest=self.query["digest"])
        else:
            self.answer(204 if self.command == "GET" else 202, **here)

    def log_message(self, format: str, *args: object) -> None:
        pass
