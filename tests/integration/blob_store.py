"""A small blob store for tests: Azure's rules for writing one blob, and trouble on demand.

It keeps uncommitted and committed blocks apart, as Azure does, and refuses what Azure refuses.
Source: Put Blob, Put Block and Put Block List of the Azure Blob Storage REST API.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

SIGNATURE = "c2VjcmV0LXNpZ25hdHVyZQ=="
PATH = "/account/container/dags.tar.gz"


@dataclass(frozen=True)
class Seen:
    """A request that arrived."""

    what: str
    """Put Blob, Put Block or Put Block List."""
    headers: Mapping[str, str]
    target: str
    body: bytes


class Refusal(Exception):
    """An answer that is not 201."""

    def __init__(self, status: int, code: str = "", **headers: str) -> None:
        super().__init__(status, code)
        self.status = status
        self.code = code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.page = b""


Trouble = Callable[["Exchange"], None]


@dataclass
class Fault:
    """Trouble for the next `times` requests of a kind, after letting `skip` of them through."""

    what: str
    trouble: Trouble
    times: int
    skip: int


@dataclass
class BlobStore:
    """One versioned blob behind a signed URL of localhost."""

    versions: dict[str, bytes] = field(default_factory=dict)
    content_types: list[str] = field(default_factory=list)
    uncommitted: dict[bytes, bytes] = field(default_factory=dict)
    committed: dict[bytes, bytes] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    """Set at the end: what hangs may go on."""

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Exchange)
        self._server.daemon_threads = True
        self._server.store = self  # type: ignore[attr-defined]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        signature = SIGNATURE.replace("=", "%3D")
        return f"{self.origin}{PATH}?sv=2023-11-03&sp=rcw&sig={signature}"

    @property
    def newest(self) -> tuple[str, bytes]:
        return list(self.versions.items())[-1]

    def requests(self, what: str) -> list[Seen]:
        with self.lock:
            return [seen for seen in self.seen if seen.what == what]

    def trouble(self, what: str, trouble: Trouble, *, times: int = 1, skip: int = 0) -> None:
        self.faults.append(Fault(what, trouble, times, skip))

    def take_fault(self, what: str) -> Trouble | None:
        with self.lock:
            for fault in self.faults:
                if fault.what == what and fault.times and not fault.skip:
                    fault.times -= 1
                    return fault.trouble
                fault.skip -= bool(fault.what == what and fault.skip)
        return None

    def publish(self, content: bytes, content_type: str) -> str:
        version = f"2026-01-01T00:00:00.{next(self._numbers):07d}Z"
        self.versions[version] = content
        self.content_types.append(content_type)
        self.uncommitted.clear()
        return version


class Exchange(BaseHTTPRequestHandler):
    """One request and its answer."""

    protocol_version = "HTTP/1.1"
    body: bytes | None
    omit: frozenset[str]

    @property
    def store(self) -> BlobStore:
        found = self.server.store  # type: ignore[attr-defined]
        assert isinstance(found, BlobStore)
        return found

    @property
    def query(self) -> dict[str, str]:
        return {name: found[0] for name, found in parse_qs(urlsplit(self.path).query).items()}

    @property
    def what(self) -> str:
        kinds = {"block": "Put Block", "blocklist": "Put Block List"}
        return kinds.get(self.query.get("comp", ""), "Put Blob")

    def do_PUT(self) -> None:
        self.body, self.omit = None, frozenset()
        try:
            if trouble := self.store.take_fault(self.what):
                trouble(self)
            self.receive()
            with self.store.lock:
                headers = self.apply()
            self.answer(201, headers)
        except Refusal as refusal:
            self.receive()
            body = f"<?xml version='1.0'?><Error><Code>{refusal.code}</Code></Error>".encode()
            headers = {"x-ms-error-code": refusal.code} | refusal.headers
            self.answer(refusal.status, headers, body)
        except ConnectionAbortedError:
            self.close_connection = True

    def receive(self) -> bytes:
        """Take the body in, once."""
        if self.body is None:
            self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with self.store.lock:
                seen = Seen(self.what, dict(self.headers), self.path, self.body)
                self.store.seen.append(seen)
        return self.body

    def apply(self) -> dict[str, str]:
        """Do what is asked, or raise Refusal."""
        if "Authorization" in self.headers or "Cookie" in self.headers:
            raise Refusal(400, "InvalidAuthenticationInfo")
        if self.query.get("sig") != SIGNATURE or urlsplit(self.path).path != PATH:
            raise Refusal(403, "AuthenticationFailed")
        if "Content-Length" not in self.headers:
            raise Refusal(411, "MissingContentLengthHeader")
        if self.headers.get("x-ms-version", "") < "2019-12-12":
            raise Refusal(400, "MissingRequiredHeader")
        md5 = base64.b64encode(hashlib.md5(self.receive()).digest()).decode()  # noqa: S324
        if self.headers.get("Content-MD5", md5) != md5:
            raise Refusal(400, "Md5Mismatch")
        do = {"Put Blob": self.put_blob, "Put Block": self.put_block}.get(self.what, self.commit)
        return {"x-ms-request-id": "r-1"} | do()

    def put_blob(self) -> dict[str, str]:
        if self.headers.get("x-ms-blob-type") != "BlockBlob":
            raise Refusal(400, "MissingRequiredHeader")
        self.store.committed = {}
        kind = self.headers.get("Content-Type", "")
        return {"x-ms-version-id": self.store.publish(self.receive(), kind)}

    def put_block(self) -> dict[str, str]:
        try:
            block_id = base64.b64decode(self.query.get("blockid", ""), validate=True)
        except ValueError as error:
            raise Refusal(400, "InvalidQueryParameterValue") from error
        known = (*self.store.uncommitted, *self.store.committed)
        if not 0 < len(block_id) <= 64 or any(len(other) != len(block_id) for other in known):
            raise Refusal(400, "InvalidBlobOrBlock")
        self.store.uncommitted[block_id] = self.receive()
        return {}

    def commit(self) -> dict[str, str]:
        ids = [
            base64.b64decode(i) for i in re.findall(rb"<Latest>([^<]*)</Latest>", self.receive())
        ]
        known = self.store.committed | self.store.uncommitted
        if not ids or not all(block_id in known for block_id in ids):
            raise Refusal(400, "InvalidBlockList")
        self.store.committed = {block_id: known[block_id] for block_id in ids}
        content = b"".join(known[block_id] for block_id in ids)
        kind = self.headers.get("x-ms-blob-content-type", "")
        return {"x-ms-version-id": self.store.publish(content, kind)}

    def answer(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name not in self.omit:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def reset(self) -> None:
        """Break the connection off, with a TCP reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        raise ConnectionAbortedError

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


