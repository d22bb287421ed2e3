"""Upload to the blob store: an Azure Blob SAS URL, which is a secret and never shown.

Small bundles are one Put Blob; larger ones are Put Block in parallel, then Put Block List.
The store never sees the Astro token. Source: learn.microsoft.com, Blob service REST API.
"""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlsplit

import requests

from astro_ci.astro.http import NoAuth
from astro_ci.astro.retry import (
    ATTEMPTS,
    WORTH_REPEATING,
    asked_wait,
    is_unavailable,
    repeating,
)
from astro_ci.errors import ApiError, UnavailableError

MIB = 1024 * 1024
SINGLE_PUT_LIMIT = 64 * MIB
BLOCK_SIZE = 8 * MIB
WORKERS = 4
API_VERSION = "2023-11-03"

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploader:
    """How to upload. The limits are arguments so that tests need no large files."""

    single_put_limit: int = SINGLE_PUT_LIMIT
    block_size: int = BLOCK_SIZE
    workers: int = WORKERS
    attempts: int = ATTEMPTS
    timeout_seconds: tuple[float, float] = (10.0, 120.0)
    sleep: Callable[[float], None] = time.sleep
    session: requests.Session = field(default_factory=requests.Session, repr=False)

    def upload(
        self,
        url: str,
        bundle: Path,
        *,
        md5: bytes,
        on_progress: OnProgress = lambda done, total: None,
    ) -> str:
        """Upload a bundle and return its version, the header `x-ms-version-id`.

        Raises ApiError when the store refuses or gives no version, UnavailableError when it
        cannot be reached. No message holds the URL.
        """
        size = bundle.stat().st_size
        progress = _Progress(size, on_progress)
        if size <= self.single_put_limit:
            response = self._put_blob(url, bundle, size, md5)
            progress.add(size)
        else:
            blocks = self._put_blocks(url, bundle, size, progress)
            response = self._put_block_list(url, blocks, md5)
        version = response.headers.get("x-ms-version-id", "")
        if not version:
            raise ApiError(
                "the blob store took the DAG bundle and gave no version for it "
                "(no x-ms-version-id), so the deploy cannot be finalized",
                hint="A proxy may have removed the header; if not, tell Astronomer's support.",
                status=response.status_code,
                request_id=response.headers.get("x-ms-request-id"),
            )
        return version

    def _put_blob(self, url: str, bundle: Path, size: int, md5: bytes) -> requests.Response:
        headers = {
            "x-ms-blob-type": "BlockBlob",
            "Content-Type": "application/gzip",
            "Content-MD5": _base64(md5),
        }

        def send() -> requests.Response:
            with bundle.open("rb") as file:
                return self._put(url, headers, _Slice(file, 0, size), "Put Blob")

        return self._repeat(send)

    def _put_blocks(self, url: str, bundle: Path, size: int, progress: _Progress) -> list[str]:
        offsets = range(0, size, self.block_size)
        ids = [_base64(f"{number:08d}".encode()) for number in range(len(offsets))]
        stop = threading.Event()

        def put(block_id: str, offset: int) -> None:
            if not stop.is_set():
                length = min(self.block_size, size - offset)
                self._put_block(url, block_id, bundle, offset, length)
                progress.add(length)

        with ThreadPoolExecutor(self.workers, thread_name_prefix="upload") as pool:
            try:
                futures = [pool.submit(put, *block) for block in zip(ids, offsets, strict=True)]
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
            finally:
                # One lost block fails the upload: those that wait need not be sent.
                stop.set()
        return ids

    def _put_block(self, url: str, block_id: str, bundle: Path, offset: int, length: int) -> None:
        target = f"{url}{_joiner(url)}comp=block&blockid={quote(block_id, safe='')}"

        def send() -> requests.Response:
            with bundle.open("rb") as file:
                headers = {"Content-MD5": _base64(_md5(file, offset, length))}
                return self._put(target, headers, _Slice(file, offset, length), "Put Block")

        self._repeat(send)

    def _put_block_list(self, url: str, ids: list[str], md5: bytes) -> requests.Response:
        latest = "".join(f"<Latest>{block_id}</Latest>" for block_id in ids)
        body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{latest}</BlockList>'.encode()
        headers = {
            "Content-Type": "application/xml",
            "x-ms-blob-content-type": "application/gzip",
            "x-ms-blob-content-md5": _base64(md5),
        }
        target = f"{url}{_joiner(url)}comp=blocklist"
        return self._repeat(lambda: self._put(target, headers, body, "Put Block List"))

    def _put(
        self, url: str, headers: dict[str, str], body: bytes | _Slice, what: str
    ) -> requests.Response:
        problem = ""
        try:
            response = self.session.put(
                url,
                data=body,
                headers={"x-ms-version": API_VERSION, **headers},
                auth=NoAuth(),
                timeout=self.timeout_seconds,
                allow_redirects=False,
            )
        except requests.Timeout:
            problem = "it timed out"
        except requests.RequestException as error:
            problem = type(error).__name__
        if problem:
            # Outside the handler: the exception that requests raises holds the URL.
            raise UnavailableError(
                f"{what} to the blob store at {urlsplit(url).hostname} got no answer: {problem}",
                hint="Check that the job's network (proxy, firewall) lets it reach that host.",
            )
        if response.status_code not in (200, 201):
            raise _refusal(what, response)
        return response

    def _repeat(self, send: Callable[[], requests.Response]) -> requests.Response:
        """Repeat what is safe twice: a block or a blob that arrives again replaces itself."""
        retrying = repeating(is_unavailable, attempts=self.attempts, sleep=self.sleep)
        return retrying(send)


def _refusal(what: str, response: requests.Response) -> ApiError:
    status = response.status_code
    code = response.headers.get("x-ms-error-code", "")
    said = f"{status} {code}".strip()
    request_id = response.headers.get("x-ms-request-id")
    if status in WORTH_REPEATING:
        error = UnavailableError(
            f"{what} to the blob store answered {said}",
            hint="The blob store is busy or down; run the job again.",
            status=status,
            request_id=request_id,
        )
        error.retry_after_seconds = asked_wait(response.headers)
        return error
    hint = "Run the job again; if it happens again, tell Astronomer's support the request id."
    if status == 403:
        said += ": the upload URL of this deploy has expired or is not valid here"
        hint = "Run the job again, which asks for a new URL; check the clock and the proxy if not."
    return ApiError(
        f"{what} to the blob store was refused with {said}",
        hint=hint,
        status=status,
        request_id=request_id,
    )


class _Slice:
    """A part of a file as a request's body: its length is known, its bytes are read as sent."""

    def __init__(self, file: IO[bytes], offset: int, length: int) -> None:
        self._file = file
        self._left = length
        self.len = length  # where requests looks for the Content-Length
        file.seek(offset)

    def read(self, size: int = -1) -> bytes:
        """Read on, never past the end of the part."""
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._file.read(wanted)
        self._left -= len(data)
        return data

    def __iter__(self) -> _Slice:
        return self

    def __next__(self) -> bytes:
        if data := self.read(MIB // 4):
            return data
        raise StopIteration


class _Progress:
    def __init__(self, total: int, report: OnProgress) -> None:
        self._done = 0
        self._total = total
        self._report = report
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """Report so many more bytes. Called by several threads."""
        with self._lock:
            self._done += count
            self._report(self._done, self._total)


def _md5(file: IO[bytes], offset: int, length: int) -> bytes:
    digest = hashlib.md5(usedforsecurity=False)
    part = _Slice(file, offset, length)
    for data in part:
        digest.update(data)
    return digest.digest()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _joiner(url: str) -> str:
    return "&" if urlsplit(url).query else "?"