# --- kinds of trouble ---------------------------------------------------------------------------


def refuse(status: int, code: str = "", **headers: str) -> Trouble:
    """Take the body in, and answer with an error."""

    def trouble(_exchange: Exchange) -> None:
        raise Refusal(status, code, **headers)

    return trouble


def refuse_at_once(status: int, code: str) -> Trouble:
    """Answer with an error before the body has arrived, and close the connection."""

    def trouble(exchange: Exchange) -> None:
        exchange.answer(status, {"x-ms-error-code": code, "Connection": "close"})
        # As a server that means well does: leave the client the time to read the answer.
        exchange.connection.shutdown(socket.SHUT_WR)
        while exchange.connection.recv(1 << 16):
            pass
        raise ConnectionAbortedError

    return trouble


def page(status: int, **headers: str) -> Trouble:
    """Answer as a proxy would, with a page that repeats the whole URL."""

    def trouble(exchange: Exchange) -> None:
        exchange.receive()
        body = f"<html>{exchange.path} is blocked</html>".encode()
        exchange.answer(status, {"Content-Type": "text/html"} | headers, body)
        raise ConnectionAbortedError

    return trouble


def reset_midway(exchange: Exchange) -> None:
    """Break off after a part of the body."""
    exchange.rfile.read(100)
    exchange.reset()


def reset_after_work(exchange: Exchange) -> None:
    """Do what is asked, and break off instead of saying so."""
    exchange.receive()
    with exchange.store.lock:
        exchange.apply()
    exchange.reset()


def hang(exchange: Exchange) -> None:
    """Take the body in and never answer, as a half-open connection does."""
    exchange.receive()
    exchange.store.released.wait(60)
    raise ConnectionAbortedError


def stall(exchange: Exchange) -> None:
    """Take nothing in, and never answer."""
    exchange.store.released.wait(60)
    raise ConnectionAbortedError


def delay(exchange: Exchange) -> None:
    """Answer as ever, once the store is released."""
    exchange.receive()
    exchange.store.released.wait(60)


def damage(exchange: Exchange) -> None:
    """Let a byte of the body arrive wrong."""
    body = exchange.receive()
    exchange.body = bytes([body[0] ^ 1]) + body[1:]


def lose_header(name: str) -> Trouble:
    """Answer without a header."""

    def trouble(exchange: Exchange) -> None:
        exchange.omit = frozenset({name})

    return trouble


def meet(barrier: threading.Barrier) -> Trouble:
    """Wait for the other requests that are to be here at the same time."""

    def trouble(_exchange: Exchange) -> None:
        barrier.wait()

    return trouble


def discard_blocks(exchange: Exchange) -> None:
    """Let another upload to the same blob finish first."""
    exchange.store.uncommitted.clear()
